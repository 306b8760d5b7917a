"""Captures until its standard input closes: raw sound to a file, one JSON line per happening."""

from __future__ import annotations

import json
import select
import sys
import time
from pathlib import Path

import msgspec

from turnlight.audio import PortAudioSource, SourceStalled
from turnlight.config import AudioSettings
from turnlight.recording import InputError


def main(raw_path: Path, settings: AudioSettings) -> None:
    def say(event: str, **more: object) -> None:
        print(json.dumps({"event": event} | more), flush=True)

    def asked_to_stop() -> bool:
        return bool(select.select([sys.stdin], [], [], 0)[0])

    refused = ""
    with raw_path.open("wb", buffering=0) as raw:
        while not asked_to_stop():
            try:
                source = PortAudioSource(settings)
            except InputError as error:
                if not refused:
                    refused = str(error)
                    say("refused", why=refused)
                time.sleep(0.1)
                continue
            say("open", device=source.device)
            refused = ""
            try:
                while not asked_to_stop():
                    raw.write(source.read().tobytes())
                say("stopped", overruns=source.overruns)
            except SourceStalled as stall:
                say("stalled", why=str(stall))
            finally:
                source.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=AudioSettings))

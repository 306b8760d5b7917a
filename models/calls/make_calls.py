"""Makes the demo calls: two-channel audio, and beside each the exact truth as JSON.

Dialogues come from dialogues.toml, voices from Kokoro, everything around them from this folder.
The same inputs give the same files.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from agreement import require_agreement
from desk import (
    LINE_NOISE_DBFS,
    RATE_HZ,
    Signal,
    babble,
    bleed,
    db,
    line_noise,
    room_tone,
    sidetone,
    telephone,
    typing,
)
from dialogues import Babble, Call, DialogueError, Line, load
from kokoro import VoiceError
from music import hold_music
from opus import check, write
from timeline import Timeline, meant_events, place, speak
from truth import Event, Span, measures, speech_mask
from voices import Voices, at_rate

HERE = Path(__file__).resolve().parent
DIALOGUES = HERE / "dialogues.toml"
OUT = HERE.parent.parent / "edge" / "turnlight" / "calls"
CACHE = Path.home() / ".cache" / "turnlight-calls"
EXAMPLE = """example:
  npm pack kokoro-js@1.2.1 && tar xzf kokoro-js-1.2.1.tgz
  python models/calls/make_calls.py --voices package/voices --only calm
"""
MUSIC_BELOW_CUSTOMER_DB = -3.0
EVENT_KINDS = ("interruption", "early_start", "backchannel")


@dataclass(frozen=True)
class Made:
    """One row of the table at the end."""

    name: str
    duration_s: float
    talk_share: float
    events: list[Event]
    size_bytes: int
    leak_db: float


def mix(call: Call, timeline: Timeline, colleagues: list[Signal]) -> tuple[Signal, dict[str, Any]]:
    """The two channels of the headset, and the levels that were used."""
    rng = np.random.default_rng(call.seed)
    desk = call.desk
    count = round(timeline.duration_s * RATE_HZ)
    far = timeline.voice("customer")
    for start_s, end_s in timeline.hold:
        music = hold_music(end_s - start_s, rng)
        at = round(start_s * RATE_HZ)
        far[at : at + len(music)] += music * db(call.customer.level_dbfs + MUSIC_BELOW_CUSTOMER_DB)
    heard, lost_pct = telephone(far, desk.packet_loss_pct, rng)
    noise_dbfs = LINE_NOISE_DBFS
    if desk.line_snr_db is not None:
        noise_dbfs = call.customer.level_dbfs - desk.line_snr_db
    heard = heard + line_noise(count, noise_dbfs, desk.line_snr_db is not None, rng)

    near = timeline.voice("agent") + room_tone(count, desk.room_dbfs, rng)
    spans = [(round(a * RATE_HZ), round(b * RATE_HZ)) for a, b in timeline.typing]
    near = near + typing(count, spans, rng)
    if desk.babble_db is not None:
        near = near + babble(colleagues, count, rng) * db(call.agent.level_dbfs + desk.babble_db)

    microphone = near + bleed(heard, desk.bleed_db, desk.bleed_delay_ms)
    earpiece = heard + sidetone(near, desk.sidetone_db)
    levels = {
        "agent_dbfs": call.agent.level_dbfs,
        "customer_dbfs": call.customer.level_dbfs,
        "bleed_db": desk.bleed_db,
        "bleed_delay_ms": desk.bleed_delay_ms,
        "sidetone_db": desk.sidetone_db,
        "room_dbfs": desk.room_dbfs,
        "line_noise_dbfs": noise_dbfs,
        "line_snr_db": desk.line_snr_db,
        "babble_db": desk.babble_db,
        "packet_loss_pct": round(lost_pct, 1),
    }
    return np.stack([microphone, earpiece], axis=1), levels


def strain(timeline: Timeline) -> list[dict[str, Any]]:
    """The whole call in stretches of calm and high customer strain."""
    high = [p for p in timeline.placed if p.line.strain == "high"]
    if not high:
        return [{"start_s": 0.0, "end_s": timeline.duration_s, "level": "calm"}]
    edges = (0.0, high[0].start_s, high[-1].end_s, timeline.duration_s)
    return [
        {"start_s": start_s, "end_s": end_s, "level": level}
        for start_s, end_s, level in zip(
            edges[:-1], edges[1:], ("calm", "high", "calm"), strict=True
        )
    ]


def truth_of(
    call: Call, timeline: Timeline, meant: list[Event], levels: dict[str, Any]
) -> dict[str, Any]:
    """The document that goes beside the audio."""
    segments = [
        {
            "party": span.party,
            "start_s": span.start_s,
            "end_s": span.end_s,
            "text": placed.line.heard if number == 0 else "",
            "kind": placed.line.kind,
        }
        for placed in timeline.placed
        for number, span in enumerate(placed.spans)
    ]
    return {
        "schema": 1,
        "name": call.name,
        "title": call.title,
        "story": call.story,
        "voices": {"agent": call.agent.voice, "customer": call.customer.voice},
        "language": "en",
        "rate": RATE_HZ,
        "duration_s": timeline.duration_s,
        "levels": levels,
        "segments": sorted(segments, key=lambda segment: segment["start_s"]),
        "events": [asdict(event) for event in meant],
        "hold": [{"start_s": round(a, 3), "end_s": round(b, 3)} for a, b in timeline.hold],
        "strain": strain(timeline),
        "metrics": measures(timeline.spans, timeline.duration_s),
    }


def alone(spans: list[Span], party: str, count: int) -> np.ndarray:
    """Samples in which only one party speaks."""
    masks = {
        side: speech_mask(count, [(s.start_s, s.end_s) for s in spans if s.party == side])
        for side in ("agent", "customer")
    }
    other = "customer" if party == "agent" else "agent"
    return np.asarray(masks[party] & ~masks[other])


def make(call: Call, voices: Voices, background: Babble, out: Path) -> Made:
    """Speak, place, mix, write and check one call."""
    spoken = {}
    for index, item in enumerate(call.items):
        if isinstance(item, Line):
            print(f"\r{call.name}: line {index + 1} of {len(call.items)}", end="", file=sys.stderr)
            spoken[index] = speak(call, item, voices)
    print(file=sys.stderr)
    timeline = place(call, spoken)
    meant = meant_events(timeline)
    require_agreement(call.name, timeline.spans, meant)
    colleagues: list[Signal] = []
    if call.desk.babble_db is not None:
        colleagues = background_voices(voices, background)
    audio, levels = mix(call, timeline, colleagues)
    document = truth_of(call, timeline, meant, levels)

    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{call.name}.opus"
    write(path, audio)
    count = len(audio)
    result = check(
        path,
        audio,
        alone(timeline.spans, "agent", count),
        alone(timeline.spans, "customer", count),
    )
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    path.with_suffix(".json").write_text(text, encoding="utf-8")
    return Made(
        call.name,
        timeline.duration_s,
        document["metrics"]["talk_share"],
        meant,
        path.stat().st_size,
        result.leak_db,
    )


def background_voices(voices: Voices, background: Babble) -> list[Signal]:
    """The colleagues of a noisy office."""
    pairs = zip(background.voices, background.texts, strict=True)
    return [at_rate(voices.say(text, voice, 1.0)) for voice, text in pairs]


def print_table(made: list[Made]) -> None:
    """What came out, one row a call."""
    heads = ("call", "length", "share", *EVENT_KINDS, "size", "leak")
    rows = [
        (
            row.name,
            f"{row.duration_s:.1f} s",
            f"{row.talk_share:.2f}",
            *(str(sum(event.kind == kind for event in row.events)) for kind in EVENT_KINDS),
            f"{row.size_bytes / 1024:.0f} KiB",
            f"{row.leak_db:.0f} dB",
        )
        for row in made
    ]
    for cells in (heads, *rows):
        print(cells[0].ljust(16), *(cell.rjust(12) for cell in cells[1:]))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--voices", type=Path, required=True, help="folder of Kokoro voice files (*.bin)"
    )
    parser.add_argument("--only", metavar="NAME", help="make this call only")
    parser.add_argument(
        "--out", type=Path, default=OUT, help="where the calls go (default: %(default)s)"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=CACHE,
        help="spoken lines are kept here (default: %(default)s)",
    )
    arguments = parser.parse_args()
    try:
        calls, background = load(DIALOGUES)
        names = [call.name for call in calls]
        if arguments.only is not None and arguments.only not in names:
            parser.error(f"--only {arguments.only}: no such call; there are {', '.join(names)}")
        voices = Voices(arguments.voices, arguments.cache)
        made = [
            make(call, voices, background, arguments.out)
            for call in calls
            if arguments.only in (None, call.name)
        ]
    except (DialogueError, VoiceError, soundfile.SoundFileError, ValueError, OSError) as error:
        print(f"\nmake_calls: {error}", file=sys.stderr)
        return 1
    print_table(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())

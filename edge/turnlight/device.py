"""The process of a desk: everything that `turnlight run` joins, ended in good order.

`turnlight run` becomes `python -m turnlight.device FILE`, so that the parser of the command line
takes no memory all day.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from turnlight import config as settings
from turnlight.audio import open_source
from turnlight.config import Config
from turnlight.doorway import REFUSED, DoorError, Doorway
from turnlight.exits import Problem, ended
from turnlight.lamps import LampError, LampThread, lamp_for
from turnlight.live import Desk, now_ms
from turnlight.now import NOW, table
from turnlight.outbox import OutboxError
from turnlight.recording import InputError
from turnlight.rights import Refused, Rights, against_coaching
from turnlight.shift import ShiftError
from turnlight.strain_model import ModelError

if TYPE_CHECKING:
    from turnlight.button import AgentButton

_LOG = logging.getLogger(__name__)


def _open_door(config: Config, rights: Rights, desk: Desk) -> Doorway | None:
    def answer(line: str) -> str:
        if line == NOW:
            return msgspec.json.encode(desk.now()).decode()
        try:
            return rights.ask(line, now_ms())
        except Refused as error:
            return f"{REFUSED}{error}"

    try:
        return Doorway(config.desk.door, answer, private={NOW})
    except DoorError as error:
        _LOG.warning("%s; until then the agent cannot dim, mute or pause this desk", error)
        return None


def _open_button(config: Config, rights: Rights) -> AgentButton | None:
    if config.lamp.gpio_button < 0:
        return None
    try:
        from turnlight.button import AgentButton  # needs a package that other desks lack

        return AgentButton(config.lamp.gpio_button, rights)
    except LampError as error:
        _LOG.warning("%s; until then the agent has no button", error)
        return None


def run(config: Config) -> None:
    """Run one desk until SIGTERM, SIGINT, SIGHUP or the end of its recording.

    Raises:
        LampError: the lamp's kind needs a package that is not installed.
        OSError: the light has failed for good.
        InputError: the sound input or the recording cannot be used.
        ModelError: strain is to be measured and its model cannot be used.
        ShiftError, OutboxError: the desk's state directory cannot be used.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: stopping.set())
    with ExitStack() as stack:
        source = open_source(config.audio)
        rights = Rights(against_coaching(config))
        lamp = lamp_for(config.lamp, rights, lambda: table(desk.now()))
        desk = Desk(config, lamp, rights, stopping)
        stack.callback(desk.close)
        # a desk without its light is of no use; whoever started it may try again
        thread = LampThread(lamp, failed=stopping.set)
        thread.start()
        stack.callback(thread.stop)
        if door := _open_door(config, rights, desk):
            stack.callback(door.close)
        if button := _open_button(config, rights):
            stack.callback(button.close)
        desk.run(source)
        if thread.failure:
            raise thread.failure


def main() -> None:
    """Run the desk whose settings the command line names, or one with the defaults."""

    def work() -> None:
        try:
            run(settings.load(Path(sys.argv[1])) if sys.argv[1:] else Config())
        except (InputError, ModelError, OutboxError, ShiftError) as error:
            raise Problem(str(error)) from None

    sys.exit(ended(work))


if __name__ == "__main__":
    main()

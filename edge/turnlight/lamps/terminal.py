"""The lamp as one living line of the terminal, and under it how the call goes."""

from __future__ import annotations

from collections.abc import Callable

from rich.color import Color
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.style import Style
from rich.text import Text

from turnlight import wording
from turnlight.cues import CueShown
from turnlight.lamps.effects import Rgb, colour

_CUE_WIDTH = max(map(len, wording.CUES.values()))
_DARK: Rgb = (0, 0, 0)


def lamp_line(shown: CueShown, rgb: Rgb, label: str = "") -> Text:
    """One lamp in one line: the light as a coloured dot, the cue in words, and why.

    Args:
        shown: the cue.
        rgb: its light at this moment.
        label: whose lamp it is.
    """
    lit = rgb != _DARK
    line = Text(no_wrap=True, overflow="ellipsis")
    if label:
        line.append(f"{label}  ")
    line.append("●" if lit else "○", Style(color=Color.from_rgb(*rgb)) if lit else "dim")
    line.append(f" {wording.cue(shown.cue):<{_CUE_WIDTH}}", "bold")
    line.append(f"  {shown.reason}", "dim")
    return line


class TerminalLamp:
    """A lamp on the terminal; where the output is none, one line per cue.

    Args:
        brightness: 0..1.
        console: where to draw.
        under: asked once a second for what to draw below the lamp.
    """

    def __init__(
        self,
        brightness: float = 1.0,
        console: Console | None = None,
        under: Callable[[], RenderableType] | None = None,
    ) -> None:
        self._brightness = self._full = brightness
        self._console = console or Console()
        self._live = Live(console=self._console, auto_refresh=False)
        self._shown: CueShown | None = None
        self._since_ms: int | None = None
        self._drawn: tuple[CueShown, Rgb, int] | None = None
        self._under = under
        self._below: RenderableType = ""
        self._asked: int | None = None

    def show(self, cue: CueShown) -> None:
        """Show this cue from the next tick on."""
        self._shown = cue
        self._since_ms = None
        if not self._console.is_terminal:
            line = lamp_line(cue, colour(cue.cue, 0, self._brightness))
            self._console.print(line, soft_wrap=True)

    def tick(self, now_ms: int) -> None:
        """Draw, when the light has changed."""
        if self._shown is None or not self._console.is_terminal:
            return
        if self._since_ms is None:
            self._since_ms = now_ms
        rgb = colour(self._shown.cue, now_ms - self._since_ms, self._brightness)
        second = now_ms // 1000 if self._under else 0
        if (self._shown, rgb, second) != self._drawn:
            if self._under and second != self._asked:
                self._asked, self._below = second, self._under()
            self._drawn = (self._shown, rgb, second)
            if not self._live.is_started:
                self._live.start()
            line = lamp_line(self._shown, rgb)
            self._live.update(Group(line, self._below) if self._under else line, refresh=True)

    def dim(self, part: float) -> None:
        """Give this part of the brightness from the next tick on."""
        self._brightness = self._full * part

    def close(self) -> None:
        """Leave the last line standing."""
        if self._live.is_started:
            self._live.stop()

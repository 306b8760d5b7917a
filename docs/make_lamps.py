"""Draws docs/lamps.svg from the effect engine: each cue's light over its first 12 s."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from turnlight import wording
from turnlight.cues import Cue
from turnlight.lamps.effects import colour

SECONDS = 12
STEP_MS = 50
LEFT, TOP, LANE, HEIGHT, SECOND = 128, 34, 34, 22, 46
WIDTH = LEFT + SECONDS * SECOND + 20


def strip(cue: Cue, top: int) -> list[str]:
    """One cue: its name and the colours of its light, equal neighbours drawn as one."""
    name = f'<text x="{LEFT - 12}" y="{top + 15}" text-anchor="end">{wording.cue(cue)}</text>'
    runs: list[tuple[int, tuple[int, int, int]]] = []
    for at_ms in range(0, SECONDS * 1000, STEP_MS):
        rgb = colour(cue, at_ms)
        if not runs or runs[-1][1] != rgb:
            runs.append((at_ms, rgb))
    ends = [at_ms for at_ms, _ in runs[1:]] + [SECONDS * 1000]
    return [name] + [
        f'<rect x="{LEFT + at_ms * SECOND / 1000:g}" y="{top}" '
        f'width="{(end - at_ms) * SECOND / 1000:g}" height="{HEIGHT}" '
        f'fill="#{red:02x}{green:02x}{blue:02x}"/>'
        for (at_ms, (red, green, blue)), end in zip(runs, ends, strict=True)
    ]


def picture() -> str:
    """The whole picture as SVG."""
    cues: tuple[Cue, ...] = get_args(Cue)
    height = TOP + len(cues) * LANE + 8
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#ddd" '
        'shape-rendering="crispEdges">',
        "<title>The light of each cue over its first 12 seconds</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#16181d"/>',
    ]
    for second in range(0, SECONDS + 1, 2):
        x = LEFT + second * SECOND
        lines.append(f'<text x="{x}" y="20" text-anchor="middle" fill="#999">{second} s</text>')
    for lane, cue in enumerate(cues):
        top = TOP + lane * LANE
        lines += strip(cue, top)
        lines.append(
            f'<rect x="{LEFT}" y="{top}" width="{SECONDS * SECOND}" height="{HEIGHT}" '
            'fill="none" stroke="#444"/>'
        )
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    Path(__file__).with_name("lamps.svg").write_text(picture())

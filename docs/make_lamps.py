"""Draws docs/lamps.svg from the effect engine: each cue's light over its first 12 s.

Four strips for each cue: as most people see it, and as people see it who lack the cones for long,
middle or short waves. That is simulated by the matrices for full severity of Machado, Oliveira and
Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE
Transactions on Visualization and Computer Graphics 15 (2009) 1291-1298, applied to linear light.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from turnlight import wording
from turnlight.cues import Cue
from turnlight.lamps.effects import Rgb, colour, linear

SECONDS = 12
STEP_MS = 100
LEFT, TOP, SECOND, RIGHT = 128, 34, 46, 104
LANE, STRIP, GAP = 78, 14, 2
WIDTH = LEFT + SECONDS * SECOND + RIGHT

Matrix = tuple[tuple[float, float, float], ...]

VISIONS: dict[str, Matrix] = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def seen(rgb: Rgb, vision: Matrix) -> Rgb:
    """An sRGB colour as it looks with this vision, as sRGB again."""
    light = linear(rgb)
    red, green, blue = (
        encoded(sum(weight * part for weight, part in zip(row, light, strict=True)))
        for row in vision
    )
    return red, green, blue


def encoded(light: float) -> int:
    """Linear light as a part of sRGB, 0..255."""
    light = min(max(light, 0.0), 1.0)
    curved = 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
    return round(255 * curved)


def strip(cue: Cue, vision: Matrix, middle: float) -> list[str]:
    """The colours of one cue's light, equal neighbours drawn as one line."""
    runs: list[tuple[int, Rgb]] = []
    for at_ms in range(0, SECONDS * 1000, STEP_MS):
        rgb = seen(colour(cue, at_ms), vision)
        if not runs or runs[-1][1] != rgb:
            runs.append((at_ms, rgb))
    ends = [at_ms for at_ms, _ in runs[1:]] + [SECONDS * 1000]
    return [
        f'<path d="M{LEFT + at_ms * SECOND / 1000:g} {middle:g}h{(end - at_ms) * SECOND / 1000:g}" '
        f'stroke="#{red:02x}{green:02x}{blue:02x}"/>'
        for (at_ms, (red, green, blue)), end in zip(runs, ends, strict=True)
    ]


def picture() -> str:
    """The whole picture as SVG."""
    cues: tuple[Cue, ...] = get_args(Cue)
    height = TOP + len(cues) * LANE
    title = (
        "The light of each cue over its first 12 seconds, normal and as colour-blind people see it"
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#ddd" '
        'shape-rendering="crispEdges">',
        f"<title>{title}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#16181d"/>',
    ]
    for second in range(0, SECONDS + 1, 2):
        x = LEFT + second * SECOND
        lines.append(f'<text x="{x}" y="20" text-anchor="middle" fill="#999">{second} s</text>')
    right = LEFT + SECONDS * SECOND
    for lane, cue in enumerate(cues):
        top = TOP + lane * LANE
        name = wording.cue(cue)
        lines.append(f'<text x="{LEFT - 12}" y="{top + 12}" text-anchor="end">{name}</text>')
        for row, (vision, matrix) in enumerate(VISIONS.items()):
            y = top + row * (STRIP + GAP)
            lines.append(
                f'<text x="{right + 10}" y="{y + 11}" font-size="11" fill="#999">{vision}</text>'
            )
            lines.append(f'<g stroke-width="{STRIP}">')
            lines += strip(cue, matrix, y + STRIP / 2)
            lines.append("</g>")
            lines.append(
                f'<rect x="{LEFT}" y="{y}" width="{right - LEFT}" height="{STRIP}" '
                'fill="none" stroke="#444"/>'
            )
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    Path(__file__).with_name("lamps.svg").write_text(picture())

"""What the page says in each language: one TOML catalogue a language, in the folder `words`.

A language is added by adding a file. A word that a catalogue lacks is said in English.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

FOLDER = Path(__file__).with_name("words")
ENGLISH = "en"


class Catalogue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file."""

    name: str
    """The language in its own words."""
    direction: Literal["ltr", "rtl"]
    interface: str
    """NiceGUI's name of the language."""
    decimal: str
    digits: Annotated[str, Meta(min_length=10, max_length=10)]
    percent: str
    """How a percentage is written, with `{}` for its number."""
    usual: Annotated[tuple[str, ...], Meta(min_length=7, max_length=7)]
    say: Mapping[str, str]


@cache
def catalogues() -> dict[str, Catalogue]:
    """Every language by its code, in the order of the codes."""
    return {
        path.stem: msgspec.toml.decode(path.read_bytes(), type=Catalogue)
        for path in sorted(FOLDER.glob("*.toml"))
    }


class Words:
    """One language at one site: sentences, numbers and times of day."""

    def __init__(self, code: str, zone: tzinfo | None = None) -> None:
        """Take the catalogue of `code`; times of day are those of `zone` (None: the system's)."""
        self.code = code
        self.catalogue = catalogues()[code]
        self.zone = zone
        self._say = {**catalogues()[ENGLISH].say, **self.catalogue.say}
        own = self.catalogue.digits + self.catalogue.decimal
        self._digits = str.maketrans("0123456789.", own)

    def __call__(self, key: str, **values: str) -> str:
        """The words under `key`, with `values` in the place of its names in braces."""
        return self._say[key].format(**values)

    def number(self, value: float) -> str:
        """As short as it can be: `3`, `2.5`."""
        text = str(value) if isinstance(value, int) else f"{value:g}"
        return text.translate(self._digits)

    def rate(self, value: float) -> str:
        """One digit after the point."""
        return f"{value:.1f}".translate(self._digits)

    def percent(self, value: float) -> str:
        """`3 %`, with a half where there is one; the space does not break."""
        return self.catalogue.percent.format(self.number(value)).replace(" ", "\N{NO-BREAK SPACE}")

    def seconds(self, ms: float) -> str:
        """Milliseconds as seconds with two digits."""
        number = f"{ms / 1000:.2f}".translate(self._digits)
        return self("seconds", n=number).replace(" ", "\N{NO-BREAK SPACE}")

    def clock(self, at_s: float, now_s: float) -> str:
        """Time of day, with the date where it is another day than `now_s`."""
        at, now = (datetime.fromtimestamp(s, self.zone) for s in (at_s, now_s))
        text = f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M:%S}"
        return text.translate(self._digits)

    def hour(self, minutes: int) -> str:
        """Time of day without seconds, from minutes since midnight."""
        return f"{minutes // 60:02}:{minutes % 60:02}".translate(self._digits)

    def span(self, seconds: float) -> str:
        """A length of time in the largest fitting unit."""
        if seconds < 120:
            return self("seconds", n=self.number(int(seconds)))
        if seconds < 7200:
            return self("minutes", n=self.number(int(seconds // 60)))
        return self("hours", n=self.number(int(seconds // 3600)))

    def usual(self, weekday: int) -> str:
        """The same weekday of the weeks before; 0 is Monday."""
        return self.catalogue.usual[weekday]


def preferred(header: str, otherwise: str) -> str:
    """The catalogue that a browser's `Accept-Language` asks for first.

    Args:
        header: as in `fa-IR,fa;q=0.9,en;q=0.5`.
        otherwise: the answer when it asks for none that there is.
    """
    wishes = []
    for part in header.split(","):
        name, _, quality = part.strip().partition(";q=")
        try:
            wishes.append((float(quality or 1), name.split("-")[0].lower()))
        except ValueError:
            continue
    wishes.sort(key=lambda wish: -wish[0])
    return next((code for _, code in wishes if code in catalogues()), otherwise)

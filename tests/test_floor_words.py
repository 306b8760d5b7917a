"""Every language says everything, and says it in its own numbers."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from turnlight_floor import words
from turnlight_floor.measures import MEASURES
from turnlight_floor.words import Words, catalogues, preferred

SOURCES = Path(words.__file__).parent
OTHERS = [code for code in catalogues() if code != "en"]


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_the_four_languages_are_there() -> None:
    assert {"en", "sv", "pl", "fa"} <= set(catalogues())


@pytest.mark.parametrize("code", OTHERS)
def test_a_catalogue_is_complete_and_says_nothing_besides(code: str) -> None:
    english, other = catalogues()["en"].say, catalogues()[code].say
    assert list(other) == list(english)
    assert all(other.values())


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_leaves_the_names_in_braces_alone(code: str) -> None:
    english, other = catalogues()["en"].say, catalogues()[code].say
    assert {key: names(text) for key, text in other.items()} == {
        key: names(text) for key, text in english.items()
    }


@pytest.mark.parametrize("code", OTHERS)
def test_little_is_left_in_english(code: str) -> None:
    english, other = catalogues()["en"].say, catalogues()[code].say
    bare = {key: re.sub(r"{\w+}", "", text).strip() for key, text in english.items()}
    same = [key for key in english if other[key] == english[key] and len(bare[key]) > 8]
    assert same == []


@pytest.mark.parametrize("code", catalogues())
def test_a_text_holds_no_markup(code: str) -> None:
    """It goes into HTML and into a script as it is."""
    for key, text in catalogues()[code].say.items():
        assert not re.search(r'[<>&"\\]', text), key


def test_every_word_is_used() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in SOURCES.glob("*.py"))
    built = {*MEASURES, *(f"band-{n}" for n in range(1, 5))}
    built |= {"no-data", "too-few-desks", "protects-another-cell", "audio-present", "audio-missing"}
    unused = [key for key in catalogues()["en"].say if not re.search(f"[\"']{key}[\"']", source)]
    assert set(unused) <= built


def test_numbers_are_written_as_the_language_writes_them() -> None:
    said = {
        code: (w.percent(2.5), w.rate(1), w.seconds(750), w.number(1_234_567))
        for code, w in ((code, Words(code)) for code in ("en", "sv", "pl", "fa"))
    }
    space = "\N{NO-BREAK SPACE}"
    assert said["en"] == (f"2.5{space}%", "1.0", f"0.75{space}s", "1234567")
    assert said["sv"] == (f"2,5{space}%", "1,0", f"0,75{space}s", "1234567")
    assert said["pl"] == ("2,5%", "1,0", f"0,75{space}s", "1234567")
    assert said["fa"] == ("۲٫۵٪", "۱٫۰", f"۰٫۷۵{space}ثانیه", "۱۲۳۴۵۶۷")


def test_a_time_of_day_is_the_sites() -> None:
    at_s = 1_790_000_000
    assert Words("en", ZoneInfo("UTC")).clock(at_s, at_s) == "14:13:20"
    assert Words("en", ZoneInfo("Asia/Tehran")).clock(at_s, at_s) == "17:43:20"
    assert Words("fa", ZoneInfo("UTC")).clock(at_s, at_s) == "۱۴:۱۳:۲۰"


def test_a_word_that_a_catalogue_lacks_is_said_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    known = catalogues()
    short = known["sv"].__class__(
        **{
            **{field: getattr(known["sv"], field) for field in known["sv"].__struct_fields__},
            "say": {"live": "Direkt"},
        }
    )
    monkeypatch.setattr(words, "catalogues", lambda: {**known, "sv": short})
    assert Words("sv")("live") == "Direkt"
    assert Words("sv")("sign-in") == "Sign in"


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ("fa-IR,fa;q=0.9,en;q=0.5", "fa"),
        ("de,pl;q=0.4,sv;q=0.8", "sv"),
        ("de", "pl"),
        ("", "pl"),
        ("sv;q=nonsense", "pl"),
        ("EN-us", "en"),
    ],
)
def test_the_browsers_wish_is_followed_where_it_can_be(wish: str, code: str) -> None:
    assert preferred(wish, "pl") == code

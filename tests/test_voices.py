"""The split of the recorded material: what trains, what chooses, what measures."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from models.speech import voices

SIDES = ("train", "choose", "measure")


@pytest.fixture(name="material")
def _material(tmp_path: Path):
    """Every kind of file that `gather` knows, all of them empty."""
    people = [line.split() for line in voices.PEOPLE.read_text().splitlines()]
    named = {*voices.MEASURED, *voices.CHOOSING, "asterisk-en", "queen-joe"}
    named = {name for name in named if not name.startswith("emodb")}
    made = [
        *(f"data/emodb/wav/{n:02}a01N{take}.flac" for n in range(3, 17) for take in "ab"),
        *(f"data/speech-en/{start}-0000.flac" for person in people for start in person),
        *(f"data/noise/rooms/{n}.flac" for n in range(40)),
        *(f"extra/speech/{name}/{n}.flac" for name in named for n in range(3)),
        *(f"extra/{kind}/{n}.flac" for kind in ("music", "keys") for n in range(40)),
    ]
    for name in made:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return {
        side: voices.gather(tmp_path / "data", tmp_path / "extra", side) for side in SIDES
    }, tmp_path


def test_a_file_of_speech_en_is_one_persons() -> None:
    people = [line.split() for line in voices.PEOPLE.read_text().splitlines()]
    starts = list(itertools.chain(*people))
    assert len(people) == 50
    assert len(starts) == len(set(starts)) == 619


def test_a_speaker_is_on_one_side_only(material) -> None:
    sides, _ = material
    for one, other in itertools.combinations(SIDES, 2):
        assert not set(sides[one].speakers) & set(sides[other].speakers)


def test_every_utterance_is_on_exactly_one_side_but_for_what_old_weights_have_heard(
    material,
) -> None:
    sides, root = material
    heard = [p for m in sides.values() for paths in m.speakers.values() for p in paths]
    there = {p for p in root.rglob("*.flac") if {"emodb", "speech-en", "speech"} & set(p.parts)}
    assert len(heard) == len(set(heard))
    unused = there - set(heard)
    assert unused
    assert all("speech-en" in p.parts and not voices.measures(p) for p in unused)


@pytest.mark.parametrize("kind", ["noises", "music", "keys"])
def test_what_measures_has_files_of_its_own(material, kind: str) -> None:
    sides, _ = material
    measured, trained = (set(getattr(sides[side], kind)) for side in ("measure", "train"))
    assert measured
    assert trained
    assert not measured & trained
    assert set(getattr(sides["choose"], kind)) == trained


def test_nothing_to_hear_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no speech"):
        voices.gather(tmp_path, None, "train")

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from turnlight.dsp import DB_NONE, FLAG_CLIPPED, FLAG_MUSIC, FRAME, Frames
from turnlight.soundness import Soundness


def rows(count: int = 100, **fields: Any) -> Frames:
    made = np.zeros(count, FRAME)
    for name in ("agent_level_db_q8", "customer_level_db_q8", "bleed_db_q8", "sidetone_db_q8"):
        made[name] = DB_NONE
    for name, value in fields.items():
        made[name] = value
    return made


def db(value: float) -> int:
    return round(value * 256)


def test_levels_are_those_of_speech_and_noise_is_that_of_common_pauses() -> None:
    soundness = Soundness()
    soundness.hear(rows(agent_talk=1, agent_level_db_q8=db(-24), customer_level_db_q8=db(-40)))
    soundness.hear(rows(customer_talk=1, agent_level_db_q8=db(-45), customer_level_db_q8=db(-30)))
    soundness.hear(rows(agent_level_db_q8=db(-60), customer_level_db_q8=db(-50)))
    found = soundness.document(0.9, [])
    assert (found.agent_level_db, found.customer_level_db) == (-24, -30)
    assert (found.agent_snr_db, found.customer_snr_db) == (36, 20)


def test_music_on_hold_is_no_noise() -> None:
    soundness = Soundness()
    soundness.hear(rows(agent_talk=1, agent_level_db_q8=db(-20)))
    soundness.hear(rows(10, agent_level_db_q8=db(-70)))
    soundness.hear(rows(agent_level_db_q8=db(-30), customer_flags=FLAG_MUSIC))
    assert soundness.document(0.9, []).agent_snr_db == 50


def test_what_was_not_measured_is_none() -> None:
    soundness = Soundness()
    soundness.hear(rows())
    found = soundness.document(0.98765, ["a note"])
    assert found.agent_level_db is found.agent_snr_db is found.bleed_db is None
    assert (found.channel_confidence, found.notes) == (0.988, ["a note"])


def test_bleed_and_sidetone_are_medians_of_what_was_measured() -> None:
    soundness = Soundness()
    soundness.hear(rows(50))
    for value in (-30, -22, -21):
        soundness.hear(rows(10, bleed_db_q8=db(value), sidetone_db_q8=db(value - 4)))
    found = soundness.document(0.9, [])
    assert (found.bleed_db, found.sidetone_db) == (-22, -26)


def test_clipping_of_either_channel_counts() -> None:
    soundness = Soundness()
    soundness.hear(rows(96))
    soundness.hear(rows(2, agent_flags=FLAG_CLIPPED))
    soundness.hear(rows(2, customer_flags=FLAG_CLIPPED))
    assert soundness.document(0.9, []).clipped_pct == 4.0


@pytest.mark.parametrize("value", [-127.9, -96, 0, 40])
def test_any_level_has_its_place(value: float) -> None:
    soundness = Soundness()
    soundness.hear(rows(bleed_db_q8=db(value)))
    assert soundness.document(0.9, []).bleed_db == pytest.approx(value, abs=0.25)


def test_any_split_of_the_rows_gives_the_same() -> None:
    dice = np.random.default_rng(1)
    made = rows(1000, agent_level_db_q8=dice.integers(db(-90), 0, 1000))
    made["agent_talk"] = dice.integers(0, 2, 1000)
    whole, split = Soundness(), Soundness()
    whole.hear(made)
    for piece in (made[:1], made[1:1], made[1:700], made[700:]):
        split.hear(piece)
    assert whole.document(0.9, []) == split.document(0.9, [])

"""Rows of the core made by hand: who talks when, without any sound."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from turnlight.dsp import BANDS, CONFIRM, DB_NONE, FLAG_MUSIC, FRAME, Frames

SPEECH_DB, QUIET_DB = -25, -70

Spans = Iterable[Iterable[float]]


def rows(agent: Spans, customer: Spans, hold: Spans = (), length_s: float | None = None) -> Frames:
    """Rows of a timeline in seconds. Music is flagged as late as the core may flag it."""
    spans = {"agent": _frames(agent), "customer": _frames(customer)}
    music = _frames(hold)
    last = max((end for _, end in [*spans["agent"], *spans["customer"], *music]), default=0)
    made = np.zeros(last if length_s is None else round(length_s * 100), FRAME)
    made["bleed_db_q8"] = made["sidetone_db_q8"] = DB_NONE
    made["t_ms"] = np.arange(len(made)) * 10
    for party, talk in spans.items():
        made[f"{party}_level_db_q8"] = QUIET_DB * 256
        for start, end in talk:
            made[f"{party}_talk"][start:end] = 1
            made[f"{party}_level_db_q8"][start:end] = SPEECH_DB * 256
    for start, end in music:
        made["customer_level_db_q8"][start:end] = SPEECH_DB * 256
        made["customer_talk"][start : start + 300] = 1
        made["customer_flags"][start + 300 : end + 100] |= FLAG_MUSIC
    for party in spans:
        made[f"{party}_confirmed"][CONFIRM:] = made[f"{party}_talk"][:-CONFIRM]
    return made


def voice(
    made: Frames,
    start_s: float,
    end_s: float,
    f0_hz: float = 120.0,
    tilt_db: float = -12.0,
    party: str = "customer",
) -> None:
    """Give one party a voiced sound: its pitch, and the upper bands over the lower ones."""
    part = made[round(start_s * 100) : round(end_s * 100)]
    part[f"{party}_f0_hz_q4"] = round(f0_hz * 16)
    part[f"{party}_voicing_q15"] = 30_000
    bands = np.full(BANDS, -40.0)
    bands[7:] += tilt_db
    part[f"{party}_bands_db_q8"] = np.round(bands * 256)


def _frames(spans: Spans) -> list[tuple[int, int]]:
    return [(round(start * 100), round(end * 100)) for start, end in spans]

"""The core as a whole: goldens, streaming invariants, hostile input, and its promises."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sounds
from stages import FIRMWARE, compiled
from turnlight import dsp
from turnlight.dsp import CSV_FIELDS, FRAME, Core, CoreError

GOLDEN = Path(__file__).parent / "golden" / "conversation.csv"
CONVERSATION = sounds.conversation()


def rows_of(pcm, rate_hz=16_000):
    core = Core(rate_hz)
    return np.concatenate([core.process(pcm), core.flush()])


def as_text(rows):
    lines = [",".join(CSV_FIELDS)]
    lines += [",".join(str(row[name]) for name in CSV_FIELDS) for row in rows]
    return "\n".join(lines) + "\n"


def test_a_room_that_a_turned_gain_makes_louder_is_no_speech():
    """The microphone is turned up by 20 dB at 5 s; a second later that is known."""
    rows = Core().process(sounds.turned_up())
    agent = rows["agent_confirmed"] > 0
    assert agent[240:400].mean() > 0.9
    assert not agent[830:].any()


def test_the_golden_conversation_is_the_same_integer_for_integer():
    """A change of the core shows here as a diff; `python tests/test_core.py` writes it anew."""
    assert as_text(rows_of(CONVERSATION)) == GOLDEN.read_text()


@pytest.mark.parametrize("path", dsp.libraries(), ids=lambda path: path.name)
def test_every_build_of_the_core_gives_the_bits_of_the_portable_one(checked, path, monkeypatch):
    heard = np.concatenate([CONVERSATION, sounds.extremes()])
    monkeypatch.setattr(dsp, "_LIBRARY", dsp.bound(checked))
    expected = rows_of(heard)
    monkeypatch.setattr(dsp, "_LIBRARY", dsp.bound(ctypes.CDLL(str(path))))
    assert rows_of(heard).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("cpuinfo", "faster"),
    [
        ("model name: a\nflags\t\t: fpu avx avx2 bmi2\n", ["libturnlight-avx2.so"]),
        (
            "flags\t\t: fpu avx avx2 avx512f avx512_vnni\n",
            ["libturnlight-vnni.so", "libturnlight-avx2.so"],
        ),
        ("model name: avx2\nflags\t\t: fpu avx avx2x\n", []),
        ("Features\t: fp asimd asimddp\n", ["libturnlight-dotprod.so"]),
        ("Features\t: fp asimd\n", []),
        ("", []),
    ],
)
def test_a_faster_build_is_for_processors_that_say_so(cpuinfo, faster):
    assert dsp.builds(cpuinfo) == [*faster, "libturnlight.so"]


def test_one_row_per_10_ms_in_order():
    rows = rows_of(CONVERSATION)
    assert rows["t_ms"].tolist() == list(range(0, 6000, 10))


@given(cuts=st.lists(st.integers(0, len(CONVERSATION)), max_size=30))
@settings(max_examples=25, deadline=None)
def test_any_split_of_the_sound_gives_the_same_rows(cuts):
    core = Core()
    pieces = np.split(CONVERSATION, sorted(cuts))
    rows = np.concatenate([*(core.process(piece) for piece in pieces), core.flush()])
    assert rows.tobytes() == rows_of(CONVERSATION).tobytes()


def test_any_split_at_48_kHz_too():
    pcm = np.repeat(CONVERSATION[:32000], 3, axis=0)
    core = Core(48_000)
    pieces = np.split(pcm, [1, 2, 5, 160, 481, 30_000, 30_001])
    rows = np.concatenate([*(core.process(piece) for piece in pieces), core.flush()])
    assert rows.tobytes() == rows_of(pcm, 48_000).tobytes()


def test_reset_equals_fresh():
    core = Core()
    core.process(CONVERSATION[::-1].copy())
    core.reset()
    rows = np.concatenate([core.process(CONVERSATION), core.flush()])
    assert rows.tobytes() == rows_of(CONVERSATION).tobytes()


def test_two_cores_do_not_know_of_each_other():
    one, other = Core(), Core()
    pieces = []
    for piece in np.array_split(CONVERSATION, 50):
        pieces.append(one.process(piece))
        other.process(piece[::-1].copy())
    assert np.concatenate([*pieces, one.flush()]).tobytes() == rows_of(CONVERSATION).tobytes()


def test_levels_stand_at_their_own_frame():
    pcm = np.zeros((16000, 2), np.int16)
    pcm[8000:8160, 0] = 16384
    rows = rows_of(pcm)
    assert np.flatnonzero(rows["agent_level_db_q8"] != dsp.DB_NONE).tolist() == [50]
    assert rows["agent_level_db_q8"][50] / 256 == pytest.approx(-6.02, abs=0.01)


def test_48_kHz_hears_what_16_kHz_hears():
    pcm = sounds.tone(1000, 1.0, 8000, 48_000)
    rows = rows_of(pcm, 48_000)
    assert rows["agent_level_db_q8"][20:90] / 256 == pytest.approx(-15.25, abs=0.05)


def test_silence_is_silent():
    rows = rows_of(np.zeros((48000, 2), np.int16))
    assert not rows["agent_talk"].any()
    assert not rows["customer_talk"].any()
    assert (rows["bleed_db_q8"] == dsp.DB_NONE).all()


def test_a_frame_is_confirmed_twenty_rows_later():
    """Mostly as it was decided at once; before the sound nobody talked."""
    rows = rows_of(CONVERSATION)
    for party in ("agent", "customer"):
        talk, confirmed = rows[f"{party}_talk"], rows[f"{party}_confirmed"]
        assert not confirmed[: dsp.CONFIRM].any()
        assert (confirmed[dsp.CONFIRM :] == talk[: -dsp.CONFIRM]).mean() > 0.9
        likely = rows[f"{party}_confirmed_q15"][confirmed == 1]
        assert (likely > 0.268 * 32768).all()  # log-odds of -1, at which confirmed talk ends


def test_a_tone_is_never_confirmed_as_speech_from_its_start():
    """The first 70 ms of a tone may pass for a voice; then it is known what it was."""
    rows = rows_of(np.concatenate([CONVERSATION[:16000], sounds.tone(425.0, 1.0, 6000)]))
    assert (rows["customer_flags"][120:190] & dsp.FLAG_TONE).all()
    assert not rows["customer_confirmed"][100 + dsp.CONFIRM + 2 :].any()


def test_clipped_sound_is_flagged():
    pcm = (sounds.tone(300, 0.5, 32767) * 1).astype(np.int16)
    pcm[np.abs(pcm) > 25000] = 32767
    assert (rows_of(pcm)["agent_flags"] & dsp.FLAG_CLIPPED).all()


def hostile_sounds():
    rng = np.random.default_rng(1)
    square = np.where(np.arange(16000) % 100 < 50, 32767, -32768).astype(np.int16)
    impulse = np.zeros(16000, np.int16)
    impulse[7777] = -32768
    swell = rng.normal(0, 0.5, 32000) * 2.0 ** np.linspace(0, 16, 32000)
    swell = np.clip(np.round(swell), -32768, 32767).astype(np.int16)
    return {
        "full-scale square": np.stack([square, -np.maximum(square, -32767)], 1),
        "everything at -32768": np.full((16000, 2), -32768, np.int16),
        "DC": np.full((16000, 2), 12345, np.int16),
        "one impulse": np.stack([impulse, impulse[::-1]], 1),
        "full-scale noise": rng.integers(-32768, 32768, (32000, 2)).astype(np.int16),
        "every level there is": np.stack([swell, swell[::-1]], 1),
        "one channel dead": np.stack([square, np.zeros(16000, np.int16)], 1),
    }


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """A build that traps where a Q operation loses a bit, and on undefined behaviour; and in which
    a variable that nobody set holds something large, so that its rows would be others."""
    return compiled(
        tmp_path_factory.mktemp("checked"),
        *("-DTL_CHECKED", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"),
        *("-fno-sanitize=alignment", "-ftrivial-auto-var-init=pattern"),
    )


@pytest.mark.parametrize("name", hostile_sounds())
@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_hostile_sound_traps_nothing_and_gives_the_same_rows(checked, monkeypatch, name, rate_hz):
    pcm = hostile_sounds()[name]
    wanted = rows_of(pcm, rate_hz)
    monkeypatch.setattr(dsp, "_LIBRARY", dsp.bound(checked))
    assert rows_of(pcm, rate_hz).tobytes() == wanted.tobytes()


@pytest.mark.parametrize(
    "pcm", [np.zeros((10, 1), np.int16), np.zeros(10, np.int16), np.zeros((10, 2), np.float32)]
)
def test_another_shape_or_type_is_refused(pcm):
    with pytest.raises(ValueError, match="int16 of shape"):
        Core().process(pcm)


def test_another_rate_is_refused():
    with pytest.raises(CoreError, match="16000 or 48000"):
        Core(44_100)


def test_a_flushed_core_asks_for_a_reset():
    core = Core()
    core.flush()
    with pytest.raises(CoreError, match="reset"):
        core.process(np.zeros((160, 2), np.int16))


def test_python_and_c_agree_on_every_constant_and_on_the_row(checked):
    header = (FIRMWARE / "include" / "turnlight.h").read_text()

    def constant(name):
        return int(re.search(rf"#define {name} (\d+)", header)[1])

    assert constant("TL_RATE_HZ") == dsp.RATE_HZ
    assert constant("TL_HOP") == dsp.HOP
    assert constant("TL_BANDS") == dsp.BANDS == len(dsp.BAND_EDGES_HZ) - 1
    assert constant("TL_LOOKAHEAD") == dsp.LOOKAHEAD
    assert constant("TL_CONFIRM") == dsp.CONFIRM
    assert constant("TL_CORE_BYTES") == dsp._CORE_BYTES
    assert FRAME.itemsize == 116
    edges = list((ctypes.c_uint16 * 21).in_dll(checked, "tl_band_edge"))
    assert [round(hz / 31.25) for hz in dsp.BAND_EDGES_HZ] == edges


def test_no_float_and_no_allocator_is_in_the_core(tmp_path):
    """`-mgeneral-regs-only` makes any floating point a compile error; nm shows what is called."""
    compiled(tmp_path, "-mgeneral-regs-only")
    library = next(tmp_path.glob("*.so"))
    listed = subprocess.run(["nm", "-u", library], check=True, capture_output=True, text=True)
    called = {line.split()[-1].split("@")[0] for line in listed.stdout.splitlines()}
    assert {name for name in called if not name.startswith("_")} <= {"memcpy", "memmove", "memset"}


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(as_text(rows_of(CONVERSATION)))

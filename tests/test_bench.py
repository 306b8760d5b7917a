"""The bench's figures on arrays whose values are known, and its truth on made sound."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench import cues, labels, latency, pace, phones, recovery, scenes, scores, summary, truth
from bench.table import markdown, shown
from turnlight.turns import Event

ROOT = Path(__file__).parents[1]
RATE_HZ = 16_000


def frames(text: str) -> np.ndarray:
    """`..##` : silence, silence, speech, speech."""
    return np.array([c == "#" for c in text])


def test_the_floor_alone_is_measured_without_the_packages_of_the_core() -> None:
    without = "import sys; sys.modules['scipy'] = None; import bench.__main__, bench.floor"
    done = subprocess.run([sys.executable, "-c", without], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# --- scores


@pytest.mark.parametrize(
    ("score", "auc"),
    [
        ([1, 2, 3, 4], 1.0),
        ([4, 3, 2, 1], 0.0),
        ([7, 7, 7, 7], 0.5),
        ([1, 3, 2, 4], 0.75),
        ([1, 2, 2, 3], 0.875),
    ],
)
def test_auc_is_the_chance_of_the_right_order_and_ties_count_half(
    score: list[float], auc: float
) -> None:
    assert scores.auc(np.array(score, float), frames("..##")) == auc


def test_false_alarms_are_taken_at_the_highest_threshold_that_hits_95_percent() -> None:
    speech = frames("#" * 100 + "." * 10)
    score = np.r_[np.arange(100), [3, 4, 5, 6, 7, 0, 0, 0, 0, 0]].astype(float)
    threshold = scores.threshold(score, speech)
    talk = score >= threshold
    assert threshold == 5
    assert scores.hits(talk, speech) == 0.95
    assert scores.false_alarms(talk, speech) == 0.3


def test_a_threshold_never_hits_less_than_asked() -> None:
    score = np.array([1.0, 1, 2, 3, 0])
    assert scores.threshold(score, frames("####."), hits=0.75) == 1


def test_share_error_is_in_points_of_all_talk() -> None:
    true = np.stack([frames("####......"), frames("....####..")], 1)
    said = np.stack([frames("####......"), frames("....####.#")], 1)
    assert scores.share_error(true, true) == 0
    assert scores.share_error(said, true) == pytest.approx(100 * (4 / 8 - 4 / 9))


def test_overlap_that_is_missed_counts_like_one_that_never_was() -> None:
    true = np.stack([frames("#####....."), frames("...#######")], 1)
    said = np.stack([frames("####.....#"), frames("...#######")], 1)
    assert scores.overlap_wrong(said, true) == 0.2


def both(*spans: tuple[int, int]) -> np.ndarray:
    out = np.zeros((1000, 2), bool)
    for start, end in spans:
        out[start:end] = True
    return out


@pytest.mark.parametrize(
    ("said", "matches"),
    [
        ([(100, 200)], (1, 1, 1)),
        ([(150, 250)], (1, 1, 1)),
        ([(151, 251)], (0, 1, 1)),
        ([(100, 149)], (0, 0, 1)),
        ([(100, 150), (150, 200)], (1, 1, 1)),
        ([(100, 150), (151, 201)], (1, 2, 1)),
        ([(100, 200), (500, 560)], (1, 2, 1)),
        ([], (0, 0, 1)),
    ],
)
def test_long_overlaps_match_once_when_half_of_the_shorter_is_shared(
    said: list[tuple[int, int]], matches: tuple[int, int, int]
) -> None:
    assert scores.overlap_matches(both(*said), both((100, 200))) == matches


def test_f1_of_added_matches() -> None:
    assert scores.f1(3, 4, 5) == pytest.approx(2 / 3)
    assert scores.f1(0, 0, 0) == 1
    assert scores.f1(0, 2, 0) == 0


# --- truth


def tone(seconds: float, dbfs: float) -> np.ndarray:
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return np.sin(2 * np.pi * 200 * t) * 10 ** (dbfs / 20)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * RATE_HZ))


def test_speech_is_38_db_below_the_peak_and_no_less() -> None:
    for below, heard in ((36, True), (40, False)):
        dry = np.r_[silence(1), tone(1, -10), silence(1), tone(1, -10 - below), silence(1)]
        found = truth.speech(dry)
        assert found[102:198].all()
        assert found[305:395].any() == heard
        assert not found[:97].any()


def test_a_recordings_own_noise_is_no_speech() -> None:
    noise = np.random.default_rng(1).normal(0, 10 ** (-40 / 20), 3 * RATE_HZ)
    noise[RATE_HZ : 2 * RATE_HZ] += tone(1, -10)
    found = truth.speech(noise)
    assert found[102:198].all()
    assert found.sum() < 110


def test_a_voice_without_a_pause_is_speech_from_end_to_end() -> None:
    assert truth.speech(tone(2, -20)).mean() > 0.98


def faded(seconds: float, ms: int, db: float) -> np.ndarray:
    """A word whose last part falls to `db`."""
    word = tone(seconds, -10)
    n = ms * RATE_HZ // 1000
    word[-n:] *= 10 ** (np.linspace(0, db, n) / 20)
    return word


def test_a_word_that_was_cut_close_keeps_its_end() -> None:
    """Its quietest 3 % are the word's own fading, and no noise."""
    word = faded(1.0, 100, -30)
    assert not truth.holds_a_silence(truth.level_db(word))
    assert truth.speech(word).all()


def test_a_word_with_a_silence_around_it_ends_above_the_recordings_noise() -> None:
    noise = np.random.default_rng(1).normal(0, 10 ** (-40 / 20), RATE_HZ)
    word = faded(1.0, 100, -30)
    dry = np.r_[noise, word, noise]
    assert truth.holds_a_silence(truth.level_db(dry))
    assert 90 <= truth.speech(dry).sum() < 100


@pytest.mark.parametrize(("ms", "silent"), [(250, True), (100, False)])
def test_a_silence_lasts_120_ms(ms: int, silent: bool) -> None:
    """The word before rings on in the filter, and 50 ms of smoothing reach in from either side."""
    noise = np.random.default_rng(1).normal(0, 1e-3, ms * RATE_HZ // 1000)
    dry = np.r_[tone(0.5, -10), noise, tone(0.5, -10)]
    assert truth.holds_a_silence(truth.level_db(dry)) == silent


@pytest.mark.parametrize(("hz", "spoken"), [(40, False), (120, True)])
def test_a_rumble_is_no_speech(hz: float, spoken: bool) -> None:
    t = np.arange(RATE_HZ) / RATE_HZ
    low = np.sin(2 * np.pi * hz * t) * 10 ** (-30 / 20)
    found = truth.speech(np.r_[silence(1), low, silence(1), tone(1, -10)])
    assert found[110:190].any() == spoken
    assert found[305:395].all()


def test_an_offset_that_dies_away_is_no_speech() -> None:
    """As the first 300 ms of some prompts."""
    offset = 0.3 * np.exp(-np.arange(RATE_HZ) / RATE_HZ / 0.1)
    found = truth.speech(np.r_[offset, tone(1, -10), silence(1)])
    assert not found[:90].any()
    assert found[102:198].all()


def test_a_prompt_of_silence_holds_no_voice_and_a_word_without_a_pause_does() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 3 * RATE_HZ)
    word = tone(1, -20) * np.linspace(0.05, 1, RATE_HZ)
    assert not truth.holds_a_voice(noise)
    assert truth.holds_a_voice(word)


@pytest.mark.parametrize(("gap_ms", "bridge_ms", "one"), [(150, 150, True), (160, 150, False)])
def test_gaps_up_to_the_bridge_are_speech(gap_ms: int, bridge_ms: int, one: bool) -> None:
    active = frames("#" * 20 + "." * (gap_ms // 10) + "#" * 20)
    assert (len(labels.runs(labels.bridged(active, bridge_ms))) == 1) == one


def test_bursts_are_dropped_after_gaps_were_bridged() -> None:
    active = frames("#######" + "." * 30 + "####.####" + "." * 30 + "########")
    assert labels.runs(labels.bridged(active, 150, 80)) == [(37, 46), (76, 84)]


# --- how late, and whether it comes back


def test_delays_count_until_the_row_has_been_given() -> None:
    true = frames("." * 50 + "#" * 50 + "." * 60)
    talk = frames("." * 52 + "#" * 55 + "." * 53)
    onsets, ends, missed = latency.delays(talk, true)
    assert onsets == [(2 + 5) * 10]
    assert ends == [(7 + 5) * 10]
    assert not missed


def test_an_onset_that_never_comes_is_missed_and_has_no_end() -> None:
    true = frames("." * 50 + "#" * 50 + "." * 60)
    assert latency.delays(np.zeros(160, bool), true) == ([], [], 1)


def test_a_pause_too_short_to_be_one_is_not_counted() -> None:
    true = frames("." * 50 + "#" * 50 + "." * 20 + "#" * 50 + "." * 60)
    onsets, ends, missed = latency.delays(true, true)
    assert (len(onsets), len(ends), missed) == (1, 1, 0)


def test_recovered_means_within_three_points_in_hits_and_false_alarms() -> None:
    before = recovery.Counts(speech=100, hit=90, other=100, false=2)
    assert recovery.within_points(recovery.Counts(100, 87, 100, 5), before)
    assert not recovery.within_points(recovery.Counts(100, 86, 100, 2), before)
    assert not recovery.within_points(recovery.Counts(100, 90, 100, 6), before)


# --- what is said of it


def test_a_verdict_needs_a_figure_of_this_run() -> None:
    verdicts = summary.rows({"clean": [{"who": "turnlight", "AUC": 0.998}]})
    said = {row["what"]: row["verdict"] for row in verdicts}
    assert said["AUC on clean calls"] == "reached"
    assert said["AUC per 10 ms on desks"] == "not measured"


@pytest.mark.parametrize(
    ("value", "said"), [(7, "missed"), (6, "reached"), (3, "goal reached"), (0, "goal reached")]
)
def test_less_is_better_where_errors_are_counted(value: float, said: str) -> None:
    asked = next(a for a in summary.ASKED if a.what.startswith("false alarms"))
    assert summary.verdict(asked, value, 3) == said


def test_a_table_shows_fine_figures_finely() -> None:
    assert markdown([{"who": "a", "AUC": 0.98765}, {"who": "b", "x, %": 2.0}]) == (
        "| who | AUC | x, % |\n| --- | --- | --- |\n| a | 0.9877 |  |\n| b |  | 2 |\n"
    )
    assert shown("F1", 1.0) == "1.0000"


# --- what is measured: the grid


def test_the_grid_is_the_same_twice_and_balanced() -> None:
    desks = scenes.grid(24, 1)
    assert desks == scenes.grid(24, 1)
    assert desks != scenes.grid(24, 2)
    for name, values in (
        ("bleed_db", scenes.BLEEDS_DB),
        ("sidetone_db", scenes.SIDETONES_DB),
        ("snr_db", scenes.SNRS_DB),
    ):
        column = [getattr(desk, name) for desk in desks]
        assert {column.count(value) for value in values} == {6}
    assert {desk.noise for desk in desks} == set(scenes.GRID_ROOMS)
    assert sum(desk.narrow for desk in desks) == 18


def test_another_draw_is_another_grid_and_the_same_one_twice(monkeypatch) -> None:
    usual = scenes.grid(24, 1)
    monkeypatch.setattr(scenes, "SEED", 7)
    assert scenes.grid(24, 1) == scenes.grid(24, 1) != usual


def test_a_real_call_keeps_its_own_levels() -> None:
    assert all(
        (d.agent_db, d.customer_db, d.narrow) == (0, 0, False) for d in scenes.grid(9, 0, True)
    )


def test_equal_seeds_give_equal_desks_until_something_changes() -> None:
    rng = np.random.default_rng(3)
    voices = rng.normal(0, 0.1, (RATE_HZ, 2))
    call = scenes.Call("noise", voices, np.ones((100, 2), bool), np.ones((100, 2), bool))
    desk = scenes.Desk(-20.0, -20.0, None)
    half = RATE_HZ // 2
    change = recovery.tap(1, 6)(half, RATE_HZ)
    one, same, other = (
        scenes.put_on(desk, call, scenes.Material(), np.random.default_rng(4), c)
        for c in (scenes.Change(), scenes.Change(), change)
    )
    assert np.array_equal(one, same)
    assert np.array_equal(one[:half], other[:half])
    assert np.allclose(other[half:] / one[half:], [1, 10 ** (6 / 20)])


def test_without_data_one_sentence_says_what_is_needed(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bench", "--data", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1
    assert len(ran.stderr.strip().splitlines()) == 1
    assert "--data DATA is needed" in ran.stderr


def test_a_draw_below_nothing_is_refused_with_its_name() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bench", "--only", "desk", "--draw", "-1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stderr.strip()) == (1, "--draw -1: take 0 or more.")


# --- pace


def test_a_line_ends_where_the_next_one_has_words() -> None:
    own = [
        {"start_s": start_s, "end_s": start_s + 1, "text": text}
        for start_s, text in [(0.9, "Good morning."), (3.0, ""), (5.0, "Right."), (8.0, "")]
    ]
    assert pace.line(own, 0.91) == [(0.9, 1.9), (3.0, 4.0)]
    assert pace.line(own, 5.0) == [(5.0, 6.0), (8.0, 9.0)]


def test_counted_lines_stand_in_the_calls_and_are_said_at_a_human_rate() -> None:
    for one in pace.demo_calls():
        assert 2.5 < one.syllables / one.true_s < 8


def test_pace_is_correlated_by_count_and_by_rate() -> None:
    sentences = [pace.Sentence(n, n / 5, 2 * n, n / 5) for n in (5, 10, 20)]
    row = pace.row("made", [*sentences, pace.Sentence(10, 1.0, 20, 1.0)])
    assert row["count r"] == pytest.approx(1)
    assert row["rate r"] == pytest.approx(1)
    assert row["nuclei per syllable"] == 2


# --- cues


def said(shown: list[tuple[int, cues.Cue]], *spans: cues.Span) -> cues.Said:
    return cues.Said(shown, list(spans))


@pytest.mark.parametrize(
    ("cue", "at_ms", "wrong"),
    [
        ("let_finish", 15_000, False),
        ("let_finish", 19_000, True),
        ("long_turn", 19_000, False),
        ("long_turn", 26_100, True),
    ],
)
def test_a_cue_is_wrong_where_its_condition_holds_at_no_time_near_it(
    cue: cues.Cue, at_ms: int, wrong: bool
) -> None:
    """An interruption is of the last few seconds; what stands may have had to wait."""
    true = said([], cues.Span(cue, 8_000, 11_000))
    assert cues.compare(said([(at_ms, cue)]), true)["wrong"] == [cue] * wrong


def test_a_second_interruption_is_one_whatever_was_said_of_the_first() -> None:
    def by_agent(at_ms: int, taken: bool) -> Event:
        return Event("interruption", "agent", at_ms - 1_500, at_ms, taken, at_ms)

    events = [by_agent(5_000, True), by_agent(33_000, False), by_agent(80_000, False)]
    assert [span.start_ms for span in cues.interrupted(events)] == [5_000, 33_000]


# --- phones


def emodb_file(folder: Path, dry: np.ndarray, text: str) -> Path:
    for name in ("wav", "lablaut"):
        (folder / name).mkdir()
    (folder / "lablaut" / "03a01Naxx.lablaut").write_text(text, "latin-1")
    soundfile.write(folder / "wav" / "03a01Na.flac", dry, RATE_HZ)
    return folder / "wav" / "03a01Na.flac"


LABELS = """signal 03a01Na
separator ;
#
    0.500000   -1 _d\t+lax
    0.700000   -1 E
    1.000000   -1 (
    1.400000   -1 n
    1.900000   -1 .
"""


def test_a_phone_lasts_until_the_next_begins_and_a_bracket_is_a_pause(tmp_path: Path) -> None:
    found = phones.labelled(emodb_file(tmp_path, silence(2.2), LABELS))
    assert found is not None
    assert labels.runs(found[1]) == [(50, 100), (140, 190)]


def test_a_file_without_labels_is_left_out(tmp_path: Path) -> None:
    path = emodb_file(tmp_path, silence(1), LABELS)
    (tmp_path / "lablaut" / "03a01Naxx.lablaut").unlink()
    assert phones.labelled(path) is None


def test_a_cut_phrase_is_its_last_word_with_little_around_it() -> None:
    spoken = np.zeros(500, bool)
    spoken[100:400] = True
    dry = np.r_[silence(1), tone(3, -10), silence(1)]
    ((sound, said),) = phones.cut_close(dry, spoken, np.random.default_rng(1))
    assert len(sound) == len(said) * phones.HOP
    assert said[:150].all()
    assert 2 <= (~said[150:]).sum() <= 7
    assert not said[150:].any()


def test_a_rule_that_is_30_ms_late_is_measured_so() -> None:
    spoken = np.zeros(200, bool)
    spoken[50:100] = True
    late = np.roll(spoken, 3)
    row = phones.figures([(silence(2), spoken)], lambda _: late)
    assert (row["begins"], row["ends"], row["wrong"]) == (30, 30, 3)

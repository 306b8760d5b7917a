"""What is wrong with two channels, found while the sound streams by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import soxr

from turnlight.channels import ChannelCheck, ChannelReport, Pcm

Floats = npt.NDArray[np.float64]


def voice(seconds: float, seed: int, level: float = 0.1) -> Floats:
    """Noise with the spectrum and the syllables of speech: low, with bursts of fricatives."""
    rng = np.random.default_rng(seed)
    count = int(seconds * 16_000)
    white = rng.standard_normal(count)
    spectrum = np.fft.rfft(white)
    hz = np.fft.rfftfreq(count, 1 / 16_000)
    low = np.fft.irfft(spectrum * (hz > 150) / (1 + (hz / 500) ** 2), count)
    high = np.fft.irfft(spectrum * (hz > 3500), count)
    t = np.arange(count) / 16_000
    syllables = np.maximum(np.sin(2 * np.pi * 2 * t), 0)
    fricatives = np.maximum(np.sin(2 * np.pi * 2 * t + 2.5), 0) ** 4
    sound = low / low.std() * syllables + 0.2 * high / high.std() * fricatives
    scaled: Floats = level * sound
    return scaled


def telephone(sound: Floats) -> Floats:
    """As it leaves an 8 kHz line."""
    narrow: Floats = soxr.resample(soxr.resample(sound, 16_000, 8000), 8000, 16_000)
    return narrow[: len(sound)]


def turns(agent: Floats, customer: Floats) -> tuple[Floats, Floats]:
    """Let them speak in turns of 3 s."""
    first = (np.arange(len(agent)) // 48_000) % 2 == 0
    return agent * first, customer * ~first


def pcm(agent: Floats, customer: Floats) -> Pcm:
    both = np.stack([agent, customer], axis=1)
    return np.clip(np.rint(both * 32_768), -32_768, 32_767).astype(np.int16)


def checked(sound: Pcm, piece: int = 8000) -> ChannelReport:
    check = ChannelCheck()
    for start in range(0, len(sound), piece):
        check.hear(sound[start : start + piece])
    return check.report()


def a_call(seconds: float = 48) -> tuple[Floats, Floats]:
    return turns(voice(seconds, 1), telephone(voice(seconds, 2)))


def test_a_good_call_is_neither_refused_nor_doubted() -> None:
    report = checked(pcm(*a_call()))
    assert report.refusal() is None
    assert report.notes() == []
    assert report.seconds == 48


@pytest.mark.parametrize("piece", [1, 37, 640, 100_000])
def test_any_split_gives_the_same_report(piece: int) -> None:
    sound = pcm(*a_call(2))[:20_000]
    assert checked(sound, piece) == checked(sound)


@pytest.mark.parametrize(
    ("silent", "sentence"),
    [
        ((True, False), "the agent's channel is silent"),
        ((False, True), "the customer's channel is silent"),
        ((True, True), "both channels are silent"),
    ],
)
@pytest.mark.parametrize("rest", [0.0, 2e-4], ids=["digital silence", "an open line at -74 dBFS"])
def test_a_silent_channel_is_named(silent: tuple[bool, bool], sentence: str, rest: float) -> None:
    noise = np.random.default_rng(3).standard_normal((2, 80_000)) * rest
    agent, customer = (noise[side] if silent[side] else voice(5, side) for side in (0, 1))
    refusal = checked(pcm(agent, customer)).refusal()
    assert refusal is not None
    assert refusal.startswith(sentence)


def test_silence_is_told_beside_a_dc_offset() -> None:
    refusal = checked(pcm(voice(5, 1), np.full(80_000, 0.02))).refusal()
    assert refusal is not None
    assert refusal.startswith("the customer's channel is silent")


def test_one_short_sound_is_enough_not_to_be_silent() -> None:
    customer = np.zeros(80_000)
    customer[40_000:40_400] = voice(0.025, 2)
    assert checked(pcm(voice(5, 1), customer)).refusal() is None


@pytest.mark.parametrize("gain", [1.0, 0.1, -0.5], ids=["same", "fainter", "turned over"])
def test_a_mono_call_saved_as_stereo_is_refused(gain: float) -> None:
    mono = voice(5, 1)
    refusal = checked(pcm(mono, gain * mono)).refusal()
    assert refusal is not None
    assert refusal.startswith("both channels carry the same sound")


def test_strong_bleed_and_sidetone_are_not_the_same_sound() -> None:
    agent, customer = a_call()
    assert not checked(pcm(agent + 0.3 * customer, customer + 0.3 * agent)).identical


def test_swapped_channels_are_refused_by_their_bandwidth() -> None:
    agent, customer = a_call()
    report = checked(pcm(customer, agent))
    assert report.bandwidth == ("narrow", "wide")
    assert report.confidence < 0.05
    refusal = report.refusal()
    assert refusal is not None
    assert refusal.startswith("agent and customer look swapped")
    assert "--swap" in refusal
    assert "audio.trust_channels" in refusal


def test_who_knows_the_channels_better_is_believed() -> None:
    agent, customer = a_call()
    check = ChannelCheck(trusted=True)
    check.hear(pcm(customer, agent))
    assert check.report().refusal() is None
    assert check.report().notes() == []


def test_channels_between_a_line_and_a_microphone_are_doubted_and_not_refused() -> None:
    agent, customer = a_call()
    # the agent's microphone is dull, and the line has a little of what a telephone cuts off
    dull = telephone(agent) + 0.03 * agent
    bright = telephone(customer) + 0.2 * voice(48, 2) * (customer != 0)
    report = checked(pcm(dull, bright))
    assert 0.1 < report.confidence < 0.5
    assert report.refusal() is None
    (note,) = report.notes()
    assert note.startswith("agent and customer may be swapped")


def test_sidetone_and_line_noise_do_not_hide_a_swap() -> None:
    agent, customer = a_call()
    noise = np.random.default_rng(5).standard_normal((2, len(agent))) * 10 ** (-70 / 20)
    earpiece, microphone = customer + 0.25 * agent + noise[0], agent + 0.1 * customer + noise[1]
    assert checked(pcm(earpiece, microphone)).swapped
    assert not checked(pcm(microphone, earpiece)).swapped


@pytest.mark.parametrize("line", [telephone, np.asarray], ids=["two narrow", "two wide"])
def test_channels_of_one_bandwidth_cannot_be_told_apart(line: object) -> None:
    assert callable(line)
    agent, customer = turns(line(voice(48, 1)), line(voice(48, 2)))
    report = checked(pcm(agent, customer))
    assert not report.doubtful
    assert report.confidence == pytest.approx(0.9, abs=0.08)


def test_too_little_speech_is_no_evidence_of_bandwidth() -> None:
    agent, customer = a_call(6)
    report = checked(pcm(customer, agent))
    assert report.bandwidth == ("unknown", "unknown")
    assert not report.doubtful


def test_clipping_is_measured_per_channel_and_noted() -> None:
    agent, customer = a_call()
    report = checked(pcm(agent * 20, customer))
    assert report.clipped_pct[0] > 1
    assert report.clipped_pct[1] == 0
    (note,) = report.notes()
    assert note.startswith("the agent's channel is clipped")


def test_a_dc_offset_is_measured_and_noted() -> None:
    agent, customer = a_call()
    report = checked(pcm(agent, customer + 0.05))
    assert report.dc_dbfs[1] == pytest.approx(20 * np.log10(0.05), abs=0.2)
    assert report.notes() == ["the customer's channel has a DC offset (-26 dBFS)"]


def test_no_sound_at_all_is_silence() -> None:
    assert ChannelCheck().report().silent == (True, True)

"""Float references of the core's stages, straight from their definitions. NumPy and SciPy."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
from scipy import signal

Floats = npt.NDArray[np.float64]
FULL_SCALE = 32768.0
RATE_HZ = 16_000


def level_dbfs(hop: npt.NDArray[np.int16]) -> float:
    """RMS against a full-scale square wave, in dB."""
    return float(10 * np.log10(np.mean((hop / FULL_SCALE) ** 2)))


def power_spectrum(samples: Floats) -> Floats:
    """|X|^2 of bins 0..256 of 512 real values."""
    return np.abs(np.fft.rfft(samples, 512)) ** 2


def band_levels_dbfs(samples: npt.NDArray[np.int16], edges: npt.NDArray[np.int64]) -> Floats:
    """Energy of each band of 400 samples under a periodic Hann window, one-sided, in dBFS."""
    window = signal.windows.hann(400, sym=False)
    power = power_spectrum(samples / FULL_SCALE * window) * 2 / (512 * (window**2).sum())
    bands = [power[a:b].sum() for a, b in itertools.pairwise(edges)]
    return 10 * np.log10(np.maximum(bands, 1e-10))


def strongest_peaks(
    samples: npt.NDArray[np.int16], edges: npt.NDArray[np.int64]
) -> tuple[float, float, list[int]]:
    """Two strongest peaks of the telephone band, five bins each: share of all bands' energy,
    centre of gravity in bins, and the bins themselves."""
    power = power_spectrum(samples * signal.windows.hann(400, sym=False))
    whole, taken, moment, bins = power[edges[0] : edges[-1]].sum(), 0.0, 0.0, []
    for _ in range(2):
        best = edges[2] + 1 + int(np.argmax(power[edges[2] + 1 : edges[15] - 1]))
        around = np.arange(best - 2, best + 3)
        taken += power[around].sum()
        moment += (power[around] * around).sum()
        power[around] = 0
        bins.append(int(best))
    return float(taken / whole), float(moment / taken), bins


def decimated(samples: Floats, taps: Floats) -> Floats:
    """Low-pass at 48 kHz and every third sample; the first output when three have come in."""
    return np.convolve(samples, taps)[2 : len(samples) : 3]


PITCH_LAGS = np.arange(67, 7, -1)
"""At 4 kHz; the first and the last are only neighbours of what may be a peak."""


def bent_to_4_khz(samples: Floats) -> Floats:
    """Negative half waves turned up, means of means of four, less their own slow level."""
    bent = np.maximum(0.75 * samples, -0.5 * samples)
    means = np.convolve(bent, np.array([1, 2, 3, 4, 3, 2, 1]) / 16)[2 : len(samples) : 4]
    level = signal.lfilter([0, 1 / 8], [1, -7 / 8], means)
    return means - level


def likeness(sound: Floats) -> tuple[Floats, Floats]:
    """2 sum(ab) / sum(a^2 + b^2) of the last 30 ms and the same, a lag earlier; and sum(ab)."""
    a = sound[-120:]
    earlier = [sound[-120 - lag : -lag] for lag in PITCH_LAGS]
    cross = np.array([a @ b for b in earlier])
    power = np.array([a @ a + b @ b for b in earlier])
    return 2 * cross / (power + 1201), cross


def pitch_peaks(sound: Floats) -> tuple[Floats, Floats, Floats]:
    """Lag and worth of the four best peaks, and the height of all."""
    r, cross = likeness(sound)
    found = []
    for i in range(1, len(r) - 1):
        if cross[i - 1] < cross[i] >= cross[i + 1] and r[i] > 1 / 8:
            curve = min(r[i - 1] - 2 * r[i] + r[i + 1], -1 / 32768)
            off = np.clip((r[i - 1] - r[i + 1]) / curve / 2, -0.5, 0.5)
            lag, top = PITCH_LAGS[i] - off, r[i] - 0.375 * (r[i - 1] - r[i + 1]) * off
            found.append((lag, top - 0.045 * np.log2(lag / 9), r[i]))
    lags, worths, heights = np.array(found).reshape(-1, 3).T
    best = np.argsort(-worths)[:4]
    return lags[best], worths[best], heights


def pitch(samples: Floats) -> tuple[Floats, Floats]:
    """F0 in Hz (0 unvoiced) on the best path, read two frames late, and quick voicing."""
    sound = np.r_[np.zeros(187), bent_to_4_khz(samples)]
    lags, paths, origins = [np.array([])] * 3, np.zeros(1), [np.zeros(1, np.int64)] * 3
    f0, quick = [], []
    for end in range(187 + 40, len(sound) + 1, 40):
        found, worths, heights = pitch_peaks(sound[:end])
        best = heights.max(initial=0)
        quick.append((3 * best - best**2) / 2)
        cost = np.full((len(lags[-1]) + 1, len(found) + 1), 0.4)
        cost[0, 0] = 0
        cost[1:, 1:] = 1.1 * np.abs(np.log2(lags[-1])[:, None] - np.log2(found))
        reached = paths[:, None] - cost
        paths = reached.max(0) + np.r_[0.32, worths]
        lags, origins = [*lags[1:], found], [*origins[1:], reached.argmax(0)]
        at = origins[1][origins[2][paths.argmax()]]
        f0.append(0.0 if at == 0 else 4000 / lags[0][at - 1])
    return np.array(f0), np.array(quick)


def network(
    evidence: npt.NDArray[np.int8],
    seen: Floats,
    kept: Floats,
    bias: Floats,
    kept_bias: Floats,
    out: Floats,
    out_bias: Floats,
    *,
    steps: int | None = None,
) -> Floats:
    """Log-odds after each frame of a gated recurrent unit: evidence / 32, gates clipped at 8.

    With `steps`, the units multiply a memory that is rounded to so many steps of its unit.
    """
    units = kept.shape[1]
    memory, odds = np.zeros(units), []

    def gate(x: Floats) -> Floats:
        return 1 / (1 + np.exp(-np.clip(x, -8, 8)))

    for frame in evidence / 32.0:
        known = memory if steps is None else np.floor(memory * steps + 0.5) / steps
        heard, own = seen @ frame + bias, kept @ known
        reset = gate(heard[:units] + own[:units])
        update = gate(heard[units : 2 * units] + own[units : 2 * units])
        candidate = np.tanh(heard[2 * units :] + reset * (own[2 * units :] + kept_bias))
        memory = candidate + update * (memory - candidate)
        odds.append(out @ memory + out_bias)
    return np.array(odds)


def q8(db: float) -> float:
    """A step as the core knows it: whole 1/256 dB."""
    return round(db * 256) / 256


def noise_floor(levels_db: Floats) -> Floats:
    """Floor after each frame: down by a twelfth of the distance, up by 0.05 dB in Q8; by 0.6 dB
    where the last eighty frames stayed more than 3 dB above it."""
    floor, untouched, out = -60.0, 0, []
    for level in np.maximum(levels_db, -100.0):
        untouched = untouched + 1 if level > floor + 3 else 0
        up = q8(0.05) if untouched < 80 else q8(0.6)
        floor += min(up, level - floor) if level > floor else (level - floor) / 12
        out.append(floor)
    return np.array(out)


def talk(odds: Floats, on: float) -> npt.NDArray[np.bool_]:
    """Talk: above `on`, until half below it."""
    talking, talks = False, []
    for x in odds:
        talking = x > on or (talking and x >= on - 0.5)
        talks.append(talking)
    return np.array(talks)


def extremes(loudness_db: Floats) -> tuple[Floats, Floats]:
    """Least and most since the block of 100 frames before the running one began."""
    least, most = [], []
    for i in range(len(loudness_db)):
        recent = loudness_db[max(0, i // 100 * 100 - 100) : i + 1]
        # before the first block there is what init believes
        least.append(min([*recent, *([-65.0] if i < 100 else [])]))
        most.append(max([*recent, *([-45.0] if i < 100 else [])]))
    return np.array(least), np.array(most)


def turns(floors_db: Floats) -> Floats:
    """By how much a gain was turned before each frame, dB, 0 where none was.

    Floors of shape (frames, bands). The room is the least floor of 0.25 to 0.5 s; a gain is turned
    where, after two seconds, all bands moved by 10 dB in the mean, and each by as much, but for
    2.5 dB in the mean. Within two seconds after that, what is left of it is taken. Without a turn a
    room is followed by 2 dB/s.
    """
    out, turning = np.zeros(len(floors_db)), 0
    known = floors_db[0]
    for i in range(25, len(floors_db), 25):
        way = floors_db[max(0, i - 50) : i].min(0) - known
        mean = way.mean()
        settled = i >= 200
        if settled and abs(mean) >= 10 and np.abs(way - mean).mean() <= 2.5:
            turning = 8
        out[i] = mean if turning else 0
        known = known + (way if turning or not settled else np.clip(way, -0.5, 0.5))
        turning = max(0, turning - 1)
    return out


def gain_turns(bands_db: Floats, room_db: Floats, missing_db: Floats) -> Floats:
    """By how much a gain is found turned up with each frame; the known room moves with it.

    A jump: the means of four frames, three frames apart, differ by 15 dB or more, in every band
    alike but for 7 dB in the mean. Then in ten of the next twenty frames the other channel lacks
    8 dB of what is leaked into it, in the mean 4 dB less than the gain was turned. Or for a second
    no four bands come back near the room, and what is left lies 12 dB above it or more, in every
    band alike but for 6 dB.
    """
    out, jump, since, least, heard = np.zeros(len(bands_db)), 0.0, 0, bands_db[0], 0
    missed: list[float] = []
    room = then = room_db
    for i in range(len(bands_db)):
        heard += 1
        if heard < 11:
            continue
        newer = bands_db[i - 3 : i + 1].mean(0)
        way = newer - bands_db[i - 10 : i - 6].mean(0)
        now = way.mean() if way.mean() >= 15 and spread(way) <= 7 else 0.0
        if now > jump and (jump == 0 or since < 11):
            if jump == 0:
                then, since, missed = room, 0, []
            jump, least = now, newer
            continue
        if jump == 0:
            continue
        since, least = since + 1, np.minimum(least, newer)
        left = least - then
        missed += [missing_db[i]] if missing_db[i] >= 8 else []
        back = np.sum(left <= jump / 2) > 3
        if since <= 20:
            if len(missed) >= 10:
                out[i] = min(jump, np.mean(missed) + 4)
                jump, heard, room = 0.0, 0, room + out[i]
        elif back or since >= 100:
            if not back and left.mean() >= 12 and spread(left) <= 6:
                out[i] = min(jump, left.mean())
            jump, heard, room = 0.0, 0, room + out[i]
    return out


def slow_floors(floor_db: Floats, turned_db: Floats) -> Floats:
    """Mean floor over 2 s after each frame, moved with turned gains; at first, the floor itself."""
    slow, out = floor_db[0], []
    for i, (floor, turned) in enumerate(zip(floor_db, turned_db, strict=True)):
        slow = slow + turned if i >= 200 else floor
        slow += (floor - slow) / 200
        out.append(slow)
    return np.array(out)


def spread(values: Floats) -> float:
    """Mean distance from the mean."""
    return float(np.abs(values - values.mean()).mean())


def voice_after(voice: float, level: float, voicing: float) -> float:
    """Up by a sixteenth of the distance, down by 2 dB/s under a voice, else by 0.4 dB/s."""
    if level > voice:
        return voice + (level - voice) / 16
    return voice - (q8(0.02 if voicing > 0.8 else 0.004) if level > -100 else 0)


def moving_voices(loudness_db: Floats, voicing: Floats, moved_db: Floats) -> Floats:
    """Usual level of the voice after each frame, moved with something else before it; it starts 30
    dB over where the floors start."""
    voice, out = -30.0, []
    for level, v, moved in zip(loudness_db, voicing, moved_db, strict=True):
        voice = float(np.clip(voice_after(voice + moved, level, v), -100, 3))
        out.append(voice)
    return np.array(out)


def beside(loudness_db: Floats, steady_db: Floats) -> Floats:
    """How loud that is beside a voice: 45 dB below it everything is silence."""
    return np.maximum(loudness_db, steady_db - 45)


def usual_levels(
    loudness_db: Floats, voicing: Floats, turned_db: Floats, first_db: Floats
) -> Floats:
    """Voice, background and steady voice after each frame, shape (frames, 3).

    All move with the floors on their way to the first room, and where a gain is turned; where up,
    to what they were some 2.5 s ago and the rise, unless they are there already. The steady voice:
    up by a 32nd of the distance, down by 1 dB/s within 6 dB of it, else by 0.1 dB/s.
    """
    usual = np.array([-30.0, -65.0, -30.0])
    past, out = [usual] * 10, []
    for i, (by, way) in enumerate(zip(turned_db, first_db, strict=True)):
        usual = np.clip(usual + way, -100, 3)
        if by != 0:
            moved = np.maximum(usual, np.clip(past[0] + by, -100, 3)) if by > 0 else usual + by
            usual = np.clip(moved, -100, 3)
            past = [np.clip(old + by, -100, 3) for old in past]
        if i % 25 == 0:
            past = [*past[1:], usual]
        level, (voice, background, steady) = loudness_db[i], usual
        if level > steady:
            steady += (level - steady) / 32
        elif level > -100:
            steady -= 0.01 if level > steady - 6 else 0.001
        if level > -100:
            step = q8(0.03) if beside(level, steady) > background else -q8(0.07)
            background += step * (16 if i < 200 else 1)  # the first room is found fast
        usual = np.array([voice_after(voice, level, voicing[i]), background, steady])
        out.append(usual)
    return np.array(out)


def loudness(bands_db: Floats, voicing: Floats) -> Floats:
    """By frame: bands of 312 Hz .. 3 kHz added by the fourth root of their power, up to 12 dB less
    without a period; smoothed by a triangle over five frames."""
    audible = np.maximum(bands_db[:, 2:13], -75.0)
    plain = 40 * np.log10((10 ** (audible / 40)).sum(1)) - 12 * (1 - voicing)
    padded = np.r_[np.full(4, -33.3), plain]
    return np.convolve(padded, np.array([1, 2, 3, 2, 1]) / 9, "valid")


def nuclei(smooth_db: Floats, voicing: Floats) -> list[int]:
    """Frames of the contour's peaks that are voiced, loud, and 3 dB apart from each other."""
    found, nucleus, dip, loudest = [], 0.0, -33.3, -33.3
    for i in range(3, len(smooth_db) - 1):
        here = smooth_db[i]
        loudest, dip = max(here, loudest - q8(0.08)), min(dip, here)
        peak = here > smooth_db[i + 1] and here >= smooth_db[i - 3 : i].max()
        loud = here > max(loudest - 25, -27)
        if peak and loud and min(here, nucleus) - dip >= 3 and voicing[i] >= 0.5:
            found.append(i)
            nucleus = dip = here
        nucleus = max(nucleus, here)
    return found


def mean_over(values: Floats, frames: float, start: float | Floats = 0.0) -> Floats:
    """Running mean that forgets by 1/frames, after each frame."""
    mean, out = np.broadcast_to(start, values[0].shape).astype(float), []
    for value in values:
        mean = mean + (value - mean) / frames
        out.append(mean)
    return np.array(out)


def music_inputs(
    bands_db: Floats,
    share: Floats,
    bins: npt.NDArray[np.int64],
    loudness_db: Floats,
    voicing: Floats,
) -> Floats:
    """What the music network sees after each ten frames: 15 cues over 32 and over 128 frames, and
    the level of the loudest frame of late."""
    bands = np.maximum(bands_db[:, 2:15], -75.0)
    change = np.abs(np.diff(bands, axis=0, prepend=np.full((1, 13), -75.0))).mean(1)
    distance = np.minimum(np.abs(bands - mean_over(bands, 32, -75.0)), 15).mean(1)
    tilt = bands[:, 6:].mean(1) - bands[:, :6].mean(1)
    loudest, step = np.full(len(bands), -75.0), np.zeros(len(bands))
    for i, level in enumerate(loudness_db):
        loudest[i] = max(level, (loudest[i - 1] if i else -75.0) - q8(0.03), -75.0)
        step[i] = min(abs(level - (loudness_db[i - 1] if i else -75.0)), 10)
    drop = np.minimum(loudest - loudness_db, 30)

    def stood(ago: int) -> tuple[Floats, Floats]:
        then = np.r_[np.zeros((ago, 2), np.int64), bins[:-ago]]
        same = (bins[:, :, None] == then[:, None, :]) & (loudness_db > -60)[:, None, None]
        return same[:, 0].any(1).astype(float), same.any((1, 2)).astype(float)

    cues = [
        *(np.minimum(change, 12) / 4, np.minimum(change, 4) / 2, voicing, share),
        *(*stood(3), *stood(10)),
        *(drop / 8, drop > 12, drop > 20, step / 4, distance / 4),
        2 * np.abs(voicing - mean_over(voicing, 32)),
        np.minimum(np.abs(tilt - mean_over(tilt, 32)), 15) / 4,
    ]
    stacked = np.stack([np.asarray(cue, float) for cue in cues], 1)
    looks = stacked.reshape(-1, 10, 15).mean(1)
    return np.c_[mean_over(looks, 3.2), mean_over(looks, 12.8), loudest[9::10] / 16]


def music_odds(
    inputs: Floats, first: Floats, first_bias: Floats, second: Floats, second_bias: float
) -> float:
    """Log-odds of music."""
    return float(np.maximum(first @ inputs + first_bias, 0) @ second + second_bias)

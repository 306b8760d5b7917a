"""What sounds around a call, and what happens to sound on its way: rooms, lines, leaks, gains."""

from __future__ import annotations

import numpy as np
from scipy import signal

from voices import RATE_HZ, Material, Sound, load

HOP = 160
Rng = np.random.Generator


def rms(x: Sound) -> float:
    return float(np.sqrt((x**2).mean() + 1e-12))


def decibels(x: float) -> float:
    return float(10 ** (x / 20))


def at_speed(x: Sound, speed: float) -> Sound:
    """Faster and higher, or slower and lower, as a tape would."""
    return np.interp(np.arange(0, len(x) - 1, speed), np.arange(len(x)), x)


def telephone(x: Sound, low_hz: float = 300, high_hz: float = 3400) -> Sound:
    """A telephone's band, 8 kHz, mu-law, back to 16 kHz."""
    band = signal.butter(4, [low_hz, high_hz], "band", fs=RATE_HZ, output="sos")
    narrow = signal.sosfilt(band, x)[::2]
    code = np.sign(narrow) * np.log1p(255 * np.clip(np.abs(narrow), 0, 1)) / np.log(256)
    code = np.round(code * 127) / 127
    coded = np.sign(code) * (256.0 ** np.abs(code) - 1) / 255
    out = signal.resample_poly(coded, 2, 1)
    return np.pad(out, (0, max(0, len(x) - len(out))))[: len(x)]


def leak(x: Sound, gain_db: float, rng: Rng, late_s: float = 0.0) -> Sound:
    """What of x arrives in the other channel: delayed, coloured, with a short room behind it.

    `late_s` comes on top of the few milliseconds that a desk takes.
    """
    tail = rng.normal(0, 0.15, 800) * np.exp(-np.arange(800) / rng.uniform(40, 200))
    tail[0] = 1.0
    low, high = rng.uniform(60, 350), rng.uniform(2200, 6000)
    colour = signal.butter(1, [low, high], "band", fs=RATE_HZ, output="sos")
    y = signal.sosfilt(colour, signal.oaconvolve(x, tail)[: len(x)])
    delay = int(rng.integers(4, 80)) + int(late_s * RATE_HZ)
    y = np.r_[np.zeros(delay), y[: len(x) - delay]]
    return y / rms(y) * rms(x) * decibels(gain_db)


def neighbours(material: Material, rng: Rng) -> Material:
    """Who talks in the room: anybody, or people of one kind.

    Most often those of short commands, whose babble has gaps and peaks: the hardest one to tell
    from an agent.
    """
    names = sorted(material.speakers)
    if rng.random() < 0.4:
        return material
    kind = names[rng.integers(len(names))].split("-")[0]
    if rng.random() < 0.7 and any(name.startswith("en-") for name in names):
        kind = "en-"
    return Material({k: v for k, v in material.speakers.items() if k.startswith(kind)})


def babble(material: Material, n: int, rng: Rng, talkers: int, pause_s: float = 0.0) -> Sound:
    """Several talkers at once, each pausing up to `pause_s` between utterances; RMS 1."""
    names = sorted(material.speakers)
    out = np.zeros(n)
    for _ in range(talkers):
        files = material.speakers[names[rng.integers(len(names))]]
        at = -int(rng.integers(0, RATE_HZ))
        gain = decibels(rng.normal(0, 3))
        while at < n:
            dry = load(files[rng.integers(len(files))])
            dry = dry / rms(dry) * gain
            piece = dry[max(0, -at) : n - at]
            out[max(0, at) : max(0, at) + len(piece)] += piece
            at += len(dry) + int(rng.uniform(0, pause_s) * RATE_HZ)
    return out / rms(out)


def hiss(n: int, rng: Rng) -> Sound:
    """Hiss of any colour, in four of ten cases with mains hum; RMS 1."""
    out = signal.lfilter([1], [1, -rng.uniform(0, 0.95)], rng.normal(size=n))
    out /= rms(out)
    if rng.random() < 0.4:
        seconds, hz = np.arange(n) / RATE_HZ, rng.choice([50, 60])
        hum = sum(
            np.sin(2 * np.pi * hz * k * seconds + rng.uniform(0, 6)) / k**0.7 for k in range(1, 9)
        )
        out = out + hum / rms(hum) * rng.uniform(0.2, 3)
    return out / rms(out)


def breath(n: int, rng: Rng) -> Sound:
    """Somebody breathes at the microphone: swells of noise in a moving band; RMS 1."""
    out = np.zeros(n)
    at = 0
    while at < n:
        for low_hz, high_hz, seconds, gain_db in (
            (rng.uniform(200, 900), rng.uniform(1500, 6000), rng.uniform(0.5, 1.5), -4.0),
            (rng.uniform(100, 500), rng.uniform(900, 4000), rng.uniform(0.6, 2.5), 0.0),
        ):
            length = int(seconds * RATE_HZ)
            band = signal.butter(1, [low_hz, high_hz], "band", fs=RATE_HZ, output="sos")
            swell = np.sin(np.pi * np.arange(length) / length) ** rng.uniform(0.5, 2)
            piece = signal.sosfilt(band, rng.normal(size=length)) * swell
            piece = (piece / rms(piece) * decibels(gain_db + rng.normal(0, 3)))[: max(0, n - at)]
            out[at : at + len(piece)] = piece
            at += length + int(rng.uniform(0.05, 1.2) * RATE_HZ)
    return out / rms(out)


def coloured(x: Sound, rng: Rng) -> Sound:
    """Another room's, or another microphone's, slope of the spectrum; RMS 1."""
    a, b = rng.uniform(-0.6, 0.6, 2)
    out = signal.lfilter([1, -a], [1, -b], x)
    return out / rms(out)


def surging(x: Sound, rng: Rng) -> Sound:
    """Comes and goes by a few decibels, as wind, rain and machines do; RMS 1."""
    slow = 1 - np.exp(-2 * np.pi * rng.uniform(0.3, 8) / 100)
    db = signal.lfilter([slow], [1, slow - 1], rng.normal(size=len(x) // HOP + 2))
    db *= rng.uniform(1, 5) / (db.std() + 1e-9)
    out = x * 10 ** (np.interp(np.arange(len(x)) / HOP, np.arange(len(db)), db) / 20)
    return out / rms(out)


def noise(material: Material, n: int, rng: Rng) -> Sound:
    """A recorded noise, hiss and hum, breath, or key strokes; RMS 1."""
    kind = rng.random()
    if kind < 0.1:
        out = breath(n, rng)
    elif kind < 0.5 and material.noises:
        sound = load(material.noises[rng.integers(len(material.noises))])
        out = np.resize(np.roll(sound, int(rng.integers(len(sound)))), n)
    elif kind < 0.6 and material.keys:
        out = np.zeros(n)
        at = 0
        while at < n:
            key = load(material.keys[rng.integers(len(material.keys))])[: n - at]
            out[at : at + len(key)] += key
            at += int(rng.uniform(0.05, 0.4) * RATE_HZ)
    else:
        out = hiss(n, rng)
    if rng.random() < 0.4:
        out = surging(out, rng)
    return out / rms(out)


def tones(n: int, rng: Rng) -> Sound:
    """Ringback, busy or DTMF; RMS 1 while it sounds."""
    pairs, on, off = [
        ([(440, 480)], 2.0, 4.0),
        ([(425,)], 1.0, 4.0),
        ([(400, 450)], 0.4, 0.2),
        ([(425,)], 0.5, 0.5),
        ([(480, 620)], 0.5, 0.5),
        ([(a, b) for a in (697, 770, 852, 941) for b in (1209, 1336, 1477)], 0.1, 0.1),
    ][rng.integers(6)]
    out = np.zeros(n)
    for start in range(0, n, int((on + off) * RATE_HZ)):
        sounds = out[start : start + int(on * RATE_HZ)]
        seconds = np.arange(start, start + len(sounds)) / RATE_HZ
        for hz in pairs[rng.integers(len(pairs))]:
            sounds += np.sin(2 * np.pi * hz * seconds)
    return out


def line_sound(material: Material, n: int, rng: Rng) -> Sound:
    """Tones of the line, or hold music; RMS 1."""
    if rng.random() < 0.3 or not material.music:
        out = tones(n, rng)
    else:
        sound = load(material.music[rng.integers(len(material.music))])
        at = int(rng.integers(max(1, len(sound) - n)))
        out = np.resize(sound[at : at + n], n)
    return out / rms(out)


def lose_packets(x: Sound, share: float, rng: Rng) -> Sound:
    """Packets of 20 ms lost and concealed by the one before, faded."""
    out = x.copy()
    for start in np.flatnonzero(rng.random(len(x) // 320) < share) * 320:
        if start >= 320:
            out[start : start + 320] = out[start - 320 : start] * np.linspace(0.8, 0.2, 320)
    return out


def gain_steps(x: Sound, rng: Rng) -> Sound:
    """Somebody turns a gain during the call, once or twice, by 6 to 24 dB."""
    cuts = np.sort(rng.integers(len(x), size=rng.integers(1, 3)))
    turned = rng.uniform(6, 24, len(cuts)) * rng.choice([-1, 1], len(cuts))
    db = np.r_[0, np.cumsum(turned)]
    db += rng.uniform(-6, 6) - max(0, db.max())
    out = x.copy()
    for part, part_db in zip(np.split(out, cuts), db, strict=True):
        part *= decibels(part_db)
    return out


def automatic_gain(x: Sound, rng: Rng) -> Sound:
    """An automatic gain: quick to turn loud sound down, slow to turn the pauses up."""
    frames = x[: len(x) // HOP * HOP].reshape(-1, HOP)
    db = 10 * np.log10((frames**2).mean(1) + 1e-8)
    attack, release = rng.uniform(0.1, 0.5), 0.01 / rng.uniform(0.3, 4.0)
    usual, heard = float(np.quantile(db, 0.8)), np.empty(len(db))
    level = usual
    for i, now in enumerate(db):
        level += (now - level) * (attack if now > level else release)
        heard[i] = level
    gain_db = np.clip((usual - heard) * rng.uniform(0.3, 0.8), -15, 15)
    return x * 10 ** (np.interp(np.arange(len(x)) / HOP, np.arange(len(db)), gain_db) / 20)

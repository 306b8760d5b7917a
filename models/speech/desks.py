"""Two-party calls put on a desk: recorded voices, line, bleed, sidetone, neighbours, noise.

Everything is drawn from one seed. The truth is each party's own dry voice: speech where its level
is within 35 dB of the utterance's loudest 50 ms and 12 dB above the recording's own noise;
pauses up to 150 ms belong to it, since nobody takes the floor within one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from voices import RATE_HZ, Material, Sound, load

HOP = 160
BRIDGE = 15
"""Frames of a pause that still belongs to the speech around it."""
Labels = npt.NDArray[np.bool_]
Rng = np.random.Generator


def runs(active: Labels) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.r_[0, active.astype(np.int8), 0]))
    return list(zip(edges[::2], edges[1::2], strict=True))


def settle(active: Labels, bridge: int, least: int = 12) -> Labels:
    """Drops runs shorter than `least` frames, then bridges gaps up to `bridge` frames."""
    out = np.zeros_like(active)
    kept = [(a, b) for a, b in runs(active) if b - a >= least]
    for a, b in kept:
        out[a:b] = True
    for (_, b), (c, _) in itertools.pairwise(kept):
        if c - b <= bridge:
            out[b:c] = True
    return out


def speech_frames(dry: Sound) -> Labels:
    frames = dry[: len(dry) // HOP * HOP].reshape(-1, HOP)
    power = np.convolve((frames**2).mean(1), np.ones(5) / 5, "same")
    db = 10 * np.log10(power + 1e-12)
    # a recording's own noise is no speech: stay 12 dB above it, as far as the voice allows
    quiet = float(np.quantile(db, 0.03)) + 12
    return settle(db > max(db.max() - 35, min(quiet, db.max() - 18), -75), bridge=BRIDGE)


def at_speed(x: Sound, speed: float) -> Sound:
    """Faster and higher, or slower and lower, as a tape would."""
    return np.interp(np.arange(0, len(x) - 1, speed), np.arange(len(x)), x)


def rms(x: Sound) -> float:
    return float(np.sqrt((x**2).mean() + 1e-12))


def decibels(x: float) -> float:
    return float(10 ** (x / 20))


def decibels_each(x: Sound) -> Sound:
    return 10 ** (x / 20)


@dataclass
class Call:
    """Dry voices at -20 dBFS, and who speaks in each 10 ms."""

    voices: Sound
    """Shape (n, 2), agent first."""
    speech: Labels
    """Shape (n // 160, 2)."""


def converse(material: Material, rng: Rng, seconds: float, solo: bool = False) -> Call:
    """Turns of one to three utterances, with gaps, overlaps, backchannels and long pauses.

    With `solo`, one party (drawn) speaks alone with pauses, the other channel stays silent.
    """
    names = sorted(material.speakers)
    pair = [material.speakers[names[i]] for i in rng.choice(len(names), 2, replace=False)]
    # other lengths of the throat and other pitches than the recordings have
    speed = rng.uniform(0.85, 1.2, 2)
    total = int(seconds * RATE_HZ)
    voices = np.zeros((total, 2))
    speech = np.zeros((total // HOP, 2), bool)

    def place(at_s: float, party: int) -> float:
        dry = load(pair[party][rng.integers(len(pair[party]))])
        dry = at_speed(dry[: int(rng.uniform(0.3, 8.0) * RATE_HZ)], speed[party])
        dry = dry / rms(dry) * 0.1 * decibels(rng.normal(0, 3.0))
        start = int(at_s * 100) * HOP
        dry = dry[: max(0, total - start)]
        if len(dry) < 5 * HOP:
            return seconds
        voices[start : start + len(dry), party] += dry
        found = speech_frames(dry)
        speech[start // HOP : start // HOP + len(found), party] |= found
        return at_s + len(dry) / RATE_HZ

    now, party = float(rng.uniform(0.2, 3.0)), int(rng.integers(2))
    while now < seconds - 1:
        # most turns are short; now and then somebody tells a story
        for _ in range(rng.integers(6, 15) if rng.random() < 0.06 else rng.integers(1, 4)):
            started = now
            now = place(now, party) + float(rng.uniform(0.0, 0.6))
            if not solo and rng.random() < 0.2 and now - started > 1.5:
                place(float(rng.uniform(started + 0.3, now - 0.5)), 1 - party)
        gap = float(
            rng.choice(
                [rng.uniform(-1.2, 0), rng.uniform(-4, -1), rng.uniform(0, 1), rng.uniform(0.5, 6)],
                p=[0.27, 0.08, 0.47, 0.18],
            )
        )
        if solo:
            now += abs(gap)
        else:
            party = 1 - party
            now = max(now + gap, 0.2)
    speech = np.stack([settle(speech[:, k], bridge=BRIDGE) for k in (0, 1)], 1)
    return Call(voices, speech)


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
    y = signal.sosfilt(colour, signal.fftconvolve(x, tail)[: len(x)])
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
    return out / rms(out)


def tones(n: int, rng: Rng) -> Sound:
    """Ringback, busy or DTMF; RMS 1 while it sounds."""
    seconds = np.arange(n) / RATE_HZ
    pairs, on, off = [
        ([(440, 480)], 2.0, 4.0),
        ([(425,)], 1.0, 4.0),
        ([(400, 450)], 0.4, 0.2),
        ([(425,)], 0.5, 0.5),
        ([(480, 620)], 0.5, 0.5),
        ([(a, b) for a in (697, 770, 852, 941) for b in (1209, 1336, 1477)], 0.1, 0.1),
    ][rng.integers(6)]
    out = np.zeros(n)
    for k in range(int(n / RATE_HZ / (on + off)) + 1):
        for hz in pairs[rng.integers(len(pairs))]:
            out += np.sin(2 * np.pi * hz * seconds) * (
                (seconds >= k * (on + off)) & (seconds < k * (on + off) + on)
            )
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
    """Somebody turns a gain during the call, once to three times: steps of up to 28 dB."""
    out = x.copy()
    cuts = np.sort(rng.integers(len(x), size=rng.integers(1, 4)))
    for part in np.split(out, cuts):
        part *= decibels(rng.uniform(-14, 14))
    return out / max(1.0, rms(out) / max(rms(x), 0.05))


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
    return x * decibels_each(np.interp(np.arange(len(x)) / HOP, np.arange(len(db)), gain_db))


def pause_of(call: Call, party: int, rng: Rng) -> slice:
    """Some 3 to 15 s of the call, in samples, in which this party says nothing: `call` is cut."""
    frames = len(call.speech)
    length = int(rng.integers(300, 1500))
    at = int(rng.integers(max(1, frames - length)))
    call.speech[at : at + length, party] = False
    samples = slice(at * HOP, (at + length) * HOP)
    call.voices[samples, party] = 0
    return samples


def gate(speech: Labels, n: int) -> Sound:
    """1 while a party speaks and 150 ms around, else 0."""
    wide = np.convolve(speech, np.ones(31), "same") > 0
    return np.pad(np.repeat(wide, HOP), (0, n - len(wide) * HOP), "edge").astype(float)


@dataclass
class Desk:
    """How a call sounds where the device listens. dB; None leaves a part out."""

    agent_dbfs: float
    customer_dbfs: float
    bleed_db: float | None
    sidetone_db: float | None
    snr_db: float
    talkers: int
    """Neighbours in the babble; 0 takes a recorded or synthetic noise."""
    narrow: bool
    """The customer comes through a telephone."""
    agent_narrow: bool
    """The tap sits behind the telephone, so the agent is narrow-band too."""
    gated: tuple[bool, bool]
    """A noise gate leaves digital silence wherever this party does not speak."""
    line_snr_db: float
    """Noise around the customer and on the line, against the customer's voice."""
    lost: float
    """Share of 20 ms packets that the line loses."""
    muted: bool
    """The agent mutes the microphone for a while: digital silence."""
    relayed: bool
    """The customer hands over to another one, at another level."""
    recorded: bool
    """Both voices come from a telephone recording: narrow before anything is added to them."""
    held: bool
    """Music or tones of the line for a while, instead of the customer."""
    late_s: tuple[float, float]
    """By how much bleed and sidetone come late: a radio headset, an echo of the line."""
    automatic: tuple[bool, bool]
    """The microphone's tap, or the customer's line, has an automatic gain."""


def lateness(rng: Rng) -> float:
    """Of a leak, s: of most none, up to what the core looks for of the others."""
    return float(rng.uniform(0.01, 0.15)) if rng.random() < 0.12 else 0.0


def draw_desk(rng: Rng) -> Desk:
    """A desk of the world: most have leaks and neighbours, some are clean, some are terrible."""
    clean = rng.random() < 0.25
    return Desk(
        agent_dbfs=float(rng.uniform(-38, -12)),
        customer_dbfs=float(rng.uniform(-38, -12)),
        bleed_db=None if clean or rng.random() < 0.1 else float(rng.uniform(-32, -8)),
        sidetone_db=None if clean or rng.random() < 0.15 else float(rng.uniform(-30, -8)),
        snr_db=float(rng.uniform(30, 60)) if clean else float(rng.uniform(2, 26)),
        talkers=int(rng.choice([0, 1, 3, 6, 8, 10], p=[0.4, 0.08, 0.12, 0.15, 0.15, 0.1])),
        narrow=bool(rng.random() < 0.75),
        agent_narrow=bool(rng.random() < 0.4),
        gated=(bool(rng.random() < 0.4 * clean), bool(rng.random() < 0.15)),
        line_snr_db=float(rng.uniform(8, 30)) if rng.random() < 0.4 else 60.0,
        lost=float(rng.uniform(0.005, 0.05)) if rng.random() < 0.2 else 0.0,
        muted=bool(rng.random() < 0.15),
        relayed=bool(rng.random() < 0.15),
        recorded=bool(rng.random() < 0.35),
        held=bool(rng.random() < 0.15),
        late_s=(lateness(rng), lateness(rng)),
        automatic=(bool(rng.random() < 0.1), bool(rng.random() < 0.15)),
    )


def level_to(x: Sound, speech: Labels, dbfs: float) -> Sound:
    active = np.repeat(speech, HOP)
    active = np.pad(active, (0, len(x) - len(active)))
    return x if not active.any() else x / rms(x[active]) * decibels(dbfs)


def put_on(desk: Desk, call: Call, material: Material, rng: Rng) -> npt.NDArray[np.int16]:
    """The two channels as the device hears them: int16, shape (n, 2). A mute also cuts `call`."""
    muted = pause_of(call, 0, rng) if desk.muted else None
    held = pause_of(call, 1, rng) if desk.held else None
    agent = level_to(call.voices[:, 0], call.speech[:, 0], desk.agent_dbfs)
    customer = level_to(call.voices[:, 1], call.speech[:, 1], desk.customer_dbfs)
    n = len(agent)
    band = (float(rng.uniform(60, 300)), float(rng.uniform(3300, 3700)))
    if desk.recorded:
        agent, customer = telephone(agent, *band), telephone(customer, *band)
    if held is not None:
        hold = customer[held]
        hold += line_sound(material, len(hold), rng) * decibels(desk.customer_dbfs)
    if desk.relayed:
        customer[int(rng.integers(n)) :] *= decibels(rng.uniform(-15, 15))
    if desk.line_snr_db < 40:
        kind = rng.random()
        if kind < 0.6:
            near_customer = hiss(n, rng)
        elif kind < 0.8:
            near_customer = noise(material, n, rng)
        else:
            near_customer = babble(material, n, rng, 6)
        customer = customer + near_customer * decibels(desk.customer_dbfs - desk.line_snr_db)
    if desk.narrow:
        customer = telephone(customer, *band)
    if desk.automatic[1]:
        customer = automatic_gain(customer, rng)
    customer = lose_packets(customer, desk.lost, rng)
    # a one-talker neighbour is a rival voice: keep it well below the agent
    snr_db = desk.snr_db if desk.talkers != 1 else max(desk.snr_db, 12.0)
    if desk.talkers:
        pause_s = float(rng.choice([0.0, 2.0]))
        around = babble(neighbours(material, rng), n, rng, desk.talkers, pause_s)
    else:
        around = noise(material, n, rng)
    microphone = agent + around * decibels(desk.agent_dbfs - snr_db)
    microphone += rng.normal(0, decibels(rng.uniform(-90, -66)), n)
    if desk.agent_narrow:
        microphone = telephone(microphone, *band)
    if muted is not None:
        microphone[muted] = 0
    line = customer + rng.normal(0, decibels(rng.uniform(-90, -60)), n)
    for sound, party in ((microphone, 0), (line, 1)):
        if desk.gated[party]:
            sound *= gate(call.speech[:, party], n)
    if desk.bleed_db is not None:
        microphone = microphone + leak(line, desk.bleed_db, rng, desk.late_s[0])
    earpiece = line
    if desk.sidetone_db is not None:
        earpiece = line + leak(microphone, desk.sidetone_db, rng, desk.late_s[1])
    if desk.automatic[0]:
        microphone = automatic_gain(microphone, rng)
    if rng.random() < 0.4:
        microphone = gain_steps(microphone, rng)
    if rng.random() < 0.4:
        earpiece = gain_steps(earpiece, rng)
    both = np.stack([microphone, earpiece], 1)
    peak = np.abs(both).max()
    if peak > 0.99 and rng.random() < 0.8:
        both *= 0.99 / peak
    return np.clip(np.round(both * 32767), -32768, 32767).astype(np.int16)


def line_sounds(
    material: Material, rng: Rng, seconds: float
) -> tuple[npt.NDArray[np.int16], Labels]:
    """No speech at all: tones or music in the earpiece, noise or breathing in the microphone."""
    n = int(seconds * RATE_HZ)
    far = breath(n, rng) if rng.random() < 0.2 else line_sound(material, n, rng)
    far = far * decibels(rng.uniform(-40, -14))
    if rng.random() < 0.7:
        far = telephone(far)
    near = noise(material, n, rng) * decibels(rng.uniform(-60, -34))
    near += leak(far, float(rng.uniform(-34, -10)), rng)
    pcm = np.clip(np.stack([near, far], 1) * 32767, -32768, 32767).astype(np.int16)
    return pcm, np.zeros((n // HOP, 2), bool)

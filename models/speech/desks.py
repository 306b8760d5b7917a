"""Conversations put on a desk: recorded voices, line, bleed, sidetone, neighbours, noise.

Everything is drawn from one seed. The truth is each party's own dry voice (conversations.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acoustics import (
    HOP,
    Rng,
    automatic_gain,
    babble,
    breath,
    coloured,
    decibels,
    gain_steps,
    hiss,
    leak,
    line_sound,
    lose_packets,
    neighbours,
    noise,
    telephone,
    tones,
)
from conversations import Call, Labels, level_to
from voices import RATE_HZ, Material, Sound


def pause_of(call: Call, party: int, rng: Rng) -> slice:
    """Some 3 to 15 s of the call, in samples, in which this party says nothing: `call` is cut."""
    frames = len(call.speech)
    length = int(rng.integers(300, 1500))
    at = int(rng.integers(max(1, frames - length)))
    call.speech[at : at + length, party] = False
    samples = slice(at * HOP, (at + length) * HOP)
    call.voices[samples, party] = 0
    return samples


def before_call(call: Call, rng: Rng) -> slice:
    """The first 2 to 8 s, in samples, in which the device hears an idle line: `call` is cut."""
    length = int(rng.integers(200, 800))
    call.speech[:length] = False
    samples = slice(0, length * HOP)
    call.voices[samples] = 0
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
    rival_db: float | None
    """One neighbour talks on beside the microphone for some seconds, against the agent."""
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
    """The customer hands over to another one, at another level; where the line sounds for a while,
    after that."""
    recorded: bool
    """Both voices come from a telephone recording: narrow before anything is added to them."""
    held: bool
    """Music or tones of the line for a while, instead of the customer."""
    opens: bool
    """The line is idle first: another, fainter room at the microphone, perhaps ringing."""
    late_s: tuple[float, float]
    """By how much bleed and sidetone come late: a radio headset, an echo of the line."""
    automatic: tuple[bool, bool]
    """The microphone's tap, or the customer's line, has an automatic gain."""
    turned: float
    """Chance of each channel that its gain is turned now and then."""


def lateness(rng: Rng) -> float:
    """Of a leak, s: of most none, up to what the core looks for of the others."""
    return float(rng.uniform(0.01, 0.15)) if rng.random() < 0.12 else 0.0


def leak_db(absent: float, weakest: float, rng: Rng) -> float | None:
    """Gain of a leak, which a share of the desks does not have."""
    return None if rng.random() < absent else float(rng.uniform(weakest, -8))


def room_below(clean: bool, rng: Rng) -> float:
    """By how much the room is fainter than the agent, dB."""
    if clean:
        return float(rng.uniform(30, 60))
    return float(rng.uniform(0, 22) if rng.random() < 0.75 else rng.uniform(22, 45))


def draw_desk(rng: Rng) -> Desk:
    """Four of ten desks are ordinary ones, the others are all that there may be."""
    return ordinary_desk(rng) if rng.random() < 0.4 else any_desk(rng)


def ordinary_desk(rng: Rng) -> Desk:
    """A headset in a busy room: leaks and neighbours, both parties about as loud."""
    return Desk(
        agent_dbfs=float(rng.uniform(-38, -18)),
        customer_dbfs=float(rng.uniform(-38, -18)),
        bleed_db=leak_db(0.03, -26, rng),
        sidetone_db=leak_db(0.03, -26, rng),
        snr_db=float(rng.uniform(4, 21)),
        talkers=int(rng.choice([0, 3, 6, 8, 10], p=[0.4, 0.05, 0.1, 0.35, 0.1])),
        rival_db=float(rng.uniform(-6, 8)) if rng.random() < 0.25 else None,
        narrow=bool(rng.random() < 0.75),
        agent_narrow=bool(rng.random() < 0.1),
        gated=(False, False),
        line_snr_db=float(rng.uniform(10, 40)) if rng.random() < 0.15 else 60.0,
        lost=float(rng.uniform(0.005, 0.03)) if rng.random() < 0.1 else 0.0,
        muted=bool(rng.random() < 0.05),
        relayed=bool(rng.random() < 0.1),
        recorded=bool(rng.random() < 0.1),
        held=bool(rng.random() < 0.3),
        opens=bool(rng.random() < 0.15),
        late_s=(lateness(rng), lateness(rng)),
        automatic=(False, bool(rng.random() < 0.1)),
        turned=0.1,
    )


def any_desk(rng: Rng) -> Desk:
    """A desk of the world: most have leaks and neighbours, some are clean, some are terrible."""
    clean = rng.random() < 0.3
    return Desk(
        agent_dbfs=float(rng.uniform(-56, -12)),
        customer_dbfs=float(rng.uniform(-56, -12)),
        bleed_db=leak_db(0.5 if clean else 0.1, -32, rng),
        sidetone_db=leak_db(0.5 if clean else 0.15, -30, rng),
        snr_db=room_below(clean, rng),
        talkers=int(rng.choice([0, 1, 3, 6, 8, 10], p=[0.4, 0.08, 0.12, 0.15, 0.15, 0.1])),
        rival_db=float(rng.uniform(-6, 6)) if rng.random() < 0.2 else None,
        narrow=bool(rng.random() < 0.75),
        agent_narrow=bool(rng.random() < 0.4),
        gated=(bool(rng.random() < 0.4 * clean), bool(rng.random() < 0.15)),
        line_snr_db=float(rng.uniform(0, 30)) if rng.random() < 0.4 else 60.0,
        lost=float(rng.uniform(0.005, 0.05)) if rng.random() < 0.2 else 0.0,
        muted=bool(rng.random() < 0.25),
        relayed=bool(rng.random() < 0.2),
        recorded=bool(rng.random() < 0.35),
        held=bool(rng.random() < 0.35),
        opens=bool(rng.random() < 0.15),
        late_s=(lateness(rng), lateness(rng)),
        automatic=(bool(rng.random() < 0.1), bool(rng.random() < 0.15)),
        turned=0.5,
    )


def put_on(desk: Desk, call: Call, material: Material, rng: Rng) -> npt.NDArray[np.int16]:
    """The two channels as the device hears them: int16, shape (n, 2).

    A mute, a hold and an idle line also cut `call`.
    """
    idle = before_call(call, rng) if desk.opens else None
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
        at = int(rng.integers(n)) if held is None else held.stop
        customer[at:] *= decibels(rng.uniform(-15, 15))
    if desk.line_snr_db < 40:
        snr_db = desk.line_snr_db
        kind = rng.random()
        if kind < 0.35:
            near_customer = hiss(n, rng)
        elif kind < 0.85:
            near_customer = noise(material, n, rng)
        else:
            near_customer, snr_db = babble(material, n, rng, 6), max(snr_db, 8.0)
        customer = customer + near_customer * decibels(desk.customer_dbfs - snr_db)
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
    if rng.random() < 0.6:
        around = coloured(around, rng)
    microphone = agent + around * decibels(desk.agent_dbfs - snr_db)
    microphone += rng.normal(0, decibels(rng.uniform(-98, -66)), n)
    if desk.rival_db is not None:
        length = min(n, int(rng.uniform(4, 12) * RATE_HZ))
        at = int(rng.integers(n - length + 1))
        near = babble(material, length, rng, 1) * decibels(desk.agent_dbfs + desk.rival_db)
        microphone[at : at + length] += near
    if desk.agent_narrow:
        microphone = telephone(microphone, *band)
    if muted is not None:
        microphone[muted] = 0
    line = customer + rng.normal(0, decibels(rng.uniform(-98, -60)), n)
    for sound, party in ((microphone, 0), (line, 1)):
        if desk.gated[party]:
            sound *= gate(call.speech[:, party], n)
    if idle is not None:
        room_dbfs = min(desk.agent_dbfs - 12, float(rng.uniform(-75, -45)))
        microphone[idle] = hiss(idle.stop, rng) * decibels(room_dbfs)
        line[idle] = rng.normal(0, decibels(rng.uniform(-98, -60)), idle.stop)
        if rng.random() < 0.7:
            line[idle] += tones(idle.stop, rng) * decibels(desk.customer_dbfs)
    if desk.bleed_db is not None:
        microphone = microphone + leak(line, desk.bleed_db, rng, desk.late_s[0])
    earpiece = line
    if desk.sidetone_db is not None:
        earpiece = line + leak(microphone, desk.sidetone_db, rng, desk.late_s[1])
    if desk.automatic[0]:
        microphone = automatic_gain(microphone, rng)
    if rng.random() < desk.turned:
        microphone = gain_steps(microphone, rng)
    if rng.random() < desk.turned:
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

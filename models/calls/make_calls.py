"""Makes the demo calls: two-channel audio, and beside each the exact truth as JSON.

Dialogues come from dialogues.toml, voices from Kokoro, everything around them from this folder.
The same inputs give the same files.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from desk import (
    LINE_NOISE_DBFS,
    RATE_HZ,
    Signal,
    babble,
    bleed,
    db,
    line_noise,
    room_tone,
    sidetone,
    telephone,
    typing,
)
from dialogues import PARTIES, Babble, Call, DialogueError, Line, load
from music import hold_music
from opus import check, write
from timeline import Timeline, meant_events, place, speak
from truth import Event, Span, bridged, classify, measures, overlaps, speech_mask
from voices import VoiceError, Voices

HERE = Path(__file__).resolve().parent
DIALOGUES = HERE / "dialogues.toml"
OUT = HERE.parent.parent / "edge" / "turnlight" / "calls"
CACHE = Path.home() / ".cache" / "turnlight-calls"
EXAMPLE = """example:
  npm pack kokoro-js@1.2.1 && tar xzf kokoro-js-1.2.1.tgz
  python models/calls/make_calls.py --voices package/voices --only calm
"""
MUSIC_BELOW_CUSTOMER_DB = -3.0
SAME_TIME_S = 0.03
SHORT_ANSWER_S = 1.0  # an own turn this short could be taken for a backchannel ...
SHORT_ANSWER_GAP_S = 0.55  # ... unless the other waits this long
INTERRUPTION_S = (0.65, 2.0)  # scripted overlaps keep away from the 0.5 s rule
EARLY_START_S = (0.05, 0.4)
BACKCHANNEL_S = (0.12, 0.85)


@dataclass(frozen=True)
class Made:
    """One row of the table at the end."""

    name: str
    duration_s: float
    talk_share: float
    events: list[Event]
    size_bytes: int
    leak_db: float


def assert_events(call: Call, timeline: Timeline, meant: list[Event]) -> None:
    """The dialogue's events and the product's rules agree, away from every threshold."""
    seen = classify(timeline.spans)
    problems = []
    same = len(meant) == len(seen) and all(
        (m.kind, m.by, m.floor_taken) == (s.kind, s.by, s.floor_taken)
        and abs(m.start_s - s.start_s) < SAME_TIME_S
        and abs(m.end_s - s.end_s) < SAME_TIME_S
        for m, s in zip(meant, seen, strict=True)
    )
    if not same:
        extra = [
            e
            for e in seen
            if not any(abs(e.start_s - m.start_s) < SAME_TIME_S and e.kind == m.kind for m in meant)
        ]
        lost = [
            m
            for m in meant
            if not any(abs(e.start_s - m.start_s) < SAME_TIME_S and e.kind == m.kind for e in seen)
        ]
        problems.append(f"rules see {extra} instead of {lost}")
    limits = {
        "interruption": INTERRUPTION_S,
        "early_start": EARLY_START_S,
        "backchannel": BACKCHANNEL_S,
    }
    for event in meant:
        low_s, high_s = limits[event.kind]
        if not low_s <= event.end_s - event.start_s <= high_s:
            problems.append(f"{event} lasts {event.end_s - event.start_s:.2f} s")
    for start_s, end_s in overlaps(timeline.spans):
        if not any(
            event.start_s - SAME_TIME_S <= start_s and end_s <= event.end_s + SAME_TIME_S
            for event in meant
        ):
            problems.append(f"unscripted overlap {start_s:.2f}..{end_s:.2f} s")
    problems += short_answers(timeline, meant)
    if problems:
        raise DialogueError(f"{call.name}: " + "; ".join(problems))


def short_answers(timeline: Timeline, meant: list[Event]) -> list[str]:
    """Short turns that sound like backchannels because the other goes on at once."""
    listening = {event.start_s for event in meant if event.kind == "backchannel"}
    turns = [span for party in PARTIES for span in bridged(timeline.spans, party)]
    turns = sorted((t for t in turns if t.start_s not in listening), key=lambda t: t.start_s)
    return [
        f"answer at {here.start_s:.2f} s sounds like a backchannel"
        for before, here, after in zip(turns, turns[1:], turns[2:], strict=False)
        if before.party == after.party != here.party
        and here.length_s <= SHORT_ANSWER_S
        and after.start_s < here.end_s + SHORT_ANSWER_GAP_S
    ]


def mix(call: Call, timeline: Timeline, colleagues: list[Signal]) -> tuple[Signal, dict[str, Any]]:
    """The two channels of the headset, and the levels that were used."""
    rng = np.random.default_rng(call.seed)
    desk = call.desk
    count = round(timeline.duration_s * RATE_HZ)
    far = timeline.voice("customer")
    for start_s, end_s in timeline.hold:
        music = hold_music(end_s - start_s, rng)
        at = round(start_s * RATE_HZ)
        far[at : at + len(music)] += music * db(call.customer.level_dbfs + MUSIC_BELOW_CUSTOMER_DB)
    heard, lost_pct = telephone(far, desk.packet_loss_pct, rng)
    noise_dbfs = LINE_NOISE_DBFS
    if desk.line_snr_db is not None:
        noise_dbfs = call.customer.level_dbfs - desk.line_snr_db
    heard = heard + line_noise(count, noise_dbfs, desk.line_snr_db is not None, rng)

    near = timeline.voice("agent") + room_tone(count, desk.room_dbfs, rng)
    spans = [(round(a * RATE_HZ), round(b * RATE_HZ)) for a, b in timeline.typing]
    near = near + typing(count, spans, rng)
    if desk.babble_db is not None:
        near = near + babble(colleagues, count, rng) * db(call.agent.level_dbfs + desk.babble_db)

    microphone = near + bleed(heard, desk.bleed_db, desk.bleed_delay_ms)
    earpiece = heard + sidetone(near, desk.sidetone_db)
    levels = {
        "agent_dbfs": call.agent.level_dbfs,
        "customer_dbfs": call.customer.level_dbfs,
        "bleed_db": desk.bleed_db,
        "bleed_delay_ms": desk.bleed_delay_ms,
        "sidetone_db": desk.sidetone_db,
        "room_dbfs": desk.room_dbfs,
        "line_noise_dbfs": noise_dbfs,
        "line_snr_db": desk.line_snr_db,
        "babble_db": desk.babble_db,
        "packet_loss_pct": round(lost_pct, 1),
    }
    return np.stack([microphone, earpiece], axis=1), levels


def strain(timeline: Timeline) -> list[dict[str, Any]]:
    """The whole call in stretches of calm and high customer strain."""
    high = [p for p in timeline.placed if p.line.strain == "high"]
    if not high:
        return [{"start_s": 0.0, "end_s": timeline.duration_s, "level": "calm"}]
    edges = (0.0, high[0].start_s, high[-1].end_s, timeline.duration_s)
    return [
        {"start_s": start_s, "end_s": end_s, "level": level}
        for start_s, end_s, level in zip(
            edges[:-1], edges[1:], ("calm", "high", "calm"), strict=True
        )
    ]


def truth_of(
    call: Call, timeline: Timeline, meant: list[Event], levels: dict[str, Any]
) -> dict[str, Any]:
    """The document that goes beside the audio."""
    segments = [
        {
            "party": span.party,
            "start_s": span.start_s,
            "end_s": span.end_s,
            "text": placed.line.heard if number == 0 else "",
            "kind": placed.line.kind,
        }
        for placed in timeline.placed
        for number, span in enumerate(placed.spans)
    ]
    return {
        "schema": 1,
        "name": call.name,
        "title": call.title,
        "story": call.story,
        "voices": {"agent": call.agent.voice, "customer": call.customer.voice},
        "language": "en",
        "rate": RATE_HZ,
        "duration_s": timeline.duration_s,
        "levels": levels,
        "segments": sorted(segments, key=lambda segment: segment["start_s"]),
        "events": [asdict(event) for event in meant],
        "hold": [{"start_s": round(a, 3), "end_s": round(b, 3)} for a, b in timeline.hold],
        "strain": strain(timeline),
        "metrics": measures(timeline.spans, timeline.duration_s),
    }


def alone(spans: list[Span], party: str, count: int) -> np.ndarray:
    """Samples in which only one party speaks."""
    masks = {
        side: speech_mask(count, [(s.start_s, s.end_s) for s in spans if s.party == side])
        for side in ("agent", "customer")
    }
    other = "customer" if party == "agent" else "agent"
    return masks[party] & ~masks[other]


def make(call: Call, voices: Voices, background: Babble, out: Path) -> Made:
    """Speak, place, mix, write and check one call."""
    spoken = {}
    for index, item in enumerate(call.items):
        if isinstance(item, Line):
            print(f"\r{call.name}: line {index + 1} of {len(call.items)}", end="", file=sys.stderr)
            spoken[index] = speak(call, item, voices)
    print(file=sys.stderr)
    timeline = place(call, spoken)
    meant = meant_events(timeline)
    assert_events(call, timeline, meant)
    colleagues: list[Signal] = []
    if call.desk.babble_db is not None:
        colleagues = background_voices(voices, background)
    audio, levels = mix(call, timeline, colleagues)
    document = truth_of(call, timeline, meant, levels)

    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{call.name}.opus"
    write(path, audio)
    count = len(audio)
    result = check(
        path,
        audio,
        alone(timeline.spans, "agent", count),
        alone(timeline.spans, "customer", count),
    )
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    path.with_suffix(".json").write_text(text, encoding="utf-8")
    return Made(
        call.name,
        timeline.duration_s,
        document["metrics"]["talk_share"],
        meant,
        path.stat().st_size,
        result.leak_db,
    )


def background_voices(voices: Voices, background: Babble) -> list[Signal]:
    """The colleagues of a noisy office at 16 kHz."""
    from voices import VOICE_RATE_HZ
    import scipy.signal as ss

    pairs = zip(background.voices, background.texts, strict=True)
    return [
        np.asarray(ss.resample_poly(voices.say(text, voice, 1.0), RATE_HZ, VOICE_RATE_HZ))
        for voice, text in pairs
    ]


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--voices", type=Path, required=True, help="folder of Kokoro voice files (*.bin)"
    )
    parser.add_argument("--only", metavar="NAME", help="make this call only")
    parser.add_argument(
        "--out", type=Path, default=OUT, help="where the calls go (default: %(default)s)"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=CACHE,
        help="spoken lines are kept here (default: %(default)s)",
    )
    arguments = parser.parse_args()
    try:
        calls, background = load(DIALOGUES)
        names = [call.name for call in calls]
        if arguments.only is not None and arguments.only not in names:
            parser.error(f"--only {arguments.only}: no such call; there are {', '.join(names)}")
        voices = Voices(arguments.voices, arguments.cache)
        made = [
            make(call, voices, background, arguments.out)
            for call in calls
            if arguments.only in (None, call.name)
        ]
    except (DialogueError, VoiceError, soundfile.SoundFileError, ValueError, OSError) as error:
        print(f"make_calls: {error}", file=sys.stderr)
        return 1
    print(
        f"{'call':<18}{'length':>8}{'share':>7}  {'interr.':>8}{'early':>6}{'backch.':>8}{'size':>10}{'leak':>9}"
    )
    for row in made:
        count = {
            k: sum(e.kind == k for e in row.events)
            for k in ("interruption", "early_start", "backchannel")
        }
        print(
            f"{row.name:<18}{row.duration_s:>6.1f} s{row.talk_share:>7.2f}  {count['interruption']:>8}"
            f"{count['early_start']:>6}{count['backchannel']:>8}{row.size_bytes / 1024:>6.0f} KiB"
            f"{row.leak_db:>6.0f} dB"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

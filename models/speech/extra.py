"""Fills EXTRA (voices.py) from Debian packages: speech by speaker, music, key strokes.

    python models/speech/extra.py EXTRA

Packages are downloaded into EXTRA/.cache and unpacked beside it; everything becomes 16 kHz mono
FLAC. A package that was done is not done again until its row changes. It wants apt-get, dpkg and
ffmpeg. Queen and sky come from games.py, Kokoro's voices from synthetic.py.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, NamedTuple

RATE_HZ = 16_000
SHORTEST_S = 0.3
SILENT = 10 ** (-50 / 20) * 2**15
LONGEST_S = {"speech": 60, "keys": 10}
SHORTEST_TRACK_S, LONGEST_TRACK_S = 10, 180
"""Of music: what is shorter is a sound of the game, a fanfare or an explosion."""
BATCH = 40  # files per ffmpeg
TRACKS = 12  # of one package's music, the largest
WORDS = 800  # files of one speaker


Music = Literal["music", "music-train", "music-more"]
"""For all; what only the core's music stage learns from; what only the bench hears."""


class Source(NamedTuple):
    """A package, which of its files, and whose they are."""

    package: str
    kind: Literal["speech", "keys"] | Music
    glob: str
    pattern: str = ""
    """Searched in the path below the unpacked package; a file without it is left out."""
    speaker: str = ""
    """May name groups of the pattern."""


SHARE = "usr/share"
GAMES = f"{SHARE}/games"
ASTERISK = f"{SHARE}/asterisk/sounds"
NO_TONES = r"^(?!.*/(?:silence/|beep|\w+-2tone|tt-monkeys\.|confbridge-(?:join|leave)\.))"


def prompts(package: str, speaker: str, ending: str) -> Source:
    """The prompts of one speaker, less beeps and silences."""
    return Source(package, "speech", f"{ASTERISK}/**/*.{ending}", NO_TONES, speaker)


def fish(package: str, language: str) -> Source:
    """The small fish (m, a woman) and the big one (v, a man)."""
    pattern = rf"/{language}/(?:[^/]*[-_])?([mv])[-_.][^/]*$"
    glob = f"{GAMES}/fillets-ng/sound/*/{language}/*.ogg"
    return Source(package, "speech", glob, pattern, rf"fillets-{language}-\1")


def music(package: str, folder: str, ending: str = "ogg", kind: Music = "music") -> Source:
    """Music below a folder of a package."""
    return Source(package, kind, f"{folder}/*.{ending}")


SOURCES = [
    prompts("asterisk-core-sounds-en-g722", "asterisk-en", "g722"),
    prompts("asterisk-core-sounds-es-g722", "asterisk-es", "g722"),
    prompts("asterisk-core-sounds-fr-g722", "asterisk-fr", "g722"),
    prompts("asterisk-core-sounds-it-g722", "asterisk-it", "g722"),
    prompts("asterisk-core-sounds-ru-g722", "asterisk-ru", "g722"),
    prompts("asterisk-prompt-es-co", "asterisk-es-co", "gsm"),
    prompts("asterisk-prompt-fr-armelle", "fr-armelle", "gsm"),
    prompts("asterisk-prompt-it-menardi-wav", "menardi-it", "wav"),
    fish("fillets-ng-data-cs", "cs"),
    fish("fillets-ng-data-nl", "nl"),
    Source("festvox-ru", "speech", f"{SHARE}/festival/voices/**/*.wav", "", "festvox-ru"),
    Source(  # less the languages with 15 words
        *("ktuberling-data", "speech", f"{SHARE}/ktuberling/sounds/*/*"),
        *(r"/(ca|da|de|el|en|fr|gl|lt|nn|ru|sl|uk|wa)/[^/]+\.(?:ogg|wav|opus)$", r"ktuberling-\1"),
    ),
    Source(  # one of the voices is a robot, another sings
        *("hedgewars-data", "speech", f"{GAMES}/hedgewars/Data/Sounds/voices/*/*.ogg"),
        *(r"/voices/(?!Robot|Singer)(\w+)/", r"hedgewars-\1"),
    ),
    Source("bucklespring-data", "keys", f"{SHARE}/buckle/wav/*.wav"),
    music("asterisk-moh-opsound-g722", f"{SHARE}/asterisk/moh", "g722"),
    Source(  # Hungarian is noisy, Malayalam and Tswana are clipped
        *("klettres-data", "speech", f"{SHARE}/klettres/*/*/*.ogg"),
        *(r"/klettres/(?!hu|ml|tn)(\w+)/", r"klettres-\1"),
    ),
    Source(  # the languages with fewer files; those with 900 may be synthetic
        *("tuxpaint-stamps-default", "speech", f"{SHARE}/tuxpaint/stamps/**/*_desc_*.ogg"),
        *(r"_desc_(da|lt|nl)\.ogg$", r"tuxpaint-\1"),
    ),
    Source(
        *("pocketsphinx-testdata", "speech", f"{SHARE}/pocketsphinx/test/data/*/*.wav"),
        *(r"/data/(\w+)/", r"sphinx-\1"),
    ),
    Source(
        *("unknown-horizons", "speech", f"{SHARE}/unknown-horizons/content/audio/voice/**/*.ogg"),
        *(r"/voice/(\w+)/", r"horizons-\1"),
    ),
    Source(
        *("alsa-utils", "speech", f"{SHARE}/sounds/alsa/*.wav"),
        *(r"_(?:Left|Right|Center)\.wav$", "alsa"),
    ),
    Source("scid-data", "speech", f"{SHARE}/scid/sounds/*.wav", "", "scid"),
    Source(  # a zip in the package
        *("warzone2100-data", "speech", f"{GAMES}/warzone2100/base/audio/**/*.ogg"),
        *(r"/audio/(?:(tutorial)|taunts/(taunt\d))/", r"warzone-\1\2"),
    ),
    # gcin's other voice, 3, is cut within its syllables
    Source("gcin-voice", "speech", f"{SHARE}/gcin-voice/ogg/*/5.ogg", "", "gcin-5"),
    music("ardentryst", f"{GAMES}/ardentryst/Music"),
    music("btanks-data", f"{GAMES}/btanks/data/tunes"),
    music("enigma-data", f"{GAMES}/enigma/music/**"),
    music("extremetuxracer-data", f"{GAMES}/etr/music"),
    music("freedink-data", f"{GAMES}/dink/dink/Sound"),
    music("frozen-bubble-data", f"{GAMES}/frozen-bubble/snd"),
    music("glob2-data", f"{GAMES}/glob2/data/zik"),
    music("gunroar-data", f"{GAMES}/gunroar/sounds/musics"),
    music("hyperrogue-music", f"{SHARE}/hyperrogue/music"),
    music("lincity-ng-data", f"{GAMES}/lincity-ng/music/**"),
    music("lordsawar-data", f"{GAMES}/lordsawar/music"),
    music("marsshooter-data", f"{GAMES}/marsshooter/audio/music"),
    music("mu-cade-data", f"{GAMES}/mu-cade/sounds/musics"),
    music("noiz2sa-data", f"{GAMES}/noiz2sa/sounds"),
    music("parsec47-data", f"{GAMES}/parsec47/sounds"),
    music("pathological", f"{GAMES}/pathological/music"),
    music("rrootage-data", f"{GAMES}/rrootage/sounds"),
    music("scorched3d-data", f"{GAMES}/scorched3d/data/globalmods/none/data/music"),
    music("starfighter-data", f"{SHARE}/starfighter/music"),
    music("supertux-data", f"{GAMES}/supertux2/music/**"),
    music("titanion-data", f"{GAMES}/titanion/sounds/musics"),
    music("torus-trooper-data", f"{GAMES}/torus-trooper/sounds/musics"),
    music("trackballs-data", f"{GAMES}/trackballs/music"),
    music("tumiki-fighters-data", f"{GAMES}/tumiki-fighters/sounds"),
    music("tuxtype-data", f"{SHARE}/tuxtype/sounds"),
    music("unknown-horizons", f"{SHARE}/unknown-horizons/content/audio/music/**"),
    music("wesnoth-1.16-music", f"{GAMES}/wesnoth/1.16/data/core/music"),
    music("xmoto-data", f"{GAMES}/xmoto/Textures/Musics"),
    music("colobot-common-sounds", f"{GAMES}/colobot/music", kind="music-train"),
    music("drascula-music", f"{SHARE}/scummvm/drascula/audio", kind="music-train"),
    music("freedroidrpg-data", f"{SHARE}/freedroidrpg/data/sound/music", kind="music-train"),
    music("openclonk-data", f"{GAMES}/openclonk/Music.ocg", kind="music-train"),
    music("asc-music", f"{GAMES}/asc/music", "mp3", kind="music-more"),
    music(
        "fretsonfire-songs-sectoid", f"{GAMES}/fretsonfire/data/songs/sectoid/*", kind="music-more"
    ),
    music("hex-a-hop-data", f"{GAMES}/hex-a-hop/hex-a-hop", kind="music-more"),
    music("planetblupi-music-ogg", f"{SHARE}/planetblupi/music", kind="music-more"),
    music("singularity-music", f"{GAMES}/singularity/music", kind="music-more"),
    music("warzone2100-music", f"{GAMES}/warzone2100/music/albums/**", "opus", kind="music-more"),
]


class ExtraError(RuntimeError):
    """A tool or a package is missing."""


def ran(command: list[str], folder: Path | None = None) -> str:
    """What a command wrote to stderr; empty where it succeeded."""
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if result.returncode == 0:
        return ""
    return result.stderr.strip() or f"{command[0]} ended with {result.returncode}"


def fetched(package: str, cache: Path) -> Path:
    """The package's file in the cache."""
    for _ in range(2):
        found = sorted(cache.glob(f"{package}_*.deb"))
        if found:
            return found[-1]
        trouble = ran(["apt-get", "-o", "DPkg::Lock::Timeout=900", "download", package], cache)
        if trouble:
            break
    raise ExtraError(f"{package}: not downloaded; run 'apt-get update', or drop its row: {trouble}")


def unpacked(package: str, cache: Path, root: Path) -> None:
    """The package's files below a folder, and those of its zip archives."""
    trouble = ran(["dpkg", "-x", str(fetched(package, cache)), str(root)])
    if trouble:
        raise ExtraError(f"{package}: not unpacked; delete it from {cache}: {trouble}")
    for archive in sorted(root.rglob("*.wz")):
        shutil.unpack_archive(archive, archive.with_suffix(""), "zip")


def chosen(source: Source, root: Path, extra: Path) -> Iterator[tuple[Path, Path]]:
    """Which file becomes which."""
    paths = sorted(path for path in root.glob(source.glob) if path.is_file())
    if source.kind.startswith("music"):
        paths = sorted(sorted(paths, key=lambda path: -path.stat().st_size)[:TRACKS])
    parts = [path.relative_to(root).as_posix() for path in paths]
    start = len(os.path.commonpath([Path(part).parent for part in parts])) + 1 if parts else 0
    counts: dict[Path, int] = {}
    for path, part in zip(paths, parts, strict=True):
        match = re.search(source.pattern, part)
        if match is None:
            continue
        name = part[start:].rpartition(".")[0].replace("/", "_") + ".flac"
        if source.kind == "speech":
            folder = extra / "speech" / match.expand(source.speaker).lower()
        else:
            folder = extra / source.kind
            name = name if source.kind == "keys" else f"{source.package}_{name}"
        counts[folder] = counts.get(folder, 0) + 1
        if counts[folder] <= WORDS:
            yield path, folder / name


def decoded(pairs: list[tuple[Path, Path]], shortest_s: float, longest_s: int) -> int:
    """How many files of a batch were written: not the short, the silent and the unreadable."""
    with tempfile.TemporaryDirectory() as scratch:
        raw = [Path(scratch) / f"{number}.s16" for number in range(len(pairs))]
        flac = [path.with_suffix(".flac") for path in raw]
        command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-threads", "1"]
        for path, _ in pairs:
            command += [*(["-f", "g722"] if path.suffix == ".g722" else []), "-t", str(longest_s)]
            command += ["-i", str(path)]
        for number in range(len(pairs)):
            to = ["-map", f"{number}:a:0", "-ar", str(RATE_HZ), "-ac", "1"]
            to += ["-map_metadata", "-1"]
            command += [*to, "-sample_fmt", "s16", str(flac[number])]
            command += [*to, "-f", "s16le", str(raw[number])]
        trouble = ran(command)
        if trouble and len(pairs) > 1:
            return sum(decoded([pair], shortest_s, longest_s) for pair in pairs)
        if trouble:
            last = trouble.splitlines()[-1]
            print(f"{pairs[0][0].name}: left out, ffmpeg cannot read it: {last}", file=sys.stderr)
            return 0
        written = 0
        for (_, target), sound, samples in zip(pairs, flac, raw, strict=True):
            heard = array("h", samples.read_bytes())
            if len(heard) < shortest_s * RATE_HZ or max(max(heard), -min(heard)) < SILENT:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(sound, target)
            written += 1
        return written


def fill(extra: Path, source: Source) -> None:
    """One row of the table."""
    cache = extra / ".cache"
    done = cache / f"{source.package}.{source.kind}.done"
    is_music = source.kind not in LONGEST_S
    shortest_s = SHORTEST_TRACK_S if is_music else SHORTEST_S
    longest_s = LONGEST_S.get(source.kind, LONGEST_TRACK_S)
    asked = f"{source!r} from {shortest_s} s" if is_music else repr(source)
    if done.exists() and done.read_text() == asked:
        return
    if is_music:  # an older table may have taken more of the package
        for path in (extra / source.kind).glob(f"{source.package}_*.flac"):
            path.unlink()
    with tempfile.TemporaryDirectory(dir=cache) as root:
        unpacked(source.package, cache, Path(root))
        pairs = list(chosen(source, Path(root), extra))
        if not pairs:
            raise ExtraError(f"{source.package}: nothing matches {source.glob}; mend its row")
        size = 1 if is_music else BATCH
        batches = [pairs[start : start + size] for start in range(0, len(pairs), size)]
        with ThreadPoolExecutor(os.cpu_count()) as workers:
            written = sum(workers.map(lambda of: decoded(of, shortest_s, longest_s), batches))
    done.write_text(asked)
    print(f"{source.package}: {written} of {len(pairs)} files of {source.kind}", file=sys.stderr)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("extra", type=Path, help="the folder to fill")
    extra: Path = parser.parse_args().extra.resolve()
    for tool, package in (("ffmpeg", "ffmpeg"), ("apt-get", "apt"), ("dpkg", "dpkg")):
        if shutil.which(tool) is None:
            print(f"extra.py: no {tool} here; run 'apt-get install {package}'", file=sys.stderr)
            return 1
    (extra / ".cache").mkdir(parents=True, exist_ok=True)
    skipped = 0
    for source in SOURCES:
        try:
            fill(extra, source)
        except ExtraError as error:
            print(f"extra.py: {error}", file=sys.stderr)
            skipped += 1
    return 1 if skipped else 0


if __name__ == "__main__":
    sys.exit(main())

"""An update is cut off at each of its commands, with and without the power: a version works then.

`install.sh` runs here as it is, but for its paths, beside programs that only play systemd, pip and
the disk. `provisioning/proof.sh` updates for real.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INSTALL = ROOT / "provisioning" / "install.sh"
DEBIAN = Path("/etc/debian_version").exists()
pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not DEBIAN, reason="needs root on Debian")

PROGRAMS = {
    # a version comes up unless its unit says otherwise; "falls" does so at every second look
    "systemctl": """
        exec 9>&-
        units=$ROOT/etc/systemd/system trial=turnlight-trial.service
        case $* in
          daemon-reload) cp $units/turnlight.service $ROOT/loaded ;;
          "restart --no-block turnlight.service") readlink $ROOT/opt/current >$ROOT/running ;;
          "is-active -q turnlight.service")
            [ -s $ROOT/running ] || exit 3
            # what systemd started is the programs of the one version under the unit it had read
            echo "$(cat $ROOT/running) $(sed -n s/^Description=//p $ROOT/loaded)" >>$ROOT/judged
            ! grep -q dead $ROOT/loaded || exit 3
            ! grep -q falls $ROOT/loaded || [ $(($(wc -l <$ROOT/judged) % 2)) = 0 ]
            ;;
          "is-enabled -q turnlight.service") ;;
          "is-enabled -q $trial") [ -e $ROOT/enabled ] ;;
          "enable -q $trial") [ -e $units/$trial ] && touch $ROOT/enabled ;;
          "start --no-block $trial") [ -e $units/$trial ] && touch $ROOT/waiting ;;
          *) echo "systemctl $*: not played" >&2; exit 1 ;;
        esac""",
    "python3": """
        [ "$1 $2" = "-m venv" ] || exec /usr/bin/python3 "$@"
        mkdir -p $3/bin
        printf '#!/bin/sh\\necho 1.0\\n' >$3/bin/turnlight
        printf '#!/bin/sh\\n' >$3/bin/python
        chmod +x $3/bin/*""",
    # what was not synced is lost with the power: the disk is a second copy
    "sync": """
        if [ $# = 0 ]; then
          for part in opt etc; do rm -rf $DISK/$part; cp -a $ROOT/$part $DISK/$part; done
        else
          for file; do [ -e $file ] || exit 1; done
        fi""",
    "sleep": "",
    "apt-get": "",
    "udevadm": "",
    "getent": '[ "$1" = passwd ]',
}
# Before each command, from where it begins to touch anything: keep what a kill would leave there,
# or kill it. The machine is a few small files.
KILL = """
[[ $0 == *install.sh ]] || return 0
set -T
count=0
trap '
  if ((count)) || [[ $BASH_COMMAND == lock* ]]; then ((++count)); fi
  [[ -z $STOP || $BASH_COMMAND != "$STOP"* ]] || kill -9 $$
  [[ -z $MOMENTS || $count == 0 ]] || cp -a "$ROOT" "$MOMENTS/$count"' DEBUG
"""


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Desk:
    """A machine with version `old` that runs, and bundles to update it."""

    def __init__(self, root: Path) -> None:
        self.root, self.bundles = root, root.parent / "bundles"
        for folder in ("bin", "opt", "etc/systemd/system", "etc/udev", "usr", "disk"):
            (root / folder).mkdir(parents=True)
        (root / "etc/turnlight").mkdir()
        (root / "etc/turnlight/turnlight.toml").touch()
        (root / "kill").write_text(KILL)
        for name, text in PROGRAMS.items():
            (root / "bin" / name).write_text(f"#!/bin/sh{text if text else ''}\n")
            if "\n" not in text:
                (root / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
            (root / "bin" / name).chmod(0o755)
        key, curve = ["-out", str(root / "key")], "ec_paramgen_curve:P-256"
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", curve, *key)
        openssl("pkey", "-in", str(root / "key"), "-pubout", "-out", str(root / "pub"))
        self.bundle("old")
        first = self.bundles / "old/turnlight/install.sh"
        assert self.runs(first, "--key", str(root / "pub")) == 0, self.said.stderr
        self.old = self.current
        assert (root / "running").read_text().strip() == self.old
        assert not self.trial.exists()

    @property
    def trial(self) -> Path:
        return self.root / "opt" / "trial"

    @property
    def current(self) -> str:
        return str((self.root / "opt" / "current").readlink())

    def bundle(self, name: str) -> Path:
        """A signed bundle of a version that behaves as its name says."""
        folder = self.bundles / name / "turnlight"
        (folder / "wheels").mkdir(parents=True)
        (folder / "systemd").mkdir()
        (folder / "udev").mkdir()
        text = INSTALL.read_text()
        for before, after in (
            ("/opt/turnlight", f"{self.root}/opt"),
            ("etc=/etc/turnlight", f"etc={self.root}/etc/turnlight"),
            ("=/etc/systemd", f"={self.root}/etc/systemd"),
            ("=/etc/udev", f"={self.root}/etc/udev"),
            ("=/usr/local/bin", f"={self.root}/usr"),
            ("/run/systemd/system", f"{self.root}/etc"),
            ("user=turnlight", "user=root"),
            ("patience_s=120", "patience_s=20"),
        ):
            assert before in text
            text = text.replace(before, after)
        (folder / "install.sh").write_text(f"{text}\n# {name}\n")
        (folder / "install.sh").chmod(0o755)
        (folder / "systemd/turnlight.service").write_text(f"Description={name}\n")
        trial = ROOT / "provisioning" / "systemd" / "turnlight-trial.service"
        shutil.copy(trial, folder / "systemd")
        (folder / "udev/60-turnlight-lamps.rules").write_text("# rules\n")
        this = subprocess.run(
            ["python3", "-c", "import platform as p, sys; print('cp%d%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin"},
        ).stdout.strip()
        (folder / "TARGET").write_text(f"{this} {os.uname().machine}\n")
        subprocess.run(
            "sha256sum install.sh TARGET */* >SHA256SUMS", shell=True, cwd=folder, check=True
        )
        tar = folder.parent.with_suffix(".tar")
        subprocess.run(["tar", "-C", folder.parent, "-cf", tar, "turnlight"], check=True)
        signature = f"{tar}.sig"
        openssl("dgst", "-sha256", "-sign", f"{self.root}/key", "-out", signature, str(tar))
        return tar

    def runs(
        self, script: Path, *arguments: str, stop: str = "", moments: Path | None = None
    ) -> int:
        """The exit code.

        Args:
            script: to run, with these arguments.
            arguments: of it.
            stop: kill it before the first command that begins so.
            moments: keep here what each kill would leave.
        """
        environment = {
            "PATH": f"{self.root}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "ROOT": str(self.root),
            "DISK": str(self.root / "disk"),
            "STOP": stop,
            "MOMENTS": str(moments or ""),
        }
        if stop or moments:
            environment["BASH_ENV"] = str(self.root / "kill")
        self.said = subprocess.run(
            ["bash", script, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return self.said.returncode

    def update(self, bundle: Path, stop: str = "", moments: Path | None = None) -> int:
        """As IT does it; the exit code."""
        install = self.root / "opt/install.sh"
        return self.runs(install, str(bundle), stop=stop, moments=moments)

    def versions(self) -> set[str]:
        """Folders of programs."""
        opt = self.root / "opt"
        return {path.name for path in opt.iterdir() if path.is_dir() and not path.is_symlink()}

    def becomes(self, copy: Path) -> None:
        """All of it as it was when the copy was made."""
        shutil.rmtree(self.root)
        shutil.copytree(copy, self.root, symlinks=True)

    def loses_power(self) -> None:
        """What was not synced is lost; then it boots."""
        disk = self.root / "disk"
        for part in ("opt", "etc"):
            if (disk / part).exists():
                shutil.rmtree(self.root / part)
                shutil.copytree(disk / part, self.root / part, symlinks=True)
        self.loses_power_late()

    def loses_power_late(self) -> None:
        """All was written; then it boots."""
        self.boots()
        if (self.root / "enabled").exists():
            self.decides()

    def boots(self) -> None:
        """Systemd starts the service of the version that is current."""
        (self.root / "waiting").unlink(missing_ok=True)
        shutil.copy(self.root / "etc/systemd/system/turnlight.service", self.root / "loaded")
        (self.root / "running").write_text(self.current)

    def loses_its_shell(self) -> None:
        """As when the connection of IT's ssh ends."""
        if (self.root / "waiting").exists():
            self.decides()
        elif self.trial.exists():
            # it died between two commands before the switch, and the next boot clears it up
            assert self.current == self.old
            self.loses_power_late()
        elif (self.root / "opt/current/turnlight.service").read_text() != (
            self.root / "loaded"
        ).read_text():
            raise AssertionError("switched without a trial")

    def decides(self, stop: str = "", moments: Path | None = None) -> int:
        """What systemd does with turnlight-trial.service."""
        if not self.trial.exists():
            return 0
        return self.runs(self.root / "opt/install.sh", "--decide", stop=stop, moments=moments)

    def holds(self, versions: set[str]) -> None:
        """One of these runs, whole, under its own unit, and nothing is left to decide."""
        opt = self.root / "opt"
        assert self.current in versions
        assert not self.trial.exists()
        assert (opt / "bin/turnlight").stat().st_mode & 0o100
        unit = (self.root / "etc/systemd/system/turnlight.service").read_text()
        assert unit == (opt / "current/turnlight.service").read_text()
        assert unit == (self.root / "loaded").read_text()
        assert (self.root / "running").read_text().strip() == self.current
        # the installer is whole, whichever it is
        assert (opt / "install.sh").read_text().splitlines()[-1] in ("# old", "# good")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


def test_a_version_that_comes_up_stays(desk: Desk) -> None:
    assert desk.update(desk.bundle("good")) == 0, desk.said.stderr
    assert desk.current != desk.old
    desk.holds({desk.current})
    assert (desk.root / "opt/install.sh").read_text().endswith("# good\n")
    assert (desk.root / "judged").read_text().splitlines()[-3:] == [f"{desk.current} good"] * 3


@pytest.mark.parametrize("how", ["dead", "falls"])
def test_one_that_does_not_come_up_goes_back(desk: Desk, how: str) -> None:
    assert desk.update(desk.bundle(how)) == 1
    assert f"did not come up within 20 s; {desk.old} runs again" in desk.said.stderr
    desk.holds({desk.old})
    assert (desk.root / "opt/install.sh").read_text().endswith("# old\n")


def test_a_desk_that_did_not_run_is_updated_without_a_trial(desk: Desk) -> None:
    (desk.root / "running").unlink()
    assert desk.update(desk.bundle("dead")) == 0
    assert desk.current != desk.old
    assert not desk.trial.exists()


def state(moment: Path, *names: str) -> tuple[object, ...]:
    """All that these files and folders hold."""
    found: list[object] = []
    for name in names:
        for path in sorted([moment / name, *(moment / name).rglob("*")]):
            found.append(str(path.relative_to(moment)))
            found.append(
                path.readlink() if path.is_symlink() else path.is_file() and path.read_bytes()
            )
    return tuple(found)


WRITTEN = ("opt", "etc", "enabled")
CUTS = {
    "loses_power": ("disk", "enabled"),
    "loses_power_late": WRITTEN,
    "loses_its_shell": (*WRITTEN, "running", "loaded", "waiting"),
}
"""What was not synced goes with the power; all was written; only the shell dies. Each with what its
end depends on."""


def cut_off(desk: Desk, moments: Path, *how: str) -> Iterator[None]:
    """The desk after each of these cuts at each moment that differs for it, decided."""
    for cut in how:
        seen = set()
        for moment in sorted(moments.iterdir(), key=lambda path: int(path.name)):
            if (found := state(moment, *CUTS[cut])) not in seen:
                seen.add(found)
                desk.becomes(moment)
                getattr(desk, cut)()
                yield


@pytest.mark.parametrize("how", ["good", "dead"])
def test_it_may_be_cut_off_at_every_step(desk: Desk, tmp_path: Path, how: str) -> None:
    moments = tmp_path / "moments"
    moments.mkdir()
    desk.update(desk.bundle(how), moments=moments)
    ends = []
    for _ in cut_off(desk, moments, *CUTS):
        new = desk.versions() - {desk.old}
        desk.holds({desk.old} | (new if how == "good" else set()))
        ends.append(desk.current)
    assert len(list(moments.iterdir())) > 80
    assert ends.count(desk.old) > 20
    assert (len(set(ends)) > 1) is (how == "good")


def test_the_trial_may_be_cut_off_at_every_step(desk: Desk, tmp_path: Path) -> None:
    desk.update(desk.bundle("dead"), "comes_up")
    assert desk.trial.exists()
    assert desk.current != desk.old
    desk.boots()
    moments = tmp_path / "moments"
    moments.mkdir()
    desk.decides(moments=moments)
    for _ in cut_off(desk, moments, "loses_power", "loses_power_late"):
        desk.holds({desk.old})
    assert len(list(moments.iterdir())) > 30


def test_one_that_takes_the_machine_down_is_tried_three_times(desk: Desk) -> None:
    desk.update(desk.bundle("good"), "comes_up")
    assert desk.trial.read_text().split()[2] == "1"
    new = desk.current
    for tries in "23":
        desk.boots()
        desk.decides("comes_up")
        assert (desk.current, desk.trial.read_text().split()[2]) == (new, tries)
    desk.loses_power_late()
    desk.holds({desk.old})


def test_the_next_installation_decides_first(desk: Desk) -> None:
    desk.update(desk.bundle("dead"), "comes_up")
    assert desk.update(desk.bundle("good")) == 0, desk.said.stderr
    assert "the update before did not come up" in desk.said.stdout
    assert desk.current != desk.old
    desk.holds({desk.current})


def test_two_at_once_are_one_too_many(desk: Desk) -> None:
    tar = desk.bundle("good")
    with (desk.root / "opt/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert desk.update(tar) == 1
    assert "another installation or a trial is running" in desk.said.stderr
    desk.holds({desk.old})

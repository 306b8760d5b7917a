"""What `provisioning/` brings to a machine, as far as it can be seen without installing it.

`provisioning/proof.sh` installs it for real, on an empty Debian.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from other_users import needs_other_users
from turnlight.config import parse
from turnlight.settings_file import SERVICE, render

ROOT = Path(__file__).parents[1]
INSTALL = ROOT / "provisioning" / "install.sh"
UNIT = ROOT / "provisioning" / "systemd" / "turnlight.service"
DEBIAN = Path("/etc/debian_version").exists()


def install(program: Path, *arguments: str, **how: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", program, *arguments], capture_output=True, text=True, timeout=60, **how
    )


# --- the unit


@pytest.fixture
def systemd() -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")


@pytest.mark.usefixtures("systemd")
def test_the_desk_is_exposed_by_at_most_two_of_ten() -> None:
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", UNIT],
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stdout[-200:] + said.stderr


@pytest.mark.usefixtures("systemd")
def test_systemd_understands_the_unit() -> None:
    said = subprocess.run(["systemd-analyze", "verify", UNIT], capture_output=True, text=True)
    lines = [line for line in said.stderr.splitlines() if "turnlight.service" in line]
    assert [line for line in lines if "is not executable" not in line] == []


def test_the_unit_keeps_the_desk_alive_small_and_dark_at_its_end() -> None:
    lines = UNIT.read_text().splitlines()
    config = "--config /etc/turnlight/turnlight.toml"
    for line in (
        "Type=notify",
        "WatchdogSec=30",
        "Restart=always",
        f"ExecStopPost=-/opt/turnlight/bin/turnlight lamp off {config}",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "DevicePolicy=closed",
        "MemoryMax=192M",
        "CPUQuota=50%",
        "StartLimitBurst=10",
    ):
        assert line in lines


def test_the_unit_opens_sound_and_lights_and_nothing_else() -> None:
    opened = re.findall(r"^DeviceAllow=(\S+) rw$", UNIT.read_text(), re.M)
    assert opened == ["char-alsa", "char-hidraw", "char-usb_device", "char-gpiochip", "char-spi"]


# --- install.sh


def test_its_help_names_every_option() -> None:
    said = install(INSTALL, "--help")
    assert said.returncode == 0
    options = set(re.findall(r"^ +(--[a-z]+)\)", INSTALL.read_text(), re.M))
    assert options == {"--floor", "--key", "--decide", "--target", "--uninstall"}
    for option in options:
        assert f"\n  {option} " in said.stdout
    assert install(INSTALL, "--key").returncode != 0


def test_an_unknown_option_is_wrong_use() -> None:
    assert install(INSTALL, "--everything").returncode == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@needs_other_users
def test_without_root_it_says_how() -> None:
    # read from standard input, since nobody may not look into every checkout
    said = subprocess.run(
        ["bash", "-s"], input=INSTALL.read_text(), capture_output=True, text=True, user=65534
    )
    assert said.returncode == 1
    assert "run this as root" in said.stderr


@pytest.mark.skipif(os.geteuid() != 0 or not DEBIAN, reason="needs root on Debian")
def test_a_damaged_bundle_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    shutil.copy(INSTALL, tmp_path)
    (tmp_path / "wheels").mkdir()
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  install.sh\n")
    said = install(tmp_path / "install.sh")
    assert said.returncode == 1
    assert "is damaged (above); copy the bundle again" in said.stderr
    assert said.stdout == ""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("release", "stranger"):
        key, curve = folder / f"{name}.key", "ec_paramgen_curve:P-256"
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", curve, "-out", key)
        openssl("pkey", "-in", key, "-pubout", "-out", folder / f"{name}.pub")
    return folder


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.mark.skipif(os.geteuid() != 0 or not DEBIAN, reason="needs root on Debian")
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("unsigned", "next.tar.sig is missing"),
        ("stranger", "is not signed by"),
        ("changed", "is not signed by"),
        ("untrusted", "no release key is trusted here"),
        ("missing", "there is no such bundle"),
    ],
)
def test_an_update_that_is_not_rightly_signed_is_not_even_unpacked(
    tmp_path: Path, keys: Path, wrong: str, sentence: str
) -> None:
    bundle = tmp_path / "next.tar"
    bundle.write_bytes(b"not even a tar file")
    signer = keys / ("stranger.key" if wrong == "stranger" else "release.key")
    if wrong != "unsigned":
        openssl("dgst", "-sha256", "-sign", signer, "-out", f"{bundle}.sig", bundle)
    if wrong == "changed":
        bundle.write_bytes(b"not even a tar fil_")
    if wrong == "missing":
        bundle.unlink()
    trusted = [] if wrong == "untrusted" else ["--key", str(keys / "release.pub")]
    said = install(INSTALL, *trusted, str(bundle))
    assert said.returncode == 1
    assert sentence in said.stderr
    assert said.stdout == ""


# --- first boot


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A boot partition with a bundle whose install.sh only says that it ran."""
    folder, bundle = tmp_path / "turnlight", tmp_path / "bundle" / "turnlight"
    folder.mkdir()
    bundle.mkdir(parents=True)
    for name in ("first-boot.sh", "enroll.txt"):
        shutil.copy(ROOT / "provisioning" / "first-boot" / name, folder)
    (bundle / "install.sh").write_text('#!/bin/sh\necho "installed $*"\n')
    (bundle / "install.sh").chmod(0o755)
    tar = ["tar", "-C", str(bundle.parent), "-cf", str(folder / "turnlight-1.tar"), "turnlight"]
    subprocess.run(tar, check=True)
    return folder


def boots(card: Path, settings: Path) -> subprocess.CompletedProcess[str]:
    """First boot with programs that only say that they ran, and settings elsewhere."""
    programs = card.parent / "bin"
    programs.mkdir(exist_ok=True)
    for name in ("turnlight", "systemctl"):
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*"\n')
        (programs / name).chmod(0o755)
    script = card / "first-boot.sh"
    script.write_text(script.read_text().replace("/etc/turnlight/turnlight.toml", str(settings)))
    return subprocess.run(
        ["bash", script],
        env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_card_with_a_code_becomes_a_desk(card: Path, tmp_path: Path) -> None:
    settings = tmp_path / "turnlight.toml"
    settings.write_text(render(SERVICE))
    enroll = card / "enroll.txt"
    enroll.write_text(enroll.read_text().replace("code =", "code = abcde-fghjk \r"))
    said = boots(card, settings)
    assert said.stdout.splitlines() == [
        "installed ",
        "turnlight enroll abcde-fghjk --server broker.example",
        f"turnlight lamp test --config {settings} --seconds 1",
        "systemctl restart --no-block turnlight.service",
        "turnlight first boot: done",
    ], said.stderr
    assert parse(settings.read_text(), "x").lamp.kind == "usb"
    assert "abcde" not in enroll.read_text()
    # what starts it again finds no code and does nothing
    assert boots(card, settings).stdout.startswith("turnlight first boot: no code")


def test_a_card_without_a_bundle_says_so(card: Path, tmp_path: Path) -> None:
    (card / "turnlight-1.tar").unlink()
    enroll = card / "enroll.txt"
    enroll.write_text(enroll.read_text().replace("code =", "code = abcde"))
    said = boots(card, tmp_path / "none")
    assert said.returncode == 1
    assert "there must be one turnlight-*.tar" in said.stderr


# --- the guide


def test_every_command_of_the_guide_exists() -> None:
    from test_cli import COMMANDS

    guide = (ROOT / "docs" / "install.md").read_text()
    used = re.findall(r"turnlight ((?:provision|lamp) [a-z]+|[a-z]+)\b(?= |`|;)", guide)
    for name in {
        name for name in used if name.split()[0] in ["provision", "enroll", "doctor", "mute"]
    }:
        assert name in COMMANDS, name


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/install.md", "docs/privacy.md"])
def test_every_link_leads_somewhere(page: str) -> None:
    here = ROOT / page
    for target in re.findall(r"\]\(([^)]+)\)", here.read_text()):
        file, _, heading = target.partition("#")
        there = here.parent / file if file else here
        assert there.exists(), target
        if heading:
            heads = re.findall(r"^#+ (.*)$", there.read_text(), re.M)
            assert heading in [
                re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in heads
            ]


def test_every_provision_of_the_norm_is_answered() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    rows = re.findall(r"^\| ([56][-.0-9, ]+) .*\| (.+) \|$", text, re.M)
    numbers = {number for row, _ in rows for number in re.findall(r"[56][.\d]*-\d+", row)}
    counts = {1: 5, 2: 3, 3: 16, 4: 4, 5: 8, 6: 9, 7: 2, 8: 3, 9: 3, 10: 1, 11: 4, 12: 3, 13: 1}
    assert numbers == {
        *(f"5.{part}-{n}" for part, count in counts.items() for n in range(1, count + 1)),
        *(f"6-{n}" for n in range(1, 6)),
    }

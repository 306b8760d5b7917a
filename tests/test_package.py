"""What leaves the house: the wheel and the Debian package, as they are made for a release."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
PROVISIONING = ROOT / "provisioning"
# not a whole one, which would be found in this file
KEY = b"-----BEGIN EC PRIVATE " + b"KEY-----\nMHcCAQEEIBkgabcdefghijklmnop\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "turnlight" / "wheels"
    how = ["-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *how, "-w", folder, ROOT],
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        check=True,
    )
    (made,) = folder.glob("turnlight-*.whl")
    return made


@pytest.fixture(scope="module")
def bundle(wheel: Path) -> Path:
    """As `./run bundle` makes it, without other people's wheels."""
    folder = wheel.parents[1]
    subprocess.run([PROVISIONING / "assemble.sh", folder], check=True, stdout=subprocess.PIPE)
    return folder


@pytest.fixture(scope="module")
def unpacked(bundle: Path) -> Path:
    """The package's files, with what dpkg is told in DEBIAN."""
    if not shutil.which("dpkg-deb"):
        pytest.skip("dpkg-deb is not installed")
    made = subprocess.run(
        [PROVISIONING / "deb.sh", bundle, bundle.parent], check=True, capture_output=True, text=True
    ).stdout.strip()
    tree = bundle.parent / "unpacked"
    subprocess.run(["dpkg-deb", "-R", made, tree], check=True)
    return tree


@pytest.fixture(scope="module")
def contents() -> ModuleType:
    spec = importlib.util.spec_from_file_location("contents", PROVISIONING / "contents.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- the wheel


def test_the_wheel_holds_no_test_no_training_data_and_no_key(
    contents: ModuleType, wheel: Path
) -> None:
    assert list(contents.findings(wheel)) == []


def test_the_wheel_holds_what_git_has_and_the_core(wheel: Path) -> None:
    kept = subprocess.run(
        ["git", "ls-files", "edge/turnlight", "floor/turnlight_floor"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    cores = {name for name in names if name.endswith(".so")}
    assert "turnlight/libturnlight.so" in cores
    assert names - cores == {path.partition("/")[2] for path in kept}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("turnlight/test_turns.py", b"", "a test"),
        ("tests/sounds.py", b"", "a test"),
        ("turnlight/checks.py", b"def f():\n    from pytest import approx\n", "imports pytest"),
        ("turnlight/fit.py", b"import sklearn.svm\n", "imports sklearn"),
        ("turnlight/corpus.npz", b"", "not a part of the product"),
        ("models/strain/fit.py", b"", "not a part of the product"),
        ("turnlight/calls/monday.wav", b"", "not a part of the product"),
        ("turnlight/calls/monday.opus", bytes(1_000_001), "more than 1000000"),
        ("turnlight/rows.json", b"", "not a part of the product"),
        ("turnlight/release.key", b"", "not a part of the product"),
        ("turnlight/trust.py", b'"""\n' + KEY + b'"""', "holds a private key"),
    ],
)
def test_what_does_not_belong_into_a_wheel_is_found(
    contents: ModuleType, wheel: Path, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    other = tmp_path / wheel.name
    shutil.copy(wheel, other)
    with zipfile.ZipFile(other) as archive:
        there = name in archive.namelist()
    if there:
        assert said in contents.wrong(name, content)
        return
    with zipfile.ZipFile(other, "a") as archive:
        archive.writestr(name, content)
    (found,) = contents.findings(other)
    assert name in found
    assert said in found


def test_no_bundle_is_made_of_such_a_wheel(wheel: Path, tmp_path: Path) -> None:
    folder = tmp_path / "turnlight" / "wheels"
    folder.mkdir(parents=True)
    shutil.copy(wheel, folder)
    with zipfile.ZipFile(folder / wheel.name, "a") as archive:
        archive.writestr("turnlight/site.key", KEY)
    said = subprocess.run(
        [PROVISIONING / "assemble.sh", folder.parent], capture_output=True, text=True
    )
    assert said.returncode == 1
    assert "turnlight/site.key: not a part of the product" in said.stderr
    assert list(tmp_path.glob("*.tar")) == []


# --- the package


def test_the_package_is_the_bundle_and_nothing_else(unpacked: Path, bundle: Path) -> None:
    share = unpacked / "usr" / "share"
    inside = {str(path.relative_to(share)) for path in share.rglob("*") if path.is_file()}
    there = {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}
    assert inside == {"doc/turnlight/copyright", *(f"turnlight/{name}" for name in there)}
    for name in there:
        assert (share / "turnlight" / name).read_bytes() == (bundle / name).read_bytes(), name
    assert not any(path.suffix in {".key", ".pem", ".npz", ".wav"} for path in unpacked.rglob("*"))


def test_the_packages_wheel_holds_no_test_no_training_data_and_no_key(
    contents: ModuleType, unpacked: Path
) -> None:
    (inside,) = (unpacked / "usr/share/turnlight/wheels").glob("*.whl")
    assert list(contents.findings(inside)) == []


def test_the_package_installs_by_the_one_install_sh(unpacked: Path) -> None:
    names = {path.name for path in (unpacked / "DEBIAN").iterdir()}
    assert names == {"control", "md5sums", "postinst", "prerm", "postrm"}
    for name in ("postinst", "prerm", "postrm"):
        script = unpacked / "DEBIAN" / name
        assert script.read_bytes() == (PROVISIONING / "install.sh").read_bytes()
        assert script.stat().st_mode & 0o777 == 0o755


def test_the_package_wants_the_python_that_its_wheels_are_for(unpacked: Path, bundle: Path) -> None:
    python, machine = (bundle / "TARGET").read_text().split()
    minor = int(python.removeprefix("cp3"))
    control = (unpacked / "DEBIAN" / "control").read_text()
    wanted = f"python3 (>= 3.{minor}~), python3 (<< 3.{minor + 1}), python3-venv, openssl"
    assert f"\nDepends: {wanted}, libportaudio2" in control
    debian = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf"}[machine]
    assert f"\nArchitecture: {debian}\n" in control


@pytest.mark.parametrize(
    ("target", "architecture", "more"),
    [("cp311 aarch64", "arm64", False), ("cp313 armv7l", "armhf", True)],
)
def test_other_machines_have_a_package_of_their_own(
    bundle: Path, tmp_path: Path, target: str, architecture: str, more: bool
) -> None:
    if not shutil.which("dpkg-deb"):
        pytest.skip("dpkg-deb is not installed")
    folder = tmp_path / "turnlight"
    shutil.copytree(bundle, folder)
    (folder / "TARGET").write_text(f"{target}\n")
    made = subprocess.run(
        [PROVISIONING / "deb.sh", folder, tmp_path], check=True, capture_output=True, text=True
    ).stdout.strip()
    assert made.endswith(f"_{architecture}.deb")
    about = subprocess.run(["dpkg-deb", "-f", made], check=True, capture_output=True, text=True)
    assert ("libsndfile1, libusb-1.0-0" in about.stdout) is more


@pytest.mark.parametrize(
    ("folder", "said"), [("", "is no bundle"), ("cp311 riscv64", "riscv64 is not known here")]
)
def test_without_a_bundle_there_is_no_package(tmp_path: Path, folder: str, said: str) -> None:
    if folder:
        (tmp_path / "TARGET").write_text(f"{folder}\n")
    made = subprocess.run(
        [PROVISIONING / "deb.sh", tmp_path, tmp_path], capture_output=True, text=True
    )
    assert made.returncode == 1
    assert said in made.stderr

from __future__ import annotations

import hashlib
import importlib.util
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[1] / "provisioning" / "sbom.py"


@pytest.fixture(scope="module")
def sbom() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbom", SOURCE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel(folder: Path, name: str, *lines: str) -> Path:
    path = folder / f"{name}-1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        about = "\n".join([f"Name: {name}", "Version: 1.2", *lines])
        archive.writestr(f"{name}-1.2.dist-info/METADATA", f"{about}\n\nLicense: not this\n")
    return path


def test_every_wheel_is_a_component_with_its_hash(sbom: ModuleType, tmp_path: Path) -> None:
    wheel(tmp_path, "turnlight", "License-Expression: Apache-2.0")
    path = wheel(tmp_path, "Some_Thing", "License-Expression: MIT")
    document = sbom.bill(tmp_path)
    assert document["metadata"]["component"]["name"] == "turnlight"
    (one,) = document["components"]
    assert one["purl"] == "pkg:pypi/some-thing@1.2"
    assert one["hashes"][0]["content"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert one["licenses"] == [{"expression": "MIT"}]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["License-Expression: MIT", "License: other"], "MIT"),
        (["Classifier: License :: OSI Approved :: BSD License"], "BSD License"),
        (["Classifier: License :: OSI Approved", "License: ISC"], "ISC"),
        (["License: MIT License\n        Copyright somebody"], "MIT License"),
        ([], "not stated"),
    ],
)
def test_the_licence_is_the_one_that_the_package_states(
    sbom: ModuleType, tmp_path: Path, lines: list[str], said: str
) -> None:
    wheel(tmp_path, "turnlight", "License-Expression: Apache-2.0")
    wheel(tmp_path, "other", *lines)
    assert sbom.licences(sbom.bill(tmp_path)).splitlines() == [
        "turnlight 1.2: Apache-2.0",
        f"other 1.2: {said}",
    ]


def test_the_same_wheels_give_the_same_document(sbom: ModuleType, tmp_path: Path) -> None:
    wheel(tmp_path, "turnlight")
    wheel(tmp_path, "other")
    assert sbom.bill(tmp_path) == sbom.bill(tmp_path)

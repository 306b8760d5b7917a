from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from turnlight import strain_model
from turnlight.config import CueSettings
from turnlight.strain_features import FEATURES
from turnlight.strain_model import FOLDER, ModelError, StrainModel

MOST_BYTES = 100_000


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for name in ("strain.json", "strain.tflite"):
        shutil.copy(FOLDER / name, tmp_path)
    return tmp_path


def change_manifest(folder: Path, **fields: object) -> None:
    path = folder / "strain.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_no_change_is_a_calm_voice() -> None:
    assert StrainModel().logit(np.zeros(len(FEATURES))) < -1


def alone(model: StrainModel, feature: str, scales: float) -> float:
    """Log-odds where one feature changed by so many of its scales and nothing else did."""
    change = np.zeros(len(FEATURES))
    at = FEATURES.index(feature)
    change[at] = scales * model.manifest.scales[at]
    return model.logit(change)


@pytest.mark.parametrize("feature", FEATURES)
def test_more_of_a_feature_is_never_less_strain(feature: str) -> None:
    model = StrainModel()
    logits = [alone(model, feature, scales) for scales in np.linspace(-5, 5, 41)]
    assert logits == sorted(logits)
    assert logits[0] < logits[-1]


@pytest.mark.parametrize("feature", FEATURES)
def test_no_feature_alone_makes_strain_high(feature: str) -> None:
    model = StrainModel()
    assert alone(model, feature, 1000) < np.log(model.manifest.high / (100 - model.manifest.high))


def test_two_features_make_it_high() -> None:
    model, change = StrainModel(), np.zeros(len(FEATURES))
    change[:2] = 4 * np.array(model.manifest.scales[:2])
    assert model.logit(change) > np.log(model.manifest.high / (100 - model.manifest.high))


def test_the_file_is_small_and_takes_and_gives_int8(copied: Path) -> None:
    content = (copied / "strain.tflite").read_bytes()
    assert len(content) <= MOST_BYTES
    network = strain_model._runtime(np.__version__).Interpreter(model_content=content)
    network.allocate_tensors()
    kinds = {tensor["dtype"] for tensor in network.get_tensor_details()}
    assert kinds <= {np.int8, np.int32}


def test_high_means_the_same_to_the_model_and_the_lamp() -> None:
    assert StrainModel().manifest.high == CueSettings().strain_high


def test_a_damaged_file_is_refused(copied: Path) -> None:
    content = bytearray((copied / "strain.tflite").read_bytes())
    content[100] ^= 1
    (copied / "strain.tflite").write_bytes(content)
    with pytest.raises(ModelError, match=r"strain\.tflite: damaged.*; install Turnlight again"):
        StrainModel(copied)


@pytest.mark.parametrize("name", ["strain.json", "strain.tflite"])
def test_a_missing_file_is_refused(copied: Path, name: str) -> None:
    (copied / name).unlink()
    with pytest.raises(
        ModelError, match=f"{name}: No such file or directory; install Turnlight again"
    ):
        StrainModel(copied)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"feature_version": 0}, "made for feature version 0 .* but this is version"),
        ({"features": ["pitch"]}, r"made for feature version \d+ \(pitch\), but"),
        ({"scales": [1.0]}, "scales must be"),
        ({"more": 1}, "not a manifest of the strain model"),
        ({"sha256": "0" * 64}, "damaged"),
    ],
)
def test_a_wrong_manifest_is_refused(copied: Path, fields: dict[str, object], said: str) -> None:
    change_manifest(copied, **fields)
    with pytest.raises(ModelError, match=said):
        StrainModel(copied)


def test_a_manifest_that_is_no_json_is_refused(copied: Path) -> None:
    (copied / "strain.json").write_text("high = 60")
    with pytest.raises(ModelError, match="not a manifest of the strain model"):
        StrainModel(copied)


def test_without_a_runtime_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in strain_model.RUNTIMES:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModelError, match=r"needs ai-edge-litert 2\.1\.6 .*\.customer = false"):
        StrainModel()


def test_the_runtime_of_32_bit_pis_refuses_a_newer_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    litert, tflite = strain_model.RUNTIMES
    monkeypatch.setitem(sys.modules, litert, None)
    fake = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "tflite_runtime", SimpleNamespace(interpreter=fake))
    monkeypatch.setitem(sys.modules, tflite, fake)
    with pytest.raises(ModelError, match=r"cannot work with numpy 2\.4\.6: pip install"):
        strain_model._runtime("2.4.6")
    assert strain_model._runtime("1.26.4") is fake


def test_a_device_process_does_not_import_scipy() -> None:
    code = "import sys; from turnlight.agent import Listener; from turnlight.config import Config\n"
    code += "Listener(Config(), keep=False); sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

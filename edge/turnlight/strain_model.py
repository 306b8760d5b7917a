"""The strain model: an int8 TFLite file and the manifest that says how it is to be used."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from types import ModuleType

import msgspec
import numpy as np

from turnlight.strain_features import FEATURE_VERSION, FEATURES, Vector

FOLDER = Path(__file__).parent
RUNTIMES = "ai_edge_litert.interpreter", "tflite_runtime.interpreter"
"""The second where there is no other: 32-bit Pis."""


class ModelError(RuntimeError):
    """The strain model cannot be used; the text says why, and what to do."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `strain.json` says about `strain.tflite`."""

    feature_version: int
    features: tuple[str, ...]
    """The model's inputs, in order."""
    window_blocks: int
    """Half seconds with speech that one value looks at."""
    baseline_ms: int
    """Speech that makes a baseline."""
    scales: tuple[float, ...]
    """What each change is divided by before it is quantised."""
    high: float
    """Strain from here on is high, 0..100."""
    sha256: str
    """Of `strain.tflite`."""


class StrainModel:
    """Says how strained a voice is by how far its features are from the baseline's.

    Args:
        folder: where `strain.tflite` and `strain.json` are.

    Raises:
        ModelError: no runtime, a numpy that it cannot use, a wrong manifest, a damaged file.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.manifest = _manifest(folder / "strain.json")
        content = _content(folder / "strain.tflite", self.manifest.sha256)
        runtime = _runtime(np.__version__)
        try:
            # the default delegate writes to stderr and gains nothing on one small layer
            plain = runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            self._network = runtime.Interpreter(
                model_content=content, num_threads=1, experimental_op_resolver_type=plain
            )
            self._network.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"strain.tflite cannot be run: {error}; install Turnlight again"
            ) from None
        (taken,), (given,) = self._network.get_input_details(), self._network.get_output_details()
        count = len(self.manifest.features)
        if taken["dtype"] != np.int8 or list(taken["shape"]) != [1, count]:
            raise ModelError(
                f"strain.tflite takes {taken['dtype'].__name__} of shape {list(taken['shape'])}, "
                f"but strain.json names {count} features of int8; install Turnlight again"
            )
        self._input, (self._in_scale, self._in_zero) = taken["index"], taken["quantization"]
        self._output, (self._out_scale, self._out_zero) = given["index"], given["quantization"]
        self._scales = np.array(self.manifest.scales)

    def logit(self, change: Vector) -> float:
        """Log-odds that the voice is strained.

        Args:
            change: features less those of the baseline, shape (features,), in their own units.
        """
        steps = np.round(change / self._scales / self._in_scale) + self._in_zero
        self._network.set_tensor(self._input, np.clip(steps, -128, 127).astype(np.int8)[None])
        self._network.invoke()
        step = int(self._network.get_tensor(self._output)[0, 0])
        return float((step - self._out_zero) * self._out_scale)


def _manifest(path: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; install Turnlight again") from None
    except msgspec.DecodeError as error:
        raise ModelError(f"{path}: not a manifest of the strain model: {error}") from None
    if manifest.feature_version != FEATURE_VERSION or manifest.features != FEATURES:
        raise ModelError(
            f"{path}: made for feature version {manifest.feature_version} "
            f"({', '.join(manifest.features)}), but this is version {FEATURE_VERSION} "
            f"({', '.join(FEATURES)}); train the model again or install both from one release"
        )
    if len(manifest.scales) != len(FEATURES) or min(manifest.scales) <= 0:
        raise ModelError(f"{path}: scales must be {len(FEATURES)} numbers above 0")
    return manifest


def _content(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; install Turnlight again") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelError(f"{path}: damaged, not the file of strain.json; install Turnlight again")
    return content


def _runtime(numpy_version: str) -> ModuleType:
    for name in RUNTIMES:
        try:
            found = importlib.import_module(name)
        except ImportError:
            continue
        if name.startswith("tflite_runtime") and int(numpy_version.split(".")[0]) >= 2:
            raise ModelError(
                f"tflite-runtime cannot work with numpy {numpy_version}: "
                "pip install 'numpy<2', or ai-edge-litert where there is one"
            )
        return found
    raise ModelError(
        "the strain model needs ai-edge-litert 2.1.6 (on a 32-bit Pi: tflite-runtime with "
        "numpy<2); install it, or set strain.customer = false"
    )

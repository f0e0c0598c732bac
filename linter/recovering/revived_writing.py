"""Trained weights, back in the file that they came from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from npulint.errors import UsageError
from npulint.formats import load
from npulint.formats.onnx_refresh import with_elements
from npulint.formats.tflite_places import with_buffers

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.recovering.revived import Revived


def refreshed(path: Path, module: Revived) -> bytes:
    """A file with trained weights in place of its own, and nothing else changed.

    Weights of 16 bits are rounded. Without training the bytes are those of the file, but for an
    `.onnx` that keeps data in other files: they come into the one that is returned.

    Args:
        path: The file that the module was made of.
        module: The module.

    Raises:
        ModelFileError: The file cannot be read.
        UsageError: It is another one than the module was made of, or a weight is no finite
            number in its type.
    """
    model = load(path)
    if (model.dialect, model.size, model.digest) != module.source:
        raise UsageError(f"{path}: is not the file that the weights were trained for")
    graph = model.graphs[0]
    changed: dict[int, bytes] = {}
    for index, weight in zip(module.places, module.weights, strict=True):
        value = graph.values[index]
        if value.constant is None:
            raise UsageError(f"{path}: stores no {value.name}, which was trained")
        old = value.constant.read()
        trained: npt.NDArray[np.float32] = weight.detach().cpu().numpy()
        with np.errstate(over="ignore"):
            new = np.ascontiguousarray(trained.reshape(old.shape).astype(old.dtype))
        if new.tobytes() == old.tobytes():
            continue
        if not np.isfinite(new).all():
            raise UsageError(
                f"{path}: {value.name} has numbers after training that {value.dtype} does not hold"
            )
        changed[index] = new.astype(new.dtype.newbyteorder("<")).tobytes()
    if model.dialect == "onnx":
        return with_elements(model, changed)
    return with_buffers(model, changed)

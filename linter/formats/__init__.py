"""Readers and writers of model files: one module a format, and the doors `load` and `save`."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.formats.sniff import sniff

if TYPE_CHECKING:
    from npulint.model import Model


def load(path: Path | str) -> Model:
    """Read a model file.

    Args:
        path: A `.tflite` or `.onnx` file; what it is is decided by its bytes.

    Returns:
        The model, frozen; its weights stay on disk until asked for.

    Raises:
        ModelFileError: The file is no model that npulint reads, or a damaged one.
    """
    path = Path(path)
    kind, size = sniff(path)
    with _paused_collector():
        # Each reader is imported when its format is met: start-up is most of a small check.
        if kind == "tflite":
            from npulint.formats.tflite import read
        else:
            from npulint.formats.onnx import read
        return read(path, size)


def save(model: Model, path: Path | str) -> None:
    """Write a model to a file of its own dialect.

    A model that was read from a file and changed is written as that file had it, but for the
    changes: names, metadata, signatures, quantisation, fields that npulint does not know, and
    constants byte for byte. For that the file must still be there as it was read. The new file
    appears whole or not at all, also where it takes the place of the old one.

    Args:
        model: The model; its weights are copied from where they lie, never loaded.
        path: Where to.

    Raises:
        InvalidModelError: The model contradicts itself or says what its format cannot.
        ModelFileError: A file cannot be written, or one that the model was read from is no
            longer what it was.
    """
    with _paused_collector():
        if model.dialect == "tflite":
            from npulint.formats.tflite_write import write
        else:
            from npulint.formats.onnx_write import write
        write(model, Path(path))


@contextmanager
def _paused_collector() -> Iterator[None]:
    """Readers make many small objects and no circles: the collector would find nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

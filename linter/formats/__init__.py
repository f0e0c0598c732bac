"""Readers of model files: one module a format, and the door `load`."""

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

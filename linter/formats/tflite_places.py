"""Where in a TFLite file the elements of its tensors lie, and the file with others there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.formats.flatbuffer import FlatBuffer
from npulint.formats.tflite import SCHEMA, mapped
from npulint.formats.tflite_tensors import Buffers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from npulint.model import Model


def buffer_places(path: Path) -> tuple[dict[int, tuple[int, int]], ...]:
    """The places of all stored tensors of a file that was read before.

    Args:
        path: The file.

    Returns:
        For each graph `(offset, length)` by position of the value. Tensors that refer to one
        buffer have one place.

    Raises:
        ModelFileError: The file cannot be read, or is damaged.
    """
    with mapped(path, path.stat().st_size) as data:
        file = FlatBuffer(data, path, SCHEMA)
        root = file.root("Model")
        buffers = Buffers(file, root["buffers"])
        return tuple(_graph(file, buffers, position) for position in root["subgraphs"])


def _graph(file: FlatBuffer, buffers: Buffers, position: int) -> dict[int, tuple[int, int]]:
    found = {}
    for index, place in enumerate(file.row("SubGraph", position)["tensors"]):
        span = buffers.span(file.row("Tensor", place)["buffer"])
        if span is not None:
            found[index] = span
    return found


def with_buffers(model: Model, elements: Mapping[int, bytes]) -> bytes:
    """The bytes of a model's file with other elements in stored values of its main graph.

    Args:
        model: The model as it was read.
        elements: Little-endian elements by position of the value, as many as there were.

    Raises:
        ModelFileError: The file cannot be read, or is damaged.
    """
    places = buffer_places(model.path)[0]
    data = bytearray(model.path.read_bytes())
    for index, content in elements.items():
        offset, _ = places[index]
        data[offset : offset + len(content)] = content
    return bytes(data)

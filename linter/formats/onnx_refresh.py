"""An ONNX file with other elements in some of its tensors, and nothing else changed.

A tensor that keeps its elements as plain bytes gets the new ones in their place; one that keeps
them one by one, or encoded, gets them as plain bytes. Data of other files comes into the model's
own, so that the result stands for itself wherever it is put.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from typing import TYPE_CHECKING

from npulint.errors import ModelFileError
from npulint.formats.onnx_attributes import TENSOR, read_attribute
from npulint.formats.onnx_elements import FLOAT_DATA, LOOSE_KEYS, PACKED_KEYS
from npulint.formats.onnx_external import fetch
from npulint.formats.onnx_write import LARGEST
from npulint.formats.onnx_write_source import INITIALIZER, NODE_ATTRIBUTE, Bound, bind
from npulint.formats.onnx_write_weights import MODEL, Weights
from npulint.formats.protobuf_build import Message, WireFile, field
from npulint.model import Storage

if TYPE_CHECKING:
    from npulint.model import Model

# Field numbers of TensorProto, and keys: field number << 3 | wire type.
_RAW = 9
_RAW_KEY, _EXTERNAL_KEY, _LOCATION_KEY, _FLOATS_KEY = 0x4A, 0x6A, 0x70, 0x22
_DATA_KEYS = frozenset({_RAW_KEY, _EXTERNAL_KEY, _LOCATION_KEY, *PACKED_KEYS, *LOOSE_KEYS})


def with_elements(model: Model, elements: Mapping[int, bytes]) -> bytes:
    """The bytes of a model's file with other elements in stored values of its main graph.

    Args:
        model: The model as it was read.
        elements: Little-endian elements by position of the value, as many as there were.

    Raises:
        ModelFileError: The file cannot be read, or grows beyond what official parsers take.
    """
    with model.path.open("rb") as stream:
        data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    with data:
        file = WireFile(data, model.path)
        bound = bind(file, model)[0]
        places = _places(file, model, bound, elements)
        message = _Refreshed(file, places).copied(0, len(data), MODEL)
        if message.size > LARGEST:
            raise ModelFileError(
                model.path, "would be larger than 2 GiB with the data of its other files in it"
            )
        return b"".join(_bytes(part, data, file) for part in message.parts)


def _bytes(part: bytes | Storage, data: mmap.mmap, file: WireFile) -> bytes:
    if isinstance(part, bytes):
        return part
    if part.path == file.path:
        return data[part.offset : part.offset + part.length]
    return fetch(part)


def _places(
    file: WireFile, model: Model, bound: Bound, elements: Mapping[int, bytes]
) -> dict[int, bytes]:
    """New elements by where the message of their tensor begins."""
    found = {}
    for part, name in bound.named.get(INITIALIZER, ()):
        index = bound.positions[name]
        if index in elements:
            found[part.first] = elements[index]
    for node, part in zip(model.graphs[0].nodes, bound.nodes, strict=True):
        if node.op == "Constant" and node.outputs[0] in elements:
            for item in file.fields(part.first, part.end):
                if item.key == NODE_ATTRIBUTE:
                    stated = read_attribute(file.data, item.first, item.end)
                    for begin, _ in stated.messages.get(TENSOR, ()):
                        found[begin] = elements[node.outputs[0]]
    return found


class _Refreshed(Weights):
    """Tensors with new elements where there are some, and with their data in the file itself."""

    def __init__(self, file: WireFile, places: Mapping[int, bytes]) -> None:
        super().__init__(file, moves=False)
        self._places = places

    def tensor(self, begin: int, end: int, name: bytes | None = None) -> Message:
        """A TensorProto of the file."""
        parts = list(self._file.fields(begin, end))
        keys = [part.key for part in parts if part.key in _DATA_KEYS]
        new: bytes | Storage | None = self._places.get(begin) or self.outside(parts)
        if new is None:
            return super().tensor(begin, end, name)
        content = Message(new)
        if keys in ([_RAW_KEY], [_FLOATS_KEY]):
            number = _RAW if keys == [_RAW_KEY] else FLOAT_DATA
            return self._file.rebuilt(begin, end, {keys[0]: [field(number, content)]})
        lists: dict[int, list[Message]] = {key: [] for key in keys}
        lists[_RAW_KEY] = [field(_RAW, content)]
        return self._file.rebuilt(begin, end, lists)

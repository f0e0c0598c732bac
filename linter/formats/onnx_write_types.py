"""ValueInfoProto and TypeProto messages: what an ONNX file says that a value is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.errors import InvalidModelError
from npulint.formats.onnx_types import DTYPES
from npulint.formats.protobuf_build import Field, Message, WireFile, field, integer

if TYPE_CHECKING:
    from npulint.model import Dimension, Value

# Field numbers of ValueInfoProto, TypeProto and what is in them (onnx/onnx.proto of onnx 1.23.0).
_NAME, _TYPE = 1, 2
_TENSOR_TYPE, _ELEMENT_TYPE, _SHAPE, _DIMENSION, _SIZE, _SYMBOL = 1, 1, 2, 1, 1, 2
_NAME_KEY, _TYPE_KEY = 0x0A, 0x12

NUMBERS = {dtype: number for number, dtype in DTYPES.items()}


class ValueInfos:
    """Writes what a model says of its values.

    Args:
        file: The file that the model was read from.
    """

    def __init__(self, file: WireFile) -> None:
        self._file = file

    def field(
        self, key: int, name: bytes, value: Value, was: Value | None, old: Field | None
    ) -> Message:
        """A field that says what a value is.

        Args:
            key: The key of the field in its graph.
            name: The value's name as it is written.
            value: The value.
            was: What it was in the file, if it was there.
            old: The field there.

        Raises:
            InvalidModelError: ONNX does not have its element type.
        """
        lists: dict[int, list[Message]] = {}
        if was is None or old is None or value.name != was.name:
            lists[_NAME_KEY] = [field(_NAME, name)]
        if was is None or old is None or (value.dtype, value.shape) != (was.dtype, was.shape):
            lists[_TYPE_KEY] = [] if value.dtype is None else [field(_TYPE, _type(value))]
        if old is None:
            return field(key >> 3, self._file.rebuilt(0, 0, lists))
        return self._file.with_body(old, self._file.rebuilt(old.first, old.end, lists))


def _type(value: Value) -> Message:
    number = NUMBERS.get(value.dtype or "")
    if number is None:
        raise InvalidModelError(
            f"value {value.name!r} has element type {value.dtype}; ONNX takes {', '.join(NUMBERS)}"
        )
    tensor = integer(_ELEMENT_TYPE, number)
    if value.shape is not None:
        shape = Message()
        for size in value.shape:
            shape.extend(field(_DIMENSION, _dimension(size)))
        tensor.extend(field(_SHAPE, shape))
    return field(_TENSOR_TYPE, tensor)


def _dimension(size: Dimension) -> Message:
    if size is None:
        return Message()
    return integer(_SIZE, size) if isinstance(size, int) else field(_SYMBOL, size.encode())

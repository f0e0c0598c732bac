"""ONNX element types and TypeProto: what the file says a value is."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from npulint.formats.protobuf import WireError, fields, signed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from npulint.model import Dimension, Shape

DTYPES: Mapping[int, str] = MappingProxyType(
    {
        1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
        8: "string", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
        14: "complex64", 15: "complex128", 16: "bfloat16", 17: "float8e4m3fn",
        18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4",
        23: "float4e2m1", 24: "float8e8m0", 25: "uint2", 26: "int2", 27: "float6e2m3",
        28: "float6e3m2",
    }
)  # fmt: skip
"""Our dtype name by TensorProto.DataType (onnx/onnx.proto of onnx 1.23.0)."""

MAXIMUM_RANK = 64
"""Dimensions of a tensor; numpy has as many, no runtime takes more than a few."""

# Keys are field number << 3 | wire type, as `protobuf.fields` yields them.
_TENSOR_TYPE, _SPARSE_TENSOR_TYPE = 0x0A, 0x42
_ELEMENT_TYPE, _SHAPE = 0x08, 0x12
_DIMENSION = 0x0A
_DIMENSION_VALUE, _DIMENSION_NAME = 0x08, 0x12
_NAME, _TYPE = 0x0A, 0x12

_INVENTED = "unk__"


class TypeReader:
    """Reads TypeProto messages, each distinct one once.

    Args:
        data: The bytes that the messages lie in.
        invented: Whether symbolic sizes called `unk__0`, `unk__1` ... are shape inference's own
            inventions; they then stand for sizes that nobody named.
    """

    def __init__(self, data: bytes, *, invented: bool = False) -> None:
        self._data = data
        self._invented = invented
        self._known: dict[bytes, tuple[str | None, Shape | None]] = {}

    def value_info(self, begin: int, end: int) -> tuple[bytes, tuple[str | None, Shape | None]]:
        """A ValueInfoProto: the name, the dtype and the shape.

        A sequence, map or optional has neither dtype nor shape here: it is not a tensor.
        """
        name = b""
        kind: tuple[str | None, Shape | None] = (None, None)
        for key, first, second in fields(self._data, begin, end):
            if key == _NAME:
                name = self._data[first:second]
            elif key == _TYPE:
                kind = self.type(first, second)
        return name, kind

    def type(self, begin: int, end: int) -> tuple[str | None, Shape | None]:
        """A TypeProto: dtype and shape, None each where the file does not say."""
        raw = self._data[begin:end]
        known = self._known.get(raw)
        if known is None:
            known = self._known[raw] = self._type(begin, end)
        return known

    def _type(self, begin: int, end: int) -> tuple[str | None, Shape | None]:
        dtype: str | None = None
        shape: Shape | None = None
        for key, first, second in fields(self._data, begin, end):
            if key not in (_TENSOR_TYPE, _SPARSE_TENSOR_TYPE):
                continue
            for inner, value, stop in fields(self._data, first, second):
                if inner == _ELEMENT_TYPE:
                    dtype = DTYPES.get(value)
                elif inner == _SHAPE:
                    shape = self._shape(value, stop)
        return dtype, shape

    def _shape(self, begin: int, end: int) -> Shape:
        shape: list[Dimension] = []
        for key, first, second in fields(self._data, begin, end):
            if key != _DIMENSION:
                continue
            size: Dimension = None
            for inner, value, stop in fields(self._data, first, second):
                if inner == _DIMENSION_VALUE:
                    # Exporters write -1 for a size that is not known.
                    size = signed(value) if signed(value) >= 0 else None
                elif inner == _DIMENSION_NAME:
                    name = text(self._data[value:stop])
                    size = None if self._invented and name.startswith(_INVENTED) else name or None
            shape.append(size)
        if len(shape) > MAXIMUM_RANK:
            raise WireError(begin, f"a shape has {len(shape)} dimensions")
        return tuple(shape)


def decoded(raw: bytes) -> str:
    """Text of the file; bytes that are not UTF-8 are shown by their codes."""
    return raw.decode("utf-8", "backslashreplace")


def text(raw: bytes) -> str:
    """A name of the file, fit to be shown: what does not print is shown by its code."""
    name = decoded(raw)
    if name.isprintable():
        return name
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in name
    )

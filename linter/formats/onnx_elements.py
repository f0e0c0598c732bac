"""How TensorProto writes elements down: bytes, or one of five typed fields."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from npulint.formats.onnx_types import DTYPES
from npulint.formats.protobuf import WireError, encode, encode_field, varint
from npulint.model import ITEM_BITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from npulint.model import Constant

BITS: Mapping[str, int] = MappingProxyType({**ITEM_BITS, "float6e2m3": 6, "float6e3m2": 6})
"""Bits of one element in `raw_data`."""

_NAME, _RAW_DATA = 8, 9
FLOAT_DATA, INT32_DATA, INT64_DATA, DOUBLE_DATA, UINT64_DATA = 4, 5, 7, 10, 11
PLAIN_FIELDS = frozenset({FLOAT_DATA, DOUBLE_DATA})
"""Fields that store little-endian elements, as `raw_data` does; the others store varints."""

# Keys are field number << 3 | wire type, as `protobuf.fields` yields them.
_DIMS_KEY, _DATA_TYPE_KEY = 0x08, 0x10
PACKED_KEYS: Mapping[int, int] = MappingProxyType(
    {0x22: FLOAT_DATA, 0x2A: INT32_DATA, 0x3A: INT64_DATA, 0x52: DOUBLE_DATA, 0x5A: UINT64_DATA}
)
LOOSE_KEYS: Mapping[int, int] = MappingProxyType(
    {0x25: FLOAT_DATA, 0x28: INT32_DATA, 0x38: INT64_DATA, 0x51: DOUBLE_DATA, 0x58: UINT64_DATA}
)
"""Typed fields whose writer gave each element a field of its own, which parsers must accept."""

TYPED_FIELD: Mapping[str, int] = MappingProxyType(
    {
        "float32": FLOAT_DATA, "complex64": FLOAT_DATA,
        "float64": DOUBLE_DATA, "complex128": DOUBLE_DATA,
        "int64": INT64_DATA, "uint32": UINT64_DATA, "uint64": UINT64_DATA,
    }
)  # fmt: skip
"""The typed field by dtype; every other numeric type is stored as int32_data."""

SEVERAL_PER_INTEGER = frozenset({"int4", "uint4", "int2", "uint2", "float4e2m1"})
"""Types of which one entry of int32_data holds a whole byte's worth."""


def tensor_message(name: bytes, constant: Constant) -> bytes:
    """A small constant as a TensorProto that carries its own data."""
    number = next(number for number, dtype in DTYPES.items() if dtype == constant.dtype)
    dims = b"".join(encode(_DIMS_KEY) + encode(size) for size in constant.shape)
    kind = encode(_DATA_TYPE_KEY) + encode(number)
    return (
        dims + kind + encode_field(_NAME, name) + encode_field(_RAW_DATA, constant.payload or b"")
    )


def varints(data: bytes, position: int, end: int) -> Iterator[int]:
    """The integers of a packed field, as unsigned 64-bit values."""
    while position < end:
        value, position = varint(data, position)
        yield value
    if position > end:
        raise WireError(end, "the last integer does not fit into its field")


def packed(integers: list[int], dtype: str) -> bytes:
    """The integers of a typed field as the bytes that `raw_data` would hold."""
    bits = BITS[dtype]
    if bits == 6:
        # Here the typed field holds one element an entry, while raw_data packs four in 3 bytes.
        whole = sum((value & 0x3F) << 6 * place for place, value in enumerate(integers))
        return whole.to_bytes((len(integers) * 6 + 7) // 8, "little")
    size = max(bits // 8, 1)
    mask = (1 << 8 * size) - 1
    return b"".join((value & mask).to_bytes(size, "little") for value in integers)

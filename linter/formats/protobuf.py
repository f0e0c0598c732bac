"""The protobuf wire format in memory, read and written without generated code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import mmap

Data: TypeAlias = "bytes | mmap.mmap"
"""A message, or a file with messages in it."""

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
"""The wire types in use; 3 and 4 are groups, which neither ONNX nor anything since 2008 uses."""

_INT64_SIGN = 1 << 63


class WireError(Exception):
    """Bytes in memory that are not the message they should be.

    Attributes:
        position: Index into the bytes at which reading stopped making sense.
    """

    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.position = position


def varint(data: Data, position: int) -> tuple[int, int]:
    """Read one variable-length integer: its unsigned 64-bit value and the position after it."""
    value = shift = 0
    begin = position
    try:
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF, position
            shift += 7
            if shift > 63:
                raise WireError(begin, "an integer is longer than 10 bytes")
    except IndexError:
        raise WireError(begin, "the data ends inside an integer") from None


def signed(value: int) -> int:
    """The int64 that a varint's 64 bits stand for."""
    return value - (1 << 64) if value >= _INT64_SIGN else value


def fields(data: Data, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Walk the fields of the message that fills `data[position:end]`.

    Yields:
        `(key, first, second)`, where the key is `number << 3 | wire type`. A varint comes as
        its value and the position after it; everything else as the range of its bytes.

    Raises:
        WireError: The bytes are not a message.
    """
    while position < end:
        key = data[position]
        begin = position
        position += 1
        if key >= 0x80:
            key, position = varint(data, begin)
        kind = key & 7
        if key < 8:
            raise WireError(begin, "no field can have number 0")
        if kind == LENGTH:
            length = data[position] if position < end else 0x80
            position += 1
            if length >= 0x80:
                length, position = varint(data, position - 1)
            stop = position + length
            if stop > end:
                raise WireError(begin, f"a field of {length} bytes does not fit into its message")
            yield key, position, stop
            position = stop
        elif kind == VARINT:
            value, position = varint(data, position)
            yield key, value, position
        elif kind in (FIXED32, FIXED64):
            stop = position + (4 if kind == FIXED32 else 8)
            yield key, position, stop
            position = stop
        else:
            raise WireError(begin, f"no field can have wire type {kind}")
    if position != end:
        raise WireError(end, "the last field does not fit into its message")


def encode(value: int) -> bytes:
    """A non-negative integer as a varint."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def encode_field(number: int, body: bytes) -> bytes:
    """A length-delimited field."""
    return encode(number << 3 | LENGTH) + encode(len(body)) + body

"""AttributeProto, taken apart."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from npulint.formats.onnx_types import decoded, text
from npulint.formats.protobuf import Data, WireError, fields, signed, varint
from npulint.model import Constant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from npulint.model import Attribute

LONGEST_LIST = 1 << 16
"""Elements of a list attribute that are kept; of a longer one only type and count are.

Such lists are the weights of decision trees and vocabularies, which no condition asks for.
"""

# AttributeProto.AttributeType
FLOAT, INT, STRING, TENSOR, GRAPH, FLOATS, INTS, STRINGS = range(1, 9)
TENSORS, GRAPHS, SPARSE_TENSOR, SPARSE_TENSORS, TYPE_PROTO, TYPE_PROTOS = range(9, 15)

# Keys are field number << 3 | wire type, as `protobuf.fields` yields them.
_NAME, _F, _I, _S, _KIND, _REFERENCE = 0x0A, 0x15, 0x18, 0x22, 0xA0, 0xAA
_FLOATS, _FLOATS_PACKED, _INTS, _INTS_PACKED, _STRINGS = 0x3D, 0x3A, 0x40, 0x42, 0x4A
_MESSAGES = {
    0x2A: TENSOR, 0x52: TENSORS, 0x32: GRAPH, 0x5A: GRAPHS, 0xB2: SPARSE_TENSOR,
    0xBA: SPARSE_TENSORS, 0x72: TYPE_PROTO, 0x7A: TYPE_PROTOS,
}  # fmt: skip


_PLAIN_LISTS: Mapping[int, tuple[str, int]] = MappingProxyType(
    {INTS: ("int64", 8), FLOATS: ("float32", 4), STRINGS: ("string", 1)}
)
"""Element type and least bytes an element, by the kind of a list."""


@dataclass(slots=True)
class RawAttribute:
    """What one AttributeProto states.

    Attributes:
        name: Its name.
        kind: AttributeType; where a file of IR version 1 leaves it out, by what is there.
        reference: The function's attribute that it stands for, or empty.
        messages: Where its tensors, graphs, types and string lie, by kind.
        values: Its number or string, by kind.
        lists: Its lists of numbers or strings, by kind, as far as they are kept.
        counts: The lengths of those lists.
    """

    name: str = ""
    kind: int = 0
    reference: str = ""
    messages: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    values: dict[int, int | float | str | bytes] = field(default_factory=dict)
    lists: dict[int, list[Any]] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)

    def add(self, kind: int, item: float | str) -> None:
        """Append to a list."""
        items = self.lists.setdefault(kind, [])
        if len(items) < LONGEST_LIST:
            items.append(item)
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def plain(self) -> Attribute:
        """The value of an attribute that is a number, a string or a list of those."""
        if self.kind in _PLAIN_LISTS:
            items, count = self.lists.get(self.kind, []), self.counts.get(self.kind, 0)
            if count == len(items):
                return tuple(items)
            dtype, size = _PLAIN_LISTS[self.kind]
            return Constant(dtype, (count,), None, None, size * count)
        return self.values.get(self.kind, _DEFAULTS.get(self.kind, ""))


_DEFAULTS: Mapping[int, int | float] = MappingProxyType({INT: 0, FLOAT: 0.0})


def read_attribute(data: Data, begin: int, end: int) -> RawAttribute:
    """Take an AttributeProto apart.

    Raises:
        WireError: The bytes are not a message.
    """
    found = RawAttribute()
    for key, first, second in fields(data, begin, end):
        if key == _NAME:
            found.name = text(data[first:second])
        elif key == _KIND:
            found.kind = first
        elif key == _REFERENCE:
            found.reference = text(data[first:second])
        elif key in _MESSAGES:
            found.messages.setdefault(_MESSAGES[key], []).append((first, second))
        else:
            _read_plain(found, data, key, first, second)
    if not found.kind:
        found.kind = next(iter((*found.values, *found.lists, *found.messages)), 0)
    return found


def _read_plain(found: RawAttribute, data: Data, key: int, first: int, second: int) -> None:
    """Take in a field that holds a number, a string or elements of a list."""
    if key == _I:
        found.values[INT] = signed(first)
    elif key == _F:
        found.values[FLOAT] = _real(data, first)
    elif key == _S:
        found.values[STRING] = _string(data[first:second])
        found.messages[STRING] = [(first, second)]
    elif key == _INTS:
        found.add(INTS, signed(first))
    elif key == _FLOATS:
        found.add(FLOATS, _real(data, first))
    elif key == _STRINGS:
        found.add(STRINGS, decoded(data[first:second]))
    elif key == _INTS_PACKED:
        while first < second:
            value, first = varint(data, first)
            found.add(INTS, signed(value))
    elif key == _FLOATS_PACKED:
        for place in range(first, second - 3, 4):
            found.add(FLOATS, _real(data, place))


def _real(data: Data, position: int) -> float:
    """A float32."""
    if position + 4 > len(data):
        raise WireError(position, "the data ends inside a number")
    value: float = _FLOAT32.unpack_from(data, position)[0]
    return value


def _string(raw: bytes) -> str | bytes:
    """Text where it is text."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


_FLOAT32 = struct.Struct("<f")

"""A small writer of flatbuffers whose tables are described by data.

What is short is laid out in memory, front to back: the root first and everything that a table
refers to behind it, as the unsigned offsets ask for. What is long follows and is streamed when
the file is written, so that weights never pass through memory. Format:
https://flatbuffers.dev/internals/.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from npulint.errors import InvalidModelError
from npulint.formats.output import Content, NewFile, length_of
from npulint.model import Storage

if TYPE_CHECKING:
    from npulint.formats.flatbuffer_schema import Field, Schema

LARGEST = (1 << 31) - 2
"""Bytes of a flatbuffer that the official verifier still takes."""

ALIGNMENT = 16
"""Of byte vectors: the most that the schema of TFLite asks for (`force_align`)."""

_SIZES = {code: struct.calcsize(f"<{code}") for code in "?bBhHiIqQfd"}
_REFERENCE = 4
"""Bytes of an offset."""

_uint32 = struct.Struct("<I")
_int32 = struct.Struct("<i")


@dataclass(slots=True, eq=False)
class Table:
    """A table to be written.

    Attributes:
        kind: Its name in the schema.
        fields: By name, what `FlatBuffer.row` gives, with tables in place of their positions and
            `Content` in place of spans. Scalars that are left out or have their default are not
            written. A vector of scalars may also be the content of its elements.
    """

    kind: str
    fields: dict[str, Any]

    def changed(self, **fields: Any) -> Table:
        """A copy with other fields; None takes one away."""
        return Table(self.kind, {**self.fields, **fields})


@dataclass(slots=True)
class _Long:
    """Bytes behind the tables, and the places that refer to them."""

    content: Content
    item_size: int
    alignment: int
    references: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Image:
    """A flatbuffer, laid out.

    Attributes:
        size: Bytes that it takes.
        head: The tables and everything short.
        tail: What follows: zeros to fill up with, the number of elements, and the elements.
    """

    size: int
    head: bytes
    tail: list[tuple[int, int, Content]]

    def write(self, file: NewFile) -> None:
        """Write it at the beginning of a file."""
        file.write(self.head)
        for filling, count, content in self.tail:
            file.write(bytes(filling) + _uint32.pack(count))
            file.write(content)
        file.write(bytes(self.size - file.size))


def build(schema: Schema, root: Table, identifier: bytes) -> Image:
    """Lay out a flatbuffer.

    Args:
        schema: What the tables look like.
        root: The root table; tables that occur in several places are written as often.
        identifier: The four bytes that name the format.

    Returns:
        The image; one beyond `LARGEST` bytes must not be written.

    Raises:
        InvalidModelError: A number does not fit its field.
    """
    return _Builder(schema).image(root, identifier)


class _Builder:
    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._out = bytearray(8)
        self._vtables: dict[bytes, int] = {}
        self._long: dict[Content, _Long] = {}
        self._waiting: list[tuple[int, Field | None, Any]] = []

    def image(self, root: Table, identifier: bytes) -> Image:
        out = self._out
        out[4:8] = identifier
        self._waiting.append((0, None, root))
        while self._waiting:
            place, kind, value = self._waiting.pop()
            if isinstance(value, Table):
                self._refer(place, self._table(value))
            elif kind is not None:
                self._refer_to(place, kind, value)
        return self._finish()

    def _finish(self) -> Image:
        """Place what is long behind everything else."""
        size, tail = len(self._out), []
        for long in self._long.values():
            length = length_of(long.content)
            filling = -(size + 4) % long.alignment
            size += filling
            if size <= LARGEST:
                for place in long.references:
                    self._refer(place, size)
            tail.append((filling, length // long.item_size, long.content))
            size += 4 + length
        # Kernels may read up to 16 bytes past the end of a tensor (XNNPACK's XNN_EXTRA_BYTES).
        size += ALIGNMENT + -size % ALIGNMENT
        return Image(size, bytes(self._out), tail)

    def _refer(self, place: int, target: int) -> None:
        _uint32.pack_into(self._out, place, target - place)

    def _refer_to(self, place: int, kind: Field, value: Any) -> None:
        """Write what a field refers to, and the reference to it."""
        if kind.kind == "string":
            raw = value.encode("utf-8", "surrogateescape")
            self._align(4)
            self._refer(place, len(self._out))
            self._out += _uint32.pack(len(raw)) + raw + b"\0"
        elif kind.kind == "tables":
            self._align(4)
            self._refer(place, first := len(self._out))
            self._out += _uint32.pack(len(value)) + bytes(4 * len(value))
            places = range(first + 4 * len(value), first, -4)
            self._waiting.extend(zip(places, [None] * len(value), reversed(value), strict=True))
        elif isinstance(value, (bytes, Storage)):
            self._later(place, kind, value)
        else:
            self._align(max(_SIZES[kind.code], 4), after=4)
            self._refer(place, len(self._out))
            self._out += _uint32.pack(len(value)) + packed(kind, len(value), *value)

    def _later(self, place: int, kind: Field, content: Content) -> None:
        is_span = kind.kind == "span"
        size = 1 if is_span else _SIZES[kind.code]
        alignment = ALIGNMENT if is_span else max(size, 4)
        long = self._long.setdefault(content, _Long(content, size, alignment))
        long.references.append(place)

    def _table(self, table: Table) -> int:
        """Write a table and, where it is the first of its form, its vtable."""
        present = []
        for kind in self._schema.fields(table.kind):
            value = table.fields.get(kind.name)
            if kind.kind != "scalar" and value is not None:
                present.append((_REFERENCE, kind, value))
            elif value is not None and value != kind.default:
                present.append((_SIZES[kind.code], kind, value))
        present.sort(key=_size, reverse=True)
        alignment = 8 if present and present[0][0] == 8 else 4
        slots, cursor = {}, alignment
        for size, kind, _ in present:
            slots[kind.slot] = cursor
            cursor += size
        at = self._begin(slots, cursor, alignment)
        for size, kind, value in present:
            place = at + slots[kind.slot]
            if kind.kind == "scalar":
                self._out[place : place + size] = packed(kind, 1, value)
        self._waiting.extend(
            (at + slots[kind.slot], kind, value)
            for _, kind, value in reversed(present)
            if kind.kind != "scalar"
        )
        return at

    def _begin(self, slots: dict[int, int], size: int, alignment: int) -> int:
        """Reserve a table's bytes and set its vtable."""
        count = max(slots, default=-1) + 1
        offsets = [slots.get(slot, 0) for slot in range(count)]
        vtable = struct.pack(f"<{2 + count}H", 4 + 2 * count, size, *offsets)
        known = self._vtables.get(vtable)
        if known is None:
            self._align(2)
            known = self._vtables[vtable] = len(self._out)
            self._out += vtable
        self._align(alignment)
        at = len(self._out)
        self._out += _int32.pack(at - known) + bytes(size - 4)
        return at

    def _align(self, boundary: int, after: int = 0) -> None:
        """Fill up so that what comes `after` bytes later stands on a boundary."""
        self._out += bytes(-(len(self._out) + after) % boundary)


def _size(present: tuple[int, Field, Any]) -> int:
    return present[0]


def packed(kind: Field, count: int, *values: Any) -> bytes:
    """The bytes of a field's scalar or of its vector's elements.

    Raises:
        InvalidModelError: They do not fit its type.
    """
    try:
        return struct.pack(f"<{count}{kind.code}", *values)
    except (struct.error, OverflowError, TypeError) as error:
        raise InvalidModelError(
            f"`{kind.name}` cannot hold {values[0] if count == 1 else values!r}: it takes "
            f"{kind.type} ({error})"
        ) from error

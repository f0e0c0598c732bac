"""A small reader of flatbuffers whose tables are described by data.

Every offset and every length is checked against the file before anything is made of it, and the
work done is bounded by the size of the file, so that any bytes at all end in an answer or in a
`ModelFileError`. Format: https://flatbuffers.dev/internals/.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from npulint.errors import ModelFileError
from npulint.formats.flatbuffer_schema import Field, Schema

if TYPE_CHECKING:
    import mmap
    from pathlib import Path

Row: TypeAlias = "dict[str, Any]"
"""One table decoded by field name; see `FlatBuffer.row`."""

_TABLE_COST = 16
_LARGEST_BUDGET = 1 << 24
_SMALLEST_BUDGET = 1 << 16
_BUDGET_PER_BYTE = 4
_CHARACTERS_PER_UNIT = 4
_BYTES_PER_UNIT = 16

_SHOWN_CHARACTERS = 80

_uint16 = struct.Struct("<H").unpack_from
_int32 = struct.Struct("<i").unpack_from
_uint32 = struct.Struct("<I").unpack_from


def shown(name: str) -> str:
    """A name out of a file as messages show it: quoted, escaped and not too long."""
    return repr(name if len(name) <= _SHOWN_CHARACTERS else f"{name[:_SHOWN_CHARACTERS]}...")


@dataclass(frozen=True, slots=True)
class _Plan:
    """How tables with one vtable are decoded: one `struct` for all fields at once."""

    span: int
    unpack: Callable[..., tuple[Any, ...]]
    names: tuple[str, ...]
    defaults: Row
    references: tuple[tuple[str, int, Callable[[int], Any] | None], ...]


class FlatBuffer:
    """The bytes of one flatbuffer and the tables in it.

    Args:
        data: The whole file, or the bytes of a flatbuffer within it.
        path: The file, for error messages.
        schema: What the tables look like.
    """

    def __init__(self, data: mmap.mmap | bytes, path: Path, schema: Schema) -> None:
        self.data = data
        self.path = path
        self.schema = schema
        self.size = len(data)
        # Tables may share what they refer to, so that a small file can describe a huge model.
        # A unit stands for up to 64 bytes of memory, so a file takes at most 1 GiB, and one of
        # 1 MB at most 270 MB. Real files take less than one unit a byte.
        self._budget = min(_LARGEST_BUDGET, _SMALLEST_BUDGET + _BUDGET_PER_BYTE * self.size)
        self._plans: dict[tuple[str, int], _Plan] = {}

    def root(self, table: str) -> Row:
        """Decode the root table."""
        if self.size < 8:
            self.beyond("the flatbuffer's header", 0, 8)
        return self.row(table, _uint32(self.data, 0)[0])

    def row(self, table: str, position: int) -> Row:
        """Decode one table.

        Args:
            table: Its name in the schema.
            position: Its first byte.

        Returns:
            Every field of the schema by name. Fields that the file leaves out have their default
            (scalars) or are None. Strings are text, vectors of scalars are tuples, vectors of
            tables are tuples of positions, tables are positions, and byte vectors are
            `(offset, length)`: their contents stay in the file. A union adds `<name>_type`.

        Raises:
            ModelFileError: Something lies outside the file or overlaps.
        """
        if position + 4 > self.size:
            self.beyond(f"the {table} table", position, position + 4)
        vtable = position - _int32(self.data, position)[0]
        plan = self._plans.get((table, vtable))
        if plan is None:
            plan = self._plans[table, vtable] = self._compile(table, vtable, position)
        if position + plan.span > self.size:
            self.beyond(f"the {table} table", position, position + plan.span)
        self._spend(_TABLE_COST, position)
        row = plan.defaults.copy()
        row.update(zip(plan.names, plan.unpack(self.data, position)))  # noqa: B905
        for name, at, follow in plan.references:
            target = position + at + row[name]
            row[name] = target if follow is None else follow(target)
        return row

    def bytes_at(self, offset: int, length: int) -> bytes:
        """The bytes of a span that was already checked."""
        self._spend(length // _BYTES_PER_UNIT, offset)
        return self.data[offset : offset + length]

    def fail(self, message: str, offset: int | None = None) -> NoReturn:
        """Refuse the file."""
        raise ModelFileError(self.path, message, offset=offset)

    def beyond(self, what: str, offset: int, end: int) -> NoReturn:
        """Refuse the file because `what` reaches past its end."""
        self.fail(
            f"the file ends at byte {self.size}, but {what} at byte {offset} reaches to byte {end}"
            ": the file is truncated or damaged; copy or export it again",
            offset,
        )

    def _spend(self, units: int, position: int) -> None:
        self._budget -= units
        if self._budget < 0:
            self.fail(
                f"by byte {position} the file describes far more tables and elements than its "
                f"{self.size} bytes can hold; it is damaged",
                position,
            )

    def _compile(self, table: str, vtable: int, position: int) -> _Plan:
        self._spend(_TABLE_COST, position)
        what = f"the vtable of the {table} table at byte {position}"
        if vtable < 0:
            self.fail(f"{what} lies before the start of the file; the file is damaged", position)
        if vtable + 2 > self.size:
            self.beyond(what, vtable, vtable + 2)
        length = _uint16(self.data, vtable)[0]
        if vtable + length > self.size:
            self.beyond(what, vtable, vtable + length)
        fields = self.schema.fields(table)
        slots = length // 2 - 2
        offsets = [
            _uint16(self.data, vtable + 4 + 2 * field.slot)[0] if field.slot < slots else 0
            for field in fields
        ]
        present = sorted((o, i) for i, o in enumerate(offsets) if o)
        text, cursor = ["<"], 0
        for offset, index in present:
            if offset < max(cursor, 4):
                self.fail(
                    f"field `{fields[index].name}` of the {table} table at byte {position} "
                    "overlaps another one; the file is damaged",
                    position + offset,
                )
            code = fields[index].code if fields[index].kind == "scalar" else "I"
            text.append(f"{offset - cursor}x{code}")
            cursor = offset + struct.calcsize("<" + code)
        return _Plan(
            span=max(cursor, 4),
            unpack=struct.Struct("".join(text)).unpack_from,
            names=tuple(fields[i].name for _, i in present),
            defaults={field.name: field.default for field in fields},
            references=tuple(
                (fields[i].name, o, self._follower(table, fields[i]))
                for o, i in present
                if fields[i].kind != "scalar"
            ),
        )

    def _follower(self, table: str, field: Field) -> Callable[[int], Any] | None:
        what = f"`{field.name}` of a {table} table"
        if field.kind == "string":
            return partial(self._string, what)
        if field.kind == "span":
            return partial(self._span, what)
        if field.kind == "vector":
            return partial(self._vector, what, field.code, struct.calcsize("<" + field.code))
        if field.kind == "tables":
            return partial(self._tables, what)
        return None

    def _span(self, what: str, position: int) -> tuple[int, int]:
        return position + 4, self._length(what, position, 1)

    def _length(self, what: str, position: int, size: int) -> int:
        if position + 4 > self.size:
            self.beyond(what, position, position + 4)
        length: int = _uint32(self.data, position)[0]
        if position + 4 + length * size > self.size:
            self.beyond(what, position, position + 4 + length * size)
        return length

    def _string(self, what: str, position: int) -> str:
        length = self._length(what, position, 1)
        self._spend(length // _CHARACTERS_PER_UNIT, position)
        return self.data[position + 4 : position + 4 + length].decode("utf-8", "replace")

    def _vector(self, what: str, code: str, size: int, position: int) -> tuple[Any, ...]:
        length = self._length(what, position, size)
        self._spend(length, position)
        return struct.unpack_from(f"<{length}{code}", self.data, position + 4)

    def _tables(self, what: str, position: int) -> tuple[int, ...]:
        length = self._length(what, position, 4)
        self._spend(length, position)
        first = position + 4
        offsets = struct.unpack_from(f"<{length}I", self.data, first)
        return tuple(
            [at + offset for at, offset in zip(range(first, first + 4 * length, 4), offsets)]  # noqa: B905
        )

"""Tables of a flatbuffer taken out of a file so that they can be written again as they were."""

from __future__ import annotations

import struct
from typing import Any

from npulint.errors import InvalidModelError
from npulint.formats.flatbuffer import FlatBuffer
from npulint.formats.flatbuffer_build import Table
from npulint.formats.flatbuffer_schema import Field
from npulint.model import INLINE_LIMIT, Storage

_uint16 = struct.Struct("<H").unpack_from
_int32 = struct.Struct("<i").unpack_from


class Original(FlatBuffer):
    """A flatbuffer whose strings keep every byte and whose long vectors stay in the file."""

    def table(self, kind: str, position: int) -> Table:
        """Take out a table and all that it refers to.

        Args:
            kind: Its name in the schema.
            position: Its first byte.

        Raises:
            ModelFileError: Something lies outside the file or overlaps.
            InvalidModelError: It has fields that the schema does not know: nobody can tell
                whether they refer to anything, so they cannot be kept.
        """
        row = self.row(kind, position)
        fields = self.schema.fields(kind)
        self._refuse_unknown(kind, position, fields)
        kept = {}
        for field in fields:
            value = row[field.name]
            if value is not None and (field.kind != "scalar" or value != field.default):
                kept[field.name] = self._followed(field, value, row)
        return Table(kind, kept)

    def _followed(self, field: Field, value: Any, row: dict[str, Any]) -> Any:
        """What a field refers to, as `Table` has it."""
        if field.kind == "span":
            return Storage(self.path, *value)
        if field.kind == "tables":
            return [self.table(field.type, position) for position in value]
        if field.kind != "table":
            return value
        number = row.get(f"{field.name}_type")
        if number is None:
            return self.table(field.type, value)
        members = self.schema.members(field.type)
        if number >= len(members):
            raise InvalidModelError(
                f"{self.path}: member {number} of {field.type} at byte {value} is newer than the "
                f"schema that npulint knows, which ends at {len(members) - 1}; it would be lost"
            )
        return self.table(members[number], value) if number else None

    def _refuse_unknown(self, kind: str, position: int, fields: tuple[Field, ...]) -> None:
        vtable = position - _int32(self.data, position)[0]
        slots = _uint16(self.data, vtable)[0] // 2 - 2
        known = max((field.slot for field in fields), default=-1) + 1
        for slot in range(known, slots):
            if _uint16(self.data, vtable + 4 + 2 * slot)[0]:
                raise InvalidModelError(
                    f"{self.path}: the {kind} table at byte {position} has a field {slot}, which "
                    f"is newer than the schema that npulint knows; it would be lost"
                )

    def _string(self, what: str, position: int) -> str:
        length = self._length(what, position, 1)
        raw = self.data[position + 4 : position + 4 + length]
        return raw.decode("utf-8", "surrogateescape")

    def _vector(self, what: str, code: str, size: int, position: int) -> Any:
        length = self._length(what, position, size) * size
        if length <= INLINE_LIMIT:
            return super()._vector(what, code, size, position)
        return Storage(self.path, position + 4, length)

"""What the tables of a flatbuffer look like, compiled from text when first asked for.

A table is written as `field:type=default ...` in slot order, a vector's type in brackets. A union
takes two slots (its member and its value), `-` is a slot that is no longer used, and a default
that is not written is zero. An enumeration is its underlying type and then its names from 0 on. A
union lists its members from 1 on; a member that has no entry in the tables has no fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_SCALARS: Mapping[str, str] = {
    "bool": "?", "byte": "b", "ubyte": "B", "short": "h", "ushort": "H", "int": "i",
    "uint": "I", "long": "q", "ulong": "Q", "float": "f", "double": "d",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table.

    Attributes:
        slot: Position in the table's vtable.
        kind: `scalar`, `string`, `vector` (of scalars), `span` (bytes, left in the file),
            `table` or `tables`.
        code: `struct` code of the scalar or of the vector's elements.
        default: Value of a scalar that the file leaves out.
        type: Name of the enumeration, table or union, or of the scalar type.
    """

    name: str
    slot: int
    kind: str
    code: str
    default: int | float | bool | None
    type: str


class Schema:
    """Tables, enumerations and unions, written as this module says.

    Args:
        tables: The fields of each table.
        enums: The names of each enumeration.
        unions: The members of each union.
        unused: Whether slots that are no longer used count as fields too, called `-0`, `-1` ...
    """

    def __init__(
        self,
        tables: Mapping[str, str],
        enums: Mapping[str, str],
        unions: Mapping[str, str],
        *,
        unused: bool = False,
    ) -> None:
        self._unused = unused
        self._tables = tables
        self._enums = enums
        self._unions = unions
        self._layouts: dict[str, tuple[Field, ...]] = {}
        self._names: dict[str, tuple[str, ...]] = {}

    def fields(self, table: str) -> tuple[Field, ...]:
        """The fields of a table, in slot order; none for a table that the data leaves out."""
        layout = self._layouts.get(table)
        if layout is None:
            layout = self._layouts[table] = tuple(self._parse(self._tables.get(table, "")))
        return layout

    def names(self, enum: str) -> tuple[str, ...]:
        """The names of an enumeration, by value; empty for what is no enumeration."""
        names = self._names.get(enum)
        if names is None:
            names = self._names[enum] = tuple(self._enums.get(enum, "").split()[1:])
        return names

    def members(self, union: str) -> tuple[str, ...]:
        """The members of a union; member 0 is the empty one."""
        return ("", *self._unions[union].split())

    def _parse(self, text: str) -> list[Field]:
        fields: list[Field] = []
        slot = 0
        for item in text.split():
            name, _, rest = item.partition(":")
            kind, _, default = rest.partition("=")
            if kind in self._unions:
                fields.append(Field(f"{name}_type", slot, "scalar", "B", 0, kind))
                slot += 1
            if name != "-" or self._unused:
                fields.append(self._field(name if name != "-" else f"-{slot}", slot, kind, default))
            slot += 1
        return fields

    def _field(self, name: str, slot: int, text: str, default: str) -> Field:
        bare = text.strip("[]")
        enum = self._enums.get(bare)
        code = _SCALARS.get(enum.split(maxsplit=1)[0] if enum else bare)
        if text == "string":
            return Field(name, slot, "string", "I", None, text)
        if text == "[ubyte]":
            return Field(name, slot, "span", "I", None, bare)
        if code is None:
            return Field(name, slot, "table" if bare == text else "tables", "I", None, bare)
        if bare != text:
            return Field(name, slot, "vector", code, None, bare)
        number = int(default or 0)
        value = bool(number) if code == "?" else float(number) if code in "fd" else number
        return Field(name, slot, "scalar", code, value, bare)

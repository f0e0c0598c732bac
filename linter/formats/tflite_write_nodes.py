"""Nodes of a model -> `Operator` tables, their options and the operator codes they refer to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from npulint.errors import InvalidModelError
from npulint.formats.checks import where
from npulint.formats.flatbuffer_build import Table, packed
from npulint.formats.tflite_nodes import BODY_FIELDS, BODY_SUFFIX, TABLE_OF
from npulint.formats.tflite_tensors import dtype_of
from npulint.model import Constant, Storage

if TYPE_CHECKING:
    from npulint.formats.flatbuffer_schema import Field, Schema
    from npulint.formats.output import Content
    from npulint.model import Node

_PLACEHOLDER = 127
"""In the old field of a code that does not fit it (PLACEHOLDER_FOR_GREATER_OP_CODES)."""

_FLEXBUFFERS = 0

_UNNAMED = re.compile(r"\w+\((\d+)\)|BUILTIN_(\d+)")
"""How the reader shows a number that the schema has no name for."""


class OperatorCodes:
    """The operators that a model uses, each listed once."""

    def __init__(self, schema: Schema, tables: list[Table], nodes: list[Table]) -> None:
        self._numbers = {name: i for i, name in enumerate(schema.names("BuiltinOperator"))}
        self._tables = list(tables)
        self._known: dict[tuple[str, int, bool], int] = {}
        # Whoever listed an operator that no node uses may have had a reason.
        used = {node.fields.get("opcode_index", 0) for node in nodes}
        self._kept = set(range(len(tables))) - used

    def use(self, node: Node, known: int | None) -> int:
        """The number of a node's operator for now; see `final`.

        Args:
            node: The node.
            known: The number that its file gives the same operator, if it was there.
        """
        key = (node.op, node.version, node.custom)
        if known is not None:
            self._known.setdefault(key, known)
        else:
            known = self._known.get(key)
        if known is None:
            known = self._known[key] = len(self._tables)
            self._tables.append(self._code(node))
        self._kept.add(known)
        return known

    def final(self) -> tuple[list[Table], dict[int, int]]:
        """What is to be written, and the final numbers by those that `use` gave."""
        kept = sorted(self._kept)
        return [self._tables[i] for i in kept], {old: new for new, old in enumerate(kept)}

    def _code(self, node: Node) -> Table:
        fields: dict[str, Any] = {"version": node.version}
        if node.custom:
            fields["custom_code"] = node.op
        number = self._numbers.get("CUSTOM" if node.custom else node.op)
        unnamed = None if number is not None else _UNNAMED.fullmatch(node.op)
        if unnamed is not None:
            number = int(unnamed[2] or -1)
        if number is None or number < 0:
            raise InvalidModelError(
                f"{where(node)}: the TFLite schema has no builtin operator {node.op}; mark it as "
                "custom, or use the schema's name"
            )
        fields["builtin_code"] = number
        fields["deprecated_builtin_code"] = min(number, _PLACEHOLDER)
        return Table("OperatorCode", fields)


class Operators:
    """Makes the `Operator` tables of one model."""

    def __init__(self, schema: Schema, codes: OperatorCodes) -> None:
        self._schema = schema
        self._codes = codes
        self._unions = {
            member: (name, number)
            for name, union in (
                ("builtin_options", "BuiltinOptions"),
                ("builtin_options_2", "BuiltinOptions2"),
            )
            for number, member in enumerate(schema.members(union))
        }
        self._empty = {member.lower(): member for member in self._unions}

    def table(self, node: Node, was: Node | None, old: Table | None) -> Table:
        """The table of one node.

        Args:
            node: The node.
            was: What it was in the file, if it was there.
            old: Its table in the file.

        Raises:
            InvalidModelError: Its options are not those of its operator.
        """
        if was is None or old is None:
            was, old = None, Table("Operator", {})
        fields = dict(old.fields)
        same = was is not None and (was.op, was.custom) == (node.op, node.custom)
        known = None
        if was is not None and same and was.version == node.version:
            known = old.fields.get("opcode_index", 0)
        fields["opcode_index"] = self._codes.use(node, known)
        for role in ("inputs", "outputs"):
            indexes = getattr(node, role)
            if was is None or indexes != getattr(was, role):
                fields[role] = indexes
        if was is None or not same or dict(node.attributes) != dict(was.attributes):
            fields.update(self._attributes(node, was if same else None))
        self._check_bodies(node)
        mutating = fields.get("mutating_variable_inputs")
        if mutating and len(mutating) != len(node.inputs):
            if "mutating_variable_inputs" in node.attributes:
                raise InvalidModelError(
                    f"{where(node)}: `mutating_variable_inputs` has {len(mutating)} entries for "
                    f"{len(node.inputs)} inputs; it has one for each"
                )
            del fields["mutating_variable_inputs"]
        return Table("Operator", fields)

    def _attributes(self, node: Node, was: Node | None) -> dict[str, Any]:
        """The fields that hold a node's attributes; of one that was the same operator, the new."""
        attributes = dict(node.attributes)
        old = dict(was.attributes) if was is not None else {}
        fields: dict[str, Any] = {}
        for name in ("intermediates", "mutating_variable_inputs"):
            value = attributes.pop(name, None)
            if was is None or value != old.pop(name, None):
                fields[name] = value
        if node.custom:
            value = attributes.pop("custom_options", None)
            if was is None or value != old.get("custom_options"):
                fields["custom_options"] = None if value is None else content(node, value)
                fields["large_custom_options_offset"] = 0
                fields["large_custom_options_size"] = 0
            if was is None:
                fields["custom_options_format"] = _FLEXBUFFERS
                fields.update(_no_options())
            if attributes:
                raise InvalidModelError(
                    f"{where(node)}: a custom operator has its options in `custom_options`, not "
                    f"in {', '.join(attributes)}"
                )
        elif was is None or attributes != old:
            if was is None:
                fields["custom_options"] = None
            fields.update(_no_options())
            fields.update(self._options(node, attributes))
        return fields

    def _options(self, node: Node, attributes: dict[str, Any]) -> dict[str, Any]:
        member = TABLE_OF.get(node.op) or self._without_fields(node.op)
        names = {field.name: field for field in self._schema.fields(member or "")}
        unknown = attributes.keys() - names.keys()
        if unknown:
            raise InvalidModelError(
                f"{where(node)} has no option {', '.join(sorted(unknown))}; {node.op} takes "
                f"{', '.join(names) or 'none'}"
            )
        if member is None or self._left_out(names, attributes):
            return {}
        encoded = {
            name: self._option(node, names[name], value) for name, value in attributes.items()
        }
        name, number = self._unions[member]
        return {f"{name}_type": number, name: Table(member, encoded)}

    def _left_out(self, fields: dict[str, Field], attributes: dict[str, Any]) -> bool:
        """Whether these are the options of a node whose file leaves them out.

        The reader then gives zeros, among them enumerations that the schema has no number for.
        """
        unnamed = False
        for name, value in attributes.items():
            names = self._schema.names(fields[name].type)
            if names and value in ("UNKNOWN", "none") and value not in names:
                unnamed = True
            elif value and value != (names or (None,))[0]:
                return False
        return unnamed

    def _without_fields(self, op: str) -> str | None:
        """The table without fields that the schema has for an operator.

        Converters write it or leave it out, for one and the same operator; runtimes do not look.
        """
        if op in ("MAXIMUM", "MINIMUM"):
            return "MaximumMinimumOptions"
        return self._empty.get(op.replace("_", "").lower() + "options")

    def _option(self, node: Node, field: Field, value: Any) -> Any:
        """One option as its field takes it."""
        if field.kind == "span":
            return content(node, value) if value else None
        names = self._schema.names(field.type)
        encoded: Any
        if field.kind == "string":
            encoded = value if isinstance(value, str) else None
        elif field.kind == "vector":
            items = value if isinstance(value, tuple) else (None,)
            encoded = tuple(_number(field.type, names, item) for item in items)
        else:
            encoded = _number(field.type, names, value)
        wrong = encoded is None or (isinstance(encoded, tuple) and None in encoded)
        if not wrong and field.kind != "string":
            numbers = encoded if isinstance(encoded, tuple) else (encoded,)
            try:
                packed(field, len(numbers), *numbers)
            except InvalidModelError:
                wrong = True
        if wrong:
            words = _words(field.type, names)
            one = "one of " + ", ".join(words) if words else field.type
            raise InvalidModelError(
                f"{where(node)}: option {field.name} cannot be {value!r}; it takes "
                f"{'a list of ' if field.kind == 'vector' else ''}{one}"
            )
        return encoded or None if field.kind == "vector" else encoded

    def _check_bodies(self, node: Node) -> None:
        """The attached graphs are stated twice; what is written are the options."""
        stated = []
        for name, value in node.attributes.items():
            if name.endswith(BODY_SUFFIX) or name in BODY_FIELDS:
                stated += [
                    (name, graph) for graph in (value if isinstance(value, tuple) else (value,))
                ]
        if not node.custom and node.bodies and sorted(stated) != sorted(node.bodies):
            raise InvalidModelError(
                f"{where(node)}: its options attach the graphs {stated}, its bodies are "
                f"{list(node.bodies)}; they have to agree"
            )


def content(node: Node, value: Any) -> Content:
    """Opaque bytes among a node's attributes."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, Constant) and value.payload is not None:
        return value.payload
    if isinstance(value, Constant) and isinstance(value.storage, Storage):
        return value.storage
    raise InvalidModelError(f"{where(node)}: opaque options are bytes, not {type(value).__name__}")


def _no_options() -> dict[str, Any]:
    return {
        "builtin_options_type": 0,
        "builtin_options": None,
        "builtin_options_2_type": 0,
        "builtin_options_2": None,
    }


def _number(kind: str, names: tuple[str, ...], value: Any) -> Any:
    """An option's number; None for what is none."""
    if not names:
        takes = (bool,) if kind == "bool" else (int, float)
        return value if isinstance(value, takes) else None
    if not isinstance(value, str):
        return None
    unnamed = _UNNAMED.fullmatch(value)
    if unnamed is not None and unnamed[1]:
        return int(unnamed[1])
    words = _words(kind, names)
    return words.index(value) if value in words else None


def _words(kind: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of an enumeration as attributes have them."""
    return tuple(map(dtype_of, names)) if kind == "TensorType" else names

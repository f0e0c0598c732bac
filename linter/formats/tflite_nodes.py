"""The nodes of a TFLite graph: operator codes, operands, options and attached graphs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from npulint.formats.flatbuffer import shown
from npulint.formats.tflite_options import OPERATORS_OF
from npulint.formats.tflite_schema import ENUMS
from npulint.formats.tflite_tensors import dtype_of
from npulint.model import INLINE_LIMIT, OMITTED, Attribute, Constant, Node, Storage, Value

if TYPE_CHECKING:
    from npulint.formats.flatbuffer import FlatBuffer, Row
    from npulint.formats.flatbuffer_schema import Field

_OPERATORS = tuple(ENUMS["BuiltinOperator"].split()[1:])
_CUSTOM = _OPERATORS.index("CUSTOM")
TABLE_OF: Mapping[str, str] = {
    op: table for table, ops in OPERATORS_OF.items() for op in ops.split()
}
"""The options table of each operator that has options."""

BODY_SUFFIX = "_subgraph_index"
BODY_FIELDS = ("subgraph", "branch_subgraph_indices", "called_computations")
"""The options that hold positions of attached graphs, by their names."""

# Enumerations whose value 0 in the runtime's own structs means "unknown"
# (tflite/core/c/builtin_op_data.h); the others mean the same as in the schema.
_UNKNOWN_AT_ZERO = ("Padding", "MirrorPadMode", "RngAlgorithm")

_STATEFUL = frozenset(
    [
        "ASSIGN_VARIABLE",
        "CALL_ONCE",
        "HASHTABLE",
        "HASHTABLE_FIND",
        "HASHTABLE_IMPORT",
        "HASHTABLE_SIZE",
        "READ_VARIABLE",
        "VAR_HANDLE",
    ]
)


@dataclass(frozen=True, slots=True)
class OperatorCode:
    """An operator that the nodes of a model refer to."""

    op: str
    version: int
    custom: bool


def label(op: str, custom: bool) -> str:
    """An operator as messages show it; a custom one has whatever name the file gives."""
    return shown(op) if custom else op


def read_codes(file: FlatBuffer, positions: tuple[int, ...]) -> tuple[OperatorCode, ...]:
    """Read the operators that a model uses."""
    return tuple([_code(file, i, p) for i, p in enumerate(positions)])


def _code(file: FlatBuffer, index: int, position: int) -> OperatorCode:
    row = file.row("OperatorCode", position)
    # Codes over 127 do not fit the old field, which then holds a placeholder; files older than
    # the new field leave it 0 (tflite/converter/schema/schema_utils.cc, GetBuiltinCode).
    code = max(row["builtin_code"], row["deprecated_builtin_code"])
    if code < 0:
        file.fail(f"operator code {index} is {code}; builtin operators count from 0", position)
    if code == _CUSTOM:
        if row["custom_code"] is None:
            file.fail(f"operator code {index} is CUSTOM, but names no operator", position)
        return OperatorCode(row["custom_code"], row["version"], custom=True)
    # An operator newer than the schema known here: nothing is known of it but its number.
    op = _OPERATORS[code] if code < len(_OPERATORS) else f"BUILTIN_{code}"
    return OperatorCode(op, row["version"], custom=False)


class Nodes:
    """Reads the nodes of one graph."""

    def __init__(
        self,
        file: FlatBuffer,
        codes: tuple[OperatorCode, ...],
        graph: int,
        graph_count: int,
        values: tuple[Value, ...],
    ) -> None:
        self._file = file
        self._codes = codes
        self._graph = graph
        self._graph_count = graph_count
        self._values = values
        self._kept = {v.index for v in values if v.variable or v.dtype == "resource"}
        self._unions = (
            ("builtin_options", file.schema.members("BuiltinOptions")),
            ("builtin_options_2", file.schema.members("BuiltinOptions2")),
        )

    def nodes(self, positions: tuple[int, ...]) -> tuple[Node, ...]:
        """Read the nodes at the given places of the file."""
        return tuple([self._node(i, p) for i, p in enumerate(positions)])

    def _node(self, index: int, position: int) -> Node:
        row = self._file.row("Operator", position)
        number = row["opcode_index"]
        if number >= len(self._codes):
            self._file.fail(
                f"graph {self._graph}, node {index} refers to operator code {number}, but the "
                f"model has {len(self._codes)}",
                position,
            )
        code = self._codes[number]
        where = f"graph {self._graph}, node {index} ({label(code.op, code.custom)})"
        inputs = self._operands(row, "inputs", where, position)
        outputs = self._operands(row, "outputs", where, position)
        bodies: tuple[tuple[str, int], ...] = ()
        if code.custom:
            attributes = self._custom_options(row, where)
        else:
            attributes, bodies = self._options(row, code.op, where)
        intermediates = self._operands(row, "intermediates", where, position)
        if intermediates:
            attributes["intermediates"] = intermediates
        mutated = row["mutating_variable_inputs"] or ()
        if any(mutated):
            attributes["mutating_variable_inputs"] = mutated
        return Node(
            graph=self._graph,
            index=index,
            op=code.op,
            version=code.version,
            inputs=inputs,
            outputs=outputs,
            attributes=attributes,
            name=self._values[outputs[0]].name if outputs and outputs[0] >= 0 else "",
            custom=code.custom,
            bodies=bodies,
            stateful=code.op in _STATEFUL or any(mutated) or not self._kept.isdisjoint(inputs),
            origin=index,
        )

    def _operands(self, row: Row, role: str, where: str, position: int) -> tuple[int, ...]:
        indexes: tuple[int, ...] = row[role] or ()
        count = len(self._values)
        for place, index in enumerate(indexes):
            if not OMITTED <= index < count:
                self._file.fail(
                    f"{where}: {role}[{place}] refers to value {index}, but the graph has "
                    f"{count} values",
                    position,
                )
        return indexes

    def _options(
        self, row: Row, op: str, where: str
    ) -> tuple[dict[str, Attribute], tuple[tuple[str, int], ...]]:
        table = TABLE_OF.get(op)
        if table is None:
            return {}, ()
        for name, members in self._unions:
            member = row[f"{name}_type"]
            # Options of another operator's type are not read by the runtime either
            # (`builtin_options_as_...` gives null).
            if 0 < member < len(members) and members[member] == table and row[name] is not None:
                return self._present(table, row[name], where)
        return self._absent(table), ()

    def _present(
        self, table: str, position: int, where: str
    ) -> tuple[dict[str, Attribute], tuple[tuple[str, int], ...]]:
        options = self._file.row(table, position)
        attributes: dict[str, Attribute] = {}
        bodies: list[tuple[str, int]] = []
        for field in self._file.schema.fields(table):
            value = self._attribute(field, options[field.name])
            attributes[field.name] = value
            if field.name.endswith(BODY_SUFFIX) or field.name in BODY_FIELDS:
                for graph in value if isinstance(value, tuple) else (value,):
                    bodies.append((field.name, self._body(graph, field.name, where, position)))
        return attributes, tuple(bodies)

    def _body(self, graph: Any, name: str, where: str, position: int) -> int:
        if not 0 <= graph < self._graph_count:
            self._file.fail(
                f"{where}: `{name}` refers to graph {graph}, but the model has "
                f"{self._graph_count} graphs",
                position,
            )
        return int(graph)

    def _absent(self, table: str) -> dict[str, Attribute]:
        """Options that a file leaves out altogether.

        The runtime then works with a zeroed struct, not with the schema's defaults
        (tflite/converter/core/api/flatbuffer_conversions.cc: `Allocate` value-initialises, and
        each parser leaves the struct alone when the options are null). In that struct 0 is an
        unknown padding and no element type.
        """
        return {field.name: self._zero(field) for field in self._file.schema.fields(table)}

    def _zero(self, field: Field) -> Attribute:
        if field.type == "TensorType":
            return "none"
        if field.type in _UNKNOWN_AT_ZERO:
            return "UNKNOWN"
        # type(...)() is 0, 0.0 or False; what is no scalar is left out.
        return self._attribute(field, None if field.default is None else type(field.default)())

    def _attribute(self, field: Field, value: Any) -> Attribute:
        names = self._file.schema.names(field.type)
        if field.kind == "vector":
            if not names:
                return value or ()
            return tuple(_name(field.type, names, item) for item in value or ())
        if field.kind == "span":
            return b"" if value is None else self._bytes(value)
        if field.kind == "string":
            return value or ""
        if names:
            return _name(field.type, names, value)
        return value  # type: ignore[no-any-return]

    def _bytes(self, span: tuple[int, int]) -> Attribute:
        offset, length = span
        if length <= INLINE_LIMIT:
            return self._file.bytes_at(offset, length)
        storage = Storage(self._file.path, offset, length)
        return Constant("uint8", (length,), None, storage, length)

    def _custom_options(self, row: Row, where: str) -> dict[str, Attribute]:
        span: tuple[int, int] | None = row["custom_options"]
        if span is None and row["large_custom_options_offset"] > 1:
            span = row["large_custom_options_offset"], row["large_custom_options_size"]
            if sum(span) > self._file.size:
                self._file.beyond(f"{where}: its custom options", span[0], sum(span))
        return {} if span is None else {"custom_options": self._bytes(span)}


def _name(enum: str, names: tuple[str, ...], value: int) -> str:
    if not 0 <= value < len(names):
        return f"{enum}({value})"
    return dtype_of(names[value]) if enum == "TensorType" else names[value]

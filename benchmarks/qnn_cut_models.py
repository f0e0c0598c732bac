"""Small TFLite models written as rows, to see how LiteRT cuts them.

    RELU x > a; ATAN2 a a > b; ADD a b > y

A row is an operator, what it reads and what it makes. What nobody makes is an input of its graph,
unless it is one of `STORED`; what nobody reads is an output. `a*` is an output although it is read,
`a-` none although nobody reads it. Values are images of floats but for those called `bool` and
`string`. `|` parts the graphs of a model, each of which may begin with a name and a colon; `!NAME`
is a custom operator, and `IF[1,2]` names the graphs that an operator runs.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from npulint.formats.flatbuffer_build import Table
from npulint.formats.flatbuffer_build import build as lay_out
from npulint.formats.tflite import SCHEMA
from npulint.formats.tflite_nodes import TABLE_OF
from npulint.formats.tflite_schema import SCHEMA_VERSION

IDENTIFIER = b"TFL3"
IMAGE = (1, 4, 4, 8)

STORED: dict[str, np.ndarray[Any, Any]] = {
    "s": np.full((8,), 0.5, np.float32),
    "t": np.full(IMAGE, 0.25, np.float32),
    "h": np.full(IMAGE, 0.75, np.float16),
    "axis": np.array(3, np.int32),
}
"""What the file holds."""

ONE = ("RELU", "ABS", "NEG", "LOGISTIC", "TANH")
TWO = ("ADD", "MUL", "SUB", "MAXIMUM")
REFUSED = "ATAN2"
"""Operators of one and of two operands that the HTP takes, and one of two that it refuses."""

_STORED_SHARE = 0.2
_RESULT_SHARE = 0.1
"""Of drawn nodes: how many have a stored operand, and how many a result that is also read."""

_BODIES = {
    "IF": ("then_subgraph_index", "else_subgraph_index"),
    "WHILE": ("cond_subgraph_index", "body_subgraph_index"),
    "STABLEHLO_COMPOSITE": ("decomposition_subgraph_index",),
}
_UNIONS = {"BuiltinOptions": "builtin_options", "BuiltinOptions2": "builtin_options_2"}
_TYPED = {"bool": "bool", "string": "string"}
"""The names whose values are no numbers."""

_OPTIONS: dict[str, dict[str, Any]] = {"SPLIT": {"num_splits": 2}, "CONCATENATION": {"axis": 3}}

Row = tuple[str, list[str], list[str]]


def write(text: str) -> bytes:
    """The model that rows describe."""
    return _Writer(text).model()


def drawn(seed: int, least: int = 5, most: int = 16) -> str:
    """Rows of a random graph of some size in which about every third node is refused."""
    draw = random.Random(seed)
    known, rows = ["x", "u"], []
    for number in range(draw.randint(least, most)):
        op = draw.choice([*ONE, *TWO, *[REFUSED] * 4])
        operands = [draw.choice(known[-6:]) for _ in range(1 if op in ONE else 2)]
        if op in TWO and draw.random() < _STORED_SHARE:
            operands[1] = draw.choice(["s", "t"])
        known.append(f"v{number}")
        made = known[-1] + ("*" if draw.random() < _RESULT_SHARE else "")
        rows.append(f"{op} {' '.join(operands)} > {made}")
    return "; ".join(rows)


class _Writer:
    """One model as it is put together."""

    def __init__(self, text: str) -> None:
        self._buffers = [Table("Buffer", {})]
        self._places = {name: self._store(array) for name, array in STORED.items()}
        self._codes: list[str] = []
        self._graphs = [self._graph(part, at) for at, part in enumerate(text.split("|"))]

    def model(self) -> bytes:
        fields = {
            "version": SCHEMA_VERSION,
            "operator_codes": [_code(name) for name in self._codes],
            "subgraphs": self._graphs,
            "buffers": self._buffers,
        }
        return _bytes(Table("Model", fields))

    def _store(self, array: np.ndarray[Any, Any]) -> int:
        self._buffers.append(Table("Buffer", {"data": array.tobytes()}))
        return len(self._buffers) - 1

    def _graph(self, text: str, at: int) -> Table:
        name, _, rest = text.rpartition(": ")
        rows = [_row(part) for part in rest.split(";") if part.strip()]
        read = {each for _, operands, _ in rows for each in operands}
        marked = [each for _, _, results in rows for each in results]
        made = {_plain(each) for each in marked}
        names = [_plain(each) for _, operands, results in rows for each in (*operands, *results)]
        names = list(dict.fromkeys(names))
        shapes = _shapes(rows)
        outputs = [
            _plain(each)
            for each in marked
            if each.endswith("*") or not (each in read or each.endswith("-"))
        ]
        fields = {
            "name": name.strip() or ("main" if at == 0 else f"graph{at}"),
            "tensors": [self._tensor(each, shapes.get(each, IMAGE)) for each in names],
            "inputs": [names.index(n) for n in names if n not in made and n not in STORED],
            "outputs": [names.index(n) for n in outputs],
            "operators": [self._operator(row, names) for row in rows],
        }
        return Table("SubGraph", fields)

    def _tensor(self, name: str, shape: tuple[int, ...]) -> Table:
        array = STORED.get(name)
        dtype = _TYPED.get(name, "float32") if array is None else array.dtype.name
        fields: dict[str, Any] = {
            "name": name,
            "shape": list(shape if array is None else array.shape),
            "type": SCHEMA.names("TensorType").index(dtype.upper()),
            "buffer": self._places.get(name, 0),
            "has_rank": True,
        }
        return Table("Tensor", fields)

    def _operator(self, row: Row, names: Sequence[str]) -> Table:
        op, operands, results = row
        op, _, given = op.removesuffix("]").partition("[")
        if op not in self._codes:
            self._codes.append(op)
        options = dict(_OPTIONS.get(op, {}))
        words = given.split(",") if given else []
        if op == "STABLEHLO_COMPOSITE":
            options["name"] = words.pop(0)
        options |= dict(zip(_BODIES.get(op, ()), map(int, words), strict=True))
        fields: dict[str, Any] = {
            "opcode_index": self._codes.index(op),
            "inputs": [names.index(each) for each in operands],
            "outputs": [names.index(_plain(each)) for each in results],
        }
        return Table("Operator", fields | _options(op, options))


def _row(text: str) -> Row:
    head, _, results = text.partition(">")
    op, *operands = head.split()
    return op, operands, results.split()


def _plain(name: str) -> str:
    """A name without what is said of it."""
    return name.rstrip("*-")


def _shapes(rows: Sequence[Row]) -> dict[str, tuple[int, ...]]:
    """Shapes of what is made: SPLIT halves channels, CONCATENATION adds them up."""
    shapes: dict[str, tuple[int, ...]] = {}
    for op, operands, results in rows:
        before = [shapes.get(each, IMAGE) for each in operands if each != "axis"]
        shape = before[0]
        if op == "SPLIT":
            shape = (*shape[:-1], shape[-1] // 2)
        if op == "CONCATENATION":
            shape = (*shape[:-1], sum(each[-1] for each in before))
        shapes |= {_plain(each): shape for each in results}
    return {**shapes, "bool": ()}


def _code(name: str) -> Table:
    custom = name.startswith("!")
    number = SCHEMA.names("BuiltinOperator").index("CUSTOM" if custom else name)
    fields = {"deprecated_builtin_code": min(number, 127), "builtin_code": number, "version": 1}
    return Table("OperatorCode", fields | ({"custom_code": name[1:]} if custom else {}))


def _options(op: str, options: dict[str, Any]) -> dict[str, Any]:
    table = TABLE_OF.get(op)
    if table is None:
        return {}
    for union, name in _UNIONS.items():
        if table in SCHEMA.members(union):
            number = SCHEMA.members(union).index(table)
            return {f"{name}_type": number, name: Table(table, options)}
    raise KeyError(table)


def _bytes(root: Table) -> bytes:
    image = lay_out(SCHEMA, root, IDENTIFIER)
    parts = [image.head]
    for filling, count, content in image.tail:
        assert isinstance(content, bytes)
        parts += [bytes(filling), struct.pack("<I", count), content]
    data = b"".join(parts)
    return data + bytes(image.size - len(data))

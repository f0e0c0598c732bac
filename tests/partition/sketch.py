"""Small TFLite graphs written by hand: nodes as rows, values as bare numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from npulint.model import Constant, Graph, Node, Quantisation, Shape, Value
from npulint.verdict import Reason, Verdict


@dataclass(frozen=True)
class Row:
    """One node: its operator, the values it reads and the values it makes."""

    op: str
    reads: tuple[int, ...]
    makes: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    bodies: tuple[tuple[str, int], ...] = ()
    custom: bool = False


def rows(text: str) -> tuple[Row, ...]:
    """Rows in short: `SHAPE 0 > 1; FILL 1 2 > 3`.

    `!NAME` is a custom operator, `NAME[option]` sets an option. SHAPE makes int32.
    """
    found = []
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        head, _, makes = part.partition(">")
        name, *reads = head.split()
        op, _, option = name.removesuffix("]").partition("[")
        options: dict[str, Any] = {option: True} if option else {}
        if op == "SHAPE":
            options["out_type"] = "int32"
        found.append(
            Row(
                op.removeprefix("!"),
                tuple(map(int, reads)),
                tuple(map(int, makes.split())),
                options,
                custom=op.startswith("!"),
            )
        )
    return tuple(found)


def sketch(
    *rows: Row,
    stored: Sequence[int] = (),
    results: Sequence[int] | None = None,
    values: Mapping[int, Mapping[str, Any]] | None = None,
    index: int = 0,
    dialect: Any = "tflite",
) -> Graph:
    """A graph of the rows.

    Args:
        rows: The nodes, in file order.
        stored: Values that are stored in the file.
        results: Values handed back; by default those that nobody reads.
        values: What differs from a float32 tensor of shape [1, 4], by value.
        index: Position of the graph in its model.
        dialect: `tflite` or `onnx`.
    """
    used = {v for row in rows for v in row.reads + row.makes if v >= 0} | set(results or ())
    made = {v for row in rows for v in row.makes}
    read = {v for row in rows for v in row.reads}
    tensors = [
        _value(v, v in stored, (values or {}).get(v, {})) for v in range(max(used, default=-1) + 1)
    ]
    return Graph(
        index=index,
        name="",
        dialect=dialect,
        values=tuple(tensors),
        nodes=tuple(
            Node(index, i, r.op, 1, r.reads, r.makes, r.options, custom=r.custom, bodies=r.bodies)
            for i, r in enumerate(rows)
        ),
        inputs=tuple(sorted(read - made - set(stored) - {-1})),
        outputs=tuple(sorted(made - read - {-1})) if results is None else tuple(results),
    )


def _value(index: int, stored: bool, told: Mapping[str, Any]) -> Value:
    value = Value(index=index, name=f"v{index}", dtype="float32", shape=(1, 4))
    value = replace(value, **told)
    if not stored:
        return value
    shape = tuple(size for size in value.shape or () if isinstance(size, int))
    return replace(value, constant=Constant(value.dtype or "", shape, b"", None, 0))


def dtype(name: str, shape: Shape = (1, 4), **more: Any) -> dict[str, Any]:
    """What a value is, for `values` of `sketch`."""
    return {"dtype": name, "shape": shape, **more}


def offset(zero_point: int) -> Quantisation:
    """A quantisation whose zero point is the given one."""
    return Quantisation((0.5,), (zero_point,))


ACCEPTED = Verdict("supported", "accepted")
REFUSED = Verdict("unsupported", "refused", (Reason("x", "it is refused", "somewhere"),))
UNKNOWN = Verdict("unknown", "unknown")
UNBUILDABLE = Verdict("unsupported", "accepted", (Reason("x", "no mapping", "elsewhere"),))
DOUBTFUL = Verdict("unknown", "accepted", (Reason("x", "its bias is somewhere", "elsewhere"),))


def verdicts(letters: str) -> tuple[Verdict, ...]:
    """Verdicts by letter.

    a(ccepted), r(efused), u(nknown); accepted, but b: not buildable, d: perhaps not buildable.
    """
    meaning = {"a": ACCEPTED, "r": REFUSED, "u": UNKNOWN, "b": UNBUILDABLE, "d": DOUBTFUL}
    return tuple(meaning[letter] for letter in letters)


def chain(length: int) -> Graph:
    """Nodes that each read what the one before makes."""
    return sketch(*(Row("RELU", (i,), (i + 1,)) for i in range(length)))


@st.composite
def dags(draw: st.DrawFn) -> tuple[Graph, list[bool]]:
    """Random graphs in file order, some values constant, some resources."""
    count = draw(st.integers(1, 14))
    rows = []
    values = 3
    for _ in range(count):
        reads = draw(st.lists(st.integers(-1, values - 1), min_size=0, max_size=3))
        makes = draw(st.integers(1, 2))
        op = draw(st.sampled_from(["RELU", "RELU", "RELU", "WHILE", "CALL_ONCE"]))
        rows.append(Row(op, tuple(reads), tuple(range(values, values + makes))))
        values += makes
    resources = draw(st.sets(st.integers(0, values - 1), max_size=3))
    graph = sketch(*rows, stored=(0,), values={v: dtype("resource") for v in resources})
    return graph, draw(st.lists(st.booleans(), min_size=count, max_size=count))

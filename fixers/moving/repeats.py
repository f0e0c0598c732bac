"""TILE, BROADCAST_TO and Expand: values that are repeated along axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.building.formula import broadcast, formula
from npulint.fixers.building.moves import moves
from npulint.fixers.looking import only_reader
from npulint.fixers.reading import fixed, immovable, meaning, not_float
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal
from npulint.operators.rearrangements import Expand, Tile
from npulint.operators.semantics import Binary, Variadic

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.building.moves import Moves
    from npulint.model import Graph, Node

_MAX_BROADCASTS = 8
"""The opset from which on Max and Min broadcast too."""

_BROADCASTING = ("add", "sub", "mul", "div", "max", "min")
"""Functions that every target that has them broadcasts, or refuses to by its table."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """result = source, repeated along axes, or what a node makes of that result.

    Attributes:
        source: Position of what is repeated.
        shape: Its sizes, with leading axes of size 1 up to the rank of the result.
        result: The sizes of what is made by repeating.
        wanted: Why the elements cannot be computed with, None where they can.
        reader: The node that takes the result and broadcasts, where there is one.
        place: Which of its operands that is.
    """

    source: int
    shape: tuple[int, ...]
    result: tuple[int, ...]
    wanted: Refusal | None
    reader: Node | None = None
    place: int = 0


_R: TypeAlias = Repeat


def recognise(graph: Graph) -> Iterator[Occurrence[Repeat]]:
    """Find every repetition, and every one with what reads it."""
    for node in graph.nodes:
        if not isinstance(meaning(graph, node), (Tile, Expand)):
            continue
        found = _read(graph, node)
        yield Occurrence(node.op, (node.index,), node.outputs, found)
        reader = only_reader(graph, node.outputs[0])
        if (
            reader is None
            or isinstance(found, Refusal)
            or not _broadcasts(graph, reader, node.outputs[0], found)
        ):
            continue
        both = Repeat(
            found.source, found.shape, found.result, found.wanted, reader,
            reader.inputs.index(node.outputs[0]),
        )  # fmt: skip
        nodes = (node.index, reader.index)
        yield Occurrence(f"{node.op}+{reader.op}", nodes, reader.outputs, both)


def _read(graph: Graph, node: Node) -> Repeat | Refusal:
    source, made = node.inputs[0], node.outputs[0]
    refusal = immovable(graph, (source, made))
    shape, result = fixed(graph.values[source]), fixed(graph.values[made])
    if refusal is not None or shape is None or result is None:
        return refusal or Refusal("the sizes of its inputs and outputs are not all fixed")
    if not result:
        return Refusal("a single number has no axis to be repeated along")
    full = (1,) * (len(result) - len(shape)) + shape
    if 0 in full or any(size % part for size, part in zip(result, full, strict=True)):
        return Refusal("it makes nothing, or no whole number of repetitions")
    return Repeat(source, full, result, not_float(graph, source))


def _broadcasts(graph: Graph, reader: Node, made: int, found: Repeat) -> bool:
    """Whether a node makes the same of what is repeated as of the repetition that was made."""
    operator = meaning(graph, reader)
    if not isinstance(operator, (Binary, Variadic)) or operator.kind not in _BROADCASTING:
        return False
    if len(reader.inputs) != 2 or reader.inputs[0] == reader.inputs[1]:
        return False
    if any(part not in (1, size) for part, size in zip(found.shape, found.result, strict=True)):
        return False
    if graph.dialect == "onnx" and reader.version < _MAX_BROADCASTS:
        return False
    other = fixed(graph.values[reader.inputs[1 - reader.inputs.index(made)]])
    whole = fixed(graph.values[reader.outputs[0]])
    return other is not None and broadcast(found.shape, other) == whole


def _alone(r: _R) -> Refusal | None:
    if r.reader is not None:
        return Refusal(f"it stands for the repetition alone, not for {r.reader.op} with it")
    return None


def _of_one(r: _R) -> Refusal | None:
    if any(part not in (1, size) for part, size in zip(r.shape, r.result, strict=True)):
        return Refusal("an axis of more than one sample is repeated")
    return _alone(r) or r.wanted


def _some(r: _R) -> Refusal | None:
    if r.shape == r.result:
        return Refusal("nothing is repeated")
    return _alone(r)


def _read_by_one(r: _R) -> Refusal | None:
    if r.reader is None:
        return Refusal("what reads it does not broadcast, or something else reads it too")
    return None


def _whole(builder: Builder, r: _R) -> tuple[Moves, int]:
    """The source in the rank of the result."""
    moved = moves(builder, r.source)
    return moved, moved.reshape(r.source, r.shape)


def _dropped(builder: Builder, r: _R) -> list[int]:
    if r.reader is None:
        raise AssertionError("only built after `_read_by_one`")
    inputs = list(r.reader.inputs)
    inputs[r.place] = _whole(builder, r)[1]
    shape = builder.at(r.reader.outputs[0]).shape or ()
    return [builder.value_node(r.reader.op, inputs, shape, **r.reader.attributes)]


def _with_constant(kind: str, item: float) -> Callable[[Builder, Repeat], list[int]]:
    def build(builder: Builder, r: _R) -> list[int]:
        made = formula(builder, r.source)
        _, x = _whole(builder, r)
        sizes = [size if part == 1 else 1 for part, size in zip(r.shape, r.result, strict=True)]
        return [made.binary(kind, x, made.constant(np.full(sizes, item), x))]

    return build


def _joined(builder: Builder, r: _R) -> list[int]:
    moved, value = _whole(builder, r)
    for axis, (part, size) in enumerate(zip(r.shape, r.result, strict=True)):
        if size != part:
            value = _copies(moved, value, axis, size // part)
    return [value]


def _copies(moved: Moves, value: int, axis: int, count: int) -> int:
    """Copies behind one another, twice as many with each join."""
    whole = None
    while True:
        if count % 2:
            whole = value if whole is None else moved.join((whole, value), axis)
        count //= 2
        if not count:
            return value if whole is None else whole
        value = moved.join((value, value), axis)


FAMILY: Family[Repeat] = Family(
    "repeat",
    recognise,
    (
        Realisation(
            name="repeat/dropped",
            uses=("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "RESHAPE"),
            exactness="exact",
            argument="what adds or multiplies repeats an operand of size 1 itself",
            accepts=_read_by_one,
            build=_dropped,
        ),
        Realisation(
            name="repeat/zeros",
            uses=("ADD", "RESHAPE"),
            exactness="exact",
            argument="a sum with zeros repeats an axis of size 1 as often as the zeros have",
            accepts=_of_one,
            build=_with_constant("add", 0.0),
        ),
        Realisation(
            name="repeat/ones",
            uses=("MUL", "RESHAPE"),
            exactness="exact",
            argument="a product with ones repeats an axis of size 1 as often as the ones have",
            accepts=_of_one,
            build=_with_constant("mul", 1.0),
        ),
        Realisation(
            name="repeat/joins",
            uses=("CONCATENATION", "RESHAPE"),
            exactness="exact",
            argument="copies are put behind one another, twice as many with each join",
            accepts=_some,
            build=_joined,
        ),
    ),
)

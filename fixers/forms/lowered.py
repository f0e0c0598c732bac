"""Nodes of many axes said in few: what each is rebuilt from, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from npulint.fixers.building.moves import moves
from npulint.fixers.moving.axes import turn
from npulint.fixers.reading import fixed
from npulint.model import OMITTED

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array, Builder
    from npulint.fixers.building.moves import Range
    from npulint.fixers.forms.merging import Sizes
    from npulint.model import Attribute, Node, Value


class Views:
    """Values as they are while nodes are written anew: the same elements, in whatever shape.

    Args:
        builder: Where the nodes go.
    """

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self._now: dict[int, int] = {}
        self._shaped: dict[tuple[int, Sizes], int] = {}

    def any(self, index: int) -> int:
        """A value of the graph in the shape that it happens to have."""
        return self._now.get(index, index)

    def get(self, index: int, shape: Sizes) -> int:
        """A value of the graph in some shape."""
        value = self.any(index)
        if fixed(self.builder.at(value)) == shape:
            return value
        if (value, shape) not in self._shaped:
            self._shaped[value, shape] = self._reshaped(value, shape)
        return self._shaped[value, shape]

    def put(self, index: int, value: int) -> None:
        """Say what a value of the graph is now."""
        self._now[index] = value

    def results(self, indices: tuple[int, ...]) -> list[int]:
        """Values of the graph in their own shapes, each made by a node of its own."""
        made: list[int] = []
        for index in indices:
            shape = fixed(self.builder.at(index)) or ()
            value = self.get(index, shape)
            if value < len(self.builder.graph.values) or value in made:
                value = moves(self.builder, value).copy(value, shape)
            made.append(value)
        return made

    def _reshaped(self, value: int, shape: Sizes) -> int:
        held: Value = self.builder.at(value)
        if held.constant is None:
            return moves(self.builder, value).reshape(value, shape)
        made = self.builder.constant(held.constant.read().reshape(shape), "held")
        self.builder.values[-1] = replace(self.builder.values[-1], quantisation=held.quantisation)
        return made


class Lowered(Protocol):
    """A node that can be said in few axes."""

    def write(self, views: Views) -> None:
        """Add what computes the node's results, and say what they are now."""


@dataclass(frozen=True, slots=True)
class Same:
    """The same elements in another shape: no node at all."""

    source: int
    result: int

    def write(self, views: Views) -> None:
        """Nothing is added."""
        views.put(self.result, views.any(self.source))


@dataclass(frozen=True, slots=True)
class Reordered:
    """A transposition.

    Attributes:
        source: Position of what is ordered.
        result: Position of the result.
        sizes: Of the source.
        order: Which axis comes where.
    """

    source: int
    result: int
    sizes: Sizes
    order: tuple[int, ...]

    def write(self, views: Views) -> None:
        """Transpositions of few axes."""
        value = views.any(self.source)
        made = turn(moves(views.builder, value), value, self.sizes, self.order)
        views.put(self.result, made)


@dataclass(frozen=True, slots=True)
class Cut:
    """Pieces of a value.

    Attributes:
        source: Position of what is cut.
        results: Positions of the pieces.
        sizes: Of the source, in few axes.
        ranges: What is taken of these axes for each piece.
    """

    source: int
    results: tuple[int, ...]
    sizes: Sizes
    ranges: tuple[tuple[Range, ...], ...]

    def write(self, views: Views) -> None:
        """A slice for each piece."""
        value = views.get(self.source, self.sizes)
        m = moves(views.builder, value)
        for result, ranges in zip(self.results, self.ranges, strict=True):
            whole = ranges == tuple((0, size, 1) for size in self.sizes)
            views.put(result, value if whole else m.take(value, ranges))


@dataclass(frozen=True, slots=True)
class Operand:
    """What a node takes.

    Attributes:
        index: Position of the value.
        shape: In which it is taken; None for its own.
        stored: A constant that is taken instead of a value of the graph.
    """

    index: int = OMITTED
    shape: Sizes | None = None
    stored: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Rebuilt:
    """The same operator on operands of fewer axes.

    Attributes:
        node: The node as it was.
        operands: What it takes.
        attributes: Those that change.
        shapes: Of its results.
    """

    node: Node
    operands: tuple[Operand, ...]
    attributes: Mapping[str, Attribute]
    shapes: tuple[Sizes, ...]

    def write(self, views: Views) -> None:
        """The node, its results typed and quantised as they were."""
        builder = views.builder
        inputs = [self._taken(views, each) for each in self.operands]
        attributes = {**self.node.attributes, **self.attributes}
        known, before = len(builder.graph.values), len(builder.values)
        builder.value_node(self.node.op, inputs, self.shapes[0], **attributes)
        made = builder.values[before]
        for number, (index, shape) in enumerate(zip(self.node.outputs, self.shapes, strict=True)):
            was = builder.at(index)
            builder.values[before + number :] = [
                replace(
                    made, index=known + before + number, name=f"{made.name}_{number}",
                    shape=shape, dtype=was.dtype, quantisation=was.quantisation,
                )
            ]  # fmt: skip
            views.put(index, known + before + number)
        outputs = tuple(known + before + number for number in range(len(self.shapes)))
        node = replace(builder.nodes[-1], outputs=outputs)
        builder.nodes[-1] = replace(node, version=builder.version_of(node))

    @staticmethod
    def _taken(views: Views, operand: Operand) -> int:
        if operand.stored is not None:
            return views.builder.constant(operand.stored, "said")
        if operand.index == OMITTED:
            return OMITTED
        shape = operand.shape or fixed(views.builder.at(operand.index)) or ()
        return views.get(operand.index, shape)

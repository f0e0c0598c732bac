"""What only moves values: cuts, joins, margins, other shapes; of values of any rank.

Whatever is made carries the quantisation of the value that is moved, so the same calls serve
quantised graphs. Shapes and axes are as stored.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array, Builder, Feature
    from npulint.model import Attribute

Range: TypeAlias = "tuple[int, int, int]"
"""Start, stop and step, the first two counted from the start of an axis."""


class Moves(ABC):
    """Adds nodes that move values; a value is its position in the graph.

    Args:
        builder: Where the nodes go.
        source: The value whose quantisation everything carries.
    """

    def __init__(self, builder: Builder, source: int) -> None:
        self.builder = builder
        self.quantisation = builder.at(source).quantisation

    @abstractmethod
    def take(self, value: int, ranges: Sequence[Range]) -> int:
        """Take `start:stop:step` of every axis; a stop of -1 lies before the first sample."""

    @abstractmethod
    def box(self, value: int, starts: Sequence[int], sizes: Sequence[int]) -> int:
        """Take some samples of every axis, by the dialect's plainer operator."""

    @abstractmethod
    def split(self, value: int, axis: int, count: int) -> list[int]:
        """Cut an axis into pieces of one size."""

    @abstractmethod
    def join(self, values: Sequence[int], axis: int) -> int:
        """Put values behind one another."""

    @abstractmethod
    def widen(self, value: int, margins: Sequence[tuple[int, int]]) -> int:
        """Pad every axis with zeros: of a quantised value, with its zero point."""

    @abstractmethod
    def copy(self, value: int, shape: Sequence[int]) -> int:
        """The same elements in some shape, made by a node even where it is the one they have."""

    @abstractmethod
    def transpose(self, value: int, order: Sequence[int]) -> int:
        """Reorder axes; nothing where they keep their order."""

    @abstractmethod
    def add(self, a: int, b: int) -> int:
        """Sum of two values of one shape."""

    @abstractmethod
    def depthwise(self, x: Feature, kernel: Array) -> Feature:
        """Convolve each channel by itself; `kernel` is `[C, m, kH, kW]`, m results a channel."""

    def reshape(self, value: int, shape: Sequence[int]) -> int:
        """The same elements in another shape; nothing where it is the shape that they have."""
        return value if self.shape(value) == tuple(shape) else self.copy(value, shape)

    def cut(self, value: int, axis: int, start: int, stop: int, step: int = 1) -> int:
        """Take `start:stop:step` of one axis, and all of the others."""
        ranges = [(0, size, 1) for size in self.shape(value)]
        ranges[axis] = start, stop, step
        return self.take(value, ranges)

    def shape(self, value: int) -> tuple[int, ...]:
        """The shape of a value, whose sizes are all fixed."""
        found = self.builder.at(value).shape or ()
        return tuple(size for size in found if isinstance(size, int))

    def made(
        self, op: str, inputs: Sequence[int], shape: Sequence[int], **attributes: Attribute
    ) -> int:
        """Add a node with one result."""
        (result,) = self.made_many(op, inputs, (shape,), attributes)
        return result

    def made_many(
        self,
        op: str,
        inputs: Sequence[int],
        shapes: Sequence[Sequence[int]],
        attributes: Mapping[str, Attribute],
        source: int = 0,
    ) -> list[int]:
        """Add a node with several results, typed as one of its operands."""
        builder = self.builder
        known, before = len(builder.graph.values), len(builder.values)
        dtype = builder.at(inputs[source]).dtype
        builder.node(op, inputs, (0, 0, 0, 0), tuple(shapes[0]), **attributes)
        first = builder.values[before]
        results = [
            replace(
                first, index=known + before + number, name=f"{first.name}_{number}" if number else
                first.name, dtype=dtype, shape=tuple(shape), quantisation=self.quantisation,
            )
            for number, shape in enumerate(shapes)
        ]  # fmt: skip
        builder.values[before:] = results
        outputs = tuple(result.index for result in results)
        node = replace(builder.nodes[-1], outputs=outputs)
        builder.nodes[-1] = replace(node, version=builder.version_of(node))
        return list(outputs)

    def joined_shape(self, values: Sequence[int], axis: int) -> tuple[int, ...]:
        """The shape of what `join` makes."""
        shape = list(self.shape(values[0]))
        shape[axis] = sum(self.shape(value)[axis] for value in values)
        return tuple(shape)

    def widened_shape(self, value: int, margins: Sequence[tuple[int, int]]) -> tuple[int, ...]:
        """The shape of what `widen` makes."""
        shape = self.shape(value)
        return tuple(
            size + before + after for size, (before, after) in zip(shape, margins, strict=True)
        )

    def flat(self, value: int, axis: int) -> tuple[int, int, int]:
        """How many elements lie before an axis, along it, and behind it."""
        shape = self.shape(value)
        return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])


def moves(builder: Builder, source: int) -> Moves:
    """Moves of one value, in the dialect of a builder's graph."""
    from npulint.fixers.building.moves_onnx import OnnxMoves
    from npulint.fixers.building.moves_tflite import TFLiteMoves

    made = TFLiteMoves if builder.graph.dialect == "tflite" else OnnxMoves
    return made(builder, source)


def lengths(ranges: Sequence[Range]) -> tuple[int, ...]:
    """How many samples ranges take."""
    return tuple(len(range(*each)) for each in ranges)

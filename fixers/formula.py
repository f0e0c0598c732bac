"""Formulas over values of any rank, written into a builder's graph in its dialect.

Functions are named as the records of `npulint.operators` name them, so what is read from one
dialect can be written in either.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npulint.fixers.builder import Array, Builder
    from npulint.model import Attribute

_UNKEPT = (0, 0, 0, 0)
"""Sizes of a feature map that nobody asks for: formulas know shapes as they are stored."""


class Formula(ABC):
    """Values are positions, shapes are as stored, constants have the type of the data.

    Args:
        builder: Where the nodes go.
        source: Position of the data that the formula is about.
    """

    def __init__(self, builder: Builder, source: int) -> None:
        self.builder = builder
        self.dtype = np.dtype(builder.at(source).dtype or "float32")

    @abstractmethod
    def unary(self, kind: str, x: int, parameter: float = 0.0) -> int:
        """A function of each element."""

    @abstractmethod
    def binary(self, kind: str, a: int, b: int) -> int:
        """A function of two operands that broadcast to each other."""

    @abstractmethod
    def clip(self, x: int, low: float, high: float) -> int:
        """Limits, by the one operator that the dialect has for them where it has one."""

    @abstractmethod
    def prelu(self, x: int, slope: Array) -> int:
        """PRELU with a slope that broadcasts to the data, all of its axes given."""

    @abstractmethod
    def channel_axis(self, rank: int) -> int:
        """The axis along which feature maps store their channels."""

    @abstractmethod
    def by_channel(self, x: int, scale: Array, shift: Array) -> int:
        """1x1 depthwise convolution of a feature map: one factor and one summand a channel."""

    @abstractmethod
    def reshape(self, x: int, shape: Sequence[int]) -> int:
        """The same elements in another shape; nothing where it is the shape that they have."""

    def shape(self, value: int) -> tuple[int, ...]:
        """The shape of a value, whose sizes are all fixed."""
        found = self.builder.at(value).shape or ()
        return tuple(size for size in found if isinstance(size, int))

    def number(self, item: float, like: int) -> int:
        """A constant of one element, of the rank of another value."""
        rank = len(self.shape(like))
        return self.builder.constant(np.full((1,) * rank, item, self.dtype), "number")

    def constant(self, array: Array, like: int) -> int:
        """A constant, with leading axes of size 1 up to the rank of another value."""
        missing = len(self.shape(like)) - array.ndim
        full = array.astype(self.dtype).reshape((1,) * max(missing, 0) + array.shape)
        return self.builder.constant(full, "factor")

    def plus(self, x: int, item: float) -> int:
        """Add a number."""
        return self.binary("add", x, self.number(item, x))

    def times(self, x: int, item: float) -> int:
        """Multiply by a number."""
        return self.binary("mul", x, self.number(item, x))

    def depthwise(self, x: int, scale: Array, shift: Array) -> int:
        """`by_channel` for data of any rank, whose channels lie along the dialect's axis."""
        shape = self.shape(x)
        axis = self.channel_axis(len(shape))
        lead, channels, rest = shape[:axis], shape[axis], shape[axis + 1 :]
        if len(shape) == 4:
            return self.by_channel(x, scale, shift)
        if self.channel_axis(4) == 3:
            wide: tuple[int, ...] = (1, 1, math.prod(lead), channels)
        else:
            wide = (math.prod(lead), channels, math.prod(rest), 1)
        return self.reshape(self.by_channel(self.reshape(x, wide), scale, shift), shape)

    def _node(self, op: str, inputs: Sequence[int], **attributes: Attribute) -> int:
        """An elementwise node."""
        shapes = [self.shape(index) for index in inputs]
        shape = tuple(int(size) for size in np.broadcast_shapes(*shapes))
        return self.builder.node(op, inputs, _UNKEPT, shape, **attributes).value

    def _shaped(
        self, op: str, inputs: Sequence[int], shape: tuple[int, ...], **attributes: Attribute
    ) -> int:
        """A node whose result has a shape of its own."""
        return self.builder.node(op, inputs, _UNKEPT, shape, **attributes).value


def formula(builder: Builder, source: int) -> Formula:
    """Formulas about some data, in the dialect of a builder's graph."""
    from npulint.fixers.formula_onnx import OnnxFormula
    from npulint.fixers.formula_tflite import TFLiteFormula

    made = TFLiteFormula if builder.graph.dialect == "tflite" else OnnxFormula
    return made(builder, source)

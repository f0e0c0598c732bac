"""Formulas over values of any rank, written into a builder's graph in its dialect.

Functions are named as the records of `npulint.operators` name them, so what is read from one
dialect can be written in either.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.arithmetic import arithmetic, broadcast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npulint.fixers.building.builder import Array, Builder
    from npulint.model import Attribute

_FUSED = "fused_activation_function"


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
    def rectify(self, x: int, slope: int) -> int:
        """PRELU with a slope that is a value, and broadcasts to the data as it is."""

    @abstractmethod
    def dense(self, x: int, matrix: Array, bias: Array) -> int:
        """A fully connected layer of rows `[M, K]` by a matrix `[N, K]`."""

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

    def depthwise(self, x: int, scale: Array, shift: Array, function: str) -> int:
        """1x1 depthwise convolution and an activation: one factor and one summand a channel."""
        shape, maps = self.shape(x), arithmetic(self.builder, x)
        axis = maps.channel_axis(len(shape))
        lead, channels, rest = shape[:axis], shape[axis], shape[axis + 1 :]
        if len(shape) == 4:
            return self.activate(maps.scale_channels(x, scale, shift), function)
        if maps.channel_axis(4) == 3:
            wide: tuple[int, ...] = (1, 1, math.prod(lead), channels)
        else:
            wide = (math.prod(lead), channels, math.prod(rest), 1)
        made = maps.scale_channels(maps.reshape(x, wide), scale, shift)
        return maps.reshape(self.activate(made, function), shape)

    def activate(self, x: int, function: str) -> int:
        """An activation by its TFLite name, fused into the node that makes the value if it may."""
        if function == "NONE":
            return x
        nodes = self.builder.nodes
        last = nodes[-1] if nodes else None
        if last is not None and last.outputs == (x,) and _FUSED in last.attributes:
            self.builder.set_attributes({_FUSED: function})
            return x
        return self._node(function, (x,))

    def _node(self, op: str, inputs: Sequence[int], **attributes: Attribute) -> int:
        """An elementwise node."""
        shape: tuple[int, ...] = ()
        for index in inputs:
            shape = broadcast(shape, self.shape(index))
        return self.builder.value_node(op, inputs, shape, **attributes)


def formula(builder: Builder, source: int) -> Formula:
    """Formulas about some data, in the dialect of a builder's graph."""
    from npulint.fixers.building.formula_onnx import OnnxFormula
    from npulint.fixers.building.formula_tflite import TFLiteFormula

    made = TFLiteFormula if builder.graph.dialect == "tflite" else OnnxFormula
    return made(builder, source)

"""Formulas over values of any rank, written into a builder's graph in its dialect.

Functions are named as the records of `npulint.operators` name them, so what is read from one
dialect can be written in either.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.builder import Feature
from npulint.fixers.building.moves import moves

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
        self._moves = moves(builder, source)

    @abstractmethod
    def channel_axis(self, rank: int) -> int:
        """The axis along which the dialect's feature maps store their channels."""

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

    @abstractmethod
    def mean(self, value: int, axes: Sequence[int]) -> int:
        """Mean over axes, which stay with size 1."""

    @abstractmethod
    def largest(self, value: int, axes: Sequence[int]) -> int:
        """The largest along axes, which stay with size 1."""

    @abstractmethod
    def total(self, value: int, axes: Sequence[int]) -> int:
        """Sum over axes, which stay with size 1."""

    @abstractmethod
    def over_root(self, value: int, under: int) -> int:
        """`value / sqrt(under)` as exporters of the dialect write it."""

    @abstractmethod
    def local_response(
        self, value: int, radius: int, alpha: float, beta: float, bias: float = 0.0
    ) -> int:
        """`x / (bias + alpha * s)**beta`, `s` the sum of squares within a radius of channels."""

    @abstractmethod
    def unit_length(self, value: int) -> int:
        """Divide by the Euclidean length along the channels."""

    @abstractmethod
    def scale_channels(self, value: int, scale: Array, shift: Array) -> int:
        """1x1 depthwise convolution of a feature map: one factor and one summand a channel."""

    @abstractmethod
    def average(
        self, value: int, window: tuple[int, int], strides: tuple[int, int] | None = None
    ) -> int:
        """Average pooling of a feature map; without strides by windows that do not overlap."""

    def shape(self, value: int) -> tuple[int, ...]:
        """The shape of a value, whose sizes are all fixed."""
        return self._moves.shape(value)

    def transpose(self, value: int, order: Sequence[int]) -> int:
        """Reorder axes; nothing where they keep their order."""
        return self._moves.transpose(value, order)

    def reshape(self, value: int, shape: Sequence[int]) -> int:
        """The same elements in another shape; nothing where it is the shape that they have."""
        return self._moves.reshape(value, shape)

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

    def along(self, array: Array, axes: Sequence[int], rank: int) -> int:
        """A constant whose dimensions lie along some axes of a value of some rank."""
        sizes = [1] * rank
        for axis, size in zip(axes, array.shape, strict=True):
            sizes[axis] = int(size)
        return self.builder.constant(array.astype(self.dtype).reshape(sizes), "along")

    def scale_shift(
        self, value: int, scale: Array | None, shift: Array | None, axes: Sequence[int]
    ) -> int:
        """Multiply and add constants that lie along some axes; what is None is left out."""
        rank = len(self.shape(value))
        if scale is not None:
            value = self.binary("mul", value, self.along(scale, axes, rank))
        if shift is not None:
            value = self.binary("add", value, self.along(shift, axes, rank))
        return value

    def mix(self, value: int, matrix: Array, bias: Array | None) -> int:
        """1x1 convolution of a feature map by a matrix `[Cout, Cin]`."""
        held = None if bias is None else bias.astype(self.dtype)
        kernel = matrix.astype(self.dtype)[:, :, None, None]
        return self.builder.conv(self._map(value), kernel, held).value

    def depthwise(self, x: int, scale: Array, shift: Array, function: str) -> int:
        """1x1 depthwise convolution and an activation: one factor and one summand a channel."""
        shape = self.shape(x)
        axis = self.channel_axis(len(shape))
        lead, channels, rest = shape[:axis], shape[axis], shape[axis + 1 :]
        if len(shape) == 4:
            return self.activate(self.scale_channels(x, scale, shift), function)
        if self.channel_axis(4) == 3:
            wide: tuple[int, ...] = (1, 1, math.prod(lead), channels)
        else:
            wide = (math.prod(lead), channels, math.prod(rest), 1)
        made = self.scale_channels(self.reshape(x, wide), scale, shift)
        return self.reshape(self.activate(made, function), shape)

    def as_map(self, value: int, axis: int) -> tuple[int, tuple[int, ...]]:
        """Store a value as a feature map of 4 dimensions whose channels lie along one axis.

        Returns:
            The map, and the order in which the axes were put for it.
        """
        shape = self.shape(value)
        place = self.channel_axis(len(shape))
        order = [each for each in range(len(shape)) if each != axis]
        order.insert(min(place, len(order)), axis)
        value = self.transpose(value, order)
        return self.reshape(value, self._map_shape(value)), tuple(order)

    def from_map(self, value: int, order: Sequence[int], shape: Sequence[int]) -> int:
        """Undo `as_map`: the value in the shape that it had."""
        value = self.reshape(value, [shape[axis] for axis in order])
        return self.transpose(value, np.argsort(order).tolist())

    def _map_shape(self, value: int) -> tuple[int, ...]:
        """Four dimensions with the channels where they are."""
        shape = self.shape(value)
        if len(shape) == 4:
            return shape
        if self.channel_axis(4) == 3:
            lead, channels = shape[:-1], shape[-1]
            if len(lead) < 3:
                return (1,) * (3 - len(lead)) + shape
            return lead[0], lead[1], math.prod(lead[2:]), channels
        lead, rest = shape[:1], shape[2:]
        channels = shape[1] if len(shape) > 1 else shape[0]
        if len(shape) == 1:
            return 1, channels, 1, 1
        rows = rest[0] if rest else 1
        return lead[0], channels, rows, math.prod(rest[1:])

    def _map(self, value: int) -> Feature:
        """A value of 4 dimensions as a feature map."""
        sizes = self.shape(value)
        channels = self.channel_axis(4)
        batch, height, width = (sizes[axis] for axis in range(4) if axis != channels)
        return Feature(value, (batch, sizes[channels], height, width))

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


def pooled(
    height: int, width: int, window: tuple[int, int], strides: tuple[int, int]
) -> tuple[int, int]:
    """Height and width after pooling without padding."""
    return (height - window[0]) // strides[0] + 1, (width - window[1]) // strides[1] + 1


def broadcast(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    """The shape of an elementwise result."""
    return tuple(int(size) for size in np.broadcast_shapes(tuple(a), tuple(b)))


def formula(builder: Builder, source: int) -> Formula:
    """Formulas about some data, in the dialect of a builder's graph."""
    from npulint.fixers.building.formula_onnx import OnnxFormula
    from npulint.fixers.building.formula_tflite import TFLiteFormula

    made = TFLiteFormula if builder.graph.dialect == "tflite" else OnnxFormula
    return made(builder, source)

"""Arithmetic on values of any rank, written into a builder's graph in its dialect."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array, Builder

Elementwise: TypeAlias = Literal["add", "subtract", "multiply", "divide"]


class Arithmetic(ABC):
    """What normalisations are made of; values are positions, shapes are as stored.

    Constants are stored in the element type of the data.

    Args:
        builder: Where the nodes go.
        source: Position of the data that the arithmetic is about.
    """

    def __init__(self, builder: Builder, source: int) -> None:
        self.builder = builder
        self.dtype = np.dtype(builder.at(source).dtype or "float32")

    @abstractmethod
    def channel_axis(self, rank: int) -> int:
        """The axis along which the dialect's feature maps store their channels."""

    @abstractmethod
    def combine(self, function: Elementwise, a: int, b: int) -> int:
        """Add, subtract, multiply or divide, each operand broadcast to the other's shape."""

    @abstractmethod
    def mean(self, value: int, axes: Sequence[int]) -> int:
        """Mean over axes, which stay with size 1."""

    @abstractmethod
    def over_root(self, value: int, under: int) -> int:
        """`value / sqrt(under)` as exporters of the dialect write it."""

    @abstractmethod
    def power(self, value: int, exponent: float) -> int:
        """A power with a constant exponent."""

    @abstractmethod
    def root(self, value: int) -> int:
        """A square root."""

    @abstractmethod
    def local_response(
        self, value: int, radius: int, alpha: float, beta: float, bias: float = 0.0
    ) -> int:
        """`x / (bias + alpha * s)**beta`, `s` the sum of squares within a radius of channels."""

    @abstractmethod
    def unit_length(self, value: int) -> int:
        """Divide by the Euclidean length along the channels."""

    @abstractmethod
    def mix(self, value: int, matrix: Array, bias: Array | None) -> int:
        """1x1 convolution of a feature map by a matrix `[Cout, Cin]`."""

    @abstractmethod
    def scale_channels(self, value: int, scale: Array, shift: Array) -> int:
        """1x1 depthwise convolution of a feature map: one factor and one summand a channel."""

    @abstractmethod
    def average(
        self, value: int, window: tuple[int, int], strides: tuple[int, int] | None = None
    ) -> int:
        """Average pooling of a feature map; without strides by windows that do not overlap."""

    @abstractmethod
    def transpose(self, value: int, order: Sequence[int]) -> int:
        """Reorder axes."""

    @abstractmethod
    def reshape(self, value: int, shape: Sequence[int]) -> int:
        """The same elements in another shape; nothing where it is the shape that they have."""

    def shape(self, value: int) -> tuple[int, ...]:
        """The shape of a value, whose sizes are all fixed."""
        found = self.builder.at(value).shape or ()
        return tuple(size for size in found if isinstance(size, int))

    def number(self, number: float, like: int) -> int:
        """A constant of one element, of the rank of another value."""
        rank = len(self.shape(like))
        return self.builder.constant(np.full((1,) * rank, number, self.dtype), "number")

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
            value = self.combine("multiply", value, self.along(scale, axes, rank))
        if shift is not None:
            value = self.combine("add", value, self.along(shift, axes, rank))
        return value

    def as_map(self, value: int, axis: int) -> tuple[int, tuple[int, ...]]:
        """Store a value as a feature map of 4 dimensions whose channels lie along one axis.

        Returns:
            The map, and the order in which the axes were put for it.
        """
        shape = self.shape(value)
        place = self.channel_axis(len(shape))
        order = [each for each in range(len(shape)) if each != axis]
        order.insert(min(place, len(order)), axis)
        if order != sorted(order):
            value = self.transpose(value, order)
        return self.reshape(value, self._map_shape(value)), tuple(order)

    def from_map(self, value: int, order: Sequence[int], shape: Sequence[int]) -> int:
        """Undo `as_map`: the value in the shape that it had."""
        value = self.reshape(value, [shape[axis] for axis in order])
        if list(order) != sorted(order):
            value = self.transpose(value, np.argsort(order).tolist())
        return value

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


def pooled(
    height: int, width: int, window: tuple[int, int], strides: tuple[int, int]
) -> tuple[int, int]:
    """Height and width after pooling without padding."""
    return (height - window[0]) // strides[0] + 1, (width - window[1]) // strides[1] + 1


def broadcast(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    """The shape of an elementwise result."""
    return tuple(int(size) for size in np.broadcast_shapes(tuple(a), tuple(b)))


def arithmetic(builder: Builder, source: int) -> Arithmetic:
    """Arithmetic about some data, in the dialect of a builder's graph."""
    from npulint.fixers.building.arithmetic_onnx import OnnxArithmetic
    from npulint.fixers.building.arithmetic_tflite import TFLiteArithmetic

    made = TFLiteArithmetic if builder.graph.dialect == "tflite" else OnnxArithmetic
    return made(builder, source)

"""Arithmetic in ONNX: channels first, in the forms of the opset that the model imports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.arithmetic import Arithmetic, Elementwise, broadcast, pooled
from npulint.fixers.building.builder import Feature

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array

_NAMES = {"add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div"}


class OnnxArithmetic(Arithmetic):
    """Adds nodes of the standard ONNX domain."""

    def channel_axis(self, rank: int) -> int:
        """Behind the batch."""
        return min(1, rank - 1)

    def combine(self, function: Elementwise, a: int, b: int) -> int:
        """Add, Sub, Mul or Div."""
        shape = broadcast(self.shape(a), self.shape(b))
        return self.builder.value_node(_NAMES[function], (a, b), shape)

    def mean(self, value: int, axes: Sequence[int]) -> int:
        """ReduceMean, whose axes are an operand from opset 18 on."""
        shape = tuple(1 if a in axes else size for a, size in enumerate(self.shape(value)))
        if self._opset < 18:
            return self.builder.value_node(
                "ReduceMean", (value,), shape, axes=tuple(axes), keepdims=1
            )
        where = self.builder.constant(np.array(axes, np.int64), "axes")
        return self.builder.value_node("ReduceMean", (value, where), shape, keepdims=1)

    def over_root(self, value: int, under: int) -> int:
        """Sqrt and Div."""
        return self.combine("divide", value, self.root(under))

    def power(self, value: int, exponent: float) -> int:
        """Pow."""
        return self.builder.value_node(
            "Pow", (value, self.number(exponent, value)), self.shape(value)
        )

    def root(self, value: int) -> int:
        """Sqrt."""
        return self.builder.value_node("Sqrt", (value,), self.shape(value))

    def local_response(
        self, value: int, radius: int, alpha: float, beta: float, bias: float = 0.0
    ) -> int:
        """LRN, which divides its alpha by the window's size."""
        size = 2 * radius + 1
        return self.builder.value_node(
            "LRN", (value,), self.shape(value), size=size, alpha=alpha * size, beta=beta, bias=bias
        )

    def unit_length(self, value: int) -> int:
        """LpNormalization."""
        return self.builder.value_node("LpNormalization", (value,), self.shape(value), axis=1, p=2)

    def mix(self, value: int, matrix: Array, bias: Array | None) -> int:
        """Conv."""
        batch, channels, height, width = self.shape(value)
        x = Feature(value, (batch, channels, height, width))
        held = None if bias is None else bias.astype(self.dtype)
        return self.builder.conv(x, matrix.astype(self.dtype)[:, :, None, None], held).value

    def scale_channels(self, value: int, scale: Array, shift: Array) -> int:
        """Conv with a group for each channel."""
        batch, channels, height, width = self.shape(value)
        x = Feature(value, (batch, channels, height, width))
        kernel = scale.astype(self.dtype)[:, None, None, None]
        return self.builder.conv(x, kernel, shift.astype(self.dtype), channels).value

    def average(
        self, value: int, window: tuple[int, int], strides: tuple[int, int] | None = None
    ) -> int:
        """AveragePool."""
        batch, channels, height, width = self.shape(value)
        steps = strides or window
        shape = batch, channels, *pooled(height, width, window, steps)
        return self.builder.value_node(
            "AveragePool", (value,), shape, kernel_shape=window, strides=steps, pads=(0, 0, 0, 0)
        )

    def transpose(self, value: int, order: Sequence[int]) -> int:
        """Transpose."""
        before = self.shape(value)
        shape = tuple(before[axis] for axis in order)
        return self.builder.value_node("Transpose", (value,), shape, perm=tuple(order))

    def reshape(self, value: int, shape: Sequence[int]) -> int:
        """Reshape."""
        if self.shape(value) == tuple(shape):
            return value
        wanted = self.builder.constant(np.array(shape, np.int64), "shape")
        return self.builder.value_node("Reshape", (value, wanted), tuple(shape))

    @property
    def _opset(self) -> int:
        return int(getattr(self.builder, "opset", 0))

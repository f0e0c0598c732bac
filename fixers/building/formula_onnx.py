"""Formulas in ONNX: channels first, in the forms of the opset that the model imports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.bounds import see_that_it_fits
from npulint.fixers.building.formula import Formula, broadcast, pooled

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array

_UNARY = {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "exp": "Exp", "log": "Log",
    "sqrt": "Sqrt", "abs": "Abs", "neg": "Neg",
    "hardswish": "HardSwish", "floor": "Floor", "ceil": "Ceil",
}  # fmt: skip

_BINARY = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "pow": "Pow", "max": "Max",
    "min": "Min",
}  # fmt: skip

_BROADCAST = 8
"""Opset in which Max and Min learned to broadcast."""


class OnnxFormula(Formula):
    """Adds nodes of the standard ONNX domain, in opsets in which operands broadcast (7 on)."""

    def channel_axis(self, rank: int) -> int:
        """Behind the batch."""
        return min(1, rank - 1)

    def unary(self, kind: str, x: int, parameter: float = 0.0) -> int:
        """One operator, or what was written before there was one."""
        if kind == "square":
            return self.binary("mul", x, x)
        if kind == "rsqrt":
            return self.binary("div", self.number(1.0, x), self.unary("sqrt", x))
        if kind == "elu":
            return self._node("Elu", (x,), alpha=parameter or 1.0)
        if kind == "leakyrelu":
            return self._node("LeakyRelu", (x,), alpha=parameter)
        if kind == "gelu":
            return self._node("Gelu", (x,), approximate="tanh" if parameter else "none")
        return self._node(_UNARY[kind], (x,))

    def binary(self, kind: str, a: int, b: int) -> int:
        """One operator."""
        if kind == "squared_difference":
            return self.unary("square", self.binary("sub", a, b))
        if kind in ("max", "min") and self._opset < _BROADCAST:
            shape = broadcast(self.shape(a), self.shape(b))
            a, b = self._spread(a, shape), self._spread(b, shape)
        return self._node(_BINARY[kind], (a, b))

    def clip(self, x: int, low: float, high: float) -> int:
        """Clip, whose limits are operands from opset 11 on."""
        if self._opset < 11:
            return self._node("Clip", (x,), min=low, max=high)
        limits = [self.builder.constant(np.array(v, self.dtype), "limit") for v in (low, high)]
        return self.builder.value_node("Clip", (x, *limits), self.shape(x))

    def prelu(self, x: int, slope: Array) -> int:
        """PRelu."""
        return self._node("PRelu", (x, self.constant(slope, x)))

    def rectify(self, x: int, slope: int) -> int:
        """PRelu."""
        return self.builder.value_node("PRelu", (x, slope), self.shape(x))

    def dense(self, x: int, matrix: Array, bias: Array) -> int:
        """Gemm."""
        weights = self.builder.constant(matrix.astype(self.dtype), "weights")
        added = self.builder.constant(bias.astype(self.dtype), "bias")
        shape = (self.shape(x)[0], len(matrix))
        return self.builder.value_node("Gemm", (x, weights, added), shape, transB=1)

    def mean(self, value: int, axes: Sequence[int]) -> int:
        """ReduceMean, whose axes are an operand from opset 18 on."""
        return self._reduced("ReduceMean", value, axes, 18)

    def largest(self, value: int, axes: Sequence[int]) -> int:
        """ReduceMax, likewise."""
        return self._reduced("ReduceMax", value, axes, 18)

    def total(self, value: int, axes: Sequence[int]) -> int:
        """ReduceSum, whose axes are an operand from opset 13 on."""
        return self._reduced("ReduceSum", value, axes, 13)

    def over_root(self, value: int, under: int) -> int:
        """Sqrt and Div."""
        return self.binary("div", value, self.unary("sqrt", under))

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

    def scale_channels(self, value: int, scale: Array, shift: Array) -> int:
        """Conv with a group for each channel."""
        x = self._map(value)
        kernel = scale.astype(self.dtype)[:, None, None, None]
        return self.builder.conv(x, kernel, shift.astype(self.dtype), x.sizes[1]).value

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

    def _reduced(self, op: str, value: int, axes: Sequence[int], operands: int) -> int:
        """A reduction whose axes are an operand from some opset on."""
        shape = tuple(1 if a in axes else size for a, size in enumerate(self.shape(value)))
        if self._opset < operands:
            return self.builder.value_node(op, (value,), shape, axes=tuple(axes), keepdims=1)
        where = self.builder.constant(np.array(axes, np.int64), "axes")
        return self.builder.value_node(op, (value, where), shape, keepdims=1)

    def _spread(self, value: int, shape: tuple[int, ...]) -> int:
        """A constant in the shape of what it meets; everything else has that shape."""
        held = self.builder.at(value).constant
        if held is None or self.shape(value) == shape:
            return value
        see_that_it_fits(shape, self.dtype)
        return self.builder.constant(np.broadcast_to(held.read(), shape), "spread")

    @property
    def _opset(self) -> int:
        return int(getattr(self.builder, "opset", 0))

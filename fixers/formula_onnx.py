"""Formulas in ONNX: channels first, in the forms of the opset that the model imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.formula import Formula

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npulint.fixers.builder import Array

_UNARY = {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "exp": "Exp", "log": "Log",
    "sqrt": "Sqrt", "abs": "Abs", "neg": "Neg",
    "hardswish": "HardSwish",
}  # fmt: skip

_BINARY = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "pow": "Pow", "max": "Max",
    "min": "Min",
}  # fmt: skip


class OnnxFormula(Formula):
    """Adds nodes of the standard ONNX domain, in opsets in which operands broadcast (7 on)."""

    def unary(self, kind: str, x: int, parameter: float = 0.0) -> int:
        """One operator, or what was written before there was one."""
        if kind == "square":
            return self.binary("mul", x, x)
        if kind == "rsqrt":
            return self.binary("div", self.number(1.0, x), self.unary("sqrt", x))
        if kind == "elu":
            return self._node("Elu", (x,), alpha=1.0)
        if kind == "leakyrelu":
            return self._node("LeakyRelu", (x,), alpha=parameter)
        if kind == "gelu":
            return self._node("Gelu", (x,), approximate="tanh" if parameter else "none")
        return self._node(_UNARY[kind], (x,))

    def binary(self, kind: str, a: int, b: int) -> int:
        """One operator."""
        if kind == "squared_difference":
            return self.unary("square", self.binary("sub", a, b))
        return self._node(_BINARY[kind], (a, b))

    def clip(self, x: int, low: float, high: float) -> int:
        """Clip, whose limits are operands from opset 11 on."""
        if self._opset < 11:
            return self._node("Clip", (x,), min=low, max=high)
        limits = [self.builder.constant(np.array(v, self.dtype), "limit") for v in (low, high)]
        return self._shaped("Clip", (x, *limits), self.shape(x))

    def prelu(self, x: int, slope: Array) -> int:
        """PRelu."""
        return self._node("PRelu", (x, self.constant(slope, x)))

    def channel_axis(self, rank: int) -> int:
        """Behind the batch."""
        return min(1, rank - 1)

    def by_channel(self, x: int, scale: Array, shift: Array) -> int:
        """Conv with a group for each channel."""
        weights = self.builder.constant(scale.astype(self.dtype)[:, None, None, None], "weight")
        bias = self.builder.constant(shift.astype(self.dtype), "bias")
        return self._shaped(
            "Conv", (x, weights, bias), self.shape(x),
            kernel_shape=(1, 1), strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1),
            group=len(scale),
        )  # fmt: skip

    def reshape(self, x: int, shape: Sequence[int]) -> int:
        """Reshape."""
        if self.shape(x) == tuple(shape):
            return x
        wanted = self.builder.constant(np.array(shape, np.int64), "shape")
        return self._shaped("Reshape", (x, wanted), tuple(shape))

    @property
    def _opset(self) -> int:
        return int(getattr(self.builder, "opset", 0))

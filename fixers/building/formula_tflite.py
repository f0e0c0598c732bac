"""Formulas in TFLite: channels last, in the oldest form of each operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.formula import Formula, pooled

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array
    from npulint.model import Attribute

_UNARY = {
    "relu": "RELU", "sigmoid": "LOGISTIC", "tanh": "TANH", "hardswish": "HARD_SWISH",
    "exp": "EXP", "log": "LOG", "sqrt": "SQRT", "rsqrt": "RSQRT", "abs": "ABS", "neg": "NEG",
    "square": "SQUARE", "gelu": "GELU", "elu": "ELU", "leakyrelu": "LEAKY_RELU",
    "floor": "FLOOR", "ceil": "CEIL",
}  # fmt: skip

_BINARY = {
    "add": "ADD", "sub": "SUB", "mul": "MUL", "div": "DIV", "pow": "POW", "max": "MAXIMUM",
    "min": "MINIMUM", "squared_difference": "SQUARED_DIFFERENCE",
}  # fmt: skip

_FUSING = ("ADD", "SUB", "MUL", "DIV")

_LIMITS = {(0.0, 6.0): "RELU6", (-1.0, 1.0): "RELU_N1_TO_1", (0.0, 1.0): "RELU_0_TO_1"}


class TFLiteFormula(Formula):
    """Adds TFLite builtin operators."""

    def channel_axis(self, rank: int) -> int:
        """The last one."""
        return rank - 1

    def unary(self, kind: str, x: int, parameter: float = 0.0) -> int:
        """One operator."""
        options: dict[str, Attribute] = {}
        if kind == "gelu":
            options["approximate"] = bool(parameter)
        elif kind == "leakyrelu":
            options["alpha"] = parameter
        return self._node(_UNARY[kind], (x,), **options)

    def binary(self, kind: str, a: int, b: int) -> int:
        """One operator."""
        op = _BINARY[kind]
        if op in _FUSING:
            return self._node(op, (a, b), fused_activation_function="NONE")
        return self._node(op, (a, b))

    def clip(self, x: int, low: float, high: float) -> int:
        """RELU6 and its kin, else MAXIMUM and MINIMUM."""
        if (low, high) in _LIMITS:
            return self._node(_LIMITS[low, high], (x,))
        return self.binary("min", self.binary("max", x, self.number(low, x)), self.number(high, x))

    def prelu(self, x: int, slope: Array) -> int:
        """PRELU, whose slope has no batch axis."""
        inner = slope.astype(self.dtype).reshape(slope.shape[1:])
        return self.builder.value_node(
            "PRELU", (x, self.builder.constant(inner, "slope")), self.shape(x)
        )

    def rectify(self, x: int, slope: int) -> int:
        """PRELU."""
        return self.builder.value_node("PRELU", (x, slope), self.shape(x))

    def dense(self, x: int, matrix: Array, bias: Array) -> int:
        """FULLY_CONNECTED, with its bias."""
        weights = self.builder.constant(matrix.astype(self.dtype), "weights")
        added = self.builder.constant(bias.astype(self.dtype), "bias")
        return self.builder.value_node(
            "FULLY_CONNECTED", (x, weights, added), (self.shape(x)[0], len(matrix)),
            fused_activation_function="NONE", weights_format="DEFAULT", keep_num_dims=False,
            asymmetric_quantize_inputs=False, quantized_bias_type="float32",
        )  # fmt: skip

    def mean(self, value: int, axes: Sequence[int]) -> int:
        """MEAN."""
        return self._reduced("MEAN", value, axes)

    def largest(self, value: int, axes: Sequence[int]) -> int:
        """REDUCE_MAX."""
        return self._reduced("REDUCE_MAX", value, axes)

    def total(self, value: int, axes: Sequence[int]) -> int:
        """SUM."""
        return self._reduced("SUM", value, axes)

    def over_root(self, value: int, under: int) -> int:
        """RSQRT and MUL."""
        return self.binary("mul", value, self.unary("rsqrt", under))

    def local_response(
        self, value: int, radius: int, alpha: float, beta: float, bias: float = 0.0
    ) -> int:
        """LOCAL_RESPONSE_NORMALIZATION."""
        return self.builder.value_node(
            "LOCAL_RESPONSE_NORMALIZATION", (value,), self.shape(value),
            radius=radius, bias=bias, alpha=alpha, beta=beta,
        )  # fmt: skip

    def unit_length(self, value: int) -> int:
        """L2_NORMALIZATION."""
        return self.builder.value_node(
            "L2_NORMALIZATION", (value,), self.shape(value), fused_activation_function="NONE"
        )

    def scale_channels(self, value: int, scale: Array, shift: Array) -> int:
        """DEPTHWISE_CONV_2D."""
        weights = self.builder.constant(scale.astype(self.dtype)[None, None, None], "filter")
        bias = self.builder.constant(shift.astype(self.dtype), "bias")
        return self.builder.value_node(
            "DEPTHWISE_CONV_2D", (value, weights, bias), self.shape(value),
            padding="VALID", stride_w=1, stride_h=1, depth_multiplier=1,
            fused_activation_function="NONE", dilation_w_factor=1, dilation_h_factor=1,
        )  # fmt: skip

    def average(
        self, value: int, window: tuple[int, int], strides: tuple[int, int] | None = None
    ) -> int:
        """AVERAGE_POOL_2D."""
        batch, height, width, channels = self.shape(value)
        steps = strides or window
        return self.builder.value_node(
            "AVERAGE_POOL_2D",
            (value,),
            (batch, *pooled(height, width, window, steps), channels),
            padding="VALID", stride_w=steps[1], stride_h=steps[0],
            filter_width=window[1], filter_height=window[0], fused_activation_function="NONE",
        )  # fmt: skip

    def _reduced(self, op: str, value: int, axes: Sequence[int]) -> int:
        shape = tuple(1 if a in axes else size for a, size in enumerate(self.shape(value)))
        where = self.builder.constant(np.array(axes, np.int32), "axes")
        return self.builder.value_node(op, (value, where), shape, keep_dims=True)

"""Arithmetic in TFLite: channels last, in the oldest form of each operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.arithmetic import Arithmetic, Elementwise, broadcast, pooled
from npulint.fixers.building.builder import Feature

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array

_NAMES = {"add": "ADD", "subtract": "SUB", "multiply": "MUL", "divide": "DIV"}


class TFLiteArithmetic(Arithmetic):
    """Adds TFLite builtin operators."""

    def channel_axis(self, rank: int) -> int:
        """The last one."""
        return rank - 1

    def combine(self, function: Elementwise, a: int, b: int) -> int:
        """ADD, SUB, MUL or DIV."""
        shape = broadcast(self.shape(a), self.shape(b))
        return self.builder.value_node(
            _NAMES[function], (a, b), shape, fused_activation_function="NONE"
        )

    def mean(self, value: int, axes: Sequence[int]) -> int:
        """MEAN."""
        shape = tuple(1 if a in axes else size for a, size in enumerate(self.shape(value)))
        where = self.builder.constant(np.array(axes, np.int32), "axes")
        return self.builder.value_node("MEAN", (value, where), shape, keep_dims=True)

    def over_root(self, value: int, under: int) -> int:
        """RSQRT and MUL."""
        inverse = self.builder.value_node("RSQRT", (under,), self.shape(under))
        return self.combine("multiply", value, inverse)

    def power(self, value: int, exponent: float) -> int:
        """POW."""
        return self.builder.value_node(
            "POW", (value, self.number(exponent, value)), self.shape(value)
        )

    def root(self, value: int) -> int:
        """SQRT."""
        return self.builder.value_node("SQRT", (value,), self.shape(value))

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

    def mix(self, value: int, matrix: Array, bias: Array | None) -> int:
        """CONV_2D."""
        batch, height, width, channels = self.shape(value)
        x = Feature(value, (batch, channels, height, width))
        held = None if bias is None else bias.astype(self.dtype)
        return self.builder.conv(x, matrix.astype(self.dtype)[:, :, None, None], held).value

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

    def transpose(self, value: int, order: Sequence[int]) -> int:
        """TRANSPOSE."""
        before = self.shape(value)
        shape = tuple(before[axis] for axis in order)
        where = self.builder.constant(np.array(order, np.int32), "perm")
        return self.builder.value_node("TRANSPOSE", (value, where), shape)

    def reshape(self, value: int, shape: Sequence[int]) -> int:
        """RESHAPE."""
        if self.shape(value) == tuple(shape):
            return value
        wanted = self.builder.constant(np.array(shape, np.int32), "shape")
        return self.builder.value_node(
            "RESHAPE", (value, wanted), tuple(shape), new_shape=tuple(shape)
        )

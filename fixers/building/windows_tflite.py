"""Convolutions in TFLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.windows import Sliding, Windows, margins_of, slid
from npulint.operators.emit_windows import same_pads

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array, Feature, Sizes


class TFLiteWindows(Windows):
    """Adds CONV_2D and DEPTHWISE_CONV_2D, with PAD where the padding has no name."""

    def conv(self, x: Feature, kernel: Array, bias: Array | None, how: Sliding) -> Feature:
        """One group for each channel is depthwise; a bias there always is: NNAPI wants one."""
        if bias is None:
            bias = np.zeros(kernel.shape[0], kernel.dtype)
        sizes = slid(x, kernel, how)
        padding = named(x.sizes, kernel.shape[2:], how)
        if not padding:
            x = self.builder.margins(x, margins_of(how.pads))
            padding = "VALID"
        depthwise = how.groups == x.sizes[1] and how.groups > 1
        order = (1, 2, 3, 0) if depthwise else (0, 2, 3, 1)
        weights = self.builder.constant(kernel.transpose(order), "filter")
        made = self.builder.node(
            "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
            (x.value, weights, self.builder.constant(bias, "bias")),
            sizes,
            padding=padding, stride_w=how.strides[1], stride_h=how.strides[0],
            fused_activation_function=how.activation,
            dilation_w_factor=how.dilations[1], dilation_h_factor=how.dilations[0],
        )  # fmt: skip
        if depthwise:
            self.builder.set_attributes({"depth_multiplier": sizes[1] // how.groups})
        else:
            self.builder.set_attributes({"quantized_bias_type": "float32"})
        return made

    def dense(self, value: int, matrix: Array, bias: Array | None, activation: str) -> int:
        """FULLY_CONNECTED."""
        outputs = int(matrix.shape[0])
        if bias is None:
            bias = np.zeros(outputs, matrix.dtype)
        operands = (
            value,
            self.builder.constant(matrix, "filter"),
            self.builder.constant(bias, "bias"),
        )
        rows = self.builder.at(value).shape or (1,)
        return self.builder.node(
            "FULLY_CONNECTED", operands, (0, 0, 0, 0), (rows[0], outputs),
            fused_activation_function=activation, weights_format="DEFAULT", keep_num_dims=False,
            asymmetric_quantize_inputs=False, quantized_bias_type="float32",
        ).value  # fmt: skip


def named(sizes: Sizes, window: Sequence[int], how: Sliding) -> str:
    """TFLite's word for the padding of a window over a map, empty where it has none."""
    if how.pads == (0, 0, 0, 0):
        return "VALID"
    same: list[int] = []
    for axis in (0, 1):
        same += same_pads(
            sizes[2 + axis], int(window[axis]), how.strides[axis], how.dilations[axis]
        )
    return "SAME" if tuple(same) == how.pads else ""

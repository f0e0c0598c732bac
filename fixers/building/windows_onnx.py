"""Convolutions in ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.fixers.building.windows import Sliding, Windows, slid

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array, Feature


class OnnxWindows(Windows):
    """Adds Conv."""

    def conv(self, x: Feature, kernel: Array, bias: Array | None, how: Sliding) -> Feature:
        """Conv, with everything said."""
        operands = [x.value, self.builder.constant(kernel, "weight")]
        if bias is not None:
            operands.append(self.builder.constant(bias, "bias"))
        top, bottom, left, right = how.pads
        made = self.builder.node(
            "Conv", operands, slid(x, kernel, how),
            kernel_shape=tuple(int(size) for size in kernel.shape[2:]), strides=how.strides,
            pads=(top, left, bottom, right), dilations=how.dilations, group=how.groups,
        )  # fmt: skip
        return self.builder.activate(made, how.activation)

    def dense(self, value: int, matrix: Array, bias: Array | None, activation: str) -> int:
        """Gemm."""
        operands = [value, self.builder.constant(matrix, "weight")]
        if bias is None:  # It may be left out from opset 11 on.
            bias = matrix[:, 0] * 0
        operands.append(self.builder.constant(bias, "bias"))
        rows = self.builder.at(value).shape or (1,)
        made = self.builder.node(
            "Gemm", operands, (0, 0, 0, 0), (rows[0], int(matrix.shape[0])), transB=1
        )
        return self.builder.activate(made, activation).value

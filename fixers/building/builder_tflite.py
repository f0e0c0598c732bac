"""Building TFLite nodes: channels last, padding and sizes as stored constants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.builder import (
    Array,
    Builder,
    Feature,
    Margins,
    Sizes,
    conv_sizes,
    scaled,
    with_margins,
)
from npulint.model import Operation
from npulint.operators.versions import operator_version

if TYPE_CHECKING:
    from npulint.model import Node, Shape


class TFLiteBuilder(Builder):
    """Adds TFLite builtin operators."""

    def stored(self, sizes: Sizes) -> Shape:
        """Channels last."""
        batch, channels, height, width = sizes
        return batch, height, width, channels

    def spread(self, x: Feature, strides: tuple[int, int]) -> Feature:
        """Zeros go in by padding an axis made for it; no shape has more than 4 dimensions.

        `[N*H, W, 1, C]` padded along axis 2 is `[N, H, W*s, C]`, and `[N, H, 1, W*s*C]` padded
        along axis 2 is `[N, H*s, W*s, C]`.
        """
        batch, channels, height, width = x.sizes
        rows, columns = strides
        if columns > 1:
            x = self._reshape(x, x.sizes, (batch * height, width, 1, channels))
            x = self._pad_axis(x, 2, columns - 1, (batch * height, width, columns, channels))
        width *= columns
        if rows > 1:
            x = self._reshape(x, x.sizes, (batch, height, 1, width * channels))
            x = self._pad_axis(x, 2, rows - 1, (batch, height, rows, width * channels))
        sizes = batch, channels, height * rows, width
        return self._reshape(x, sizes, self.stored(sizes))

    def conv(self, x: Feature, kernel: Array, bias: Array | None, groups: int = 1) -> Feature:
        """CONV_2D, with a bias of zeros where there is none: NNAPI takes none without."""
        del groups  # the filter's input channels say it
        if bias is None:
            bias = np.zeros(kernel.shape[0], kernel.dtype)
        weights = self.constant(kernel.transpose(0, 2, 3, 1), "filter")
        return self.node(
            "CONV_2D",
            (x.value, weights, self.constant(bias, "bias")),
            conv_sizes(x, kernel),
            padding="VALID", stride_w=1, stride_h=1, fused_activation_function="NONE",
            dilation_w_factor=1, dilation_h_factor=1, quantized_bias_type="float32",
        )  # fmt: skip

    def enlarge(self, x: Feature, factors: tuple[int, int]) -> Feature:
        """RESIZE_NEAREST_NEIGHBOR in its oldest form."""
        return self._resize(x, factors, "RESIZE_NEAREST_NEIGHBOR")

    def interpolate(self, x: Feature, factors: tuple[int, int]) -> Feature:
        """RESIZE_BILINEAR in its oldest form."""
        return self._resize(x, factors, "RESIZE_BILINEAR")

    def interleave(self, x: Feature, groups: int, parts: int) -> Feature:
        """RESHAPE and TRANSPOSE with 4 dimensions."""
        batch, channels, height, width = x.sizes
        places, rest = batch * height * width, channels // (groups * parts)
        x = self._reshape(x, x.sizes, (places, groups, parts, rest))
        order = self.constant(np.array((0, 2, 1, 3), np.int32), "perm")
        x = self.node("TRANSPOSE", (x.value, order), x.sizes, (places, parts, groups, rest))
        return self._reshape(x, x.sizes, self.stored(x.sizes))

    def planes(self, array: Array) -> Array:
        """Channels from last to first."""
        turned: Array = array.transpose(0, 3, 1, 2)
        return turned

    def _resize(self, x: Feature, factors: tuple[int, int], op: str) -> Feature:
        sizes = scaled(x, factors)
        size = self.constant(np.array(sizes[2:], np.int32), "size")
        return self.node(op, (x.value, size), sizes, align_corners=False, half_pixel_centers=False)

    def multiply(self, x: Feature, constant: Array) -> Feature:
        """MUL with the constant stored channels last."""
        factor = self.constant(constant.transpose(0, 2, 3, 1), "factor")
        return self.node("MUL", (x.value, factor), x.sizes, fused_activation_function="NONE")

    def depth_to_space(self, x: Feature, block: int) -> Feature:
        """DEPTH_TO_SPACE."""
        batch, channels, height, width = x.sizes
        sizes = batch, channels // block**2, height * block, width * block
        return self.node("DEPTH_TO_SPACE", (x.value,), sizes, block_size=block)

    def add_margins(self, x: Feature, margins: Margins) -> Feature:
        """PAD."""
        paddings = [[0, 0], [margins.top, margins.bottom], [margins.left, margins.right], [0, 0]]
        amount = self.constant(np.array(paddings, np.int32), "paddings")
        return self.node("PAD", (x.value, amount), with_margins(x, margins))

    def cut_margins(self, x: Feature, margins: Margins) -> Feature:
        """STRIDED_SLICE, which NNAPI has one level earlier than SLICE."""
        batch, channels, height, width = x.sizes
        sizes = (
            batch,
            channels,
            height - margins.top - margins.bottom,
            width - margins.left - margins.right,
        )
        begin = (0, margins.top, margins.left, 0)
        end = (batch, height - margins.bottom, width - margins.right, channels)
        operands = [self.constant(np.array(v, np.int32), "bound") for v in (begin, end, (1,) * 4)]
        return self.node(
            "STRIDED_SLICE", (x.value, *operands), sizes,
            begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0,
            offset=False,
        )  # fmt: skip

    def activate(self, x: Feature, function: str) -> Feature:
        """Fused into the last node where its operator has that option, else a node of its own."""
        if function == "NONE":
            return x
        if "fused_activation_function" in self.nodes[-1].attributes:
            self.set_attributes({"fused_activation_function": function})
            return x
        return self.node(function, (x.value,), x.sizes)

    def version_of(self, node: Node) -> int:
        """The lowest version that serves the node's options and types."""
        operation = Operation(
            dialect="tflite", op=node.op, version=1,
            inputs=tuple(self.at(index) for index in node.inputs),
            outputs=tuple(self.at(index) for index in node.outputs),
            attributes=node.attributes,
        )  # fmt: skip
        return operator_version(operation)

    def _reshape(self, x: Feature, sizes: Sizes, shape: Shape) -> Feature:
        if self.at(x.value).shape == shape:
            return Feature(x.value, sizes)
        fixed = tuple(size for size in shape if isinstance(size, int))
        wanted = self.constant(np.array(fixed, np.int32), "shape")
        return self.node("RESHAPE", (x.value, wanted), sizes, shape, new_shape=fixed)

    def _pad_axis(self, x: Feature, axis: int, after: int, shape: Shape) -> Feature:
        paddings = np.zeros((4, 2), np.int32)
        paddings[axis, 1] = after
        return self.node("PAD", (x.value, self.constant(paddings, "paddings")), x.sizes, shape)

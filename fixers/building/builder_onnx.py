"""Building ONNX nodes: channels first, in the forms of the opset that the model imports."""

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
from npulint.model import OMITTED

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Shape

_ACTIVATIONS = {"RELU": "Relu", "TANH": "Tanh"}


class OnnxBuilder(Builder):
    """Adds nodes of the standard ONNX domain.

    Args:
        graph: The graph that is rewritten.
        name: Prefix for the names of what is added.
        opset: Version of the standard operator set that the model imports.
    """

    def __init__(self, graph: Graph, name: str, opset: int) -> None:
        super().__init__(graph, name)
        self.opset = opset

    def stored(self, sizes: Sizes) -> Shape:
        """Channels first."""
        return sizes

    def spread(self, x: Feature, strides: tuple[int, int]) -> Feature:
        """Zeros go in by padding the last axis of shapes made for it.

        `[N, C, H*W, 1]` padded along axis 3 is `[N, C, H, W*s]`, and `[N*C, H, 1, W*s]` padded
        along axis 2 is `[N, C, H*s, W*s]`.
        """
        batch, channels, height, width = x.sizes
        rows, columns = strides
        if columns > 1:
            x = self._reshape(x, x.sizes, (batch, channels, height * width, 1))
            x = self._pad_axis(x, 3, columns - 1, (batch, channels, height * width, columns))
        width *= columns
        if rows > 1:
            x = self._reshape(x, x.sizes, (batch * channels, height, 1, width))
            x = self._pad_axis(x, 2, rows - 1, (batch * channels, height, rows, width))
        sizes = batch, channels, height * rows, width
        return self._reshape(x, sizes, sizes)

    def conv(self, x: Feature, kernel: Array, bias: Array | None, groups: int = 1) -> Feature:
        """Conv, with its kernel shape said."""
        operands = [x.value, self.constant(kernel, "weight")]
        if bias is not None:
            operands.append(self.constant(bias, "bias"))
        rows, columns = (int(size) for size in kernel.shape[2:])
        return self.node(
            "Conv", operands, conv_sizes(x, kernel),
            kernel_shape=(rows, columns), strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1),
            group=groups,
        )  # fmt: skip

    def enlarge(self, x: Feature, factors: tuple[int, int]) -> Feature:
        """Resize with floor positions; Upsample before opset 10."""
        return self._resize(x, factors, "nearest")

    def interpolate(self, x: Feature, factors: tuple[int, int]) -> Feature:
        """Linear Resize with asymmetric coordinates; Upsample before opset 10."""
        return self._resize(x, factors, "linear")

    def interleave(self, x: Feature, groups: int, parts: int) -> Feature:
        """Reshape and Transpose with 4 dimensions."""
        batch, channels, height, width = x.sizes
        rest = channels // (groups * parts) * height * width
        x = self._reshape(x, x.sizes, (batch, groups, parts, rest))
        x = self.node(
            "Transpose", (x.value,), x.sizes, (batch, parts, groups, rest), perm=(0, 2, 1, 3)
        )
        return self._reshape(x, x.sizes, x.sizes)

    def planes(self, array: Array) -> Array:
        """They are stored so."""
        return array

    def _resize(self, x: Feature, factors: tuple[int, int], mode: str) -> Feature:
        sizes = scaled(x, factors)
        if self.opset < 9:
            whole = (1.0, 1.0, float(factors[0]), float(factors[1]))
            return self.node("Upsample", (x.value,), sizes, mode=mode, scales=whole)
        scales = self.constant(np.array((1, 1, *factors), np.float32), "scales")
        if self.opset < 10:
            return self.node("Upsample", (x.value, scales), sizes, mode=mode)
        if self.opset < 11:
            return self.node("Resize", (x.value, scales), sizes, mode=mode)
        # The region of interest may be left out from opset 13 on.
        region = OMITTED if self.opset >= 13 else self.constant(np.zeros(0, np.float32), "roi")
        made = self.node(
            "Resize", (x.value, region, scales), sizes,
            mode=mode, coordinate_transformation_mode="asymmetric",
        )  # fmt: skip
        if mode == "nearest":
            self.set_attributes({"nearest_mode": "floor"})
        return made

    def multiply(self, x: Feature, constant: Array) -> Feature:
        """Mul."""
        return self.node("Mul", (x.value, self.constant(constant, "factor")), x.sizes)

    def depth_to_space(self, x: Feature, block: int) -> Feature:
        """DepthToSpace, block offset first; the mode has a name from opset 11 on."""
        batch, channels, height, width = x.sizes
        sizes = batch, channels // block**2, height * block, width * block
        if self.opset < 11:
            return self.node("DepthToSpace", (x.value,), sizes, blocksize=block)
        return self.node("DepthToSpace", (x.value,), sizes, blocksize=block, mode="DCR")

    def add_margins(self, x: Feature, margins: Margins) -> Feature:
        """Pad."""
        sizes = with_margins(x, margins)
        pads = (0, 0, margins.top, margins.left, 0, 0, margins.bottom, margins.right)
        return self._pad(x, pads, sizes, sizes)

    def cut_margins(self, x: Feature, margins: Margins) -> Feature:
        """Slice along H and W."""
        batch, channels, height, width = x.sizes
        starts = (margins.top, margins.left)
        ends = (height - margins.bottom, width - margins.right)
        sizes = batch, channels, ends[0] - starts[0], ends[1] - starts[1]
        if self.opset < 10:
            return self.node("Slice", (x.value,), sizes, starts=starts, ends=ends, axes=(2, 3))
        operands = [self.constant(np.array(v, np.int64), "bound") for v in (starts, ends, (2, 3))]
        return self.node("Slice", (x.value, *operands), sizes)

    def activate(self, x: Feature, function: str) -> Feature:
        """A node of its own."""
        if function == "NONE":
            return x
        return self.node(_ACTIVATIONS[function], (x.value,), x.sizes)

    def version_of(self, node: Node) -> int:
        """Every node lives in the model's operator set."""
        del node
        return self.opset

    def _reshape(self, x: Feature, sizes: Sizes, shape: Shape) -> Feature:
        if self.at(x.value).shape == shape:
            return Feature(x.value, sizes)
        wanted = self.constant(np.array(shape, np.int64), "shape")
        return self.node("Reshape", (x.value, wanted), sizes, shape)

    def _pad_axis(self, x: Feature, axis: int, after: int, shape: Shape) -> Feature:
        pads = [0] * 8
        pads[4 + axis] = after
        return self._pad(x, tuple(pads), x.sizes, shape)

    def _pad(self, x: Feature, pads: tuple[int, ...], sizes: Sizes, shape: Shape) -> Feature:
        if self.opset < 11:
            return self.node("Pad", (x.value,), sizes, shape, mode="constant", pads=pads)
        amount = self.constant(np.array(pads, np.int64), "pads")
        return self.node("Pad", (x.value, amount), sizes, shape, mode="constant")

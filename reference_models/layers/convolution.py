"""Convolutions and transposed convolutions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from npulint.reference_models.layers.base import Margins, OneResult, Shape, same

Padding = Literal["same", "symmetric", "valid"]
"""TensorFlow's SAME, PyTorch's equal margins that keep the size at stride 1, or none."""


@dataclass(frozen=True, slots=True)
class Conv2D(OneResult):
    """A convolution: [H, W, C] -> [H/s, W/s, features].

    Attributes:
        features: Channels of the output.
        kernel: Its rows and columns, or one number for both.
        stride: How far it moves.
        dilation: The distance between its elements.
        groups: Into how many convolutions side by side the channels are divided; as many as
            there are channels make it depthwise.
        bias: Whether a trainable constant is added to each output channel.
        padding: What surrounds the input.
    """

    features: int
    kernel: int | tuple[int, int] = 3
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    bias: bool = True
    padding: Padding = "same"

    @property
    def window(self) -> tuple[int, int]:
        """Rows and columns of the kernel."""
        return self.kernel if isinstance(self.kernel, tuple) else (self.kernel, self.kernel)

    def margins(self, image: Shape) -> Margins:
        """What surrounds the input, in zeros."""
        height, width = ((size - 1) * self.dilation + 1 for size in self.window)
        if self.padding == "same":
            return same(image, (height, width), self.stride)
        if self.padding == "symmetric":
            rows, columns = (height - 1) // 2, (width - 1) // 2
            return Margins((rows, rows), (columns, columns))
        return Margins((0, 0), (0, 0))

    def result(self, *inputs: Shape) -> Shape:
        """As many rows and columns as the kernel finds places.

        Raises:
            ValueError: The channels do not divide into the groups, or the kernel does not fit.
        """
        (image,) = inputs
        if image.channels % self.groups or self.features % self.groups:
            raise ValueError(
                f"{image.channels} to {self.features} channels, not in {self.groups} groups"
            )
        height, width = (
            (size + sum(margin) - (kernel - 1) * self.dilation - 1) // self.stride + 1
            for size, margin, kernel in zip(
                image[:2], self.margins(image), self.window, strict=True
            )
        )
        if height < 1 or width < 1:
            raise ValueError(f"a kernel of {self.window} does not fit into {image[:2]}")
        return Shape(height, width, self.features)

    def weights(self, *inputs: Shape) -> Mapping[str, tuple[int, ...]]:
        """One kernel over a group's input channels for each feature, and one bias a feature."""
        (image,) = inputs
        kernel = (*self.window, image.channels // self.groups, self.features)
        return {"kernel": kernel, "bias": (self.features,)} if self.bias else {"kernel": kernel}

    def macs(self, *inputs: Shape) -> int:
        """Each output element takes one kernel."""
        (image,) = inputs
        per_element = math.prod(self.window) * image.channels // self.groups
        return self.result(image).elements * per_element


@dataclass(frozen=True, slots=True)
class TransposedConv2D(OneResult):
    """A transposed convolution, cropped as SAME crops it: [H, W, C] -> [H*s, W*s, features]."""

    features: int
    kernel: int = 2
    stride: int = 2
    bias: bool = True

    def result(self, *inputs: Shape) -> Shape:
        """Exactly stride times the input."""
        (image,) = inputs
        return Shape(image.height * self.stride, image.width * self.stride, self.features)

    def weights(self, *inputs: Shape) -> Mapping[str, tuple[int, ...]]:
        """One kernel over all input channels, and one bias a feature."""
        (image,) = inputs
        kernel = (self.kernel, self.kernel, self.features, image.channels)
        return {"kernel": kernel, "bias": (self.features,)} if self.bias else {"kernel": kernel}

    def macs(self, *inputs: Shape) -> int:
        """Each input element spreads one kernel."""
        (image,) = inputs
        return image.elements * self.features * self.kernel**2

    def thop(self, *inputs: Shape) -> int:
        """As of a convolution: each output element takes one kernel over all channels."""
        return self.macs(*inputs) * self.stride**2

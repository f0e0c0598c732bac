"""Other resolutions: interpolation, and channels to pixels and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from npulint.reference_models.layers.base import OneResult, Shape

Sampling = Literal["nearest", "bilinear", "bilinear_half_pixel"]
"""Where an output pixel looks: both former at i * in / out (asymmetric; `nearest` rounds down),
the latter at (i + 0.5) * in / out - 0.5."""


@dataclass(frozen=True, slots=True)
class Resize(OneResult):
    """Interpolation: [H, W, C] -> [H', W', C].

    Attributes:
        to: The output's height and width, or by what whole number the input's are multiplied.
        sampling: The kind of interpolation.
    """

    to: int | tuple[int, int]
    sampling: Sampling

    def result(self, *inputs: Shape) -> Shape:
        """The size that is asked for."""
        (image,) = inputs
        if isinstance(self.to, tuple):
            return Shape(*self.to, image.channels)
        return Shape(image.height * self.to, image.width * self.to, image.channels)

    def thop(self, *inputs: Shape) -> int:
        """Eleven for each output element, where it is interpolated at all."""
        return 0 if self.sampling == "nearest" else 11 * self.result(*inputs).elements


@dataclass(frozen=True, slots=True)
class DepthToSpace(OneResult):
    """Channels to pixels: [H, W, C] -> [H*b, W*b, C/b^2].

    Attributes:
        block: Rows and columns that a pixel becomes.
        order: Whether the position in the block is the slower (`dcr`, TensorFlow) or the faster
            part of an input channel's number (`crd`, PyTorch's pixel shuffle).
    """

    block: int = 2
    order: Literal["dcr", "crd"] = "dcr"

    def result(self, *inputs: Shape) -> Shape:
        """Block times the height and width.

        Raises:
            ValueError: The channels do not divide into blocks.
        """
        (image,) = inputs
        channels, rest = divmod(image.channels, self.block**2)
        if rest:
            raise ValueError(f"{image.channels} channels, not a multiple of {self.block**2}")
        return Shape(image.height * self.block, image.width * self.block, channels)


@dataclass(frozen=True, slots=True)
class SpaceToDepth(OneResult):
    """Pixels to channels, depth innermost: [H, W, C] -> [H/b, W/b, C*b^2]."""

    block: int = 2

    def result(self, *inputs: Shape) -> Shape:
        """Height and width divided by the block.

        Raises:
            ValueError: The map does not divide into blocks.
        """
        (image,) = inputs
        if image.height % self.block or image.width % self.block:
            raise ValueError(f"{tuple(image[:2])} does not divide into blocks of {self.block}")
        return Shape(
            image.height // self.block, image.width // self.block, image.channels * self.block**2
        )

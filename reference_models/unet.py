"""U-Nets for image restoration that differ in how they upsample and in their rectifier.

[H, W, 3] to [H, W, 3]. Their paper states multiply-accumulates only (238 G with transposed
convolutions and 222 G with depth-to-space at 720x1280); depth and widths are a reconstruction
that reproduces both figures.

Parameters, with widths w and b = w[-1], biases included: 4 convolutions on c channels have
9*w*(c + 3*w) + 4*w, the bottleneck has 9*b*(w[-2] + 7*b) + 8*b, a transposed convolution from
level l + 1 to level l has 4*w[l+1]*w[l] + w[l], and the head has 27*w[0] + 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from npulint.reference_models.layers import (
    Activation,
    Concatenation,
    Conv2D,
    DepthToSpace,
    Layer,
    MaxPool2D,
    PRelu,
    TransposedConv2D,
)

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor

WIDTHS = (24, 48, 104, 240, 416)
"""Channels per level, full resolution first, the bottleneck last."""

Upsampling = Literal["transposeconv", "depthtospace"]
Rectifier = Literal["relu", "prelu"]


def scaled(width_scale: float) -> tuple[int, ...]:
    """Narrower widths for small files: each to the nearest multiple of 4, but at least 4."""
    return tuple(max(4, 4 * round(width * width_scale / 4)) for width in WIDTHS)


def unet(
    net: Sketch, upsampling: Upsampling, rectifier: Rectifier, widths: tuple[int, ...] = WIDTHS
) -> None:
    """Write a U-Net with skip connections by concatenation.

    Args:
        net: Where to write; height and width must be multiples of 16.
        upsampling: How a decoder stage doubles the resolution.
        rectifier: The activation after every convolution but the last.
        widths: Channels per level.
    """
    act: Layer = PRelu() if rectifier == "prelu" else Activation("relu")
    *levels, bottom = widths
    y = net.image
    skips: list[Tensor] = []
    for level, width in enumerate(levels):
        y = _stage(net, f"encoder{level}", y, (width,) * 4, act)
        skips.append(y)
        y = net.add(f"encoder{level}_pool", MaxPool2D(), y)
    y = _stage(net, "bottleneck", y, (bottom,) * 8, act)
    for level in reversed(range(len(levels))):
        width = levels[level]
        up = TransposedConv2D(width) if upsampling == "transposeconv" else DepthToSpace()
        y = net.add(f"decoder{level}_up", up, y)
        y = net.add(f"decoder{level}_concat", Concatenation(), skips[level], y)
        y = _stage(net, f"decoder{level}", y, (width,) * 4, act)
    net.add("head", Conv2D(3), y)


def _stage(net: Sketch, stage: str, y: Tensor, widths: tuple[int, ...], act: Layer) -> Tensor:
    for number, width in enumerate(widths):
        y = net.add(f"{stage}_conv{number}", Conv2D(width), y)
        y = net.add(f"{stage}_act{number}", act, y)
    return y

"""U-Nets for image restoration that differ in how they upsample and in their rectifier.

[H, W, 3] to [H, W, 3], height and width multiples of 16. Their paper states multiply-accumulates
only; depth and widths are a reconstruction that reproduces all of them.

Parameters, with widths w and b = w[-1], biases included: 4 convolutions on c channels have
9*w*(c + 3*w) + 4*w, the bottleneck has 9*b*(w[-2] + 7*b) + 8*b, a transposed convolution from
level l + 1 to level l has 4*w[l+1]*w[l] + w[l], and the head has 27*w[0] + 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from npulint.reference_models.layers import (
    Activation,
    Concatenation,
    Conv2D,
    DepthToSpace,
    Layer,
    MaxPool2D,
    PRelu,
    Resize,
    TransposedConv2D,
)

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor

WIDTHS = (24, 48, 104, 240, 416)
"""Channels per level, full resolution first, the bottleneck last."""

PRUNED: Mapping[int, tuple[int, ...]] = MappingProxyType(
    {
        5: (24, 48, 100, 232, 396),
        10: (24, 44, 100, 224, 392),
        20: (20, 44, 92, 216, 372),
        30: (20, 40, 88, 200, 348),
        50: (16, 36, 72, 168, 296),
    }
)
"""Widths by the share of multiply-accumulates, in percent, that pruning took."""

Upsampling = Literal["transposeconv", "depthtospace", "resizebilinear", "resizenearest"]
"""The first three are the paper's."""

Rectifier = Literal["relu", "prelu"]


def scaled(width_scale: float) -> tuple[int, ...]:
    """Narrower widths for small files: each to the nearest multiple of 4, but at least 4."""
    return tuple(max(4, 4 * round(width * width_scale / 4)) for width in WIDTHS)


def unet(
    net: Sketch, upsampling: Upsampling, rectifier: Rectifier, widths: tuple[int, ...] = WIDTHS
) -> None:
    """Write a U-Net with skip connections by concatenation.

    Args:
        net: Where to write.
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
        y = net.add(f"decoder{level}_up", _up(upsampling, width), y)
        y = net.add(f"decoder{level}_concat", Concatenation(), skips[level], y)
        y = _stage(net, f"decoder{level}", y, (width,) * 4, act)
    net.add("head", Conv2D(3), y)


def _up(upsampling: Upsampling, width: int) -> Layer:
    if upsampling == "transposeconv":
        return TransposedConv2D(width)
    if upsampling == "depthtospace":
        return DepthToSpace()
    return Resize(2, "nearest" if upsampling == "resizenearest" else "bilinear")


def _stage(net: Sketch, stage: str, y: Tensor, widths: tuple[int, ...], act: Layer) -> Tensor:
    for number, width in enumerate(widths):
        y = net.add(f"{stage}_conv{number}", Conv2D(width), y)
        y = net.add(f"{stage}_act{number}", act, y)
    return y

"""The tuned U-Net of the Mobile AI 2021 challenge, elsewhere called Compressed U-Net.

RAW [H, W, 4] to RGB [2H, 2W, 3], height and width multiples of 16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import Concatenation, Conv2D, DepthToSpace, TransposedConv2D
from npulint.reference_models.networks.camera_parts import HALVE, SIGMOID, rectified
from npulint.reference_models.networks.parts import ADD

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor

WIDTHS = (32, 48, 64, 128, 320)
"""Channels per level; they bring the converted file to its published size."""


def tuned_unet(net: Sketch) -> None:
    """Write the U-Net, whose decoder stages add their skip once more."""
    *levels, bottom = WIDTHS
    y = net.image
    skips: list[Tensor] = []
    for level, width in enumerate(levels):
        y = rectified(net, f"encoder{level}", y, width, width)
        skips.append(y)
        y = net.add(f"encoder{level}_pool", HALVE, y)
    first = rectified(net, "bottleneck", y, bottom)
    y = net.add("bottleneck_add", ADD, rectified(net, "residual", first, bottom, bottom), first)
    for level in reversed(range(len(levels))):
        y = net.add(f"decoder{level}_up", TransposedConv2D(levels[level]), y)
        y = net.add(f"decoder{level}_joined", Concatenation(), skips[level], y)
        y = rectified(net, f"decoder{level}", y, levels[level], levels[level])
        y = net.add(f"decoder{level}_add", ADD, y, skips[level])
    y = net.add("head", Conv2D(12), y)
    y = net.add("shuffle", DepthToSpace(), y)
    net.add("head_act", SIGMOID, y)

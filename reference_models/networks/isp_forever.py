"""The network of team isp_forever in the Mobile AI 2021 challenge: a U-Net cut short.

RAW [H, W, 4] to RGB [2H, 2W, 3], height and width multiples of 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import Concatenation, Conv2D, DepthToSpace, TransposedConv2D
from npulint.reference_models.networks.camera_parts import HALVE, channel_attention, rectified

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor

WIDTHS = (16, 20, 32)


def isp_forever(net: Sketch) -> None:
    """Write the U-Net, with channel attention at its bottom."""
    *levels, bottom = WIDTHS
    y = net.image
    skips: list[Tensor] = []
    for level, width in enumerate(levels):
        y = rectified(net, f"encoder{level}", y, width, width)
        skips.append(y)
        y = net.add(f"encoder{level}_pool", HALVE, y)
    y = channel_attention(net, "attention", rectified(net, "bottleneck", y, bottom, bottom), 4)
    for level in (1, 0):
        y = net.add(f"decoder{level}_up", TransposedConv2D(levels[level]), y)
        y = net.add(f"decoder{level}_joined", Concatenation(), y, skips[level])
        y = rectified(net, f"decoder{level}", y, levels[level])
    y = net.add("head", Conv2D(12), y)
    net.add("shuffle", DepthToSpace(), y)

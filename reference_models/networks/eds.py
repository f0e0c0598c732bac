"""The network of team EdS in the Mobile AI 2021 challenge, elsewhere called FPIE.

DPED's blocks between strided and transposed convolutions, with skips between both. RAW
[H, W, 4] to RGB [2H, 2W, 3], height and width multiples of 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import Conv2D, TransposedConv2D
from npulint.reference_models.networks.camera_parts import coloured, normalized_residual
from npulint.reference_models.networks.parts import ADD, RELU, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch

WIDTHS = (12, 40, 64)


def eds(net: Sketch) -> None:
    """Write the network."""
    skips = [followed(net, "stem", Conv2D(WIDTHS[0], 9), RELU, net.image)]
    for level in (1, 2):
        down = Conv2D(WIDTHS[level], 4, 2)
        skips.append(followed(net, f"down{level}", down, RELU, skips[-1]))
    y = skips[2]
    for number in range(2):
        y = normalized_residual(net, f"block{number}", y)
    y = net.add("skip2_add", ADD, y, skips[2])
    for level in (1, 0):
        y = followed(net, f"up{level}", TransposedConv2D(WIDTHS[level], 4), RELU, y)
        y = net.add(f"skip{level}_add", ADD, y, skips[level])
    y = followed(net, "up", TransposedConv2D(WIDTHS[0], 4), RELU, y)
    coloured(net, "head", net.add("head", Conv2D(3, 9), y))

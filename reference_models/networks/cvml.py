"""The network of team CVML in the Mobile AI 2021 challenge: residual blocks, enlarged twice over.

RAW [H, W, 4] to RGB [2H, 2W, 3].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import Conv2D, Resize, TransposedConv2D
from npulint.reference_models.networks.camera_parts import residual
from npulint.reference_models.networks.parts import ADD, RELU, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch


def cvml(net: Sketch) -> None:
    """Write the blocks, their transposed convolution, and the path around all."""
    first = y = followed(net, "stem", Conv2D(16), RELU, net.image)
    for number in range(3):
        y = residual(net, f"block{number}", y)
    y = net.add("skip_add", ADD, net.add("last", Conv2D(16), y), first)
    y = net.add("up", TransposedConv2D(3, 3), y)
    around = net.add("around", Conv2D(3, 1), net.image)
    around = net.add("around_up", Resize(2, "bilinear"), around)
    net.add("around_add", ADD, y, around)

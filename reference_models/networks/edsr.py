"""EDSR as a restorer: residual blocks at full resolution, without an upsampler.

[H, W, 3] to [H, W, 3].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import Conv2D
from npulint.reference_models.networks.parts import ADD, RELU, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch

BLOCKS = 11
FEATURES = 36


def edsr(net: Sketch) -> None:
    """Write EDSR; residuals are not scaled."""
    first = y = net.add("head", Conv2D(FEATURES), net.image)
    for block in range(BLOCKS):
        inner = followed(net, f"block{block}_conv0", Conv2D(FEATURES), RELU, y)
        inner = net.add(f"block{block}_conv1", Conv2D(FEATURES), inner)
        y = net.add(f"block{block}_add", ADD, inner, y)
    y = net.add("body", Conv2D(FEATURES), y)
    y = net.add("body_add", ADD, y, first)
    net.add("tail", Conv2D(3), y)

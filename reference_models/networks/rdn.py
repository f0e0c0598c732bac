"""RDN as a restorer: densely connected blocks at full resolution, without an upsampler.

[H, W, 3] to [H, W, 3].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import Concatenation, Conv2D
from npulint.reference_models.networks.parts import ADD, RELU, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor

BLOCKS = 10
CONVOLUTIONS = 3
GROWTH = 16
FEATURES = 32


def rdn(net: Sketch) -> None:
    """Write RDN: blocks, the fusion of all their results, and a residual around them."""
    first = net.add("head0", Conv2D(FEATURES), net.image)
    y = net.add("head1", Conv2D(FEATURES), first)
    blocks: list[Tensor] = []
    for block in range(BLOCKS):
        y = _dense(net, f"block{block}", y)
        blocks.append(y)
    y = net.add("fusion_concat", Concatenation(), *blocks)
    y = net.add("fusion0", Conv2D(FEATURES, 1), y)
    y = net.add("fusion1", Conv2D(FEATURES), y)
    y = net.add("fusion_add", ADD, y, first)
    net.add("tail", Conv2D(3), y)


def _dense(net: Sketch, block: str, image: Tensor) -> Tensor:
    y = image
    for number in range(CONVOLUTIONS):
        grown = followed(net, f"{block}_conv{number}", Conv2D(GROWTH), RELU, y)
        y = net.add(f"{block}_concat{number}", Concatenation(), y, grown)
    y = net.add(f"{block}_fusion", Conv2D(FEATURES, 1), y)
    return net.add(f"{block}_add", ADD, y, image)

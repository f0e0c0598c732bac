"""SGN, the self-guided network: coarse branches guide finer ones by depth-to-space.

[H, W, 3] to [H, W, 3], height and width multiples of 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import (
    Concatenation,
    Conv2D,
    DepthToSpace,
    LeakyRelu,
    SpaceToDepth,
)
from npulint.reference_models.networks.parts import ADD, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor

LEVELS = 2
FEATURES = 40
LAST_CONVOLUTIONS = 7

_ACT = LeakyRelu(0.2)


def sgn(net: Sketch) -> None:
    """Write SGN, from the coarsest branch to that of full resolution."""
    images = [net.image]
    for level in range(LEVELS):
        images.append(net.add(f"shuffle{level}", SpaceToDepth(), images[-1]))
    guide: Tensor | None = None
    for level in range(LEVELS, 0, -1):
        guide = _guide(net, level, images[level], guide)
    y = _entered(net, 0, net.image, guide)
    for number in range(LAST_CONVOLUTIONS):
        y = followed(net, f"level0_conv{number}", Conv2D(FEATURES), _ACT, y)
    net.add("tail", Conv2D(3), y)


def _guide(net: Sketch, level: int, image: Tensor, coarser: Tensor | None) -> Tensor:
    features = FEATURES * 2**level
    first = y = _entered(net, level, image, coarser)
    for number in range(3):
        act = _ACT if number < 2 else None
        y = followed(net, f"level{level}_block{number}", Conv2D(features), act, y)
    y = net.add(f"level{level}_add", ADD, y, first)
    y = net.add(f"level{level}_add_act", _ACT, y)
    y = followed(net, f"level{level}_out", Conv2D(features), _ACT, y)
    return net.add(f"level{level}_up", DepthToSpace(), y)


def _entered(net: Sketch, level: int, image: Tensor, coarser: Tensor | None) -> Tensor:
    features = FEATURES * 2**level
    y = followed(net, f"level{level}_in", Conv2D(features), _ACT, image)
    if coarser is None:
        return y
    y = net.add(f"level{level}_concat", Concatenation(), y, coarser)
    return followed(net, f"level{level}_guided", Conv2D(features), _ACT, y)

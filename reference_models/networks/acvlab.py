"""The network of team ACVLab in the Mobile AI 2021 challenge: weighted residual units.

RAW [H, W, 4] to RGB [2H, 2W, 3].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import Concatenation, Conv2D, DepthToSpace, Scale
from npulint.reference_models.networks.parts import ADD, RELU, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor

FEATURES = 4

WEIGHT = 0.2
"""Of each unit; learned, one number a unit, and left out of the count of parameters."""


def acvlab(net: Sketch) -> None:
    """Write two units and the fusion of both."""
    first = y = followed(net, "stem", Conv2D(FEATURES), RELU, net.image)
    units: list[Tensor] = []
    for number in range(2):
        more = followed(net, f"unit{number}", Conv2D(FEATURES), RELU, y)
        more = net.add(f"unit{number}_weight", Scale(WEIGHT), more)
        y = net.add(f"unit{number}_add", ADD, more, y)
        units.append(y)
    y = net.add("joined", Concatenation(), *units)
    y = net.add("fused", Conv2D(FEATURES), y)
    y = net.add("skip_add", ADD, y, first)
    y = net.add("head", Conv2D(12, 1), y)
    net.add("shuffle", DepthToSpace(), y)

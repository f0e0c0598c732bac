"""PUNET, the baseline that the Mobile AI 2021 challenge gave its teams.

RAW [H, W, 4] to RGB [2H, 2W, 3], height and width multiples of 16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import (
    Concatenation,
    Conv2D,
    InstanceNormalization,
    LeakyRelu,
    TransposedConv2D,
)
from npulint.reference_models.networks.camera_parts import HALVE, coloured
from npulint.reference_models.networks.parts import ADD, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor

WIDTHS = (16, 32, 64, 128, 256)

_ACT = LeakyRelu(0.2)


def punet(net: Sketch, *, instance_norm: bool = False) -> None:
    """Write PUNET.

    Args:
        net: Where to write.
        instance_norm: Whether convolutions below full resolution are normalized.
    """

    def pair(name: str, y: Tensor, features: int) -> Tensor:
        for number in range(2):
            y = net.add(f"{name}_conv{number}", Conv2D(features), y)
            if instance_norm and features != WIDTHS[0]:
                y = net.add(f"{name}_norm{number}", InstanceNormalization(1e-3), y)
            y = net.add(f"{name}_act{number}", _ACT, y)
        return y

    def doubled(name: str, y: Tensor, features: int) -> Tensor:
        return followed(net, name, TransposedConv2D(features, 3, bias=False), _ACT, y)

    skips: list[Tensor] = []
    y = net.image
    for level, width in enumerate(WIDTHS[:-1]):
        skips.append(pair(f"encoder{level}", y, width))
        y = net.add(f"encoder{level}_pool", HALVE, skips[-1])
    y = pair("bottleneck0", y, WIDTHS[-1])
    for number in (1, 2):
        y = net.add(f"bottleneck{number}_add", ADD, pair(f"bottleneck{number}", y, WIDTHS[-1]), y)
    y = pair("bottleneck3", y, WIDTHS[-1])
    for level in (3, 2, 1, 0):
        width, skip = WIDTHS[level], skips[level]
        y = doubled(f"decoder{level}_up", y, width)
        through = skip if level > 1 else pair(f"skip{level}", skip, width)
        y = net.add(f"decoder{level}_joined", Concatenation(), through, y)
        if level == 0:
            y = net.add("decoder0_joined_again", Concatenation(), y, skip)
        y = pair(f"decoder{level}", y, width)
    y = doubled("up", y, 4)
    coloured(net, "head", net.add("head", Conv2D(3), y))

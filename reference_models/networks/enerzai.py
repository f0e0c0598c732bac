"""Both networks of team ENERZAi in the Mobile AI 2021 challenge.

RAW [H, W, 4] to RGB [2H, 2W, 3].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import Concatenation, Conv2D, PRelu, TransposedConv2D
from npulint.reference_models.networks.camera_parts import SIGMOID, channel_attention
from npulint.reference_models.networks.parts import ADD, RELU, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor


def enerzai(net: Sketch) -> None:
    """Write the smaller network: what is left when the blocks used in training are detached."""
    y = followed(net, "stem", Conv2D(6), RELU, net.image)
    for number in range(2):
        more = followed(net, f"dense{number}", Conv2D(4), RELU, y)
        y = net.add(f"dense{number}_joined", Concatenation(), y, more)
    y = net.add("up", TransposedConv2D(3, 3), y)
    followed(net, "head", Conv2D(3), SIGMOID, y)


def enerzai_esrgan(net: Sketch) -> None:
    """Write the network after ESRGAN: dense residual blocks of depthwise convolutions."""
    first = y = followed(net, "stem", Conv2D(8), PRelu(), net.image)
    # Short names, for they are a tenth of so small a file.
    for number in range(2):
        y = _dense(net, f"block{number}", y)
    y = channel_attention(net, "ca", y, 2)
    y = net.add("skip_add", ADD, y, first)
    followed(net, "up", TransposedConv2D(3, 3), SIGMOID, y)


def _dense(net: Sketch, name: str, image: Tensor) -> Tensor:
    channels = image.shape.channels
    y = net.add(f"{name}_dw", Conv2D(channels, groups=channels, bias=False), image)
    y = followed(net, f"{name}_pw", Conv2D(4, 1), PRelu(), y)
    y = net.add(f"{name}_joined", Concatenation(), image, y)
    y = net.add(f"{name}_out", Conv2D(channels, 1), y)
    return net.add(f"{name}_add", ADD, y, image)

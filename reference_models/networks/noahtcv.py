"""The network of team NOAHTCV in the Mobile AI 2021 challenge: colour and texture apart.

RAW [H, W, 4] to RGB [2H, 2W, 3], height and width multiples of 8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import (
    Arithmetic,
    AveragePool2D,
    Concatenation,
    Conv2D,
    DepthToSpace,
    Resize,
)
from npulint.reference_models.networks.camera_parts import residual
from npulint.reference_models.networks.parts import RELU, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor

_DOUBLE = Resize(2, "bilinear")


def noahtcv(net: Sketch) -> None:
    """Write both paths and what joins them."""
    coarse = net.add("coarse", AveragePool2D(), net.image)
    y = net.add("joined", Concatenation(), _colour(net, coarse), _texture(net, coarse))
    y = followed(net, "fused", Conv2D(16), RELU, y)
    y = net.add("head", Conv2D(12), y)
    net.add("shuffle", DepthToSpace(), y)


def _colour(net: Sketch, coarse: Tensor) -> Tensor:
    """A U-Net below full resolution."""
    skip0 = y = followed(net, "colour_in0", Conv2D(16), RELU, coarse)
    y = followed(net, "colour_down1", Conv2D(24, 3, 2), RELU, y)
    skip1 = y = followed(net, "colour_in1", Conv2D(24), RELU, y)
    y = followed(net, "colour_down2", Conv2D(32, 3, 2), RELU, y)
    y = followed(net, "colour_in2", Conv2D(32), RELU, y)
    for level, features, skip in ((1, 24, skip1), (0, 16, skip0)):
        y = net.add(f"colour_up{level}", _DOUBLE, y)
        y = net.add(f"colour_joined{level}", Concatenation(), y, skip)
        y = followed(net, f"colour_out{level}", Conv2D(features), RELU, y)
    return net.add("colour_up", _DOUBLE, y)


def _texture(net: Sketch, coarse: Tensor) -> Tensor:
    """Residual blocks on what the coarse image lacks."""
    blurred = net.add("texture_blurred", _DOUBLE, coarse)
    y = net.add("texture_rest", Arithmetic("subtract"), net.image, blurred)
    y = followed(net, "texture_in", Conv2D(16), RELU, y)
    for number in range(2):
        y = residual(net, f"texture_block{number}", y)
    return y

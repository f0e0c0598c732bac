"""CSANet, of team AIISP in the Mobile AI 2021 challenge: attention over channels and places.

RAW [H, W, 4] to RGB [2H, 2W, 3], height and width even.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import Concatenation, Conv2D, DepthToSpace, TransposedConv2D
from npulint.reference_models.networks.camera_parts import SIGMOID, channel_attention
from npulint.reference_models.networks.parts import ADD, MULTIPLY, RELU, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor

FEATURES = 16


def csanet(net: Sketch) -> None:
    """Write CSANet: two blocks of double attention at half resolution."""
    y = followed(net, "stem0", Conv2D(FEATURES, 5), RELU, net.image)
    stem = y = followed(net, "stem1", Conv2D(FEATURES, 3, 2), RELU, y)
    for number in range(2):
        y = _doubly_attended(net, f"block{number}", y)
    y = net.add("joined", Concatenation(), y, stem)
    y = followed(net, "up", TransposedConv2D(2 * FEATURES, 3), RELU, y)
    y = followed(net, "tail", Conv2D(12), RELU, y)
    y = net.add("shuffle", DepthToSpace(), y)
    followed(net, "head", Conv2D(3), SIGMOID, y)


def _doubly_attended(net: Sketch, name: str, image: Tensor) -> Tensor:
    y = followed(net, f"{name}_conv0", Conv2D(FEATURES), RELU, image)
    y = net.add(f"{name}_conv1", Conv2D(FEATURES), y)
    around = Conv2D(FEATURES, 5, dilation=2, groups=FEATURES)
    places = followed(net, f"{name}_places", around, SIGMOID, y)
    by_place = net.add(f"{name}_places_attended", MULTIPLY, y, places)
    by_channel = channel_attention(net, f"{name}_channels", y, 2)
    y = net.add(f"{name}_joined", Concatenation(), by_place, by_channel)
    y = net.add(f"{name}_conv2", Conv2D(FEATURES, 1), y)
    return net.add(f"{name}_add", ADD, y, image)

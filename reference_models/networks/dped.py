"""DPED's enhancing network (arXiv 1704.02470): residual blocks at full resolution.

RGB [H, W, 3] to RGB of the same size, or RAW [H, W, 4] to RGB [2H, 2W, 3].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import Conv2D, DepthToSpace
from npulint.reference_models.networks.camera_parts import coloured, normalized_residual, rectified
from npulint.reference_models.networks.parts import RELU, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch

FEATURES = 64
BLOCKS = 4


def dped(net: Sketch, *, raw: bool = False) -> None:
    """Write DPED.

    Args:
        net: Where to write.
        raw: Whether the output is enlarged by a pixel shuffle, as RAW images need it.
    """
    y = followed(net, "stem", Conv2D(FEATURES, 9), RELU, net.image)
    for number in range(BLOCKS):
        y = normalized_residual(net, f"block{number}", y)
    y = rectified(net, "tail", y, FEATURES, FEATURES)
    y = net.add("head", Conv2D(12 if raw else 3, 9), y)
    coloured(net, "head", net.add("shuffle", DepthToSpace(), y) if raw else y)

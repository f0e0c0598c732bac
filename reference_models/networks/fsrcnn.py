"""FSRCNN (arXiv 1608.00367) with 4 channels in and 3 out: one large transposed convolution.

RAW [H, W, 4] to RGB [2H, 2W, 3].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import Conv2D, PRelu, TransposedConv2D
from npulint.reference_models.networks.parts import followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch

FEATURES = 56
SHRUNK = 12
MAPPINGS = 4


def fsrcnn(net: Sketch) -> None:
    """Write FSRCNN: extraction, shrinking, mapping, expansion, enlargement."""
    y = followed(net, "extract", Conv2D(FEATURES, 5), PRelu(), net.image)
    y = followed(net, "shrink", Conv2D(SHRUNK, 1), PRelu(), y)
    for number in range(MAPPINGS):
        y = followed(net, f"map{number}", Conv2D(SHRUNK), PRelu(), y)
    y = followed(net, "expand", Conv2D(FEATURES, 1), PRelu(), y)
    net.add("enlarge", TransposedConv2D(3, 9), y)

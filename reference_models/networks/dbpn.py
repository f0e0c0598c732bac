"""DBPN as a restorer: projections down and up again, each corrected by its own error.

[H, W, 3] to [H, W, 3], height and width multiples of 4. The super-resolution network starts
with a unit that goes up; a restorer starts at full resolution, so that unit is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import (
    Arithmetic,
    Concatenation,
    Conv2D,
    Layer,
    PRelu,
    TransposedConv2D,
)
from npulint.reference_models.networks.parts import ADD, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor

STAGES = 4
FEATURES = 48
FIRST_FEATURES = 192

_DOWN = Conv2D(FEATURES, 8, 4)
_UP = TransposedConv2D(FEATURES, 8, 4)
_SUBTRACT = Arithmetic("subtract")


def dbpn(net: Sketch) -> None:
    """Write DBPN; each unit takes what all units of the other kind made, newest first."""
    y = followed(net, "head0", Conv2D(FIRST_FEATURES), PRelu(), net.image)
    high = [followed(net, "head1", Conv2D(FEATURES, 1), PRelu(), y)]
    low: list[Tensor] = []
    for stage in range(1, STAGES + 1):
        y = _joined(net, f"down{stage}_fusion", high)
        low.append(_projected(net, f"down{stage}", y, _DOWN, _UP))
        y = _joined(net, f"up{stage}_fusion", low)
        high.append(_projected(net, f"up{stage}", y, _UP, _DOWN))
    y = net.add("tail_concat", Concatenation(), *reversed(high[1:]))
    net.add("tail", Conv2D(3), y)


def _joined(net: Sketch, name: str, maps: list[Tensor]) -> Tensor:
    if len(maps) == 1:
        return maps[0]
    y = net.add(f"{name}_concat", Concatenation(), *reversed(maps))
    return followed(net, name, Conv2D(FEATURES, 1), PRelu(), y)


def _projected(net: Sketch, unit: str, image: Tensor, there: Layer, back: Layer) -> Tensor:
    """One unit: what going there and back loses of the image is taken there too, and added."""
    first = followed(net, f"{unit}_there", there, PRelu(), image)
    returned = followed(net, f"{unit}_back", back, PRelu(), first)
    error = net.add(f"{unit}_error", _SUBTRACT, returned, image)
    second = followed(net, f"{unit}_again", there, PRelu(), error)
    return net.add(f"{unit}_add", ADD, second, first)

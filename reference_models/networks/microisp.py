"""MicroISP (arXiv 2211.06770): one narrow network for each colour of the output.

RAW [H, W, 4] to RGB [2H, 2W, 3], height and width at least 79: attention takes strides of 3.
The released .tflite also reshapes after each pooling, which today's converter leaves out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import (
    Activation,
    Concatenation,
    Conv2D,
    DepthToSpace,
    GlobalAveragePool,
    PRelu,
)
from npulint.reference_models.networks.camera_parts import SIGMOID, coloured
from npulint.reference_models.networks.parts import ADD, MULTIPLY, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor

FEATURES = 4
CONVOLUTIONS = 7


def microisp(net: Sketch) -> None:
    """Write three times two bodies."""
    colours: list[Tensor] = []
    for colour in ("red", "green", "blue"):
        y = _body(net, f"{colour}_body0", net.image)
        y = net.add(f"{colour}_body0_tanh", Activation("tanh"), y)
        y = coloured(net, f"{colour}_body1", _body(net, f"{colour}_body1", y))
        colours.append(net.add(f"{colour}_shuffle", DepthToSpace(), y))
    net.add("joined", Concatenation(), *colours)


def _body(net: Sketch, name: str, y: Tensor) -> Tensor:
    """Convolutions, of which every third is attended and gets the first of the three added."""
    kept = y
    for number in range(CONVOLUTIONS):
        y = followed(net, f"{name}_conv{number}", Conv2D(FEATURES), PRelu(), y)
        if number % 3 == 0:
            kept = y
        if number % 3 == 2:
            factors = _attention(net, f"{name}_attention{number}", y)
            y = net.add(f"{name}_attended{number}", MULTIPLY, y, factors)
            y = net.add(f"{name}_add{number}", ADD, y, kept)
    return net.add(f"{name}_out", Conv2D(FEATURES), y)


def _attention(net: Sketch, name: str, y: Tensor) -> Tensor:
    """One factor a channel, from a pyramid of strided convolutions."""
    for number, kernel in enumerate((1, 3, 3, 3)):
        strided = Conv2D(FEATURES, kernel, 3, padding="valid")
        y = followed(net, f"{name}_down{number}", strided, PRelu(), y)
    y = net.add(f"{name}_pool", GlobalAveragePool(), y)
    y = followed(net, f"{name}_squeeze", Conv2D(FEATURES, 1), PRelu(), y)
    return followed(net, f"{name}_excite", Conv2D(FEATURES, 1), SIGMOID, y)

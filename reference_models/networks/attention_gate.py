"""Gates on skip connections after Attention U-Net (arXiv 1804.03999): soft attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from npulint.reference_models.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    LayerNormalization,
    Resize,
    TransposedConv2D,
)
from npulint.reference_models.networks.parts import ADD, MULTIPLY, followed

if TYPE_CHECKING:
    from npulint.reference_models.layers import Layer
    from npulint.reference_models.network import Sketch, Tensor


@dataclass(frozen=True, slots=True)
class Gate:
    """Attention on what a skip carries, steered by the map that is enlarged beside it.

    Attributes:
        activation: Between the sum of both and the factors.
        norm: What the attended skip ends with.
        enlargement: How the factors come to the skip's resolution.
    """

    activation: Literal["relu", "gelu"]
    norm: Literal["layernorm", "batchnorm"]
    enlargement: Literal["resize", "transposed"]

    def write(self, net: Sketch, name: str, skip: Tensor, steering: Tensor) -> Tensor:
        """Write a gate.

        Args:
            net: Where to write.
            name: What its layers' names begin with.
            skip: What is attended: [H, W, C].
            steering: What is enlarged beside it: [H/2, W/2, C'].

        Returns:
            The attended skip [H, W, C].
        """
        features = skip.shape.channels
        halved = Conv2D(features, 2, 2, bias=False, padding="valid")
        mine = net.add(f"{name}_skip", halved, skip)
        theirs = net.add(f"{name}_steering", Conv2D(features, 1), steering)
        y = net.add(f"{name}_sum", ADD, mine, theirs)
        y = net.add(f"{name}_act", Activation(self.activation), y)
        y = followed(net, f"{name}_factor", Conv2D(1, 1), Activation("sigmoid"), y)
        doubled: Layer = Resize(2, "bilinear_half_pixel")
        if self.enlargement == "transposed":
            doubled = TransposedConv2D(1)
        y = net.add(f"{name}_up", doubled, y)
        y = net.add(f"{name}_attended", MULTIPLY, skip, y)
        y = net.add(f"{name}_out", Conv2D(features, 1), y)
        norm = LayerNormalization() if self.norm == "layernorm" else BatchNormalization()
        return net.add(f"{name}_norm", norm, y)

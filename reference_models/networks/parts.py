"""What networks have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import Activation, Arithmetic

if TYPE_CHECKING:
    from npulint.reference_models.layers import Layer
    from npulint.reference_models.network import Sketch, Tensor

RELU = Activation("relu")

ADD = Arithmetic("add")

MULTIPLY = Arithmetic("multiply")


def followed(net: Sketch, name: str, layer: Layer, act: Layer | None, *inputs: Tensor) -> Tensor:
    """Write a layer and what follows it, which is called after it."""
    y = net.add(name, layer, *inputs)
    return y if act is None else net.add(f"{name}_act", act, y)

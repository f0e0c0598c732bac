"""The PyTorch build and the Keras build of a definition are one function."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from npulint.reference_models import CATALOGUE, define, keras_builder, torch_builder
from npulint.reference_models.layers import (
    Activation,
    Concatenation,
    Conv2D,
    DepthToSpace,
    Layer,
    MaxPool2D,
    PRelu,
    Shape,
    TransposedConv2D,
)
from npulint.reference_models.network import Network, Sketch

TOLERANCE = 1e-5  # of the output's range


def difference(network: Network) -> float:
    """How far the two builds are apart, in parts of the output's range."""
    image = np.random.default_rng(7).uniform(-1, 1, (1, *network.image)).astype(np.float32)
    with torch.no_grad():
        ours = torch_builder.build(network)(torch.from_numpy(image.transpose(0, 3, 1, 2).copy()))
    theirs = np.asarray(keras_builder.build(network)(image))
    ours = ours.numpy().transpose(0, 2, 3, 1)
    assert ours.shape == theirs.shape == (1, *network.output)
    assert np.ptp(theirs) > 0.01, "a constant output proves nothing"
    return float(np.abs(ours - theirs).max() / np.ptp(theirs))


@pytest.mark.parametrize("name", CATALOGUE)
def test_networks_agree(name: str) -> None:
    assert difference(define(name, (16, 32))) < TOLERANCE


@pytest.mark.parametrize("size", [(12, 20), (13, 9)])
@pytest.mark.parametrize(
    "layer",
    [
        Conv2D(5),
        Conv2D(5, 2),
        Conv2D(5, 4, 2),
        Conv2D(5, 3, 2),
        Conv2D(5, 5, 2),
        TransposedConv2D(5),
        TransposedConv2D(5, 3),
        TransposedConv2D(5, 4),
        TransposedConv2D(5, 9),
        TransposedConv2D(5, 8, 4),
        Activation("relu"),
        Activation("tanh"),
        PRelu(),
        DepthToSpace(),
        MaxPool2D(),
        MaxPool2D(3),
    ],
    ids=str,
)
def test_layers_agree(layer: Layer, size: tuple[int, int]) -> None:
    sketch = Sketch("probe", Shape(*size, 3))
    sketch.add("layer", layer, sketch.add("conv", Conv2D(8), sketch.image))
    assert difference(sketch.finish()) < TOLERANCE


def test_concatenations_agree_in_their_order() -> None:
    sketch = Sketch("probe", Shape(6, 8, 3))
    other = sketch.add("conv", Conv2D(2), sketch.image)
    sketch.add("concat", Concatenation(), other, sketch.image, other)
    assert difference(sketch.finish()) < TOLERANCE

"""The PyTorch build and the Keras build of a definition are one function."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch

from npulint.reference_models import define, keras_builder, torch_builder
from npulint.reference_models.layers import (
    Activation,
    Arithmetic,
    AveragePool2D,
    BatchNormalization,
    ChannelScale,
    Concatenation,
    Conv2D,
    Crop,
    DepthToSpace,
    GlobalAveragePool,
    InstanceNormalization,
    Layer,
    LayerNormalization,
    LeakyRelu,
    LocalAveragePool,
    Margins,
    MaxPool2D,
    Offset,
    Pad,
    PRelu,
    Resize,
    Scale,
    Shape,
    Slice,
    SpaceToDepth,
    TransposedConv2D,
)
from npulint.reference_models.network import Network, Sketch

torch.set_num_threads(1)  # beside other workers, more of them wait for each other

TOLERANCE = 1e-5  # of the output's range, for one layer
# Deep networks add up their layers' rounding, and norms over few pixels enlarge it.
WHOLE_NETWORK = 1e-4


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


# Where 32 rows and columns are too few for kernels that move by 3.
LARGER = {"pynet_v2": 64, "microisp": 96}


def least(name: str) -> int:
    """As many rows and columns as a network needs."""
    return next((size for prefix, size in LARGER.items() if name.startswith(prefix)), 32)


def test_networks_agree(swept: str) -> None:
    size = least(swept)
    assert difference(define(swept, (size, 2 * size))) < WHOLE_NETWORK


def biases_taken_away(network: Network) -> set[str]:
    """What instance normalization takes away again: the constants of each channel before it."""
    taken: set[str] = set()
    names = [""]
    for step in network.steps:
        if isinstance(step.layer, InstanceNormalization):
            taken.add(f"{names[step.inputs[0]]}.bias")
        names.extend([step.name] * len(step.shapes))
    return taken


def test_every_weight_has_a_say_in_the_output(swept: str) -> None:
    # Otherwise networks could agree and be wrong.
    size = least(swept)
    network = define(swept, (size, size))
    module = torch_builder.build(network)
    centred = biases_taken_away(network)
    source = torch.Generator().manual_seed(3)
    image = torch.rand(1, network.image.channels, size, size, generator=source)
    with torch.no_grad():
        output = module(image)
        for name, weight in module.named_parameters():
            if name in centred:
                continue
            kept = weight.clone()
            weight.mul_(1.5)
            change = (module(image) - output).abs().max() / (output.max() - output.min())
            weight.copy_(kept)
            assert change > 5e-6, name


UNEVEN = Margins((1, 2), (3, 0))

# Each is fed with 8 channels.
LAYERS = (
    Conv2D(5),
    Conv2D(5, bias=False),
    Conv2D(5, 2, 2),
    Conv2D(5, 4, 2),
    Conv2D(5, 3, 2),
    Conv2D(5, 5, 2),
    Conv2D(5, 3, 3, padding="valid"),
    Conv2D(5, 3, 2, padding="symmetric"),
    Conv2D(5, 5, 2, padding="symmetric"),
    Conv2D(5, 4, 2, padding="symmetric"),
    Conv2D(5, (1, 7)),
    Conv2D(5, (7, 1), 2, padding="symmetric"),
    Conv2D(5, 3, dilation=2),
    Conv2D(5, 3, dilation=3, padding="valid"),
    Conv2D(6, 3, groups=2),
    Conv2D(8, 3, groups=8),
    Conv2D(8, 5, 2, groups=8, bias=False),
    Conv2D(8, 5, 2, groups=8, padding="symmetric"),
    Conv2D(8, 5, dilation=2, groups=8),
    Conv2D(16, 3, groups=8),
    TransposedConv2D(5),
    TransposedConv2D(5, bias=False),
    TransposedConv2D(5, 3),
    TransposedConv2D(5, 4),
    TransposedConv2D(5, 9),
    TransposedConv2D(5, 8, 4),
    TransposedConv2D(5, 2, 3),
    Activation("relu"),
    Activation("tanh"),
    Activation("sigmoid"),
    Activation("gelu"),
    Activation("gelu_tanh"),
    Activation("silu"),
    Activation("hard_swish"),
    LeakyRelu(),
    PRelu(),
    Scale(0.17),
    Offset(0.5),
    ChannelScale(),
    DepthToSpace(),
    DepthToSpace(order="crd"),
    MaxPool2D(),
    MaxPool2D(3),
    MaxPool2D(3, 2),
    AveragePool2D(),
    AveragePool2D(3, 1),
    AveragePool2D(3, 2),
    AveragePool2D(5, 3),
    GlobalAveragePool(),
    LocalAveragePool(20, "avgpool"),
    LocalAveragePool(8, "avgpool"),
    LocalAveragePool(8, "cumsum"),
    LocalAveragePool(10, "cumsum"),
    Resize(2, "nearest"),
    Resize((23, 45), "nearest"),
    Resize(2, "bilinear"),
    Resize(3, "bilinear"),
    Resize(2, "bilinear_half_pixel"),
    Resize(3, "bilinear_half_pixel"),
    Resize((23, 45), "bilinear_half_pixel"),
    InstanceNormalization(),
    InstanceNormalization(1e-3),
    LayerNormalization(),
    BatchNormalization(),
    Slice(2, 5),
    Crop(UNEVEN),
    Pad(UNEVEN, "zero"),
    Pad(UNEVEN, "reflect"),
    Pad(UNEVEN, "replicate"),
)


def probe(layer: Layer, size: tuple[int, int]) -> Network:
    """A layer behind a convolution, for pixel shuffles need one."""
    sketch = Sketch("probe", Shape(*size, 3))
    sketch.add("layer", layer, sketch.add("conv", Conv2D(8), sketch.image))
    return sketch.finish()


@pytest.mark.parametrize("size", [(12, 20), (13, 9)], ids=str)
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_layers_agree(layer: Layer, size: tuple[int, int]) -> None:
    assert difference(probe(layer, size)) < TOLERANCE


def test_space_to_depth_agrees() -> None:
    assert difference(probe(SpaceToDepth(), (12, 20))) < TOLERANCE
    assert difference(probe(SpaceToDepth(3), (9, 12))) < TOLERANCE


@pytest.mark.parametrize("operation", ["add", "subtract", "multiply"])
@pytest.mark.parametrize("other", [Conv2D(8), GlobalAveragePool(), Conv2D(1)], ids=str)
def test_arithmetic_agrees(operation: Literal["add", "subtract", "multiply"], other: Layer) -> None:
    sketch = Sketch("probe", Shape(6, 8, 3))
    first = sketch.add("first", Conv2D(8), sketch.image)
    second = sketch.add("second", other, first)
    sketch.add("both", Arithmetic(operation), first, second)
    assert difference(sketch.finish()) < TOLERANCE


def test_concatenations_agree_in_their_order() -> None:
    sketch = Sketch("probe", Shape(6, 8, 3))
    other = sketch.add("conv", Conv2D(2), sketch.image)
    sketch.add("concat", Concatenation(), other, sketch.image, other)
    assert difference(sketch.finish()) < TOLERANCE


@pytest.mark.parametrize("parts", [(4, 4), (2, 6), (1, 3, 4)])
def test_splits_agree_in_their_order(parts: tuple[int, ...]) -> None:
    sketch = Sketch("probe", Shape(6, 8, 3))
    pieces = sketch.split("split", parts, sketch.add("conv", Conv2D(8), sketch.image))
    turned = [sketch.add(f"act{i}", Activation("tanh"), t) for i, t in enumerate(pieces[1:])]
    sketch.add("concat", Concatenation(), *turned, pieces[0])
    assert difference(sketch.finish()) < TOLERANCE


def test_a_pixel_shuffle_in_keras_needs_a_convolution_of_its_own() -> None:
    sketch = Sketch("probe", Shape(6, 8, 3))
    convolved = sketch.add("conv", Conv2D(8), sketch.image)
    sketch.add("shuffle", DepthToSpace(order="crd"), sketch.add("act", PRelu(), convolved))
    with pytest.raises(ValueError, match="needs a convolution of its own"):
        keras_builder.build(sketch.finish())


def test_pooling_that_pytorch_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="PyTorch cannot pad"):
        torch_builder.build(probe(AveragePool2D(2, 1), (6, 8)))

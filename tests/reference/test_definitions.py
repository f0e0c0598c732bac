"""What the definitions say of themselves, without any framework."""

from __future__ import annotations

import pytest

from npulint.errors import UsageError
from npulint.reference_models import CATALOGUE, define
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
from npulint.reference_models.network import Sketch
from npulint.reference_models.unet import scaled
from npulint.reference_models.weights import weights

# Output shape, parameters and multiply-accumulates at the size of the published figures.
FIGURES = {
    "smallnet": ((1088, 1920, 3), 4_652, 2_406_481_920),
    "unet_transposeconv_relu": ((720, 1280, 3), 17_746_483, 237_993_984_000),
    "unet_transposeconv_prelu": ((720, 1280, 3), 17_753_139, 237_993_984_000),
    "unet_depthtospace_relu": ((720, 1280, 3), 16_875_251, 221_725_900_800),
    "unet_depthtospace_prelu": ((720, 1280, 3), 16_881_907, 221_725_900_800),
    "unet_small": ((720, 1280, 3), 19_711, 1_761_926_400),
}


def test_every_network_has_its_figures() -> None:
    assert set(FIGURES) == set(CATALOGUE)


@pytest.mark.parametrize("name", FIGURES)
def test_published_figures(name: str) -> None:
    network = define(name)
    assert (network.output, network.parameters, network.macs) == FIGURES[name]


@pytest.mark.parametrize(
    ("name", "gigamacs"), [("unet_transposeconv_relu", 238), ("unet_depthtospace_prelu", 222)]
)
def test_reconstructions_round_to_what_their_paper_prints(name: str, gigamacs: int) -> None:
    assert round(define(name).macs / 1e9) == gigamacs


def test_another_size_keeps_the_parameters_and_scales_the_work() -> None:
    large, small = define("unet_small", (192, 320)), define("unet_small", (96, 160))
    assert small.output == (96, 160, 3)
    assert small.parameters == large.parameters == define("unet_small").parameters
    assert 4 * small.macs == large.macs


def test_widths_scale_to_multiples_of_four() -> None:
    assert scaled(1) == (24, 48, 104, 240, 416)
    assert scaled(1 / 2) == (12, 24, 52, 120, 208)
    assert scaled(1 / 32) == (4, 4, 4, 8, 12)


IMAGE = Shape(45, 80, 12)


@pytest.mark.parametrize(
    ("layer", "inputs", "result", "parameters", "macs"),
    [
        (Conv2D(8), [IMAGE], (45, 80, 8), 9 * 12 * 8 + 8, 45 * 80 * 9 * 12 * 8),
        (Conv2D(8, 5, 2), [IMAGE], (23, 40, 8), 25 * 12 * 8 + 8, 23 * 40 * 25 * 12 * 8),
        (TransposedConv2D(8), [IMAGE], (90, 160, 8), 4 * 12 * 8 + 8, 45 * 80 * 4 * 12 * 8),
        (TransposedConv2D(8, 9, 3), [IMAGE], (135, 240, 8), 7784, 45 * 80 * 81 * 12 * 8),
        (Activation("tanh"), [IMAGE], (45, 80, 12), 0, 0),
        (PRelu(), [IMAGE], (45, 80, 12), 12, 0),
        (DepthToSpace(2), [IMAGE], (90, 160, 3), 0, 0),
        (MaxPool2D(), [IMAGE], (23, 40, 12), 0, 0),
        (Concatenation(), [IMAGE, Shape(45, 80, 3), IMAGE], (45, 80, 27), 0, 0),
    ],
)
def test_a_layer_says_its_shape_and_cost(
    layer: Layer, inputs: list[Shape], result: tuple[int, ...], parameters: int, macs: int
) -> None:
    sketch = Sketch("probe", inputs[0])
    others = [
        sketch.add(f"input{i}", Conv2D(s.channels), sketch.image) for i, s in enumerate(inputs)
    ]
    before = sketch.finish()
    assert sketch.add("layer", layer, *others).shape == result
    after = sketch.finish()
    assert after.parameters - before.parameters == parameters
    assert after.macs - before.macs == macs


def test_a_network_cannot_be_written_wrong() -> None:
    sketch = Sketch("probe", IMAGE)
    half = sketch.add("pool", MaxPool2D(), sketch.image)
    with pytest.raises(ValueError, match="probe: two layers are called 'pool'"):
        sketch.add("pool", PRelu(), half)
    with pytest.raises(ValueError, match="layer 'cat': heights and widths differ"):
        sketch.add("cat", Concatenation(), sketch.image, half)
    with pytest.raises(ValueError, match="12 channels, not a multiple of 9"):
        sketch.add("shuffle", DepthToSpace(3), half)


def test_an_unknown_network_is_answered_with_those_there_are() -> None:
    with pytest.raises(
        UsageError, match="no reference network 'resnet'; there are smallnet, unet_"
    ):
        define("resnet")


@pytest.mark.parametrize("name", ["smallnet", "unet_transposeconv_prelu"])
def test_weights_depend_on_the_layer_name_alone_and_are_never_zero(name: str) -> None:
    steps = [step for step in define(name).steps if step.weights][:8]
    drawn = [(step, weights(step)) for step in steps]
    for step, arrays in drawn:
        for kind, array in arrays.items():
            assert array.shape == step.weights[kind]
            assert (array != 0).all()
            again = weights(step)[kind]
            assert (array == again).all()
    first, second = drawn[0][1], drawn[1][1]
    assert {a.tobytes() for a in first.values()}.isdisjoint(a.tobytes() for a in second.values())

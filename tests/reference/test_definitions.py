"""What the definitions say of themselves, without any framework."""

from __future__ import annotations

import math

import pytest

from npulint.errors import UsageError
from npulint.reference_models import define, layers
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
from npulint.reference_models.network import Sketch
from npulint.reference_models.networks.unet import scaled
from npulint.reference_models.weights import weights


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


LINE = Shape(1, 1, 12)

# Layer, inputs, output, parameters, multiply-accumulates, and those that thop counts on top.
LAYERS = (
    (Conv2D(8), [IMAGE], (45, 80, 8), (9 * 12 * 8 + 8, 45 * 80 * 9 * 12 * 8, 0)),
    (Conv2D(8, 5, 2), [IMAGE], (23, 40, 8), (25 * 12 * 8 + 8, 23 * 40 * 25 * 12 * 8, 0)),
    (Conv2D(8, 3, 2, padding="valid"), [IMAGE], (22, 39, 8), (872, 22 * 39 * 9 * 12 * 8, 0)),
    (Conv2D(8, 4, 2, padding="symmetric"), [IMAGE], (22, 40, 8), (1544, 22 * 40 * 16 * 12 * 8, 0)),
    (Conv2D(8, (1, 7), bias=False), [IMAGE], (45, 80, 8), (672, 45 * 80 * 7 * 12 * 8, 0)),
    (Conv2D(8, 3, dilation=2, padding="valid"), [IMAGE], (41, 76, 8), (872, 41 * 76 * 864, 0)),
    (Conv2D(8, 3, groups=4), [IMAGE], (45, 80, 8), (9 * 3 * 8 + 8, 45 * 80 * 9 * 3 * 8, 0)),
    (Conv2D(12, 3, groups=12), [IMAGE], (45, 80, 12), (9 * 12 + 12, 45 * 80 * 9 * 12, 0)),
    (TransposedConv2D(8), [IMAGE], (90, 160, 8), (392, 45 * 80 * 384, 3 * 45 * 80 * 384)),
    (TransposedConv2D(8, 9, 3), [IMAGE], (135, 240, 8), (7784, 27993600, 8 * 27993600)),
    (TransposedConv2D(8, bias=False), [LINE], (2, 2, 8), (384, 384, 3 * 384)),
    (Activation("tanh"), [IMAGE], IMAGE, (0, 0, 0)),
    (LeakyRelu(), [IMAGE], IMAGE, (0, 0, 0)),
    (PRelu(), [IMAGE], IMAGE, (12, 0, 0)),
    (Scale(0.5), [IMAGE], IMAGE, (0, 0, 0)),
    (Offset(0.5), [IMAGE], IMAGE, (0, 0, 0)),
    (ChannelScale(), [IMAGE], IMAGE, (12, 0, 0)),
    (Arithmetic("add"), [IMAGE, IMAGE], IMAGE, (0, 0, 0)),
    (Arithmetic("multiply"), [IMAGE, LINE], IMAGE, (0, 0, 0)),
    (Arithmetic("multiply"), [Shape(45, 80, 1), IMAGE], IMAGE, (0, 0, 0)),
    (MaxPool2D(), [IMAGE], (23, 40, 12), (0, 0, 0)),
    (MaxPool2D(3, 1), [IMAGE], IMAGE, (0, 0, 0)),
    (AveragePool2D(), [IMAGE], (23, 40, 12), (0, 0, 23 * 40 * 12)),
    (GlobalAveragePool(), [IMAGE], LINE, (0, 0, 45 * 80 * 12)),
    (LocalAveragePool(80, "cumsum"), [IMAGE], LINE, (0, 0, 0)),
    (LocalAveragePool(48, "avgpool"), [IMAGE], IMAGE, (0, 0, 0)),
    (Resize(3, "nearest"), [IMAGE], (135, 240, 12), (0, 0, 0)),
    (Resize((23, 40), "bilinear"), [IMAGE], (23, 40, 12), (0, 0, 11 * 23 * 40 * 12)),
    (Resize(2, "bilinear_half_pixel"), [IMAGE], (90, 160, 12), (0, 0, 11 * 90 * 160 * 12)),
    (DepthToSpace(2), [IMAGE], (90, 160, 3), (0, 0, 0)),
    (SpaceToDepth(5), [IMAGE], (9, 16, 300), (0, 0, 0)),
    (InstanceNormalization(), [IMAGE], IMAGE, (24, 0, 0)),
    (LayerNormalization(), [IMAGE], IMAGE, (24, 0, 0)),
    (BatchNormalization(), [IMAGE], IMAGE, (24, 0, 0)),
    (Concatenation(), [IMAGE, Shape(45, 80, 3), IMAGE], (45, 80, 27), (0, 0, 0)),
    (Slice(3, 7), [IMAGE], (45, 80, 4), (0, 0, 0)),
    (Pad(Margins((1, 2), (3, 0)), "reflect"), [IMAGE], (48, 83, 12), (0, 0, 0)),
    (Crop(Margins((1, 2), (3, 0))), [IMAGE], (42, 77, 12), (0, 0, 0)),
)


@pytest.mark.parametrize(("layer", "inputs", "result", "figures"), LAYERS)
def test_a_layer_says_its_shape_and_cost(
    layer: Layer, inputs: list[Shape], result: tuple[int, ...], figures: tuple[int, int, int]
) -> None:
    parameters, macs, more = figures
    assert layer.results(*inputs) == (result,)
    assert layer.macs(*inputs) == macs
    assert layer.thop(*inputs) == macs + more
    assert sum(math.prod(shape) for shape in layer.weights(*inputs).values()) == parameters


def test_every_kind_of_layer_is_held_to_its_figures() -> None:
    kinds = {kind for kind in vars(layers).values() if isinstance(kind, type)}
    kinds -= {layers.Layer, layers.Margins, layers.Shape}
    assert kinds == {type(case[0]) for case in LAYERS} | {layers.Split}


def test_a_network_adds_its_layers_up() -> None:
    sketch = Sketch("probe", IMAGE)
    y = sketch.add("conv", Conv2D(8), sketch.image)
    first, second, third = sketch.split("split", (4, 2, 2), y)
    assert [t.shape for t in (first, second, third)] == [(45, 80, 4), (45, 80, 2), (45, 80, 2)]
    y = sketch.add("norm", LayerNormalization(), first)
    y = sketch.add("pool", GlobalAveragePool(), y)
    sketch.add("concat", Concatenation(), y, sketch.add("pool2", GlobalAveragePool(), third))
    network = sketch.finish()
    assert network.output == (1, 1, 6)
    assert network.steps[-1].inputs == (6, 7)
    assert (network.parameters, network.thop_parameters) == (872 + 8, 872)
    assert (network.macs, network.thop) == (45 * 80 * 864, 45 * 80 * (864 + 4 + 2))


def test_a_network_cannot_be_written_wrong() -> None:
    sketch = Sketch("probe", IMAGE)
    half = sketch.add("pool", MaxPool2D(), sketch.image)
    with pytest.raises(ValueError, match="probe: two layers are called 'pool'"):
        sketch.add("pool", PRelu(), half)
    with pytest.raises(ValueError, match="layer 'cat': heights and widths differ"):
        sketch.add("cat", Concatenation(), sketch.image, half)


@pytest.mark.parametrize(
    ("layer", "inputs", "problem"),
    [
        (Conv2D(8, groups=5), [IMAGE], "12 to 8 channels, not in 5 groups"),
        (Conv2D(8, 46, padding="valid"), [IMAGE], "does not fit"),
        (DepthToSpace(3), [IMAGE], "12 channels, not a multiple of 9"),
        (SpaceToDepth(2), [IMAGE], "does not divide into blocks of 2"),
        (Arithmetic("add"), [IMAGE, Shape(45, 80, 3)], "do not fit"),
        (Slice(7, 13), [IMAGE], "no channels 7 to 13 of 12"),
        (Pad(Margins((45, 0), (0, 0)), "reflect"), [IMAGE], "cannot be mirrored"),
        (Crop(Margins((20, 25), (0, 0))), [IMAGE], "nothing of .* is left"),
        (layers.Split((4, 4)), [IMAGE], r"12 channels are not \(4, 4\)"),
    ],
)
def test_a_layer_refuses_what_it_cannot_take(
    layer: Layer, inputs: list[Shape], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        layer.results(*inputs)


def test_an_unknown_network_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"no reference network .resnet.; .* shows all"):
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

"""Which operators a network becomes, by its definition alone, in each writer's dialect.

`canonical` is one node a layer and operation, as its definition says it. The exporters fold,
expand and rename some of them; what they do is written down here layer by layer, and held
against real exports.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from npulint.reference_models.layers import (
    Activation,
    Arithmetic,
    Concatenation,
    Conv2D,
    Crop,
    InstanceNormalization,
    Layer,
    LocalAveragePool,
    Pad,
    Resize,
    Split,
    TransposedConv2D,
)
from npulint.reference_models.network import Network, Step

Writer = Literal["onnx", "dynamo", "torchscript", "tflite", "converter"]
"""The canonical operators of both dialects, and what each real exporter writes."""


def operators(network: Network, writer: Writer) -> Counter[str]:
    """The operators of a network by name."""
    counted: Counter[str] = Counter()
    for step, producer, shared in _placed(network, merged=writer not in ("onnx", "tflite")):
        counted += Counter(_words(_of(step, producer, shared, writer)))
    if writer == "torchscript":
        counted["Concat"] -= _nested(network)
    return +counted


def _nested(network: Network) -> int:
    """How many concatenations only feed another, of which the tracing exporter makes one."""
    uses = Counter(position for step in network.steps for position in step.inputs)
    alone: set[int] = set()
    position = 1
    for step in network.steps:
        if isinstance(step.layer, Concatenation) and uses[position] == 1:
            alone.add(position)
        position += len(step.shapes)
    joins = (step for step in network.steps if isinstance(step.layer, Concatenation))
    return sum(position in alone for step in joins for position in step.inputs)


def parsed(text: str) -> Counter[str]:
    """`Conv 3, Tanh` as counts."""
    return Counter(_words(text))


def _words(text: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in filter(None, text.split(", ")):
        operator, _, count = entry.partition(" ")
        counts[operator] = counts.get(operator, 0) + int(count or 1)
    return counts


def _placed(network: Network, merged: bool) -> Iterator[tuple[Step, Layer | None, bool]]:
    """Each step, the layer that made its first input, and whether others use that input too.

    Where steps are merged, as all exporters do, one that repeats another is left out.
    """
    made_by: list[Layer | None] = [None]
    uses = Counter(position for step in network.steps for position in step.inputs)
    same = [0]  # the first result that is the same, by position
    first: dict[tuple[Layer, tuple[int, ...]], int] = {}
    for step in network.steps:
        place = len(same)
        key = (step.layer, tuple(same[i] for i in step.inputs))
        found = place if step.weights or not merged else first.setdefault(key, place)
        same.extend(range(found, found + len(step.shapes)))
        if found == place:
            yield step, made_by[step.inputs[0]], uses[step.inputs[0]] > 1
        made_by.extend([step.layer] * len(step.shapes))


def _of(step: Step, producer: Layer | None, shared: bool, writer: Writer) -> str:
    kind = _kind(step)
    if writer in ("onnx", "dynamo", "torchscript"):
        words = {**ONNX, **EXPORTED.get(writer, {})}[kind]
        return f"{words}, {_around(step, writer)}" if writer != "onnx" else words
    if kind == "relu" and not shared and isinstance(producer, _RECTIFIED):
        return ""
    if writer == "tflite":
        return TFLITE[kind]
    if kind in FOLDED and not shared and isinstance(producer, Conv2D):
        return ""
    return f"{TFLITE[kind]}, PAD" if _bordered(step) else TFLITE[kind]


def _kind(step: Step) -> str:
    """The name of a kind of layer, or where operators depend on more, of what it does."""
    layer, image = step.layer, step.input_shapes[0]
    kind = type(layer).__name__
    match layer:
        case Activation(function=name) | Arithmetic(operation=name) | Resize(sampling=name):
            kind = name
        case Conv2D() if 1 < layer.groups == image.channels == layer.features:
            kind = "Depthwise"
        case LocalAveragePool():
            kind = "GlobalAveragePool" if layer.covers(image) else layer.form
        case Split() if len(set(layer.parts)) > 1:
            kind = "unequal Split"
        case Pad():
            kind = f"{layer.mode} Pad"
    return kind


# What TFLite computes, or ends to compute, together with a rectifier behind it.
_RECTIFIED = (Conv2D, TransposedConv2D, Arithmetic, InstanceNormalization)


def _around(step: Step, writer: Writer) -> str:
    """What PyTorch's exporters put around an operator that has no such margins."""
    layer = step.layer
    if isinstance(layer, TransposedConv2D):
        excess = layer.kernel - layer.stride
        return "Slice 2" if excess > 0 and excess % 2 else ""
    if isinstance(layer, Crop):
        return "Slice" if all(any(margin) for margin in layer.margins) else ""
    if isinstance(layer, Conv2D) and writer == "torchscript":
        margins = layer.margins(step.input_shapes[0])
        return "" if all(before == after for before, after in margins) else _PAD
    return ""


def _bordered(step: Step) -> bool:
    """Whether a convolution is padded as neither SAME nor VALID pads."""
    layer = step.layer
    if not isinstance(layer, Conv2D):
        return False
    (image,) = step.input_shapes
    known = (replace(layer, padding=p).margins(image) for p in ("same", "valid"))
    return layer.margins(image) not in known


ONNX = {
    "Conv2D": "Conv",
    "Depthwise": "Conv",
    "TransposedConv2D": "ConvTranspose",
    "relu": "Relu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "gelu": "Gelu",
    "gelu_tanh": "Gelu",
    "silu": "Sigmoid, Mul",
    "hard_swish": "HardSwish",
    "LeakyRelu": "LeakyRelu",
    "PRelu": "PRelu",
    "Scale": "Mul",
    "Offset": "Add",
    "ChannelScale": "Mul",
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "MaxPool2D": "MaxPool",
    "AveragePool2D": "AveragePool",
    "GlobalAveragePool": "GlobalAveragePool",
    "avgpool": "AveragePool, Pad",
    "cumsum": "CumSum 2, Pad 2, Slice 4, Add, Sub 2, Div",
    "nearest": "Resize",
    "bilinear": "Resize",
    "bilinear_half_pixel": "Resize",
    "DepthToSpace": "DepthToSpace",
    "SpaceToDepth": "SpaceToDepth",
    "InstanceNormalization": "InstanceNormalization",
    "LayerNormalization": "ReduceMean 2, Sub, Mul 2, Add 2, Sqrt, Div",
    "BatchNormalization": "",
    "Concatenation": "Concat",
    "Split": "Split",
    "unequal Split": "Split",
    "Slice": "Slice",
    "zero Pad": "Pad",
    "reflect Pad": "Pad",
    "replicate Pad": "Pad",
    "Crop": "Slice",
}
"""One node a layer; batch normalization is part of a convolution."""

_PAD = "ConstantOfShape, Concat, Reshape 2, Slice, Transpose, Cast, Pad"
_RESIZE = "Shape, Slice, Concat, Resize"

EXPORTED: dict[Writer, dict[str, str]] = {
    "dynamo": {
        "gelu": "Div, Erf, Add, Mul 2",
        "gelu_tanh": "Pow, Mul 4, Add 2, Tanh",
        "GlobalAveragePool": "ReduceMean",
        "cumsum": "CumSum 2, Pad 2, Slice 6, Add, Sub 2, Div",
    },
    "torchscript": {
        "gelu": "Div, Erf, Add, Mul 2",
        "gelu_tanh": "Mul 6, Add 2, Tanh",
        "avgpool": f"AveragePool, {_PAD}",
        "cumsum": f"CumSum 2, Slice 6, Add, Sub 2, Div, {_PAD}, {_PAD}",
        "nearest": _RESIZE,
        "bilinear_half_pixel": _RESIZE,
        "zero Pad": _PAD,
        "reflect Pad": _PAD,
        "replicate Pad": _PAD,
    },
}
"""Where PyTorch's exporters do otherwise: at opset 18 and 17."""

_NORMALIZED = "MEAN 2, SUB, MUL 3, ADD 2, RSQRT"

TFLITE = {
    "Conv2D": "CONV_2D",
    "Depthwise": "DEPTHWISE_CONV_2D",
    "TransposedConv2D": "TRANSPOSE_CONV",
    "relu": "RELU",
    "tanh": "TANH",
    "sigmoid": "LOGISTIC",
    "gelu": "GELU",
    "gelu_tanh": "GELU",
    "silu": "LOGISTIC, MUL",
    "hard_swish": "HARD_SWISH",
    "LeakyRelu": "LEAKY_RELU",
    "PRelu": "PRELU",
    "Scale": "MUL",
    "Offset": "ADD",
    "ChannelScale": "MUL",
    "add": "ADD",
    "subtract": "SUB",
    "multiply": "MUL",
    "MaxPool2D": "MAX_POOL_2D",
    "AveragePool2D": "AVERAGE_POOL_2D",
    "GlobalAveragePool": "MEAN",
    "avgpool": "AVERAGE_POOL_2D, STRIDED_SLICE 4, TILE 4, CONCATENATION 2",
    "cumsum": (
        "CUMSUM 2, PAD, STRIDED_SLICE 4, ADD, SUB 2, MUL, STRIDED_SLICE 4, TILE 4, CONCATENATION 2"
    ),
    "nearest": "RESIZE_NEAREST_NEIGHBOR",
    "bilinear": "RESIZE_BILINEAR",
    "bilinear_half_pixel": "RESIZE_BILINEAR",
    "DepthToSpace": "DEPTH_TO_SPACE",
    "SpaceToDepth": "SPACE_TO_DEPTH",
    "InstanceNormalization": _NORMALIZED,
    "LayerNormalization": _NORMALIZED,
    "BatchNormalization": "",
    "Concatenation": "CONCATENATION",
    "Split": "SPLIT",
    "unequal Split": "SPLIT_V",
    "Slice": "STRIDED_SLICE",
    "zero Pad": "PAD",
    "reflect Pad": "MIRROR_PAD",
    "Crop": "STRIDED_SLICE",
}
"""Of TFLite, padded by repetition in its commonest form: two rows or more on each side."""

FOLDED = frozenset({"Scale", "Offset", "ChannelScale"})
"""What TFLite's converter multiplies into, or adds to, a convolution before it."""

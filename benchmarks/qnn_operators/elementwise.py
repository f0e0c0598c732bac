"""Operators that work element by element."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from onnx import helper
from qnn_cases import (
    FLOATS,
    OMITTED,
    WHOLE,
    Case,
    activation,
    combinations,
    constant,
    fed,
    number_type,
    own,
    weight,
)
from qnn_draws import Draw

from qnn_operators.family import BEFORE, FEW, FEW_MOVERS, MOVERS, Family, families

# By the range of inputs that keeps them finite and interesting.
UNARY: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("Abs", "Ceil", "Cos", "Elu", "Erf", "Exp", "Floor", "Gelu"), (-3.0, 3.0)),
    **dict.fromkeys(("HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Mish"), (-3.0, 3.0)),
    **dict.fromkeys(("Neg", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin"), (-3.0, 3.0)),
    **dict.fromkeys(("Softplus", "Softsign", "Tan", "Tanh", "ThresholdedRelu"), (-3.0, 3.0)),
    **dict.fromkeys(("Acos", "Asin", "Atan", "Atanh"), (-0.9, 0.9)),
    **dict.fromkeys(("Log", "Reciprocal", "Sqrt"), (0.1, 4.0)),
}
MORE_UNARY: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("Asinh", "Celu", "Cosh", "Shrink", "Sinh"), (-2.0, 2.0)),
    "Acosh": (1.1, 3.0),
}
BINARY = ("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "PRelu", "Mod")
COMPARISONS = ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
LOGICAL = ("And", "Or", "Xor")
BITS = ("BitwiseAnd", "BitwiseOr", "BitwiseXor")
VARIADIC = ("Max", "Min", "Sum", "Mean")

# Attributes that have other than their standard values.
TUNED: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "Elu": ("alpha", (0.5, 2.0)),
    "Celu": ("alpha", (0.5, 2.0)),
    "LeakyRelu": ("alpha", (0.1, 0.5, 1.5)),
    "ThresholdedRelu": ("alpha", (0.5, 2.0)),
    "HardSigmoid": ("alpha", (0.1667, 0.5)),
    "Selu": ("gamma", (1.0, 2.0)),
    "Shrink": ("lambd", (0.2, 1.0)),
}


def _unary(op: str, draw: Draw) -> Iterator[Case]:
    span = {**UNARY, **MORE_UNARY}[op]
    for shape in draw.ranks():
        yield Case(op, (activation(*shape),), span=span)


def _unary_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Attributes; no axes, sizes that are not stated, no elements."""
    span = {**UNARY, **MORE_UNARY}[op]
    yield Case(op, (activation(*draw.image()),), span=span)
    if op in TUNED:
        name, values = TUNED[op]
        for value in draw.among(values, (0.01, 0.2, 0.25, 0.3, 0.75, 1.25, 3.0)):
            yield Case(op, (activation(*draw.image()),), {name: value}, span=span)
    if op == "Gelu":
        for approximate in ("tanh", "none"):
            yield Case(op, (activation(*draw.image()),), {"approximate": approximate}, span=span)
    yield Case(op, (activation(*draw.shape(2, 4, 16)),), span=span)
    yield Case(op, (activation(),), span=span)
    yield Case(op, (activation(*draw.image(), open=(0,)),), span=span)
    yield Case(op, (activation(*draw.shape(4), 0),), span=span)


def _spread(op: str) -> tuple[float, float]:
    return (0.5, 2.0) if op in {"Div", "Pow", "Mod"} else (-2.0, 2.0)


def _binary(op: str, draw: Draw) -> Iterator[Case]:
    attributes = {"fmod": 1} if op == "Mod" else {}
    image = draw.image()
    _, channels, height, width = image
    for one, other in (
        *((shape, shape) for shape in draw.ranks()),
        *((image, other) for other in (
            (1,), (width,), (channels, 1, 1), (1, channels, 1, 1), (1, 1, height, width),
        )),
    ):  # fmt: skip
        yield Case(op, (activation(*one), activation(*other)), attributes, span=_spread(op))
        yield Case(op, (activation(*one), weight(*other)), attributes, span=_spread(op))


def _binary_forms(op: str, draw: Draw) -> Iterator[Case]:
    """The constant first, a scalar, both sides broadcast, no elements, sizes not stated."""
    image = draw.image()
    batch, channels, height, width = image
    span = _spread(op)
    pairs = [
        (activation(*image), weight()),
        (weight(channels, 1, 1), activation(*image)),
        (weight(*image), activation(*image)),
        (activation(batch, channels, 1, width), activation(batch, 1, height, 1)),
        (activation(height, width), activation(*image)),
        (activation(*image, open=(0,)), activation(*image, open=(0,))),
        (activation(*image, open=(2, 3)), weight(1)),
        (activation(channels, 0), activation(channels, 0)),
        (activation(1, 2, *image), weight(channels, 1, 1)),
    ]
    for pair in pairs:
        if op == "PRelu" and pair[1].array is None and len(pair[1].shape) > len(pair[0].shape):
            continue
        yield Case(op, pair, {"fmod": 1} if op == "Mod" else {}, span=span)


def _as_activation(op: str, draw: Draw) -> Iterator[Case]:
    """A constant that quantisers store as they store activations."""
    image = draw.image()
    attributes = {"fmod": 1} if op == "Mod" else {}
    low, high = _spread(op)
    for shape in ((), (1,), (image[1], 1, 1), image[2:], image):
        drawn = np.random.default_rng(len(shape)).uniform(low, high, shape)
        other = own(drawn.round(2))
        yield Case(op, (activation(*image), other), attributes, span=(low, high))
        if op != "PRelu":
            yield Case(op, (other, activation(*image)), attributes, span=(low, high))


def _whole(op: str, draw: Draw) -> Iterator[Case]:
    """For Mod of whole numbers, and bits."""
    image = draw.image()
    yield Case(op, (activation(*image), activation(*image)))
    yield Case(op, (activation(*image), weight(1)))
    yield Case(op, (activation(*draw.shape(4, 16)), activation(*draw.shape(1))))


def _variadic(op: str, draw: Draw) -> Iterator[Case]:
    for count in (1, 2, 3, 4):
        for shape in draw.among(((4, 16), (1, 8, 12, 16)), ((6,), (2, 3, 5), (1, 2, 3, 4, 5))):
            yield Case(op, (activation(*shape),) * count, note=f"{count} inputs")


def _logical(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        yield Case(op, (activation(*shape), activation(*shape)))
    image = draw.image()
    yield Case(op, (activation(*image), activation(image[1], 1, 1)))
    yield Case(op, (activation(*image), weight(1)))
    yield Case(op, (activation(*image, open=(0,)), activation(*image, open=(0,))))


def _truth(op: str, draw: Draw) -> Iterator[Case]:
    """Of one operand: Not, BitwiseNot, IsNaN, IsInf."""
    for shape in (*draw.ranks(), ()):
        yield Case(op, (activation(*shape),))


def _clip(op: str, draw: Draw) -> Iterator[Case]:
    zero, six = constant(0, "float32"), constant(draw.size(6, 1, 2, 3), "float32")
    for operands in ((zero, six), (zero,), (OMITTED, six)):
        yield Case(op, (activation(*draw.image()), *operands), span=(-4.0, 8.0))


def _clip_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Bounds in the type of the kind, crossed, unstated, or fed."""
    image = activation(*draw.image())
    low, high = own(draw.size(1, 0, 2)), own(draw.size(4, 3, 5))
    for operands in ((low, high), (low,), (OMITTED, high), (high, low), (), (activation(), high)):
        yield Case(op, (image, *operands), span=(-4.0, 8.0))
    for shape in draw.ranks():
        yield Case(op, (activation(*shape), low, high), span=(-4.0, 8.0))


def _old_clip(op: str, draw: Draw) -> Iterator[Case]:
    image = activation(*draw.image())
    for choice in combinations(min=[None, 0.0, -1.0], max=[None, 6.0, 1.0]):
        yield Case(op, (image,), choice, opset=6 if choice.get("max") else 9, span=(-4.0, 8.0))


def _cast(op: str, draw: Draw) -> Iterator[Case]:
    for target in ("float32", "float16", "float64", "bfloat16", *WHOLE):
        code = int(helper.np_dtype_to_tensor_dtype(number_type(target)))
        shape = draw.image() if target in {"float32", "int32"} else draw.shape(4, 16)
        yield Case(op, (activation(*shape),), {"to": code}, note=target)


def _where(op: str, draw: Draw) -> Iterator[Case]:
    image = draw.image()
    _, channels, height, width = image
    for shape in draw.ranks():
        yield Case(op, (fed("bool", shape), activation(*shape), activation(*shape)))
    for one, other in (
        (activation(*image), weight()),
        (weight(1), activation(*image)),
        (weight(channels, 1, 1), weight(1)),
        (activation(*image), activation(channels, 1, 1)),
    ):
        yield Case(op, (fed("bool", image), one, other))
        yield Case(op, (fed("bool", (1, 1, height, width)), one, other))
    stored = constant([[True, False] * 4], "bool")
    yield Case(op, (stored, activation(4, 8), activation(4, 8)))


def _older(op: str, draw: Draw) -> Iterator[Case]:
    """As in opset 9."""
    for case in _unary(op, draw) if op in UNARY else _binary(op, draw):
        if op not in {"Max", "Min", "Mod"} or case.attributes == {}:
            yield replace(case, opset=9 if op not in {"Mod", "HardSwish"} else 14)


FAMILIES: Mapping[str, Family] = {
    **families(_unary, tuple(UNARY)),
    **families(_binary, BINARY, (*FLOATS, "int32")),
    **families(_binary, COMPARISONS, ("float32", "float16", "int32")),
    "Clip": Family("Clip", _clip, ("float32", "a8w8", "a16w8")),
    **families(_unary, tuple(MORE_UNARY), ("float32", "a8w8")),
    **families(
        _unary_forms, (*UNARY, *MORE_UNARY), ("float32", "a8w8"), FEW, "{} in other forms"
    ),
    **families(_unary_forms, ("Abs", "Neg", "Sign", "Identity", "Relu"), (), WHOLE,
               "{} of whole numbers"),
    **families(_binary_forms, BINARY, ("float32", "a8w8", "a16w8"), (*FEW, *WHOLE),
               "{} in other forms"),
    **families(_binary_forms, COMPARISONS, ("float32", "a8w8"), (*FEW, *WHOLE),
               "{} in other forms"),
    **families(_as_activation, (*BINARY, *COMPARISONS), ("a8w8", "a16w8"),
               ("s8w8", "s16w8", "a16w16"), "{} and a constant as activations"),
    "Mod of whole numbers": Family("Mod", _whole, WHOLE[:-1]),
    **families(_whole, BITS, ("int32", "uint8"), ("int64", "uint32", "int8")),
    "BitShift": Family("BitShift", lambda op, draw: (
        replace(case, attributes={"direction": side})
        for case in _whole(op, draw) for side in ("LEFT", "RIGHT")
    ), ("uint8", "uint32")),
    **families(_variadic, VARIADIC, FLOATS, (), "{} of several"),
    **families(_logical, LOGICAL, ("bool",)),
    "Not": Family("Not", _truth, ("bool",)),
    "BitwiseNot": Family("BitwiseNot", _truth, ("int32", "uint8")),
    "IsNaN": Family("IsNaN", _truth, BEFORE, ("bfloat16", "float64")),
    "IsInf": Family("IsInf", _truth, ("float32",)),
    "Clip in other forms": Family("Clip", _clip_forms, (*FLOATS, "int32", "uint8"),
                                  (*FEW, "int8", "int64")),
    "Clip of older opsets": Family("Clip", _old_clip, BEFORE),
    "Cast": Family("Cast", _cast, (*BEFORE, "int32", "uint8", "bool", "int64"),
                   ("int8", "int16", "uint16", "uint32", "uint64", *FEW, "a8w8", "a16w8")),
    "Where": Family("Where", _where, MOVERS, FEW_MOVERS),
    **families(_older, ("Relu", "Sigmoid", "LeakyRelu", "HardSigmoid", "Add", "Mul", "PRelu",
                        "Pow", "HardSwish"), ("float32",), BEFORE[1:], "{} of older opsets"),
}  # fmt: skip

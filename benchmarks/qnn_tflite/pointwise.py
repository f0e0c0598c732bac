"""Operators that work element by element."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qnn_cases import Case, activation, combinations, constant, fed, own, stored
from qnn_draws import Draw
from qnn_operators.family import Family, families

from qnn_tflite.kinds import FEW, FEW_MOVERS, MOVERS, REAL
from qnn_tflite.windows import FUSED, image

UNARY: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("ABS", "CEIL", "COS", "ELU", "EXP", "FLOOR", "GELU", "HARD_SWISH"), (-3, 3)),
    **dict.fromkeys(("LEAKY_RELU", "LOGISTIC", "NEG", "RELU", "RELU6", "RELU_0_TO_1"), (-3, 3)),
    **dict.fromkeys(("RELU_N1_TO_1", "ROUND", "SIGN", "SIN", "SQUARE", "TANH"), (-3, 3)),
    **dict.fromkeys(("LOG", "RSQRT", "SQRT"), (0.1, 4)),
    "ZEROS_LIKE": (-1, 1),
}
FUSING = ("ADD", "SUB", "MUL", "DIV")
BINARY = ("MAXIMUM", "MINIMUM", "POW", "SQUARED_DIFFERENCE", "FLOOR_DIV", "FLOOR_MOD", "ATAN2")
COMPARISONS = ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL")
_POSITIVE = frozenset({"DIV", "POW", "FLOOR_DIV", "FLOOR_MOD"})
_WHOLE = ("int32", "int64")


def _unary(op: str, draw: Draw) -> Iterator[Case]:
    choices: tuple[dict[str, object], ...] = ({},)
    if op == "LEAKY_RELU":
        choices = ({"alpha": draw.number(0.1, 0.0, 1.0)}, {"alpha": 1.5})
    elif op == "GELU":
        choices = ({"approximate": False}, {"approximate": True})
    for shape in (*draw.ranks(), ()):
        for choice in choices:
            yield Case(op, (activation(*shape),), choice, opset=1, span=UNARY[op])
    yield Case(op, (activation(*image(draw), open=(0,)),), choices[0], opset=1, span=UNARY[op])


def _pairs(op: str, draw: Draw) -> Iterator[Case]:
    batch, height, width, channels = shape = image(draw)
    span = (0.5, 2.0) if op in _POSITIVE else (-2.0, 2.0)
    plain = {"fused_activation_function": "NONE"} if op in FUSING else {}
    for one, other in (
        *((each, each) for each in draw.ranks()),
        *((shape, each) for each in ((1,), (), (channels,), (1, 1, 1, channels),
                                     (1, height, width, 1))),
        ((channels,), shape),
        ((batch, height, 1, channels), (1, 1, width, 1)),
    ):  # fmt: skip
        yield Case(op, (activation(*one), activation(*other)), plain, opset=1, span=span)
        yield Case(op, (activation(*one), stored(*other)), plain, opset=1, span=span)
    yield Case(op, (stored(channels), activation(*shape)), plain, opset=1, span=span)
    yield Case(op, (activation(*shape, open=(0,)), stored(1)), plain, opset=1, span=span)


def _fused(op: str, draw: Draw) -> Iterator[Case]:
    shape = image(draw)
    for fused in FUSED:
        choice = {"fused_activation_function": fused}
        span = (0.5, 2.0) if op in _POSITIVE else (-2.0, 2.0)
        yield Case(op, (activation(*shape), activation(*shape)), choice, opset=1, span=span)


def _logical(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        count = 1 if op == "LOGICAL_NOT" else 2
        yield Case(op, (activation(*shape),) * count, opset=1)
    if op != "LOGICAL_NOT":
        shape = image(draw)
        yield Case(op, (activation(*shape), activation(shape[-1])), opset=1)


def _prelu(op: str, draw: Draw) -> Iterator[Case]:
    _, height, width, channels = shape = image(draw)
    for slopes in ((1, 1, channels), (height, width, channels), (1,), (channels,)):
        yield Case(op, (activation(*shape), stored(*slopes)), opset=1)
    for flat in draw.ranks():
        yield Case(op, (activation(*flat), stored(*[1] * (len(flat) - 2), flat[-1])), opset=1)


def _prelu_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Slopes of every form that goes with what is fed, of several batches too."""
    for batch in (1, 2):
        _, height, width, channels = image(draw)
        shape = (batch, height, width, channels)
        for slopes in (
            (height, width, channels), (1, width, channels), (height, 1, channels),
            (height, width, 1), (1, 1, channels), (1, 1, 1), (width, channels), (channels,),
            (1, height, width, channels), shape,
        ):  # fmt: skip
            yield Case(op, (activation(*shape), stored(*slopes)), opset=1)
    for flat in draw.ranks()[1:5]:
        yield Case(op, (activation(*flat), stored(*flat[1:])), opset=1)


def _select_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Conditions of one axis, one for each of what is fed first, and of one element."""
    for flat in draw.ranks()[1:5]:
        for count in (2, 3, 1):
            shape = (count, *flat[1:])
            operands = (fed("bool", (count,)), activation(*shape), activation(*shape))
            yield Case(op, operands, opset=1)
    for count in (2, 3):
        shape = (count, 2, 3, count)
        yield Case(op, (fed("bool", (count,)), activation(*shape), activation(*shape)), opset=1)


def _select(op: str, draw: Draw) -> Iterator[Case]:
    shape = image(draw)
    for each in draw.ranks():
        yield Case(op, (fed("bool", each), activation(*each), activation(*each)), opset=1)
    yield Case(op, (fed("bool", shape), stored(*shape), activation(*shape)), opset=1)
    if op == "SELECT_V2":
        for one, other in (((1,), shape), (shape, ()), ((shape[-1],), (1,))):
            yield Case(op, (fed("bool", shape), activation(*one), activation(*other)), opset=1)
        narrow = (1, *shape[1:3], 1)
        yield Case(op, (fed("bool", narrow), activation(*shape), own(0.5)), opset=1)
    else:
        yield Case(op, (fed("bool", (shape[0],)), activation(*shape), activation(*shape)), opset=1)


def _cast(op: str, draw: Draw) -> Iterator[Case]:
    for target in ("float32", "float16", "int32", "int64", "uint8", "int8", "int16", "bool"):
        yield Case(op, (activation(*draw.shape(4, 16)),), {"out_data_type": target}, opset=1)
        yield Case(op, (activation(*image(draw)),), {"out_data_type": target}, opset=1)


def _quantise(op: str, draw: Draw) -> Iterator[Case]:
    """To each type: from real numbers, and from other scales."""
    for target in ("int8", "uint8", "int16"):
        for shape in (image(draw), draw.shape(4, 16), draw.shape(1, 2, 4, 6, 8)):
            yield Case(op, (activation(*shape),), opset=1, note=f"to {target}")


def _dequantise(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        yield Case(op, (activation(*shape),), opset=1)


def _many(op: str, draw: Draw) -> Iterator[Case]:
    """ADD_N."""
    for count in (2, 3, 4):
        yield Case(op, (activation(*image(draw)),) * count, opset=1, note=f"{count} inputs")


def _bits(op: str, draw: Draw) -> Iterator[Case]:
    yield Case(op, (activation(*image(draw)), activation(*image(draw))), opset=1)
    yield Case(op, (activation(*draw.shape(4, 16)), constant(1, "int32")), opset=1)


def _broadcast(op: str, draw: Draw) -> Iterator[Case]:
    batch, height, width, channels = image(draw)
    for shape, to in (
        ((channels,), (batch, height, width, channels)), ((1, 1), (3, 5)), ((), (4,)),
        ((1, height, 1, channels), (batch, height, width, channels)),
        ((2, 1, 3, 1, 2), (2, 4, 3, 2, 2)), ((4, 6), (4, 6)),
    ):  # fmt: skip
        for dtype in ("int32", "int64"):
            yield Case(op, (activation(*shape), constant(to, dtype)), opset=2, note=dtype)


def _one_hot(op: str, draw: Draw) -> Iterator[Case]:
    for choice in combinations(axis=[-1, 0, 1]):
        depth = constant(draw.size(6), "int32")
        operands = (fed("int32", draw.shape(4, 3), 0, 3), depth, own(1.0), own(0.0))
        yield Case(op, operands, choice, opset=1)
    flat = (fed("int32", (draw.size(5),), 0, 3), depth, own(2.0), own(-1.0))
    yield Case(op, flat, {"axis": -1}, opset=1)


FAMILIES: Mapping[str, Family] = {
    **families(_unary, tuple(UNARY), REAL, (*FEW, "int32", "int64")),
    **families(_pairs, (*FUSING, *BINARY), REAL, (*FEW, *_WHOLE)),
    **families(_fused, FUSING, REAL, (*FEW, "int32"), "{} and an activation"),
    **families(_pairs, COMPARISONS, ("float32", "s8w8", "int32"), (*FEW, "s16w8", "int64", "bool")),
    **families(_logical, ("LOGICAL_AND", "LOGICAL_OR", "LOGICAL_NOT"), ("bool",)),
    "PRELU": Family("PRELU", _prelu, REAL, FEW),
    "PRELU in other forms": Family("PRELU", _prelu_forms, REAL, FEW),
    **families(_select, ("SELECT", "SELECT_V2"), MOVERS, FEW_MOVERS),
    "SELECT in other forms": Family("SELECT", _select_forms, ("float32", "s8w8"),
                                    (*FEW, "s16w8", "int32")),
    "CAST": Family("CAST", _cast, ("float32", "int32", "bool"),
                   ("float16", "int64", "uint8", "int8", "int16", "uint32", "s8w8")),
    "QUANTIZE": Family("QUANTIZE", _quantise, ("float32", "s8w8", "s16w8", "a8w8")),
    "DEQUANTIZE": Family("DEQUANTIZE", _dequantise, ("s8w8", "s16w8", "a8w8", "float16")),
    "ADD_N": Family("ADD_N", _many, ("float32", "int32")),
    **families(_bits, ("BITWISE_XOR", "RIGHT_SHIFT"), ("int32",), ("uint8", "int8")),
    "BROADCAST_TO": Family("BROADCAST_TO", _broadcast, MOVERS, FEW_MOVERS),
    "ONE_HOT": Family("ONE_HOT", _one_hot, REAL, (*FEW, "int32")),
}  # fmt: skip

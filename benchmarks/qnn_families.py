"""The operators of the sweep: what their operands and attributes may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from qnn_cases import (
    FLOATS,
    OMITTED,
    Case,
    activation,
    combinations,
    constant,
    in_kinds,
    weight,
)

IMAGE = (1, 8, 12, 16)
RANKS = ((16,), (4, 16), (2, 4, 16), IMAGE, (1, 2, 4, 6, 8), (1, 2, 2, 2, 4, 4))

# By the range of inputs that keeps them finite and interesting.
UNARY: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("Abs", "Ceil", "Cos", "Elu", "Erf", "Exp", "Floor", "Gelu"), (-3.0, 3.0)),
    **dict.fromkeys(("HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Mish"), (-3.0, 3.0)),
    **dict.fromkeys(("Neg", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin"), (-3.0, 3.0)),
    **dict.fromkeys(("Softplus", "Softsign", "Tan", "Tanh", "ThresholdedRelu"), (-3.0, 3.0)),
    **dict.fromkeys(("Acos", "Asin", "Atan", "Atanh"), (-0.9, 0.9)),
    **dict.fromkeys(("Log", "Reciprocal", "Sqrt"), (0.1, 4.0)),
}
BINARY = ("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "PRelu", "Mod")
COMPARISONS = ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
REDUCTIONS = (
    *("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"),
    *("ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceSumSquare"),
)
MOVERS = (*FLOATS, "int32", "uint8")


def _unary(op: str) -> Iterator[Case]:
    for shape in RANKS:
        yield Case(op, (activation(*shape),), span=UNARY[op])


def _binary(op: str) -> Iterator[Case]:
    span = (0.5, 2.0) if op in {"Div", "Pow", "Mod"} else (-2.0, 2.0)
    attributes = {"fmod": 1} if op == "Mod" else {}
    for one, other in (
        *((shape, shape) for shape in RANKS),
        *((IMAGE, other) for other in ((1,), (16,), (8, 1, 1), (1, 8, 1, 1), (1, 1, 12, 16))),
    ):
        yield Case(op, (activation(*one), activation(*other)), attributes, span=span)
        yield Case(op, (activation(*one), weight(*other)), attributes, span=span)


def _reduction(op: str) -> Iterator[Case]:
    for shape, axes in ((IMAGE, (1,)), (IMAGE, (3,)), (IMAGE, (2, 3)), (IMAGE, (0, 1, 2, 3)),
                        ((4, 16), (1,)), ((1, 2, 4, 6, 8), (4,))):  # fmt: skip
        for keep in (0, 1):
            yield Case(
                op, (activation(*shape), constant(axes)), {"keepdims": keep}, span=(0.5, 1.5)
            )


def _conv(op: str) -> Iterator[Case]:
    for choice in combinations(
        strides=[[1, 1], [2, 2], [1, 2], [3, 3]],
        dilations=[None, [2, 2]],
        group=[1, 2, 8],
        pads=[[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 1, 1]],
    ):
        for side in (1, 3, 5):
            inside = 8 // choice["group"]
            kernel = weight(8, inside, side, side)
            yield Case(op, (activation(*IMAGE), kernel), {**choice, "kernel_shape": [side, side]})


def _conv_rank(op: str) -> Iterator[Case]:
    yield Case(op, (activation(1, 4, 16), weight(8, 4, 3)))
    yield Case(op, (activation(1, 4, 6, 8, 8), weight(8, 4, 3, 3, 3)))


def _conv_transpose(op: str) -> Iterator[Case]:
    for choice in combinations(
        strides=[[1, 1], [2, 2], [1, 2], [3, 3], [4, 4]],
        dilations=[None, [2, 2]],
        group=[1, 2],
        output_padding=[None, [1, 1]],
        pads=[None, [1, 1, 1, 1]],
    ):
        if choice.get("output_padding") and min(choice["strides"]) < 2:
            continue
        for side in (2, 3, 4):
            yield Case(
                op, (activation(1, 8, 6, 8), weight(8, 8 // choice["group"], side, side)), choice
            )


def _pool(op: str) -> Iterator[Case]:
    for choice in combinations(
        kernel_shape=[[2, 2], [3, 3], [5, 5]],
        strides=[None, [2, 2]],
        pads=[None, [1, 1, 1, 1]],
        ceil_mode=[0, 1],
        count_include_pad=[0, 1] if op == "AveragePool" else [None],
        dilations=[None, [2, 2]],
    ):
        yield Case(op, (activation(*IMAGE),), choice)


def _resize(op: str) -> Iterator[Case]:
    transformations = "half_pixel half_pixel_symmetric pytorch_half_pixel align_corners asymmetric"
    for choice in (
        *combinations(
            mode=["nearest"],
            coordinate_transformation_mode=transformations.split(),
            nearest_mode=["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"],
        ),
        *combinations(
            mode=["linear", "cubic"],
            coordinate_transformation_mode=transformations.split(),
            antialias=[None, 1],
        ),
    ):
        for factor in (2.0, 3.0, 0.5, 1.5):
            scales = constant([1, 1, factor, factor], "float32")
            yield Case(op, (activation(*IMAGE), OMITTED, scales), choice)


def _pad(op: str) -> Iterator[Case]:
    for mode in ("constant", "reflect", "edge", "wrap"):
        for pads in ([0, 0, 1, 1, 0, 0, 1, 1], [0, 0, 3, 2, 0, 0, 1, 0], [0, 2, 0, 0, 0, 1, 0, 0]):
            yield Case(op, (activation(*IMAGE), constant(pads)), {"mode": mode})


def _transpose(op: str) -> Iterator[Case]:
    for order in ((1, 0), (0, 2, 1), (0, 2, 3, 1), (0, 3, 1, 2), (3, 2, 1, 0), (0, 1, 3, 4, 2),
                  (0, 1, 4, 2, 5, 3)):  # fmt: skip
        shape = (2, 4, 6, 4, 2, 2)[: len(order)]
        yield Case(op, (activation(*shape),), {"perm": order})


def _space(op: str) -> Iterator[Case]:
    modes = ["DCR", "CRD"] if op == "DepthToSpace" else [None]
    for choice in combinations(blocksize=[2, 4], mode=modes):
        yield Case(op, (activation(1, 16, 8, 8),), choice)


def _concat(op: str) -> Iterator[Case]:
    for axis in (1, 2, 3, -1):
        for count in (2, 3, 5):
            yield Case(op, (activation(*IMAGE),) * count, {"axis": axis})


def _slice(op: str) -> Iterator[Case]:
    for axis in (1, 2, 3):
        for step in (1, 2, -1):
            ends = ([0], [6]) if step > 0 else ([6], [0])
            operands = (activation(*IMAGE), *map(constant, (*ends, [axis], [step])))
            yield Case(op, operands)


def _softmax(op: str) -> Iterator[Case]:
    for axis in (1, 2, 3, -1):
        yield Case(op, (activation(*IMAGE),), {"axis": axis})
    yield Case(op, (activation(4, 16),), {"axis": -1})


def _matmul(op: str) -> Iterator[Case]:
    for one, other in (((4, 8), (8, 6)), ((2, 4, 8), (2, 8, 6)), ((1, 2, 4, 8), (1, 2, 8, 6)),
                       ((2, 4, 8), (8, 6)), ((1, 2, 4, 8), (8, 6))):  # fmt: skip
        yield Case(op, (activation(*one), weight(*other)))
        yield Case(op, (activation(*one), activation(*other)))


def _gemm(op: str) -> Iterator[Case]:
    for choice in combinations(transA=[0, 1], transB=[0, 1], alpha=[1.0, 0.5]):
        one = (8, 4) if choice["transA"] else (4, 8)
        other = (6, 8) if choice["transB"] else (8, 6)
        yield Case(op, (activation(*one), weight(*other), weight(6)), choice)


def _channel_norm(op: str) -> Iterator[Case]:
    for shape in ((1, 8, 16), IMAGE, (2, 8, 6, 6)):
        yield Case(op, (activation(*shape), weight(8), weight(8)))


def _layer_norm(op: str) -> Iterator[Case]:
    for axis, shape in ((-1, (16,)), (2, (12, 16)), (1, (8, 12, 16))):
        yield Case(op, (activation(*IMAGE), weight(*shape), weight(*shape)), {"axis": axis})


def _gather(op: str) -> Iterator[Case]:
    for axis in (1, 2, 3):
        for indices in ([0, 2, 1], [[0, 1], [2, 3]], 1):
            yield Case(op, (activation(*IMAGE), constant(indices)), {"axis": axis})


def _positions(op: str) -> Iterator[Case]:
    for choice in combinations(axis=[1, 2, 3], keepdims=[0, 1], select_last_index=[None, 1]):
        yield Case(op, (activation(*IMAGE),), choice)


def _clip(op: str) -> Iterator[Case]:
    zero, six = constant(0, "float32"), constant(6, "float32")
    for operands in ((zero, six), (zero,), (OMITTED, six)):
        yield Case(op, (activation(*IMAGE), *operands), span=(-4.0, 8.0))


FAMILIES: Mapping[str, tuple[Callable[[str], Iterator[Case]], tuple[str, ...]]] = {
    **dict.fromkeys(UNARY, (_unary, FLOATS)),
    **dict.fromkeys(BINARY, (_binary, (*FLOATS, "int32"))),
    **dict.fromkeys(COMPARISONS, (_binary, ("float32", "float16", "int32"))),
    **dict.fromkeys(REDUCTIONS, (_reduction, FLOATS)),
    "Conv": (_conv, FLOATS),
    "Conv of other ranks": (lambda _: _conv_rank("Conv"), FLOATS),
    "ConvTranspose": (_conv_transpose, FLOATS),
    **dict.fromkeys(("AveragePool", "MaxPool"), (_pool, FLOATS)),
    "Resize": (_resize, FLOATS),
    "Pad": (_pad, MOVERS),
    "Transpose": (_transpose, MOVERS),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), (_space, MOVERS)),
    "Concat": (_concat, MOVERS),
    "Slice": (_slice, MOVERS),
    "Gather": (_gather, MOVERS),
    **dict.fromkeys(("Softmax", "LogSoftmax"), (_softmax, FLOATS)),
    "MatMul": (_matmul, FLOATS),
    "Gemm": (_gemm, FLOATS),
    "InstanceNormalization": (_channel_norm, FLOATS),
    "LayerNormalization": (_layer_norm, FLOATS),
    **dict.fromkeys(("ArgMax", "ArgMin"), (_positions, FLOATS)),
    "Clip": (_clip, ("float32", "a8w8", "a16w8")),
}
"""By operator: what yields its cases, and the kinds that each is built in."""


def cases(names: tuple[str, ...] = ()) -> Iterator[Case]:
    """All cases of some operators, or of all."""
    for name in names or FAMILIES:
        family, kinds = FAMILIES[name]
        yield from in_kinds(family(name), kinds)

"""Readers of ONNX operators that move, select, join, reduce or multiply."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, cast

from npulint.operators.onnx_node import NoConversionError, OnnxNode, Reader
from npulint.operators.rearrangements import (
    ArgReduce,
    Concat,
    CumSum,
    Dense,
    Expand,
    Gather,
    GatherElements,
    GatherNd,
    MatMul,
    Miscellaneous,
    OneHot,
    Operator,
    Pad,
    Reduce,
    Reshape,
    ReverseSequence,
    Scatter,
    ShapeOf,
    Slice,
    Split,
    Squeeze,
    Tile,
    TopK,
    Transpose,
)

_REDUCTIONS: Mapping[str, str] = MappingProxyType(
    {
        "ReduceMean": "mean", "ReduceSum": "sum", "ReduceMax": "max", "ReduceMin": "min",
        "ReduceProd": "prod", "ReduceL1": "l1", "ReduceL2": "l2",
        "ReduceSumSquare": "sum_square", "ReduceLogSum": "log_sum",
        "ReduceLogSumExp": "log_sum_exp",
    }
)  # fmt: skip

_END = (1 << 31) - 1
"""Where exporters cut off an open end; anything beyond is open too."""


def _reduce(node: OnnxNode) -> Operator:
    axes = node.axes("axes", 1)
    if not axes:
        if axes is None and node.integer("noop_with_empty_axes", 0):
            return Miscellaneous("identity")
        axes = tuple(range(node.rank()))
    return Reduce(
        _REDUCTIONS[node.operation.op],
        tuple(sorted(axes)),
        bool(node.integer("keepdims", 1)),
    )


def _arg_reduce(kind: Literal["max", "min"]) -> Reader:
    def read(node: OnnxNode) -> ArgReduce:
        return ArgReduce(
            kind,
            node.axis(0),
            bool(node.integer("keepdims", 1)),
            bool(node.integer("select_last_index", 0)),
        )

    return read


def _top_k(node: OnnxNode) -> TopK:
    return TopK(node.axis(-1), bool(node.integer("largest", 1)))


def _cum_sum(node: OnnxNode) -> CumSum:
    stated = node.whole(1)
    axis = node.wrap(stated[0], node.rank()) if stated else None
    return CumSum(axis, bool(node.integer("exclusive", 0)), bool(node.integer("reverse", 0)))


def _reshape(node: OnnxNode) -> Reshape:
    """Which sizes are fixed is read off the result; an operand may be computed of constants."""
    return Reshape(sum(not isinstance(size, int) for size in node.output_shape()) <= 1)


def _flatten(node: OnnxNode) -> Reshape:
    return Reshape()


def _transpose(node: OnnxNode) -> Transpose:
    stated = node.integers("perm")
    permutation = tuple(reversed(range(node.rank()))) if stated is None else stated
    if sorted(permutation) != list(range(node.rank())):
        raise NoConversionError(f"perm {permutation} does not order rank {node.rank()}")
    return Transpose(permutation)


def _squeeze(node: OnnxNode) -> Squeeze:
    if node.stated("axes", 1) is None and not node.has(1):
        shape = node.shape()
        if not all(isinstance(size, int) for size in shape):
            return Squeeze(None)
        return Squeeze(tuple(axis for axis, size in enumerate(shape) if size == 1))
    return Squeeze(node.axes("axes", 1))


def _unsqueeze(node: OnnxNode) -> Reshape:
    return _reshape(node)


def _concat(node: OnnxNode) -> Concat:
    return Concat(node.axis(1))


def _split(node: OnnxNode) -> Split:
    sizes = node.stated("split", 1)
    if sizes is None and node.has(1):
        raise NoConversionError("the sizes of the pieces are computed while the model runs")
    return Split(node.axis(0), sizes)


def _slice(node: OnnxNode) -> Slice:
    starts, ends = node.stated("starts", 1), node.stated("ends", 2)
    if starts is None or ends is None:
        return Slice(None)
    axes = node.stated("axes", 3)
    if axes is None:
        if node.has(3):
            return Slice(None)
        axes = tuple(range(len(starts)))
    steps = node.whole(4)
    if steps is None:
        if node.has(4):
            return Slice(None)
        steps = (1,) * len(starts)
    rank = node.rank()
    ranges = []
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=False):
        ranges.append((node.wrap(axis, rank), start, end, step))
    return Slice(tuple(ranges))


def _pad(node: OnnxNode) -> Pad:
    mode = node.word("mode", "constant")
    if mode not in ("constant", "reflect", "edge", "wrap"):
        raise NoConversionError(f"mode is {mode}")
    rank = node.rank()
    flat = node.integers("pads") or node.integers("paddings") or node.whole(1)
    value: float | None = node.number("value", 0.0)
    if node.has(2):
        elements = node.elements(2)
        value = elements[0] if elements else None
    named = cast("Literal['constant', 'reflect', 'edge', 'wrap']", mode)
    if flat is None:
        return Pad(None, named, value)
    axes = node.axes("axes", 3) or tuple(range(rank))
    pads = [(0, 0)] * rank
    for position, axis in enumerate(axes):
        pads[axis] = (flat[position], flat[position + len(axes)])
    return Pad(tuple(pads), named, value)


def _tile(node: OnnxNode) -> Tile:
    if node.opset < 6:
        raise NoConversionError("Tile along one axis ended with opset 6")
    return Tile(node.whole(1))


def _gather_nd(node: OnnxNode) -> GatherNd:
    return GatherNd(node.integer("batch_dims", 0))


def _gather_elements(node: OnnxNode) -> GatherElements:
    return GatherElements(node.axis(0))


def _scatter(node: OnnxNode) -> Scatter:
    by_tuples = node.operation.op == "ScatterND"
    return Scatter(None if by_tuples else node.axis(0), node.word("reduction", "none"))


def _reverse_sequence(node: OnnxNode) -> ReverseSequence:
    return ReverseSequence(node.axis(1, name="batch_axis"), node.axis(0, name="time_axis"))


def _one_hot(node: OnnxNode) -> OneHot:
    return OneHot(node.axis(-1, rank=node.rank() + 1))


def _shape_of(node: OnnxNode) -> ShapeOf:
    if node.operation.op == "Size":
        return ShapeOf(0, None, count=True)
    attributes = node.operation.attributes
    end = node.integer("end", 0) if "end" in attributes else None
    return ShapeOf(node.integer("start", 0), end)


def _gemm(node: OnnxNode) -> Dense:
    return Dense(
        bool(node.integer("transA", 0)),
        bool(node.integer("transB", 0)),
        node.number("alpha", 1.0),
        node.number("beta", 1.0),
    )


def _named(kind: str) -> Reader:
    return lambda node: Miscellaneous(kind)


SHAPE_READERS: Mapping[str, Reader] = MappingProxyType(
    {
        **dict.fromkeys(_REDUCTIONS, _reduce),
        "ArgMax": _arg_reduce("max"),
        "ArgMin": _arg_reduce("min"),
        "TopK": _top_k,
        "CumSum": _cum_sum,
        "Reshape": _reshape,
        "Flatten": _flatten,
        "Transpose": _transpose,
        "Squeeze": _squeeze,
        "Unsqueeze": _unsqueeze,
        "Concat": _concat,
        "Split": _split,
        "Slice": _slice,
        "Pad": _pad,
        "Expand": lambda node: Expand(),
        "Tile": _tile,
        "Gather": lambda node: Gather(node.axis(0)),
        "GatherND": _gather_nd,
        "GatherElements": _gather_elements,
        "ScatterND": _scatter,
        "ScatterElements": _scatter,
        "Scatter": _scatter,
        "OneHot": _one_hot,
        "ReverseSequence": _reverse_sequence,
        "Shape": _shape_of,
        "Size": _shape_of,
        "MatMul": lambda node: MatMul(),
        "Gemm": _gemm,
        "Identity": _named("identity"),
        "Dropout": _named("dropout"),
        "NonZero": _named("nonzero"),
        "ConstantOfShape": _named("fill"),
        "Range": _named("range"),
    }
)

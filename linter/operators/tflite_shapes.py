"""Readers of TFLite operators that move, select, join, reduce or multiply."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from npulint.operators.onnx_node import NoConversionError
from npulint.operators.rearrangements import (
    ArgReduce,
    Concat,
    CumSum,
    Dense,
    Expand,
    Gather,
    GatherNd,
    MatMul,
    Miscellaneous,
    Operator,
    Pad,
    Reduce,
    Reshape,
    ReverseSequence,
    ShapeOf,
    Slice,
    Split,
    Squeeze,
    Tile,
    TopK,
    Transpose,
)
from npulint.operators.tflite_node import TFLiteNode, TFLiteReader, counted_axis, stored_axis

_REDUCTIONS: Mapping[str, str] = MappingProxyType(
    {
        "MEAN": "mean", "SUM": "sum", "REDUCE_MAX": "max", "REDUCE_MIN": "min",
        "REDUCE_PROD": "prod", "REDUCE_ANY": "any", "REDUCE_ALL": "all",
    }
)  # fmt: skip


def _reduce(node: TFLiteNode) -> Reduce:
    axes = {node.axis(axis) for axis in node.whole(1)}
    return Reduce(_REDUCTIONS[node.operation.op], tuple(sorted(axes)), node.flag("keep_dims"))


def _arg_reduce(kind: Literal["max", "min"]) -> TFLiteReader:
    return lambda node: ArgReduce(kind, _only(node, 1), keep=False)


def _only(node: TFLiteNode, position: int) -> int:
    """An operand that holds one axis."""
    axes = node.whole(position)
    if len(axes) != 1:
        raise NoConversionError(f"operand {position} names {len(axes)} axes, not one")
    return node.axis(axes[0])


def _cum_sum(node: TFLiteNode) -> CumSum:
    axis = None if node.stated(1) is None else _only(node, 1)
    return CumSum(axis, node.flag("exclusive"), node.flag("reverse"))


def _reshape(node: TFLiteNode) -> Reshape:
    return Reshape(sum(size is None for size in node.output_shape()) <= 1)


def _transpose(node: TFLiteNode) -> Transpose:
    stated, rank = node.whole(1), node.rank()
    if sorted(stated) != list(range(rank)):
        raise NoConversionError(f"the order {stated} does not order rank {rank}")
    return Transpose(
        tuple(counted_axis(stated[stored_axis(axis, rank)], rank) for axis in range(rank))
    )


def _squeeze(node: TFLiteNode) -> Squeeze:
    stated = node.operation.attributes.get("squeeze_dims")
    axes = tuple(axis for axis in stated if isinstance(axis, int)) if stated else ()  # type: ignore[union-attr]
    if not axes:
        shape = node.shape()
        if None in shape:
            return Squeeze(None)
        axes = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return Squeeze(tuple(sorted(node.axis(axis) for axis in axes)))


def _concat(node: TFLiteNode) -> Concat:
    return Concat(node.axis(node.integer("axis")))


def _split(node: TFLiteNode) -> Split:
    """SPLIT has its axis in front of what it cuts."""
    (axis,) = node.whole(0)
    return Split(node.axis(axis, node.rank(1)), None)


def _split_v(node: TFLiteNode) -> Split:
    return Split(_only(node, 2), node.whole(1))


def _slice(node: TFLiteNode) -> Slice:
    starts, sizes = node.stated(1), node.stated(2)
    if starts is None or sizes is None:
        return Slice(None)
    shape = node.shape()
    ranges = []
    for axis, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        whole = shape[axis]
        end = start + size
        if size < 0:
            end = whole if isinstance(whole, int) else _END
        if start or end != whole:
            ranges.append((node.axis(axis), start, end, 1))
    return Slice(tuple(sorted(ranges)))


_END = (1 << 31) - 1
"""Stands for an open end, as in ONNX files."""


def _strided_slice(node: TFLiteNode) -> Slice:
    for name in ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask"):
        if node.integer(name):
            raise NoConversionError(f"a STRIDED_SLICE with {name} also changes the rank")
    starts, ends, steps = node.stated(1), node.stated(2), node.stated(3)
    if starts is None or ends is None or steps is None:
        return Slice(None)
    offset = node.flag("offset")
    open_start, open_end = node.integer("begin_mask"), node.integer("end_mask")
    shape = node.shape()
    ranges = []
    for axis, (start, end, step) in enumerate(zip(starts, ends, steps, strict=True)):
        size = shape[axis]
        stop = start + end if offset else end
        if open_start >> axis & 1:
            start = 0 if step > 0 else _END  # noqa: PLW2901 a mask overrides what is stated
        if open_end >> axis & 1:
            stop = (size if isinstance(size, int) else _END) if step > 0 else -_END
        if (start, step) != (0, 1) or stop != size:
            ranges.append((node.axis(axis), start, stop, step))
    return Slice(tuple(sorted(ranges)))


def _pad(node: TFLiteNode) -> Pad:
    mode: Literal["constant", "reflect"] = "constant"
    if node.operation.op == "MIRROR_PAD":
        if node.word("mode", "REFLECT") != "REFLECT":
            raise NoConversionError("a mirror that repeats the border has no ONNX counterpart")
        mode = "reflect"
    value: float | None = 0.0
    if node.operation.op == "PADV2":
        held = node.value(2)
        elements = held.constant.elements() if held is not None and held.constant else None
        value = float(elements[0]) if elements else None
    flat = node.stated(1)
    if flat is None:
        return Pad(None, mode, value)
    rank = node.rank()
    if len(flat) != 2 * rank:
        raise NoConversionError(f"{len(flat)} margins do not fit rank {rank}")
    stored = [(flat[2 * axis], flat[2 * axis + 1]) for axis in range(rank)]
    return Pad(tuple(stored[stored_axis(axis, rank)] for axis in range(rank)), mode, value)


def _tile(node: TFLiteNode) -> Tile:
    stored, rank = node.stated(1), node.rank()
    if stored is None:
        return Tile(None)
    if len(stored) != rank:
        raise NoConversionError(f"{len(stored)} repeats do not fit rank {rank}")
    return Tile(tuple(stored[stored_axis(axis, rank)] for axis in range(rank)))


def _gather(node: TFLiteNode) -> Gather:
    if node.integer("batch_dims"):
        raise NoConversionError("a GATHER with batch_dims has no ONNX counterpart")
    return Gather(node.axis(node.integer("axis")))


def _reverse_sequence(node: TFLiteNode) -> ReverseSequence:
    return ReverseSequence(node.axis(node.integer("batch_dim")), node.axis(node.integer("seq_dim")))


def _batch_mat_mul(node: TFLiteNode) -> Operator:
    transposed = node.flag("adj_x"), node.flag("adj_y")
    if not any(transposed):
        return MatMul()
    if node.rank(0) == node.rank(1) == 2:
        return Dense(*transposed)
    raise NoConversionError("a product of batches of transposed matrices has no ONNX counterpart")


def _fully_connected(node: TFLiteNode) -> Dense:
    """Filter rows are outputs; leading axes of the activation count as one."""
    if node.word("weights_format", "DEFAULT") != "DEFAULT":
        raise NoConversionError("the weights are stored in a shuffled order")
    return Dense(transpose_b=True)


SHAPE_READERS: Mapping[str, TFLiteReader] = MappingProxyType(
    {
        **dict.fromkeys(_REDUCTIONS, _reduce),
        "ARG_MAX": _arg_reduce("max"),
        "ARG_MIN": _arg_reduce("min"),
        "TOPK_V2": lambda node: TopK(node.axis(-1)),
        "CUMSUM": _cum_sum,
        "RESHAPE": _reshape,
        "EXPAND_DIMS": _reshape,
        "TRANSPOSE": _transpose,
        "SQUEEZE": _squeeze,
        "CONCATENATION": _concat,
        "SPLIT": _split,
        "SPLIT_V": _split_v,
        "SLICE": _slice,
        "STRIDED_SLICE": _strided_slice,
        "PAD": _pad,
        "PADV2": _pad,
        "MIRROR_PAD": _pad,
        "BROADCAST_TO": lambda node: Expand(),
        "TILE": _tile,
        "GATHER": _gather,
        "GATHER_ND": lambda node: GatherNd(),
        "REVERSE_SEQUENCE": _reverse_sequence,
        "SHAPE": lambda node: ShapeOf(0, None),
        "FILL": lambda node: Miscellaneous("fill"),
        "RANGE": lambda node: Miscellaneous("range"),
        "BATCH_MATMUL": _batch_mat_mul,
        "FULLY_CONNECTED": _fully_connected,
    }
)

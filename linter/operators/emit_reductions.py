"""Reductions, softmax and types as TFLite operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from npulint.model import Quantisation
from npulint.operators.emit_pointwise import apply, cast, number
from npulint.operators.layout import has_layouts, order, permuted, stored_axis, to_onnx, to_stored
from npulint.operators.onnx_node import NoConversionError
from npulint.operators.tape import Tape, constant, sizes, stored_type, tensor

if TYPE_CHECKING:
    from npulint.model import Value
    from npulint.operators.rearrangements import (
        ArgReduce,
        Cast,
        CumSum,
        Dequantize,
        Quantize,
        Reduce,
        TopK,
    )
    from npulint.operators.semantics import Hardmax, Softmax

_DIRECT: Mapping[str, str] = MappingProxyType(
    {
        "mean": "MEAN", "sum": "SUM", "max": "REDUCE_MAX", "min": "REDUCE_MIN",
        "prod": "REDUCE_PROD",
    }
)  # fmt: skip


def settle(tape: Tape, value: Value, axes: Sequence[int]) -> None:
    """Name the layout of a result whose stored axes are these ONNX axes, or restore the order.

    Args:
        tape: The node's tape.
        value: The result as computed.
        axes: For each stored axis, which axis of the ONNX result it is.
    """
    rank = len(axes)
    if list(axes) == list(range(rank)):
        tape.finish(last=False)
    elif has_layouts(rank) and tuple(axes) == to_stored(rank):
        tape.finish(last=True)
    else:
        tape.transpose(value, [list(axes).index(axis) for axis in range(rank)])
        tape.finish(last=False)


def remaining(rank: int, gone: Sequence[int], *, last: bool) -> list[int]:
    """The stored order of the ONNX axes that stay, renumbered."""
    kept = [axis for axis in range(rank) if axis not in gone]
    return [kept.index(axis) for axis in order(rank, last=last) if axis in kept]


def emit_reduce(tape: Tape, operator: Reduce) -> None:
    """One reduction with what comes before and after it."""
    held = tape.operand(0)
    value = tape.stored(0)
    rank = len(sizes(value))
    axes = sorted(stored_axis(axis, rank, last=held.last) for axis in operator.axes)
    kind = operator.kind
    if kind == "log_sum_exp":
        result = _log_sum_exp(tape, operator, value, axes)
    else:
        if kind in ("l2", "sum_square"):
            value = apply(tape, "SQUARE", [value])
        elif kind == "l1":
            value = apply(tape, "ABS", [value])
        op = _DIRECT.get(kind, "SUM")
        result = _reduced(tape, op, value, axes, keep=operator.keep)
        if kind == "l2":
            result = apply(tape, "SQRT", [result])
        elif kind == "log_sum":
            result = apply(tape, "LOG", [result])
    if operator.keep:
        tape.finish(last=held.last)
    else:
        settle(tape, result, remaining(rank, operator.axes, last=held.last))


def _reduced(tape: Tape, op: str, value: Value, axes: Sequence[int], *, keep: bool) -> Value:
    shape = sizes(value)
    if keep:
        target = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    else:
        target = tuple(size for axis, size in enumerate(shape) if axis not in axes)
    where = constant("int32", (len(axes),), list(axes))
    return tape.add(op, [value, where], tensor(value.dtype or "", target), keep_dims=keep)


def _log_sum_exp(tape: Tape, operator: Reduce, value: Value, axes: Sequence[int]) -> Value:
    """The converter subtracts the maximum first, and guards it against infinities."""
    highest = _reduced(tape, "REDUCE_MAX", value, axes, keep=True)
    rest = apply(tape, "SUB", [highest, highest])
    finite = apply(tape, "EQUAL", [rest, number(value, 0)], "bool")
    guard = tape.add("SELECT_V2", [finite, highest, number(value, 0)], tape.like(highest))
    lowered = tape.add("SUB", [value, guard], tape.like(value))
    total = _reduced(tape, "SUM", apply(tape, "EXP", [lowered]), axes, keep=operator.keep)
    logarithm = apply(tape, "LOG", [total])
    if not operator.keep:
        guard = tape.reshape(guard, sizes(logarithm))
    return apply(tape, "ADD", [logarithm, guard])


def emit_arg_reduce(tape: Tape, operator: ArgReduce) -> None:
    """ARG_MAX or ARG_MIN, and a RESHAPE where the axis stays."""
    if operator.last:
        raise NoConversionError("the last of equal elements has no TFLite builtin operator")
    held = tape.operand(0)
    value = tape.stored(0)
    rank = len(sizes(value))
    axis = stored_axis(operator.axis, rank, last=held.last)
    shape = sizes(value)
    result = tape.add(
        f"ARG_{operator.kind.upper()}",
        [value, constant("int32", (), [axis])],
        tensor("int64", shape[:axis] + shape[axis + 1 :]),
        output_type="int64",
    )
    if operator.keep:
        tape.reshape(result, (*shape[:axis], 1, *shape[axis + 1 :]))
        tape.finish(last=held.last)
    else:
        settle(tape, result, remaining(rank, (operator.axis,), last=held.last))


def emit_top_k(tape: Tape, operator: TopK) -> None:
    """TOPK_V2 along the last axis; NEG around it for the smallest."""
    held = tape.operand(0)
    value = tape.stored(0)
    rank = len(sizes(value))
    axis = stored_axis(operator.axis, rank, last=held.last)
    swap = [*(a for a in range(rank) if a != axis), axis]
    value = tape.transpose(value, swap)
    if not operator.largest:
        value = apply(tape, "NEG", [value])
    amount = tape.result_shape()[operator.axis]
    count = (
        constant("int32", (), [amount] if isinstance(amount, int) else None)
        if tape.operand(1).folded
        else cast(tape, tensor(tape.type(1), ()), "int32")
    )
    shape = (*sizes(value)[:-1], amount)
    best, where = tensor(value.dtype or "", shape), tensor("int32", shape)
    tape.write("TOPK_V2", [value, count], [best, where])
    if not operator.largest:
        best = apply(tape, "NEG", [best])
    back = [swap.index(a) for a in range(rank)]
    tape.transpose(best, back)
    tape.finish(last=held.last)
    if len(tape.results) > 1 and tape.results[1] is not None:
        tape.transpose(cast(tape, where, "int64"), back)
        tape.finish(last=held.last, position=1)


def emit_cum_sum(tape: Tape, operator: CumSum) -> None:
    """CUMSUM along a constant axis."""
    if operator.axis is None:
        raise NoConversionError("the axis of the running sum is computed while the model runs")
    held = tape.operand(0)
    value = tape.stored(0)
    axis = stored_axis(operator.axis, len(sizes(value)), last=held.last)
    tape.add(
        "CUMSUM",
        [value, constant("int32", (), [axis])],
        tape.like(value),
        exclusive=operator.exclusive,
        reverse=operator.reverse,
    )
    tape.finish(last=held.last)


def emit_softmax(tape: Tape, operator: Softmax) -> None:
    """SOFTMAX or LOG_SOFTMAX along the last stored axis, with TRANSPOSE around it elsewhere."""
    op = "LOG_SOFTMAX" if operator.log else "SOFTMAX"
    if operator.flatten:
        _flat_softmax(tape, op, operator.axis)
        return
    held = tape.operand(0)
    value = tape.stored(0)
    rank = len(sizes(value))
    axis = stored_axis(operator.axis, rank, last=held.last)
    moved = [*(other for other in range(rank) if other != axis), axis]
    value = apply(tape, op, [tape.transpose(value, moved)])
    tape.transpose(value, [moved.index(other) for other in range(rank)])
    tape.finish(last=held.last)


def _flat_softmax(tape: Tape, op: str, axis: int) -> None:
    """Before opset 13 all axes from `axis` on count as one."""
    value = tape.in_layout(0, last=False)
    shape = sizes(value)
    width = 1
    for size in shape[axis:]:
        if not isinstance(size, int):
            raise NoConversionError("a softmax over several axes needs their sizes")
        width *= size
    rows = 1
    for size in shape[:axis]:
        rows = rows * size if isinstance(size, int) and rows > 0 else -1
    flat = tape.reshape(value, (rows if rows > 0 else None, width))
    tape.reshape(apply(tape, op, [flat]), shape)
    tape.finish(last=False)


def emit_hardmax(tape: Tape, operator: Hardmax) -> None:
    """ARG_MAX and ONE_HOT."""
    held = tape.operand(0)
    value = tape.stored(0)
    rank = len(sizes(value))
    axis = stored_axis(operator.axis, rank, last=held.last)
    size = sizes(value)[axis]
    if axis != rank - 1 or not isinstance(size, int):
        raise NoConversionError("Hardmax along another axis than the last has no known conversion")
    best = tape.add(
        "ARG_MAX",
        [value, constant("int32", (), [-1])],
        tensor("int64", sizes(value)[:-1]),
        output_type="int64",
    )
    parts = [constant("int32", (), [size]), number(value, 1), number(value, 0)]
    tape.add("ONE_HOT", [best, *parts], tape.like(value), axis=-1)
    tape.finish(last=held.last)


def emit_cast(tape: Tape, operator: Cast) -> None:
    """CAST, or nothing where the converted model holds both types alike."""
    cast(tape, tape.stored(0), stored_type(operator.dtype))
    tape.finish(last=tape.operand(0).last)


def emit_quantize(tape: Tape, operator: Quantize) -> None:
    """QUANTIZE to a tensor with the node's scale and zero point."""
    held = tape.operand(0)
    value = tape.stored(0)
    target = tape.result_type()
    grid = _grid(tape, operator.axis, last=held.last)
    tape.add("QUANTIZE", [value], tensor(target, sizes(value), grid))
    tape.finish(last=held.last)


def emit_dequantize(tape: Tape, operator: Dequantize) -> None:
    """DEQUANTIZE of a tensor with the node's scale and zero point."""
    held = tape.operand(0)
    shape = tape.shape(0)
    kept = permuted(shape, to_stored(len(shape))) if held.last else shape
    value = tensor(tape.type(0), kept, _grid(tape, operator.axis, last=held.last))
    tape.add("DEQUANTIZE", [value], tensor("float32", kept))
    tape.finish(last=held.last)


def _grid(tape: Tape, axis: int, *, last: bool) -> Quantisation:
    """Scale and zero point as the file states them."""
    scale = tape.operand(1)
    if not scale.folded:
        raise NoConversionError("the quantisation scale is computed while the model runs")
    kept = scale.value.constant
    scales = tuple(float(item) for item in (kept.elements() or ())) if kept is not None else ()
    if not scales:
        raise NoConversionError("the quantisation scale is not at hand")
    zeros: tuple[int, ...] = ()
    if tape.given(2):
        offset = tape.operand(2).value.constant
        zeros = tuple(int(z) for z in (offset.elements() or ())) if offset is not None else ()
    rank = len(tape.shape(0))
    held = to_onnx(rank)[axis] if last and has_layouts(rank) else axis
    return Quantisation(scales, zeros, held)

"""Operators that change shapes or the order of axes, as TFLite operations.

Source of the forms: PINTO0309/onnx2tf onnx2tf/ops/{Reshape,Transpose,Squeeze,Concat,Split,
Slice,Expand,Tile,Shape}.py @2c0cb019, and what TensorFlow Lite's converter 2.21 made of them
(tests/operators/recorded.json).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.operators.emit_binary import broadcast_operands
from npulint.operators.emit_pointwise import cast
from npulint.operators.emit_reductions import remaining, settle
from npulint.operators.layout import has_layouts, order, permuted, stored_axis, to_stored
from npulint.operators.onnx_node import NoConversionError
from npulint.operators.tape import Tape, constant, known, sizes, tensor

if TYPE_CHECKING:
    from npulint.model import Shape, Value
    from npulint.operators.rearrangements import (
        Concat,
        Expand,
        Reshape,
        ShapeOf,
        Slice,
        Split,
        Squeeze,
        Tile,
        Transpose,
    )

_OPEN_END = (1 << 31) - 1


def emit_reshape(tape: Tape, operator: Reshape) -> None:
    """RESHAPE from the ONNX order of axes; only that order where the shape stays."""
    target = tape.result_shape()
    value = tape.in_layout(0, last=False)
    if target == tape.shape(0) and None not in target:
        tape.finish(last=False)
        return
    if operator.fixed and sum(size is None for size in target) <= 1:
        tape.reshape(value, target)
    else:
        _computed_reshape(tape, value, target)
    tape.finish(last=False)


def _computed_reshape(tape: Tape, value: Value, target: Shape) -> None:
    """RESHAPE to a shape that the model computes as it runs."""
    result = tensor(value.dtype or "", target)
    rank = len(target)
    if tape.given(1) and not tape.operand(1).folded:
        wanted = cast(tape, tensor(tape.type(1), (rank,)), "int32")
    else:
        wanted = _packed_shape(tape, value, target)
    tape.add("RESHAPE", [value, wanted], result, new_shape=())


def _packed_shape(tape: Tape, value: Value, target: Shape) -> Value:
    source = tape.add("SHAPE", [value], tensor("int32", (len(sizes(value)),)), out_type="int32")
    bounds = [constant("int32", (1,), [item]) for item in (0, 1, 1)]
    scalar = tensor("int32", ())
    parts: list[Value | None] = []
    for size in target:
        if isinstance(size, int):
            parts.append(constant("int32", (), [size]))
        else:
            tape.add("STRIDED_SLICE", [source, *bounds], scalar, shrink_axis_mask=1)
            parts.append(scalar)
    rank = len(target)
    return tape.add("PACK", parts, tensor("int32", (rank,)), values_count=rank, axis=0)


def emit_transpose(tape: Tape, operator: Transpose) -> None:
    """TRANSPOSE from the operand's layout; nothing where the result is stored just so."""
    held = tape.operand(0)
    value = tape.stored(0)
    rank = len(operator.permutation)
    stored = order(rank, last=held.last and has_layouts(rank))
    plain = [stored.index(axis) for axis in operator.permutation]
    channels_last = [plain[axis] for axis in to_stored(rank)] if has_layouts(rank) else plain
    if channels_last == list(range(rank)) and plain != channels_last:
        tape.finish(last=True)
        return
    tape.transpose(value, plain)
    tape.finish(last=False)


def emit_squeeze(tape: Tape, operator: Squeeze) -> None:
    """RESHAPE that leaves out axes of size 1."""
    if operator.axes is None:
        raise NoConversionError("which axes are dropped is not known before the model runs")
    held = tape.operand(0)
    value = tape.stored(0)
    rank = len(sizes(value))
    last = held.last and has_layouts(rank)
    gone = {stored_axis(axis, rank, last=last) for axis in operator.axes}
    target = tuple(size for axis, size in enumerate(sizes(value)) if axis not in gone)
    if target == sizes(value):
        tape.finish(last=held.last)
        return
    result = tape.reshape(value, target)
    settle(tape, result, remaining(rank, operator.axes, last=last))


def emit_concat(tape: Tape, operator: Concat) -> None:
    """CONCATENATION, or nothing of one operand."""
    if len(tape.operands) == 1:
        tape.finish(last=tape.operand(0).last)
        return
    rank = len(tape.result_shape())
    operands = [tape.operand(position) for position in range(len(tape.operands))]
    last = has_layouts(rank) and any(item.last and not item.folded for item in operands)
    values = [tape.in_layout(position, last=last) for position in range(len(operands))]
    shape = tape.result_shape()
    tape.add(
        "CONCATENATION",
        values,
        tensor(tape.result_type(), permuted(shape, order(rank, last=last))),
        axis=stored_axis(operator.axis, rank, last=last),
    )
    tape.finish(last=last)


def emit_split(tape: Tape, operator: Split) -> None:
    """SPLIT into equal parts; STRIDED_SLICE for each piece where the file states sizes."""
    held = tape.operand(0)
    value = tape.stored(0)
    shape = sizes(value)
    rank = len(shape)
    axis = stored_axis(operator.axis, rank, last=held.last and has_layouts(rank))
    count = len(tape.results)
    for position in range(count):
        tape.finish(last=held.last, position=position)
    if count == 1:
        return
    pieces = _pieces(operator, shape[axis], count)
    results = [
        tensor(value.dtype or "", (*shape[:axis], size, *shape[axis + 1 :])) for size in pieces
    ]
    if operator.sizes is None and len(set(pieces)) == 1:
        tape.write("SPLIT", [constant("int32", (), [axis]), value], results, num_splits=count)
        return
    start = 0
    for size, result in zip(known(pieces), results, strict=True):
        begin, end = [0] * rank, [0] * rank
        begin[axis], end[axis] = start, start + size
        untouched = (1 << rank) - 1 & ~(1 << axis)
        strided_slice(tape, value, (begin, end, [1] * rank), result, (untouched, untouched))
        start += size


def _pieces(operator: Split, size: int | str | None, count: int) -> Shape:
    if operator.sizes is not None:
        return operator.sizes
    if not isinstance(size, int):
        return (None,) * count
    chunk = -(-size // count)
    return tuple(min(chunk, size - chunk * index) for index in range(count))


def strided_slice(
    tape: Tape,
    value: Value,
    bounds: tuple[list[int], list[int], list[int]],
    result: Value,
    masks: tuple[int, int],
) -> None:
    """STRIDED_SLICE with constant begin, end and steps."""
    operands = [constant("int32", (len(items),), items) for items in bounds]
    tape.add("STRIDED_SLICE", [value, *operands], result, begin_mask=masks[0], end_mask=masks[1])


def emit_slice(tape: Tape, operator: Slice) -> None:
    """STRIDED_SLICE; nothing where everything is taken."""
    held = tape.operand(0)
    value = tape.stored(0)
    rank = len(sizes(value))
    last = held.last and has_layouts(rank)
    target = permuted(tape.result_shape(), order(rank, last=last))
    result = tensor(value.dtype or "", target)
    tape.finish(last=held.last)
    if operator.ranges is None:
        stride = tape.computed("int32", (rank,), 4) if tape.given(4) else constant("int32", (rank,))
        computed = [tape.computed("int32", (rank,), position, 3) for position in (1, 2)]
        tape.add("STRIDED_SLICE", [value, *computed, stride], result)
        return
    if None not in target and target == sizes(value) and all(r[3] == 1 for r in operator.ranges):
        return
    begin, end, steps = [0] * rank, [0] * rank, [1] * rank
    begin_mask = end_mask = (1 << rank) - 1
    for onnx_axis, start, stop, step in operator.ranges:
        axis = stored_axis(onnx_axis, rank, last=last)
        size = sizes(value)[axis]
        begin[axis], end[axis], steps[axis] = _range(start, stop, step, size)
        if begin[axis] != 0 or step < 0:
            begin_mask &= ~(1 << axis)
        if not _is_open(stop, step) or (isinstance(size, int) and step > 0):
            end_mask &= ~(1 << axis)
    strided_slice(tape, value, (begin, end, steps), result, (begin_mask, end_mask))


def _is_open(stop: int, step: int) -> bool:
    return stop >= _OPEN_END if step > 0 else stop <= -_OPEN_END


def _range(start: int, stop: int, step: int, size: int | str | None) -> tuple[int, int, int]:
    """Bounds counted from 0 and inside of the axis, where its size is known."""
    if not isinstance(size, int):
        bounded = 0 if _is_open(stop, step) else stop
        return max(min(start, _OPEN_END), -_OPEN_END), bounded, step
    start = start + size if start < 0 else start
    stop = stop + size if stop < 0 else stop
    if step > 0:
        return min(max(start, 0), size), min(max(stop, 0), size), step
    return min(max(start, 0), size - 1), max(stop, 0), step


def emit_expand(tape: Tape, operator: Expand) -> None:
    """A product with ones of the wanted shape."""
    target = tape.result_shape()
    if target == tape.shape(0) and None not in target:
        tape.finish(last=tape.operand(0).last)
        return
    (value,), last = broadcast_operands(tape, 1)
    held = permuted(target, order(len(target), last=last))
    tape.finish(last=last)
    dtype = value.dtype or ""
    if dtype == "bool":
        value = cast(tape, value, "int32")
    result = tensor(value.dtype or "", held)
    if None in held:
        ones = tape.add(
            "FILL",
            [tensor("int64", (len(held),)), constant(value.dtype or "", (), None)],
            result,
        )
    else:
        ones = constant(value.dtype or "", known(held))
    product = tape.add("MUL", [value, ones], result)
    if dtype == "bool":
        cast(tape, product, "bool")


def emit_tile(tape: Tape, operator: Tile) -> None:
    """TILE with the repeats in stored order."""
    held = tape.operand(0)
    value = tape.stored(0)
    rank = len(sizes(value))
    last = held.last and has_layouts(rank)
    tape.finish(last=held.last)
    target = permuted(tape.result_shape(), order(rank, last=last))
    if operator.repeats is None:
        repeats = tape.computed("int64", (rank,), 1)
    elif all(count == 1 for count in operator.repeats):
        return
    else:
        stored = [operator.repeats[axis] for axis in order(rank, last=last)]
        repeats = constant("int64", (rank,), stored)
    tape.add("TILE", [value, repeats], tensor(value.dtype or "", target))


def emit_shape_of(tape: Tape, operator: ShapeOf) -> None:
    """SHAPE of a tensor with a free size; where all are fixed the result is a constant."""
    shape = tape.shape(0)
    if None not in shape:
        tape.note = "the shape is fixed, so the converter writes it as a constant"
        return
    rank = len(shape)
    value = tape.add("SHAPE", [tape.stored(0)], tensor("int64", (rank,)), out_type="int64")
    if operator.count:
        first = constant("int32", (), [0])
        tape.add("REDUCE_PROD", [value, first], tensor("int64", ()), keep_dims=False)
        return
    start = operator.start + rank if operator.start < 0 else operator.start
    end = rank if operator.end is None else operator.end
    end = end + rank if end < 0 else min(end, rank)
    if (start, end) != (0, rank):
        bounds = ([start], [end], [1])
        strided_slice(tape, value, bounds, tensor("int64", (max(end - start, 0),)), (0, 0))

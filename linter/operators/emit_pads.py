"""Padding as TFLite operations.

Source of the forms: PINTO0309/onnx2tf onnx2tf/ops/Pad.py @2c0cb019, and what TensorFlow Lite's
converter 2.21 made of them (tests/operators/recorded.json).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.operators.emit_shapes import strided_slice
from npulint.operators.layout import has_layouts, order, permuted
from npulint.operators.onnx_node import NoConversionError
from npulint.operators.tape import Tape, constant, sizes, tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npulint.model import Shape, Value
    from npulint.operators.rearrangements import Pad

_MOST_MIRRORS = 1 << 8
"""Mirrorings up to which a repeated border is written out."""


def emit_pad(tape: Tape, operator: Pad) -> None:
    """PAD, PADV2 or MIRROR_PAD, and STRIDED_SLICE where padding is negative."""
    held = tape.operand(0)
    value = tape.stored(0)
    rank = len(sizes(value))
    last = held.last and has_layouts(rank)
    tape.finish(last=held.last)
    if operator.pads is None:
        _computed_pad(tape, operator, value, last=last)
        return
    pads = [operator.pads[axis] for axis in order(rank, last=last)]
    grown = [(max(before, 0), max(after, 0)) for before, after in pads]
    if any(any(pair) for pair in grown):
        value = _grow(tape, operator, value, grown)
    if any(before < 0 or after < 0 for before, after in pads):
        _shrink(tape, value, pads)


def _grow(tape: Tape, operator: Pad, value: Value, pads: list[tuple[int, int]]) -> Value:
    if operator.mode == "edge":
        return _edge(tape, value, pads)
    if operator.mode == "wrap":
        raise NoConversionError("padding that wraps around has no TFLite builtin operator")
    rank = len(pads)
    amounts = constant("int32", (rank, 2), [item for pair in pads for item in pair])
    result = tensor(value.dtype or "", _grown(sizes(value), pads))
    if operator.mode == "reflect":
        return tape.add("MIRROR_PAD", [value, amounts], result, mode="REFLECT")
    if operator.value == 0:
        return tape.add("PAD", [value, amounts], result)
    fill = constant(value.dtype or "", (), None)
    if operator.value is not None and value.dtype in ("float32", "int32", "int64"):
        fill = constant(value.dtype, (), [operator.value])
    elif operator.value is None:
        fill = tensor(value.dtype or "", ())
    return tape.add("PADV2", [value, amounts, fill], result)


def _grown(shape: Shape, pads: Sequence[tuple[int, int]]) -> Shape:
    return tuple(
        size + sum(pair) if isinstance(size, int) else None
        for size, pair in zip(shape, pads, strict=True)
    )


def _edge(tape: Tape, value: Value, pads: list[tuple[int, int]]) -> Value:
    """Repeating the border is mirroring it, one sample at a time."""
    rank = len(pads)
    if sum(sum(pair) for pair in pads) > _MOST_MIRRORS:
        raise NoConversionError(f"repeating the border more than {_MOST_MIRRORS} times")
    for axis, pair in enumerate(pads):
        for side, amount in enumerate(pair):
            for _ in range(amount):
                step = [(0, 0)] * rank
                step[axis] = (1, 0) if side == 0 else (0, 1)
                amounts = constant("int32", (rank, 2), [item for row in step for item in row])
                result = tensor(value.dtype or "", _grown(sizes(value), step))
                value = tape.add("MIRROR_PAD", [value, amounts], result, mode="SYMMETRIC")
    return value


def _shrink(tape: Tape, value: Value, pads: list[tuple[int, int]]) -> None:
    shape = sizes(value)
    rank = len(shape)
    begin, end = [0] * rank, [0] * rank
    begin_mask = end_mask = (1 << rank) - 1
    target = list(shape)
    for axis, (before, after) in enumerate(pads):
        size = shape[axis]
        if before < 0:
            begin[axis], begin_mask = -before, begin_mask & ~(1 << axis)
        if after < 0:
            end[axis], end_mask = after, end_mask & ~(1 << axis)
        if isinstance(size, int):
            target[axis] = size + min(before, 0) + min(after, 0)
    result = tensor(value.dtype or "", tuple(target))
    strided_slice(tape, value, (begin, end, [1] * rank), result, (begin_mask, end_mask))


def _computed_pad(tape: Tape, operator: Pad, value: Value, *, last: bool) -> None:
    rank = len(sizes(value))
    result = tensor(value.dtype or "", permuted(tape.result_shape(), order(rank, last=last)))
    amounts = tape.computed("int32", (rank, 2), 1)
    if operator.mode == "reflect":
        tape.add("MIRROR_PAD", [value, amounts], result, mode="REFLECT")
    elif operator.mode == "constant":
        tape.add("PAD", [value, amounts], result)
    else:
        raise NoConversionError(
            f"{operator.mode} padding by computed amounts has no known conversion"
        )

"""Poolings as TFLite operations.

Source of the forms: PINTO0309/onnx2tf onnx2tf/ops/{MaxPool,AveragePool,LpPool}.py @2c0cb019, and
what TensorFlow Lite's converter 2.21 made of them (tests/operators/recorded.json).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.operators.emit_windows import (
    channels_last_result,
    explicit_pads,
    is_same,
    lift,
    pad_space,
    spatial_options,
)
from npulint.operators.onnx_node import NoConversionError
from npulint.operators.tape import Tape, constant, known, sizes, tensor

if TYPE_CHECKING:
    from npulint.model import Shape, Value
    from npulint.operators.semantics import Pads, Pool, Window


def emit_pool(tape: Tape, operator: Pool) -> None:
    """MAX_POOL_2D or AVERAGE_POOL_2D, with explicit padding where SAME is not meant."""
    window = operator.window
    spatial = len(window.kernel)
    if spatial > 2:
        raise NoConversionError(f"pooling over {spatial} axes has no TFLite builtin operator")
    if any(dilation != 1 for dilation in window.dilations):
        raise NoConversionError("a dilated pooling window has no TFLite builtin operator")
    if operator.kind == "lp" and operator.p not in (1, 2):
        raise NoConversionError(f"a power of {operator.p} has no known conversion")
    value = tape.in_layout(0, last=True)
    space = sizes(value)[1:-1]
    result = channels_last_result(tape)
    if operator.kind == "lp":
        value = _powers(tape, operator, value)
    averaged = operator.kind != "max"
    include = operator.count_include_pad or operator.kind == "lp"
    overhang = _overhang(window, space, result[1:-1])
    padded = any(any(pair) for pair in explicit_pads_or_none(window, space, overhang))
    same = is_same(window, space) and not any(overhang) and not (averaged and include and padded)
    if not same and padded:
        pads = explicit_pads_or_none(window, space, overhang)
        value = pad_space(tape, value, pads, lowest=not averaged)
    if spatial == 1:
        value = lift(tape, value)
    value = _pooled(tape, operator, value, same=same, result=result)
    if spatial == 1:
        value = tape.reshape(value, result)
    if averaged and not include and padded and not same:
        # Each mean counted the padding in; a constant map takes it out again.
        free = tuple(size if isinstance(size, int) else 1 for size in result[1:-1])
        tape.add("MUL", [value, constant("float32", (1, *free, 1))], tape.like(value))
    if operator.kind == "lp":
        _roots(tape, operator, value)
    tape.finish(last=True)


def explicit_pads_or_none(window: Window, space: Shape, overhang: tuple[int, ...]) -> Pads:
    """Padding in numbers with the overhang of a last partial window; zeros where SAME says it."""
    if window.auto == "SAME_UPPER" and not all(isinstance(size, int) for size in space):
        return ((0, 0),) * len(space)
    pads = explicit_pads(window, space)
    return tuple(
        (before, after + more) for (before, after), more in zip(pads, overhang, strict=True)
    )


def _overhang(window: Window, space: Shape, result: Shape) -> tuple[int, ...]:
    """How far a last, partial window reaches beyond the padded input, for each axis."""
    if not window.ceil or window.auto:
        return (0,) * len(space)
    found = []
    for axis, (size, out) in enumerate(zip(known(space), known(result), strict=True)):
        needed = (out - 1) * window.strides[axis] + window.kernel[axis]
        found.append(max(needed - size - sum(window.pads[axis]), 0))
    return tuple(found)


def _pooled(tape: Tape, operator: Pool, value: Value, *, same: bool, result: Shape) -> Value:
    window = operator.window
    kernel = (1, *window.kernel)[-2:]
    shape = (result[0], 1, *result[1:]) if len(window.kernel) == 1 else result
    return tape.add(
        "MAX_POOL_2D" if operator.kind == "max" else "AVERAGE_POOL_2D",
        [value],
        tensor(value.dtype or "", shape),
        **spatial_options(window, padding="SAME" if same else "VALID", dilated=False),
        filter_width=kernel[1],
        filter_height=kernel[0],
    )


def _powers(tape: Tape, operator: Pool, value: Value) -> Value:
    value = tape.add("ABS", [value], tape.like(value))
    if operator.p == 1:
        return value
    return tape.add("MUL", [value, value], tape.like(value))


def _roots(tape: Tape, operator: Pool, value: Value) -> None:
    count = 1
    for size in operator.window.kernel:
        count *= size
    value = tape.add("MUL", [value, constant("float32", (), [count])], tape.like(value))
    if operator.p == 2:
        tape.add("SQRT", [value], tape.like(value))

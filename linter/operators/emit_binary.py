"""Operators of several operands that broadcast to each other, as TFLite operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from npulint.operators.emit_pointwise import apply, cast, number
from npulint.operators.layout import has_layouts, moves_nothing, permuted, to_stored
from npulint.operators.onnx_node import NoConversionError
from npulint.operators.tape import Tape, constant, known, sizes, tensor

if TYPE_CHECKING:
    from npulint.model import Shape, Value
    from npulint.operators.semantics import Binary, PRelu, Variadic, Where

_DIRECT: Mapping[str, str] = MappingProxyType(
    {
        "add": "ADD", "sub": "SUB", "mul": "MUL", "div": "DIV", "pow": "POW", "mod": "FLOOR_MOD",
        "equal": "EQUAL", "greater": "GREATER", "less": "LESS",
        "greater_equal": "GREATER_EQUAL", "less_equal": "LESS_EQUAL",
        "and": "LOGICAL_AND", "or": "LOGICAL_OR",
    }
)  # fmt: skip

_COMPARISONS = frozenset({"equal", "greater", "less", "greater_equal", "less_equal"})
_INTEGERS = frozenset({"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"})


def broadcast_layout(tape: Tape, count: int) -> bool:
    """Whether operands that broadcast are combined channels last: if one of full rank is so."""
    rank = len(tape.result_shape())
    operands = [tape.operand(position) for position in range(count)]
    return has_layouts(rank) and any(
        operand.last and not operand.folded and operand.value.rank == rank for operand in operands
    )


def broadcast_operands(
    tape: Tape, count: int, *, scalars_stay: bool = False
) -> tuple[list[Value], bool]:
    """The operands in one layout, of one rank where that layout is channels last.

    Args:
        tape: The node's tape.
        count: How many operands there are.
        scalars_stay: Whether a constant of rank 0 keeps its rank.

    Returns:
        The operands, and whether they are channels last.
    """
    last = broadcast_layout(tape, count)
    rank = len(tape.result_shape())
    if not last:
        return [tape.in_layout(position, last=False) for position in range(count)], False
    widened = [
        _widened(tape, position, rank, scalars_stay=scalars_stay) for position in range(count)
    ]
    return widened, True


def _widened(tape: Tape, position: int, rank: int, *, scalars_stay: bool) -> Value:
    """An operand with leading axes of size 1, channels last."""
    shape = tape.shape(position)
    if len(shape) == rank:
        return tape.in_layout(position, last=True)
    full: Shape = (1,) * (rank - len(shape)) + shape
    target = permuted(full, to_stored(rank))
    if tape.operand(position).folded:
        return tape.folded(position, target if shape or not scalars_stay else ())
    value = tape.in_layout(position, last=False)
    if not shape:
        return value
    if moves_nothing(full, to_stored(rank)):
        return tape.reshape(value, target)
    return tape.transpose(tape.reshape(value, full), to_stored(rank))


def _result(tape: Tape, *, last: bool, dtype: str | None = None) -> Value:
    shape = tape.result_shape()
    held = permuted(shape, to_stored(len(shape))) if last else shape
    return tensor(dtype or tape.result_type(), held)


def emit_binary(tape: Tape, operator: Binary) -> None:
    """One TFLite operator, or what the converter puts in its place."""
    operands, last = broadcast_operands(tape, 2)
    tape.finish(last=last)
    kind = operator.kind
    if kind == "fmod":
        raise NoConversionError("Mod with fmod=1 keeps the dividend's sign; FLOOR_MOD does not")
    if kind == "xor":
        _xor(tape, operands, _result(tape, last=last))
    elif kind == "div" and operands[0].dtype in _INTEGERS:
        _integer_division(tape, operands, _result(tape, last=last))
    elif kind == "div" and tape.operand(1).folded:
        tape.add("MUL", operands, _result(tape, last=last))
    elif kind == "pow" and tape.operand(1).folded:
        _power(tape, operands, last=last)
    else:
        dtype = "bool" if kind in _COMPARISONS else None
        tape.add(_DIRECT[kind], operands, _result(tape, last=last, dtype=dtype))


def _xor(tape: Tape, operands: Sequence[Value], result: Value) -> None:
    both = tape.add("LOGICAL_AND", operands, result)
    not_both = tape.add("LOGICAL_NOT", [both], result)
    either = tape.add("LOGICAL_OR", operands, result)
    tape.add("LOGICAL_AND", [not_both, either], result)


def _integer_division(tape: Tape, operands: Sequence[Value], result: Value) -> None:
    """The converter divides integers as real numbers."""
    real = [
        constant("float32", known(sizes(value)))
        if value.constant is not None
        else cast(tape, value, "float32")
        for value in operands
    ]
    quotient = tape.add("DIV", real, tape.like(result, "float32"))
    cast(tape, quotient, result.dtype or "int32")


def _power(tape: Tape, operands: Sequence[Value], *, last: bool) -> None:
    """Small constant exponents become products and roots."""
    base = operands[0]
    kept = tape.operand(1).value.constant
    elements = set(kept.elements() or ()) if kept is not None else set()
    exponent = elements.pop() if len(elements) == 1 else None
    if exponent == 2:
        tape.add("MUL", [base, base], tape.like(base))
    elif exponent == 3:
        square = tape.add("MUL", [base, base], tape.like(base))
        tape.add("MUL", [square, base], tape.like(base))
    elif exponent == 0.5:
        tape.add("SQRT", [base], tape.like(base))
    elif exponent == -0.5:
        tape.add("RSQRT", [base], tape.like(base))
    elif exponent != 1:
        tape.add("POW", operands, _result(tape, last=last))


def emit_variadic(tape: Tape, operator: Variadic) -> None:
    """A chain of MAXIMUM or MINIMUM, ADD or ADD_N, PACK and MEAN."""
    count = len(tape.operands)
    if count == 1:
        tape.finish(last=tape.operand(0).last)
        return
    operands, last = broadcast_operands(tape, count, scalars_stay=True)
    tape.finish(last=last)
    result = _result(tape, last=last)
    same = all(sizes(value) == sizes(result) for value in operands)
    if operator.kind == "mean":
        if not same:
            raise NoConversionError("the mean of operands that broadcast has no known conversion")
        stack = tensor(result.dtype or "", (count, *sizes(result)))
        packed = tape.add("PACK", operands, stack, values_count=count, axis=0)
        tape.add("MEAN", [packed, constant("int32", (), [0])], result, keep_dims=False)
    elif operator.kind == "sum" and count > 2 and same:
        tape.add("ADD_N", operands, result)
    else:
        op = {"max": "MAXIMUM", "min": "MINIMUM", "sum": "ADD"}[operator.kind]
        value = operands[0]
        for other in operands[1:]:
            value = tape.add(op, [value, other], result)


def emit_where(tape: Tape, operator: Where) -> None:
    """SELECT where all shapes agree, else SELECT_V2."""
    operands, last = broadcast_operands(tape, 3, scalars_stay=True)
    result = _result(tape, last=last)
    same = all(sizes(value) == sizes(result) for value in operands)
    tape.add("SELECT" if same else "SELECT_V2", operands, result)
    tape.finish(last=last)


def emit_prelu(tape: Tape, operator: PRelu) -> None:
    """PRELU with a constant slope; products and sums with a computed one."""
    held = tape.operand(0)
    value = tape.stored(0)
    rank = len(sizes(value))
    tape.finish(last=held.last)
    slope = tape.shape(1)
    full: Shape = (1,) * (rank - len(slope)) + slope
    target = permuted(full, to_stored(rank)) if held.last else full
    if tape.operand(1).folded:
        if target[:1] != (1,) and rank > 1:
            raise NoConversionError("a slope that differs within the batch has no TFLite operator")
        # The slope has no batch axis.
        tape.add("PRELU", [value, tape.folded(1, target[1:])], tape.like(value))
        return
    size = apply(tape, "ABS", [value])
    negative = apply(tape, "SUB", [value, size])
    positive = apply(tape, "RELU", [value])
    raw = tape.in_layout(1, last=False)
    half = tape.add("MUL", [raw, number(value, 0.5)], tape.like(raw))
    scaled = tape.add("MUL", [negative, tape.reshape(half, target)], tape.like(value))
    apply(tape, "ADD", [positive, scaled])

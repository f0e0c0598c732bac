"""Functions of one element, and limits, as TFLite operations.

Source of the forms: PINTO0309/onnx2tf onnx2tf/ops (one module an operator) @2c0cb019, and what
TensorFlow Lite's converter 2.21 made of them (tests/operators/recorded.json).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from npulint.operators.onnx_node import NoConversionError
from npulint.operators.tape import Tape, constant, tensor

if TYPE_CHECKING:
    from npulint.model import Attribute, Value
    from npulint.operators.semantics import Clip, Unary

_Emitter: TypeAlias = "Callable[[Tape, Value, tuple[float, ...]], object]"

_HIGHEST_FLOAT = 3.4028234663852886e38

# One ONNX function, one TFLite operator.
_DIRECT: Mapping[str, str] = MappingProxyType(
    {
        "relu": "RELU", "sigmoid": "LOGISTIC", "tanh": "TANH", "hardswish": "HARD_SWISH",
        "exp": "EXP", "log": "LOG", "sqrt": "SQRT", "abs": "ABS", "neg": "NEG",
        "floor": "FLOOR", "ceil": "CEIL", "round": "ROUND", "sign": "SIGN", "sin": "SIN",
        "cos": "COS", "not": "LOGICAL_NOT",
    }
)  # fmt: skip


def emit_unary(tape: Tape, operator: Unary) -> None:
    """The function in the operand's own layout."""
    value = tape.stored(0)
    direct = _DIRECT.get(operator.kind)
    if direct is not None:
        tape.add(direct, [value], tape.like(value))
    elif value.dtype != "float32":
        raise NoConversionError(f"{operator.kind} of {value.dtype} has no known conversion")
    else:
        _COMPOSED[operator.kind](tape, value, operator.parameters)
    tape.finish(last=tape.operand(0).last)


def number(value: Value, item: float) -> Value:
    """A scalar constant of the element type of another value."""
    dtype = value.dtype or "float32"
    packed = dtype in ("float32", "int32", "int64")
    return constant(dtype, (), [item] if packed else None)


def apply(
    tape: Tape, op: str, operands: Sequence[Value], dtype: str | None = None, **options: Attribute
) -> Value:
    """An elementwise operator whose first activation has the result's shape."""
    largest = max(operands, key=lambda value: value.rank or 0)
    activations = [value for value in operands if value.constant is None] or [largest]
    return tape.add(op, operands, tape.like(activations[0], dtype), **options)


def _leaky_relu(tape: Tape, x: Value, parameters: tuple[float, ...]) -> None:
    apply(tape, "LEAKY_RELU", [x], alpha=parameters[0])


def _elu(tape: Tape, x: Value, parameters: tuple[float, ...]) -> None:
    if parameters[0] == 1.0:
        apply(tape, "ELU", [x])
        return
    exponential = apply(tape, "EXP", [x])
    below = apply(tape, "SUB", [exponential, number(x, 1)])
    not_negative = apply(tape, "GREATER_EQUAL", [x, number(x, 0)], "bool")
    upper = apply(tape, "MUL", [cast(tape, not_negative, "float32"), x])
    negative = apply(tape, "LESS", [x, number(x, 0)], "bool")
    scale = apply(tape, "MUL", [cast(tape, negative, "float32"), number(x, parameters[0])])
    lower = apply(tape, "MUL", [scale, below])
    apply(tape, "ADD", [upper, lower])


def _selu(tape: Tape, x: Value, parameters: tuple[float, ...]) -> None:
    alpha, gamma = parameters
    exponential = apply(tape, "ELU", [x])
    lower = apply(tape, "MUL", [exponential, number(x, alpha)])
    positive = apply(tape, "GREATER", [x, number(x, 0)], "bool")
    chosen = tape.add("SELECT", [positive, x, lower], tape.like(x))
    apply(tape, "MUL", [chosen, number(x, gamma)])


def _celu(tape: Tape, x: Value, parameters: tuple[float, ...]) -> None:
    (alpha,) = parameters
    upper = apply(tape, "RELU", [x])
    scaled = x if alpha == 1.0 else apply(tape, "MUL", [x, number(x, 1 / alpha)])
    below = apply(tape, "SUB", [apply(tape, "EXP", [scaled]), number(x, 1)])
    if alpha != 1.0:
        below = apply(tape, "MUL", [below, number(x, alpha)])
    lower = apply(tape, "MINIMUM", [below, number(x, 0)])
    apply(tape, "ADD", [upper, lower])


def _hard_sigmoid(tape: Tape, x: Value, parameters: tuple[float, ...]) -> None:
    alpha, beta = parameters
    scaled = apply(tape, "MUL", [x, number(x, alpha)])
    shifted = apply(tape, "ADD", [scaled, number(x, beta)])
    apply(tape, "RELU_0_TO_1", [shifted])


def _softplus(tape: Tape, x: Value, parameters: tuple[float, ...]) -> Value:
    raised = apply(tape, "ADD", [apply(tape, "EXP", [x]), number(x, 1)])
    return apply(tape, "LOG", [raised])


def _mish(tape: Tape, x: Value, parameters: tuple[float, ...]) -> None:
    apply(tape, "MUL", [x, apply(tape, "TANH", [_softplus(tape, x, parameters)])])


def _softsign(tape: Tape, x: Value, parameters: tuple[float, ...]) -> None:
    raised = apply(tape, "ADD", [apply(tape, "ABS", [x]), number(x, 1)])
    apply(tape, "DIV", [x, raised])


def _thresholded_relu(tape: Tape, x: Value, parameters: tuple[float, ...]) -> None:
    above = apply(tape, "SUB", [number(x, parameters[0]), x])
    sign = apply(tape, "SIGN", [above])
    small = apply(tape, "MUL", [x, sign], fused_activation_function="RELU")
    apply(tape, "SUB", [apply(tape, "RELU", [x]), small])


def _shrink(tape: Tape, x: Value, parameters: tuple[float, ...]) -> None:
    limit, bias = parameters
    above = apply(tape, "GREATER", [x, number(x, limit)], "bool")
    below = apply(tape, "LESS", [x, number(x, -limit)], "bool")
    lowered = apply(tape, "SUB", [x, number(x, bias)]) if bias else x
    lifted = apply(tape, "ADD", [x, number(x, bias)]) if bias else x
    inner = tape.add("SELECT_V2", [below, lifted, number(x, 0)], tape.like(x))
    tape.add("SELECT", [above, lowered, inner], tape.like(x))


def _gelu(tape: Tape, x: Value, parameters: tuple[float, ...]) -> None:
    apply(tape, "GELU", [x], approximate=bool(parameters[0]))


def _swish(tape: Tape, x: Value, parameters: tuple[float, ...]) -> None:
    alpha = parameters[0]
    scaled = x if alpha == 1.0 else apply(tape, "MUL", [x, number(x, alpha)])
    apply(tape, "MUL", [x, apply(tape, "LOGISTIC", [scaled])])


def _reciprocal(tape: Tape, x: Value, parameters: tuple[float, ...]) -> None:
    apply(tape, "DIV", [number(x, 1), x])


def _is_nan(tape: Tape, x: Value, parameters: tuple[float, ...]) -> None:
    apply(tape, "NOT_EQUAL", [x, x], "bool")


def _is_inf(tape: Tape, x: Value, parameters: tuple[float, ...]) -> None:
    negative, positive = parameters
    if not negative and not positive:
        raise NoConversionError("IsInf that detects nothing has no known conversion")
    size = apply(tape, "ABS", [x]) if negative and positive else x
    sign = 1 if positive else -1
    apply(tape, "EQUAL", [size, number(x, sign * _HIGHEST_FLOAT)], "bool")


_COMPOSED: Mapping[str, _Emitter] = MappingProxyType(
    {
        "leakyrelu": _leaky_relu,
        "elu": _elu,
        "selu": _selu,
        "celu": _celu,
        "hardsigmoid": _hard_sigmoid,
        "softplus": _softplus,
        "mish": _mish,
        "softsign": _softsign,
        "thresholdedrelu": _thresholded_relu,
        "shrink": _shrink,
        "gelu": _gelu,
        "swish": _swish,
        "reciprocal": _reciprocal,
        "isnan": _is_nan,
        "isinf": _is_inf,
    }
)


def cast(tape: Tape, value: Value, dtype: str) -> Value:
    """CAST, or nothing where the type stays."""
    if value.dtype == dtype:
        return value
    return tape.add(
        "CAST",
        [value],
        tape.like(value, dtype),
        in_data_type=value.dtype or "",
        out_data_type=dtype,
    )


def emit_clip(tape: Tape, operator: Clip) -> None:
    """A RELU of the right kind, or MINIMUM and MAXIMUM."""
    value = tape.stored(0)
    tape.finish(last=tape.operand(0).last)
    if not operator.fixed:
        _clip_to_operands(tape, value)
        return
    low = None if operator.low is None or operator.low <= -_HIGHEST_FLOAT else operator.low
    high = None if operator.high is None or operator.high >= _HIGHEST_FLOAT else operator.high
    named = {(0.0, 6.0): "RELU6", (-1.0, 1.0): "RELU_N1_TO_1", (0.0, None): "RELU"}
    if low is not None and (low, high) in named and value.dtype == "float32":
        apply(tape, named[(low, high)], [value])
        return
    if high is not None:
        value = apply(tape, "MINIMUM", [value, number(value, high)])
    if low == 0.0 and value.dtype == "float32":
        apply(tape, "RELU", [value])
    elif low is not None:
        apply(tape, "MAXIMUM", [value, number(value, low)])


def _clip_to_operands(tape: Tape, value: Value) -> None:
    for position, op in ((2, "MINIMUM"), (1, "MAXIMUM")):
        if tape.given(position):
            bound = tape.operand(position)
            limit = number(value, 0) if bound.folded else tensor(value.dtype or "", ())
            value = tape.add(op, [value, limit], tape.like(value))

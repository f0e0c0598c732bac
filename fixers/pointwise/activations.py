"""Activation functions computed by one another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from npulint.fixers.pointwise.function_reading import Function, recogniser
from npulint.fixers.pointwise.gelu import unless, written
from npulint.fixers.record import (
    BY_QUOTIENTS,
    OF_DIFFERENCE,
    Exactness,
    Family,
    Realisation,
    always,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from npulint.fixers.building.formula import Formula
    from npulint.fixers.record import Refusal

_FAR = 20.0
"""From here on x tanh(softplus(x)) is x in float32."""


def _way(
    name: str,
    uses: tuple[str, ...],
    argument: str,
    build: Callable[[Formula, int], int],
    accepts: Callable[[Function], Refusal | None] = always,
) -> Realisation[Function]:
    exactness: Exactness = "exact"
    return Realisation(name, uses, exactness, argument, accepts, written(build))


def _of_difference(way: Realisation[Function]) -> Realisation[Function]:
    return replace(way, limits=OF_DIFFERENCE)


def _family(name: str, *ways: Realisation[Function]) -> Family[Function]:
    return Family(name, recogniser(name), ways)


def _unary(kind: str) -> Callable[[Formula, int], int]:
    return lambda made, x: made.unary(kind, x)


def _times_logistic(made: Formula, x: int) -> int:
    return made.binary("mul", x, made.unary("sigmoid", x))


def _half_tanh(made: Formula, x: int) -> int:
    """1 + tanh(x/2), which is twice the logistic function."""
    return made.plus(made.unary("tanh", made.times(x, 0.5)), 1.0)


def _silu_by_tanh(made: Formula, x: int) -> int:
    return made.binary("mul", made.times(x, 0.5), _half_tanh(made, x))


def _logistic_by_tanh(made: Formula, x: int) -> int:
    return made.times(_half_tanh(made, x), 0.5)


def _tanh_by_logistic(made: Formula, x: int) -> int:
    return made.plus(made.times(made.unary("sigmoid", made.times(x, 2.0)), 2.0), -1.0)


def _gate(made: Formula, x: int) -> int:
    """relu6(x + 3) / 6."""
    return made.times(made.clip(made.plus(x, 3.0), 0.0, 6.0), 1.0 / 6.0)


def _gated(made: Formula, x: int) -> int:
    return made.binary("mul", x, _gate(made, x))


def _elu_by_exp(made: Formula, x: int) -> int:
    positive = made.unary("relu", x)
    below = made.unary("exp", made.binary("sub", x, positive))
    return made.binary("add", positive, made.plus(below, -1.0))


def _elu_by_logistic(made: Formula, x: int) -> int:
    positive = made.unary("relu", x)
    negative = made.binary("sub", x, positive)
    upper = made.unary("sigmoid", negative)
    below = made.binary("div", upper, made.unary("sigmoid", made.times(negative, -1.0)))
    return made.binary("add", positive, made.plus(below, -1.0))


def _softplus(made: Formula, x: int) -> int:
    """-|x| is (x - relu(x)) - relu(x)."""
    positive = made.unary("relu", x)
    size = made.binary("sub", made.binary("sub", x, positive), positive)
    return made.binary("add", positive, made.unary("log", made.plus(made.unary("exp", size), 1.0)))


def _softplus_by_logistic(made: Formula, x: int) -> int:
    positive = made.unary("relu", x)
    size = made.binary("sub", made.binary("add", positive, positive), x)
    return made.binary("sub", positive, made.unary("log", made.unary("sigmoid", size)))


def _mish(made: Formula, x: int) -> int:
    """With w = exp(x) and n = w(w + 2), tanh(softplus(x)) is n/(n + 2)."""
    low = made.binary("min", x, made.number(_FAR, x))
    raised = made.unary("exp", low)
    n = made.binary("mul", raised, made.plus(raised, 2.0))
    return made.binary("mul", x, made.binary("div", n, made.plus(n, 2.0)))


def _abs_by_relu(made: Formula, x: int) -> int:
    positive = made.unary("relu", x)
    return made.binary("sub", positive, made.binary("sub", x, positive))


def _abs_by_maximum(made: Formula, x: int) -> int:
    return made.binary("max", x, made.times(x, -1.0))


def _softsign(made: Formula, x: int) -> int:
    return made.binary("div", x, made.plus(_abs_by_relu(made, x), 1.0))


def _square(made: Formula, x: int) -> int:
    return made.binary("mul", x, x)


def _second_power(made: Formula, x: int) -> int:
    return made.binary("pow", x, made.number(2.0, x))


def _square_by_quotients(made: Formula, x: int) -> int:
    return made.binary("div", x, made.binary("div", made.number(1.0, x), x))


def _cube(made: Formula, x: int) -> int:
    return made.binary("mul", made.binary("mul", x, x), x)


_LOGISTIC_TANH = "the logistic function of x is (1 + tanh(x/2))/2"
_HARD = "HARD_SWISH", "HardSwish"

FAMILIES: tuple[Family[Function], ...] = (
    _family(
        "silu",
        _way(
            "silu/logistic", ("MUL", "LOGISTIC"), "the definition: x logistic(x)", _times_logistic
        ),
        _way("silu/tanh", ("MUL", "TANH", "ADD"), _LOGISTIC_TANH, _silu_by_tanh),
    ),
    _family(
        "hard-swish",
        _way(
            "hard-swish/hard-swish", ("HARD_SWISH",), "x relu6(x + 3)/6 is one operator",
            _unary("hardswish"), unless(*_HARD, opset=14),
        ),
        _way(
            "hard-swish/relu6", ("ADD", "RELU6", "MUL"), "the definition: x relu6(x + 3)/6", _gated
        ),
    ),
    _family(
        "hard-sigmoid",
        _way(
            "hard-sigmoid/relu6", ("ADD", "RELU6", "MUL"), "the definition: relu6(x + 3)/6", _gate
        ),
    ),
    _family(
        "logistic",
        _way(
            "logistic/logistic", ("LOGISTIC",), "1/(1 + exp(-x)), however it is spelt",
            _unary("sigmoid"), unless("LOGISTIC", "Sigmoid"),
        ),
        _way("logistic/tanh", ("MUL", "TANH", "ADD"), _LOGISTIC_TANH, _logistic_by_tanh),
    ),
    _family(
        "tanh",
        _way(
            "tanh/tanh", ("TANH",), "2 logistic(2x) - 1, however it is spelt", _unary("tanh"),
            unless("TANH", "Tanh"),
        ),
        _way(
            "tanh/logistic", ("MUL", "LOGISTIC", "ADD"), "tanh(x) is 2 logistic(2x) - 1",
            _tanh_by_logistic,
        ),
    ),
    _family(
        "elu",
        _way(
            "elu/elu", ("ELU",), "x where positive, else exp(x) - 1, however it is spelt",
            _unary("elu"), unless("ELU", "Elu"),
        ),
        _of_difference(
            _way(
                "elu/exp", ("RELU", "SUB", "EXP", "ADD"),
                "relu(x) + exp(min(x, 0)) - 1, where min(x, 0) is x - relu(x)", _elu_by_exp,
            )
        ),
        _of_difference(
            _way(
                "elu/logistic", ("RELU", "SUB", "LOGISTIC", "MUL", "DIV", "ADD"),
                "elu/exp, where exp(v) is logistic(v)/logistic(-v), accurate for v up to 0",
                _elu_by_logistic,
            )
        ),
    ),
    _family(
        "softplus",
        _of_difference(
            _way(
                "softplus/exp-log", ("RELU", "SUB", "EXP", "ADD", "LOG"),
                "log(1 + exp(x)) is relu(x) + log(1 + exp(-|x|)), which nowhere overflows",
                _softplus,
            )
        ),
        _of_difference(
            _way(
                "softplus/logistic-log", ("RELU", "ADD", "SUB", "LOGISTIC", "LOG"),
                "log(1 + exp(x)) is relu(x) - log(logistic(|x|))", _softplus_by_logistic,
            )
        ),
    ),
    _family(
        "mish",
        _way(
            "mish/exp", ("MINIMUM", "EXP", "ADD", "MUL", "DIV"),
            "x tanh(softplus(x)) is x n/(n + 2), n = w(w + 2), w = exp(min(x, 20)): beyond 20 the "
            "quotient is 1 in float32", _mish,
        ),
    ),
    _family(
        "softsign",
        _way(
            "softsign/relu", ("RELU", "ADD", "SUB", "DIV"),
            "x/(1 + |x|), where |x| is relu(x) - (x - relu(x))", _softsign,
        ),
    ),
    _family(
        "abs",
        _way(
            "abs/abs", ("ABS",), "relu(x) + relu(-x), however it is spelt", _unary("abs"),
            unless("ABS", "Abs"),
        ),
        _of_difference(
            _way(
                "abs/relu", ("RELU", "SUB"), "|x| is relu(x) - (x - relu(x)), exactly",
                _abs_by_relu,
            )
        ),
        _way("abs/maximum", ("MUL", "MAXIMUM"), "|x| is max(x, -x)", _abs_by_maximum),
    ),
    _family(
        "square",
        _way("square/product", ("MUL",), "x x", _square, unless("MUL", "Mul")),
        _way("square/power", ("POW",), "the power 2", _second_power, unless("POW", "Pow")),
        replace(
            _way(
                "square/quotients", ("DIV",),
                "x x is x / (1 / x): 1 / 0 is infinite, and 0 divided by that is 0",
                _square_by_quotients, unless("DIV", "Div"),
            ),
            limits=BY_QUOTIENTS,
        ),
    ),
    _family(
        "cube",
        _way("cube/products", ("MUL",), "x x x", _cube),
    ),
)  # fmt: skip
"""Families of the functions that targets lack or that exporters take apart."""

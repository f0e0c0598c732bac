"""GELU and the error function that it is made of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from npulint.fixers.building.formula import formula
from npulint.fixers.pointwise.function_reading import Function, recogniser
from npulint.fixers.record import Family, Realisation, Refusal, always

if TYPE_CHECKING:
    from collections.abc import Callable

    from npulint.fixers.building.builder import Builder
    from npulint.fixers.building.formula import Formula

REACH = 4.0
"""Where the error function is 1 to 1.6e-8."""

UPPER = (4.513516, 12.55998, 54.7508, 65.59628, 75.508644, 8.283034)
LOWER = (1.0, 8.116047, 29.818043, 63.260616, 79.71595, 39.301594)
"""Coefficients, constant term first: erf(4t) is t*UPPER(t^2)/LOWER(t^2) to 6e-8, t in -1 to 1.

Fitted by weighted least squares in Chebyshev polynomials, then rounded to float32; the bound
is proved by the tests. None is negative, so no sum cancels.
"""

_GELU_OPSET = 20


def written(build: Callable[[Formula, int], int]) -> Callable[[Builder, Function], list[int]]:
    """A whole way out of what it makes of the source."""

    def whole(builder: Builder, f: Function) -> list[int]:
        made = formula(builder, f.source)
        return [made.activate(build(made, f.source), f.activation)]

    return whole


def unless(*ops: str, opset: int = 0) -> Callable[[Function], Refusal | None]:
    """Accepts what is not one of these operators already, from an opset on."""

    def accepts(f: Function) -> Refusal | None:
        if f.ops in {(op,) for op in ops}:
            return Refusal("it is what is there")
        if f.version and f.version < opset:
            return Refusal(f"ONNX has the operator from opset {opset} on; this is {f.version}")
        return None

    return accepts


def _erf(made: Formula, x: int) -> int:
    return _of_limited(made, made.clip(made.times(x, 1.0 / REACH), -1.0, 1.0))


def _erf_by_limits(made: Formula, x: int) -> int:
    return _of_limited(made, made.times(made.clip(x, -REACH, REACH), 1.0 / REACH))


def _of_limited(made: Formula, t: int) -> int:
    """The error function of 4t, t in -1 to 1."""
    square = made.binary("mul", t, t)
    upper = made.binary("mul", t, _polynomial(made, square, UPPER))
    return made.binary("div", upper, _polynomial(made, square, LOWER))


def _polynomial(made: Formula, x: int, coefficients: tuple[float, ...]) -> int:
    value = made.times(x, coefficients[-1])
    for number, item in enumerate(reversed(coefficients[:-1])):
        if number:
            value = made.binary("mul", value, x)
        value = made.plus(value, item)
    return value


def _gelu(made: Formula, x: int) -> int:
    t = made.clip(made.times(x, math.sqrt(0.5) / REACH), -1.0, 1.0)
    raised = made.plus(_of_limited(made, t), 1.0)
    return made.binary("mul", made.times(x, 0.5), raised)


def _inner(made: Formula, x: int, factor: float) -> int:
    """Factor * sqrt(2/pi) * (x + 0.044715 x^3)."""
    scale = factor * math.sqrt(2.0 / math.pi)
    raised = made.plus(made.times(made.binary("mul", x, x), 0.044715 * scale), scale)
    return made.binary("mul", x, raised)


def _gelu_by_tanh(made: Formula, x: int) -> int:
    raised = made.plus(made.unary("tanh", _inner(made, x, 1.0)), 1.0)
    return made.binary("mul", made.times(x, 0.5), raised)


def _gelu_by_logistic(made: Formula, x: int) -> int:
    return made.binary("mul", x, made.unary("sigmoid", _inner(made, x, 2.0)))


def _swish(made: Formula, x: int) -> int:
    return made.binary("mul", x, made.unary("sigmoid", made.times(x, 1.702)))


def _native(tanh: float) -> Callable[[Formula, int], int]:
    return lambda made, x: made.unary("gelu", x, tanh)


_OUT_OF = "0.5 x (1 + tanh(u)) is x logistic(2u), u = sqrt(2/pi) (x + 0.044715 x^3)"

GELU: Family[Function] = Family(
    "gelu",
    recogniser("gelu"),
    (
        Realisation(
            name="gelu/gelu",
            uses=("GELU",),
            exactness="exact",
            argument="x/2 (1 + erf(x/sqrt(2))), however it is spelt, is one operator",
            accepts=unless("GELU", "Gelu", opset=_GELU_OPSET),
            build=written(_native(0.0)),
        ),
        Realisation(
            name="gelu/rational-erf",
            uses=("MUL", "RELU_N1_TO_1", "ADD", "DIV"),
            exactness="exact",
            argument=(
                "the error function of 4t is t P(t^2)/Q(t^2) to within 8e-8 for t in -1 to 1, and "
                "1 beyond to within 2e-8; P and Q have no negative coefficients: as "
                "exact as float32"
            ),
            accepts=always,
            build=written(_gelu),
            limits=(
                "-infinity becomes infinity; by the definition it is NaN; far below 0, where GELU "
                "vanishes, up to 1e-7 of x is left"
            ),
        ),
        Realisation(
            name="gelu/tanh",
            uses=("MUL", "ADD", "TANH"),
            exactness="lossy",
            argument="x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) is GELU to within 4.8e-4",
            accepts=always,
            build=written(_gelu_by_tanh),
        ),
        Realisation(
            name="gelu/tanh-as-logistic",
            uses=("MUL", "ADD", "LOGISTIC"),
            exactness="lossy",
            argument=f"the tanh form, within 4.8e-4 of GELU, where {_OUT_OF}",
            accepts=always,
            build=written(_gelu_by_logistic),
        ),
        Realisation(
            name="gelu/logistic",
            uses=("MUL", "LOGISTIC"),
            exactness="lossy",
            argument="x logistic(1.702 x) is GELU to within 0.0204",
            accepts=always,
            build=written(_swish),
        ),
    ),
)

GELU_TANH: Family[Function] = Family(
    "gelu-tanh",
    recogniser("gelu-tanh"),
    (
        Realisation(
            name="gelu-tanh/gelu",
            uses=("GELU",),
            exactness="exact",
            argument="the tanh form of GELU, however it is spelt, is an option of one operator",
            accepts=unless("GELU", "Gelu", opset=_GELU_OPSET),
            build=written(_native(1.0)),
        ),
        Realisation(
            name="gelu-tanh/logistic",
            uses=("MUL", "ADD", "LOGISTIC"),
            exactness="exact",
            argument=_OUT_OF,
            accepts=always,
            build=written(_gelu_by_logistic),
        ),
        Realisation(
            name="gelu-tanh/tanh",
            uses=("MUL", "ADD", "TANH"),
            exactness="exact",
            argument="the definition of the tanh form of GELU",
            accepts=always,
            build=written(_gelu_by_tanh),
        ),
    ),
)

ERF: Family[Function] = Family(
    "erf",
    recogniser("erf"),
    (
        Realisation(
            name="erf/rational",
            uses=("MUL", "RELU_N1_TO_1", "ADD", "DIV"),
            exactness="exact",
            argument=(
                "erf(4t) is t P(t^2)/Q(t^2) to within 8e-8 for t in -1 to 1, and 1 beyond to "
                "within 2e-8: as exact as float32"
            ),
            accepts=always,
            build=written(_erf),
        ),
        Realisation(
            name="erf/rational-limits",
            uses=("MAXIMUM", "MINIMUM", "MUL", "ADD", "DIV"),
            exactness="exact",
            argument="as the rational form, limited to -4 to 4 before it is scaled and not after",
            accepts=always,
            build=written(_erf_by_limits),
        ),
    ),
)

FAMILIES = (GELU, GELU_TANH, ERF)

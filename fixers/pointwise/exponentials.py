"""SELU, CELU and ELU of other heights: an exponential where x is negative, scaled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.fixers.building.formula import formula
from npulint.fixers.pointwise.function_reading import Function, recogniser
from npulint.fixers.record import OF_DIFFERENCE, Family, Realisation, Refusal, always

if TYPE_CHECKING:
    from collections.abc import Callable

    from npulint.fixers.building.builder import Builder
    from npulint.fixers.building.formula import Formula

_SAME = 1e-6
"""Relative difference up to which two factors of float32 are one."""


def _near(a: float, b: float) -> bool:
    return abs(a - b) <= _SAME * abs(b)


def _scaled(made: Formula, x: int, factor: float) -> int:
    """A multiple; nothing where the factor is 1."""
    return x if _near(factor, 1.0) else made.times(x, factor)


def _smooth(f: Function) -> Refusal | None:
    slope, depth, width = f.parameters
    if not _near(depth, slope * width):
        return Refusal("its two halves do not meet at one slope, as those of CELU do")
    return None


def _own(f: Function) -> Refusal | None:
    slope, _, width = f.parameters
    if f.ops in (("ELU",), ("Elu",)):
        return Refusal("it is what is there")
    if not f.version:
        return Refusal("TFLite's ELU has no option for the height")
    if not (_near(slope, 1.0) and _near(width, 1.0)):
        return Refusal("more than the height differs from ELU")
    return None


def _by_own(builder: Builder, f: Function) -> list[int]:
    return [formula(builder, f.source).unary("elu", f.source, f.parameters[1])]


def _by_smooth_elu(builder: Builder, f: Function) -> list[int]:
    made, (_, depth, width) = formula(builder, f.source), f.parameters
    curved = made.unary("elu", _scaled(made, f.source, 1.0 / width))
    return [made.activate(_scaled(made, curved, depth), f.activation)]


def _in_halves(lower: Callable[[Formula, int], int]) -> Callable[[Builder, Function], list[int]]:
    """The slope times relu(x) and the depth times a function of min(x, 0) / width."""

    def whole(builder: Builder, f: Function) -> list[int]:
        made, (slope, depth, width) = formula(builder, f.source), f.parameters
        positive = made.unary("relu", f.source)
        negative = _scaled(made, made.binary("sub", f.source, positive), 1.0 / width)
        below = _scaled(made, lower(made, negative), depth)
        total = made.binary("add", _scaled(made, positive, slope), below)
        return [made.activate(total, f.activation)]

    return whole


def _elu(made: Formula, v: int) -> int:
    return made.unary("elu", v)


def _exp(made: Formula, v: int) -> int:
    return made.plus(made.unary("exp", v), -1.0)


def _logistic(made: Formula, v: int) -> int:
    upper = made.unary("sigmoid", v)
    return made.plus(made.binary("div", upper, made.unary("sigmoid", made.times(v, -1.0))), -1.0)


_HALVES = "s relu(x) + d (exp(min(x, 0)/w) - 1), where min(x, 0) is x - relu(x)"

FAMILY: Family[Function] = Family(
    "scaled-elu",
    recogniser("scaled-elu"),
    (
        Realisation(
            name="scaled-elu/own",
            uses=(),
            exactness="exact",
            argument="the height below 0 is the option of ONNX's Elu",
            accepts=_own,
            build=_by_own,
        ),
        Realisation(
            name="scaled-elu/smooth",
            uses=("MUL", "ELU"),
            exactness="exact",
            argument="CELU is w elu(x/w): where the halves meet at one slope, s, s w elu(x/w)",
            accepts=_smooth,
            build=_by_smooth_elu,
        ),
        Realisation(
            name="scaled-elu/elu",
            uses=("RELU", "SUB", "MUL", "ELU", "ADD"),
            exactness="exact",
            argument=f"SELU and its kin are {_HALVES}; below 0 elu(v) is exp(v) - 1",
            accepts=always,
            build=_in_halves(_elu),
            limits=OF_DIFFERENCE,
        ),
        Realisation(
            name="scaled-elu/exp",
            uses=("RELU", "SUB", "MUL", "EXP", "ADD"),
            exactness="exact",
            argument=f"SELU and its kin are {_HALVES}",
            accepts=always,
            build=_in_halves(_exp),
            limits=OF_DIFFERENCE,
        ),
        Realisation(
            name="scaled-elu/logistic",
            uses=("RELU", "SUB", "MUL", "LOGISTIC", "DIV", "ADD"),
            exactness="exact",
            argument=(
                f"SELU and its kin are {_HALVES}; exp(v) is logistic(v)/logistic(-v), accurate for "
                "v up to 0"
            ),
            accepts=always,
            build=_in_halves(_logistic),
            limits=OF_DIFFERENCE,
        ),
    ),
)

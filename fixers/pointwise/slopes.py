"""Values that are one multiple of x where it is negative and another where it is positive.

Sums, multiples, limits at 0 and choices by the sign of such values are such values again, so that
what they are follows exactly, without samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.pointwise.function_reading import cones
from npulint.fixers.pointwise.ways import activation
from npulint.operators.rearrangements import Miscellaneous
from npulint.operators.semantics import Binary, Clip, Unary, Variadic, Where

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.fixers.norms.constants import Numbers, Readings
    from npulint.model import Node

_LARGEST = 9
"""Nodes that are followed backwards; no form of a rectifier has more."""


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """`below` times x where x is negative, `above` times x where it is positive, 0 at 0."""

    below: Numbers
    above: Numbers

    def limited(self) -> Slopes:
        """What is left of it where negative values become 0."""
        return Slopes(np.minimum(self.below, 0.0), np.maximum(self.above, 0.0))

    def scaled(self, factor: Numbers | float) -> Slopes:
        """A multiple."""
        return Slopes(self.below * factor, self.above * factor)

    def plus(self, other: Slopes) -> Slopes:
        """The sum."""
        return Slopes(self.below + other.below, self.above + other.above)


@dataclass(frozen=True, slots=True, eq=False)
class _Signs:
    """Whether a condition holds where x is negative, and where it is positive."""

    below: npt.NDArray[np.bool_]
    above: npt.NDArray[np.bool_]


_Held: TypeAlias = "Slopes | _Signs | Numbers"

_ZERO = Slopes(np.zeros(()), np.zeros(()))
_ONE = Slopes(np.ones(()), np.ones(()))

_KINDS = frozenset({"relu", "neg", "abs", "leakyrelu"})

_COMPARISONS: Mapping[str, Callable[[Numbers, float], npt.NDArray[np.bool_]]] = MappingProxyType(
    {
        "greater": np.greater, "less": np.less, "greater_equal": np.greater_equal,
        "less_equal": np.less_equal,
    }
)  # fmt: skip

_TWO = frozenset({"add", "sub", "mul", "div", "max", "min", "sum", *_COMPARISONS})


def found(readings: Readings, last: Node) -> Iterator[tuple[tuple[int, ...], int, Slopes]]:
    """The values of which a node's result is such multiples, from the fewest nodes on.

    Yields:
        The nodes between, the position of x, and the multiples.
    """
    if _variables(readings, last) is None or activation(readings, last) != "NONE":
        return
    for nodes, source in cones(readings, last, _variables, _LARGEST):
        held: dict[int, _Held] = {source: _ONE}
        for index in nodes:
            node = readings.graph.nodes[index]
            made = _evaluated(readings, node, held)
            if isinstance(made, Slopes) and activation(readings, node) == "RELU":
                made = made.limited()
            if made is None:
                break
            held[node.outputs[0]] = made
        else:
            whole = held[last.outputs[0]]
            if isinstance(whole, Slopes):
                yield nodes, source, whole


def _variables(readings: Readings, node: Node) -> list[int] | None:
    """The operands that are data, None for what is no step of such a form."""
    if len(node.outputs) != 1 or node.bodies or node.custom:
        return None
    if activation(readings, node) not in ("NONE", "RELU"):
        return None
    count = 0
    match readings.operator(node):
        case Unary(kind) if kind in _KINDS:
            count = 1
        case Clip(fixed=True) | Miscellaneous("identity"):
            count = 1
        case Binary(kind) | Variadic(kind) if kind in _TWO and len(node.inputs) == 2:
            count = 2
        case Where():
            count = 3
    if not count or min(node.inputs[:count]) < 0:
        return None
    return [index for index in node.inputs[:count] if readings.numbers(index) is None]


def _evaluated(readings: Readings, node: Node, held: Mapping[int, _Held]) -> _Held | None:
    """What a node makes of what is known, None where that is nothing of the kind."""

    def operand(position: int) -> _Held:
        index = node.inputs[position]
        if index in held:
            return held[index]
        numbers = readings.numbers(index)
        if numbers is None:
            raise AssertionError("every other operand was followed")
        # 0 is itself a multiple of x.
        return numbers if numbers.any() else _ZERO

    match readings.operator(node):
        case Unary(kind, parameters):
            return _unary(kind, parameters, operand(0))
        case Clip(low, high):
            return _clipped(operand(0), low, high)
        case Binary(kind) | Variadic(kind):
            return _binary(kind, operand(0), operand(1))
        case Where():
            return _chosen(operand(0), operand(1), operand(2))
        case _:
            return operand(0)


def _unary(kind: str, parameters: Sequence[float], x: _Held) -> Slopes | None:
    if not isinstance(x, Slopes):
        return None
    if kind == "neg":
        return x.scaled(-1.0)
    upper, lower = x.limited(), x.scaled(-1.0).limited()
    if kind == "relu":
        return upper
    factor = 1.0 if kind == "abs" else -parameters[0]
    return upper.plus(lower.scaled(factor))


def _clipped(x: _Held, low: float | None, high: float | None) -> Slopes | None:
    """Limits at 0 on one side; there is nothing on the other."""
    if not isinstance(x, Slopes):
        return None
    if low == 0 and high in (None, np.inf):
        return x.limited()
    if high == 0 and low in (None, -np.inf):
        return x.scaled(-1.0).limited().scaled(-1.0)
    return None


def _binary(kind: str, a: _Held, b: _Held) -> _Held | None:
    if kind == "mul":
        return _times(a, b) or _times(b, a)
    if kind == "div":
        return _times(a, b, reciprocal=True)
    if not isinstance(a, Slopes) or not isinstance(b, Slopes):
        return None
    difference = a.plus(b.scaled(-1.0))
    if kind in _COMPARISONS:
        holds = _COMPARISONS[kind]
        return _Signs(holds(-difference.below, 0.0), holds(difference.above, 0.0))
    joined = {
        "add": a.plus(b),
        "sum": a.plus(b),
        "sub": difference,
        "max": b.plus(difference.limited()),
        "min": a.plus(difference.limited().scaled(-1.0)),
    }
    return joined[kind]


def _times(a: _Held, b: _Held, *, reciprocal: bool = False) -> Slopes | None:
    """A multiple by a constant."""
    if not isinstance(a, Slopes) or isinstance(b, (Slopes, _Signs)):
        return None
    return a.scaled(1.0 / b if reciprocal else b)


def _chosen(condition: _Held, a: _Held, b: _Held) -> Slopes | None:
    if not isinstance(condition, _Signs) or not isinstance(a, Slopes) or not isinstance(b, Slopes):
        return None
    return Slopes(
        np.where(condition.below, a.below, b.below), np.where(condition.above, a.above, b.above)
    )

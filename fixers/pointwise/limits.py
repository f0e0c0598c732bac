"""Limits below, above or both: RELU and its kin, CLIP, MAXIMUM and MINIMUM with a number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from npulint.fixers.building.formula import formula
from npulint.fixers.looking import only_reader
from npulint.fixers.pointwise.ways import readings_of, unfit
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal
from npulint.operators.semantics import Clip, Variadic

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.norms.constants import Readings
    from npulint.model import Graph, Node

_LARGEST = 1024.0
"""Limits up to which sums with them lose nothing worth a word: 6e-5 at most."""

_KIN = {(0.0, 6.0): "RELU6", (-1.0, 1.0): "RELU_N1_TO_1", (0.0, None): "RELU"}


@dataclass(frozen=True, slots=True)
class Limits:
    """result = min(max(source, low), high).

    Attributes:
        source: Position of the value.
        low: None where there is no limit below.
        high: None where there is none above.
        ops: The operators that it was written with.
    """

    source: int
    low: float | None
    high: float | None
    ops: tuple[str, ...]


_L: TypeAlias = Limits


def recognise(graph: Graph) -> Iterator[Occurrence[Limits]]:
    """Find every limit, and two that follow one another."""
    readings = readings_of(graph)
    for node in graph.nodes:
        found = _read(readings, node)
        if found is None:
            continue
        yield Occurrence(node.op, (node.index,), node.outputs, found)
        reader = only_reader(graph, node.outputs[0])
        then = None if reader is None else _read(readings, reader)
        if reader is None or not isinstance(then, Limits) or isinstance(found, Refusal):
            continue
        both = _both(found, then)
        if both is not None and then.source == node.outputs[0]:
            nodes = (node.index, reader.index)
            yield Occurrence(f"{node.op}+{reader.op}", nodes, reader.outputs, both)


def _read(readings: Readings, node: Node) -> Limits | Refusal | None:
    operator = readings.operator(node)
    source, low, high = node.inputs[0] if node.inputs else 0, None, None
    if isinstance(operator, Clip) and operator.fixed:
        low, high = operator.low, operator.high
    elif isinstance(operator, Variadic) and operator.kind in ("max", "min"):
        numbers = [_number(readings, index) for index in node.inputs]
        if len(numbers) != 2 or numbers.count(None) != 1:
            return None
        source = node.inputs[numbers.index(None)]
        number = numbers[0] if numbers[1] is None else numbers[1]
        low, high = (number, None) if operator.kind == "max" else (None, number)
    if low is None and high is None:
        return None
    if readings.sizes(source) != readings.sizes(node.outputs[0]):
        return None
    refusal = unfit(readings, node, (source, node.outputs[0]))
    return refusal or Limits(source, _bound(low), _bound(high), (node.op,))


def _bound(item: float | None) -> float | None:
    """What lies beyond all of float32 is no limit."""
    return None if item is None or abs(item) > 3.4e38 else float(item)


def _number(readings: Readings, index: int) -> float | None:
    if index < 0 or readings.graph.values[index].constant is None:
        return None
    numbers = readings.numbers(index)
    if numbers is None or numbers.size == 0 or numbers.min() != numbers.max():
        return None
    return float(numbers.flat[0])


def _both(first: Limits, then: Limits) -> Limits | None:
    """Two in a row as one; None where the second one cuts the first's range away."""
    low, high = first.low, first.high
    if then.low is not None:
        low = then.low if low is None else max(low, then.low)
    if then.high is not None:
        high = then.high if high is None else min(high, then.high)
    if low is not None and high is not None and low > high:
        return None
    return Limits(first.source, low, high, (*first.ops, *then.ops))


def _named(limits: _L) -> Refusal | None:
    if (limits.low, limits.high) not in _KIN:
        return Refusal(f"no RELU has the limits {limits.low} and {limits.high}")
    if limits.ops in {("RELU",), ("RELU6",), ("RELU_N1_TO_1",)}:
        return Refusal("it is what is there")
    return None


def _compared(limits: _L) -> Refusal | None:
    if set(limits.ops) <= {"MAXIMUM", "MINIMUM", "Max", "Min"}:
        return Refusal("it is what is there")
    return None


def _moderate(limits: _L) -> Refusal | None:
    if max(abs(limits.low or 0.0), abs(limits.high or 0.0)) > _LARGEST:
        return Refusal(f"sums with limits beyond {_LARGEST:g} would round too much away")
    if limits.low is not None and limits.high is not None and limits.low > limits.high:
        return Refusal("its limits are the wrong way round")
    return None


def _kin(builder: Builder, limits: _L) -> list[int]:
    made = formula(builder, limits.source)
    if limits.high is None:
        return [made.unary("relu", limits.source)]
    return [made.clip(limits.source, limits.low or 0.0, limits.high)]


def _max_min(builder: Builder, limits: _L) -> list[int]:
    made, value = formula(builder, limits.source), limits.source
    if limits.low is not None:
        value = made.binary("max", value, made.number(limits.low, value))
    if limits.high is not None:
        value = made.binary("min", value, made.number(limits.high, value))
    return [value]


def _by_relu(builder: Builder, limits: _L) -> list[int]:
    """High - relu(high - x) is min(x, high), and x - low moves a limit to 0."""
    made, value, low = formula(builder, limits.source), limits.source, limits.low
    if limits.high is None:
        value = value if low == 0 else made.plus(value, -(low or 0.0))
        value = made.unary("relu", value)
        return [value if low == 0 else made.plus(value, low or 0.0)]
    above = made.binary("sub", made.number(limits.high, value), value)
    above = made.unary("relu", above)
    if low is None:
        return [made.binary("sub", made.number(limits.high, above), above)]
    inside = made.binary("sub", made.number(limits.high - low, above), above)
    inside = made.unary("relu", inside)
    return [inside if low == 0 else made.plus(inside, low)]


_OPEN = "infinity stays so where Clip of opsets before 11 ends at the largest float"

FAMILY: Family[Limits] = Family(
    "limits",
    recognise,
    (
        Realisation(
            name="limits/relu-kin",
            uses=("RELU", "RELU6", "RELU_N1_TO_1"),
            exactness="exact",
            argument="limits of 0 and 6, of -1 and 1, or of 0 alone have operators of their own",
            accepts=_named,
            build=_kin,
            limits=_OPEN,
        ),
        Realisation(
            name="limits/max-min",
            uses=("MAXIMUM", "MINIMUM"),
            exactness="exact",
            argument="a limit below is the maximum with it, one above the minimum",
            accepts=_compared,
            build=_max_min,
            limits=_OPEN,
        ),
        Realisation(
            name="limits/relu",
            uses=("SUB", "ADD", "RELU"),
            exactness="exact",
            argument=(
                "high - relu(high - x) is min(x, high) and low + relu(x - low) is max(x, low); "
                f"limits of at most {_LARGEST:g}, so that the sums round little away"
            ),
            accepts=_moderate,
            build=_by_relu,
            limits=_OPEN,
        ),
    ),
)

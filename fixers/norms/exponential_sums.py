"""Softmax, its logarithm, and logarithms of sums, out of maxima, exponentials and sums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.building.formula import formula
from npulint.fixers.pointwise.ways import readings_of, unfit
from npulint.fixers.reading import stored
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal, always
from npulint.operators.rearrangements import Reduce
from npulint.operators.semantics import Softmax

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.norms.constants import Readings
    from npulint.model import Graph, Node

_SUMS = ("log_sum", "log_sum_exp")


@dataclass(frozen=True, slots=True)
class Exponentials:
    """Exponentials along axes over their sum, or the logarithm of that.

    Attributes:
        source: Position of the value.
        shape: Its sizes, as stored.
        axes: As stored, ascending.
        log: Whether the logarithm is taken.
    """

    source: int
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    log: bool


@dataclass(frozen=True, slots=True)
class LogSum:
    """The logarithm of a sum over axes.

    Attributes:
        source: Position of the value.
        axes: As stored, ascending.
        exponentials: Whether it is the exponentials that are added.
        result: Shape of the result.
    """

    source: int
    axes: tuple[int, ...]
    exponentials: bool
    result: tuple[int, ...]


def softmaxes(graph: Graph) -> Iterator[Occurrence[Exponentials]]:
    """Find every softmax, and every logarithm of one that is an operator."""
    readings = readings_of(graph)
    for node in graph.nodes:
        operator = readings.operator(node)
        if isinstance(operator, Softmax):
            found = _softmax(readings, node, operator)
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def _softmax(readings: Readings, node: Node, softmax: Softmax) -> Exponentials | Refusal:
    refusal = unfit(readings, node, (node.inputs[0], node.outputs[0]))
    if refusal is not None:
        return refusal
    shape = readings.sizes(node.inputs[0]) or ()
    rank = len(shape)
    last = rank if softmax.flatten else softmax.axis + 1
    axes = sorted(stored(readings.graph, axis, rank) for axis in range(softmax.axis, last))
    return Exponentials(node.inputs[0], shape, tuple(axes), softmax.log)


def log_sums(graph: Graph) -> Iterator[Occurrence[LogSum]]:
    """Find every logarithm of a sum over axes that is one operator."""
    readings = readings_of(graph)
    for node in graph.nodes:
        operator = readings.operator(node)
        if isinstance(operator, Reduce) and operator.kind in _SUMS:
            found = _log_sum(readings, node, operator)
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def _log_sum(readings: Readings, node: Node, sums: Reduce) -> LogSum | Refusal:
    refusal = unfit(readings, node, (node.inputs[0], node.outputs[0]))
    if refusal is not None:
        return refusal
    result = readings.sizes(node.outputs[0]) or ()
    if not sums.axes:
        return Refusal("it adds along no axis")
    axes = tuple(sorted(sums.axes))
    return LogSum(node.inputs[0], axes, sums.kind == "log_sum_exp", result)


def _elsewhere(e: Exponentials) -> Refusal | None:
    if len(e.axes) > 1:
        return Refusal("it is along several axes at once")
    if e.axes == (len(e.shape) - 1,):
        return Refusal("it is along the last axis already")
    return None


def _last(builder: Builder, e: Exponentials) -> list[int]:
    made = formula(builder, e.source)
    (axis,), rank = e.axes, len(e.shape)
    order = list(range(rank))
    order[axis], order[-1] = rank - 1, axis
    turned = made.transpose(e.source, order)
    op = "LogSoftmax" if e.log else "Softmax"
    along = builder.value_node(op, (turned,), made.shape(turned), axis=rank - 1)
    return [made.transpose(along, order)]


def _apart(builder: Builder, e: Exponentials) -> list[int]:
    made = formula(builder, e.source)
    lowered = made.binary("sub", e.source, made.largest(e.source, e.axes))
    parts = made.unary("exp", lowered)
    total = made.total(parts, e.axes)
    if e.log:
        return [made.binary("sub", lowered, made.unary("log", total))]
    return [made.binary("div", parts, total)]


def _of_sum(s: LogSum) -> Refusal | None:
    return Refusal("it adds exponentials, not the values") if s.exponentials else None


def _of_exponentials(s: LogSum) -> Refusal | None:
    return None if s.exponentials else Refusal("it adds the values, not exponentials")


def _logarithm(builder: Builder, s: LogSum) -> list[int]:
    made = formula(builder, s.source)
    return [made.reshape(made.unary("log", made.total(s.source, s.axes)), s.result)]


def _raised(builder: Builder, s: LogSum) -> list[int]:
    made = formula(builder, s.source)
    largest = made.largest(s.source, s.axes)
    parts = made.unary("exp", made.binary("sub", s.source, largest))
    logarithm = made.unary("log", made.total(parts, s.axes))
    return [made.reshape(made.binary("add", largest, logarithm), s.result)]


SOFTMAX: Family[Exponentials] = Family(
    "softmax",
    softmaxes,
    (
        Realisation(
            name="softmax/last-axis",
            uses=("TRANSPOSE", "SOFTMAX", "LOG_SOFTMAX"),
            exactness="exact",
            argument="a softmax along one axis is one along the last axis of a transposed value",
            accepts=_elsewhere,
            build=_last,
        ),
        Realisation(
            name="softmax/exponentials",
            uses=("REDUCE_MAX", "SUB", "EXP", "SUM", "DIV", "LOG"),
            exactness="exact",
            argument=(
                "with m the largest, exp(x) / sum(exp(x)) is exp(x - m) / sum(exp(x - m)), and its "
                "logarithm x - m - log(sum(exp(x - m))); no exponential is above 1"
            ),
            accepts=always,
            build=_apart,
        ),
    ),
)

LOG_SUM: Family[LogSum] = Family(
    "log-sum",
    log_sums,
    (
        Realisation(
            name="log-sum/logarithm",
            uses=("SUM", "LOG", "RESHAPE"),
            exactness="exact",
            argument="it is the logarithm of the sum",
            accepts=_of_sum,
            build=_logarithm,
        ),
        Realisation(
            name="log-sum/maximum",
            uses=("REDUCE_MAX", "SUB", "EXP", "SUM", "LOG", "ADD", "RESHAPE"),
            exactness="exact",
            argument=(
                "with m the largest, log(sum(exp(x))) is m + log(sum(exp(x - m))); no exponential "
                "is above 1, and one is 1"
            ),
            accepts=_of_exponentials,
            build=_raised,
            limits="where the largest is infinite it makes NaN, as the difference of infinities",
        ),
    ),
)

FAMILIES = (SOFTMAX, LOG_SUM)

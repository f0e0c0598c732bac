"""Running sums along an axis where a target has no operator for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.building.moves import Moves, moves
from npulint.fixers.reading import fixed, immovable, meaning, not_float, stored
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal
from npulint.operators.rearrangements import CumSum

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph, Node


@dataclass(frozen=True, slots=True)
class RunningSum:
    """Each sample plus all before it.

    Attributes:
        source: Position of what is summed.
        size: Samples along the axis.
        axis: As stored.
        exclusive: Whether a sample itself is left out.
        reverse: Whether it is all behind it that is added.
    """

    source: int
    size: int
    axis: int
    exclusive: bool
    reverse: bool


def recognise(graph: Graph) -> Iterator[Occurrence[RunningSum]]:
    """Find every running sum."""
    for node in graph.nodes:
        if not node.domain and node.op in ("CUMSUM", "CumSum"):
            yield Occurrence(node.op, (node.index,), node.outputs, _read(graph, node))


def _read(graph: Graph, node: Node) -> RunningSum | Refusal:
    source = node.inputs[0]
    refusal = immovable(graph, (source, node.outputs[0])) or not_float(graph, source)
    if refusal is not None:
        return refusal
    record = meaning(graph, node)
    if isinstance(record, Refusal):
        return record
    shape = fixed(graph.values[source]) or ()
    if not isinstance(record, CumSum) or record.axis is None:
        return Refusal("along which axis it sums is computed while the model runs")
    axis = stored(graph, record.axis, len(shape))
    return RunningSum(source, shape[axis], axis, record.exclusive, record.reverse)


def _several(r: RunningSum) -> Refusal | None:
    return Refusal("there is one sample along the axis") if r.size < 2 else None


def _doubled(builder: Builder, r: RunningSum) -> list[int]:
    m = moves(builder, r.source)
    value = _shifted(m, r.source, r, 1) if r.exclusive else r.source
    step = 1
    while step < r.size:
        value = m.add(value, _shifted(m, value, r, step))
        step *= 2
    return [value]


def _shifted(m: Moves, value: int, r: RunningSum, step: int) -> int:
    """The samples some places further on, and zeros where none come from."""
    margins = [(0, 0)] * len(m.shape(value))
    start, stop = (step, r.size) if r.reverse else (0, r.size - step)
    margins[r.axis] = (0, step) if r.reverse else (step, 0)
    return m.widen(m.cut(value, r.axis, start, stop), margins)


FAMILY: Family[RunningSum] = Family(
    "running-sum",
    recognise,
    (
        Realisation(
            name="running-sum/doubling",
            uses=("STRIDED_SLICE", "PAD", "ADD"),
            exactness="exact",
            argument=(
                "sums of 1, 2, 4 ... samples, each the one before it and the same further back, "
                "zeros where nothing is; in as many steps as the size has binary digits"
            ),
            accepts=_several,
            build=_doubled,
        ),
    ),
)

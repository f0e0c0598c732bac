"""Runs of nodes with more than 4 axes, said in 4 by putting axes together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.forms.lowered import Lowered, Reordered, Same, Views
from npulint.fixers.forms.lowering import read
from npulint.fixers.forms.merging import MOST
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph, Node


@dataclass(frozen=True, slots=True)
class Region:
    """Nodes joined by values of many axes.

    Attributes:
        steps: How each is said in few, in the order in which they run.
        results: Positions of what is read outside.
        bound: Names of the values of many axes that the model itself takes or makes.
    """

    steps: tuple[Lowered, ...]
    results: tuple[int, ...]
    bound: tuple[str, ...] = ()


def recognise(graph: Graph) -> Iterator[Occurrence[Region]]:
    """Find the largest runs of nodes that share values of more than 4 axes."""
    many = {
        value.index for value in graph.values if value.constant is None and (value.rank or 0) > MOST
    }
    touched = [node for node in graph.nodes if many.intersection((*node.inputs, *node.outputs))]
    readings = {node.index: read(graph, node) for node in touched}
    for node in touched:
        found = readings[node.index]
        if isinstance(found, Refusal):
            yield Occurrence(node.op, (node.index,), node.outputs, found)
    steps = {index: each for index, each in readings.items() if not isinstance(each, Refusal)}
    for nodes in _joined(graph, many, steps):
        kinds = [type(steps[index]) for index in nodes]
        # A transposition between two reshapes has ways of its own.
        if set(kinds) == {Same} or kinds == [Same, Reordered, Same]:
            continue
        results = tuple(_read_outside(graph, nodes))
        region = Region(tuple(steps[index] for index in nodes), results, _bound(graph, many, nodes))
        ops = dict.fromkeys(graph.nodes[index].op for index in nodes)
        yield Occurrence(" + ".join(ops), tuple(nodes), results, region)


def _joined(graph: Graph, many: set[int], steps: Mapping[int, Lowered]) -> Iterator[list[int]]:
    """Positions of nodes, those that share a value of many axes together."""
    runs: list[tuple[set[int], list[int]]] = []
    for index in sorted(steps):
        node = graph.nodes[index]
        values, nodes = many.intersection((*node.inputs, *node.outputs)), [index]
        apart = []
        for run in runs:
            if values.isdisjoint(run[0]):
                apart.append(run)
            else:
                values |= run[0]
                nodes = [*run[1], *nodes]
        runs = [*apart, (values, nodes)]
    for _, nodes in runs:
        yield sorted(nodes)


def _read_outside(graph: Graph, nodes: list[int]) -> Iterator[int]:
    """Positions of the values that nodes make and something else reads."""
    inside = set(nodes)
    for index in nodes:
        for value in graph.nodes[index].outputs:
            readers: tuple[Node, ...] = tuple(graph.uses[value].readers)
            if value in graph.outputs or any(reader.index not in inside for reader in readers):
                yield value


def _bound(graph: Graph, many: set[int], nodes: list[int]) -> tuple[str, ...]:
    """Names of what nodes read and make of many axes that is the model's own input or output."""
    touched = {
        value
        for index in nodes
        for value in (*graph.nodes[index].inputs, *graph.nodes[index].outputs)
    }
    ends = dict.fromkeys((*graph.inputs, *graph.outputs))
    return tuple(graph.values[index].name for index in ends if index in touched & many)


def _any(region: Region) -> Refusal | None:
    return None if region.results else Refusal("nothing reads what it makes")


def _lowered(builder: Builder, region: Region) -> list[int]:
    if region.bound:
        names = ", ".join(region.bound)
        builder.note = (
            f"the model itself takes or makes {names} with more than {MOST} axes, so that a "
            f"RESHAPE is left: export it with at most {MOST}"
        )
    views = Views(builder)
    for step in region.steps:
        step.write(views)
    return views.results(region.results)


FAMILY: Family[Region] = Family(
    "rank",
    recognise,
    (
        Realisation(
            name="rank/merged-axes",
            uses=("RESHAPE", "TRANSPOSE", "STRIDED_SLICE"),
            exactness="exact",
            argument=(
                "neighbouring axes along which all values of a node are treated alike are one "
                "axis: the same operators on reshaped values of at most 4 dimensions, where "
                "that is enough for what each does along its axes; transpositions by those of few"
            ),
            accepts=_any,
            build=_lowered,
            partial=True,
        ),
    ),
)

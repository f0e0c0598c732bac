"""A part of a graph to look for occurrences in, and what is too large to look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from npulint.model import OMITTED

if TYPE_CHECKING:
    from collections.abc import Hashable

    from npulint.fixers.record import Occurrence
    from npulint.model import Graph, Node, Value

GIANT = 1 << 31
"""Bytes of an activation above which nothing is built of what makes or reads it."""

HEAVY = 1024 * 1024
"""Bytes of a constant from which on it is not read: `check` leaves weights on disk."""

READ = 32 * 1024 * 1024
"""Bytes of constants that are read of one graph."""


@dataclass(frozen=True, slots=True)
class Window:
    """Neighbouring nodes of a graph as a graph of their own.

    Attributes:
        graph: The nodes; what is read outside are its outputs.
        start: Position of the first of them in the whole graph.
    """

    graph: Graph
    start: int

    def places(self, occurrence: Occurrence[Any]) -> tuple[int, ...]:
        """Where the nodes of an occurrence are in the whole graph."""
        return tuple(self.start + index for index in occurrence.nodes)


def window_at(graph: Graph, start: int, count: int) -> Window:
    """Some nodes of a graph, from one position on."""
    nodes = graph.nodes[start : start + count]
    values = _light(graph, nodes)
    if len(nodes) == len(graph.nodes):
        return Window(replace(graph, values=values), 0)
    made = {value for node in nodes for value in node.outputs if value != OMITTED}
    later = graph.nodes[start + count :]
    read = {value for node in later for value in node.inputs}
    return Window(
        replace(
            graph,
            values=values,
            nodes=tuple(replace(node, index=place) for place, node in enumerate(nodes)),
            outputs=tuple(sorted(made & (read | {*graph.outputs}))),
        ),
        start,
    )


def _light(graph: Graph, nodes: Iterable[Node]) -> tuple[Value, ...]:
    """The values, with constants that are too large to be read as those that nobody can read."""
    values = list(graph.values)
    total = 0
    for index in dict.fromkeys(i for node in nodes for i in node.inputs if i != OMITTED):
        constant = values[index].constant
        if constant is None or constant.payload is not None:
            continue
        total += constant.nbytes
        if constant.nbytes > HEAVY or total > READ or constant.storage is None:
            values[index] = replace(values[index], constant=replace(constant, sparse=True))
    return tuple(values)


def form(graph: Graph, occurrence: Occurrence[Any]) -> Hashable:
    """All of an occurrence that what is built of it and the answers may hang on, weights apart."""
    return tuple(
        (
            node.op, node.version,
            tuple(sorted((name, repr(value)) for name, value in node.attributes.items())),
            tuple(
                None if index == OMITTED else _told(graph.values[index])
                for index in (*node.inputs, *node.outputs)
            ),
        )
        for node in (graph.nodes[index] for index in occurrence.nodes)
    )  # fmt: skip


def _told(value: Value) -> Hashable:
    small = value.constant is not None and "int" in value.constant.dtype
    contents = value.constant.payload if small and value.constant is not None else None
    return value.dtype, value.shape, value.quantisation, value.constant is None, contents


def giant(graph: Graph, occurrence: Occurrence[Any]) -> bool:
    """Whether an occurrence has a size that no phone computes, but a damaged file may state."""
    nodes = (graph.nodes[index] for index in occurrence.nodes)
    values = {value for node in nodes for value in (*node.inputs, *node.outputs)}
    return any((graph.values[v].nbytes or 0) > GIANT for v in values if v != OMITTED)

"""Taking a graph apart: new nodes as a graph of their own, and such a graph in place of nodes."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from npulint.model import OMITTED, Graph

if TYPE_CHECKING:
    from npulint.model import Node, Value


@dataclass(frozen=True, slots=True)
class Fragment:
    """A graph that computes the results of some nodes of another graph.

    Attributes:
        graph: The new nodes; what they take is its inputs, what they make its outputs.
        outer: For its values that the other graph has too, their positions there.
    """

    graph: Graph
    outer: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Patch:
    """A fragment and the nodes that it takes the place of, ascending."""

    fragment: Fragment
    covers: tuple[int, ...]


def make_fragment(
    graph: Graph,
    nodes: Sequence[Node],
    values: Sequence[Value],
    made: Sequence[int],
    results: Sequence[int],
) -> Fragment:
    """Let new nodes make old values, and put them into a graph of their own.

    Args:
        graph: The graph that the nodes were built for.
        nodes: The new nodes, in an order in which they can run.
        values: The new values, whose positions follow those of the graph.
        made: Positions of the values that hold the results.
        results: Positions of the old values that readers expect instead.
    """
    renamed = dict(zip(made, results, strict=True))
    nodes = [
        replace(
            node,
            inputs=tuple(renamed.get(index, index) for index in node.inputs),
            outputs=tuple(renamed.get(index, index) for index in node.outputs),
        )
        for node in nodes
    ]
    known = [*graph.values, *values]
    used = dict.fromkeys(
        index for node in nodes for index in (*node.inputs, *node.outputs) if index != OMITTED
    )
    place = {index: number for number, index in enumerate(used)} | {OMITTED: OMITTED}
    makes = {index for node in nodes for index in node.outputs}
    own = Graph(
        index=0,
        name=graph.name,
        dialect=graph.dialect,
        values=tuple(replace(known[index], index=place[index], origin=None) for index in used),
        nodes=tuple(
            replace(
                node,
                graph=0,
                index=number,
                origin=None,
                inputs=tuple(place[index] for index in node.inputs),
                outputs=tuple(place[index] for index in node.outputs),
            )
            for number, node in enumerate(nodes)
        ),
        inputs=tuple(
            place[index] for index in used if index not in makes and known[index].constant is None
        ),
        outputs=tuple(place[index] for index in results),
        kind=graph.kind,
    )
    outer = {place[index]: index for index in used if index < len(graph.values)}
    return Fragment(own, outer)


def apply(
    graph: Graph, patches: Iterable[Patch], keep: frozenset[int] = frozenset()
) -> tuple[Graph, Mapping[int, int]]:
    """Replace nodes by patches that cover different ones.

    Args:
        graph: The graph.
        patches: What takes the place of which nodes.
        keep: Values that something outside the graph refers to.

    Returns:
        The new graph, and for each old value that is still there its new position. Values that
        only the replaced nodes used, their weights, are gone.
    """
    values = list(graph.values)
    anchors = {patch.covers[-1]: patch for patch in patches}
    covered = {index for patch in anchors.values() for index in patch.covers}
    nodes: list[Node] = []
    for node in graph.nodes:
        patch = anchors.get(node.index)
        if patch is not None:
            nodes += _transplanted(graph, patch.fragment, values)
        elif node.index not in covered:
            nodes.append(node)
    nodes = _in_order(nodes)
    before, after = _used(graph, graph.nodes), _used(graph, nodes)
    orphans = before - after - keep
    orphans |= set(range(len(graph.values), len(values))) - after
    return compact(replace(graph, values=tuple(values), nodes=tuple(nodes)), orphans)


def _transplanted(graph: Graph, fragment: Fragment, values: list[Value]) -> list[Node]:
    """The fragment's nodes among the graph's values, to which its own are added."""
    place = {OMITTED: OMITTED, **fragment.outer}
    for value in fragment.graph.values:
        if value.index not in place:
            place[value.index] = len(values)
            values.append(replace(value, index=len(values)))
    return [
        replace(
            node,
            graph=graph.index,
            inputs=tuple(place[index] for index in node.inputs),
            outputs=tuple(place[index] for index in node.outputs),
        )
        for node in fragment.graph.nodes
    ]


def _in_order(nodes: Sequence[Node]) -> list[Node]:
    """The nodes numbered, each after those whose results it takes, else as they stand."""
    makers = {index: place for place, node in enumerate(nodes) for index in node.outputs}
    waits = [
        {makers[index] for index in node.inputs if index != OMITTED and index in makers}
        for node in nodes
    ]
    if all(max(waiting, default=-1) < place for place, waiting in enumerate(waits)):
        return [replace(node, index=place) for place, node in enumerate(nodes)]
    readers: list[list[int]] = [[] for _ in nodes]
    for place, waiting in enumerate(waits):
        for maker in waiting:
            readers[maker].append(place)
    left = [len(waiting) for waiting in waits]
    ready = [place for place, count in enumerate(left) if not count]
    ordered: list[Node] = []
    while ready:
        place = heapq.heappop(ready)
        ordered.append(replace(nodes[place], index=len(ordered)))
        for reader in readers[place]:
            left[reader] -= 1
            if not left[reader]:
                heapq.heappush(ready, reader)
    if len(ordered) < len(nodes):  # The graph had a cycle before.
        return [replace(node, index=place) for place, node in enumerate(nodes)]
    return ordered


def _used(graph: Graph, nodes: Sequence[Node]) -> set[int]:
    used = {*graph.inputs, *graph.outputs, *(index for index, _ in graph.captured)}
    for node in nodes:
        used.update(node.inputs, node.outputs)
    return used


def compact(graph: Graph, orphans: set[int]) -> tuple[Graph, Mapping[int, int]]:
    """Drop values and close the gaps that they leave."""
    kept = [value.index for value in graph.values if value.index not in orphans]
    place = {old: new for new, old in enumerate(kept)} | {OMITTED: OMITTED}

    def moved(positions: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(place[index] for index in positions)

    compact = replace(
        graph,
        values=tuple(replace(graph.values[old], index=place[old]) for old in kept),
        nodes=tuple(
            replace(node, inputs=moved(node.inputs), outputs=moved(node.outputs))
            for node in graph.nodes
        ),
        inputs=moved(graph.inputs),
        outputs=moved(graph.outputs),
        captured=tuple((place[index], name) for index, name in graph.captured),
    )
    return compact, place

"""Putting what a builder has made in the place of a node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from npulint.model import OMITTED

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Value


@dataclass(frozen=True, slots=True)
class Patch:
    """New nodes for one old node, the last one making the old node's result.

    Attributes:
        nodes: The new nodes, in an order in which they can run.
        values: The new values, whose positions follow those of the graph.
    """

    nodes: tuple[Node, ...]
    values: tuple[Value, ...]


def make_patch(nodes: Sequence[Node], values: Sequence[Value], made: int, result: int) -> Patch:
    """Let the nodes make an old value instead of the new one that they made.

    Args:
        nodes: The new nodes.
        values: The new values.
        made: Position of the new value that holds the result.
        result: Position of the old value that readers expect.
    """
    renamed = tuple(
        replace(node, outputs=tuple(result if v == made else v for v in node.outputs))
        for node in nodes
    )
    return Patch(renamed, tuple(values))


def apply(
    graph: Graph, patches: Mapping[int, Patch], keep: frozenset[int] = frozenset()
) -> tuple[Graph, Mapping[int, int]]:
    """Replace nodes by patches.

    Args:
        graph: The graph.
        patches: What takes the place of which node.
        keep: Values that something outside the graph refers to.

    Returns:
        The new graph, and for each old value that is still there its new position. Values that
        only the replaced nodes read, their weights, are gone.
    """
    values = list(graph.values)
    nodes: list[Node] = []
    for node in graph.nodes:
        patch = patches.get(node.index)
        if patch is None:
            nodes.append(replace(node, index=len(nodes)))
            continue
        shift = len(values) - len(graph.values)
        values += [replace(value, index=value.index + shift) for value in patch.values]
        nodes += [
            replace(
                new,
                index=len(nodes) + number,
                inputs=_shifted(new.inputs, len(graph.values), shift),
                outputs=_shifted(new.outputs, len(graph.values), shift),
            )
            for number, new in enumerate(patch.nodes)
        ]
    before, after = _used(graph, graph.nodes), _used(graph, nodes)
    orphans = before - after - keep
    orphans |= set(range(len(graph.values), len(values))) - after
    return _compact(replace(graph, values=tuple(values), nodes=tuple(nodes)), orphans)


def _shifted(positions: tuple[int, ...], known: int, shift: int) -> tuple[int, ...]:
    return tuple(index + shift if index >= known else index for index in positions)


def _used(graph: Graph, nodes: Sequence[Node]) -> set[int]:
    used = {*graph.inputs, *graph.outputs, *(index for index, _ in graph.captured)}
    for node in nodes:
        used.update(node.inputs, node.outputs)
    return used


def _compact(graph: Graph, orphans: set[int]) -> tuple[Graph, Mapping[int, int]]:
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

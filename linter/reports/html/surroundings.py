"""The few nodes around each node, laid out to be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from npulint.reports.html.layers import Layout, lay_out

if TYPE_CHECKING:
    from npulint.model import Graph

_HOPS = 2
_FAN = 4
"""Neighbours of one node that are drawn, on each side."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """A node with those around it. Alike places of a network have the same.

    Attributes:
        offsets: The nodes, as distances in file order from the one in the middle.
        edges: Who reads what of whom: two nodes of the sketch, and which result of the first.
        left_out: For each node how many of its producers and of its readers are not drawn.
        layout: Where all this is drawn.
    """

    offsets: tuple[int, ...]
    edges: tuple[tuple[int, int, int], ...]
    left_out: tuple[tuple[int, int], ...]
    layout: Layout


class Surroundings:
    """Sketches of the nodes of one graph.

    Attributes:
        graph: The graph.
    """

    def __init__(self, graph: Graph, layouts: dict[object, Layout]) -> None:
        """Look at a graph.

        Args:
            graph: The graph.
            layouts: Layouts by their form, shared by the graphs of a report.
        """
        self.graph = graph
        self._layouts = layouts

    @cached_property
    def _edges(self) -> dict[tuple[int, int], int]:
        """Which result of the first node the second reads, the first of them."""
        slots = {
            value: slot
            for node in self.graph.nodes
            for slot, value in enumerate(node.outputs)
            if value >= 0
        }
        found: dict[tuple[int, int], int] = {}
        for source, reader, (value, _) in self.graph.network.edges(keys=True):
            found.setdefault((source, reader), slots[value])
        return found

    @cached_property
    def _above(self) -> list[list[int]]:
        return self._listed((reader, source) for source, reader in self._edges)

    @cached_property
    def _below(self) -> list[list[int]]:
        return self._listed(self._edges)

    def _listed(self, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
        lists: list[list[int]] = [[] for _ in self.graph.nodes]
        for one, other in pairs:
            lists[one].append(other)
        return [sorted(each) for each in lists]

    def of(self, index: int) -> Sketch:
        """The sketch of one node: two steps to either side, and what joins those."""
        nodes = sorted(
            {index, *self._within(index, self._above), *self._within(index, self._below)}
        )
        number = {node: place for place, node in enumerate(nodes)}
        edges = tuple(
            (number[source], number[reader], self._edges[source, reader])
            for source in nodes
            for reader in self._below[source]
            if reader in number
        )
        left_out = tuple(
            (
                sum(other not in number for other in self._above[node]),
                sum(other not in number for other in self._below[node]),
            )
            for node in nodes
        )
        form = (len(nodes), tuple((a, b) for a, b, _ in edges))
        layout = self._layouts.get(form)
        if layout is None:
            layout = self._layouts[form] = lay_out(*form)
        return Sketch(tuple(node - index for node in nodes), edges, left_out, layout)

    @staticmethod
    def _within(index: int, links: Sequence[Sequence[int]]) -> set[int]:
        """The nodes some steps away on one side; of many neighbours those next in the file."""
        reached = {index}
        edge = {index}
        for _ in range(_HOPS):
            edge = {
                other
                for node in edge
                for other in sorted(links[node], key=lambda each: (abs(each - node), each))[:_FAN]
            } - reached
            reached |= edge
        return reached

"""A layered layout for drawings of a few nodes: ranks from top to bottom, edges between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

_SWEEPS = 4
_LANE = 0.6
"""Columns that a passing edge keeps free; a node takes one."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where nodes and edges are drawn.

    Attributes:
        ranks: The row of each node, from 0 at the top.
        columns: The middle of each node, in widths of a node, from 0 at the left.
        routes: For each edge the column at which it passes each rank between its ends.
    """

    ranks: tuple[int, ...]
    columns: tuple[float, ...]
    routes: tuple[tuple[float, ...], ...]


def lay_out(count: int, edges: Sequence[tuple[int, int]]) -> Layout:
    """Lay out a small graph.

    Args:
        count: Number of nodes, known as 0, 1 ...
        edges: Pairs of nodes, from producer to reader. Edges of a cycle that run against the
            order of the numbers are drawn upwards and do not count.

    Returns:
        Ranks in which every other edge runs downwards, and columns in which no two nodes of a
        rank, and no edge that passes one, come closer than they need.
    """
    down = _downwards(count, edges)
    ranks = _ranks(count, down)
    grid = _Grid(count, ranks, down)
    grid.order()
    columns = grid.columns()
    least = min(columns, default=0.0)
    placed = [round(column - least, 2) for column in columns]
    passing = dict(zip(down, grid.chains, strict=True))
    routes = tuple(tuple(placed[each] for each in passing.get(edge, ())) for edge in edges)
    return Layout(tuple(ranks), tuple(placed[:count]), routes)


def _downwards(count: int, edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The edges by which nodes are ranked, each pair once."""
    unique = list(dict.fromkeys(edge for edge in edges if edge[0] != edge[1]))
    network: nx.DiGraph[int] = nx.DiGraph()
    network.add_nodes_from(range(count))
    network.add_edges_from(unique)
    if nx.is_directed_acyclic_graph(network):
        return unique
    return [edge for edge in unique if edge[0] < edge[1]]


def _ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The longest way to each node from the top; what has nothing above it stands near below."""
    network: nx.DiGraph[int] = nx.DiGraph()
    network.add_nodes_from(range(count))
    network.add_edges_from(edges)
    ranks = [0] * count
    order = list(nx.lexicographical_topological_sort(network))
    for node in order:
        for after in network.successors(node):
            ranks[after] = max(ranks[after], ranks[node] + 1)
    for node in reversed(order):
        below = [ranks[after] for after in network.successors(node)]
        if below and not network.in_degree(node):
            ranks[node] = min(below) - 1
    return ranks


class _Grid:
    """Nodes and the bends of long edges, rank by rank.

    A bend is known by a number from `count` on. Each edge between neighbouring ranks joins two
    of them, so that all that follows looks at neighbouring ranks only.
    """

    def __init__(self, count: int, ranks: Sequence[int], edges: Sequence[tuple[int, int]]) -> None:
        self.count = count
        self.rows: list[list[int]] = [[] for _ in range(max(ranks, default=0) + 1)]
        for node, rank in enumerate(ranks):
            self.rows[rank].append(node)
        self.chains: list[tuple[int, ...]] = []
        size = count
        links: list[tuple[int, int]] = []
        for source, reader in edges:
            between = range(ranks[source] + 1, ranks[reader])
            chain = tuple(range(size, size + len(between)))
            size += len(between)
            for bend, rank in zip(chain, between, strict=True):
                self.rows[rank].append(bend)
            ends = (source, *chain, reader)
            links += pairwise(ends)
            self.chains.append(chain)
        self.above: list[list[int]] = [[] for _ in range(size)]
        self.below: list[list[int]] = [[] for _ in range(size)]
        for upper, lower in links:
            self.above[lower].append(upper)
            self.below[upper].append(lower)

    def order(self) -> None:
        """Order each rank by where its neighbours stand, up and down in turn: fewer crossings."""
        for _ in range(_SWEEPS):
            for before, row in pairwise(self.rows):
                self._sort(row, before, self.above)
            for before, row in zip(self.rows[::-1], self.rows[-2::-1], strict=False):
                self._sort(row, before, self.below)

    @staticmethod
    def _sort(row: list[int], beside: Sequence[int], links: Sequence[Sequence[int]]) -> None:
        place = {node: number for number, node in enumerate(beside)}
        own = {node: float(number) for number, node in enumerate(row)}
        wanted = {node: _mean([place[each] for each in links[node]], own[node]) for node in row}
        row.sort(key=lambda node: (wanted[node], own[node]))

    def columns(self) -> list[float]:
        """The column of each node and bend: near the middle of its neighbours, in order."""
        placed = [0.0] * len(self.above)
        for row in self.rows:
            for number, node in enumerate(row):
                placed[node] = float(number)
        for turn in range(2 * _SWEEPS):
            rows, links = (
                (self.rows, self.above) if turn % 2 == 0 else (self.rows[::-1], self.below)
            )
            for row in rows:
                wanted = [
                    _mean([placed[each] for each in links[node]], placed[node]) for node in row
                ]
                for node, column in zip(row, self._apart(row, wanted), strict=True):
                    placed[node] = column
        return placed

    def _apart(self, row: Sequence[int], wanted: Sequence[float]) -> list[float]:
        """The columns nearest to those wanted (least squares) that keep the order and distance.

        Those that would come too close stand together around the mean of what they want: the
        pool-adjacent-violators method.
        """
        starts = [0.0]
        for left, right in pairwise(row):
            starts.append(starts[-1] + (self._width(left) + self._width(right)) / 2)
        blocks: list[tuple[float, int]] = []
        for column, start in zip(wanted, starts, strict=True):
            mean, size = column - start, 1
            while blocks and blocks[-1][0] > mean:
                other, more = blocks.pop()
                mean, size = (mean * size + other * more) / (size + more), size + more
            blocks.append((mean, size))
        means = [mean for mean, size in blocks for _ in range(size)]
        return [mean + start for mean, start in zip(means, starts, strict=True)]

    def _width(self, node: int) -> float:
        return 1.0 if node < self.count else _LANE


def _mean(numbers: Sequence[float], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise

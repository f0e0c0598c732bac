"""How TFLite cuts a graph into pieces of two kinds, and which of them survive a limit.

It cuts a graph into epochs (google-ai-edge/LiteRT tflite/graph_info.cc 53-283 @f6745779).
An epoch takes every node of one kind, handed over or kept, that has become ready, and only
then the other kind has its turn. So a node's epoch is the first one of its kind that is not
earlier than any epoch it reads from, and one pass in dependency order finds all of them.

A converted graph (an ONNX model judged by its conversion) is cut over its own nodes: the
conversion keeps the dataflow, and nodes that vanish in it join no piece and end none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.model import Graph
    from npulint.opsets.table import Partitioning

_ALWAYS_READY = -1
_NOT_READY = -2
_SIDE_EFFECTS = frozenset({"IF", "WHILE", "CALL_ONCE"})

_STABLE_UP_TO = 16
"""Pieces up to which every C++ library's std::sort keeps the order of equal ones.

Both common ones sort so few by insertion (libstdc++ stl_algo.h `_S_threshold`; libc++
__algorithm/sort.h, whose bound is higher).
"""

Reads = Mapping[int, "tuple[int, ...]"]
"""Inputs of nodes, by position, where they are not those of the file."""


class DependencyError(ValueError):
    """A graph whose nodes wait for each other, so that no order of running them exists."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece as cut, before any limit.

    Attributes:
        handed: Whether its nodes are of the kind that the runtime may hand over.
        nodes: Positions of its nodes, in an order in which they can run.
        inputs: Activations that it reads from outside.
        outputs: Its results that are read outside.
    """

    handed: bool
    nodes: tuple[int, ...]
    inputs: frozenset[int]
    outputs: frozenset[int]


def cut(
    graph: Graph,
    handed: Sequence[bool],
    *,
    vanishing: frozenset[int] = frozenset(),
    reads: Reads | None = None,
) -> tuple[Piece, ...]:
    """Cut a graph as TFLite does, greedily, in the order in which the pieces run.

    Args:
        graph: The graph.
        handed: For each node whether the runtime may hand it over.
        vanishing: Nodes that join no piece and end none; their readers read through them.
        reads: Inputs of nodes that read other values than the file says.

    Returns:
        The pieces, neighbours of different kinds.

    Raises:
        DependencyError: The nodes wait for each other.
    """
    cutter = _Cutter(graph, handed, vanishing, reads or {})
    if not cutter.run(range(len(graph.nodes))):
        cutter = _Cutter(graph, handed, vanishing, reads or {})
        cutter.run(_dependency_order(graph))
    return cutter.pieces()


def split(
    graph: Graph, piece: Piece, groups: Iterable[Sequence[int]], reads: Reads
) -> tuple[Piece, ...]:
    """Take a piece apart.

    Args:
        graph: The graph.
        piece: The piece.
        groups: All of its nodes, in groups that can run one after the other.
        reads: Inputs of nodes that read other values than the file says.

    Returns:
        One piece a group.
    """
    groups = tuple(groups)
    if len(groups) == 1:
        return (piece,)
    read = [
        {v for i in group for v in reads.get(i, graph.nodes[i].inputs) if v >= 0}
        for group in groups
    ]
    made = [{v for i in group for v in graph.nodes[i].outputs if v >= 0} for group in groups]
    moving = piece.inputs.union(*made)
    asked = Counter(value for each in read for value in each)
    return tuple(
        Piece(
            piece.handed,
            tuple(group),
            frozenset((mine & moving) - own),
            frozenset(v for v in own if v in piece.outputs or asked[v] > (v in mine)),
        )
        for group, mine, own in zip(groups, read, made, strict=True)
    )


def largest(sizes: Sequence[int], rules: Partitioning) -> tuple[frozenset[int], frozenset[int]]:
    """Which pieces survive a limit: the largest; among equals the one that runs first.

    NNAPI sorts and cuts only when there are too many pieces
    (google-ai-edge/LiteRT tflite/delegates/nnapi/nnapi_delegate.cc 6752-6789 @f6745779), other
    delegates always (tflite/delegates/utils.cc GetFirstNLargestPartitions); the outcome is one.
    They sort with std::sort, which keeps equals in order only while there are few.

    Args:
        sizes: Numbers of nodes, in the order in which the pieces run.
        rules: The limits.

    Returns:
        Positions of the survivors, and of the pieces for which the order among equals, and so
        the C++ library, decides.
    """
    able = [number for number, size in enumerate(sizes) if size >= rules.min_nodes]
    limit = rules.max_partitions
    if not limit or len(able) <= limit:
        return frozenset(able), frozenset()
    ranked = sorted(able, key=lambda number: -sizes[number])
    kept = frozenset(ranked[:limit])
    last, next_size = sizes[ranked[limit - 1]], sizes[ranked[limit]]
    if last != next_size or len(sizes) <= _STABLE_UP_TO:
        return kept, frozenset()
    return kept, frozenset(number for number in able if sizes[number] == last)


class _Cutter:
    """One run of the cut: which epoch each value and each node falls into.

    Lists by value have one place more than there are values: an operand left out has index -1
    and so finds that last place, which is always ready and never counted.
    """

    def __init__(
        self, graph: Graph, handed: Sequence[bool], vanishing: frozenset[int], reads: Reads
    ) -> None:
        self.graph = graph
        self.handed = handed
        self.vanishing = vanishing
        self.reads = reads
        self.opens = False
        self.value_epoch = [_ALWAYS_READY] * (len(graph.values) + 1)
        for node in graph.nodes:
            for value in node.outputs:
                if value >= 0:
                    self.value_epoch[value] = _NOT_READY
        self.fixed = [value.constant is not None for value in graph.values]
        self.fixed.append(True)
        self.nodes: list[list[int]] = []
        self.inputs: list[set[int]] = []
        self.outputs: list[set[int]] = []

    def run(self, order: Sequence[int]) -> bool:
        """Give each node its epoch.

        Returns:
            Whether the order let every node run after all that it waits for.
        """
        after = side_effect_chain(self.graph)
        node_epoch: dict[int, int] = {}
        first = next((index for index in order if index not in self.vanishing), None)
        self.opens = first is not None and self.handed[first]
        for index in order:
            node = self.graph.nodes[index]
            inputs = self.reads.get(index, node.inputs)
            epochs = [self.value_epoch[value] for value in inputs]
            if index in after:
                epochs.append(node_epoch.get(after[index], _NOT_READY))
            if _NOT_READY in epochs:
                return False
            epoch = max(epochs, default=_ALWAYS_READY)
            if index in self.vanishing:
                fixed = all(self.fixed[value] for value in inputs)
                for value in node.outputs:
                    if value >= 0:
                        self.fixed[value] = fixed
            else:
                epoch = max(epoch, 0)
                if (epoch % 2 == 1) == (self.handed[index] == self.opens):
                    epoch += 1
                self._join(epoch, index, inputs)
            if after:
                node_epoch[index] = epoch
            for value in node.outputs:
                if value >= 0:
                    self.value_epoch[value] = epoch
        return True

    def _join(self, epoch: int, index: int, inputs: tuple[int, ...]) -> None:
        """Put a node into an epoch, and note which of its inputs cross the border."""
        while epoch >= len(self.nodes):
            self.nodes.append([])
            self.inputs.append(set())
            self.outputs.append(set())
        self.nodes[epoch].append(index)
        for value in inputs:
            source = self.value_epoch[value]
            if source != epoch and not self.fixed[value]:
                self.inputs[epoch].add(value)
                if source >= 0:
                    self.outputs[source].add(value)

    def pieces(self) -> tuple[Piece, ...]:
        """The epochs that came out, with the results of the graph counted as read outside."""
        for value in self.graph.outputs:
            if self.value_epoch[value] >= 0:
                self.outputs[self.value_epoch[value]].add(value)
        return tuple(
            Piece(
                self.opens == (epoch % 2 == 0),
                tuple(nodes),
                frozenset(self.inputs[epoch]),
                frozenset(self.outputs[epoch]),
            )
            for epoch, nodes in enumerate(self.nodes)
        )


def side_effect_chain(graph: Graph) -> dict[int, int]:
    """The nodes whose order the runtime keeps because they might have side effects.

    Those are nodes that touch a resource, and IF, WHILE and CALL_ONCE
    (google-ai-edge/LiteRT tflite/core/subgraph.cc 1203-1216 @f6745779).

    Returns:
        For each such node but the first, the one before it.
    """
    if graph.dialect != "tflite":
        return {}
    resources = {value.index for value in graph.values if value.dtype == "resource"}
    chain: dict[int, int] = {}
    last: int | None = None
    for node in graph.nodes:
        touches = node.op in _SIDE_EFFECTS and not node.custom
        if resources and not touches:
            touches = not resources.isdisjoint(node.inputs + node.outputs)
        if touches:
            if last is not None:
                chain[node.index] = last
            last = node.index
    return chain


def _dependency_order(graph: Graph) -> Sequence[int]:
    """Node positions, each after all that it waits for, for a file in another order."""
    import networkx as nx

    network: nx.MultiDiGraph[int] = nx.MultiDiGraph(graph.network)
    network.add_edges_from((earlier, index) for index, earlier in side_effect_chain(graph).items())
    try:
        return list(nx.lexicographical_topological_sort(network))
    except nx.NetworkXUnfeasible:
        raise DependencyError(
            f"the nodes of graph {graph.index} wait for each other, so no order to run them exists"
        ) from None

"""How TFLite cuts a graph into pieces of two kinds, and in which order they run.

It cuts a graph into epochs (google-ai-edge/LiteRT tflite/graph_info.cc 53-283 @f6745779).
An epoch takes every node of one kind, handed over or kept, that has become ready, and only
then the other kind has its turn. So a node's epoch is the first one of its kind that is not
earlier than any epoch it reads from, and one pass in dependency order finds all of them.

A converted graph (an ONNX model judged by its conversion) is cut over its own nodes: the
conversion keeps the dataflow, and nodes that vanish in it join no piece and end none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.model import OMITTED

if TYPE_CHECKING:
    from npulint.model import Graph

_ALWAYS_READY = -1
_NOT_READY = -2
_SIDE_EFFECTS = frozenset({"IF", "WHILE", "CALL_ONCE"})

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
    return _Cutter(graph, handed, vanishing, reads or {}).pieces()


class _Cutter:
    """One run of the cut: which epoch each value and each node falls into."""

    def __init__(
        self,
        graph: Graph,
        handed: Sequence[bool],
        vanishing: frozenset[int],
        reads: Reads,
    ) -> None:
        self.graph = graph
        self.handed = handed
        self.vanishing = vanishing
        self.reads = reads
        self.after = side_effect_chain(graph)
        self.value_epoch = [_ALWAYS_READY] * len(graph.values)
        for node in graph.nodes:
            for value in node.outputs:
                if value >= 0:
                    self.value_epoch[value] = _NOT_READY
        self.fixed = [value.constant is not None for value in graph.values]
        self.node_epoch = [_ALWAYS_READY] * len(graph.nodes)
        self.nodes: list[list[int]] = []
        self.inputs: list[set[int]] = []
        self.outputs: list[set[int]] = []

    def pieces(self) -> tuple[Piece, ...]:
        order = _dependency_order(self.graph, self.after)
        first = next((index for index in order if index not in self.vanishing), None)
        if first is None:
            return ()
        opens = self.handed[first]
        for index in order:
            if index in self.vanishing:
                self._pass_through(index)
            else:
                self._place(index, later=self.handed[index] != opens)
        for value in self.graph.outputs:
            if value >= 0 and self.value_epoch[value] >= 0:
                self.outputs[self.value_epoch[value]].add(value)
        return tuple(
            Piece(
                opens == (epoch % 2 == 0),
                tuple(nodes),
                frozenset(self.inputs[epoch]),
                frozenset(self.outputs[epoch]),
            )
            for epoch, nodes in enumerate(self.nodes)
        )

    def _latest(self, index: int) -> int:
        """The last epoch that a node reads from or waits for."""
        epochs = self.value_epoch
        latest = _ALWAYS_READY
        for value in self.reads.get(index) or self.graph.nodes[index].inputs:
            if value >= 0 and epochs[value] > latest:
                latest = epochs[value]
        if index in self.after:
            latest = max(latest, self.node_epoch[self.after[index]])
        return latest

    def _place(self, index: int, *, later: bool) -> None:
        """Put a node into the first epoch of its kind that it is ready in."""
        epoch = max(self._latest(index), 0)
        if (epoch % 2 == 1) != later:
            epoch += 1
        while epoch >= len(self.nodes):
            self.nodes.append([])
            self.inputs.append(set())
            self.outputs.append(set())
        self.nodes[epoch].append(index)
        self.node_epoch[index] = epoch
        for value in self.reads.get(index) or self.graph.nodes[index].inputs:
            if value >= 0 and not self.fixed[value]:
                source = self.value_epoch[value]
                if source != epoch:
                    self.inputs[epoch].add(value)
                    if source >= 0:
                        self.outputs[source].add(value)
        for value in self.graph.nodes[index].outputs:
            if value >= 0:
                self.value_epoch[value] = epoch

    def _pass_through(self, index: int) -> None:
        """Let the results of a vanishing node be ready when its inputs are."""
        epoch = self._latest(index)
        self.node_epoch[index] = epoch
        node = self.graph.nodes[index]
        fixed = all(self.fixed[value] for value in node.inputs if value >= 0)
        for value in node.outputs:
            if value >= 0:
                self.value_epoch[value] = epoch
                self.fixed[value] = fixed


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


def _dependency_order(graph: Graph, after: Mapping[int, int]) -> Sequence[int]:
    """Node positions, each after all that it waits for: the file's order wherever that holds."""
    pending = {value for node in graph.nodes for value in node.outputs}
    pending.discard(OMITTED)
    for node in graph.nodes:
        if not pending.isdisjoint(node.inputs):
            return _sorted_order(graph, after)
        pending.difference_update(node.outputs)
    return range(len(graph.nodes))


def _sorted_order(graph: Graph, after: Mapping[int, int]) -> Sequence[int]:
    """Dependency order of a file that lists its nodes in another one."""
    import networkx as nx

    network: nx.MultiDiGraph[int] = nx.MultiDiGraph(graph.network)
    network.add_edges_from((earlier, index) for index, earlier in after.items())
    try:
        return list(nx.lexicographical_topological_sort(network))
    except nx.NetworkXUnfeasible:
        raise DependencyError(
            f"the nodes of graph {graph.index} wait for each other, so no order to run them exists"
        ) from None

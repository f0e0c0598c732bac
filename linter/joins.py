"""The next question: which refused nodes keep the pieces apart?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx as nx

from npulint.partition import CPU
from npulint.pieces import side_effect_chain

if TYPE_CHECKING:
    from npulint.model import Graph
    from npulint.opsets.table import Strategy
    from npulint.partition import Partition


@dataclass(frozen=True, slots=True)
class Join:
    """The smallest set of nodes whose cure leaves one piece on the accelerator.

    Attributes:
        graph: Index of the graph.
        nodes: Positions of the nodes, ascending.
        pieces: Accelerator pieces that the graph is cut into as it is.
        border_bytes: Bytes that cross the borders of those pieces in one run, both ways; None
            where a size is unknown.
    """

    graph: int
    nodes: tuple[int, ...]
    pieces: int
    border_bytes: int | None


def joining_set(
    graph: Graph,
    partitions: Sequence[Partition],
    *,
    strategy: Strategy = "tflite-delegate",
    apart: Collection[int] = (),
) -> Join | None:
    """Find the smallest set of nodes whose cure joins all accelerator pieces of a graph.

    A node left on the CPU parts what runs before it from what runs after it, so every such
    node between two nodes of the accelerator has to be cured. That is enough unless the runtime
    starts cutting on the accelerator: it then takes all that is ready at once, and whatever
    waits for a node on the CPU comes in a later piece. ONNX Runtime first runs what it can on the
    CPU. LiteRT cuts in the order of the file, for a compiler plugin.

    Args:
        graph: The graph.
        partitions: Its pieces. Nodes in none of them are gone once the graph is handed over.
        strategy: How they are cut.
        apart: Nodes that are pieces of their own whatever becomes of the others: they part these
            as nodes on the CPU do.

    Returns:
        The set, or None where there is no more than one piece to join.
    """
    able = [piece for piece in partitions if piece.runs_on != CPU]
    if len(able) < 2:
        return None
    taken = {index for piece in able for index in piece.nodes}.difference(apart)
    kept = {index for piece in partitions if piece.runs_on == CPU for index in piece.nodes}
    kept.update(apart)
    if strategy == "litert-plugin":
        cured = {index for index in kept if min(taken) < index < max(taken)}
        return Join(graph.index, tuple(sorted(cured)), len(able), _border_bytes(able))
    network, order = _ordered(graph)
    below = _reached(network, order, taken)
    above = _reached(network.reverse(copy=False), list(reversed(order)), taken)
    cured = kept & below & above
    first = next(index for index in order if index in taken or index in kept)
    greedy = strategy != "onnx-runtime" and first in taken | cured
    if greedy and _reached(network, order, kept - cured) & taken:
        cured = kept & above
    return Join(graph.index, tuple(sorted(cured)), len(able), _border_bytes(able))


def _ordered(graph: Graph) -> tuple[nx.MultiDiGraph[int], list[int]]:
    """The network with the runtime's own order constraints, and an order in which it can run."""
    network: nx.MultiDiGraph[int] = nx.MultiDiGraph(graph.network)
    chain = side_effect_chain(graph)
    network.add_edges_from((earlier, later) for later, earlier in chain.items())
    return network, list(nx.lexicographical_topological_sort(network))


def _reached(network: nx.MultiDiGraph[int], order: Sequence[int], starts: set[int]) -> set[int]:
    """The nodes that some path leads to from one of the starts (themselves only if so)."""
    reached: set[int] = set()
    for index in order:
        if any(before in starts or before in reached for before in network.predecessors(index)):
            reached.add(index)
    return reached


def _border_bytes(pieces: Sequence[Partition]) -> int | None:
    total = 0
    for piece in pieces:
        if piece.bytes_in is None or piece.bytes_out is None:
            return None
        total += piece.bytes_in + piece.bytes_out
    return total

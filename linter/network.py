"""A graph as a networkx.MultiDiGraph keyed by position, and the questions asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

if TYPE_CHECKING:
    from npulint.model import Graph


def build(graph: Graph) -> nx.MultiDiGraph[int]:
    """Build the dataflow network of a graph.

    Nodes are node positions and carry `op`. Each edge runs from the producer of a value to one
    of its consumers, is keyed by `(value index, operand position)` and so one edge stands for
    one use. Graph inputs and constants have no producer and so no edge.

    Args:
        graph: The graph to look at.

    Returns:
        A directed multigraph whose topological order exists for every well-formed file.
    """
    producer: dict[int, int] = {}
    network: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    for node in graph.nodes:
        network.add_node(node.index, op=node.op)
        for value in node.outputs:
            if value >= 0:
                producer[value] = node.index
    for node in graph.nodes:
        for position, value in enumerate(node.inputs):
            if value in producer:
                network.add_edge(producer[value], node.index, key=(value, position))
    return network

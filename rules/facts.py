"""What several rules ask of one model, worked out once and only when asked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from npulint.cost import node_macs

if TYPE_CHECKING:
    from npulint.model import Graph, Model, Node, Value


class GraphFacts:
    """Facts of one graph.

    Attributes:
        graph: The graph.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    @cached_property
    def by_op(self) -> dict[str, tuple[Node, ...]]:
        """The nodes of each operator, in file order; custom operators are not among them."""
        found: dict[str, list[Node]] = {}
        for node in self.graph.nodes:
            if not node.custom:
                found.setdefault(node.op, []).append(node)
        return {op: tuple(nodes) for op, nodes in found.items()}

    @cached_property
    def macs(self) -> tuple[int | None, ...]:
        """Multiply-accumulates of each node; None where unknown."""
        return node_macs(self.graph)

    def of(self, *ops: str) -> Iterator[Node]:
        """The nodes of some operators of the dialect's own, operator by operator."""
        for op in ops:
            yield from self.by_op.get(op, ())

    def operand(self, node: Node, position: int) -> Value | None:
        """An operand of a node; None where it is left out."""
        if position >= len(node.inputs) or node.inputs[position] < 0:
            return None
        return self.graph.values[node.inputs[position]]

    def result(self, node: Node, position: int = 0) -> Value | None:
        """A result of a node; None where it is left out."""
        if position >= len(node.outputs) or node.outputs[position] < 0:
            return None
        return self.graph.values[node.outputs[position]]


class Facts:
    """Facts of one model.

    Attributes:
        model: The model.
        graphs: Facts of each of its graphs, the main one first.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.graphs = tuple(map(GraphFacts, model.graphs))

    @property
    def main(self) -> GraphFacts:
        """Facts of the main graph."""
        return self.graphs[0]

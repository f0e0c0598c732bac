"""What graphs have to do with each other: those that control flow runs, values known outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.model import Graph, Model, Node
    from npulint.obstacle import Obstacle


class Bodies:
    """The first result without a size in each graph that control flow runs.

    Each graph is looked at once and after those that it runs itself, however many nodes run it
    and however deep they lie in each other: their number is all that this costs.
    """

    def __init__(self, graphs: Sequence[Graph]) -> None:
        self._graphs = graphs
        self._found: dict[int, Obstacle | None] = {}

    def of(self, node: Node) -> list[Graph]:
        """The graphs that a node runs for their results."""
        places = [body for name, body in node.bodies if name != "cond_subgraph_index"]
        return [self._graphs[body] for body in places if body < len(self._graphs)]

    def look_under(self, graph: Graph, look: Callable[[Graph], Obstacle | None]) -> None:
        """Look at every graph that a graph runs, or that those run, the inner ones first.

        Args:
            graph: Where to begin; it is not looked at itself.
            look: Finds the first result without a size in a graph, by means of `first`.
        """
        waiting = [each for node in graph.nodes for each in self.of(node)]
        begun = {graph.index}
        while waiting:
            body = waiting[-1]
            if body.index in self._found:
                waiting.pop()
            elif body.index in begun:
                waiting.pop()
                self._found[body.index] = look(body)
            else:
                begun.add(body.index)
                inner = (each for node in body.nodes for each in self.of(node))
                waiting += [each for each in inner if each.index not in begun]

    def first(self, body: Graph) -> Obstacle | None:
        """What was found in a graph; None for one that runs itself and is still looked at."""
        return self._found.get(body.index)


def kept(model: Model, graph: Graph) -> frozenset[int]:
    """Values that a body captures by name or a signature names."""
    names = {name for body in model.graphs for _, name in body.captured}
    named = {value.index for value in graph.values if value.name in names}
    for signature in model.signatures:
        if signature.graph == graph.index:
            named.update(index for _, index in (*signature.inputs, *signature.outputs))
    return frozenset(named)

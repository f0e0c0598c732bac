"""What is known by now of one graph's values: their sizes, and what small ones hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from npulint.model import Operation
from npulint.sizing.onnx_rules import ONNX_RULES
from npulint.sizing.site import Site, UnknownSizesError
from npulint.sizing.tflite_rules import TFLITE_RULES

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Shape, Value

_ANSWERS = frozenset({"Shape", "SHAPE", "Size", "RANK"})
"""Operators whose results are known once the sizes of their operands are."""


class Known:
    """A graph under way.

    Args:
        graph: The graph as the file has it.

    Attributes:
        graph: The same.
        values: Its values, with the sizes that are known by now.
        held: Values that hold what is computed of sizes, as constants.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.values = list(graph.values)
        self.held: dict[int, Value] = {}
        self._rules = ONNX_RULES if graph.dialect == "onnx" else TFLITE_RULES

    def answers(self, node: Node) -> bool:
        """Whether what a node computes may be known although nothing of its operands changed."""
        return node.op in _ANSWERS or (
            bool(node.inputs)
            and all(
                index < 0 or index in self.held or self.values[index].constant is not None
                for index in node.inputs
            )
        )

    def by_rule(self, node: Node) -> Sequence[Shape | None]:
        """The sizes of a node's results.

        Raises:
            UnknownSizesError: They cannot be told.
            UnfitSizesError: The node cannot take what it is given.
            ValueError, IndexError: It has other operands than its operator takes.
        """
        rule = None if node.custom or node.domain else self._rules.get(node.op)
        if rule is None:
            raise UnknownSizesError
        return rule(self._site(node))

    def hold(self, node: Node, shapes: Sequence[Shape | None]) -> Sequence[Shape | None]:
        """Note what a result holds, if that is known, and say of what sizes the results are."""
        if node.custom or node.domain or node.bodies or len(node.outputs) != 1:
            return shapes
        from npulint.sizing.contents import contents, holding

        array = contents(self._site(node), tuple(shapes))
        (index,) = node.outputs
        if array is None or index < 0 or self.values[index].constant is not None:
            return shapes
        self.held[index] = holding(self.values[index], array)
        return [self.held[index].shape]

    def _site(self, node: Node) -> Site:
        values = self.values
        inputs = tuple(None if i < 0 else self.held.get(i, values[i]) for i in node.inputs)
        outputs = tuple(None if i < 0 else values[i] for i in node.outputs)
        operation = Operation(
            self.graph.dialect, node.op, node.version, inputs, outputs, node.attributes
        )
        return Site(operation, node.version)

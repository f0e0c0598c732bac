"""Which constants of a file hold results to the sizes of an export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Value

_FIXING: Mapping[str, int] = {
    "Reshape": 1, "Expand": 1, "Resize": 3, "RESHAPE": 1, "BROADCAST_TO": 1, "RESIZE_BILINEAR": 1,
    "RESIZE_NEAREST_NEIGHBOR": 1, "TRANSPOSE_CONV": 0, "SLICE": 2,
}  # fmt: skip
"""Operators that a constant may hold to some sizes: which operand it is."""

_FIXING_OPTIONS: Mapping[str, str] = {
    "Reshape": "shape", "RESHAPE": "new_shape", "ConvTranspose": "output_shape",
}  # fmt: skip
"""Operators that an attribute may hold to some sizes."""

_AHEAD_OF_SPACE = 2
"""The batch and the channels."""


class Holders:
    """The nodes of a graph that are held to sizes, as far as they have been walked past.

    Args:
        graph: The graph as the file has it.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._behind: dict[int, Node] = {}

    def passed(self, node: Node) -> None:
        """Note which constant the results of a node owe their sizes to."""
        fixing = node if self._holder(node, wholly=True) else self._before(node)
        if fixing is not None:
            self._behind.update(dict.fromkeys(node.outputs, fixing))

    def said(self, node: Node, why: str) -> str:
        """Which node cannot take what reaches it, why, and what holds it to other sizes."""
        said = f"--input-shape: {_place(node)} cannot take what follows from these sizes: {why}"
        fixing = node if self._holder(node) else self._before(node)
        if fixing is None:
            return said
        held = "it" if fixing is node else _place(fixing)
        return f"{said}; {held} is held to its sizes by {self._holder(fixing)}"

    def _before(self, node: Node) -> Node | None:
        """The node before this one whose constant holds what it takes to its sizes, if any."""
        return next((self._behind[i] for i in node.inputs if i in self._behind), None)

    def _holder(self, node: Node, *, wholly: bool = False) -> str:
        """What holds the result of a node to its sizes, all of them or some; empty where none."""
        option = _FIXING_OPTIONS.get(node.op, "")
        sizes: object = node.attributes.get(option)
        holder = f"its {option}"
        operand = self._fixing_operand(node)
        if operand is not None:
            operand = self._space(node, operand) or operand
            constant = operand.constant
            sizes = constant.elements() or (0,) if constant is not None else None
            holder = f"the constant {operand.name!r}"
        held = isinstance(sizes, tuple) and (not wholly or all(size > 0 for size in sizes))
        return holder if held else ""

    def _fixing_operand(self, node: Node) -> Value | None:
        position = _FIXING.get(node.op, len(node.inputs))
        if position >= len(node.inputs) or node.inputs[position] < 0:
            return None
        return self._graph.values[node.inputs[position]]

    def _space(self, node: Node, sizes: Value) -> Value | None:
        """The constant for the space of a map behind what is asked of its batch and channels."""
        maker, rank = self._maker(sizes), self._graph.values[node.outputs[0]].rank
        while maker is not None and maker.op == "Cast":
            maker = self._maker(self._graph.values[maker.inputs[0]])
        if node.op != "Resize" or maker is None or maker.op != "Concat" or rank is None:
            return None
        last = self._graph.values[maker.inputs[-1]]
        return last if last.constant and last.shape == (rank - _AHEAD_OF_SPACE,) else None

    def _maker(self, value: Value) -> Node | None:
        makers = self._graph.uses[value.index].makers
        return makers[0] if len(makers) == 1 else None


def _place(node: Node) -> str:
    return f"{node.op} (node {node.index}{f', {node.name!r}' if node.name else ''})"

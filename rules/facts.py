"""What several rules ask of one model, worked out once and only when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from npulint.bodies import kept
from npulint.cost import node_macs
from npulint.dynamic import unprepared
from npulint.model import OMITTED
from npulint.operators.onnx_node import NoConversionError
from npulint.operators.semantics import Binary

if TYPE_CHECKING:
    from datetime import date

    from npulint.model import Graph, Model, Node, Operation, Value
    from npulint.obstacle import Obstacle
    from npulint.operators.rearrangements import Operator
    from npulint.rules.norms import Norm

Space: TypeAlias = "tuple[int, int]"
"""Height and width of a feature map."""

_FEATURE_RANK = 4


class GraphFacts:
    """Facts of one graph.

    Attributes:
        graph: The graph.
    """

    def __init__(self, graph: Graph, model: Model) -> None:
        self.graph = graph
        self._model = model
        self._meanings: dict[int, Operator | None] = {}

    @cached_property
    def by_op(self) -> dict[str, tuple[Node, ...]]:
        """The nodes of each operator, in file order; custom operators are not among them."""
        found: dict[str, list[Node]] = {}
        for node in self.graph.nodes:
            if not node.custom:
                found.setdefault(node.op, []).append(node)
        return {op: tuple(nodes) for op, nodes in found.items()}

    @cached_property
    def by_dtype(self) -> dict[str, tuple[Node, ...]]:
        """The nodes that read or make a tensor of each element type, in file order."""
        values = self.graph.values
        found: dict[str, list[Node]] = {}
        for node in self.graph.nodes:
            for dtype in {values[i].dtype for i in (*node.inputs, *node.outputs) if i >= 0}:
                if dtype is not None:
                    found.setdefault(dtype, []).append(node)
        return {dtype: tuple(nodes) for dtype, nodes in found.items()}

    @cached_property
    def unprepared(self) -> tuple[Obstacle, ...]:
        """The nodes of a TFLite graph that no CPU kernel prepares; none of an ONNX graph."""
        return unprepared(self.graph) if self.graph.dialect == "tflite" else ()

    @cached_property
    def macs(self) -> tuple[int | None, ...]:
        """Multiply-accumulates of each node; None where unknown."""
        return node_macs(self.graph)

    @cached_property
    def traffic(self) -> tuple[int | None, ...]:
        """Bytes of activations that each node reads and writes; None where a size is unknown."""
        sizes = [0 if value.constant is not None else value.nbytes for value in self.graph.values]
        return tuple(_total(sizes, (*node.inputs, *node.outputs)) for node in self.graph.nodes)

    @cached_property
    def norms(self) -> tuple[Norm, ...]:
        """The normalisations of the graph, native and taken apart, in the order of their nodes."""
        from npulint.rules.norms import find_norms

        return tuple(find_norms(self))

    def of(self, *ops: str) -> Iterator[Node]:
        """The nodes of some operators of the dialect's own, operator by operator."""
        for op in ops:
            yield from self.by_op.get(op, ())

    def ordered(self, *ops: str) -> list[Node]:
        """The nodes of some operators of the dialect's own, in the order of the file.

        Those that lack their first operand or result are left out: no runtime loads them.
        """
        return sorted(filter(_is_whole, self.of(*ops)), key=lambda node: node.index)

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

    def meaning(self, node: Node) -> Operator | None:
        """What a node computes, None where that is not known or it lacks an operand or result.

        Axes are counted as the readers of the dialect count them; see
        `npulint.operators.from_tflite` and `npulint.operators.conversions`.
        """
        if node.index not in self._meanings:
            self._meanings[node.index] = self._read(node)
        return self._meanings[node.index]

    @cached_property
    def _reader(self) -> Callable[[Operation], Operator]:
        """The reader of the dialect's nodes; the other one is not imported for nothing."""
        if self.graph.dialect == "tflite":
            from npulint.operators.from_tflite import from_tflite

            return from_tflite
        from npulint.operators.conversions import from_onnx

        return from_onnx

    def _read(self, node: Node) -> Operator | None:
        if not _is_whole(node):
            return None
        try:
            read = self._reader(self.graph.operation(node))
        except (NoConversionError, ArithmeticError, LookupError, ValueError):
            # A node that contradicts itself computes nothing that anybody knows.
            return None
        pair = not isinstance(read, Binary) or [i >= 0 for i in node.inputs] == [True, True]
        return read if pair else None

    def maker(self, index: int) -> Node | None:
        """The node that makes a value; None for inputs, constants and what several nodes make."""
        makers = self.graph.uses[index].makers if index >= 0 else ()
        return makers[0] if len(makers) == 1 else None

    def only_reader(self, index: int) -> Node | None:
        """The node that reads a value, where nothing else does, inside the graph or outside."""
        if index < 0 or index in self.outside:
            return None
        readers = self.graph.uses[index].readers
        return readers[0] if len(readers) == 1 else None

    @cached_property
    def outside(self) -> frozenset[int]:
        """Values that something outside the graph reads: its results, and what is captured."""
        return kept(self._model, self.graph) | frozenset(self.graph.outputs)

    def space(self, index: int) -> Space | None:
        """Height and width of a feature map of rank 4; None where they are not known."""
        shape = None if index < 0 else _shape(self.graph.values[index])
        if shape is None or len(shape) != _FEATURE_RANK:
            return None
        height, width = shape[1:3] if self.graph.dialect == "tflite" else shape[2:]
        return (height, width) if isinstance(height, int) and isinstance(width, int) else None

    def is_constant(self, index: int) -> bool:
        """Whether a value is stored in the file."""
        return index >= 0 and self.graph.values[index].constant is not None


class Facts:
    """Facts of one model.

    Attributes:
        model: The model.
        today: The day on which it is asked, for what grows old; None where nothing does.
        graphs: Facts of each of its graphs, the main one first.
    """

    def __init__(self, model: Model, today: date | None = None) -> None:
        self.model = model
        self.today = today
        self.graphs = tuple(GraphFacts(graph, model) for graph in model.graphs)

    @property
    def main(self) -> GraphFacts:
        """Facts of the main graph."""
        return self.graphs[0]

    @cached_property
    def takes_images(self) -> bool:
        """Whether an input of the main graph has the rank of a feature map."""
        values = self.main.graph.values
        return any(values[index].rank == _FEATURE_RANK for index in self.main.graph.inputs)

    @cached_property
    def image(self) -> Space | None:
        """Height and width of the largest input that is a feature map; None where unknown."""
        graph = self.main.graph
        maps = [i for i in graph.inputs if graph.values[i].rank == _FEATURE_RANK]
        spaces = [self.main.space(index) for index in maps]
        known = [space for space in spaces if space is not None and area(space)]
        if not known or len(known) < len(spaces):
            return None
        return max(known, key=area)


def area(space: Space) -> int:
    """Positions of a feature map."""
    return space[0] * space[1]


def _is_whole(node: Node) -> bool:
    """Whether a node has its first operand and its first result."""
    return bool(node.inputs and node.outputs) and node.inputs[0] >= 0 and node.outputs[0] >= 0


def _total(sizes: list[int | None], indexes: tuple[int, ...]) -> int | None:
    total = 0
    for index in indexes:
        size = 0 if index == OMITTED else sizes[index]
        if size is None:
            return None
        total += size
    return total


def _shape(value: Value) -> tuple[object, ...] | None:
    return value.shape if value.shape_signature is None else value.shape_signature

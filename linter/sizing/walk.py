"""The sizes of all values that follow from those of the inputs, node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from npulint.errors import UsageError
from npulint.sizing.holders import Holders
from npulint.sizing.known import Known
from npulint.sizing.merging import common, with_sizes
from npulint.sizing.site import UnfitSizesError, UnknownSizesError, sizes_of
from npulint.sizing.wishes import InputShapes, resolved

if TYPE_CHECKING:
    from npulint.model import Graph, Model, Node, Shape, Value


def resized(model: Model, wished: InputShapes) -> Model:
    """The model with its inputs at the stated sizes, and all that follows from that.

    Sizes of values downstream are what the operators make of those of the inputs, also where the
    file states others. What cannot be told from them keeps what the file fixes of a shape that it
    leaves open, and is unknown else.

    Args:
        model: The model.
        wished: Sizes by the names of inputs; the empty name stands for the only one.

    Returns:
        The model at these sizes; the same object where the file states them all already.

    Raises:
        UsageError: There is no such input, the file fixes other sizes, or a node cannot take what
            reaches it: often since a constant holds to the sizes of an export.
    """
    graph = model.graphs[0]
    inputs = {
        index: shape
        for index, shape in resolved(model, wished).items()
        if sizes_of(graph.values[index]) != shape
    }
    if not inputs:
        return model
    walk = _Walk(model)
    walk.enter(0, inputs, {})
    return replace(model, graphs=tuple(walk.graphs))


class _Walk:
    """One walk through the graphs of a model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.graphs = list(model.graphs)
        self._within: list[int] = []
        self._seen: dict[int, Mapping[int, Shape | None]] = {}

    def enter(
        self, position: int, inputs: Mapping[int, Shape | None], outer: Mapping[str, Value]
    ) -> Sequence[Shape | None]:
        """Size one graph.

        Args:
            position: Which one.
            inputs: Sizes of inputs that are others than the file's.
            outer: Values of the graphs around it whose sizes have changed, by name.

        Returns:
            The sizes of its outputs.
        """
        graph = self.model.graphs[position]
        if position in self._within:
            return [None] * len(graph.outputs)
        inputs = self._shared(position, inputs)
        self._within.append(position)
        sized = _Sizer(self, graph, inputs, outer).run()
        self._within.pop()
        if graph.kind != "function":  # The calls of a function may be of different sizes.
            self.graphs[position] = sized
        return [sizes_of(sized.values[index]) for index in graph.outputs]

    def _shared(
        self, position: int, inputs: Mapping[int, Shape | None]
    ) -> Mapping[int, Shape | None]:
        """What is true of a graph that several nodes run, at each of them."""
        if self.model.graphs[position].kind == "function":
            return inputs
        before = self._seen.get(position, inputs)
        common = {
            index: inputs.get(index) if inputs.get(index) == before.get(index) else None
            for index in {**before, **inputs}
        }
        self._seen[position] = common
        return common


class _Sizer:
    """One graph under way."""

    def __init__(
        self,
        walk: _Walk,
        graph: Graph,
        inputs: Mapping[int, Shape | None],
        outer: Mapping[str, Value],
    ) -> None:
        self.walk = walk
        self.graph = graph
        self.known = Known(graph)
        self.holders = Holders(graph)
        self.changed: set[int] = set()
        for index, shape in inputs.items():
            self._set(index, shape)
        for index, name in graph.captured:
            if name in outer:
                self._set(index, sizes_of(outer[name]))
                if outer[name].constant is not None:
                    self.known.held[index] = outer[name]

    def run(self) -> Graph:
        """Go through the nodes in the file's order."""
        known = self.known
        for node in self.graph.nodes:
            outer = self._outer(node)
            if outer or self.changed.intersection(node.inputs):
                self._size(node, outer)
            elif known.answers(node):
                known.hold(node, [sizes_of(known.values[index]) for index in node.outputs])
        return replace(self.graph, values=tuple(known.values))

    def _set(self, index: int, shape: Shape | None) -> None:
        values = self.known.values
        if index >= 0 and values[index].constant is None:
            values[index] = with_sizes(self.graph.values[index], shape, self.graph.dialect)
            self.changed.add(index)

    def _size(self, node: Node, outer: Mapping[str, Value]) -> None:
        """Work out the sizes of a node's results."""
        shapes: Sequence[Shape | None] = [None] * len(node.outputs)
        try:
            shapes = self._by_bodies(node, outer) if node.bodies else self.known.by_rule(node)
        except UnfitSizesError as error:
            raise UsageError(self.holders.said(node, str(error))) from None
        except (UnknownSizesError, ValueError, IndexError):
            # The latter two: a node with other operands than its operator takes.
            pass
        shapes = [*shapes, *[None] * len(node.outputs)][: len(node.outputs)]
        for index, shape in zip(node.outputs, self.known.hold(node, shapes), strict=True):
            self._set(index, shape)
        self.holders.passed(node)

    def _outer(self, node: Node) -> Mapping[str, Value]:
        """Values that a node's bodies take from here by name and whose sizes have changed."""
        if not node.bodies:
            return {}
        names = {
            name for _, body in node.bodies for _, name in self.walk.model.graphs[body].captured
        }
        values = self.known.values
        return {
            values[index].name: self.known.held.get(index, values[index])
            for index in self.changed
            if values[index].name in names
        }

    def _by_bodies(self, node: Node, outer: Mapping[str, Value]) -> Sequence[Shape | None]:
        """Results of control flow and of functions, which are as their graphs make them."""
        given = [sizes_of(self.known.values[i]) if i >= 0 else None for i in node.inputs]
        branches = [body for _, body in node.bodies]
        if node.op == "If":
            return common([self.walk.enter(body, {}, outer) for body in branches])
        if node.op == "IF":
            return common([self._entered(body, given[1:], outer) for body in branches])
        if node.op == "WHILE":
            results = {name: self._entered(body, given, outer) for name, body in node.bodies}
            if list(results.get("body_subgraph_index", ())) == given:
                return given
        elif len(branches) == 1 and node.op not in {"Loop", "Scan"}:
            return self._entered(branches[0], given, outer)
        for body in branches:
            self._entered(body, [None] * len(self.walk.model.graphs[body].inputs), outer)
        raise UnknownSizesError

    def _entered(
        self, body: int, given: Sequence[Shape | None], outer: Mapping[str, Value]
    ) -> Sequence[Shape | None]:
        inputs = dict(zip(self.walk.model.graphs[body].inputs, given, strict=False))
        return self.walk.enter(body, inputs, outer)

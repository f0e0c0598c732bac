"""The sizes of all values that follow from those of the inputs, node by node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from npulint.errors import UsageError
from npulint.model import Operation
from npulint.sizing.onnx_rules import ONNX_RULES
from npulint.sizing.site import Site, UnfitSizesError, UnknownSizesError, sizes_of
from npulint.sizing.tflite_rules import TFLITE_RULES
from npulint.sizing.wishes import InputShapes, resolved

if TYPE_CHECKING:
    from npulint.model import Dialect, Graph, Model, Node, Shape, Value

_FIXING: Mapping[str, int] = {
    "Reshape": 1, "Expand": 1, "Resize": 3, "RESHAPE": 1, "BROADCAST_TO": 1, "RESIZE_BILINEAR": 1,
    "RESIZE_NEAREST_NEIGHBOR": 1, "TRANSPOSE_CONV": 0, "SLICE": 2,
}  # fmt: skip
"""Operators that a constant may hold to some sizes: which operand it is."""

_FIXING_OPTIONS: Mapping[str, str] = {
    "Reshape": "shape", "RESHAPE": "new_shape", "ConvTranspose": "output_shape",
}  # fmt: skip
"""Operators that an attribute may hold to some sizes."""

_ANSWERS = frozenset({"Shape", "SHAPE", "Size", "RANK"})
"""Operators whose results are known once the sizes of their operands are."""


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
        self.rules = ONNX_RULES if graph.dialect == "onnx" else TFLITE_RULES
        self.values = list(graph.values)
        self.held: dict[int, Value] = {}
        self.changed: set[int] = set()
        self.fixed_by: dict[int, Node] = {}
        for index, shape in inputs.items():
            self._set(index, shape)
        for index, name in graph.captured:
            if name in outer:
                self._set(index, sizes_of(outer[name]))
                if outer[name].constant is not None:
                    self.held[index] = outer[name]

    def run(self) -> Graph:
        """Go through the nodes in the file's order."""
        for node in self.graph.nodes:
            outer = self._outer(node)
            if outer or self.changed.intersection(node.inputs):
                self._size(node, outer)
            elif node.op in _ANSWERS or self._hangs_on_constants(node):
                self._hold(node, [sizes_of(self.values[index]) for index in node.outputs])
        return replace(self.graph, values=tuple(self.values))

    def _set(self, index: int, shape: Shape | None) -> None:
        if index >= 0 and self.values[index].constant is None:
            self.values[index] = _with(self.graph.values[index], shape, self.graph.dialect)
            self.changed.add(index)

    def _hangs_on_constants(self, node: Node) -> bool:
        return bool(node.inputs) and all(
            index < 0 or index in self.held or self.values[index].constant is not None
            for index in node.inputs
        )

    def _site(self, node: Node) -> Site:
        values = self.values
        inputs = tuple(None if i < 0 else self.held.get(i, values[i]) for i in node.inputs)
        outputs = tuple(None if i < 0 else values[i] for i in node.outputs)
        operation = Operation(
            self.graph.dialect, node.op, node.version, inputs, outputs, node.attributes
        )
        return Site(operation, node.version)

    def _size(self, node: Node, outer: Mapping[str, Value]) -> None:
        """Work out the sizes of a node's results."""
        shapes: Sequence[Shape | None] = [None] * len(node.outputs)
        try:
            shapes = self._by_bodies(node, outer) if node.bodies else self._by_rule(node)
        except UnfitSizesError as error:
            raise UsageError(self._said(node, str(error))) from None
        except (UnknownSizesError, ValueError, IndexError):
            # The latter two: a node with other operands than its operator takes.
            pass
        shapes = self._hold(node, [*shapes, *[None] * len(node.outputs)][: len(node.outputs)])
        for index, shape in zip(node.outputs, shapes, strict=True):
            self._set(index, shape)
        fixing = node if self._holds(node, wholly=True) else self._behind(node)
        if fixing is not None:
            self.fixed_by.update(dict.fromkeys(node.outputs, fixing))

    def _by_rule(self, node: Node) -> Sequence[Shape | None]:
        rule = None if node.custom or node.domain else self.rules.get(node.op)
        if rule is None:
            raise UnknownSizesError
        return rule(self._site(node))

    def _hold(self, node: Node, shapes: list[Shape | None]) -> list[Shape | None]:
        """Note what a result holds, if that is known, and say of what sizes the results are."""
        if node.custom or node.domain or node.bodies or len(node.outputs) != 1:
            return shapes
        from npulint.sizing.contents import contents, holding

        site = self._site(node)
        array = contents(site, tuple(shapes))
        (index,) = node.outputs
        if array is None or index < 0 or self.values[index].constant is not None:
            return shapes
        self.held[index] = holding(self.values[index], array)
        return [self.held[index].shape]

    def _outer(self, node: Node) -> Mapping[str, Value]:
        """Values that a node's bodies take from here by name and whose sizes have changed."""
        if not node.bodies:
            return {}
        names = {
            name for _, body in node.bodies for _, name in self.walk.model.graphs[body].captured
        }
        return {
            self.values[index].name: self.held.get(index, self.values[index])
            for index in self.changed
            if self.values[index].name in names
        }

    def _by_bodies(self, node: Node, outer: Mapping[str, Value]) -> Sequence[Shape | None]:
        """Results of control flow and of functions, which are as their graphs make them."""
        given = [sizes_of(self.values[i]) if i >= 0 else None for i in node.inputs]
        branches = [body for _, body in node.bodies]
        if node.op == "If":
            return _common([self.walk.enter(body, {}, outer) for body in branches])
        if node.op == "IF":
            return _common([self._entered(body, given[1:], outer) for body in branches])
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

    def _behind(self, node: Node) -> Node | None:
        """The node before this one whose constant holds what it takes to its sizes, if any."""
        return next((self.fixed_by[i] for i in node.inputs if i in self.fixed_by), None)

    def _holds(self, node: Node, *, wholly: bool = False) -> bool:
        """Whether a constant holds the result of a node to its sizes, all of them or some."""
        sizes: object = node.attributes.get(_FIXING_OPTIONS.get(node.op, ""))
        operand = self._fixing_operand(node)
        if operand is not None:
            constant = operand.constant
            sizes = constant.elements() or (0,) if constant is not None else None
        return isinstance(sizes, tuple) and (not wholly or all(size > 0 for size in sizes))

    def _fixing_operand(self, node: Node) -> Value | None:
        position = _FIXING.get(node.op, len(node.inputs))
        if position >= len(node.inputs) or node.inputs[position] < 0:
            return None
        return self.values[node.inputs[position]]

    def _said(self, node: Node, why: str) -> str:
        """Which node cannot take what reaches it, why, and what holds it to other sizes."""
        said = f"--input-shape: {_place(node)} cannot take what follows from these sizes: {why}"
        fixing = node if self._holds(node) else self._behind(node)
        if fixing is None:
            return said
        held = (
            "it is held to its sizes"
            if fixing is node
            else f"{_place(fixing)} is held to its sizes"
        )
        operand = self._fixing_operand(fixing)
        option = f"its {_FIXING_OPTIONS.get(fixing.op)}"
        by = option if operand is None else f"the constant {operand.name!r}"
        return f"{said}; {held} by {by}"


def _place(node: Node) -> str:
    return f"{node.op} (node {node.index}{f', {node.name!r}' if node.name else ''})"


def _with(value: Value, shape: Shape | None, dialect: Dialect) -> Value:
    """A value of other sizes; what is not known of them is as the file fixes it.

    A shape of which the file leaves nothing open may be that of another size of the inputs.
    """
    stated = sizes_of(value)
    is_open = stated is not None and not all(isinstance(size, int) for size in stated)
    if shape is None:
        shape = stated if is_open or stated is None else (None,) * len(stated)
        shape = shape and tuple(size if isinstance(size, int) else None for size in shape)
    elif is_open and stated is not None and len(stated) == len(shape):
        shape = tuple(
            known if size is None and isinstance(known, int) else size
            for size, known in zip(shape, stated, strict=True)
        )
    return _stored(value, shape, dialect)


def _stored(value: Value, shape: Shape | None, dialect: Dialect) -> Value:
    """A value as its dialect says what may change: in TFLite by a 1, and a signature beside it."""
    if dialect == "onnx" or shape is None or all(isinstance(size, int) for size in shape):
        return replace(value, shape=shape, shape_signature=None)
    return replace(
        value,
        shape=tuple(size if isinstance(size, int) else 1 for size in shape),
        shape_signature=tuple(size if isinstance(size, int) else None for size in shape),
    )


def _common(results: Sequence[Sequence[Shape | None]]) -> Sequence[Shape | None]:
    """What is true of the results whichever branch is run."""
    return [_agreed(shapes) for shapes in zip(*results, strict=True)]


def _agreed(shapes: tuple[Shape | None, ...]) -> Shape | None:
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes) or len({len(shape) for shape in known}) > 1:
        return None
    columns: Iterator[tuple[object, ...]] = zip(*known, strict=True)
    return tuple(
        known[0][axis] if len(set(column)) == 1 else None for axis, column in enumerate(columns)
    )

"""Clean-ups that leave every result as it is: what does nothing goes, what is done twice once.

They come before realisations are chosen, so that patterns are met whole, and after, because
neighbouring realisations often undo each other's transposes and reshapes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.surgery import compact
from npulint.model import OMITTED, Constant, Value
from npulint.operators.effects import ACTS, DRAWS, may_act
from npulint.operators.no_ops import (
    is_static,
    permutation,
    reduced_axes,
    slice_ranges,
    source_of,
)

if TYPE_CHECKING:
    from npulint.model import Attribute, Graph, Node

_TRANSPOSES = frozenset({"Transpose", "TRANSPOSE"})
_RESHAPES = frozenset({"Reshape", "RESHAPE"})
_SHORTENED = _TRANSPOSES | _RESHAPES | {"Slice"}
_JOINS = frozenset({"Concat", "CONCATENATION"})
_AXES_BACK = _RESHAPES | {"Unsqueeze", "EXPAND_DIMS"}
_REDUCTIONS = frozenset({
    "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
    "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare", "MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN",
    "REDUCE_PROD", "REDUCE_ANY", "REDUCE_ALL",
})  # fmt: skip
_IDEMPOTENT = frozenset({
    "Relu", "Abs", "Ceil", "Floor", "Round", "Sign", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1",
    "ABS", "CEIL", "FLOOR", "ROUND", "SIGN",
})  # fmt: skip
"""Operators that leave what they made as it is."""


def tidy(graph: Graph, keep: frozenset[int] = frozenset()) -> tuple[Graph, Mapping[int, int]]:
    """Drop what has no effect on any result.

    Nodes whose results nobody uses, nodes that hand on what they take, transposes of transposes,
    reshapes of reshapes, slices of slices along other axes, joins of joins, limits of what is
    limited so already, reshapes that put back the axes of a reduction, and nodes that compute what
    another one computes already.

    Args:
        graph: The graph.
        keep: Values that something outside the graph refers to.

    Returns:
        The new graph, the same object where there was nothing to do, and for each old value that
        is still there its new position.
    """
    broom = _Broom(graph, keep)
    changed = False
    while broom.sweep():
        changed = True
    if not changed:
        return graph, {OMITTED: OMITTED, **{value.index: value.index for value in graph.values}}
    nodes = tuple(replace(node, index=place) for place, node in enumerate(broom.nodes))
    before, after = ({i for n in g for i in (*n.inputs, *n.outputs)} for g in (graph.nodes, nodes))
    fixed = {*graph.inputs, *graph.outputs, *(index for index, _ in graph.captured)} | keep
    added = set(range(len(graph.values), len(broom.values)))
    new = replace(graph, values=tuple(broom.values), nodes=nodes)
    return compact(new, (before | added) - after - fixed)


class _Broom:
    """A graph under change: values stay where they are, new ones come behind, nodes go."""

    def __init__(self, graph: Graph, keep: frozenset[int]) -> None:
        self.dialect = graph.dialect
        self.nodes = list(graph.nodes)
        self.values = list(graph.values)
        self._fed = {*graph.inputs, *(index for index, _ in graph.captured)}
        self._pinned = keep | {*graph.outputs}

    def sweep(self) -> bool:
        """One way through the nodes and back; whether anything changed."""
        before = self.nodes
        self._instead: dict[int, int] = {OMITTED: OMITTED}
        self._renamed: dict[int, int] = {}
        self._makers: dict[int, Node] = {}
        self._known: dict[Hashable, Node] = {}
        self._swept: list[Node] = []
        self._readers = Counter(index for node in before for index in node.inputs)
        for node in before:
            self._pass(replace(node, inputs=tuple(map(self._read, node.inputs))))
        self.nodes = self._alive([self._with_names(node) for node in self._swept])
        return self.nodes != before

    def _read(self, index: int) -> int:
        return self._instead.get(index, index)

    def _pass(self, node: Node) -> None:
        node = self._shortened(node)
        if self._skipped(node) or self._repeated(node):
            return
        self._swept.append(node)
        self._makers.update(dict.fromkeys(node.outputs, node))

    def _skipped(self, node: Node) -> bool:
        """Whether a node only hands on, and its reader or its maker can do without it."""
        source = source_of(self.values, self.dialect, node)
        if source is None and self._once_more(node):
            source = node.inputs[0]
        if source is None:
            return False
        result = node.outputs[0]
        if result not in self._pinned:
            self._instead[result] = source
            return True
        maker = self._makers.get(source)
        if maker is None or source in self._fed | self._pinned or source in self._renamed:
            return False
        self._renamed[source] = result
        return True

    def _once_more(self, node: Node) -> bool:
        """Whether a node does again what the one before it has done."""
        if node.op not in _IDEMPOTENT or node.domain or node.custom or not node.inputs:
            return False
        inner = self._makers.get(node.inputs[0])
        return (
            inner is not None
            and (inner.op, inner.domain, inner.custom) == (node.op, "", False)
            and self._form(node.inputs[0]) == self._form(node.outputs[0])
        )

    def _with_names(self, node: Node) -> Node:
        if not self._renamed:
            return node
        inputs, outputs = (
            tuple(self._renamed.get(index, index) for index in side)
            for side in (node.inputs, node.outputs)
        )
        return replace(node, inputs=inputs, outputs=outputs)

    def _repeated(self, node: Node) -> bool:
        """Whether an earlier node makes the same, and nobody asks for these results by name."""
        if node.op in DRAWS | ACTS or node.custom or node.stateful or node.bodies:
            return False
        key = (
            node.op, node.domain, node.version, tuple(map(self._content, node.inputs)),
            tuple(sorted((name, repr(value)) for name, value in node.attributes.items())),
            tuple(self._form(index) for index in node.outputs),
        )  # fmt: skip
        earlier = self._known.setdefault(key, node)
        if earlier is node or self._pinned.intersection(node.outputs):
            return False
        self._instead.update(zip(node.outputs, earlier.outputs, strict=True))
        return True

    def _content(self, index: int) -> Hashable:
        """A value, or what it holds where it is stored."""
        constant = None if index == OMITTED else self.values[index].constant
        if constant is None or constant.sparse:
            return index
        return constant, self.values[index].quantisation

    def _form(self, index: int) -> Hashable:
        if index == OMITTED:
            return None
        value = self.values[index]
        return value.dtype, value.shape, value.shape_signature, value.quantisation

    def _shortened(self, node: Node) -> Node:
        """What a node and the one before it do, done at once."""
        if node.domain or node.custom or not node.inputs:
            return node
        if node.op in _JOINS:
            return self._joined(node)
        return self._keeping(node) or self._moved(node)

    def _moved(self, node: Node) -> Node:
        """A transpose of a transpose, a reshape of a reshape, a slice of a slice."""
        if node.op not in _SHORTENED:
            return node
        inner = self._makers.get(node.inputs[0])
        if inner is None or inner.op != node.op or inner.domain or inner.custom:
            return node
        between, source = (self.values[each.inputs[0]] for each in (node, inner))
        if between.quantisation != source.quantisation:
            return node  # Nobody requantises on the way, but a file may say so.
        if node.op == "Slice":
            return self._cut(node, inner)
        return (
            self._transposed(node, inner) if node.op in _TRANSPOSES else self._shaped(node, inner)
        )

    def _joined(self, node: Node) -> Node:
        """A join of joins along the same axis that nothing else reads."""
        operands: list[int] = []
        for index in node.inputs:
            inner = self._makers.get(index)
            within = inner is not None and self._is_part(inner, node)
            operands += inner.inputs if inner is not None and within else (index,)
        return node if len(operands) == len(node.inputs) else replace(node, inputs=tuple(operands))

    def _is_part(self, inner: Node, node: Node) -> bool:
        """Whether a join only gathers what another one goes on with."""
        between = inner.outputs[0]
        return (
            (inner.op, inner.domain, inner.custom) == (node.op, "", False)
            and inner.attributes == node.attributes
            and inner.attributes.get("fused_activation_function") in {None, "NONE"}
            and self._readers[between] == 1
            and between not in self._pinned
            and len({self.values[i].quantisation for i in (*inner.inputs, *node.outputs)}) == 1
        )

    def _keeping(self, node: Node) -> Node | None:
        """The reduction before a reshape that only puts its axes back, keeping them itself."""
        if node.op not in _AXES_BACK:
            return None
        inner = self._makers.get(node.inputs[0])
        word = "keepdims" if self.dialect == "onnx" else "keep_dims"
        if inner is None or inner.op not in _REDUCTIONS or inner.domain or inner.custom:
            return None
        if inner.attributes.get(word, self.dialect == "onnx") or node.inputs[0] in self._pinned:
            return None
        axes = reduced_axes(self.values, inner)
        x, between, y = (self.values[i] for i in (inner.inputs[0], node.inputs[0], node.outputs[0]))
        if axes is None or not is_static(x) or not is_static(y) or self._readers[between.index] > 1:
            return None
        kept = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape or ()))
        if y.shape != kept or y.quantisation != between.quantisation:
            return None
        attributes: Mapping[str, Attribute] = {
            **inner.attributes, word: 1 if self.dialect == "onnx" else True,
        }  # fmt: skip
        return replace(inner, outputs=node.outputs, attributes=attributes)

    def _cut(self, node: Node, inner: Node) -> Node:
        """A slice of what a slice of other axes has left."""
        first, then = (slice_ranges(self.values, each) for each in (inner, node))
        if first is None or then is None or first.keys() & then.keys():
            return node
        ranges = [(*bounds[:2], axis, bounds[2]) for axis, bounds in {**first, **then}.items()]
        columns = zip(*ranges, strict=True)
        operands = (self._stored(np.array(column, np.int64), node.inputs[1]) for column in columns)
        return replace(node, inputs=(inner.inputs[0], *operands))

    def _transposed(self, node: Node, inner: Node) -> Node:
        first, then = (permutation(self.values, each) for each in (inner, node))
        if first is None or then is None or len(first) != len(then):
            return node
        order = tuple(first[axis] for axis in then)
        if self.dialect == "onnx":
            attributes: Mapping[str, Attribute] = {**node.attributes, "perm": order}
            return replace(node, inputs=inner.inputs[:1], attributes=attributes)
        perm = self._stored(np.array(order, np.int32), node.inputs[1])
        return replace(node, inputs=(inner.inputs[0], perm))

    def _shaped(self, node: Node, inner: Node) -> Node:
        result = self.values[node.outputs[0]]
        if not is_static(result):
            return node
        sizes = tuple(size for size in result.shape or () if isinstance(size, int))
        if self.dialect == "tflite":
            return replace(node, inputs=(inner.inputs[0], *node.inputs[1:]))
        if len(node.inputs) < 2:
            return replace(
                node, inputs=inner.inputs[:1], attributes={**node.attributes, "shape": sizes}
            )
        # A 0 in the shape would take the size from an operand that is another one now.
        wanted = self._stored(np.array(sizes, np.int64), node.inputs[1])
        return replace(node, inputs=(inner.inputs[0], wanted))

    def _stored(self, array: np.ndarray[tuple[int, ...], np.dtype[np.generic]], like: int) -> int:
        """A new constant, named after the one that it stands for."""
        index, dtype = len(self.values), str(array.dtype)
        shape = tuple(int(size) for size in array.shape)
        payload = array.tobytes()
        constant = Constant(dtype, shape, payload, None, len(payload))
        name = f"{self.values[like].name}/tidy_{index}"
        self.values.append(Value(index, name, dtype, shape, constant))
        return index

    def _alive(self, nodes: list[Node]) -> list[Node]:
        """The nodes on which some result depends."""
        needed = set(self._pinned)
        alive: list[Node] = []
        for node in reversed(nodes):
            if may_act(node) or needed.intersection(node.outputs):
                needed.update(node.inputs)
                alive.append(node)
        return alive[::-1]

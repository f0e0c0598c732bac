"""What keeps a whole TFLite graph back: tensors without a size, and nodes that do not prepare.

A delegate that takes no dynamic-sized tensors is offered a graph only after every CPU kernel
has prepared its node, in file order. The first node whose result has no size, or that does not
prepare at all, ends that (google-ai-edge/LiteRT tflite/core/subgraph.cc 1513-1571, 2526-2553
@f6745779). What each kernel does is written down in `npulint.opsets.tflite_kernels`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from npulint.bodies import Bodies
from npulint.obstacle import Obstacle
from npulint.opsets import tflite_kernels as kernels
from npulint.prepare import refusal

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Value

_SUBGRAPH = "google-ai-edge/LiteRT tflite/core/subgraph.cc"
_UNSIZED_TYPES = frozenset({"string", "resource", "variant"})
_HANDLE_MAKERS = frozenset({"VAR_HANDLE"})
_BRANCHING = {
    "IF": "if.cc 93-141",
    "STABLEHLO_CASE": "stablehlo_case.cc 111-180",
    "STABLEHLO_COMPOSITE": "stablehlo_composite.cc 98-115",
}
_LOOPS = {"WHILE": "while.cc 158-225"}


def first_obstacle(graph: Graph, bodies: Bodies | None = None) -> Obstacle | None:
    """Find what stops the runtime first when it prepares a graph.

    Args:
        graph: A TFLite graph.
        bodies: The graphs of the model; without them control flow is taken to be static.

    Returns:
        The obstacle, or None when the graph is offered to the delegate.
    """
    return next(_walk(graph, bodies or Bodies(())), None)


def dynamic_nodes(graph: Graph, graphs: Sequence[Graph] = ()) -> tuple[Obstacle, ...]:
    """All nodes of a TFLite graph whose results have no size before they run.

    Args:
        graph: A TFLite graph.
        graphs: All graphs of the model; without them control flow is taken to be static.

    Returns:
        One obstacle a node, in file order. The runtime stops at the first; the others would
        stop it next.
    """
    found = _walk(graph, Bodies(graphs))
    return tuple(obstacle for obstacle in found if obstacle.kind == "dynamic")


def unprepared(graph: Graph) -> tuple[Obstacle, ...]:
    """The nodes of a TFLite graph that no CPU kernel prepares, as far as that is written down.

    Told are missing and mistyped biases of convolutions, operands whose element types differ
    where they must agree, types that a kernel does not take, int16 with a zero point, and
    quantised operands on other grids than the kernel computes on. Such a model does not run.
    """
    return tuple(o for o in _walk(graph, Bodies(())) if o.kind == "prepare")


def _walk(graph: Graph, bodies: Bodies) -> Iterator[Obstacle]:
    """All that stops the runtime in a graph, as far as it comes to it."""
    bodies.look_under(graph, lambda body: _Preparation(body, bodies).innermost())
    return _Preparation(graph, bodies).obstacles()


class _Preparation:
    """One walk over a graph as the runtime prepares it."""

    def __init__(self, graph: Graph, bodies: Bodies) -> None:
        self.graph = graph
        self.bodies = bodies
        self.stored = [value.constant is not None for value in graph.values]
        self.known = list(self.stored)
        self.dtypes = [value.dtype for value in graph.values]

    def innermost(self) -> Obstacle | None:
        """The first result without a size, where it arises: in a body rather than around it."""
        for found in self.obstacles():
            if found.kind == "dynamic":
                node = None if found.node is None else self.graph.nodes[found.node]
                inner = [] if node is None else map(self.bodies.first, self.bodies.of(node))
                return next(filter(None, inner), found)
        return None

    def obstacles(self) -> Iterator[Obstacle]:
        for node in self.graph.nodes:
            if not node.custom:
                refused = refusal(self.graph, node, self.dtypes)
                if refused is not None:
                    yield refused
            found = self._dynamic(node)
            if found is not None:
                yield found
            elif self._folds(node):
                for value in node.outputs:
                    if value >= 0:
                        self.known[value] = True
            self._retype(node)
        yield from self._unsized_results()

    def _dynamic(self, node: Node) -> Obstacle | None:
        """Why a result of a node has no size, if one has none."""
        if all(index < 0 for index in node.outputs):
            return None
        typed = self._unsized_type(node)
        if typed is not None or node.custom:
            return typed
        for test in (self._by_contents, self._by_shape, self._by_body):
            found = test(node)
            if found is not None:
                return found
        return None

    def _unsized_type(self, node: Node) -> Obstacle | None:
        if node.op in _HANDLE_MAKERS and not node.custom:
            return None
        for index in node.outputs:
            value = self.graph.values[index] if index >= 0 else None
            if value is not None and value.dtype in _UNSIZED_TYPES:
                why = f"{value.dtype} tensors have no size before they are filled"
                return self._obstacle(node, index, why, f"{_SUBGRAPH} 2018-2039")
        return None

    def _by_contents(self, node: Node) -> Obstacle | None:
        """Results that are sized by what an input holds, when that is not known yet."""
        unsized = kernels.UNSIZED.get(node.op)
        if unsized is not None:
            why = "its size is known only after it has run"
            return self._of_kernel(node, unsized.outputs, why, unsized.lines)
        sizing = kernels.SIZINGS.get(node.op)
        if sizing is None:
            return None
        known = self.stored if sizing.stored_only else self.known
        for position in self._needs(node, sizing):
            index = node.inputs[position] if position < len(node.inputs) else -1
            if index >= 0 and not known[index]:
                kind = "stored in the file" if sizing.stored_only else "constant"
                why = f"it depends on input {position} ({self._name(index)}), which is not {kind}"
                return self._of_kernel(node, sizing.outputs, why, sizing.lines)
        return None

    def _needs(self, node: Node, sizing: kernels.Sizing) -> tuple[int, ...]:
        """Inputs of one node that must be known; some kernels ask for less in some cases."""
        if node.op == "STRIDED_SLICE" and node.attributes.get("offset"):
            return (3,)
        if node.op == "SLICE" and self._is_closed(self._result(node)):
            return ()
        return sizing.needs

    def _result(self, node: Node) -> Value:
        """The first result of a node that has one."""
        return self.graph.values[next(index for index in node.outputs if index >= 0)]

    def _is_closed(self, value: Value) -> bool:
        """Whether the file declares a tensor with a rank above 0 and no size that may change."""
        return bool(value.shape) and not _is_open(value)

    def _by_shape(self, node: Node) -> Obstacle | None:
        """Results that have no size because of a declared shape."""
        first = node.inputs[0] if node.inputs else -1
        if first < 0:
            return None
        if node.op in kernels.UNRANKED and self.graph.values[first].rank == 0:
            return self._of_kernel(node, None, "its input is a scalar", kernels.UNRANKED[node.op])
        if node.op in kernels.SCALAR_RESULT and self._result(node).rank == 0:
            why = "it is declared as a scalar, which may mean any rank"
            return self._of_kernel(node, None, why, kernels.SCALAR_RESULT[node.op])
        sized_anyway = node.op == "SLICE" and self._is_closed(self._result(node))
        if (
            node.op in kernels.OPEN_INPUT
            and _is_open(self.graph.values[first])
            and not sized_anyway
        ):
            why = f"a size of its input ({self._name(first)}) may change"
            return self._of_kernel(node, None, why, kernels.OPEN_INPUT[node.op])
        return None

    def _by_body(self, node: Node) -> Obstacle | None:
        """Results of control flow, which are as its bodies make them."""
        lines = _BRANCHING.get(node.op) or _LOOPS.get(node.op)
        if lines is None:
            return None
        bodies = self.bodies.of(node)
        for body in bodies:
            found = self.bodies.first(body)
            if found is not None:
                why = f"graph {body.index}, which it runs, holds one: {found.message}"
                return self._of_kernel(node, None, why, lines)
        if node.op in _LOOPS:
            grows = any(
                _differ(body.values[before], body.values[after], loop=True)
                for body in bodies
                for before, after in zip(body.inputs, body.outputs, strict=False)
            )
            why = "its body returns another shape than it is given"
        else:
            grows = any(
                _differ(first.values[one], other.values[two], loop=False)
                for first, other in pairwise(bodies)
                for one, two in zip(first.outputs, other.outputs, strict=False)
            )
            why = "its branches return different shapes"
        return self._of_kernel(node, None, why, lines) if grows else None

    def _folds(self, node: Node) -> bool:
        """Whether the kernel computes its result while it prepares."""
        folding = kernels.FOLDINGS.get(node.op)
        if folding is None or node.custom or all(index < 0 for index in node.outputs):
            return False
        inputs = [index for index in node.inputs if index >= 0]
        if folding.needs is not None:
            if any(position >= len(node.inputs) for position in folding.needs):
                return False
            inputs = [node.inputs[position] for position in folding.needs]
        if not all(index >= 0 and self.known[index] for index in inputs):
            return False
        if folding.most_elements is None:
            return True
        count = self._result(node).element_count
        return count is not None and count <= folding.most_elements

    def _retype(self, node: Node) -> None:
        """Give results the element type that the kernel gives them."""
        if node.custom:
            return
        given = kernels.RESULT_TYPE.get(node.op)
        if node.op in kernels.RESULT_TYPE_OPTION:
            given = str(node.attributes.get(kernels.RESULT_TYPE_OPTION[node.op], "")) or None
        if isinstance(given, int):
            index = node.inputs[given] if given < len(node.inputs) else -1
            given = self.dtypes[index] if index >= 0 else None
        if given is not None:
            for index in node.outputs:
                if index >= 0:
                    self.dtypes[index] = given

    def _unsized_results(self) -> Iterator[Obstacle]:
        """Graph results that are dynamic before any node is prepared."""
        made = {index for node in self.graph.nodes for index in node.outputs}
        for index in self.graph.outputs:
            value = self.graph.values[index] if index >= 0 else None
            if value is None or index in made or value.constant is not None:
                continue
            if value.dtype in _UNSIZED_TYPES:
                message = f"result {self._name(index)} is a {value.dtype} tensor, which has no size"
                yield Obstacle("dynamic", None, index, message, f"{_SUBGRAPH} 1513-1523")

    def _of_kernel(
        self, node: Node, outputs: tuple[int, ...] | None, why: str, lines: str
    ) -> Obstacle:
        positions = range(len(node.outputs)) if outputs is None else outputs
        meant = [node.outputs[p] for p in positions if p < len(node.outputs)]
        index = next((value for value in meant if value >= 0), self._result(node).index)
        return self._obstacle(node, index, why, kernels.source(lines))

    def _obstacle(self, node: Node, index: int, why: str, source: str) -> Obstacle:
        message = (
            f"the size of {self._name(index)}, made by {node.op} (node {node.index}), is not "
            f"known before it runs: {why}"
        )
        return Obstacle("dynamic", node.index, index, message, source, why)

    def _name(self, index: int) -> str:
        return f"tensor {index}"


def _is_open(value: Value) -> bool:
    """Whether the file says that a size of a tensor may change."""
    return value.shape_signature is not None and None in value.shape_signature


def _differ(one: Value, two: Value, *, loop: bool) -> bool:
    """Whether two tensors have different shapes for certain."""
    if _is_open(one) or _is_open(two) or one.shape is None or two.shape is None:
        return False
    # A loop may turn a scalar into a tensor of one element and back (while.cc 175-187).
    if loop and [shape[0] for shape in (one.shape, two.shape) if shape] == [1]:
        return False
    return one.shape != two.shape

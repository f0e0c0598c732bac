"""What the converter merges across nodes: activations, batch norms, padding, reciprocal roots.

Source: the recorded conversions of small graphs (tests/operators/recorded.json) by TensorFlow
Lite's converter 2.21. A product or sum with a constant after a convolution is left standing:
some converters fold it, others do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from npulint.operators.emit_windows import same_pads
from npulint.operators.tape import sizes
from npulint.operators.versions import operator_version

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Operation, Value
    from npulint.operators.lowering import Lowering

_Pair: TypeAlias = "tuple[Lowering, Lowering]"

_CONVOLUTIONS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"})
_TAKES_ACTIVATION = _CONVOLUTIONS | {
    "ADD", "SUB", "MUL", "DIV", "MAX_POOL_2D", "AVERAGE_POOL_2D", "FULLY_CONNECTED",
}  # fmt: skip
_ACTIVATIONS = frozenset({"RELU", "RELU6", "RELU_N1_TO_1"})
_TRANSPOSE_CONV_BIAS = 3


def fuse(graph: Graph, lowerings: Sequence[Lowering]) -> list[Lowering]:
    """Merge nodes into their neighbours where the converter does.

    Args:
        graph: The ONNX graph.
        lowerings: One lowering a node, each as if the node stood alone.

    Returns:
        The lowerings with merged nodes vanished and their neighbours changed.
    """
    if any(node.bodies for node in graph.nodes):
        # A body may read any value of the graph around it, so none has a single reader for sure.
        return list(lowerings)
    merger = _Merger(graph, list(lowerings))
    for node in graph.nodes:
        rule = None if node.domain else _RULES.get(node.op)
        if rule is not None:
            merger.apply(rule, node)
        if node.inputs and node.outputs:
            merger.trace(node)
    return merger.fused


@dataclass(frozen=True, slots=True)
class _Rule:
    """One way to merge a node with the node that makes one of its operands.

    Attributes:
        operand: Position of that operand, which nothing else may read.
        maker: The ONNX operator that must make it, empty for any.
        merge: Turns the lowerings of the maker and of the node into what is left of them, or
            None where the converter does not merge them.
    """

    operand: int
    maker: str
    merge: Callable[[Lowering, Lowering], _Pair | None]


class _Merger:
    """Walks a graph in order and knows which node makes which value."""

    def __init__(self, graph: Graph, lowerings: list[Lowering]) -> None:
        self.fused = lowerings
        self._nodes = graph.nodes
        self._maker: dict[int, int] = {}
        # Networks repeat, and equal nodes share one lowering object.
        self._merged: dict[tuple[str, int, int], _Pair | None] = {}
        # How often each value is read; an operand left out counts for the place behind the last.
        self._uses = [0] * (len(graph.values) + 1)
        for node in graph.nodes:
            for index in node.inputs:
                self._uses[index] += 1
        for index in graph.outputs:
            self._uses[index] += 1

    def trace(self, node: Node) -> None:
        """Note which node makes a result, looking through nodes of which nothing is left."""
        source = node.inputs[0]
        if not self.fused[node.index].vanishes:
            self._maker[node.outputs[0]] = node.index
        elif source in self._maker and self._uses[source] == 1:
            self._maker[node.outputs[0]] = self._maker[source]

    def apply(self, rule: _Rule, node: Node) -> None:
        """Merge a node with the node before it, if the rule says so."""
        source = node.inputs[rule.operand] if rule.operand < len(node.inputs) else -1
        before = self._maker.get(source)
        if before is None or self._uses[source] != 1:
            return
        pair = (self.fused[before], self.fused[node.index])
        if not pair[0].operations or not pair[1].operations:
            return
        if rule.maker and self._nodes[before].op != rule.maker:
            return
        key = (node.op, id(pair[0]), id(pair[1]))
        if key not in self._merged:
            self._merged[key] = rule.merge(*pair)
        found = self._merged[key]
        if found is not None:
            self.fused[before], self.fused[node.index] = found


def _merge_activation(before: Lowering, activation: Lowering) -> _Pair | None:
    """A lone RELU becomes the option of the operator that feeds it."""
    operations, last = activation.operations, before.operations[-1]
    if (
        len(operations) != 1
        or operations[0].op not in _ACTIVATIONS
        or last.op not in _TAKES_ACTIVATION
        or last.attributes.get("fused_activation_function") != "NONE"
        or (last.op == "TRANSPOSE_CONV" and len(last.inputs) <= _TRANSPOSE_CONV_BIAS)
    ):
        return None
    options = {**last.attributes, "fused_activation_function": operations[0].op}
    changed = _with_last(before, replace(last, attributes=options))
    return changed, _gone(activation, f"fused into the {last.op} before it")


def _merge_norm(before: Lowering, norm: Lowering) -> _Pair | None:
    """A batch norm becomes part of the weights and the bias of the convolution before it."""
    last = before.operations[-1]
    if (
        last.op not in _CONVOLUTIONS
        or last.attributes.get("fused_activation_function") != "NONE"
        or norm.operations[0].op != "MUL"
    ):
        return None
    if last.op == "TRANSPOSE_CONV" and len(last.inputs) == _TRANSPOSE_CONV_BIAS:
        bias = norm.operations[-1].inputs[1]
        before = _with_last(before, replace(last, inputs=(*last.inputs, bias)))
    return before, _gone(norm, f"folded into the {last.op} before it")


def _merge_padding(padding: Lowering, convolution: Lowering) -> _Pair | None:
    """Zero padding before a convolution becomes SAME where it is what SAME adds."""
    pad, first = padding.operations[-1], convolution.operations[0]
    if (
        pad.op != "PAD"
        or len(padding.operations) != 1
        or first.op not in ("CONV_2D", "DEPTHWISE_CONV_2D")
        or first.attributes.get("padding") != "VALID"
        or not _is_same(pad, first)
    ):
        return None
    options = {**first.attributes, "padding": "SAME"}
    changed = replace(first, attributes=options, inputs=(pad.inputs[0], *first.inputs[1:]))
    whole = replace(convolution, operations=(changed, *convolution.operations[1:]))
    return _gone(padding, f"folded into the {first.op} after it"), whole


def _is_same(pad: Operation, convolution: Operation) -> bool:
    amounts = _present(pad.inputs[1]).constant
    rows = None if amounts is None else amounts.elements()
    shape = sizes(_present(pad.inputs[0]))
    kernel = sizes(_present(convolution.inputs[1]))[1:3]
    if rows is None or len(rows) != 8 or any(rows[0:2]) or any(rows[6:8]):
        return False
    for axis, side in enumerate("hw"):
        size, taps = shape[axis + 1], kernel[axis]
        stride = convolution.attributes[f"stride_{side}"]
        dilation = convolution.attributes[f"dilation_{side}_factor"]
        if not (isinstance(size, int) and isinstance(taps, int)):
            return False
        if not (isinstance(stride, int) and isinstance(dilation, int)):
            return False
        if same_pads(size, taps, stride, dilation) != rows[2 + 2 * axis : 4 + 2 * axis]:
            return False
    return True


def _merge_root(root: Lowering, division: Lowering) -> _Pair | None:
    """A division by a square root becomes a product with its reciprocal."""
    if [operation.op for operation in root.operations] != ["SQRT"] or division.operations[
        -1
    ].op != "DIV":
        return None
    reciprocal = _with_last(root, replace(root.operations[0], op="RSQRT"))
    return reciprocal, _with_last(division, replace(division.operations[-1], op="MUL"))


def _present(value: Value | None) -> Value:
    if value is None:
        raise AssertionError("an operand that the emitter wrote is missing")
    return value


def _with_last(lowering: Lowering, operation: Operation) -> Lowering:
    checked = replace(operation, version=operator_version(operation))
    return replace(lowering, operations=(*lowering.operations[:-1], checked))


def _gone(lowering: Lowering, note: str) -> Lowering:
    return replace(lowering, operations=(), vanishes=True, note=note)


_RULES: Mapping[str, _Rule] = MappingProxyType(
    {
        "Relu": _Rule(0, "", _merge_activation),
        "Clip": _Rule(0, "", _merge_activation),
        "BatchNormalization": _Rule(0, "", _merge_norm),
        "Conv": _Rule(0, "Pad", _merge_padding),
        "Div": _Rule(1, "Sqrt", _merge_root),
    }
)

"""What the converter merges across nodes: activations, batch norms and padding.

Source: the recorded conversions of small graphs (tests/operators/recorded.json) by TensorFlow
Lite's converter 2.21. A product or sum with a constant after a convolution is left standing:
some converters fold it, others do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from npulint.operators.emit_windows import same_pads
from npulint.operators.tape import constant, sizes
from npulint.operators.versions import operator_version

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Operation, Value
    from npulint.operators.lowering import Lowering

_Lowering = TypeVar("_Lowering", bound="Lowering")

_CONVOLUTIONS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"})
_TAKES_ACTIVATION = _CONVOLUTIONS | {
    "ADD", "SUB", "MUL", "DIV", "MAX_POOL_2D", "AVERAGE_POOL_2D", "FULLY_CONNECTED",
}  # fmt: skip
_ACTIVATIONS = frozenset({"RELU", "RELU6", "RELU_N1_TO_1"})
_TRANSPOSE_CONV_BIAS = 3
_FUSES: Mapping[str, str] = MappingProxyType(
    {"Relu": "activation", "Clip": "activation", "BatchNormalization": "norm", "Conv": "padding"}
)


def fuse(graph: Graph, lowerings: Sequence[_Lowering]) -> list[_Lowering]:
    """Merge nodes into their neighbours where the converter does.

    Args:
        graph: The ONNX graph.
        lowerings: One lowering a node, each as if the node stood alone.

    Returns:
        The lowerings with merged nodes vanished and their neighbours changed.
    """
    fused = list(lowerings)
    if not any(node.op in _FUSES for node in graph.nodes):
        return fused
    uses = _uses(graph)
    maker: dict[int, int] = {}
    for node in graph.nodes:
        _merge(graph, node, fused, uses, maker)
        if not node.inputs or not node.outputs:
            continue
        source = node.inputs[0]
        if not fused[node.index].vanishes:
            maker[node.outputs[0]] = node.index
        elif source in maker and uses[source] == 1:
            maker[node.outputs[0]] = maker[source]
    return fused


def _uses(graph: Graph) -> list[int]:
    """How often each value is read, the graph's outputs included."""
    uses = [0] * (len(graph.values) + 1)
    for node in graph.nodes:
        for index in node.inputs:
            uses[index] += 1
    for index in graph.outputs:
        uses[index] += 1
    for body in graph.captured:
        uses[body[0]] += 1
    return uses


def _merge(
    graph: Graph, node: Node, fused: list[_Lowering], uses: list[int], maker: dict[int, int]
) -> None:
    kind = _FUSES.get(node.op)
    if kind is None or node.domain or not fused[node.index].operations:
        return
    source = node.inputs[0]
    before = maker.get(source)
    if before is None or uses[source] != 1:
        return
    if kind == "activation":
        _merge_activation(fused, node.index, before)
    elif kind == "norm":
        _merge_norm(fused, node.index, before)
    else:
        _merge_padding(graph, fused, node.index, before)


def _merge_activation(fused: list[_Lowering], at: int, before: int) -> None:
    """A lone RELU becomes the option of the operator that feeds it."""
    operations = fused[at].operations
    last = fused[before].operations[-1]
    if (
        len(operations) != 1
        or operations[0].op not in _ACTIVATIONS
        or last.op not in _TAKES_ACTIVATION
        or last.attributes.get("fused_activation_function") != "NONE"
        or (last.op == "TRANSPOSE_CONV" and len(last.inputs) <= _TRANSPOSE_CONV_BIAS)
    ):
        return
    options = {**last.attributes, "fused_activation_function": operations[0].op}
    _replace_last(fused, before, replace(last, attributes=options))
    _vanish(fused, at, f"fused into the {last.op} before it")


def _merge_norm(fused: list[_Lowering], at: int, before: int) -> None:
    """A batch norm becomes part of the weights and the bias of the convolution before it."""
    last = fused[before].operations[-1]
    if (
        last.op not in _CONVOLUTIONS
        or last.attributes.get("fused_activation_function") != "NONE"
        or fused[at].operations[0].op != "MUL"
    ):
        return
    if last.op == "TRANSPOSE_CONV" and len(last.inputs) == _TRANSPOSE_CONV_BIAS:
        channels = sizes(_present(last.outputs[0]))[-1]
        bias = constant("float32", (channels,)) if isinstance(channels, int) else None
        _replace_last(fused, before, replace(last, inputs=(*last.inputs, bias)))
    _vanish(fused, at, f"folded into the {last.op} before it")


def _merge_padding(graph: Graph, fused: list[_Lowering], at: int, before: int) -> None:
    """Zero padding before a convolution becomes SAME where it is what SAME adds."""
    pad, first = fused[before].operations[-1], fused[at].operations[0]
    if (
        pad.op != "PAD"
        or len(fused[before].operations) != 1
        or graph.nodes[before].op != "Pad"
        or first.op not in ("CONV_2D", "DEPTHWISE_CONV_2D")
        or first.attributes.get("padding") != "VALID"
        or not _is_same(pad, first)
    ):
        return
    options = {**first.attributes, "padding": "SAME"}
    changed = replace(first, attributes=options, inputs=(pad.inputs[0], *first.inputs[1:]))
    fused[at] = replace(fused[at], operations=(changed, *fused[at].operations[1:]))
    _vanish(fused, before, f"folded into the {first.op} after it")


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
        numbers = (size, taps, stride, dilation)
        if not all(isinstance(number, int) for number in numbers):
            return False
        wanted = (rows[2 + 2 * axis], rows[3 + 2 * axis])
        if wanted != same_pads(*(int(str(number)) for number in numbers)):
            return False
    return True


def _present(value: Value | None) -> Value:
    if value is None:
        raise AssertionError("an operand that the emitter wrote is missing")
    return value


def _replace_last(fused: list[_Lowering], at: int, operation: Operation) -> None:
    checked = replace(operation, version=operator_version(operation))
    fused[at] = replace(fused[at], operations=(*fused[at].operations[:-1], checked))


def _vanish(fused: list[_Lowering], at: int, note: str) -> None:
    fused[at] = replace(fused[at], operations=(), vanishes=True, note=note)

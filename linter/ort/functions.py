"""Operators that are functions of others, and that ONNX Runtime takes apart.

It takes apart what no provider has taken, the CPU's included, once it has cut the graph, and then
offers the parts in another round; so they join no piece of the first. Only where the model brings
functions of its own does it take functions apart before (microsoft/onnxruntime
onnxruntime/core/framework/graph_partitioner.cc InlineNodes, PartitionOnnxFormatModel and
InlineFunctionsAOT @01f40e6; for which of them the CPU has no kernel the runtime itself says, see
the tests).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from npulint.ort import QUANTISED_UNIT

if TYPE_CHECKING:
    from npulint.model import Attribute, Node
    from npulint.ort.draft import Draft, Place

_Parts: TypeAlias = "list[Node]"

NOT_FOLLOWED = frozenset({"GroupNormalization", "CenterCropPad", "Swish"})
"""Functions of many parts, which are not worked out here."""


def apart(draft: Draft, places: Iterable[Place]) -> frozenset[Place]:
    """Put the parts of nodes in their places, as far as these are still there.

    Returns:
        Where the parts stand.
    """
    within: set[Place] = set()
    for place in places:
        node = draft.nodes.get(place)
        if node is not None:
            within |= draft.expand(place, _PARTS[node.op](draft, node))
    return frozenset(within)


def is_function(draft: Draft, place: Place) -> bool:
    """Whether ONNX Runtime takes a node apart unless the provider takes it."""
    node = draft.nodes[place]
    if node.op not in _PARTS or not draft.is_op(place, node.op):
        return False
    if node.op not in _HALF:
        return True
    return node.version >= _HALF_SINCE and draft.values[node.inputs[0]].dtype == "float16"


def is_quantised_function(node: Node) -> bool:
    """Whether a node stands for a function and the quantisation around it."""
    return node.op in _PARTS and QUANTISED_UNIT in node.attributes


def _hard_swish(draft: Draft, node: Node) -> _Parts:
    inside = _like(draft, node.outputs[0])
    steep = {"alpha": 1 / 6, "beta": 0.5}
    return [
        _part(node, "HardSigmoid", node.inputs, (inside,), steep),
        _part(node, "Mul", (node.inputs[0], inside), node.outputs),
    ]


def _mish(draft: Draft, node: Node) -> _Parts:
    soft, bent = _like(draft, node.outputs[0]), _like(draft, node.outputs[0])
    return [
        _part(node, "Softplus", node.inputs, (soft,)),
        _part(node, "Tanh", (soft,), (bent,)),
        _part(node, "Mul", (node.inputs[0], bent), node.outputs),
    ]


def _cast_like(draft: Draft, node: Node) -> _Parts:
    return [_part(node, "Cast", node.inputs[:1], node.outputs)]


def _sum_of(op: str, draft: Draft, node: Node) -> _Parts:
    """What is summed is worked out first."""
    inside = _like(draft, node.inputs[0])
    operands = node.inputs[:1] * (2 if op == "Mul" else 1)
    summed = (inside, *node.inputs[1:])
    return [
        _part(node, op, operands, (inside,)),
        _part(node, "ReduceSum", summed, node.outputs, node.attributes),
    ]


def _reduce_l1(draft: Draft, node: Node) -> _Parts:
    return _sum_of("Abs", draft, node)


def _reduce_sum_square(draft: Draft, node: Node) -> _Parts:
    return _sum_of("Mul", draft, node)


def _reduce_log_sum(draft: Draft, node: Node) -> _Parts:
    inside = _like(draft, node.outputs[0])
    return [
        _part(node, "ReduceSum", node.inputs, (inside,), node.attributes),
        _part(node, "Log", (inside,), node.outputs),
    ]


def _like(draft: Draft, value: int) -> int:
    """A new value of the type and sizes of another."""
    return draft.add_value(replace(draft.values[value], name="", quantisation=None))


def _part(
    node: Node,
    op: str,
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    attributes: Mapping[str, Attribute] | None = None,
) -> Node:
    return replace(node, op=op, inputs=inputs, outputs=outputs, attributes=attributes or {})


_PARTS: Mapping[str, Callable[[Draft, Node], _Parts]] = MappingProxyType(
    {
        "HardSwish": _hard_swish,
        "Mish": _mish,
        "CastLike": _cast_like,
        "ReduceL1": _reduce_l1,
        "ReduceLogSum": _reduce_log_sum,
        "ReduceSumSquare": _reduce_sum_square,
    }
)
_HALF = frozenset({"ReduceL1", "ReduceLogSum", "ReduceSumSquare"})
"""Those that the CPU has kernels for, but not of float16."""

_HALF_SINCE = 18
"""The opset from which on the standard writes them out."""

"""Operators that are functions of others, and that ONNX Runtime takes apart.

It does so before anything else with those that neither the provider takes as they are nor the CPU
provider has a kernel for (microsoft/onnxruntime onnxruntime/core/framework/graph_partitioner.cc
InlineFunctionsAOT @01f40e6; which have none the runtime itself says, see the tests).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from npulint.model import Attribute, Node
    from npulint.ort.draft import Draft, Place

_Parts: TypeAlias = "list[Node]"

NOT_FOLLOWED = frozenset({"GroupNormalization", "CenterCropPad", "Swish"})
"""Functions of many parts, which are not worked out here."""


def apart(draft: Draft, places: Iterable[Place]) -> None:
    """Put the parts of nodes in their places."""
    for place in places:
        draft.expand(place, _PARTS[draft.nodes[place].op](draft, draft.nodes[place]))


def is_function(draft: Draft, place: Place) -> bool:
    """Whether ONNX Runtime takes a node apart unless the provider takes it."""
    op = draft.nodes[place].op
    return op in _PARTS and draft.is_op(place, op)


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
    {"HardSwish": _hard_swish, "Mish": _mish, "CastLike": _cast_like}
)

"""Nodes without effect that ONNX Runtime takes out before it asks a provider.

Source: microsoft/onnxruntime onnxruntime/core/optimizer @01f40e6, the files named below, and
graph/graph_utils.cc 595-631 for what is asked of every node that is taken out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from npulint.ort.draft import Draft, Place

_Rule: TypeAlias = "Callable[[Draft, Place], bool]"
_END = 2**63 - 1


def eliminate(draft: Draft) -> bool:
    """Take out what has no effect.

    Returns:
        Whether there was anything.
    """
    changed = False
    for place in draft.order():
        node = draft.nodes[place]
        rule = _RULES.get(node.op)
        if rule is None or not draft.is_op(place, node.op):
            continue
        source = _source(draft, place)
        if source is not None and rule(draft, place):
            draft.bypass(place, source, "without effect")
            changed = True
        elif node.op == "Identity" and _hand_back(draft, place):
            changed = True
    return changed


def _source(draft: Draft, place: Place) -> int | None:
    """What a node's readers would read in its place; None where it has to stay."""
    node = draft.nodes[place]
    used = draft.used_outputs(place)
    if len(used) != 1 or draft.gives_result(place):
        return None
    made = draft.made_inputs(place)
    if len(made) == 1:
        return made[0]
    return node.inputs[0] if len(node.inputs) == 1 else None


def _hand_back(draft: Draft, place: Place) -> bool:
    """Have the node before an Identity make what the graph hands back (identity_elimination.cc)."""
    node = draft.nodes[place]
    source = node.inputs[0]
    maker = draft.maker(source)
    if maker is None or draft.used_outputs(place) or not draft.gives_result(place):
        return False
    if draft.only_reader(source) is None:
        return False
    result = node.outputs[0]
    draft.drop(place, "without effect")
    before = draft.nodes[maker]
    outputs = tuple(result if value == source else value for value in before.outputs)
    draft.change(maker, replace(before, outputs=outputs))
    return True


def _identity(draft: Draft, place: Place) -> bool:
    return True


def _dropout(draft: Draft, place: Place) -> bool:
    """Where nobody reads the mask (dropout_elimination.cc; opset 22 by ONNX Runtime 1.32)."""
    node = draft.nodes[place]
    known = draft.is_op(place, "Dropout", 1, 6, 7, 10, 12, 13, 22)
    return known and draft.used_outputs(place) == node.outputs[:1]


def _cast(draft: Draft, place: Place) -> bool:
    """To the type that there is (cast_elimination.cc)."""
    node = draft.nodes[place]
    before, after = draft.values[node.inputs[0]].dtype, draft.values[node.outputs[0]].dtype
    return before is not None and before == after


def _slice(draft: Draft, place: Place) -> bool:
    """From the beginning to the end without end (slice_elimination.cc)."""
    node = draft.nodes[place]
    if draft.is_op(place, "Slice", 1):
        starts, ends = node.attributes.get("starts"), node.attributes.get("ends")
    elif draft.is_op(place, "Slice", 10, 11, 13):
        starts, ends = _elements(draft, place, 1), _elements(draft, place, 2)
        given = [each for each in (3, 4) if _given(draft, place, each)]
        if any(_elements(draft, place, each) is None for each in given):
            return False
        if any(step != 1 for step in _elements(draft, place, 4) or ()):
            return False
    else:
        return False
    if not isinstance(starts, tuple) or not isinstance(ends, tuple) or not starts:
        return False
    return not any(starts) and all(isinstance(end, int) and end >= _END for end in ends)


def _expand(draft: Draft, place: Place) -> bool:
    """To sizes that are there (expand_elimination.cc)."""
    shape = draft.values[draft.nodes[place].inputs[0]].shape
    wanted = _elements(draft, place, 1)
    if shape is None or not wanted or len(wanted) > len(shape):
        return False
    pairs = zip(reversed(shape), reversed(wanted), strict=False)
    return all(size == want or want <= 1 for size, want in pairs)


def _no_operation(draft: Draft, place: Place) -> bool:
    """Plus 0, minus 0, times 1, by 1 (noop_elimination.cc)."""
    node = draft.nodes[place]
    stored = [position for position in (0, 1) if draft.constant(node.inputs[position]) is not None]
    if len(stored) != 1 or (node.op in {"Sub", "Div"} and stored != [1]):
        return False
    constant = draft.constant(node.inputs[stored[0]])
    other = draft.values[node.inputs[1 - stored[0]]].shape
    elements = None if constant is None else constant.elements()
    if constant is None or other is None or elements is None or len(elements) != 1:
        return False
    neutral = 0 if node.op in {"Add", "Sub"} else 1
    return len(constant.shape) <= len(other) and elements[0] == neutral


def _given(draft: Draft, place: Place, position: int) -> bool:
    inputs = draft.nodes[place].inputs
    return position < len(inputs) and inputs[position] >= 0


def _elements(draft: Draft, place: Place, position: int) -> tuple[float, ...] | None:
    """What a stored operand holds; None where it is left out, or not known."""
    if not _given(draft, place, position):
        return None
    constant = draft.constant(draft.nodes[place].inputs[position])
    return None if constant is None else constant.elements()


_RULES: Mapping[str, _Rule] = MappingProxyType(
    {
        "Identity": _identity,
        "Dropout": _dropout,
        "Cast": _cast,
        "Slice": _slice,
        "Expand": _expand,
        **dict.fromkeys(("Add", "Sub", "Mul", "Div"), _no_operation),
    }
)

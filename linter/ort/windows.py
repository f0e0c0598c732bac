"""Zero padding that ONNX Runtime makes part of the window after it.

Source: microsoft/onnxruntime onnxruntime/core/optimizer/pad_fusion.cc 16-215 @01f40e6; ONNX Runtime
1.32 also merges what opset 21 and newer say, and leaves pools for maxima alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.model import Node
    from npulint.ort.draft import Draft, Place

_PADS = (1, 2, 11, 13, 18, 19, 21, 23, 24, 25)
_AS_OPERANDS = 11
_WINDOWS = {
    "Conv": (1, 11, 22),
    "AveragePool": (7, 10, 11, 19, 22),
}


def merge_padding(draft: Draft, place: Place) -> bool:
    """Make a Pad part of the convolution or pool that alone reads it.

    Returns:
        Whether it was.
    """
    node = draft.nodes[place]
    reader = draft.only_reader(node.outputs[0])
    if reader is None or not draft.is_op(place, "Pad", *_PADS) or len(node.inputs) > 3:
        return False
    window = draft.nodes[reader]
    pads = _zeros(draft, place)
    if pads is None or not _takes(draft, reader) or window.inputs[0] != node.outputs[0]:
        return False
    half = len(pads) // 2
    outside = (*pads[:2], *pads[half : half + 2])
    inside = (*pads[2:half], *pads[half + 2 :])
    if any(outside) or min(pads) < 0:
        return False
    stated = window.attributes.get("pads")
    listed = stated if isinstance(stated, tuple) else ()
    own = [each for each in listed if isinstance(each, int)] or [0] * len(inside)
    if len(own) != len(inside):
        return False
    added = tuple([one + other for one, other in zip(own, inside, strict=True)])
    attributes = {**window.attributes, "pads": added}
    if window.op == "AveragePool":
        attributes["count_include_pad"] = 1
    inputs = (node.inputs[0], *window.inputs[1:])
    draft.change(reader, replace(window, inputs=inputs, attributes=attributes))
    draft.absorb(reader, place)
    return True


def _zeros(draft: Draft, place: Place) -> tuple[int, ...] | None:
    """How many zeros a Pad adds; None where it adds others, or it is not known."""
    node = draft.nodes[place]
    if node.attributes.get("mode", "constant") != "constant":
        return None
    if draft.is_op(place, "Pad", 1, 2):
        stated = node.attributes.get("pads", node.attributes.get("paddings"))
        zero = node.attributes.get("value", 0.0) == 0
        return _whole(stated) if zero else None
    constant = draft.constant(node.inputs[1])
    if len(node.inputs) > 2:
        value = draft.constant(node.inputs[2])
        held = None if value is None else value.payload
        if held is None or any(held):
            return None
    return None if constant is None else _whole(constant.elements())


def _whole(found: object) -> tuple[int, ...] | None:
    if not isinstance(found, tuple) or len(found) < 6:
        return None
    return tuple(int(each) for each in found)


def _takes(draft: Draft, place: Place) -> bool:
    """Whether padding may become part of a window."""
    node: Node = draft.nodes[place]
    versions = _WINDOWS.get(node.op)
    if versions is None or not draft.is_op(place, node.op, *versions) or len(node.outputs) > 1:
        return False
    if node.attributes.get("auto_pad", "NOTSET") != "NOTSET":
        return False
    if node.op != "AveragePool":
        return True
    pads = node.attributes.get("pads", ())
    padded = isinstance(pads, tuple) and any(pads)
    return not padded or node.attributes.get("count_include_pad", 0) != 0

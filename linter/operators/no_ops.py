"""Nodes that hand on what they take, in both dialects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from npulint.model import OMITTED

if TYPE_CHECKING:
    from npulint.model import Dialect, Node, Value


def source_of(values: Sequence[Value], dialect: Dialect, node: Node) -> int | None:
    """Position of the value that a node hands on as it is; None where it does something.

    Args:
        values: The graph's values.
        dialect: Whose operators they are.
        node: The node.
    """
    if node.custom or node.domain or not node.inputs or node.inputs[0] == OMITTED:
        return None
    test = (_TFLITE if dialect == "tflite" else _ONNX).get(node.op)
    lone = node.outputs[:1] != (OMITTED,) and all(i == OMITTED for i in node.outputs[1:])
    if test is None or not node.outputs or not lone:
        return None
    x, y = values[node.inputs[0]], values[node.outputs[0]]
    alike = (
        x.dtype == y.dtype
        and x.quantisation == y.quantisation
        and not x.variable
        and x.shape == y.shape
        and x.shape_signature == y.shape_signature
        and (x.shape is not None or node.op == "Identity")
    )
    return x.index if alike and test(values, node) else None


def _always(values: Sequence[Value], node: Node) -> bool:
    del values, node
    return True


def _fixed(values: Sequence[Value], node: Node) -> bool:
    """Of a reshape: the sizes say all."""
    return is_static(values[node.inputs[0]])


def is_static(value: Value) -> bool:
    """Whether a value has the same sizes in every run."""
    return value.element_count is not None and value.shape_signature in {None, value.shape}


def _not_training(values: Sequence[Value], node: Node) -> bool:
    """Of a dropout: it drops only while training, which opset 7 took away and 12 brought back."""
    if node.version < 7:
        return bool(node.attributes.get("is_test"))
    if len(node.inputs) < 3 or node.inputs[2] == OMITTED:
        return True
    return whole_numbers(values, node, 2) == (0,)


def _identity_order(values: Sequence[Value], node: Node) -> bool:
    order = permutation(values, node)
    return order is not None and order == tuple(range(len(order)))


def permutation(values: Sequence[Value], node: Node) -> tuple[int, ...] | None:
    """The order of a transpose of either dialect; None where it is not known."""
    rank = values[node.inputs[0]].rank
    if node.op == "Transpose":
        stated = node.attributes.get("perm")
        if stated is None:
            return None if rank is None else tuple(range(rank))[::-1]
        known = stated if isinstance(stated, tuple) else ()
        return tuple(axis for axis in known if isinstance(axis, int)) or None
    return whole_numbers(values, node, 1)


def slice_ranges(values: Sequence[Value], node: Node) -> Mapping[int, tuple[int, int, int]] | None:
    """Start, end and step by axis of an ONNX slice; None where they are not known or attributes."""
    rank = values[node.inputs[0]].rank
    starts, ends = (whole_numbers(values, node, operand) for operand in (1, 2))
    if rank is None or starts is None or ends is None:
        return None
    axes, steps = tuple(range(len(starts))), (1,) * len(starts)
    for operand in (3, 4):
        if len(node.inputs) > operand and node.inputs[operand] != OMITTED:
            stated = whole_numbers(values, node, operand)
            if stated is None:
                return None
            axes, steps = (stated, steps) if operand == 3 else (axes, stated)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        return None
    bounds = zip(starts, ends, steps, strict=True)
    return {axis % rank: each for axis, each in zip(axes, bounds, strict=True)}


def reduced_axes(values: Sequence[Value], node: Node) -> frozenset[int] | None:
    """The axes that a reduction of either dialect goes over; None where they are not stated."""
    rank = values[node.inputs[0]].rank
    stated = node.attributes.get("axes")
    known = stated if isinstance(stated, tuple) else whole_numbers(values, node, 1)
    if rank is None or not known:
        return None
    return frozenset(axis % rank for axis in known if isinstance(axis, int))


def whole_numbers(values: Sequence[Value], node: Node, operand: int) -> tuple[int, ...] | None:
    """A small stored operand of whole numbers; None where it is computed, large or left out."""
    if len(node.inputs) <= operand or node.inputs[operand] == OMITTED:
        return None
    constant = values[node.inputs[operand]].constant
    elements = None if constant is None else constant.elements()
    return None if elements is None else tuple(int(each) for each in elements)


def _alone(values: Sequence[Value], node: Node) -> bool:
    del values
    return len(node.inputs) == 1 and node.attributes.get("fused_activation_function") in {
        None,
        "NONE",
    }


def _no_padding(values: Sequence[Value], node: Node) -> bool:
    stated = node.attributes.get("pads")
    amounts = stated if isinstance(stated, tuple) else whole_numbers(values, node, 1)
    return amounts is not None and not any(amounts)


def _from_the_start(values: Sequence[Value], node: Node) -> bool:
    """Of a slice whose sizes stay: it steps forward, one by one."""
    if _fixed(values, node) is False:
        return False
    if node.op == "SLICE" or (node.op == "Slice" and len(node.inputs) < 5):
        return True
    masks = ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    steps = whole_numbers(values, node, 4 if node.op == "Slice" else 3)
    return steps is not None and set(steps) <= {1} and not any(map(node.attributes.get, masks))


_ONNX: Mapping[str, Callable[[Sequence[Value], Node], bool]] = {
    "Identity": _always,
    "Cast": _always,
    "Dropout": _not_training,
    "Reshape": _fixed,
    "Flatten": _fixed,
    "Squeeze": _fixed,
    "Unsqueeze": _fixed,
    "Expand": _fixed,
    "Transpose": _identity_order,
    "Concat": _alone,
    "Sum": _alone,
    "Max": _alone,
    "Min": _alone,
    "Mean": _alone,
    "Pad": _no_padding,
    "Slice": _from_the_start,
}
_TFLITE: Mapping[str, Callable[[Sequence[Value], Node], bool]] = {
    "CAST": _always,
    "RESHAPE": _fixed,
    "SQUEEZE": _fixed,
    "EXPAND_DIMS": _fixed,
    "BROADCAST_TO": _fixed,
    "TILE": _fixed,
    "TRANSPOSE": _identity_order,
    "CONCATENATION": _alone,
    "PAD": _no_padding,
    "SLICE": _from_the_start,
    "STRIDED_SLICE": _from_the_start,
}

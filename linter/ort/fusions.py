"""Nodes that ONNX Runtime merges before it asks a provider.

Source: microsoft/onnxruntime onnxruntime/core/optimizer @01f40e6, the files named below. What these
merge into weights changes their elements, so those are not known any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from npulint.model import Constant, Value
from npulint.ort.windows import merge_padding

if TYPE_CHECKING:
    from npulint.model import Node
    from npulint.ort.draft import Draft, Place

_FLOATS = frozenset({"float16", "float32", "float64"})
_ARITHMETIC = (7, 13, 14)


def fuse(draft: Draft) -> bool:
    """Merge nodes.

    Returns:
        Whether there were any to merge.
    """
    changed = False
    for place in draft.order():
        rules = _RULES.get(draft.nodes[place].op, ())
        changed = any(rule(draft, place) for rule in rules if place in draft.nodes) or changed
    return changed


def next_node(draft: Draft, place: Place) -> Place | None:
    """The one node that reads a node's one result, at one operand."""
    used = draft.used_outputs(place)
    if len(used) != 1 or draft.gives_result(place):
        return None
    return draft.only_reader(used[0])


def _into_weights(draft: Draft, place: Place) -> bool:
    """A product, a sum or a batch norm after a convolution.

    Source: conv_mul_fusion.cc, conv_add_fusion.cc and conv_bn_fusion.cc; opset 22 by ONNX Runtime
    1.32 itself.
    """
    following = next_node(draft, place)
    if following is None or not draft.is_op(place, "Conv", 1, 11, 22):
        return False
    node, after = draft.nodes[place], draft.nodes[following]
    stored = [draft.constant(value) for value in node.inputs[1:]]
    if not stored or None in stored or len(draft.made_inputs(following)) != 1:
        return False
    weights, *biases = (each for each in stored if each is not None)
    if weights.dtype not in _FLOATS or len(weights.shape) <= 2:
        return False
    if any(each.shape != weights.shape[:1] or each.dtype != weights.dtype for each in biases):
        return False
    if not any(test(draft, following, weights) for test in (_scales, _shifts, _normalises)):
        return False
    values = [draft.add_value(_unread(draft.values[value])) for value in node.inputs[1:]]
    if len(values) == 1 and after.op != "Mul":
        values.append(draft.add_value(_blank(weights.dtype, weights.shape[:1])))
    draft.absorb(place, following)
    inputs = (node.inputs[0], *values)
    draft.change(place, replace(node, inputs=inputs, outputs=after.outputs[:1]))
    return True


def _scales(draft: Draft, place: Place, weights: Constant) -> bool:
    factor = _second(draft, place, "Mul", weights)
    return factor is not None and (not factor.shape or _by_channel(factor, weights))


def _shifts(draft: Draft, place: Place, weights: Constant) -> bool:
    summand = _second(draft, place, "Add", weights)
    return summand is not None and _by_channel(summand, weights)


def _second(draft: Draft, place: Place, op: str, weights: Constant) -> Constant | None:
    """What is stored as the second operand, of the weights' type."""
    if not draft.is_op(place, op, *_ARITHMETIC):
        return None
    constant = draft.constant(draft.nodes[place].inputs[1])
    return constant if constant is not None and constant.dtype == weights.dtype else None


def _by_channel(constant: Constant, weights: Constant) -> bool:
    """Whether there is one element for each filter, along the axis of channels."""
    shape, axis = constant.shape, len(constant.shape) - len(weights.shape) + 1
    if axis not in {0, 1} or shape[axis] != weights.shape[0]:
        return False
    return all(size == 1 for place, size in enumerate(shape) if place != axis)


def _normalises(draft: Draft, place: Place, weights: Constant) -> bool:
    if not draft.is_op(place, "BatchNormalization", 7, 9, 14, 15):
        return False
    node = draft.nodes[place]
    statistics = [draft.constant(value) for value in node.inputs[1:5]]
    return max(node.outputs[1:], default=-1) < 0 and all(
        each is not None and each.shape == weights.shape[:1] and each.dtype == weights.dtype
        for each in statistics
    )


def _unread(value: Value) -> Value:
    constant = value.constant
    if constant is None:
        raise AssertionError("weights that are merged into are stored")
    blank = Constant(constant.dtype, constant.shape, None, None, constant.nbytes)
    return replace(value, constant=blank)


def _blank(dtype: str, shape: tuple[int, ...]) -> Value:
    return Value(0, "", dtype, shape, Constant(dtype, shape, None, None, 0))


def _into_limits(draft: Draft, place: Place) -> bool:
    """A Relu before a Clip (relu_clip_fusion.cc)."""
    following = next_node(draft, place)
    if following is None or not draft.is_op(place, "Relu", 6, 13, 14):
        return False
    if not draft.is_op(following, "Clip", 6, 11, 12, 13):
        return False
    clip = draft.nodes[following]
    source = draft.nodes[place].inputs[0]
    if draft.is_op(following, "Clip", 6):
        least = clip.attributes.get("min")
        if not isinstance(least, float) or least < 0:
            clip = replace(clip, attributes={**clip.attributes, "min": 0.0})
        _take_in(draft, following, place, replace(clip, inputs=(source, *clip.inputs[1:])))
        return True
    given = clip.inputs[1] if len(clip.inputs) > 1 else -1
    constant = draft.constant(given)
    elements = None if constant is None else constant.elements()
    if given >= 0 and not elements:
        return False
    if not elements or elements[0] < 0:
        dtype = draft.values[source].dtype or "float32"
        zero = Constant(dtype, (), bytes(_SIZES.get(dtype, 4)), None, _SIZES.get(dtype, 4))
        given = draft.add_value(Value(0, "", dtype, (), zero))
    _take_in(draft, following, place, replace(clip, inputs=(source, given, *clip.inputs[2:])))
    return True


_SIZES = {"float16": 2, "float32": 4, "float64": 8}


def _take_in(draft: Draft, place: Place, other: Place, node: Node) -> None:
    """Put a node in the place of two."""
    draft.change(place, node)
    draft.absorb(place, other)


def _reciprocal(draft: Draft, place: Place) -> bool:
    """1 by something, times something else (div_mul_fusion.cc)."""
    following = next_node(draft, place)
    if following is None or not draft.is_op(place, "Div", *_ARITHMETIC):
        return False
    node = draft.nodes[place]
    constant = draft.constant(node.inputs[0])
    elements = None if constant is None else constant.elements()
    if elements != (1,) or not draft.is_op(following, "Mul", *_ARITHMETIC):
        return False
    after = draft.nodes[following]
    (other,) = [value for value in after.inputs if value != node.outputs[0]] or (-1,)
    if other < 0:
        return False
    _take_in(draft, following, place, replace(after, op="Div", inputs=(other, node.inputs[1])))
    return True


def _into_gemm(draft: Draft, place: Place) -> bool:
    """A sum after a product of matrices (matmul_add_fusion.cc)."""
    following = next_node(draft, place)
    if following is None or not draft.is_op(place, "MatMul", 1, 9, 13):
        return False
    if not draft.is_op(following, "Add", *_ARITHMETIC):
        return False
    node, after = draft.nodes[place], draft.nodes[following]
    left, right = (draft.values[value] for value in node.inputs)
    (summand,) = [value for value in after.inputs if value != node.outputs[0]] or (-1,)
    bias = draft.values[summand].shape if summand >= 0 else None
    if left.dtype not in {"float32", "float16", "bfloat16"} or bias is None:
        return False
    if left.shape is None or right.shape is None or len(right.shape) != 2:
        return False
    if len(left.shape) != 2 or not _fits(bias, left.shape[0], right.shape[1]):
        return False
    gemm = replace(after, op="Gemm", inputs=(*node.inputs, summand), attributes={})
    _take_in(draft, following, place, gemm)
    return True


def _fits(bias: tuple[object, ...], rows: object, columns: object) -> bool:
    if len(bias) == 1:
        return bias[0] == columns
    return len(bias) == 2 and (
        bias in {(1, columns), (rows, 1), (rows, columns)}
    )  # fmt: skip


_Rule = Callable[["Draft", "Place"], bool]
_RULES: dict[str, tuple[_Rule, ...]] = {
    "Conv": (_into_weights,),
    "Relu": (_into_limits,),
    "Div": (_reciprocal,),
    "MatMul": (_into_gemm,),
    "Pad": (merge_padding,),
}

"""What ONNX Runtime computes while it loads a model: nodes all of whose operands are stored.

Shape of what has known sizes is among them. Source: microsoft/onnxruntime
onnxruntime/core/optimizer/constant_folding.cc 40-340 and optimizer/utils.cc 274-300 @01f40e6; what
a Constant node states is a stored tensor before that (core/graph/graph.cc, the Graph's making).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.model import ITEM_BITS, Constant
from npulint.ort.draft import STANDARD
from npulint.ort.functions import NOT_FOLLOWED, is_function
from npulint.sizing.site import Site

if TYPE_CHECKING:
    from npulint.model import Value
    from npulint.ort.draft import Draft, Place

_WHY = "computed while the model is loaded"

_NOT_FOLDED = frozenset(
    {
        "RandomUniform", "RandomNormal", "RandomUniformLike", "RandomNormalLike", "Multinomial",
        "Bernoulli", "Dropout",
    }
)  # fmt: skip
"""Operators whose results are not the same each time, or that ONNX Runtime takes for such."""

_MOVES = frozenset(
    {
        "Cast", "Concat", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Shape", "Size",
        "Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze", "QuantizeLinear",
        "DequantizeLinear",
    }
)  # fmt: skip
"""Operators whose kernels take elements of any type that is met here."""

_KERNEL_TYPES = frozenset({"float32", "float64", "int32", "int64", "bool", "string"})
"""Element types that the CPU kernels of computing operators are made for as a rule."""


def store(draft: Draft) -> bool:
    """Compute what is constant.

    Returns:
        Whether anything was.
    """
    changed = False
    for place in draft.order():
        node = draft.nodes[place]
        if node.domain not in STANDARD or node.bodies or draft.is_op(place, "If"):
            continue
        held = _results(draft, place) if _folds(draft, place) else None
        if held is None:
            continue
        for value, constant in zip(node.outputs, held, strict=True):
            if value >= 0:
                draft.hold(value, constant)
        sources = [draft.maker(value) for value in node.inputs]
        draft.drop(place, _WHY)
        for source in sources:
            _drop_unread(draft, source)
        changed = True
    return changed


def _folds(draft: Draft, place: Place) -> bool:
    """Whether ONNX Runtime computes a node."""
    node = draft.nodes[place]
    if node.op in {"Constant", "Shape"}:
        return node.op == "Constant" or _has_sizes(draft, node.inputs[0])
    if node.op in _NOT_FOLDED or node.op in NOT_FOLLOWED or is_function(draft, place):
        return False
    given = [value for value in node.inputs if value >= 0]
    if not given or any(draft.constant(value) is None for value in given):
        return False
    if node.op not in _MOVES:
        types = {draft.values[value].dtype for value in (*given, *node.outputs) if value >= 0}
        if not types <= _KERNEL_TYPES:
            return False
    return node.op != "DequantizeLinear" or _within_constants(draft, place)


def _has_sizes(draft: Draft, value: int) -> bool:
    shape = draft.values[value].shape if value >= 0 else None
    return shape is not None and all(isinstance(size, int) for size in shape)


def _within_constants(draft: Draft, place: Place) -> bool:
    """Whether a DequantizeLinear and all that it makes up a unit with are constant.

    Others are kept, so that the provider sees what is quantised.
    """
    between = draft.only_reader(draft.nodes[place].outputs[0])
    if between is None or len(draft.nodes[between].inputs) != 1:
        return False
    outputs = draft.nodes[between].outputs
    after = draft.only_reader(outputs[0]) if len(outputs) == 1 else None
    return after is not None and draft.is_op(after, "QuantizeLinear")


def _results(draft: Draft, place: Place) -> list[Constant] | None:
    """What a node computes: small tensors with their elements; None where sizes are open."""
    node = draft.nodes[place]
    if node.op == "Constant":
        stored = [draft.values[value].constant for value in node.outputs if value >= 0]
        return None if None in stored else [each for each in stored if each is not None]
    found = [_blank(draft.values[value]) if value >= 0 else _NOTHING for value in node.outputs]
    if len(node.outputs) == 1:
        from npulint.sizing.contents import contents, holding

        operation = draft.operation(place)
        value = draft.values[node.outputs[0]]
        array = contents(Site(operation, node.version), (value.shape,))
        if array is not None:
            return [_constant(holding(value, array))]
    return None if None in found else [each for each in found if each is not None]


_NOTHING = Constant("", (), None, None, 0)
"""Stands where a result is left out."""


def _constant(value: Value) -> Constant:
    if value.constant is None:
        raise AssertionError("a value that holds an array has become no constant")
    return value.constant


def _blank(value: Value) -> Constant | None:
    """A tensor of which only type and sizes are known."""
    sizes = [] if value.shape is None else [s for s in value.shape if isinstance(s, int)]
    bits = ITEM_BITS.get(value.dtype or "")
    if value.dtype is None or value.shape is None or len(sizes) < len(value.shape):
        return None
    count = value.element_count
    if count is None or bits is None:
        return None
    return Constant(value.dtype, tuple(sizes), None, None, (count * bits + 7) // 8)


def _drop_unread(draft: Draft, place: Place | None) -> None:
    """Take out a node whose only result has no reader left, and so on upwards."""
    waiting = [place]
    while waiting:
        here = waiting.pop()
        if here is None or here not in draft.nodes:
            continue
        node = draft.nodes[here]
        if draft.used_outputs(here) or draft.gives_result(here) or len(node.outputs) != 1:
            continue
        waiting += [draft.maker(value) for value in node.inputs]
        draft.drop(here, "nothing reads it once what is constant has been computed")

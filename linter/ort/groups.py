"""Nodes that a provider takes as one, though ONNX Runtime shows them apart.

Source: onnxruntime/onnxruntime-qnn
onnxruntime/core/providers/qnn/builder/qnn_node_group/gelu_fusion.cc and
reshape_transpose_rank5.cc @02dc787c and @10d2676b, held against onnxruntime-qnn 2.7.0.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from npulint.model import Constant
from npulint.ort import QUANTISED_UNIT

if TYPE_CHECKING:
    from npulint.model import Shape
    from npulint.ort.draft import Draft, Place

_GELU_OPSET = 20
"""The opset that brought Gelu."""

_CLOSE = 1e-3
"""How far a stored factor may be from its share of Gelu, which exporters round to float16."""


def group(draft: Draft, names: Collection[str]) -> dict[Place, int]:
    """Put one node, or a simpler one, in the place of what a provider takes as one.

    Args:
        draft: The graph, its quantised units joined.
        names: The groups that the provider knows, of `GROUPS`.

    Returns:
        Of how many nodes each merged one is made up.
    """
    sizes: dict[Place, int] = {}
    for name in names:
        op, merge = GROUPS[name]
        for place in draft.order():
            if draft.is_op(place, op):
                sizes.update(merge(draft, place))
    return sizes


def _gelu(draft: Draft, erf: Place) -> dict[Place, int]:
    """`x / sqrt(2)`, Erf, and what makes `x (1 + erf) / 2` of it, in the orders that are known.

    The provider looks at no factor: other functions of this form are taken too, and computed as
    Gelu. Those are left as they are here.
    """
    scaled = draft.maker(draft.nodes[erf].inputs[0])
    if scaled is None or not _is_scaled(draft, scaled):
        return {}
    root = draft.nodes[scaled].inputs[0]
    if draft.only_reader(draft.nodes[scaled].outputs[0]) != erf:
        return {}
    for chain in (_halved_last, _halved_before, _halved_first):
        rest = chain(draft, erf, root)
        if rest is not None:
            break
    else:
        return {}
    places = (scaled, erf, *rest)
    if any(QUANTISED_UNIT in draft.nodes[place].attributes for place in places):
        return {}
    last = rest[-1]
    node = draft.nodes[last]
    version = max(node.version, _GELU_OPSET)
    for place in places[:-1]:
        draft.absorb(last, place)
    draft.change(last, replace(node, op="Gelu", version=version, inputs=(root,), attributes={}))
    return {last: len(places)}


def _is_scaled(draft: Draft, place: Place) -> bool:
    by, times = math.sqrt(2), math.sqrt(0.5)
    return _is_by(draft, place, "Div", by, 1) or _is_by(draft, place, "Mul", times, 1)


def _halved_last(draft: Draft, erf: Place, root: int) -> tuple[Place, ...] | None:
    """`(x (erf + 1)) 0.5`, or `x` and `erf + 1` the other way round with 0.5 between."""
    added = _next(draft, erf)
    product = None if added is None else _next(draft, added)
    last = None if product is None else _next(draft, product)
    if added is None or product is None or last is None:
        return None
    if not _is_by(draft, added, "Add", 1.0):
        return None
    by_root = _reads(draft, product, "Mul", root) and _is_by(draft, last, "Mul", 0.5)
    by_half = _is_by(draft, product, "Mul", 0.5) and _reads(draft, last, "Mul", root)
    return (added, product, last) if by_root or by_half else None


def _halved_before(draft: Draft, erf: Place, root: int) -> tuple[Place, ...] | None:
    """`(0.5 erf + 0.5) x`."""
    halved = _next(draft, erf)
    added = None if halved is None else _next(draft, halved)
    last = None if added is None else _next(draft, added)
    if halved is None or added is None or last is None:
        return None
    found = (
        _is_by(draft, halved, "Mul", 0.5)
        and _is_by(draft, added, "Add", 0.5)
        and _reads(draft, last, "Mul", root)
    )
    return (halved, added, last) if found else None


def _halved_first(draft: Draft, erf: Place, root: int) -> tuple[Place, ...] | None:
    """`(0.5 x) (erf + 1)`."""
    added = _next(draft, erf)
    last = None if added is None else _next(draft, added)
    if added is None or last is None or not draft.is_op(last, "Mul"):
        return None
    (other,) = [v for v in draft.nodes[last].inputs if v != draft.nodes[added].outputs[0]] or (-1,)
    halved = draft.maker(other)
    if halved is None or draft.only_reader(other) != last or not _is_by(draft, added, "Add", 1.0):
        return None
    found = _is_by(draft, halved, "Mul", 0.5) and _reads(draft, halved, "Mul", root)
    return (halved, added, last) if found else None


def _next(draft: Draft, place: Place) -> Place | None:
    return draft.only_reader(draft.nodes[place].outputs[0])


def _reads(draft: Draft, place: Place, op: str, value: int) -> bool:
    return draft.is_op(place, op) and value in draft.nodes[place].inputs


def _is_by(draft: Draft, place: Place, op: str, number: float, at: int | None = None) -> bool:
    """Whether a node computes with a stored number as its one or its second operand."""
    if not draft.is_op(place, op):
        return False
    operands = draft.nodes[place].inputs
    for value in operands if at is None else operands[at : at + 1]:
        constant = draft.constant(value)
        elements = None if constant is None else constant.elements()
        if elements and len(elements) == 1:
            return math.isclose(float(elements[0]), number, rel_tol=_CLOSE)
    return False


_SPACE_TO_DEPTH = ((0, 3, 5, 1, 2, 4), (0, 1, 3, 5, 2, 4))
_RANK = 6


def _without_axis(draft: Draft, first: Place) -> dict[Place, int]:
    """A Reshape to 6 axes, a Transpose and a Reshape, of which an axis of 1 stays where it is."""
    middle = _next(draft, first)
    last = None if middle is None else _next(draft, middle)
    if middle is None or last is None:
        return {}
    if not (draft.is_op(middle, "Transpose") and draft.is_op(last, "Reshape")):
        return {}
    if None in [draft.constant(draft.nodes[place].inputs[1]) for place in (first, last)]:
        return {}
    order = draft.nodes[middle].attributes.get("perm")
    before, after = (draft.values[draft.nodes[place].outputs[0]] for place in (first, middle))
    axis = next(_units(before.shape, after.shape), None)
    if not isinstance(order, tuple) or order in _SPACE_TO_DEPTH:
        return {}
    if axis is None or len(order) != _RANK or order[axis] != axis:
        return {}
    _take_out(draft, (first, middle, last), axis, [int(str(place)) for place in order])
    return {}


def _take_out(
    draft: Draft, places: tuple[Place, Place, Place], axis: int, order: list[int]
) -> None:
    """Write three nodes without an axis of what they pass on."""
    first, middle, last = (draft.nodes[place] for place in places)
    between, behind = (
        draft.add_value(replace(value, shape=(*shape[:axis], *shape[axis + 1 :])))
        for value in (draft.values[first.outputs[0]], draft.values[middle.outputs[0]])
        for shape in (value.shape or (),)
    )
    sizes = [size or -1 for size in draft.values[between].shape or ()]
    payload = struct.pack(f"<{len(sizes)}q", *sizes)
    stored = Constant("int64", (len(sizes),), payload, None, len(payload))
    told = draft.values[first.inputs[1]]
    to = draft.add_value(replace(told, shape=stored.shape, constant=stored))
    turned = tuple(place - (place > axis) for place in order if place != axis)
    attributes = {**middle.attributes, "perm": turned}
    draft.change(places[0], replace(first, inputs=(first.inputs[0], to), outputs=(between,)))
    draft.change(
        places[1],
        replace(middle, inputs=(between,), outputs=(behind,), attributes=attributes),
    )
    draft.change(places[2], replace(last, inputs=(behind, *last.inputs[1:])))


def _units(before: Shape | None, after: Shape | None) -> Iterator[int]:
    """The axes that are 1 before and after a transposition of six axes."""
    if before is not None and after is not None and len(before) == len(after) == _RANK:
        pairs = zip(before, after, strict=True)
        yield from (axis for axis, sizes in enumerate(pairs) if sizes == (1, 1))


_Merge = Callable[["Draft", "Place"], dict["Place", int]]
GROUPS: Mapping[str, tuple[str, _Merge]] = MappingProxyType(
    {"gelu": ("Erf", _gelu), "six-axes": ("Reshape", _without_axis)}
)
"""By name the operator that a group is found at, and what puts it together."""

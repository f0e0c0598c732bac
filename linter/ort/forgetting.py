"""Sizes that follow from a file by the standard, and that ONNX Runtime does not work out.

Of some operators the standard's schema has no rule for the sizes of results. Where it writes them
out as functions of others, its own inference goes through these, and ONNX Runtime does not: what
such a node makes has no sizes there unless the file states them, nor has what follows from it
(microsoft/onnxruntime onnxruntime/core/graph/graph.cc InferAndVerifyTypeMatch @01f40e6; which
these operators are the standard's schemas themselves say, see the tests).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.ort.draft import Draft, Place

WITHOUT_SIZES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "GreaterOrEqual": (12,),
        "GroupNormalization": (18, 21),
        "LessOrEqual": (12,),
        "MeanVarianceNormalization": (9, 13),
    }
)
"""Operators without a rule, and in which versions."""


def forget(draft: Draft) -> None:
    """Take the sizes away that ONNX Runtime does not know.

    What follows from them may follow from other things as well; it is taken to be unknown.
    """
    starts = [place for place in draft.nodes if _is_without(draft, place)]
    forgotten: set[int] = set()
    for place in draft.order() if starts else ():
        node = draft.nodes[place]
        if place not in starts and (
            forgotten.isdisjoint(node.inputs) or _is_told_sizes(draft, place)
        ):
            continue
        for value in node.outputs:
            if value >= 0 and draft.values[value].inferred:
                draft.values[value] = replace(draft.values[value], shape=None)
                forgotten.add(value)


def _is_without(draft: Draft, place: Place) -> bool:
    op = draft.nodes[place].op
    return op in WITHOUT_SIZES and draft.is_op(place, op, *WITHOUT_SIZES[op])


def _is_told_sizes(draft: Draft, place: Place) -> bool:
    """Whether a node makes the same sizes whatever it is given."""
    inputs = draft.nodes[place].inputs
    if not draft.is_op(place, "Reshape") or len(inputs) < _RESHAPED:
        return False
    stored = draft.constant(inputs[1])
    sizes = None if stored is None else stored.elements()
    return sizes is not None and all(size > 0 for size in sizes)


_RESHAPED = 2
"""Operands of a Reshape whose sizes are one of them."""

"""The Core ML delegate's conditions that the closed vocabulary cannot say, with their sentences.

Lines are those of google-ai-edge/LiteRT tflite/delegates/coreml/builders/ @f6745779.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from types import MappingProxyType

from npulint.model import Operation, Value
from npulint.opsets import measures
from npulint.opsets.predicates import Judgement, Predicate
from npulint.opsets.relations import show


def _broadcast(_: Operation, values: tuple[Value, ...]) -> Judgement:
    """util.cc 44-84."""
    shapes = [measures.shape(value) for value in values]
    if shapes[0] is None or shapes[1] is None:
        return None, "of unknown shape"
    found = f"{show(shapes[0])} and {show(shapes[1])}"
    if max(map(len, shapes[:2])) > 4:  # type: ignore[arg-type]
        return False, found
    left, right = ((1,) * (4 - len(shape)) + shape for shape in shapes if shape is not None)
    single = any(
        value.constant is not None and prod(shape or ()) == 1
        for value, shape in zip(values, shapes, strict=True)
    )
    planes = left[1:3] == right[1:3] or (1, 1) in {left[1:3], right[1:3]}
    channels = left[3] == right[3] or 1 in {left[3], right[3]}
    return (left[0] == right[0] or single) and planes and channels, found


def _plane_pads(_: Operation, values: tuple[Value, ...]) -> Judgement:
    """pad_op_builder.cc 110-130."""
    pads = measures.integers(values[0])
    if pads is None:
        return None, "unknown"
    return len(pads) == 8 and not any((*pads[:2], *pads[6:])), show(pads)


COREML_PREDICATES: Mapping[str, Predicate] = MappingProxyType(
    {
        "coreml-broadcast": Predicate(
            "coreml-broadcast",
            ("left", "right"),
            "the pair of {left} and {right}",
            "of at most 4 axes, of one batch unless one is a stored single number, of one height "
            "and width or one of 1x1, and of one depth or one of 1",
            _broadcast,
        ),
        "coreml-plane-pads": Predicate(
            "coreml-plane-pads",
            ("paddings",),
            "{paddings}",
            "0 for the batch and the channels of 4 axes",
            _plane_pads,
        ),
    }
)
"""Every predicate of the delegate by its word in a table."""

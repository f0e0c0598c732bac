"""What the masks of STRIDED_SLICE say: axes left out, axes made, axes that end up without size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from npulint.fixers.record import Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.moves import Range
    from npulint.model import Node

Entry: TypeAlias = "tuple[int, int, int]"
"""Where an axis is cut, as stated: start, end, step."""

_MASKS = ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


@dataclass(frozen=True, slots=True)
class Masked:
    """A slice that also changes the rank.

    Attributes:
        ranges: What is taken of every axis.
        shape: Of the result.
    """

    ranges: tuple[Range, ...]
    shape: tuple[int, ...]


def masked(node: Node) -> bool:
    """Whether a STRIDED_SLICE does more than take a range of each axis."""
    return any(_mask(node, name) for name in _MASKS)


def read(node: Node, shape: Sequence[int], stated: Sequence[Entry]) -> Masked | Refusal:
    """Read a STRIDED_SLICE with masks, as the runtime does.

    An ellipsis stands for as many whole axes as are left, a new axis takes none of the input's,
    and what is neither takes the next; an entry that is said to be several is the first of
    ellipsis, new axis and axis that goes. What TensorFlow and the runtime read differently is
    refused. Source: google-ai-edge/LiteRT tflite/kernels/strided_slice.cc
    BuildStridedSliceParams @14906c95.

    Args:
        node: The node.
        shape: Of what is cut.
        stated: An entry for each bit of the masks.
    """
    ellipsis, new, gone = (_mask(node, name) for name in _MASKS)
    if ellipsis & (ellipsis - 1) or node.attributes.get("offset"):
        return Refusal("it has more than one ellipsis, or ends counted from its starts")
    taking = sum(not (ellipsis | new) >> place & 1 for place in range(len(stated)))
    left = len(shape) - taking
    if left < bool(ellipsis):
        return Refusal(f"its {len(stated)} entries leave no axis of {len(shape)} to an ellipsis")
    ranges: list[Range] = []
    made: list[int] = []
    for place, entry in enumerate(stated):
        if ellipsis >> place & 1:
            made += shape[len(ranges) : len(ranges) + left]
            ranges += [(0, size, 1) for size in shape[len(ranges) : len(ranges) + left]]
        elif new >> place & 1:
            made.append(1)
        else:
            size, leaves = shape[len(ranges)], bool(gone >> place & 1)
            taken = (_one if leaves else _several)(node, place, size, entry)
            if isinstance(taken, Refusal):
                return taken
            ranges.append(taken)
            made += [] if leaves else [len(range(*taken))]
    made += shape[len(ranges) :]
    ranges += [(0, size, 1) for size in shape[len(ranges) :]]
    return Masked(tuple(ranges), tuple(made))


def _several(node: Node, place: int, size: int, entry: Entry) -> Range | Refusal:
    start, end, step = entry
    if not step:
        return Refusal("it cuts in steps of 0")
    opened = slice(
        None if _mask(node, "begin_mask") >> place & 1 else start,
        None if _mask(node, "end_mask") >> place & 1 else end,
        step,
    )
    return opened.indices(size)


def _one(node: Node, place: int, size: int, entry: Entry) -> Range | Refusal:
    """The one sample whose axis goes, whatever end and step say."""
    start, _, step = entry
    if _mask(node, "begin_mask") >> place & 1:
        return Refusal("an axis that goes is said to start at its first sample and elsewhere too")
    if not -size <= start < size or step < 0:
        return Refusal(f"an axis that goes is cut at {start} in steps of {step}")
    return start % size, start % size + 1, 1


def _mask(node: Node, name: str) -> int:
    value = node.attributes.get(name, 0)
    return value if isinstance(value, int) else 0

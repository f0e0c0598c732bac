"""Where the conversion stores what: ONNX order `[N, C, spatial...]`, or channels last.

A converter stores feature maps of rank 3 to 5 channels last from the graph's inputs on. What
mixes axes (a reshape, a matrix product) needs the ONNX order, and its result stays in it until
an operator that works on channels wants them last again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.model import Dimension, Shape

LOWEST_RANK, HIGHEST_RANK = 3, 5
"""Ranks that have channels and space, and so two layouts."""


def has_layouts(rank: int) -> bool:
    """Whether tensors of this rank may be stored channels last."""
    return LOWEST_RANK <= rank <= HIGHEST_RANK


def to_stored(rank: int) -> tuple[int, ...]:
    """Which ONNX axis each stored axis is, channels last."""
    return (0, *range(2, rank), 1)


def to_onnx(rank: int) -> tuple[int, ...]:
    """Which stored axis each ONNX axis is, channels last."""
    return (0, rank - 1, *range(1, rank - 1))


def order(rank: int, *, last: bool) -> tuple[int, ...]:
    """Which ONNX axis each stored axis is."""
    return to_stored(rank) if last else tuple(range(rank))


def store(shape: Shape) -> Shape:
    """The shape channels last; other ranks stay."""
    return permuted(shape, to_stored(len(shape))) if has_layouts(len(shape)) else shape


def permuted(shape: Sequence[Dimension], permutation: Sequence[int]) -> Shape:
    """The shape with its axes in a new order."""
    return tuple(shape[axis] for axis in permutation)


def stored_axis(axis: int, rank: int, *, last: bool) -> int:
    """Where an ONNX axis is stored."""
    return to_onnx(rank)[axis] if last else axis


def moves_nothing(shape: Shape, permutation: Sequence[int]) -> bool:
    """Whether only axes of size 1 change places, so that the elements keep their order."""
    moved = [axis for axis in permutation if shape[axis] != 1]
    return moved == sorted(moved)

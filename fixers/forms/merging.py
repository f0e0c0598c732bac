"""Axes put together: which of a node's many axes may count as one, and its values in so few."""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Sequence
from typing import TypeAlias

from npulint.fixers.record import Refusal

Sizes: TypeAlias = "tuple[int, ...]"
Groups: TypeAlias = "tuple[tuple[int, ...], ...]"
"""Neighbouring axes that count as one, all axes in order."""

MOST = 4
"""Dimensions that targets take."""


def merge(labels: Sequence[Hashable | None]) -> Groups | Refusal:
    """Put axes together.

    Args:
        labels: What is done along each axis; neighbours with the same may be one axis. None
            where all values have one sample: such an axis goes with any other.

    Returns:
        Groups of axes, as many as there may be, the last axes apart; or that there are too many.
    """
    rank = len(labels)
    cuts: set[int] = set()
    last: Hashable | None = None
    for axis, label in enumerate(labels):
        if label is None:
            continue
        if last is not None and label != last:
            cuts.add(axis)
        last = label
    if len(cuts) >= MOST:
        return Refusal(f"what it does along its {rank} axes cannot be said of {MOST}")
    for axis in range(rank - 1, 0, -1):
        if len(cuts) < MOST - 1:
            cuts.add(axis)
    edges = (0, *sorted(cuts), rank)
    return tuple(tuple(range(low, high)) for low, high in itertools.pairwise(edges))


def merged(shape: Sequence[int], groups: Groups) -> Sizes:
    """A shape with axes put together; axes that it lacks in front have one sample."""
    full = raised(shape, groups[-1][-1] + 1)
    return tuple(math.prod(full[axis] for axis in group) for group in groups)


def raised(shape: Sequence[int], rank: int) -> Sizes:
    """A shape with leading axes of one sample up to a rank."""
    return (1,) * (rank - len(shape)) + tuple(shape)


def place(axis: int, groups: Groups) -> int:
    """Which group an axis is in."""
    return next(number for number, group in enumerate(groups) if axis in group)


def broadcast_labels(shapes: Sequence[Sequence[int]], result: Sequence[int]) -> list[str | None]:
    """For each axis which of some values have all of its samples: those broadcast alike."""
    full = [raised(shape, len(result)) for shape in shapes]
    return [
        None if size == 1 else "".join("01"[shape[axis] == size] for shape in full)
        for axis, size in enumerate(result)
    ]


def apart(sizes: Sequence[Sequence[int]], active: set[int]) -> list[Hashable | None]:
    """Labels where each of some axes stands by itself and nothing is done along the others."""
    rank = len(sizes[0])
    return [
        f"axis {axis}"
        if axis in active
        else (None if all(each[axis] == 1 for each in sizes) else "kept")
        for axis in range(rank)
    ]

"""Orders of many axes as transpositions of few."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from npulint.fixers.building.moves import Moves

Order: TypeAlias = "tuple[int, ...]"
Blocks: TypeAlias = "tuple[tuple[int, ...], ...]"

_MOST = 4
"""Dimensions that targets take."""

_LARGEST = 7
"""Axes beyond which orders are not searched for."""


def canonical(sizes: Sequence[int], order: Sequence[int]) -> tuple[tuple[int, ...], Order]:
    """The same move of elements in the fewest axes: neighbours that stay so are one axis."""
    runs: list[list[int]] = []
    for axis in (each for each in order if sizes[each] != 1):
        follows = bool(runs) and all(
            sizes[between] == 1 for between in range(runs[-1][-1] + 1, axis)
        )
        if follows and axis > runs[-1][-1]:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    ranked = sorted(range(len(runs)), key=lambda place: runs[place][0])
    merged = tuple(math.prod(sizes[axis] for axis in runs[place]) for place in ranked)
    return merged, tuple(ranked.index(place) for place in range(len(runs)))


@lru_cache(maxsize=256)
def plan(order: Order) -> tuple[tuple[Blocks, Order], ...] | None:
    """The fewest transpositions of at most 4 blocks of axes that make an order.

    Returns:
        For each the blocks, by the axes that they hold, and their new order; None for orders of
        too many axes.
    """
    if len(order) > _LARGEST:
        return None
    start = tuple(range(len(order)))
    came: dict[Order, tuple[Order, Blocks, Order] | None] = {start: None}
    queue = deque([start])
    while queue and order not in came:
        state = queue.popleft()
        for blocks in _cuts(state):
            for turned in itertools.permutations(range(len(blocks))):
                made = tuple(axis for place in turned for axis in blocks[place])
                if made not in came:
                    came[made] = state, blocks, turned
                    queue.append(made)
    steps = []
    state = order
    while (step := came[state]) is not None:
        state, blocks, turned = step
        steps.append((blocks, turned))
    return tuple(reversed(steps))


def _cuts(state: Order) -> Iterator[Blocks]:
    """Ways to cut a row of axes into at most 4 blocks, few ones first."""
    count = len(state)
    for pieces in range(2, min(_MOST, count) + 1):
        for cuts in itertools.combinations(range(1, count), pieces - 1):
            edges = (0, *cuts, count)
            yield tuple(state[low:high] for low, high in itertools.pairwise(edges))


def reorder(
    m: Moves, value: int, sizes: Sequence[int], order: Sequence[int], shape: Sequence[int]
) -> int:
    """View a value in other axes, order them and view the result in a last shape."""
    return m.reshape(turn(m, value, sizes, order), shape)


def turn(m: Moves, value: int, sizes: Sequence[int], order: Sequence[int]) -> int:
    """View a value in other axes and order them; the result is in as few axes as its order has."""
    sizes, order = canonical(sizes, order)
    for blocks, turned in plan(tuple(order)) or ():
        view = [math.prod(sizes[axis] for axis in block) for block in blocks]
        value = m.transpose(m.reshape(value, view), turned)
    return value

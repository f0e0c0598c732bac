"""How reshaped tensors lie over one another: axes as products of indivisible factors.

`[N, C, H, W]`, its `[N, G, C/G*H*W]` and its `[N, G, C/G, H, W]` hold the same elements in the
same order. The factors `N, G, C/G, H, W` are common to all of them, and each axis of each view
is a run of factors. Axes of size 1 have none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Coefficients: TypeAlias = "npt.NDArray[np.float64]"
"""Numbers with one axis for each factor, of size 1 where they do not vary."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a view.

    Attributes:
        factors: Positions of its factors, neighbours in ascending order.
        present: Whether it has its full size; else it was reduced and has size 1.
    """

    factors: tuple[int, ...]
    present: bool = True


View: TypeAlias = "tuple[Axis, ...]"


def factors_of(shapes: Iterable[Sequence[int]]) -> tuple[int, ...] | None:
    """The coarsest factors that all shapes are made of, None where they cut across each other."""
    cuts = {1}
    for shape in shapes:
        size = 1
        for each in shape:
            size *= each
            cuts.add(size)
    ordered = sorted(cuts)
    if ordered[0] < 1 or any(high % low for low, high in pairwise(ordered)):
        return None
    return tuple(high // low for low, high in pairwise(ordered))


def view_of(shape: Sequence[int], factors: Sequence[int]) -> View | None:
    """A shape that holds all elements as a view, None where the factors do not fit."""
    axes: list[Axis] = []
    position = 0
    for size in shape:
        first, product = position, 1
        while product < size and position < len(factors):
            product *= factors[position]
            position += 1
        if product != size:
            return None
        axes.append(Axis(tuple(range(first, position))))
    return tuple(axes) if position == len(factors) else None


def size_of(axis: Axis, factors: Sequence[int]) -> int:
    """The size of an axis."""
    return math.prod(factors[each] for each in axis.factors) if axis.present else 1


def present_factors(view: View) -> tuple[int, ...]:
    """The factors along which a view has its full size, in order."""
    return tuple(each for axis in view if axis.present for each in axis.factors)


def broadcast(first: View, second: View) -> View | None:
    """The view of what two views make elementwise, None where they do not lie on each other."""
    rank = max(len(first), len(second))
    pad = Axis(())
    pairs = zip(
        (pad,) * (rank - len(first)) + first,
        (pad,) * (rank - len(second)) + second,
        strict=True,
    )
    joined: list[Axis] = []
    for one, other in pairs:
        if one.factors and other.factors and one.factors != other.factors:
            return None
        wider = one if one.factors else other
        joined.append(replace(wider, present=_spans(one) or _spans(other) or not wider.factors))
    named = [each for axis in joined for each in axis.factors]
    return tuple(joined) if named == sorted(set(named)) else None


def _spans(axis: Axis) -> bool:
    return axis.present and bool(axis.factors)


def reshaped(
    view: View, shape: Sequence[int], factors: Sequence[int], known: Sequence[View]
) -> View | None:
    """A view of other axes over the same elements, None where they cut across the factors.

    Args:
        view: The view.
        shape: The new shape.
        factors: Sizes of the factors.
        known: Views of all elements; where the new shape is one of them with axes reduced, its
            axes of size 1 are taken for those.
    """
    left = list(present_factors(view))
    if left == list(range(len(factors))):
        return view_of(shape, factors)
    runs: list[tuple[int, ...]] = []
    for size in shape:
        taken: list[int] = []
        while math.prod(factors[each] for each in taken) < size and left:
            taken.append(left.pop(0))
        if math.prod(factors[each] for each in taken) != size:
            return None
        runs.append(tuple(taken))
    if left:
        return None
    for each in known:
        if len(each) == len(runs) and all(
            run in ((), axis.factors) for run, axis in zip(runs, each, strict=True)
        ):
            return tuple(
                replace(axis, present=run == axis.factors)
                for run, axis in zip(runs, each, strict=True)
            )
    return tuple(Axis(run) for run in runs)


def spread(
    numbers: npt.NDArray[np.float64], view: View, factors: Sequence[int]
) -> tuple[View, Coefficients] | None:
    """Lay a constant that broadcasts with a view onto the factors.

    Returns:
        The view of what the two make together and the constant with one axis a factor; None
        where its axes do not fit those of the view.
    """
    rank = max(len(view), numbers.ndim)
    shape = (1,) * (rank - numbers.ndim) + numbers.shape
    full = (Axis(()),) * (rank - len(view)) + view
    axes: list[Axis] = []
    sizes = [1] * len(factors)
    for axis, size in zip(full, shape, strict=True):
        if size == 1:
            axes.append(axis)
            continue
        if math.prod(factors[each] for each in axis.factors) != size:
            return None
        axes.append(replace(axis, present=True))
        for each in axis.factors:
            sizes[each] = factors[each]
    return tuple(axes), numbers.reshape(sizes)

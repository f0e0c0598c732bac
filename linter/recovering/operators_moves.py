"""Moves of elements and sums along axes, with axes counted as they are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import torch
from torch.nn import functional

from npulint.recovering.operators_site import NoWayError, given, needed

if TYPE_CHECKING:
    from npulint.recovering.operators_site import Compute, Site

Entry: TypeAlias = "tuple[int, int | None, int | None, int]"
"""Where an axis is cut: the axis, start, end and step, as Python slices have them."""


Mirror: TypeAlias = Literal["reflect", "symmetric", "edge", "wrap"]
"""How samples are repeated beyond a border, in numpy's words."""

Reduction: TypeAlias = Callable[[torch.Tensor, tuple[int, ...], bool], torch.Tensor]


def cut(x: torch.Tensor, entries: Sequence[Entry]) -> torch.Tensor:
    """A part of a tensor; negative steps walk backwards."""
    for axis, start, end, step in entries:
        if step > 0:
            x = x[(slice(None),) * (axis % x.ndim) + (slice(start, end, step),)]
        else:
            x = taken(x, axis, range(*slice(start, end, step).indices(x.shape[axis])))
    return x


def gathered(x: torch.Tensor, axis: int, indexes: torch.Tensor) -> torch.Tensor:
    """Samples of an axis by a tensor of places that are not negative, whose axes take its place."""
    place = axis % x.ndim
    made = torch.index_select(x, place, indexes.reshape(-1))
    return made.reshape(*x.shape[:place], *indexes.shape, *x.shape[place + 1 :])


def tile(site: Site) -> Compute:
    """A tensor beside copies of itself; operands: the tensor, how often along each axis."""
    fixed = site.whole(1)
    return lambda operands: torch.tile(
        given(operands, 0), needed(fixed, operands, 1, "its repeats")
    )


def taken(x: torch.Tensor, axis: int, indexes: Sequence[int]) -> torch.Tensor:
    """Samples of an axis, in the order asked for."""
    chosen = torch.tensor(list(indexes), dtype=torch.int64, device=x.device)
    return torch.index_select(x, axis, chosen)


def padded_with(x: torch.Tensor, margins: Sequence[tuple[int, int]], value: float) -> torch.Tensor:
    """A tensor with margins of one value around all its axes; negative ones are cut away."""
    return functional.pad(x, [side for pair in reversed(margins) for side in pair], value=value)


def mirrored(x: torch.Tensor, margins: Sequence[tuple[int, int]], mode: Mirror) -> torch.Tensor:
    """A tensor with margins made of its own samples.

    Args:
        x: The tensor.
        margins: For each axis; negative ones are cut away first.
        mode: `reflect`, `symmetric`, `edge` or `wrap`, as numpy means them.
    """
    for axis, (before, after) in enumerate(margins):
        if not before and not after:
            continue
        size = x.shape[axis]
        kept = np.arange(max(-before, 0), size - max(-after, 0))
        wide = np.pad(kept, (max(before, 0), max(after, 0)), mode=mode)
        x = taken(x, axis, wide.tolist())
    return x


def running_sum(x: torch.Tensor, axis: int, *, exclusive: bool, reverse: bool) -> torch.Tensor:
    """Sums of all samples up to each one, or from each one on, with or without itself."""
    if reverse:
        x = torch.flip(x, (axis,))
    summed = torch.cumsum(x, axis, dtype=x.dtype)
    if exclusive:
        summed = summed - x
    return torch.flip(summed, (axis,)) if reverse else summed


def depth_to_space(x: torch.Tensor, block: int, *, columns_first: bool = False) -> torch.Tensor:
    """Channels of `[N, C, H, W]` into space.

    Args:
        x: The tensor.
        block: Size of a block.
        columns_first: Whether channels of the result are outermost among those of the source,
            as PyTorch's pixel shuffle has them (ONNX's CRD), not innermost.
    """
    if columns_first:
        return functional.pixel_shuffle(x, block)
    count, channels, height, width = x.shape
    parts = x.reshape(count, block, block, channels // block**2, height, width)
    moved = parts.permute(0, 3, 4, 1, 5, 2)
    return moved.reshape(count, channels // block**2, height * block, width * block)


def space_to_depth(x: torch.Tensor, block: int) -> torch.Tensor:
    """Blocks of `[N, C, H, W]` into channels, the place in the block outermost."""
    count, channels, height, width = x.shape
    parts = x.reshape(count, channels, height // block, block, width // block, block)
    moved = parts.permute(0, 3, 5, 1, 2, 4)
    return moved.reshape(count, channels * block**2, height // block, width // block)


def space_to_batch(
    x: torch.Tensor, block: Sequence[int], margins: Sequence[tuple[int, int]]
) -> torch.Tensor:
    """Blocks of `[N, spatial..., rest...]`, after zeros around them, into the batch."""
    spatial, rest = len(block), x.ndim - 1 - len(block)
    x = padded_with(x, [(0, 0), *margins, *[(0, 0)] * rest], 0)
    split = [each for pair in zip(_parts(x, block), block, strict=True) for each in pair]
    parts = x.reshape(x.shape[0], *split, *x.shape[1 + spatial :])
    inner = range(2, 2 * spatial + 1, 2)
    outer = range(1, 2 * spatial, 2)
    moved = parts.permute(*inner, 0, *outer, *range(2 * spatial + 1, parts.ndim))
    return moved.reshape(-1, *_parts(x, block), *x.shape[1 + spatial :])


def batch_to_space(
    x: torch.Tensor, block: Sequence[int], margins: Sequence[tuple[int, int]]
) -> torch.Tensor:
    """The batch into blocks of `[N, spatial..., rest...]`, of which margins are cut off."""
    spatial = len(block)
    count = x.shape[0] // prod(block)
    parts = x.reshape(*block, count, *x.shape[1:])
    places = [each for axis in range(spatial) for each in (spatial + 1 + axis, axis)]
    moved = parts.permute(spatial, *places, *range(2 * spatial + 1, parts.ndim))
    sizes = [size * each for size, each in zip(x.shape[1:], block, strict=False)]
    made = moved.reshape(count, *sizes, *x.shape[1 + spatial :])
    sides = zip(sizes, margins, strict=True)
    return cut(made, [(n, b, size - a, 1) for n, (size, (b, a)) in enumerate(sides, 1)])


def _parts(x: torch.Tensor, block: Sequence[int]) -> list[int]:
    return [size // each for size, each in zip(x.shape[1:], block, strict=False)]


def _product(x: torch.Tensor, axes: tuple[int, ...], keep: bool) -> torch.Tensor:
    for axis in sorted((each % x.ndim for each in axes), reverse=True):
        x = torch.prod(x, axis, keepdim=keep)
    return x


def _mean(x: torch.Tensor, axes: tuple[int, ...], keep: bool) -> torch.Tensor:
    if not x.is_floating_point():
        raise NoWayError("means of integers are not computed")
    return torch.mean(x, axes, keepdim=keep)


def _sum(x: torch.Tensor, axes: tuple[int, ...], keep: bool) -> torch.Tensor:
    return torch.sum(x, axes, keepdim=keep, dtype=x.dtype)


def _any(x: torch.Tensor, axes: tuple[int, ...], keep: bool) -> torch.Tensor:
    for axis in sorted((each % x.ndim for each in axes), reverse=True):
        x = torch.any(x, axis, keepdim=keep)
    return x


def _all(x: torch.Tensor, axes: tuple[int, ...], keep: bool) -> torch.Tensor:
    return torch.logical_not(_any(torch.logical_not(x), axes, keep))


REDUCTIONS: Mapping[str, Reduction] = MappingProxyType(
    {
        "all": _all,
        "any": _any,
        "l1": lambda x, axes, keep: _sum(torch.abs(x), axes, keep),
        "l2": lambda x, axes, keep: torch.sqrt(_sum(x * x, axes, keep)),
        "log_sum": lambda x, axes, keep: torch.log(_sum(x, axes, keep)),
        "log_sum_exp": lambda x, axes, keep: torch.logsumexp(x, axes, keepdim=keep),
        "max": lambda x, axes, keep: torch.amax(x, axes, keepdim=keep),
        "mean": _mean,
        "min": lambda x, axes, keep: torch.amin(x, axes, keepdim=keep),
        "prod": _product,
        "sum": _sum,
        "sum_square": lambda x, axes, keep: _sum(x * x, axes, keep),
    }
)
"""What is made of the samples along axes; called with the axes and whether these stay."""


def reduced(
    x: torch.Tensor, kind: str, axes: tuple[int, ...] | None, *, keep: bool
) -> torch.Tensor:
    """A tensor reduced along axes; along all of them where none are named."""
    every = tuple(range(x.ndim)) if axes is None else axes
    return REDUCTIONS[kind](x, every, keep) if every else x

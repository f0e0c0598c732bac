"""TFLite's moves: shapes, slices, joins, pads, gathers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from npulint.recovering.operators_moves import (
    batch_to_space,
    cut,
    depth_to_space,
    gathered,
    mirrored,
    padded_with,
    space_to_batch,
    space_to_depth,
    tile,
)
from npulint.recovering.operators_pointwise import activated
from npulint.recovering.operators_site import NoWayError, given, needed
from npulint.recovering.operators_tflite_windows import channels_first, channels_last
from npulint.recovering.operators_types import torch_type

if TYPE_CHECKING:
    from npulint.recovering.operators_moves import Entry
    from npulint.recovering.operators_site import Compute, Maker, Operands, Site


def _reshape(site: Site) -> Compute:
    fixed = site.whole(1) if site.value(1) is not None else site.integers("new_shape")
    return lambda operands: given(operands, 0).reshape(needed(fixed, operands, 1, "its sizes"))


def _squeeze(site: Site) -> Compute:
    axes = site.integers("squeeze_dims") or ()

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        return x.squeeze(axes) if axes else x.squeeze()

    return compute


def _expand_dims(site: Site) -> Compute:
    fixed = site.whole(1)
    return lambda operands: given(operands, 0).unsqueeze(needed(fixed, operands, 1, "its axis")[0])


def _transpose(site: Site) -> Compute:
    fixed = site.whole(1)
    return lambda operands: given(operands, 0).permute(needed(fixed, operands, 1, "its order"))


def _concatenation(site: Site) -> Compute:
    axis = site.integer("axis")
    return activated(
        site,
        lambda operands: torch.cat(
            [given(operands, place) for place in range(len(operands))], axis
        ),
    )


def _pack(site: Site) -> Compute:
    axis = site.integer("axis")
    return lambda operands: torch.stack(
        [given(operands, place) for place in range(len(operands))], axis
    )


def _unpack(site: Site) -> Compute:
    axis = site.integer("axis")
    return lambda operands: torch.unbind(given(operands, 0), axis)


def _split(site: Site) -> Compute:
    """Operands: the axis, the tensor."""
    fixed, parts = site.whole(0), site.integer("num_splits")

    def compute(operands: Operands) -> tuple[torch.Tensor, ...]:
        x, (axis,) = given(operands, 1), needed(fixed, operands, 0, "its axis")
        return tuple(torch.split(x, x.shape[axis] // parts, axis))

    return compute


def _split_v(site: Site) -> Compute:
    """Operands: the tensor, sizes of which one may be what is left, the axis."""
    fixed, axes = site.whole(1), site.whole(2)

    def compute(operands: Operands) -> tuple[torch.Tensor, ...]:
        x, (axis,) = given(operands, 0), needed(axes, operands, 2, "its axis")
        sizes = needed(fixed, operands, 1, "its sizes")
        left = x.shape[axis] - sum(size for size in sizes if size >= 0)
        return tuple(torch.split(x, [size if size >= 0 else left for size in sizes], axis))

    return compute


def _slice(site: Site) -> Compute:
    """Operands: the tensor, starts, sizes; -1 for all that is left."""
    starts, sizes = site.whole(1), site.whole(2)

    def compute(operands: Operands) -> torch.Tensor:
        first = needed(starts, operands, 1, "its starts")
        counts = needed(sizes, operands, 2, "its sizes")
        return cut(
            given(operands, 0),
            [
                (axis, start, None if count < 0 else start + count, 1)
                for axis, (start, count) in enumerate(zip(first, counts, strict=True))
            ],
        )

    return compute


_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


def _strided_slice(site: Site) -> Compute:
    """Masks say what entries leave open, insert, or take away, as a bit for each entry.

    An entry of several is the first of ellipsis, new axis and axis that goes:
    google-ai-edge/LiteRT tflite/kernels/strided_slice.cc BuildStridedSliceParams @14906c95.
    """
    opened, unended, ellipsis, new, gone = (site.integer(name) for name in _MASKS)
    if site.integer("offset"):
        raise NoWayError("its ends are counted from its starts")
    if opened & gone & ~(ellipsis | new):
        raise NoWayError("an axis that goes is said to start at its first sample and elsewhere too")
    lists = [site.whole(place) for place in (1, 2, 3)]

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        starts, ends, steps = (
            needed(each, operands, place, "where it is cut") for place, each in enumerate(lists, 1)
        )
        taking = sum(not (ellipsis | new) >> place & 1 for place in range(len(starts)))
        entries: list[Entry] = []
        shape: list[int | None] = []
        axis = 0
        for place, (start, end, step) in enumerate(zip(starts, ends, steps, strict=True)):
            if ellipsis >> place & 1:
                left = x.ndim - taking
                shape += range(axis, axis + left)
                axis += left
            elif new >> place & 1:
                shape.append(None)
            elif gone >> place & 1:
                entries.append((axis, start, start + 1 or None, 1))
                axis += 1
            else:
                first = None if opened >> place & 1 else start
                entries.append((axis, first, None if unended >> place & 1 else end, step))
                shape.append(axis)
                axis += 1
        shape += range(axis, x.ndim)
        x = cut(x, entries)
        return x.reshape([1 if each is None else x.shape[each] for each in shape])

    return compute


def _margins(numbers: tuple[int, ...]) -> list[tuple[int, int]]:
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _pad(site: Site) -> Compute:
    fixed = site.whole(1)

    def compute(operands: Operands) -> torch.Tensor:
        margins = _margins(needed(fixed, operands, 1, "its margins"))
        value = given(operands, 2).item() if len(operands) > 2 else 0
        return padded_with(given(operands, 0), margins, value)

    return compute


def _mirror_pad(site: Site) -> Compute:
    fixed = site.whole(1)
    symmetric = site.word("mode", "REFLECT") == "SYMMETRIC"

    def compute(operands: Operands) -> torch.Tensor:
        margins = _margins(needed(fixed, operands, 1, "its margins"))
        return mirrored(given(operands, 0), margins, "symmetric" if symmetric else "reflect")

    return compute


def _broadcast_to(site: Site) -> Compute:
    fixed = site.whole(1)
    return lambda operands: given(operands, 0).expand(needed(fixed, operands, 1, "its sizes"))


def _gather(site: Site) -> Compute:
    if site.integer("batch_dims"):
        raise NoWayError("gathers by batch are not computed")
    axis = site.integer("axis")
    return lambda operands: gathered(given(operands, 0), axis, given(operands, 1).long())


def _gather_nd(_: Site) -> Compute:
    return lambda operands: given(operands, 0)[tuple(given(operands, 1).long().movedim(-1, 0))]


def _reverse(site: Site) -> Compute:
    fixed = site.whole(1)
    return lambda operands: torch.flip(given(operands, 0), needed(fixed, operands, 1, "its axes"))


def _blocks(function: Callable[[torch.Tensor, int], torch.Tensor]) -> Maker:
    def make(site: Site) -> Compute:
        block = site.integer("block_size")
        return lambda operands: channels_last(function(channels_first(given(operands, 0)), block))

    return make


def _batches(function: Callable[..., torch.Tensor]) -> Maker:
    """Operands: the tensor, the sizes of a block, margins."""

    def make(site: Site) -> Compute:
        block, margins = site.whole(1), site.whole(2)

        def compute(operands: Operands) -> torch.Tensor:
            sides = _margins(needed(margins, operands, 2, "its margins"))
            return function(given(operands, 0), needed(block, operands, 1, "its block"), sides)

        return compute

    return make


def _shape(site: Site) -> Compute:
    result = site.result()
    kind = torch_type(None if result is None else result.dtype)

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        return torch.tensor(list(x.shape), dtype=kind, device=x.device)

    return compute


def _fill(site: Site) -> Compute:
    """Operands: sizes, the number."""
    fixed = site.whole(0)
    return lambda operands: given(operands, 1).expand(needed(fixed, operands, 0, "its sizes"))


def _range(_: Site) -> Compute:
    def compute(operands: Operands) -> torch.Tensor:
        first = given(operands, 0)
        start, end, step = (given(operands, place).item() for place in range(3))
        return torch.arange(start, end, step, dtype=first.dtype, device=first.device)

    return compute


def _zeros_like(_: Site) -> Compute:
    return lambda operands: torch.zeros_like(given(operands, 0))


def _rank(_: Site) -> Compute:
    return lambda operands: torch.tensor(given(operands, 0).ndim, dtype=torch.int32)


OPERATORS: Mapping[str, Maker] = MappingProxyType(
    {
        "BATCH_TO_SPACE_ND": _batches(batch_to_space),
        "BROADCAST_TO": _broadcast_to,
        "CONCATENATION": _concatenation,
        "DEPTH_TO_SPACE": _blocks(depth_to_space),
        "EXPAND_DIMS": _expand_dims,
        "FILL": _fill,
        "GATHER": _gather,
        "GATHER_ND": _gather_nd,
        "MIRROR_PAD": _mirror_pad,
        "PACK": _pack,
        "PAD": _pad,
        "PADV2": _pad,
        "RANGE": _range,
        "RANK": _rank,
        "RESHAPE": _reshape,
        "REVERSE_V2": _reverse,
        "SHAPE": _shape,
        "SLICE": _slice,
        "SPACE_TO_BATCH_ND": _batches(space_to_batch),
        "SPACE_TO_DEPTH": _blocks(space_to_depth),
        "SPLIT": _split,
        "SPLIT_V": _split_v,
        "SQUEEZE": _squeeze,
        "STRIDED_SLICE": _strided_slice,
        "TILE": tile,
        "TRANSPOSE": _transpose,
        "UNPACK": _unpack,
        "ZEROS_LIKE": _zeros_like,
    }
)
"""Makers by operator name."""

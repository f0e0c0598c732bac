"""Sizes of TFLite operators that move, select, join, repeat or ask for sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.sizing.arithmetic import (
    broadcast,
    divided,
    grown,
    joined,
    reduced,
    reshaped,
    scaled,
    see_parts,
    sliced,
)
from npulint.sizing.site import Rules, Site, UnfitSizesError, UnknownSizesError, wrapped

if TYPE_CHECKING:
    from npulint.model import Dimension, Shape

_OPEN = 1 << 31
"""Beyond any size: where a mask leaves an end open."""


def _reshape(site: Site) -> list[Shape | None]:
    stated = site.whole(1)
    if stated is None and site.has(1):
        (rank,) = site.known(1)
        return [(None,) * rank]
    if stated is None:
        stated = site.integers("new_shape")
    if stated is None:
        raise UnknownSizesError
    return [reshaped(site.shape(), stated)]


def _transpose(site: Site) -> list[Shape | None]:
    data, order = site.shape(), site.demanded(1)
    if sorted(order) != list(range(len(data))):
        raise UnknownSizesError
    return [tuple(data[axis] for axis in order)]


def _concat(site: Site) -> list[Shape | None]:
    shapes = [site.shape(place) for place in range(len(site.operation.inputs))]
    return [joined(shapes, site.axis())]


def _pack(site: Site) -> list[Shape | None]:
    shapes = [site.shape(place) for place in range(len(site.operation.inputs))]
    rank = len(shapes[0]) + 1
    axis = site.axis(rank=rank)
    one = joined([(*shape[:axis], 1, *shape[axis:]) for shape in shapes], axis)
    return [one]


def _unpack(site: Site) -> list[Shape | None]:
    shape = reduced(site.shape(), {site.axis()}, keep=False)
    return [shape] * len(site.operation.outputs)


def _split(site: Site) -> list[Shape | None]:
    data, count = site.shape(1), len(site.operation.outputs)
    (axis,) = site.axes(site.demanded(0), 1)
    return [(*data[:axis], divided(data[axis], count), *data[axis + 1 :])] * count


def _split_v(site: Site) -> list[Shape | None]:
    data, sizes = site.shape(), list(site.demanded(1))
    (axis,) = site.axes(site.demanded(2))
    if -1 in sizes:
        whole = site.known()[axis]
        sizes[sizes.index(-1)] = whole - sum(size for size in sizes if size >= 0)
    see_parts(data[axis], sizes)
    return [(*data[:axis], size, *data[axis + 1 :]) for size in sizes]


def _slice(site: Site) -> list[Shape | None]:
    data, starts, sizes = site.shape(), site.demanded(1), site.demanded(2)
    return [tuple(map(_taken, data, starts, sizes))]


def _taken(size: Dimension, start: int, count: int) -> Dimension:
    """How many samples a slice takes, which all must be there; -1 stands for the rest."""
    if count < 0:
        return sliced(size, start, _OPEN, 1)
    if isinstance(size, int) and start + count > size:
        raise UnfitSizesError(f"it takes {count} samples from {start} on, of {size}")
    return count


def _strided_slice(site: Site) -> list[Shape | None]:
    data = site.shape()
    starts, ends, steps = (site.demanded(place) for place in (1, 2, 3))
    offset = site.integer("offset")
    masks = {
        name: site.integer(f"{name}_mask")
        for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    shape: list[Dimension] = []
    axis = 0
    for place, (start, end, step) in enumerate(zip(starts, ends, steps, strict=True)):
        on = {name for name, mask in masks.items() if mask >> place & 1}
        if "ellipsis" in on:
            rest = sum(
                not masks["new_axis"] >> later & 1 for later in range(place + 1, len(starts))
            )
            shape += data[axis : len(data) - rest]
            axis = len(data) - rest
        elif "new_axis" in on:
            shape.append(1)
        else:
            if "shrink_axis" not in on:
                stop = start + end if offset else end
                first = (0 if step > 0 else _OPEN) if "begin" in on else start
                last = (_OPEN if step > 0 else -_OPEN) if "end" in on else stop
                shape.append(sliced(data[axis], first, last, step))
            axis += 1
    return [(*shape, *data[axis:])]


def _gather(site: Site) -> list[Shape | None]:
    data, axis = site.shape(), site.axis()
    return [(*data[:axis], *site.shape(1)[site.integer("batch_dims") :], *data[axis + 1 :])]


def _gather_nd(site: Site) -> list[Shape | None]:
    data, (*places, depth) = site.shape(), site.shape(1)
    if not isinstance(depth, int):
        raise UnknownSizesError
    return [(*places, *data[depth:])]


def _pad(site: Site) -> list[Shape | None]:
    data, flat = site.shape(), site.demanded(1)
    pairs = zip(data, flat[::2], flat[1::2], strict=True)
    return [tuple(grown(size, before + after) for size, before, after in pairs)]


def _tile(site: Site) -> list[Shape | None]:
    return [tuple(map(scaled, site.shape(), site.demanded(1)))]


def _squeeze(site: Site) -> list[Shape | None]:
    axes = site.axes(site.integers("squeeze_dims") or ())
    if not axes:
        axes = tuple(axis for axis, size in enumerate(site.known()) if size == 1)
    return [reduced(site.shape(), axes, keep=False)]


def _expand_dims(site: Site) -> list[Shape | None]:
    shape = list(site.shape())
    (axis,) = site.demanded(1)
    shape.insert(wrapped(axis, len(shape) + 1), 1)
    return [tuple(shape)]


def _depth_to_space(site: Site) -> list[Shape | None]:
    batch, rows, columns, channels = site.shape()
    block = site.integer("block_size", 1)
    space = scaled(rows, block), scaled(columns, block)
    return [(batch, *space, divided(channels, block**2))]


def _space_to_depth(site: Site) -> list[Shape | None]:
    batch, rows, columns, channels = site.shape()
    block = site.integer("block_size", 1)
    space = divided(rows, block), divided(columns, block)
    return [(batch, *space, scaled(channels, block**2))]


def _space_to_batch(site: Site) -> list[Shape | None]:
    batch, *rest = site.shape()
    blocks, flat = site.demanded(1), site.demanded(2)
    for place, block in enumerate(blocks):
        rest[place] = divided(grown(rest[place], flat[2 * place] + flat[2 * place + 1]), block)
        batch = scaled(batch, block)
    return [(batch, *rest)]


def _batch_to_space(site: Site) -> list[Shape | None]:
    batch, *rest = site.shape()
    blocks, flat = site.demanded(1), site.demanded(2)
    for place, block in enumerate(blocks):
        cut = flat[2 * place] + flat[2 * place + 1]
        rest[place] = grown(scaled(rest[place], block), -cut)
        batch = divided(batch, block)
    return [(batch, *rest)]


def _shape(site: Site) -> list[Shape | None]:
    return [(site.rank(),)]


def _scalar(site: Site) -> list[Shape | None]:
    del site
    return [()]


def _fill(site: Site) -> list[Shape | None]:
    return [site.demanded(0)]


def _broadcast_to(site: Site) -> list[Shape | None]:
    return [broadcast([site.shape(), site.demanded(1)])]


def _one_hot(site: Site) -> list[Shape | None]:
    (depth,) = site.demanded(1)
    shape = list(site.shape())
    shape.insert(site.axis(-1, rank=len(shape) + 1), depth)
    return [tuple(shape)]


def _where(site: Site) -> list[Shape | None]:
    return [(None, site.rank())]


def _lookup(site: Site) -> list[Shape | None]:
    return [(*site.shape(), *site.shape(1)[1:])]


def _scatter_nd(site: Site) -> list[Shape | None]:
    return [site.demanded(2)]


MOVE_RULES: Rules = {
    "RESHAPE": _reshape,
    "TRANSPOSE": _transpose,
    "CONCATENATION": _concat,
    "PACK": _pack,
    "UNPACK": _unpack,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    "GATHER": _gather,
    "GATHER_ND": _gather_nd,
    "PAD": _pad,
    "PADV2": _pad,
    "MIRROR_PAD": _pad,
    "TILE": _tile,
    "SQUEEZE": _squeeze,
    "EXPAND_DIMS": _expand_dims,
    "DEPTH_TO_SPACE": _depth_to_space,
    "SPACE_TO_DEPTH": _space_to_depth,
    "SPACE_TO_BATCH_ND": _space_to_batch,
    "BATCH_TO_SPACE_ND": _batch_to_space,
    "SHAPE": _shape,
    "RANK": _scalar,
    "FILL": _fill,
    "BROADCAST_TO": _broadcast_to,
    "ONE_HOT": _one_hot,
    "WHERE": _where,
    "EMBEDDING_LOOKUP": _lookup,
    "SCATTER_ND": _scatter_nd,
}

"""Sizes of ONNX operators that move, select, join, repeat or ask for sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.sizing.arithmetic import (
    broadcast,
    grown,
    joined,
    reduced,
    reshaped,
    scaled,
    see_parts,
    sliced,
)
from npulint.sizing.site import Rules, Site, UnknownSizesError, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npulint.model import Dimension, Shape


def _reshape(site: Site) -> list[Shape | None]:
    data = site.shape()
    stated = site.integers("shape")
    if stated is None:
        stated = site.whole(1)
    if stated is None:
        (rank,) = site.known(1)
        return [(None,) * rank]
    if not site.integer("allowzero") and 0 in stated:
        return [_with_copied(data, stated)]
    return [reshaped(data, stated)]


def _with_copied(data: Shape, stated: Sequence[int]) -> Shape:
    """A reshape in which 0 stands for the size that is there."""
    if any(size == 0 and axis >= len(data) for axis, size in enumerate(stated)):
        raise UnknownSizesError
    copied: dict[int, Dimension] = {
        axis: data[axis] for axis, size in enumerate(stated) if size == 0
    }
    rest = tuple(size for axis, size in enumerate(data) if axis not in copied)
    others = iter(reshaped(rest, [size for size in stated if size != 0]))
    return tuple(copied[axis] if size == 0 else next(others) for axis, size in enumerate(stated))


def _flatten(site: Site) -> list[Shape | None]:
    data = site.shape()
    axis = site.integer("axis", 1)
    cut = axis + len(data) if axis < 0 else axis
    return [tuple(_product(part) for part in (data[:cut], data[cut:]))]


def _product(sizes: Shape) -> Dimension:
    others = [size for size in sizes if size != 1]
    if len(others) == 1:
        return others[0]
    count: Dimension = 1
    for size in others:
        count = scaled(count, size) if isinstance(size, int) else None
        if count is None:
            return None
    return count


def _squeeze(site: Site) -> list[Shape | None]:
    data = site.shape()
    stated = site.integers("axes")
    if stated is None and site.has(1):
        stated = site.demanded(1)
    if stated is None:
        site.known()
        return [tuple(size for size in data if size != 1)]
    return [reduced(data, site.axes(stated), keep=False)]


def _unsqueeze(site: Site) -> list[Shape | None]:
    stated = site.integers("axes")
    if stated is None:
        stated = site.demanded(1)
    sizes = iter(site.shape())
    rank = site.rank() + len(stated)
    new = {wrapped(axis, rank) for axis in stated}
    return [tuple(1 if axis in new else next(sizes) for axis in range(rank))]


def _transpose(site: Site) -> list[Shape | None]:
    data = site.shape()
    order = site.integers("perm") or tuple(range(len(data)))[::-1]
    if sorted(order) != list(range(len(data))):
        raise UnknownSizesError
    return [tuple(data[axis] for axis in order)]


def _concat(site: Site) -> list[Shape | None]:
    shapes = [site.shape(place) for place in range(len(site.operation.inputs))]
    return [joined(shapes, site.axis(1))]


def _split(site: Site) -> list[Shape | None]:
    data, axis, count = site.shape(), site.axis(), len(site.operation.outputs)
    sizes: Sequence[Dimension] | None = site.integers("split")
    if sizes is None and site.has(1):
        sizes = site.demanded(1)
    if sizes is None:
        (whole,) = site.known()[axis : axis + 1]
        part = -(-whole // count)
        if whole % count and not site.integer("num_outputs"):
            raise UnknownSizesError
        sizes = [part] * (count - 1) + [whole - part * (count - 1)]
    see_parts(data[axis], sizes)
    return [(*data[:axis], size, *data[axis + 1 :]) for size in sizes]


def _slice(site: Site) -> list[Shape | None]:
    data = site.shape()
    names = ("starts", "ends", "axes")
    starts, ends, named = (
        site.integers(name) if site.version < 10 else site.whole(place)
        for place, name in enumerate(names, 1)
    )
    if starts is None or ends is None or (named is None and site.has(3)):
        raise UnknownSizesError
    steps = site.demanded(4) if site.has(4) else (1,) * len(starts)
    axes = site.axes(tuple(range(len(starts))) if named is None else named)
    shape = list(data)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        shape[axis] = sliced(data[axis], start, end, step)
    return [tuple(shape)]


def _gather(site: Site) -> list[Shape | None]:
    data, axis = site.shape(), site.axis()
    return [(*data[:axis], *site.shape(1), *data[axis + 1 :])]


def _gather_elements(site: Site) -> list[Shape | None]:
    return [site.shape(1)]


def _gather_nd(site: Site) -> list[Shape | None]:
    data, (*places, depth) = site.shape(), site.shape(1)
    if not isinstance(depth, int):
        raise UnknownSizesError
    return [(*places, *data[site.integer("batch_dims") + depth :])]


def _pad(site: Site) -> list[Shape | None]:
    flat = site.integers("pads") or site.integers("paddings")
    if flat is None:
        flat = site.demanded(1)
    data = site.shape()
    axes = site.axes(site.demanded(3)) if site.has(3) else tuple(range(len(data)))
    shape = list(data)
    for place, axis in enumerate(axes):
        shape[axis] = grown(data[axis], flat[place] + flat[place + len(axes)])
    return [tuple(shape)]


def _tile(site: Site) -> list[Shape | None]:
    if site.version < 6:
        raise UnknownSizesError
    return [tuple(map(scaled, site.shape(), site.demanded(1)))]


def _expand(site: Site) -> list[Shape | None]:
    return [broadcast([site.shape(), site.demanded(1)])]


def _shape(site: Site) -> list[Shape | None]:
    return [(len(range(*_part(site).indices(site.rank()))),)]


def _part(site: Site) -> slice:
    end = site.integer("end") if "end" in site.operation.attributes else None
    return slice(site.integer("start"), end)


def _scalar(site: Site) -> list[Shape | None]:
    del site
    return [()]


def _constant_of_shape(site: Site) -> list[Shape | None]:
    return [site.demanded(0)]


def _one_hot(site: Site) -> list[Shape | None]:
    depth = site.demanded(1)
    shape = list(site.shape())
    shape.insert(site.axis(-1, rank=len(shape) + 1), depth[0])
    return [tuple(shape)]


def _non_zero(site: Site) -> list[Shape | None]:
    return [(site.rank(), None)]


MOVE_RULES: Rules = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "Pad": _pad,
    "Tile": _tile,
    "Expand": _expand,
    "Shape": _shape,
    "Size": _scalar,
    "ConstantOfShape": _constant_of_shape,
    "OneHot": _one_hot,
    "NonZero": _non_zero,
}

"""ONNX's moves: shapes, slices, joins, pads, gathers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch

from npulint.recovering.operators_moves import (
    cut,
    depth_to_space,
    gathered,
    mirrored,
    padded_with,
    space_to_depth,
    tile,
)
from npulint.recovering.operators_site import (
    NoWayError,
    given,
    needed,
    optional,
    settled,
)

if TYPE_CHECKING:
    from npulint.recovering.operators_moves import Mirror
    from npulint.recovering.operators_site import Compute, Maker, Operands, Site


def _reshape(site: Site) -> Compute:
    fixed, zeros = site.stated("shape", 1), bool(site.integer("allowzero"))

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        sizes = needed(fixed, operands, 1, "its sizes")
        if not zeros:
            sizes = tuple(each or x.shape[place] for place, each in enumerate(sizes))
        return x.reshape(sizes)

    return compute


def _flatten(site: Site) -> Compute:
    axis = site.integer("axis", 1)

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        place = axis % x.ndim if axis < x.ndim else axis
        outer = int(np.prod(x.shape[:place]))
        return x.reshape(outer, -1)

    return compute


def _squeeze(site: Site) -> Compute:
    fixed = site.stated("axes", 1)

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        axes = settled(fixed, operands, 1)
        return x.squeeze() if axes is None else x.squeeze(axes)

    return compute


def _unsqueeze(site: Site) -> Compute:
    fixed = site.stated("axes", 1)

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        axes = needed(fixed, operands, 1, "its axes")
        rank = x.ndim + len(axes)
        for axis in sorted(each % rank for each in axes):
            x = x.unsqueeze(axis)
        return x

    return compute


def _transpose(site: Site) -> Compute:
    order = site.integers("perm")

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        return x.permute(tuple(reversed(range(x.ndim))) if order is None else order)

    return compute


def _concat(site: Site) -> Compute:
    axis = site.integer("axis")
    return lambda operands: torch.cat(
        [given(operands, place) for place in range(len(operands))], axis
    )


def _split(site: Site) -> Compute:
    fixed, axis = site.stated("split", 1), site.integer("axis")
    parts = site.integer("num_outputs", len(site.operation.outputs))

    def compute(operands: Operands) -> tuple[torch.Tensor, ...]:
        x = given(operands, 0)
        sizes = settled(fixed, operands, 1)
        if sizes is None:
            return tuple(torch.split(x, -(-x.shape[axis] // parts), axis))
        return tuple(torch.split(x, list(sizes), axis))

    return compute


_LAST_ATTRIBUTES = 9
"""Opset up to which Slice is told by attributes where to cut."""


def _slice(site: Site) -> Compute:
    old = site.opset <= _LAST_ATTRIBUTES
    if old:
        lists = [site.integers(name) for name in ("starts", "ends", "axes", "steps")]
    else:
        lists = [site.whole(place) for place in range(1, 5)]

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        starts, ends, axes, steps = (
            each if old else settled(each, operands, place) for place, each in enumerate(lists, 1)
        )
        if starts is None or ends is None:
            raise NoWayError("where it starts and ends is missing")
        axes = tuple(range(len(starts))) if axes is None else axes
        steps = (1,) * len(starts) if steps is None else steps
        return cut(x, list(zip(axes, starts, ends, steps, strict=True)))

    return compute


_PADS_AS_OPERANDS = 11
_MIRRORS: Mapping[str, Mirror] = MappingProxyType(
    {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}
)


def _pad(site: Site) -> Compute:
    mode = site.word("mode", "constant")
    if mode != "constant" and mode not in _MIRRORS:
        raise NoWayError(f"pads by the mode {mode} are not computed")
    fixed = site.stated("pads", 1)
    axes_fixed, value = site.whole(3), site.number("value")

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        sides = needed(fixed, operands, 1, "its margins")
        axes = settled(axes_fixed, operands, 3) or tuple(range(x.ndim))
        margins = [(0, 0)] * x.ndim
        for place, axis in enumerate(axes):
            margins[axis] = sides[place], sides[place + len(axes)]
        if mode != "constant":
            return mirrored(x, margins, _MIRRORS[mode])
        filled = optional(operands, 2) if site.opset >= _PADS_AS_OPERANDS else None
        return padded_with(x, margins, value if filled is None else filled.item())

    return compute


def _expand(site: Site) -> Compute:
    fixed = site.whole(1)

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        sizes = needed(fixed, operands, 1, "its sizes")
        return x.expand(torch.broadcast_shapes(x.shape, sizes))

    return compute


def _gather(site: Site) -> Compute:
    axis = site.integer("axis")

    def compute(operands: Operands) -> torch.Tensor:
        x, indexes = given(operands, 0), given(operands, 1)
        return gathered(x, axis, indexes.long() % x.shape[axis])

    return compute


def _gather_elements(site: Site) -> Compute:
    axis = site.integer("axis")

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        indexes = given(operands, 1).long() % x.shape[axis]
        # PyTorch leaves out what lies beyond the indexes on other axes, as ONNX does.
        return torch.gather(x, axis, indexes)

    return compute


def _gather_nd(site: Site) -> Compute:
    if site.integer("batch_dims"):
        raise NoWayError("gathers by batch are not computed")

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        indexes = given(operands, 1)
        return x[tuple(indexes.long().movedim(-1, 0))]

    return compute


def _depth_to_space(site: Site) -> Compute:
    block, first = site.integer("blocksize", 1), site.word("mode", "DCR") == "CRD"
    return lambda operands: depth_to_space(given(operands, 0), block, columns_first=first)


def _space_to_depth(site: Site) -> Compute:
    if site.word("mode", "DCR") != "DCR":
        raise NoWayError("space to depth with channels outermost is not computed")
    block = site.integer("blocksize", 1)
    return lambda operands: space_to_depth(given(operands, 0), block)


def _shape(site: Site) -> Compute:
    start = site.integer("start")
    stop = site.integer("end") if "end" in site.operation.attributes else None

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        return torch.tensor(list(x.shape)[start:stop], dtype=torch.int64, device=x.device)

    return compute


def _size(_: Site) -> Compute:
    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        return torch.tensor(x.numel(), dtype=torch.int64, device=x.device)

    return compute


def _constant_of_shape(site: Site) -> Compute:
    fixed, stored = site.whole(0), site.constant("value")
    filled = torch.zeros(1) if stored is None else torch.from_numpy(np.array(stored.read()))

    def compute(operands: Operands) -> torch.Tensor:
        sizes = needed(fixed, operands, 0, "its sizes")
        return filled.reshape(()).to(given(operands, 0).device).expand(sizes)

    return compute


def _range(_: Site) -> Compute:
    def compute(operands: Operands) -> torch.Tensor:
        first = given(operands, 0)
        start, end, step = (given(operands, place).item() for place in range(3))
        return torch.arange(start, end, step, dtype=first.dtype, device=first.device)

    return compute


def _triangle(site: Site) -> Compute:
    function = torch.triu if site.integer("upper", 1) else torch.tril
    fixed = site.whole(1)

    def compute(operands: Operands) -> torch.Tensor:
        (diagonal,) = settled(fixed, operands, 1) or (0,)
        return function(given(operands, 0), diagonal)

    return compute


OPERATORS: Mapping[str, Maker] = MappingProxyType(
    {
        "Concat": _concat,
        "ConstantOfShape": _constant_of_shape,
        "DepthToSpace": _depth_to_space,
        "Expand": _expand,
        "Flatten": _flatten,
        "Gather": _gather,
        "GatherElements": _gather_elements,
        "GatherND": _gather_nd,
        "Pad": _pad,
        "Range": _range,
        "Reshape": _reshape,
        "Shape": _shape,
        "Size": _size,
        "Slice": _slice,
        "SpaceToDepth": _space_to_depth,
        "Split": _split,
        "Squeeze": _squeeze,
        "Tile": tile,
        "Transpose": _transpose,
        "Trilu": _triangle,
        "Unsqueeze": _unsqueeze,
    }
)
"""Makers by operator name."""

"""DEPTH_TO_SPACE, SPACE_TO_DEPTH and what exporters write for them or like them.

A shuffle is a view of a tensor in more axes, an order of those, and a last shape.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from npulint.fixers.moving.axes import canonical
from npulint.fixers.reading import fixed, immovable, meaning, not_float, stored
from npulint.fixers.record import Occurrence, Refusal
from npulint.operators.rearrangements import Transpose
from npulint.operators.semantics import DepthToSpace, SpaceToDepth

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Sizes
    from npulint.model import Graph, Node

Kind: TypeAlias = Literal["depth-to-space", "space-to-depth"]

Mode: TypeAlias = Literal["DCR", "CRD"]

_SHAPING = ("RESHAPE", "Reshape")
_NODES = ("DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "DepthToSpace", "SpaceToDepth")


@dataclass(frozen=True, slots=True)
class Block:
    """A shuffle between depth and space.

    Attributes:
        kind: Which way.
        mode: `DCR` has the place in the block at the slow end of the channels, `CRD` at the fast.
        side: Side of the block.
        sizes: What is shuffled, `[N, C, H, W]`.
    """

    kind: Kind
    mode: Mode
    side: int
    sizes: Sizes


@dataclass(frozen=True, slots=True)
class Shuffle:
    """Elements in another order.

    Attributes:
        op: What was met.
        source: Position of what is shuffled.
        view: Sizes of the axes that are put in order.
        order: Which axis of the view comes where.
        shape: The result, as stored.
        block: What it is between depth and space, None where it is something else.
        is_float: Whether sums of it are exact.
        channels: Which channel of a feature map comes where, None where more is moved.
    """

    op: str
    source: int
    view: tuple[int, ...]
    order: tuple[int, ...]
    shape: tuple[int, ...]
    block: Block | None
    is_float: bool
    channels: tuple[int, ...] | None = None


def block_of(s: Shuffle) -> Block:
    """What a shuffle that is one is between depth and space."""
    if s.block is None:
        raise AssertionError("only accepted with a block")
    return s.block


def slow(channels: int, side: int) -> list[int]:
    """Which channel of the CRD order each channel of the DCR order is."""
    order = np.arange(channels).reshape(-1, side * side).T
    return [int(channel) for channel in order.reshape(-1)]


def recognise(graph: Graph) -> Iterator[Occurrence[Shuffle]]:
    """Find depth and space moved by an operator, or by reshapes around a transposition."""
    for node in graph.nodes:
        if node.domain:
            continue
        if node.op in _NODES:
            yield Occurrence(node.op, (node.index,), node.outputs, _of_node(graph, node))
        elif node.op in ("TRANSPOSE", "Transpose"):
            found = _of_reshapes(graph, node)
            if found is not None:
                yield found


def _of_node(graph: Graph, node: Node) -> Shuffle | Refusal:
    record = meaning(graph, node)
    refusal = immovable(graph, (node.inputs[0], node.outputs[0]))
    if refusal is not None:
        return refusal
    if isinstance(record, Refusal):
        return record
    shape = fixed(graph.values[node.inputs[0]]) or ()
    result = fixed(graph.values[node.outputs[0]]) or ()
    if not isinstance(record, (DepthToSpace, SpaceToDepth)) or len(shape) != 4:
        return Refusal("it is no shuffle of a feature map of 4 dimensions")
    mode: Mode = record.mode if isinstance(record, DepthToSpace) else "DCR"
    kind: Kind = "depth-to-space" if isinstance(record, DepthToSpace) else "space-to-depth"
    block = Block(kind, mode, record.block, planes(graph, shape))
    if not _divides(block):
        return Refusal("its block does not divide what it moves")
    if block.side == 1:
        return Refusal("it moves nothing")
    view, order = template(block, channels_last=graph.dialect == "tflite")
    is_float = not_float(graph, node.inputs[0]) is None
    return Shuffle(node.op, node.inputs[0], view, order, result, block, is_float)


def _divides(block: Block) -> bool:
    """Whether channels, or rows and columns, are whole blocks: a damaged file may say otherwise."""
    side, (_, channels, height, width) = block.side, block.sizes
    if side < 1:
        return False
    if block.kind == "depth-to-space":
        return channels % side**2 == 0
    return height % side == 0 == width % side


def _of_reshapes(graph: Graph, node: Node) -> Occurrence[Shuffle] | None:
    """A transposition of more than 4 axes, or of channels, between two reshapes, else None."""
    before, after = graph.uses[node.inputs[0]].makers, graph.uses[node.outputs[0]].readers
    if len(before) != 1 or not after or before[0].op not in _SHAPING:
        return None
    if len(after) != 1 or after[0].op not in _SHAPING:
        return None
    view = fixed(graph.values[node.inputs[0]])
    if view is None:
        return None
    covers = tuple(sorted((before[0].index, node.index, after[0].index)))
    source, result = before[0].inputs[0], after[0].outputs[0]
    found = _ordered(graph, node, (source, result), view)
    if len(view) <= 4 and (isinstance(found, Refusal) or found.channels is None):
        return None
    return Occurrence(f"{before[0].op} + {node.op} + {after[0].op}", covers, (result,), found)


def _ordered(
    graph: Graph, node: Node, ends: tuple[int, int], view: tuple[int, ...]
) -> Shuffle | Refusal:
    record = meaning(graph, node)
    if not isinstance(record, Transpose):
        return record if isinstance(record, Refusal) else Refusal("it is no transposition")
    refusal = immovable(graph, ends)
    if refusal is not None:
        return refusal
    rank = len(view)
    order = tuple(
        stored(graph, record.permutation[axis], rank)
        for axis in sorted(range(rank), key=lambda axis: stored(graph, axis, rank))
    )
    shape, result = (fixed(graph.values[index]) or () for index in ends)
    block = _block(graph, shape, result, canonical(view, order))
    is_float = not_float(graph, ends[0]) is None
    channels = _channels(graph, shape, view, order) if shape == result else None
    return Shuffle("TRANSPOSE", ends[0], view, order, result, block, is_float, channels)


def _channels(
    graph: Graph, shape: tuple[int, ...], view: tuple[int, ...], order: tuple[int, ...]
) -> tuple[int, ...] | None:
    """Which channel comes where in a feature map, None where anything else is moved."""
    if len(shape) != 4:
        return None
    axis = 3 if graph.dialect == "tflite" else 1
    kept = [place for place in range(len(view)) if view[place] != 1]
    sizes = [view[place] for place in kept]
    moved = [kept.index(place) for place in order if view[place] != 1]
    first, last = _run(sizes, math.prod(shape[:axis]), shape[axis])
    inner = moved[first:last]
    if sorted(inner) == inner or moved != [*range(first), *inner, *range(last, len(moved))]:
        return None
    numbers = np.arange(shape[axis]).reshape(sizes[first:last])
    return tuple(numbers.transpose([each - first for each in inner]).ravel().tolist())


def _run(sizes: Sequence[int], before: int, size: int) -> tuple[int, int]:
    """The axes, none of size 1, that are together one of some size; none where there are none."""
    products = list(itertools.accumulate(sizes, operator.mul, initial=1))
    if before not in products or before * size not in products:
        return 0, 0
    return products.index(before), products.index(before * size)


def _block(
    graph: Graph,
    shape: tuple[int, ...],
    result: tuple[int, ...],
    moved: tuple[tuple[int, ...], tuple[int, ...]],
) -> Block | None:
    """What a move of elements is between depth and space."""
    if len(shape) != 4 or len(result) != 4:
        return None
    sizes, made = planes(graph, shape), planes(graph, result)
    kind: Kind = "depth-to-space" if made[2] > sizes[2] else "space-to-depth"
    large, small = (made, sizes) if kind == "depth-to-space" else (sizes, made)
    side = large[2] // small[2] if small[2] else 0
    if side < 2 or (small[0], small[1], small[2] * side, small[3] * side) != (
        large[0], large[1] * side**2, *large[2:],
    ):  # fmt: skip
        return None
    for mode in ("DCR", "CRD"):
        block = Block(kind, mode, side, sizes)
        if canonical(*template(block, channels_last=graph.dialect == "tflite")) == moved:
            return block
    return None


def template(block: Block, *, channels_last: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The view and the order that a block shuffle is."""
    batch, channels, height, width = block.sizes
    side = block.side
    sizes = {"n": batch, "a": side, "b": side}
    if block.kind == "depth-to-space":
        sizes |= {"c": channels // side**2, "h": height, "w": width}
    else:
        sizes |= {"c": channels, "h": height // side, "w": width // side}
    depth = "abc" if block.mode == "DCR" else "cab"
    deep = f"nhw{depth}" if channels_last else f"n{depth}hw"
    wide = "nhawbc" if channels_last else "nchawb"
    before, after = (deep, wide) if block.kind == "depth-to-space" else (wide, deep)
    return tuple(sizes[axis] for axis in before), tuple(before.index(axis) for axis in after)


def planes(graph: Graph, shape: tuple[int, ...]) -> Sizes:
    """The sizes of a stored feature map, `[N, C, H, W]`."""
    if graph.dialect == "tflite":
        return shape[0], shape[3], shape[1], shape[2]
    return shape[0], shape[1], shape[2], shape[3]

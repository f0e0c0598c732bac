"""What computes DEPTH_TO_SPACE, SPACE_TO_DEPTH and other shuffles."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.bounds import zeros
from npulint.fixers.building.builder import Feature, Margins
from npulint.fixers.building.moves import moves
from npulint.fixers.moving.axes import canonical, plan, reorder
from npulint.fixers.moving.one_hot_shuffles import ONE_HOT, crd, floating
from npulint.fixers.moving.shuffles import Block, Shuffle, block_of, recognise
from npulint.fixers.record import TIMES_ZERO, Family, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder

_MOST_PHASES = 16
"""Places in a block beyond which one node for each gains nothing."""


def _feature(s: Shuffle) -> Feature:
    return Feature(s.source, block_of(s).sizes)


def _transposes(builder: Builder, s: Shuffle) -> list[int]:
    return [reorder(moves(builder, s.source), s.source, s.view, s.order, s.shape)]


def _operator(builder: Builder, s: Shuffle) -> list[int]:
    return [_moved(builder, s, _feature(s)).value]


def _interleaved(builder: Builder, s: Shuffle) -> list[int]:
    block = block_of(s)
    m = moves(builder, s.source)
    batch, channels, height, width = block.sizes
    parts, groups = block.side**2, channels // block.side**2
    view: tuple[int, ...] = (batch, groups, parts, height * width)
    order: tuple[int, ...] = (0, 2, 1, 3)
    shape: tuple[int, ...] = block.sizes
    if builder.graph.dialect == "tflite":
        view, order = (batch * height * width, groups, parts), (0, 2, 1)
        shape = batch, height, width, channels
    turned = m.reshape(m.transpose(m.reshape(s.source, view), order), shape)
    return [_moved(builder, s, Feature(turned, block.sizes)).value]


def _moved(builder: Builder, s: Shuffle, x: Feature) -> Feature:
    """The dialect's own operator, with the quantisation of what it moves."""
    block, m = block_of(s), moves(builder, s.source)
    tflite = builder.graph.dialect == "tflite"
    if block.kind == "depth-to-space":
        if tflite:
            return Feature(
                m.made("DEPTH_TO_SPACE", (x.value,), s.shape, block_size=block.side), block.sizes
            )
        return builder.depth_to_space(x, block.side)
    name, option = ("SPACE_TO_DEPTH", "block_size") if tflite else ("SpaceToDepth", "blocksize")
    return Feature(m.made(name, (x.value,), s.shape, **{option: block.side}), block.sizes)


def _phases(builder: Builder, s: Shuffle) -> list[int]:
    """Each phase among zeros, shifted to its place, and their sum."""
    side = block_of(s).side

    def placed(phase: Feature, row: int, column: int) -> Feature:
        spread = builder.spread(phase, (side, side))
        return builder.margins(spread, Margins(row, -row, column, -column))

    return [_summed(builder, s, placed)]


def _masks(builder: Builder, s: Shuffle) -> list[int]:
    """Each phase repeated, all but its place replaced by zeros, and their sum."""
    side = block_of(s).side

    def placed(phase: Feature, row: int, column: int) -> Feature:
        large = builder.enlarge(phase, (side, side))
        mask = zeros((1, 1, *large.sizes[2:]), np.float32)
        mask[:, :, row::side, column::side] = 1
        return builder.multiply(large, mask)

    return [_summed(builder, s, placed)]


def _summed(builder: Builder, s: Shuffle, placed: Callable[[Feature, int, int], Feature]) -> int:
    block, m = block_of(s), moves(builder, s.source)
    side = block.side
    batch, channels, height, width = block.sizes
    depth = channels // side**2
    axis = 3 if builder.graph.dialect == "tflite" else 1
    total = None
    for number, (row, column) in enumerate(itertools.product(range(side), repeat=2)):
        start, step = (number * depth, 1) if block.mode == "DCR" else (number, side**2)
        alone = m.cut(s.source, axis, start, start + depth * step - step + 1, step)
        made = placed(Feature(alone, (batch, depth, height, width)), row, column).value
        total = made if total is None else m.add(total, made)
    if total is None:
        raise AssertionError("a block has a place")
    return total


def _strided(builder: Builder, s: Shuffle) -> list[int]:
    """Every n-th row and column from each start, joined along the channels."""
    block, m = block_of(s), moves(builder, s.source)
    tflite = builder.graph.dialect == "tflite"
    first = 1 if tflite else 2
    whole = [(0, size, 1) for size in m.shape(s.source)]
    pieces = []
    for row, column in itertools.product(range(block.side), repeat=2):
        ranges = list(whole)
        ranges[first] = row, whole[first][1], block.side
        ranges[first + 1] = column, whole[first + 1][1], block.side
        pieces.append(m.take(s.source, ranges))
    return [m.join(pieces, 3 if tflite else 1)]


def _planned(s: Shuffle) -> Refusal | None:
    if plan(canonical(s.view, s.order)[1]) is None:
        return Refusal("it orders more axes than are searched")
    if canonical(s.view, s.order)[1] in ((), (0,)):
        return Refusal("it moves nothing")
    return None


def _written_out(s: Shuffle) -> Refusal | None:
    if s.block is None:
        return Refusal("it is nothing between depth and space")
    if s.block.mode == "CRD":
        return Refusal("the channels are in the other order (CRD)")
    if s.op != "TRANSPOSE":
        return Refusal("it is what is there")
    return None


def _widening(s: Shuffle) -> Refusal | None:
    if s.block is None or s.block.kind != "depth-to-space":
        return Refusal("it moves no depth into space")
    return _few(s.block) or floating(s)


def _deepening(s: Shuffle) -> Refusal | None:
    if s.block is None or s.block.kind != "space-to-depth" or s.block.mode != "DCR":
        return Refusal("it moves no space into depth, block offset outermost")
    return _few(s.block)


def _few(block: Block) -> Refusal | None:
    if block.side**2 > _MOST_PHASES:
        return Refusal(f"a block of {block.side**2} places would need a node for each")
    return None


FAMILY = Family(
    "shuffle",
    recognise,
    (
        Realisation(
            name="shuffle/operator",
            uses=("DEPTH_TO_SPACE", "SPACE_TO_DEPTH"),
            exactness="exact",
            argument=(
                "a view in 6 axes, their order and the last shape are those of the operator, with "
                "the place in the block at the slow end of the channels"
            ),
            accepts=_written_out,
            build=_operator,
        ),
        Realisation(
            name="shuffle/transposes",
            uses=("RESHAPE", "TRANSPOSE"),
            exactness="exact",
            argument=(
                "an order of many axes is made by the fewest orders of at most 4 runs of "
                "neighbouring axes, each of which is a transposition of at most 4 dimensions"
            ),
            accepts=_planned,
            build=_transposes,
        ),
        Realisation(
            name="shuffle/channel-order",
            uses=("RESHAPE", "TRANSPOSE", "DEPTH_TO_SPACE"),
            exactness="exact",
            argument=(
                "the channels in the other order, by a transposition of channels by places, are "
                "what the operator takes"
            ),
            accepts=crd,
            build=_interleaved,
        ),
        Realisation(
            name="shuffle/phases",
            uses=("STRIDED_SLICE", "RESHAPE", "PAD", "ADD"),
            exactness="exact",
            argument=(
                "zeros between the samples of each place in the block, shifted to that place; "
                "their sum has one term that is not 0; at most 16 places"
            ),
            accepts=_widening,
            build=_phases,
        ),
        Realisation(
            name="shuffle/masks",
            uses=("STRIDED_SLICE", "RESIZE_NEAREST_NEIGHBOR", "MUL", "ADD"),
            exactness="exact",
            argument=(
                "each place of the block repeated all over the block, times a mask that keeps that "
                "place; their sum has one term that is not 0; finite values, at most 16 places"
            ),
            accepts=_widening,
            build=_masks,
            limits=TIMES_ZERO,
        ),
        Realisation(
            name="shuffle/strided-slices",
            uses=("STRIDED_SLICE", "CONCATENATION"),
            exactness="exact",
            argument=(
                "every n-th row and column from each place of the block is a run of channels of "
                "the result; at most 16 places"
            ),
            accepts=_deepening,
            build=_strided,
        ),
        *ONE_HOT,
    ),
)

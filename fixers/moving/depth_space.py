"""What computes DEPTH_TO_SPACE, SPACE_TO_DEPTH and other shuffles."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.bounds import identity, zeros
from npulint.fixers.building.builder import Feature, Margins
from npulint.fixers.building.moves import moves
from npulint.fixers.building.windows import Sliding, windows
from npulint.fixers.moving.axes import canonical, plan, reorder
from npulint.fixers.moving.shuffles import Block, Shuffle, recognise
from npulint.fixers.record import Family, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array, Builder

_MOST_PHASES = 16
"""Places in a block beyond which one node for each gains nothing."""


def slow(channels: int, side: int) -> list[int]:
    """Which channel of the CRD order each channel of the DCR order is."""
    order = np.arange(channels).reshape(-1, side * side).T
    return [int(channel) for channel in order.reshape(-1)]


def _block(s: Shuffle) -> Block:
    if s.block is None:
        raise AssertionError("only accepted with a block")
    return s.block


def _feature(s: Shuffle) -> Feature:
    return Feature(s.source, _block(s).sizes)


def _transposes(builder: Builder, s: Shuffle) -> list[int]:
    return [reorder(moves(builder, s.source), s.source, s.view, s.order, s.shape)]


def _operator(builder: Builder, s: Shuffle) -> list[int]:
    return [_moved(builder, s, _feature(s)).value]


def _interleaved(builder: Builder, s: Shuffle) -> list[int]:
    block = _block(s)
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


def _picked(builder: Builder, s: Shuffle) -> list[int]:
    block = _block(s)
    channels = block.sizes[1]
    kernel = identity(channels, np.float32)[slow(channels, block.side)]
    turned = builder.conv(_feature(s), kernel[:, :, None, None], None)
    return [builder.depth_to_space(turned, block.side).value]


def _moved(builder: Builder, s: Shuffle, x: Feature) -> Feature:
    """The dialect's own operator, with the quantisation of what it moves."""
    block, m = _block(s), moves(builder, s.source)
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
    side = _block(s).side

    def placed(phase: Feature, row: int, column: int) -> Feature:
        spread = builder.spread(phase, (side, side))
        return builder.margins(spread, Margins(row, -row, column, -column))

    return [_summed(builder, s, placed)]


def _masks(builder: Builder, s: Shuffle) -> list[int]:
    """Each phase repeated, all but its place replaced by zeros, and their sum."""
    side = _block(s).side

    def placed(phase: Feature, row: int, column: int) -> Feature:
        large = builder.enlarge(phase, (side, side))
        mask = zeros((1, 1, *large.sizes[2:]), np.float32)
        mask[:, :, row::side, column::side] = 1
        return builder.multiply(large, mask)

    return [_summed(builder, s, placed)]


def _summed(builder: Builder, s: Shuffle, placed: Callable[[Feature, int, int], Feature]) -> int:
    block, m = _block(s), moves(builder, s.source)
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
    block, m = _block(s), moves(builder, s.source)
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


def _one_hot(builder: Builder, s: Shuffle) -> list[int]:
    block = _block(s)
    channels, side = block.sizes[1], block.side
    kernel = zeros((side, side, channels, channels, side, side), np.float32)
    for row, column in itertools.product(range(side), repeat=2):
        kernel[row, column, :, :, row, column] = np.eye(channels)
    how = Sliding(strides=(side, side))
    flat: Array = kernel.reshape(-1, channels, side, side)
    if block.mode == "CRD":
        flat = kernel.transpose(2, 0, 1, 3, 4, 5).reshape(-1, channels, side, side)
    return [windows(builder).conv(_feature(s), flat, None, how).value]


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


def _crd(s: Shuffle) -> Refusal | None:
    if s.block is None or s.block.kind != "depth-to-space":
        return Refusal("it moves no depth into space")
    if s.block.mode != "CRD":
        return Refusal("the channels are in the order of the operator (DCR) as they are")
    return None


def _crd_float(s: Shuffle) -> Refusal | None:
    return _crd(s) or _float(s)


def _widening(s: Shuffle) -> Refusal | None:
    if s.block is None or s.block.kind != "depth-to-space":
        return Refusal("it moves no depth into space")
    return _few(s.block) or _float(s)


def _deepening(s: Shuffle) -> Refusal | None:
    if s.block is None or s.block.kind != "space-to-depth" or s.block.mode != "DCR":
        return Refusal("it moves no space into depth, block offset outermost")
    return _few(s.block)


def _deepening_float(s: Shuffle) -> Refusal | None:
    if s.block is None or s.block.kind != "space-to-depth":
        return Refusal("it moves no space into depth")
    return _float(s)


def _few(block: Block) -> Refusal | None:
    if block.side**2 > _MOST_PHASES:
        return Refusal(f"a block of {block.side**2} places would need a node for each")
    return None


def _float(s: Shuffle) -> Refusal | None:
    if not s.is_float:
        return Refusal("it is quantised, and sums would be rounded")
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
            accepts=_crd,
            build=_interleaved,
        ),
        Realisation(
            name="shuffle/one-hot-order",
            uses=("CONV_2D", "DEPTH_TO_SPACE"),
            exactness="exact",
            argument=(
                "a 1x1 convolution whose filters are rows of the identity puts the channels into "
                "the order that the operator takes"
            ),
            accepts=_crd_float,
            build=_picked,
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
        Realisation(
            name="shuffle/one-hot-conv",
            uses=("CONV_2D",),
            exactness="exact",
            argument=(
                "a convolution with the block's side as window and stride, whose filters have one "
                "1, picks each channel at each place of the block"
            ),
            accepts=_deepening_float,
            build=_one_hot,
        ),
    ),
)

"""Shuffles by convolutions whose filters have one 1: each sum has one term that is not 0."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.bounds import picking, zeros
from npulint.fixers.building.builder import Feature
from npulint.fixers.building.moves import moves
from npulint.fixers.building.windows import Sliding, windows
from npulint.fixers.moving.shuffles import Shuffle, block_of, planes, slow
from npulint.fixers.record import TIMES_ZERO, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array, Builder


def _in_order(builder: Builder, s: Shuffle) -> list[int]:
    block = block_of(s)
    kernel = picking(slow(block.sizes[1], block.side), block.sizes[1])
    turned = builder.conv(Feature(s.source, block.sizes), kernel[:, :, None, None], None)
    return [builder.depth_to_space(turned, block.side).value]


def _permuted(builder: Builder, s: Shuffle) -> list[int]:
    sizes = planes(builder.graph, moves(builder, s.source).shape(s.source))
    kernel = picking(s.channels or (), sizes[1])
    return [builder.conv(Feature(s.source, sizes), kernel[:, :, None, None], None).value]


def _strided(builder: Builder, s: Shuffle) -> list[int]:
    block = block_of(s)
    channels, side = block.sizes[1], block.side
    kernel = zeros((side, side, channels, channels, side, side), np.float32)
    each = np.arange(channels)
    for row, column in itertools.product(range(side), repeat=2):
        kernel[row, column, each, each, row, column] = 1
    flat: Array = kernel.reshape(-1, channels, side, side)
    if block.mode == "CRD":
        flat = kernel.transpose(2, 0, 1, 3, 4, 5).reshape(-1, channels, side, side)
    x, how = Feature(s.source, block.sizes), Sliding(strides=(side, side))
    return [windows(builder).conv(x, flat, None, how).value]


def crd(s: Shuffle) -> Refusal | None:
    """Accepts depth that becomes space in the order that TFLite's operator does not have."""
    if s.block is None or s.block.kind != "depth-to-space":
        return Refusal("it moves no depth into space")
    if s.block.mode != "CRD":
        return Refusal("the channels are in the order of the operator (DCR) as they are")
    return None


def floating(s: Shuffle) -> Refusal | None:
    """Accepts values whose sums are not rounded."""
    if not s.is_float:
        return Refusal("it is quantised, and sums would be rounded")
    return None


def _crd_float(s: Shuffle) -> Refusal | None:
    return crd(s) or floating(s)


def _of_channels(s: Shuffle) -> Refusal | None:
    if s.channels is None:
        return Refusal("it moves more than the channels of a feature map")
    return floating(s)


def _deepening(s: Shuffle) -> Refusal | None:
    if s.block is None or s.block.kind != "space-to-depth":
        return Refusal("it moves no space into depth")
    return floating(s)


ONE_HOT: tuple[Realisation[Shuffle], ...] = (
    Realisation(
        name="shuffle/one-hot-order",
        uses=("CONV_2D", "DEPTH_TO_SPACE"),
        exactness="exact",
        argument=(
            "a 1x1 convolution whose filters are rows of the identity puts the channels into "
            "the order that the operator takes"
        ),
        accepts=_crd_float,
        build=_in_order,
        limits=TIMES_ZERO,
    ),
    Realisation(
        name="shuffle/one-hot-channels",
        uses=("CONV_2D",),
        exactness="exact",
        argument=(
            "channels in another order, as groups of them are shuffled, are picked by a 1x1 "
            "convolution whose filters are rows of the identity"
        ),
        accepts=_of_channels,
        build=_permuted,
        limits=TIMES_ZERO,
    ),
    Realisation(
        name="shuffle/one-hot-conv",
        uses=("CONV_2D",),
        exactness="exact",
        argument=(
            "a convolution with the block's side as window and stride, whose filters have one "
            "1, picks each channel at each place of the block"
        ),
        accepts=_deepening,
        build=_strided,
        limits=TIMES_ZERO,
    ),
)

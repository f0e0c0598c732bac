"""Pieces of a tensor: splits, slices and positions, each out of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from npulint.fixers.building.bounds import picking
from npulint.fixers.building.builder import Feature
from npulint.fixers.building.moves import lengths, moves
from npulint.fixers.moving.pieces_reading import Pieces, Ranges, recognise
from npulint.fixers.record import TIMES_ZERO, Family, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.building.moves import Moves


def _strided_slices(builder: Builder, p: Pieces) -> list[int]:
    m = moves(builder, p.source)
    return _shaped(builder, p, [_taken(m, p, piece) for piece in p.ranges])


def _taken(m: Moves, p: Pieces, piece: Ranges) -> int:
    """A slice, or nothing where all is taken."""
    return p.source if lengths(piece) == p.shape and not p.steps else m.take(p.source, piece)


def _shaped(builder: Builder, p: Pieces, made: Sequence[int]) -> list[int]:
    """Pieces in the shapes that are expected."""
    m = moves(builder, p.source)
    return [m.reshape(value, shape) for value, shape in zip(made, p.shapes, strict=True)]


def _slices(builder: Builder, p: Pieces) -> list[int]:
    m = moves(builder, p.source)
    made = [
        p.source
        if lengths(piece) == p.shape
        else m.box(p.source, [start for start, _, _ in piece], lengths(piece))
        for piece in p.ranges
    ]
    return _shaped(builder, p, made)


def _equal_split(builder: Builder, p: Pieces) -> list[int]:
    made = moves(builder, p.source).split(p.source, p.axis or 0, len(p.ranges))
    return _shaped(builder, p, made)


def _one_hot(builder: Builder, p: Pieces) -> list[int]:
    """A 1x1 convolution for each piece, each of whose outputs picks one channel."""
    channels = p.channels or 0
    batch, *rest = p.shape
    height, width = rest[:2] if channels == len(rest) else rest[1:]
    x = Feature(p.source, (batch, p.shape[channels], height, width))
    kernels = [picking(range(*piece[channels]), p.shape[channels]) for piece in p.ranges]
    made = [builder.conv(x, kernel[:, :, None, None], None).value for kernel in kernels]
    return _shaped(builder, p, made)


def _changed(p: Pieces) -> Refusal | None:
    if p.op in ("STRIDED_SLICE", "Slice") and not p.masked:
        return Refusal("it is what is there")
    return None


def _plain(p: Pieces) -> Refusal | None:
    if not p.tflite or p.op == "SLICE":
        return Refusal("it is what is there")
    if p.steps:
        return Refusal("it skips samples, which SLICE cannot")
    return None


def _equal(p: Pieces) -> Refusal | None:
    if p.op not in ("SPLIT_V", "UNPACK"):
        return Refusal("only a split has pieces to be made by another split")
    if p.axis is None:
        return Refusal("it cuts nothing")
    if len({lengths(piece) for piece in p.ranges}) > 1:
        return Refusal("the pieces differ in size")
    return None


def _of_channels(p: Pieces) -> Refusal | None:
    if p.channels is None:
        return Refusal("it cuts no float feature map, whose channels a convolution could pick")
    if p.axis != p.channels:
        return Refusal("it cuts along other axes than the channels")
    return None


FAMILY = Family(
    "pieces",
    recognise,
    (
        Realisation(
            name="pieces/strided-slices",
            uses=("STRIDED_SLICE", "RESHAPE"),
            exactness="exact",
            argument=(
                "each piece is a range of every axis, which one slice takes; axes of one sample "
                "that masks or single positions leave out or put in are another shape of it"
            ),
            accepts=_changed,
            build=_strided_slices,
        ),
        Realisation(
            name="pieces/slices",
            uses=("SLICE", "RESHAPE"),
            exactness="exact",
            argument="each piece is a box of the tensor; no sample within it is skipped",
            accepts=_plain,
            build=_slices,
        ),
        Realisation(
            name="pieces/split",
            uses=("SPLIT", "RESHAPE"),
            exactness="exact",
            argument="pieces of one size are those of an equal split",
            accepts=_equal,
            build=_equal_split,
        ),
        Realisation(
            name="pieces/one-hot-conv",
            uses=("CONV_2D", "RESHAPE"),
            exactness="exact",
            argument=(
                "a 1x1 convolution whose filters are rows of the identity picks channels: its sums "
                "have one term that is not 0; finite float feature maps only"
            ),
            accepts=_of_channels,
            build=_one_hot,
            limits=TIMES_ZERO,
        ),
    ),
)

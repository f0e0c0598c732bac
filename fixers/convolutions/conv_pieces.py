"""A convolution whose channels are cut at once: a convolution for each piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.building.builder import Feature
from npulint.fixers.building.windows import Convolution, Sliding, read, windows
from npulint.fixers.moving import pieces_reading
from npulint.fixers.moving.pieces_reading import Pieces
from npulint.fixers.record import Family, Occurrence, Realisation, always

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.building.moves import Range
    from npulint.model import Graph, Node


@dataclass(frozen=True, slots=True)
class CutConvolution:
    """A convolution and the ranges of its channels that are used.

    Attributes:
        conv: The convolution.
        channels: A range for each piece, in the order of the results.
    """

    conv: Convolution
    channels: tuple[Range, ...]


def recognise(graph: Graph) -> Iterator[Occurrence[CutConvolution]]:
    """Find convolutions all of whose readers take pieces of their channels."""
    for node in graph.nodes:
        readers = _readers(graph, node)
        if not readers:
            continue
        conv = read(graph, node)
        if not isinstance(conv, Convolution) or conv.groups != 1:
            continue
        results = tuple(index for reader, _ in readers for index in reader.outputs)
        ranges = tuple(piece[found.channels or 0] for _, found in readers for piece in found.ranges)
        names = dict.fromkeys(reader.op for reader, _ in readers)
        yield Occurrence(
            f"{node.op} + {' + '.join(names)}",
            tuple(sorted((node.index, *(reader.index for reader, _ in readers)))),
            results,
            CutConvolution(conv, ranges),
        )


def _readers(graph: Graph, node: Node) -> list[tuple[Node, Pieces]]:
    """Who reads a convolution, empty where not all of them cut its channels."""
    if node.op not in ("CONV_2D", "Conv") or node.outputs[0] in graph.outputs:
        return []
    found = []
    for reader in graph.uses[node.outputs[0]].readers:
        read = pieces_reading.read(graph, reader)
        if not isinstance(read, Pieces) or not read.of_channels:
            return []
        found.append((reader, read))
    return found


def _cut(builder: Builder, c: CutConvolution) -> list[int]:
    conv, make = c.conv, windows(builder)
    how = Sliding(conv.strides, conv.dilations, conv.pads, 1, conv.activation)
    kernel, bias, x = conv.kernel, conv.bias, Feature(conv.source, conv.sizes)
    made = []
    for each in c.channels:
        picked = list(range(*each))
        offsets = None if bias is None else bias[picked]
        made.append(make.conv(x, kernel[picked], offsets, how).value)
    return made


FAMILY = Family(
    "conv-pieces",
    recognise,
    (
        Realisation(
            name="conv-pieces/cut-filters",
            uses=("CONV_2D", "PAD"),
            exactness="exact",
            argument=(
                "each output channel has a filter of its own, so a piece of the channels is the "
                "convolution by the filters of that piece"
            ),
            accepts=always,
            build=_cut,
        ),
    ),
)

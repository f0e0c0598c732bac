"""A convolution whose channels become space in the order that no operator of TFLite has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.building.builder import Feature
from npulint.fixers.building.windows import Convolution, Sliding, read, windows
from npulint.fixers.moving.shuffles import Block, slow
from npulint.fixers.moving.shuffles import recognise as recognise_shuffles
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph


@dataclass(frozen=True, slots=True)
class ShuffledConvolution:
    """A convolution whose channels become space, in the order that TFLite does not have."""

    conv: Convolution
    block: Block


def recognise(graph: Graph) -> Iterator[Occurrence[ShuffledConvolution]]:
    """Find convolutions whose result is read by one CRD shuffle only."""
    for occurrence in recognise_shuffles(graph):
        found = occurrence.found
        if isinstance(found, Refusal) or found.block is None or found.block.mode != "CRD":
            continue
        makers = graph.uses[found.source].makers
        if found.block.kind != "depth-to-space" or len(makers) != 1:
            continue
        conv = read(graph, makers[0])
        if isinstance(conv, Convolution):
            yield Occurrence(
                f"{makers[0].op} + {occurrence.op}",
                tuple(sorted((makers[0].index, *occurrence.nodes))),
                occurrence.results,
                ShuffledConvolution(conv, found.block),
            )


def _permuted(builder: Builder, c: ShuffledConvolution) -> list[int]:
    conv, side = c.conv, c.block.side
    order = slow(conv.output[1], side)
    bias = None if conv.bias is None else conv.bias[order]
    how = Sliding(conv.strides, conv.dilations, conv.pads, 1, conv.activation)
    x = Feature(conv.source, conv.sizes)
    made = windows(builder).conv(x, conv.kernel[order], bias, how)
    return [builder.depth_to_space(made, side).value]


def _dense(c: ShuffledConvolution) -> Refusal | None:
    if c.conv.groups != 1:
        return Refusal("filters of groups cannot change places")
    return None


FAMILY = Family(
    "conv-shuffle",
    recognise,
    (
        Realisation(
            name="conv-shuffle/filter-order",
            uses=("CONV_2D", "PAD", "DEPTH_TO_SPACE"),
            exactness="exact",
            argument=(
                "each channel has a filter of its own, so filters in the other order make the "
                "channels in the order that the operator takes"
            ),
            accepts=_dense,
            build=_permuted,
        ),
    ),
)

"""Dilated convolutions of what is quantised as plain ones of blocks in the batch, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from npulint.fixers.building.builder import Feature
from npulint.fixers.building.moves import moves
from npulint.fixers.building.windows import Convolution, read
from npulint.fixers.convolutions.batch_blocks import filled, from_batch, to_batch
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph, Node


@dataclass(frozen=True, slots=True)
class Dilated:
    """A convolution with a dilation whose weights are kept as they are.

    Attributes:
        node: Its node.
        conv: What it computes.
    """

    node: Node
    conv: Convolution


def recognise(graph: Graph) -> Iterator[Occurrence[Dilated]]:
    """Find every dilated convolution of a quantised map in a TFLite graph."""
    if graph.dialect != "tflite":
        return
    for node in graph.nodes:
        found = read(graph, node, kept=True)
        if isinstance(found, Convolution) and found.dilations != (1, 1):
            if graph.values[found.source].quantisation is None:
                continue  # Of real numbers the weights may change too.
            yield Occurrence(node.op, (node.index,), node.outputs, Dilated(node, found))


def _alone(d: Dilated) -> Refusal | None:
    if d.conv.strides != (1, 1):
        return Refusal(f"strides {d.conv.strides} skip some of the samples that go together")
    return None


def _in_batch(builder: Builder, d: Dilated) -> list[int]:
    c = d.conv
    result = builder.at(c.result)
    pads, sizes = filled(c)
    blocks = to_batch(builder, Feature(c.source, sizes), c.dilations, pads)
    height, width = (size // step for size, step in zip(sizes[2:], c.dilations, strict=True))
    count = sizes[0] * c.dilations[0] * c.dilations[1]
    made = (
        count, c.output[1], height - c.window[0] + 1, width - c.window[1] + 1
    )  # fmt: skip
    attributes = {
        **d.node.attributes, "padding": "VALID", "dilation_h_factor": 1, "dilation_w_factor": 1,
    }  # fmt: skip
    value = builder.value_node(
        d.node.op, (blocks, *d.node.inputs[1:]), builder.stored(made), **attributes
    )
    builder.values[-1] = replace(
        builder.values[-1], dtype=result.dtype, quantisation=result.quantisation
    )
    builder.nodes[-1] = replace(builder.nodes[-1], version=builder.version_of(builder.nodes[-1]))
    back = from_batch(builder, Feature(value, made), c.dilations)
    if back.sizes[2:] == c.output[2:]:
        return [back.value]
    m = moves(builder, back.value)
    ranges = [(0, size, 1) for size in m.shape(back.value)]
    ranges[1:3] = [(0, c.output[2], 1), (0, c.output[3], 1)]
    return [m.take(back.value, ranges)]


FAMILY: Family[Dilated] = Family(
    "quantised-conv",
    recognise,
    (
        Realisation(
            name="quantised-conv/batch-blocks",
            uses=(
                "SPACE_TO_BATCH_ND", "CONV_2D", "DEPTHWISE_CONV_2D", "BATCH_TO_SPACE_ND",
                "STRIDED_SLICE",
            ),
            exactness="exact",
            argument=(
                "a dilated window meets only every n-th sample: with those in the batch the same "
                "weights make the same sums, zero points being padded, and the same numbers are "
                "rounded; of quantised maps in TFLite, strides of 1"
            ),
            accepts=_alone,
            build=_in_batch,
        ),
    ),
)  # fmt: skip

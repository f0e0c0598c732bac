"""Dilated convolutions as plain ones of every n-th sample, moved into the batch and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.building.builder import Feature
from npulint.fixers.building.moves import moves
from npulint.fixers.building.windows import Convolution, Sliding, read, windows
from npulint.fixers.building.windows_tflite import named
from npulint.fixers.looking import integers, only_reader
from npulint.fixers.moving.axes import reorder
from npulint.fixers.reading import fixed, immovable
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder, Sizes
    from npulint.model import Graph, Node

Pair: TypeAlias = "tuple[int, int]"
Pads: TypeAlias = "tuple[int, int, int, int]"


def filled(c: Convolution) -> tuple[Pads, Sizes]:
    """Padding up to whole blocks, and the sizes of the map with it."""
    sides = list(c.pads)
    for axis in (0, 1):
        whole = c.sizes[2 + axis] + sides[2 * axis] + sides[2 * axis + 1]
        sides[2 * axis + 1] += -whole % c.dilations[axis]
    top, bottom, left, right = sides
    batch, channels, height, width = c.sizes
    sizes = batch, channels, height + top + bottom, width + left + right
    return (top, bottom, left, right), sizes


def in_batch(builder: Builder, c: Convolution) -> list[int]:
    """Samples at distances of the dilation are a map of their own, one more of the batch."""
    pads, sizes = filled(c)
    value = to_batch(builder, Feature(c.source, sizes), c.dilations, pads)
    count, rows, columns = c.dilations[0] * c.dilations[1], *c.dilations
    part = Feature(value, (sizes[0] * count, sizes[1], sizes[2] // rows, sizes[3] // columns))
    how = Sliding(groups=c.groups, activation=c.activation)
    made = from_batch(builder, windows(builder).conv(part, c.kernel, c.bias, how), c.dilations)
    m = moves(builder, made.value)
    ranges = [(0, size, 1) for size in m.shape(made.value)]
    for axis in (0, 1):
        ranges[axis + (1 if builder.graph.dialect == "tflite" else 2)] = 0, c.output[2 + axis], 1
    whole = made.sizes[2:] == c.output[2:]
    return [made.value if whole else m.take(made.value, ranges)]


def to_batch(builder: Builder, x: Feature, block: Pair, pads: Pads) -> int:
    """Pad, then take every n-th sample; `x` has the sizes after padding."""
    m = moves(builder, x.value)
    batch, channels, height, width = x.sizes
    rows, columns = block
    top, bottom, left, right = pads
    margins = (top, bottom), (left, right)
    if builder.graph.dialect == "tflite":
        held = [builder.constant(np.array(each, np.int32), "block") for each in (block, margins)]
        shape = batch * rows * columns, height // rows, width // columns, channels
        return m.made("SPACE_TO_BATCH_ND", (x.value, *held), shape)
    value = m.widen(x.value, [(0, 0), (0, 0), *margins]) if any(pads) else x.value
    view = batch, channels, height // rows, rows, width // columns, columns
    shape = rows * columns * batch, channels, height // rows, width // columns
    return reorder(m, value, view, (3, 5, 0, 1, 2, 4), shape)


def from_batch(builder: Builder, x: Feature, block: Pair) -> Feature:
    """Undo `to_batch`, without what was padded for it: NNAPI crops nothing."""
    m = moves(builder, x.value)
    count, channels, height, width = x.sizes
    rows, columns = block
    batch = count // (rows * columns)
    sizes = batch, channels, height * rows, width * columns
    if builder.graph.dialect == "tflite":
        held = [
            builder.constant(np.array(each, np.int32), "block")
            for each in (block, ((0, 0), (0, 0)))
        ]
        shape = batch, height * rows, width * columns, channels
        return Feature(m.made("BATCH_TO_SPACE_ND", (x.value, *held), shape), sizes)
    view = rows, columns, batch, channels, height, width
    return Feature(reorder(m, x.value, view, (2, 3, 4, 0, 5, 1), sizes), sizes)


@dataclass(frozen=True, slots=True)
class Blocked:
    """A convolution between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND.

    Attributes:
        conv: The convolution, of the blocks.
        window: Its node.
        source: Position of what is taken apart.
        sizes: Its sizes, `[N, C, H, W]`.
        block: Distances of the samples along H and W.
        pads: What the dilated convolution pads: top, bottom, left, right.
        result: Position of what is made.
    """

    conv: Convolution
    window: Node
    source: int
    sizes: Sizes
    block: Pair
    pads: Pads
    result: int


def recognise(graph: Graph) -> Iterator[Occurrence[Blocked]]:
    """Find every convolution of blocks, as exporters of TensorFlow write dilated ones."""
    if graph.dialect != "tflite":
        return
    for node in graph.nodes:
        if node.op != "SPACE_TO_BATCH_ND":
            continue
        window = only_reader(graph, node.outputs[0])
        last = None if window is None else only_reader(graph, window.outputs[0])
        if window is None or last is None or last.op != "BATCH_TO_SPACE_ND":
            continue
        if window.inputs[0] != node.outputs[0]:
            continue
        found = _read(graph, (node, window, last))
        if found is not None:
            nodes = tuple(sorted((node.index, window.index, last.index)))
            yield Occurrence(f"{node.op} + {window.op} + {last.op}", nodes, last.outputs, found)


def _read(graph: Graph, nodes: tuple[Node, Node, Node]) -> Blocked | Refusal | None:
    first, window, last = nodes
    conv = read(graph, window, kept=True)
    if not isinstance(conv, Convolution):
        return conv
    refusal = immovable(graph, (first.inputs[0], first.outputs[0]))
    refusal = refusal or immovable(graph, (window.outputs[0], last.outputs[0]))
    return refusal or _blocked(graph, nodes, conv)


def _blocked(graph: Graph, nodes: tuple[Node, Node, Node], conv: Convolution) -> Blocked | Refusal:
    first, window, last = nodes
    there, margins = (integers(graph, index) for index in first.inputs[1:3])
    back, crops = (integers(graph, index) for index in last.inputs[1:3])
    shape = fixed(graph.values[first.inputs[0]])
    if there is None or margins is None or back is None or crops is None or shape is None:
        return Refusal("its blocks or sizes are not fixed")
    if len(there) != 2 or len(shape) != 4 or there != back:
        return Refusal("its blocks are not of H and W, or not the same there and back")
    pads = tuple(
        margins[side] + own * there[side // 2] - crops[side] for side, own in enumerate(conv.pads)
    )
    batch, height, width, channels = shape
    return Blocked(
        conv=conv,
        window=window,
        source=first.inputs[0],
        sizes=(batch, channels, height, width),
        block=(there[0], there[1]),
        pads=(pads[0], pads[1], pads[2], pads[3]),
        result=last.outputs[0],
    )


def _plain(b: Blocked) -> Refusal | None:
    if b.conv.strides != (1, 1) or b.conv.dilations != (1, 1):
        return Refusal("the convolution of the blocks has strides or a dilation of its own")
    if min(b.pads) < 0:
        return Refusal("it crops more than it pads")
    return None


def _dilated(builder: Builder, b: Blocked) -> list[int]:
    """The same node with its weights, at the distances and with the padding of the blocks."""
    top, bottom, left, right = b.pads
    source, padding = b.source, named(b.sizes, b.conv.window, Sliding((1, 1), b.block, b.pads))
    if not padding:
        sides = (0, 0), (top, bottom), (left, right), (0, 0)
        source, padding = moves(builder, source).widen(source, sides), "VALID"
    attributes = {
        **b.window.attributes,
        "padding": padding,
        "dilation_h_factor": b.block[0],
        "dilation_w_factor": b.block[1],
    }
    shape = builder.at(b.result).shape or ()
    inputs = (source, *b.window.inputs[1:])
    return [builder.value_node(b.window.op, inputs, shape, **attributes)]


FAMILY: Family[Blocked] = Family(
    "batch-blocks",
    recognise,
    (
        Realisation(
            name="batch-blocks/dilated",
            uses=("CONV_2D", "DEPTHWISE_CONV_2D", "PAD"),
            exactness="exact",
            argument=(
                "a convolution of every n-th sample is one whose window has samples at that "
                "distance; the padding is what is added less what is cropped, for what is "
                "quantised its zero point"
            ),
            accepts=_plain,
            build=_dilated,
        ),
    ),
)

"""Partial convolution: some channels convolved, the others left, all joined again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from npulint.fixers.building.builder import Feature
from npulint.fixers.building.moves import moves
from npulint.fixers.building.windows import Convolution, Sliding, read, windows
from npulint.fixers.moving import joins, pieces_reading, updates_reading
from npulint.fixers.moving.joins import Join
from npulint.fixers.moving.pieces_reading import Pieces
from npulint.fixers.moving.shuffles import planes
from npulint.fixers.moving.updates_reading import Update
from npulint.fixers.reading import fixed
from npulint.fixers.record import TIMES_ZERO, Family, Occurrence, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder, Sizes
    from npulint.fixers.building.moves import Range
    from npulint.model import Graph, Node


@dataclass(frozen=True, slots=True)
class Part:
    """Channels of the result.

    Attributes:
        taken: The channels of the input that they are made of.
        conv: What makes them; None where they are those channels themselves.
    """

    taken: Range
    conv: Convolution | None


@dataclass(frozen=True, slots=True)
class Partial:
    """Channels side by side, each part a convolution of some of the input's channels, or those.

    Attributes:
        source: Position of the input.
        sizes: Of the input, `[N, C, H, W]`.
        parts: In the order of the result's channels.
    """

    source: int
    sizes: Sizes
    parts: tuple[Part, ...]

    @property
    def convs(self) -> list[Convolution]:
        """The convolutions."""
        return [part.conv for part in self.parts if part.conv is not None]


def recognise(graph: Graph) -> Iterator[Occurrence[Partial]]:
    """Find joins of pieces of one value, of which some are convolved, and such as write over it."""
    channels = 3 if graph.dialect == "tflite" else 1
    for joining in joins.recognise(graph):
        join = joining.found
        if not isinstance(join, Join) or len(join.shape) != 4 or join.axis != channels:
            continue
        found = [_part(graph, index) for index in join.sources]
        known = [each for each in found if each is not None]
        if len(known) == len(found) and len({each.source for each in known}) == 1:
            yield from _occurrence(graph, joining, known)
    for writing in updates_reading.recognise(graph):
        update = writing.found
        if isinstance(update, Update) and len(update.shape) == 4 and update.cut == (channels,):
            made = _part(graph, update.updates)
            if made is not None and made.source == update.source:
                yield from _occurrence(graph, writing, _around(made, update, channels))


def _occurrence(
    graph: Graph, joining: Occurrence[Any], made: Sequence[_Made]
) -> Iterator[Occurrence[Partial]]:
    """The parts of one value, where any is convolved."""
    if not any(each.part.conv for each in made):
        return
    covered = {*joining.nodes, *(node.index for each in made for node in each.nodes)}
    sizes = planes(graph, fixed(graph.values[made[0].source]) or ())
    parts = tuple(each.part for each in made)
    yield Occurrence(
        "partial convolution",
        tuple(sorted(covered)),
        joining.results,
        Partial(made[0].source, sizes, parts),
    )


@dataclass(frozen=True, slots=True)
class _Made:
    """A part, the value that it is a part of, and the nodes that make it."""

    part: Part
    source: int
    nodes: tuple[Node, ...] = ()


def _around(made: _Made, update: Update, channels: int) -> list[_Made]:
    """What is written, between the channels that are left as they are."""
    start, total = update.starts[channels], update.shape[channels]
    stop = start + update.sizes[channels]
    before = _Made(Part((0, start, 1), None), made.source)
    behind = _Made(Part((stop, total, 1), None), made.source)
    return [*([before] if start else []), made, *([behind] if stop < total else [])]


def _part(graph: Graph, index: int) -> _Made | None:
    """A part of the channels of some value, convolved or not; None for something else."""
    makers = graph.uses[index].makers
    if len(makers) != 1:
        return None
    conv = read(graph, makers[0])
    if isinstance(conv, Refusal):
        return None
    nodes = [makers[0]]
    if conv is not None:
        index = conv.source
        makers = graph.uses[index].makers
        if len(makers) != 1:
            return None
        nodes.append(makers[0])
    cut = pieces_reading.read(graph, makers[0])
    if not isinstance(cut, Pieces) or cut.channels is None or not cut.of_channels:
        return None
    taken = cut.ranges[makers[0].outputs.index(index)][cut.channels]
    return _Made(Part(taken, conv), cut.source, tuple(nodes))


def _whole(builder: Builder, p: Partial) -> list[int]:
    first = p.convs[0]
    center = first.pads[0] // first.dilations[0], first.pads[2] // first.dilations[1]
    rows, biases = [], []
    for part in p.parts:
        taken = list(range(*part.taken))
        outputs = len(taken) if part.conv is None else part.conv.output[1]
        kernel = np.zeros((outputs, p.sizes[1], *first.window), np.float32)
        bias = np.zeros(outputs, np.float32)
        if part.conv is None:
            kernel[range(outputs), taken, center[0], center[1]] = 1
        else:
            kernel[:, taken] = part.conv.kernel
            bias = bias if part.conv.bias is None else part.conv.bias.astype(np.float32)
        rows.append(kernel)
        biases.append(bias)
    how = Sliding((1, 1), first.dilations, first.pads)
    x = Feature(p.source, p.sizes)
    made = windows(builder).conv(x, np.concatenate(rows), np.concatenate(biases), how)
    return [made.value]


def _sliced(builder: Builder, p: Partial) -> list[int]:
    m, make = moves(builder, p.source), windows(builder)
    axis = 3 if builder.graph.dialect == "tflite" else 1
    batch, _, height, width = p.sizes
    made = []
    for part in p.parts:
        value = m.cut(p.source, axis, *part.taken)
        if part.conv is not None:
            conv = part.conv
            x = Feature(value, (batch, len(range(*part.taken)), height, width))
            how = Sliding(conv.strides, conv.dilations, conv.pads, conv.groups, conv.activation)
            value = make.conv(x, conv.kernel, conv.bias, how).value
        made.append(value)
    return [m.join(made, axis)]


def _any(_: Partial) -> Refusal | None:
    return None


def _alike(p: Partial) -> Refusal | None:
    first = p.convs[0]
    kinds = {(c.window, c.dilations, c.strides, c.pads, c.groups, c.activation) for c in p.convs}
    if len(kinds) > 1:
        return Refusal("its convolutions differ in their windows")
    if first.strides != (1, 1) or first.groups != 1 or first.activation != "NONE":
        return Refusal("its convolutions have strides, groups or an activation")
    lead = first.pads[0], first.pads[2]
    if first.output[2:] != p.sizes[2:] or any(
        pad % step for pad, step in zip(lead, first.dilations, strict=True)
    ):
        return Refusal("its windows have no sample at the place that they belong to")
    return None


FAMILY = Family(
    "partial-conv",
    recognise,
    (
        Realisation(
            name="partial-conv/slices",
            uses=("STRIDED_SLICE", "CONV_2D", "DEPTHWISE_CONV_2D", "CONCATENATION", "PAD"),
            exactness="exact",
            argument="each part is made of a slice of the channels, and the parts are joined",
            accepts=_any,
            build=_sliced,
        ),
        Realisation(
            name="partial-conv/whole",
            uses=("CONV_2D", "PAD"),
            exactness="exact",
            argument=(
                "one convolution of all channels, whose filters are 0 for channels that a part "
                "does not see, and one 1 for channels that are left as they are; finite values"
            ),
            accepts=_alike,
            build=_whole,
            limits=TIMES_ZERO,
        ),
    ),
)

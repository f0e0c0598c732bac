"""CONCATENATION without joining: margins and sums, or sums of convolutions behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.builder import Feature
from npulint.fixers.building.moves import moves
from npulint.fixers.building.windows import Convolution, Sliding, read, windows
from npulint.fixers.reading import fixed, immovable, meaning, not_float, stored
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal
from npulint.operators.rearrangements import Concat

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph, Node

_MOST_PADDED = 5
"""TFLite's `PadKernelMaxDimensionCount` (kernels/internal/reference/pad.h)."""


@dataclass(frozen=True, slots=True)
class Join:
    """Values behind one another.

    Attributes:
        sources: Positions of the values.
        sizes: How long each is along the axis.
        axis: As stored.
        shape: Of the result.
    """

    sources: tuple[int, ...]
    sizes: tuple[int, ...]
    axis: int
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class JoinedConvolutions:
    """Convolutions of channels that were joined for them."""

    join: Join
    convs: tuple[Convolution, ...]


def recognise(graph: Graph) -> Iterator[Occurrence[Join]]:
    """Find every concatenation."""
    for node in graph.nodes:
        found = _read(graph, node)
        if found is not None:
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def _read(graph: Graph, node: Node) -> Join | Refusal | None:
    if node.domain or node.op not in ("CONCATENATION", "Concat"):
        return None
    record = meaning(graph, node)
    if not isinstance(record, Concat):
        return record if isinstance(record, Refusal) else None
    if node.attributes.get("fused_activation_function", "NONE") != "NONE":
        return Refusal("it has a fused activation, with which the runtime does not run it")
    refusal = _on_grids(graph, node) or not_float(graph, node.outputs[0])
    refusal = refusal or immovable(graph, (*node.inputs, node.outputs[0]))
    if refusal is not None:
        return refusal
    shape = fixed(graph.values[node.outputs[0]]) or ()
    if graph.dialect == "tflite" and len(shape) > _MOST_PADDED:
        return Refusal(f"PAD takes at most {_MOST_PADDED} dimensions")
    axis = stored(graph, record.axis, len(shape))
    sizes = tuple((fixed(graph.values[index]) or ())[axis] for index in node.inputs)
    return Join(node.inputs, sizes, axis, shape)


def _on_grids(graph: Graph, node: Node) -> Refusal | None:
    """What to do about values on different grids, None where there is one or none."""
    values = [graph.values[index] for index in (*node.inputs, node.outputs[0])]
    grids = {value.quantisation for value in values}
    if len(grids) == 1 or None in grids:
        return None
    return Refusal(
        "it joins values on different grids, which moves none of them as it is: quantise them and "
        "the result with one scale and zero point"
    )


def recognise_before_convolutions(graph: Graph) -> Iterator[Occurrence[JoinedConvolutions]]:
    """Find channels that are joined for convolutions only."""
    channels = 3 if graph.dialect == "tflite" else 1
    for node in graph.nodes:
        join = _read(graph, node)
        if not isinstance(join, Join) or len(join.shape) != 4 or join.axis != channels:
            continue
        if node.outputs[0] in graph.outputs or any(
            graph.values[index].constant is not None for index in join.sources
        ):
            continue
        readers = graph.uses[node.outputs[0]].readers
        convs = [read(graph, reader) for reader in readers]
        found = [
            conv
            for conv in convs
            if isinstance(conv, Convolution) and conv.groups == 1 and conv.source == node.outputs[0]
        ]
        if not found or len(found) < len(convs):
            continue
        yield Occurrence(
            f"{node.op} + {readers[0].op}",
            (node.index, *sorted(reader.index for reader in readers)),
            tuple(reader.outputs[0] for reader in readers),
            JoinedConvolutions(join, tuple(found)),
        )


def _pad_add(builder: Builder, j: Join) -> list[int]:
    m = moves(builder, j.sources[0])
    start, total = 0, None
    for source, size in zip(j.sources, j.sizes, strict=True):
        margins = [(0, 0)] * len(j.shape)
        margins[j.axis] = start, j.shape[j.axis] - start - size
        start += size
        alone = m.widen(source, margins)
        total = alone if total is None else m.add(total, alone)
    return [total or 0]


def _sum(builder: Builder, c: JoinedConvolutions) -> list[int]:
    return [_summed(builder, c.join, conv) for conv in c.convs]


def _summed(builder: Builder, join: Join, conv: Convolution) -> int:
    """One convolution for each of the joined values, added up; the first has the bias."""
    make, m = windows(builder), moves(builder, join.sources[0])
    kernel, bias = conv.kernel, conv.bias
    how = Sliding(conv.strides, conv.dilations, conv.pads)
    cuts = np.cumsum(join.sizes)[:-1]
    batch, _, height, width = conv.sizes
    total = None
    for source, part in zip(join.sources, np.split(kernel, cuts, axis=1), strict=True):
        x = Feature(source, (batch, int(part.shape[1]), height, width))
        made = make.conv(x, part, bias if total is None else None, how)
        total = made if total is None else Feature(m.add(total.value, made.value), made.sizes)
    if total is None:
        raise AssertionError("a join has operands")
    return builder.activate(total, conv.activation).value


def _several(j: Join) -> Refusal | None:
    if len([size for size in j.sizes if size]) < 2 or 0 in j.sizes:
        return Refusal("fewer than two values, or empty ones, are joined")
    return None


def _several_before(c: JoinedConvolutions) -> Refusal | None:
    return _several(c.join)


FAMILY = Family(
    "join",
    recognise,
    (
        Realisation(
            name="join/pad-add",
            uses=("PAD", "ADD"),
            exactness="exact",
            argument=(
                "with zeros in the places of the others each value has the joined size, and in the "
                "sum each element is one value plus zeros; float only"
            ),
            accepts=_several,
            build=_pad_add,
        ),
    ),
)

CONVOLUTIONS = Family(
    "join-conv",
    recognise_before_convolutions,
    (
        Realisation(
            name="join-conv/sum",
            uses=("CONV_2D", "ADD", "PAD"),
            exactness="exact",
            argument=(
                "a convolution sums over its input channels, so that of joined channels is the sum "
                "of convolutions of each value by its part of the weights; groups are not joined"
            ),
            accepts=_several_before,
            build=_sum,
        ),
    ),
)

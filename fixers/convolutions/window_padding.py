"""Padding before an ONNX window: a Pad of its own, or the window's own pads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.building.moves import moves
from npulint.fixers.looking import lower_bound, only_reader
from npulint.fixers.reading import fixed, meaning, not_float, padding
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal
from npulint.operators.rearrangements import Pad
from npulint.operators.semantics import Conv, Pool

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Attribute, Graph, Node
    from npulint.operators.semantics import Window

Pads: TypeAlias = "tuple[tuple[int, int], ...]"

_WINDOWS = ("Conv", "MaxPool", "AveragePool")

_LOWEST = float(np.finfo(np.float32).min)
"""No finite number lies below it."""


@dataclass(frozen=True, slots=True)
class PaddedWindow:
    """A window over a map that has samples added around it.

    Attributes:
        window: The node of the window.
        source: Position of the map before anything is added.
        outer: What a node of its own adds along the spatial axes; None where there is none.
        value: What that node adds.
        own: What the window adds itself.
        counted: Whether an average counts what it adds itself.
        least: What no element of the map lies below.
        reach: Samples from the first to the last of the window.
        plain: Why the window does not say its size alone, None where it does.
    """

    window: Node
    source: int
    outer: Pads | None
    value: float
    own: Pads
    counted: bool
    least: float
    reach: tuple[int, ...]
    plain: Refusal | None


def recognise(graph: Graph) -> Iterator[Occurrence[PaddedWindow]]:
    """Find every padded window of an ONNX graph, and every one behind a Pad."""
    if graph.dialect != "onnx":
        return
    for node in graph.nodes:
        if node.domain:
            continue
        if node.op in _WINDOWS:
            found = _read(graph, node, None)
            if isinstance(found, PaddedWindow) and any(map(any, found.own)):
                yield Occurrence(node.op, (node.index,), node.outputs[:1], found)
        elif node.op == "Pad":
            reader = only_reader(graph, node.outputs[0])
            if reader is None or reader.op not in _WINDOWS or reader.domain:
                continue
            nodes = tuple(sorted((node.index, reader.index)))
            if reader.inputs[0] == node.outputs[0]:
                found = _read(graph, reader, node)
                yield Occurrence(f"Pad + {reader.op}", nodes, reader.outputs[:1], found)


def _read(graph: Graph, window: Node, pad: Node | None) -> PaddedWindow | Refusal:
    record = meaning(graph, window)
    if not isinstance(record, (Conv, Pool)):
        return record if isinstance(record, Refusal) else Refusal("it is no window")
    refusal = not_float(graph, window.inputs[0])
    ends = fixed(graph.values[window.inputs[0]]), fixed(graph.values[window.outputs[0]])
    if refusal is not None or ends[0] is None or ends[1] is None or len(window.outputs) > 1:
        return refusal or Refusal("its sizes are not all fixed, or it also says where maxima are")
    sides = record.window
    own = padding(graph, sides, ends[0][2:])
    if isinstance(own, Refusal):
        return own
    source, outer, value = window.inputs[0], None, 0.0
    if pad is not None:
        added = meaning(graph, pad)
        if not isinstance(added, Pad) or added.pads is None or added.value is None:
            return added if isinstance(added, Refusal) else Refusal("what is added is not known")
        if added.mode != "constant" or any(map(any, added.pads[:2])):
            return Refusal("it mirrors or repeats, or adds to the batch or the channels")
        source, outer, value = pad.inputs[0], added.pads[2:], added.value
    return PaddedWindow(
        window=window,
        source=source,
        outer=outer,
        value=value,
        own=own,
        counted=isinstance(record, Pool) and record.count_include_pad,
        least=lower_bound(graph, source),
        reach=_reach(sides),
        plain=_plain(record),
    )


def _plain(record: Conv | Pool) -> Refusal | None:
    if record.window.ceil:
        return Refusal("its last window may be a part of one, which counts padding otherwise")
    if isinstance(record, Pool) and any(step != 1 for step in record.window.dilations):
        return Refusal("its windows have holes, and may lie in the padding altogether")
    return None


def _reach(window: Window) -> tuple[int, ...]:
    return tuple(
        (size - 1) * step + 1 for size, step in zip(window.kernel, window.dilations, strict=True)
    )


def _foldable(p: PaddedWindow) -> Refusal | None:
    if p.outer is None:
        return Refusal("the padding is the window's own already")
    if min(map(min, p.outer), default=0) < 0:
        return Refusal("it crops")
    if p.plain is not None:
        return p.plain
    refusal = _KINDS[p.window.op](p)
    if refusal is not None or p.window.op == "Conv":
        return refusal
    if any(max(pair) >= reach for pair, reach in zip(_whole(p), p.reach, strict=True)):
        return Refusal("a pool adds fewer samples than its window has")
    return None


def _zeros(p: PaddedWindow) -> Refusal | None:
    return Refusal(f"a convolution adds zeros, not {p.value:g}") if p.value else None


def _maxima(p: PaddedWindow) -> Refusal | None:
    if p.value > _LOWEST and p.value > p.least:
        return Refusal(f"it adds {p.value:g}, and elements may lie below that")
    return None


def _averages(p: PaddedWindow) -> Refusal | None:
    if any(map(any, p.own)) and not p.counted:
        return Refusal("of what it averages it counts one part of the padding only")
    return _zeros(p)


_KINDS = {"Conv": _zeros, "MaxPool": _maxima, "AveragePool": _averages}


def _apart(p: PaddedWindow) -> Refusal | None:
    if p.outer is not None:
        return Refusal("there is a node for padding already")
    if p.window.op == "MaxPool" or (p.window.op == "AveragePool" and not p.counted):
        return Refusal("it leaves out what it adds: no samples stand for that")
    return p.plain


def _whole(p: PaddedWindow) -> Pads:
    return tuple(
        (own[0] + more[0], own[1] + more[1]) for own, more in zip(p.own, p.outer or (), strict=True)
    )


def _folded(builder: Builder, p: PaddedWindow) -> list[int]:
    counted: dict[str, Attribute] = {}
    if p.window.op == "AveragePool":
        counted = {"count_include_pad": 1}
    return [_window(builder, p, p.source, _whole(p), counted)]


def _taken_out(builder: Builder, p: PaddedWindow) -> list[int]:
    padded = moves(builder, p.source).widen(p.source, [(0, 0), (0, 0), *p.own])
    counted: dict[str, Attribute] = {}
    if p.window.op == "AveragePool":
        counted = {"count_include_pad": 0}
    return [_window(builder, p, padded, ((0, 0),) * len(p.own), counted)]


def _window(
    builder: Builder, p: PaddedWindow, source: int, pads: Pads, said: Mapping[str, Attribute]
) -> int:
    kept = {name: each for name, each in p.window.attributes.items() if name != "auto_pad"}
    flat = tuple(before for before, _ in pads) + tuple(after for _, after in pads)
    shape = builder.at(p.window.outputs[0]).shape or ()
    inputs = (source, *p.window.inputs[1:])
    return builder.value_node(p.window.op, inputs, shape, **{**kept, **said, "pads": flat})


OWN: Realisation[PaddedWindow] = Realisation(
    name="window-padding/own",
    uses=("CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D"),
    exactness="exact",
    argument=(
        "what Pad adds a window adds itself: a convolution zeros, an average zeros that "
        "it counts, a maximum what no element lies below; in ONNX"
    ),
    accepts=_foldable,
    build=_folded,
)
"""It leaves a node less, whatever any target takes."""

FAMILY: Family[PaddedWindow] = Family(
    "window-padding",
    recognise,
    (
        OWN,
        Realisation(
            name="window-padding/apart",
            uses=("PAD", "CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D"),
            exactness="exact",
            argument=(
                "zeros that a window adds and counts can be added before it; in ONNX, where "
                "windows may have other margins than any other format has a name for"
            ),
            accepts=_apart,
            build=_taken_out,
        ),
    ),
)

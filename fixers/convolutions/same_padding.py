"""Zero padding before a TFLite window: a node of its own, or the window's own SAME."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.moves import moves
from npulint.fixers.looking import lower_bound, only_reader
from npulint.fixers.pointwise.ways import readings_of, unfit
from npulint.fixers.reading import QUANTISED, immovable
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal
from npulint.operators.emit_windows import same_pads

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.norms.constants import Readings
    from npulint.model import Graph, Node

_WINDOWS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_BEHIND = (*_WINDOWS, "MAX_POOL_2D")

_LOWEST = float(np.finfo(np.float32).min)
"""No finite number lies below it."""

Pair = tuple[int, int]
Sides = tuple[Pair, Pair]


@dataclass(frozen=True, slots=True)
class Padding:
    """A window over a padded map.

    Attributes:
        window: The node of the window.
        source: Position of the map before it is padded.
        shape: Its sizes.
        sides: Zeros before and after, along H and W.
        same: What SAME would add.
        apart: Whether the padding is a node of its own.
        value: What it adds.
        least: What no element of the map lies below.
    """

    window: Node
    source: int
    shape: tuple[int, ...]
    sides: Sides
    same: Sides
    apart: bool
    value: float = 0.0
    least: float = 0.0


def recognise(graph: Graph) -> Iterator[Occurrence[Padding]]:
    """Find every padded convolution of a TFLite graph."""
    if graph.dialect != "tflite":
        return
    for node in graph.nodes:
        if node.op in _WINDOWS and node.attributes.get("padding") == "SAME":
            found = _read(graph, node, None)
            if found is not None:
                yield Occurrence(node.op, (node.index,), node.outputs, found)
        elif node.op in ("PAD", "PADV2"):
            reader = only_reader(graph, node.outputs[0])
            if reader is None or reader.op not in _BEHIND or reader.inputs[0] != node.outputs[0]:
                continue
            found = _read(graph, reader, node)
            if found is not None and reader.attributes.get("padding") == "VALID":
                nodes = (node.index, reader.index)
                yield Occurrence(f"{node.op}+{reader.op}", nodes, reader.outputs, found)


def _read(graph: Graph, window: Node, pad: Node | None) -> Padding | Refusal | None:
    readings = readings_of(graph)
    source = window.inputs[0] if pad is None else pad.inputs[0]
    quantised = graph.values[source].quantisation is not None
    refusal = (
        _unmoved(graph, window, source)
        if quantised
        else unfit(readings, window, (source, window.outputs[0]))
    )
    shape, kernel = readings.sizes(source), _kernel(readings, window)
    if refusal is not None or shape is None or kernel is None or len(shape) != 4:
        return refusal or Refusal("the sizes of its inputs and outputs are not all fixed")
    same = _same(window, shape, kernel)
    if pad is None:
        return Padding(window, source, shape, same, same, apart=False)
    amounts = readings.numbers(pad.inputs[1])
    if amounts is None or amounts.size != 8:
        return Refusal("the padding is computed at run time")
    held = [int(each) for each in amounts.reshape(-1)]
    if any(held[:2]) or any(held[6:]):
        return None
    value = _added(graph, pad)
    if value is None:
        return Refusal("what is added is computed at run time")
    sides = (held[2], held[3]), (held[4], held[5])
    least = lower_bound(graph, source)
    return Padding(window, source, shape, sides, same, apart=True, value=value, least=least)


def _unmoved(graph: Graph, window: Node, source: int) -> Refusal | None:
    """Why a quantised window is left alone, None where its zero is a convolution's own."""
    if window.op not in _WINDOWS:
        return Refusal(f"it pools what is quantised: {QUANTISED}")
    return immovable(graph, (source, window.inputs[0]))


def _added(graph: Graph, pad: Node) -> float | None:
    """What a PAD adds, as a real number; None where that is not stored."""
    if pad.op == "PAD":
        return 0.0
    held = graph.values[pad.inputs[2]]
    if held.constant is None or held.constant.sparse or held.element_count != 1:
        return None
    number, how = float(held.constant.read().reshape(-1)[0]), held.quantisation
    if how != graph.values[pad.inputs[0]].quantisation:
        return None
    return number if how is None else (number - sum(how.zero_points[:1])) * how.scales[0]


def _kernel(readings: Readings, window: Node) -> tuple[int, ...] | None:
    """The window's size, its batch and channels around it."""
    if window.op in _WINDOWS:
        return readings.sizes(window.inputs[1])
    rows, columns = (
        int(str(window.attributes.get(f"filter_{side}", 1))) for side in ("height", "width")
    )
    return 1, rows, columns, 1


def _same(window: Node, shape: tuple[int, ...], kernel: tuple[int, ...]) -> Sides:
    """What SAME adds: half of what is missing before, the rest after."""
    sides = []
    for axis, name in ((1, "h"), (2, "w")):
        stride = int(str(window.attributes.get(f"stride_{name}", 1)))
        dilation = int(str(window.attributes.get(f"dilation_{name}_factor", 1)))
        sides.append(same_pads(shape[axis], kernel[axis], stride, dilation))
    return sides[0], sides[1]


def _explicit(p: Padding) -> Refusal | None:
    return Refusal("the padding is a node of its own already") if p.apart else None


def _agrees(p: Padding) -> Refusal | None:
    if not p.apart:
        return Refusal("the padding is the window's own already")
    if p.sides != p.same:
        return Refusal(f"SAME would add {p.same} along H and W, not {p.sides}")
    if p.window.op in _WINDOWS:
        return Refusal(f"SAME adds zeros, not {p.value:g}") if p.value else None
    if p.value > _LOWEST and p.value > p.least:
        return Refusal(f"it adds {p.value:g}, and elements may lie below that")
    return None


def _taken_out(builder: Builder, p: Padding) -> list[int]:
    (top, bottom), (left, right) = p.sides
    if not (top or bottom or left or right):
        return [_window(builder, p, p.source, "VALID")]
    rows = (0, 0), (top, bottom), (left, right), (0, 0)
    padded = moves(builder, p.source).widen(p.source, rows)
    return [_window(builder, p, padded, "VALID")]


def _put_in(builder: Builder, p: Padding) -> list[int]:
    return [_window(builder, p, p.source, "SAME")]


def _window(builder: Builder, p: Padding, source: int, padding: str) -> int:
    shape = builder.at(p.window.outputs[0]).shape or ()
    attributes = {**p.window.attributes, "padding": padding}
    inputs = (source, *p.window.inputs[1:])
    return builder.value_node(p.window.op, inputs, shape, **attributes)


FAMILY: Family[Padding] = Family(
    "padding",
    recognise,
    (
        Realisation(
            name="padding/same",
            uses=("CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D"),
            exactness="exact",
            argument=(
                "where PAD adds what SAME would, the window does it itself; a maximum is none of "
                "what is added where no element lies below that; to what is quantised both add the "
                "zero point"
            ),
            accepts=_agrees,
            build=_put_in,
        ),
        Realisation(
            name="padding/explicit",
            uses=("PAD", "CONV_2D", "DEPTHWISE_CONV_2D"),
            exactness="exact",
            argument="SAME adds zeros: half of what is missing before, the rest after",
            accepts=_explicit,
            build=_taken_out,
        ),
    ),
)

"""Boxes of a value that are written over: ScatterND as exporters write it, DYNAMIC_UPDATE_SLICE.

`x[:, :n] = y` of torch is a ScatterND: of one exporter with the place of every element, of the
other with the places along one axis, which transpositions around it put first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.looking import integers, maker, only_reader
from npulint.fixers.pointwise.ways import readings_of
from npulint.fixers.reading import fixed, immovable
from npulint.fixers.record import Occurrence, Refusal
from npulint.model import OMITTED

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.fixers.norms.constants import Readings
    from npulint.model import Graph, Node

_Whole: TypeAlias = "npt.NDArray[np.int64]"

_AT_RUN_TIME = "where it writes is computed while the model runs"
_NO_BOX = "the places that it writes to are no box"


@dataclass(frozen=True, slots=True)
class Update:
    """A value with a box of it written over.

    Attributes:
        op: The operator that was met.
        source: Position of the value.
        updates: Position of what is written, of the box's sizes.
        starts: Where the box begins along each axis.
        sizes: Of the box.
        shape: Of the value and the result, as stored.
    """

    op: str
    source: int
    updates: int
    starts: tuple[int, ...]
    sizes: tuple[int, ...]
    shape: tuple[int, ...]

    @property
    def cut(self) -> tuple[int, ...]:
        """The axes along which the box is not all there is."""
        return tuple(axis for axis, size in enumerate(self.shape) if self.sizes[axis] != size)


def recognise(graph: Graph) -> Iterator[Occurrence[Update]]:
    """Find every node that writes over a part of a value, with the transpositions around it."""
    for node in graph.nodes:
        if node.domain or node.op not in ("ScatterND", "DYNAMIC_UPDATE_SLICE"):
            continue
        found = _read(graph, node)
        around = None if isinstance(found, Refusal) else _turned_back(graph, node, found)
        if around is not None:
            yield around
        yield Occurrence(node.op, (node.index,), node.outputs, found)


def _read(graph: Graph, node: Node) -> Update | Refusal:
    if len(node.inputs) != 3 or OMITTED in node.inputs:
        return Refusal("an operand is left out")
    tflite = node.op == "DYNAMIC_UPDATE_SLICE"
    source, updates, places = (node.inputs[each] for each in ((0, 1, 2) if tflite else (0, 2, 1)))
    refusal = immovable(graph, (source, updates, node.outputs[0]))
    if node.attributes.get("reduction", "none") != "none":
        refusal = Refusal("it adds to what is there, or compares with it")
    if refusal is not None:
        return refusal
    shape = fixed(graph.values[source]) or ()
    wanted = fixed(graph.values[updates]) or ()
    box = (
        _sliced(graph, places, wanted, shape)
        if tflite
        else _scattered(readings_of(graph), places, wanted, shape)
    )
    if isinstance(box, Refusal):
        return box
    unfit = _unfit(box, shape, fixed(graph.values[node.outputs[0]]))
    return unfit or Update(node.op, source, updates, *box, shape)


_Box: TypeAlias = "tuple[tuple[int, ...], tuple[int, ...]]"
"""Where it begins, and its sizes."""


def _unfit(box: _Box, shape: tuple[int, ...], made: tuple[int, ...] | None) -> Refusal | None:
    """Why a box cannot be joined to what is around it, None where it can."""
    if made != shape or not shape:
        return Refusal("its result is not of the sizes of what it writes over")
    if any(at < 0 or at + n > size for at, n, size in zip(*box, shape, strict=True)):
        return Refusal("it writes beyond what there is")
    if box[1] == shape:
        return Refusal("it writes over all there is")
    return None


def _sliced(
    graph: Graph, places: int, wanted: tuple[int, ...], shape: tuple[int, ...]
) -> _Box | Refusal:
    """The box begins at stated places, moved back to where it fits."""
    starts = integers(graph, places)
    if starts is None:
        return Refusal(_AT_RUN_TIME)
    if not len(starts) == len(wanted) == len(shape):
        return Refusal(_NO_BOX)
    kept = (max(min(a, size - n), 0) for a, n, size in zip(starts, wanted, shape, strict=True))
    return tuple(kept), wanted


def _scattered(
    readings: Readings, places: int, wanted: tuple[int, ...], shape: tuple[int, ...]
) -> _Box | Refusal:
    """The places along the first axes; whole are those that follow."""
    sizes = readings.sizes(places)
    if not sizes or not 1 <= sizes[-1] <= len(shape):
        return Refusal(_AT_RUN_TIME if sizes is None else _NO_BOX)
    count, lead = sizes[-1], sizes[:-1]
    if wanted != (*lead, *shape[count:]) or len(lead) != count or 0 in wanted:
        return Refusal(_NO_BOX)
    starts = []
    for axis, along in enumerate(_coordinates(readings, places, lead)):
        if along is None:
            return Refusal(_AT_RUN_TIME)
        counted = np.where(along < 0, along + shape[axis], along)
        first = int(counted[(0,) * count])
        line = np.arange(first, first + lead[axis])
        spread = line.reshape([-1 if each == axis else 1 for each in range(count)])
        if not np.array_equal(counted, np.broadcast_to(spread, lead)):
            return Refusal(_NO_BOX)
        starts.append(first)
    return (*starts, *(0 for _ in shape[count:])), wanted


def _coordinates(readings: Readings, places: int, lead: tuple[int, ...]) -> Iterator[_Whole | None]:
    """What each axis's places are, in the box's shape: stored, or joined from one for each."""
    known = readings.numbers(places)
    if known is not None:
        yield from np.moveaxis(known.astype(np.int64), -1, 0)
        return
    joined = maker(readings.graph, places)
    if joined is None or joined.op != "Concat":
        yield None
        return
    for index in joined.inputs:
        one = readings.numbers(index)
        sizes = readings.sizes(index)
        fits = one is not None and sizes == (*lead, 1)
        yield one.astype(np.int64).reshape(lead) if one is not None and fits else None


def _turned_back(graph: Graph, node: Node, found: Update) -> Occurrence[Update] | None:
    """An update of what was transposed for it and is transposed back: an update of that."""
    behind = only_reader(graph, node.outputs[0])
    before = [maker(graph, index) for index in (found.source, found.updates)]
    first, second = before
    if behind is None or first is None or second is None:
        return None
    orders = [_order(each) for each in (first, second, behind)]
    if orders[0] is None or orders[0] != orders[1] or orders[2] is None:
        return None
    back = orders[2]
    if [orders[0][axis] for axis in back] != list(range(len(back))):
        return None
    inner = Update(
        op=node.op,
        source=first.inputs[0],
        updates=second.inputs[0],
        starts=tuple(found.starts[axis] for axis in back),
        sizes=tuple(found.sizes[axis] for axis in back),
        shape=tuple(found.shape[axis] for axis in back),
    )
    covers = {first.index, second.index, node.index, behind.index}
    return Occurrence(f"Transpose + {node.op}", tuple(sorted(covers)), behind.outputs, inner)


def _order(node: Node) -> tuple[int, ...] | None:
    """The order that a Transpose states."""
    order = node.attributes.get("perm")
    if node.op != "Transpose" or node.domain or not isinstance(order, tuple):
        return None
    return tuple(each for each in order if isinstance(each, int))

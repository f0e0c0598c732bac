"""Where in a graph normalisations are, and which nodes each of them is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.norms.constants import Readings
from npulint.fixers.norms.elementwise import ROOTS
from npulint.fixers.norms.native import NAMES, NATIVE, inner_shape
from npulint.fixers.norms.outcome import conclude
from npulint.fixers.norms.reading import Normalisation
from npulint.fixers.norms.trace import Trace, frame_of
from npulint.fixers.record import Refusal
from npulint.operators.rearrangements import Cast, Expand, Reduce, Reshape, Squeeze
from npulint.operators.semantics import Binary, Pool, Unary, Variadic

if TYPE_CHECKING:
    from npulint.model import Graph, Node
    from npulint.operators.rearrangements import Operator

_DEEPEST = 16
"""Nodes between a root and the first mean of its pattern, at most."""

_STEPS = (Binary, Unary, Variadic, Cast, Expand, Reduce, Reshape, Squeeze, Pool)


def search(graph: Graph, keep: frozenset[int]) -> Mapping[int, Normalisation | Refusal]:
    """Find the normalisations of a graph; see `npulint.fixers.norms.reading.recognise`."""
    readings = Readings(graph)
    found: dict[int, Normalisation | Refusal] = {}
    for node in graph.nodes:
        anchor = _anchor(readings, node)
        if anchor is None:
            operator = readings.operator(node)
            if node.op in NAMES and isinstance(operator, str):
                found[node.index] = Refusal(operator)
            continue
        place, outcome = _read(readings, anchor, keep)
        if isinstance(outcome, Normalisation) or place not in found:
            found[place] = outcome
    covered = {
        index
        for outcome in found.values()
        if isinstance(outcome, Normalisation)
        for index in outcome.nodes[:-1]
    }
    return {place: outcome for place, outcome in found.items() if place not in covered}


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A node that a normalisation may hang on: a root of an average, or a native operator.

    Attributes:
        node: The node.
        sources: Values that may be what is normalised, the likeliest first.
        under: Positions of the nodes that the value under a root is computed with.
    """

    node: Node
    sources: tuple[int, ...]
    under: frozenset[int] = frozenset()


def _anchor(readings: Readings, node: Node) -> _Anchor | None:
    if not node.inputs or node.inputs[0] < 0:
        return None
    operator = readings.operator(node)
    if isinstance(operator, NATIVE):
        return _Anchor(node, (node.inputs[0],))
    if not _is_root(readings, node, operator):
        return None
    under = list(_under(readings, node))
    sources = _sources(readings, under)
    if not sources or not _divides(readings, node):
        return None
    return _Anchor(node, sources, frozenset(each.index for each in under))


def _is_root(readings: Readings, node: Node, operator: Operator | str) -> bool:
    if isinstance(operator, Unary):
        return operator.kind in ROOTS
    if operator != Binary("pow"):
        return False
    exponent = readings.numbers(node.inputs[1])
    return exponent is not None and exponent.size == 1 and abs(float(exponent.flat[0])) == 0.5


def _divides(readings: Readings, node: Node) -> bool:
    """Whether something computed is divided or multiplied by the root, sooner or later."""
    waiting = [node]
    for _ in range(_DEEPEST):
        if not waiting:
            return False
        for reader in readings.graph.uses[waiting.pop().outputs[0]].readers:
            operator = readings.operator(reader)
            product = isinstance(operator, Binary) and operator.kind in ("mul", "div")
            if product and all(readings.numbers(index) is None for index in reader.inputs):
                return True
            if isinstance(operator, _STEPS) and len(reader.outputs) == 1:
                waiting.append(reader)
    return False


def _sources(readings: Readings, under: Sequence[Node]) -> tuple[int, ...]:
    """The operands of the averages under a root, the earliest first, then what they are made of."""
    averaged: dict[int, None] = {}
    squared: dict[int, None] = {}
    for node in under:
        if isinstance(readings.operator(node), (Reduce, Pool)):
            averaged[node.inputs[0]] = None
            squared.update(dict.fromkeys(_made_of(readings, node.inputs[0])))

    def place(index: int) -> tuple[int, int]:
        makers = readings.graph.uses[index].makers
        return (makers[0].index if makers else -1), index

    others = [index for index in squared if index not in averaged]
    return (*sorted(averaged, key=place), *sorted(others, key=place))


def _under(readings: Readings, root: Node) -> Iterator[Node]:
    """The nodes that the value under a root is computed with, as far as they are followed."""
    waiting, seen = [root.inputs[0]], {root.index}
    while waiting and len(seen) < _DEEPEST:
        for node in readings.graph.uses[waiting.pop(0)].makers:
            if node.index in seen or not isinstance(readings.operator(node), _STEPS):
                continue
            seen.add(node.index)
            yield node
            waiting += [index for index in node.inputs if index >= 0]


def _made_of(readings: Readings, index: int) -> list[int]:
    makers = readings.graph.uses[index].makers
    if not makers or not isinstance(readings.operator(makers[0]), (Binary, Unary)):
        return []
    return [each for each in makers[0].inputs if each >= 0 and readings.numbers(each) is None]


def _read(
    readings: Readings, anchor: _Anchor, keep: frozenset[int]
) -> tuple[int, Normalisation | Refusal]:
    """Follow the likely sources of an anchor until one explains it."""
    latest = (
        anchor.node.index,
        Refusal("the sizes of what it normalises are not all fixed, or do not fit its groups"),
    )
    for source in anchor.sources:
        explained = False
        for start, shapes in _starts(readings, anchor, source):
            frame = frame_of(start, shapes, anchor.node.index, anchor.under)
            if frame is None:
                continue
            trace = Trace(frame, readings)
            trace.run()
            place, outcome = conclude(trace, anchor.node, keep)
            if isinstance(outcome, Normalisation):
                return place, outcome
            latest = (place, outcome)
            explained = explained or trace.epsilon is not None
        if explained:
            break
    return latest


def _starts(
    readings: Readings, anchor: _Anchor, source: int
) -> Iterator[tuple[int, list[tuple[int, ...]]]]:
    """What may be normalised and the shapes that it is seen in.

    A reshape in front may split the channels into groups, so what was reshaped comes first.
    """
    shape = readings.sizes(source)
    if shape is None:
        return
    operator = readings.operator(anchor.node)
    inner = inner_shape(operator, shape) if isinstance(operator, NATIVE) else shape
    if inner is None:
        return
    makers = readings.graph.uses[source].makers
    if makers and isinstance(readings.operator(makers[0]), (Reshape, Squeeze)):
        before = readings.sizes(makers[0].inputs[0])
        if before is not None and before != shape:
            yield makers[0].inputs[0], [before, shape, inner]
    yield source, [shape, inner]

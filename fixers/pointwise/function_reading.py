"""Functions of one value as exporters write them, as one node or as many.

They are recognised by what they compute, not by how it is spelt: from every elementwise node
the graph is followed backwards to a single value that all of it comes from, and what lies
between is evaluated on samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.pointwise.functions import GIVEN, PLAIN, SAMPLES, TWO, named, scaled
from npulint.fixers.pointwise.ways import activation, readings_of, unfit
from npulint.fixers.record import Occurrence
from npulint.operators.rearrangements import Miscellaneous
from npulint.operators.semantics import Binary, Clip, Unary, Variadic, Where

if TYPE_CHECKING:
    from npulint.fixers.norms.constants import Numbers, Readings
    from npulint.model import Graph, Node

Variables: TypeAlias = "Callable[[Readings, Node], list[int] | None]"

_LARGEST = 14
"""Nodes that are followed backwards; no form of a function has more."""

_FUSED: Mapping[str, tuple[float, float]] = {
    "RELU": (0.0, np.inf), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0),
}  # fmt: skip


_UNARY = frozenset(PLAIN) | frozenset(GIVEN)


@dataclass(frozen=True, slots=True)
class Function:
    """result = function(source), element by element, then an activation.

    Attributes:
        name: What is computed, by its name in `functions.KNOWN`.
        source: Position of the value.
        ops: Operators that it was written with.
        version: ONNX: version of the standard operator set; 0 in TFLite.
        activation: TFLite name of a fused activation.
        parameters: Of `scaled-elu`, those of the function of that name.
    """

    name: str
    source: int
    ops: tuple[str, ...]
    version: int
    activation: str
    parameters: tuple[float, ...] = ()


def recogniser(name: str) -> Callable[[Graph], Iterator[Occurrence[Function]]]:
    """Finds every place where one of the known functions is computed."""

    def recognise(graph: Graph) -> Iterator[Occurrence[Function]]:
        for found, occurrence in _MEMORY.of(graph):
            if found == name:
                yield occurrence

    return recognise


class _Last:
    """What was found in the graph that was asked about last: many families ask the same."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._found: list[tuple[str, Occurrence[Function]]] = []

    def of(self, graph: Graph) -> list[tuple[str, Occurrence[Function]]]:
        """All functions in a graph."""
        if graph is not self._graph:
            self._graph, self._found = graph, list(_all(graph))
        return self._found


_MEMORY = _Last()


def _all(graph: Graph) -> Iterator[tuple[str, Occurrence[Function]]]:
    readings = readings_of(graph)
    for node in graph.nodes:
        if not _arity(readings, node):
            continue
        for nodes, source in cones(readings, node, _variables, _LARGEST):
            computed = _computed(readings, nodes, source)
            name, parameters = named(computed), scaled(computed)
            if name is None and parameters is None:
                continue
            name = name or "scaled-elu"
            ops = tuple(graph.nodes[index].op for index in nodes)
            refusal = unfit(readings, node, (source, node.outputs[0]))
            version = node.version if graph.dialect == "onnx" else 0
            found = Function(
                name, source, ops, version, activation(readings, node), parameters or ()
            )
            yield name, Occurrence("+".join(ops), nodes, node.outputs, refusal or found)


def cones(
    readings: Readings, last: Node, variables: Variables, largest: int
) -> Iterator[tuple[tuple[int, ...], int]]:
    """Nodes that lead from one value to a node, from the fewest on, with that value.

    Args:
        readings: Of the graph.
        last: The node, which `variables` knows.
        variables: The operands of a node that are data, None for a node that is not followed.
        largest: Nodes that are followed at most.
    """
    graph = readings.graph
    nodes = {last.index}
    frontier = set(variables(readings, last) or ())
    while len(nodes) <= largest:
        if len(frontier) == 1:
            yield tuple(sorted(nodes)), next(iter(frontier))
        makers = {
            index: graph.uses[index].makers[0]
            for index in frontier
            if len(graph.uses[index].makers) == 1
        }
        if len(makers) < len(frontier) and len(frontier) > len(makers) + 1:
            return
        if not makers:
            return
        latest = max(makers, key=lambda index: makers[index].index)
        maker = makers[latest]
        data = variables(readings, maker)
        if data is None or not _same_sizes(readings, maker, data):
            return
        nodes.add(maker.index)
        frontier = (frontier - {latest}) | set(data)


def _same_sizes(readings: Readings, node: Node, data: list[int]) -> bool:
    """Whether a node's data has the sizes of its result, so that nothing is broadcast."""
    sizes = readings.sizes(node.outputs[0])
    return all(readings.sizes(index) == sizes for index in data)


def _variables(readings: Readings, node: Node) -> list[int] | None:
    """The operands that are data, None for what cannot be evaluated."""
    count = _arity(readings, node)
    if not count:
        return None
    return [i for i in node.inputs[:count] if i >= 0 and _item(readings, i) is None]


def _item(readings: Readings, index: int) -> float | None:
    """The one number that a constant holds."""
    count = readings.graph.values[index].element_count
    if count is None or (count != 1 and readings.graph.values[index].constant is None):
        return None
    numbers = readings.numbers(index)
    if numbers is None or numbers.size == 0 or numbers.min() != numbers.max():
        return None
    return float(numbers.flat[0])


def _arity(readings: Readings, node: Node) -> int:
    """How many operands an elementwise node has; 0 for what cannot be evaluated."""
    if len(node.outputs) != 1 or node.bodies or node.custom:
        return 0
    if activation(readings, node) not in ("NONE", *_FUSED):
        return 0
    count = 0
    match readings.operator(node):
        case Unary(kind) if kind in _UNARY:
            count = 1
        case Clip(fixed=True) | Miscellaneous("identity"):
            count = 1
        case Binary(kind) | Variadic(kind) if kind in TWO and len(node.inputs) == 2:
            count = 2
        case Where():
            count = 3
        case _ if _is_erf(node):
            count = 1
    return count


def _is_erf(node: Node) -> bool:
    return node.op == "Erf" and not node.domain


def _computed(readings: Readings, nodes: tuple[int, ...], source: int) -> Numbers:
    """What some nodes compute where the value that they start from is the samples."""
    held: dict[int, Numbers] = {source: SAMPLES}
    with np.errstate(all="ignore"):
        for index in nodes:
            node = readings.graph.nodes[index]
            value = _evaluated(readings, node, held)
            # What the last node fuses is no part of the function.
            limits = None if index == nodes[-1] else _FUSED.get(activation(readings, node))
            held[node.outputs[0]] = value if limits is None else np.clip(value, *limits)
    return held[readings.graph.nodes[nodes[-1]].outputs[0]]


def _evaluated(readings: Readings, node: Node, held: Mapping[int, Numbers]) -> Numbers:
    def operand(position: int) -> Numbers:
        index = node.inputs[position]
        return held[index] if index in held else np.full(SAMPLES.shape, _item(readings, index))

    operator = readings.operator(node)
    if isinstance(operator, (Binary, Variadic)):
        return TWO[operator.kind](operand(0), operand(1))
    if isinstance(operator, Where):
        return np.where(operand(0) != 0, operand(1), operand(2))
    if isinstance(operator, Clip):
        low = -np.inf if operator.low is None else operator.low
        return np.clip(operand(0), low, np.inf if operator.high is None else operator.high)
    if isinstance(operator, Unary):
        plain = PLAIN.get(operator.kind)
        if plain is not None:
            return plain(operand(0))
        return GIVEN[operator.kind](operand(0), *operator.parameters)
    return PLAIN["erf"](operand(0)) if _is_erf(node) else operand(0)

"""What a model costs: parameters, multiply-accumulates, peak activation memory, bytes moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.operators.macs import macs
from npulint.operators.roles import CONFIGURATION_OPERANDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from npulint.model import Graph, Model, Value

_FLOATING = frozenset({"float16", "bfloat16", "float32", "float64"})


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a whole model.

    Attributes:
        nodes: Nodes of all graphs.
        parameters: Trainable scalars: floating or quantised constants that are weights, biases,
            norm scales and shifts or slopes. Shapes, sizes, scales of a resize and scalars that
            configure an operator do not count.
        macs: Multiply-accumulates of convolutions, transposed convolutions and dense products of
            the main graph, for one inference; None where a size that counts is not known, or
            where control flow or a function multiplies: how often it runs is not known.
        peak_activation_bytes: The most that is alive at once while the main graph runs in file
            order: each activation from its producer to its last reader, outputs to the end.
            Constants are not in it. None where a size is not known.
        weight_bytes: Bytes of all stored constants.
    """

    nodes: int
    parameters: int
    macs: int | None
    peak_activation_bytes: int | None
    weight_bytes: int


def summarise(model: Model) -> Summary:
    """Work out the figures of a model without reading its weights."""
    main = model.graphs[0]
    return Summary(
        nodes=sum(len(graph.nodes) for graph in model.graphs),
        parameters=sum(parameters(graph) for graph in model.graphs),
        macs=_macs_of_run(model.graphs),
        peak_activation_bytes=peak_activation_bytes(main),
        weight_bytes=model.weight_bytes,
    )


def _macs_of_run(graphs: Sequence[Graph]) -> int | None:
    """Multiply-accumulates of the main graph, None where not all of them are known."""
    counts = node_macs(graphs[0])
    inner = (count for graph in _run_within(graphs) for count in node_macs(graph))
    if None in counts or any(count != 0 for count in inner):
        return None
    return sum(count or 0 for count in counts)


def _run_within(graphs: Sequence[Graph]) -> Iterator[Graph]:
    """The graphs that the main graph runs by control flow or as functions, each once."""
    found = {0}
    waiting = [graphs[0]]
    while waiting:
        for node in waiting.pop().nodes:
            for _, body in node.bodies:
                if body not in found and body < len(graphs):
                    found.add(body)
                    waiting.append(graphs[body])
                    yield graphs[body]


def node_macs(graph: Graph) -> tuple[int | None, ...]:
    """Multiply-accumulates of each node: 0 for what does not multiply, None where unknown."""
    return tuple(macs(graph.operation(node)) for node in graph.nodes)


def parameters(graph: Graph) -> int:
    """Count the trainable scalars of one graph (see `Summary.parameters`)."""
    configuring: set[int] = set()
    weighing: set[int] = set()
    for node in graph.nodes:
        positions = CONFIGURATION_OPERANDS.get(node.op, frozenset())
        for position, index in enumerate(node.inputs):
            (configuring if position in positions else weighing).add(index)
    # A body repeats the constants that it takes from the graph around it.
    repeated = {index for index, _ in graph.captured}
    return sum(
        value.element_count or 0
        for value in graph.values
        if _is_parameter(value)
        and value.index not in repeated
        and (value.index in weighing or value.index not in configuring)
    )


def _is_parameter(value: Value) -> bool:
    if value.constant is None or not value.rank:
        return False
    return value.dtype in _FLOATING or value.quantisation is not None


def peak_activation_bytes(graph: Graph) -> int | None:
    """The most bytes of activations alive at once, in file order; None where a size is unknown."""
    curve = alive_bytes(graph)
    if curve is None:
        return None
    inputs = sum(_activation_size(graph.values[index]) or 0 for index in set(graph.inputs))
    return max(curve, default=inputs)


def alive_bytes(graph: Graph) -> tuple[int, ...] | None:
    """Bytes of activations alive while each node runs, in file order.

    Each activation lives from its producer to its last reader, inputs of the graph from the
    start, its outputs to the end. While a node runs, what it reads and what it writes are alive.
    Constants do not count.

    Returns:
        One figure a node; None where a size is not known.
    """
    last_use = _last_uses(graph)
    sizes = [_activation_size(value) for value in graph.values]
    alive = 0
    curve: list[int] = []
    for index in set(graph.inputs):
        size = sizes[index]
        if size is None:
            return None
        alive += size
    for node in graph.nodes:
        for index in node.outputs:
            if index < 0:
                continue
            size = sizes[index]
            if size is None:
                return None
            alive += size
        curve.append(alive)
        for index in {i for i in (*node.inputs, *node.outputs) if i >= 0}:
            if last_use.get(index, -1) == node.index:
                alive -= sizes[index] or 0
    return tuple(curve)


def _last_uses(graph: Graph) -> dict[int, int]:
    """Map each activation to the node after which it is dead; outputs of the graph never are."""
    last_use: dict[int, int] = {}
    for node in graph.nodes:
        for index in node.outputs:
            last_use[index] = node.index
        for index in node.inputs:
            last_use[index] = node.index
    for index in graph.outputs:
        last_use.pop(index, None)
    return last_use


def _activation_size(value: Value) -> int | None:
    return 0 if value.constant is not None else value.nbytes

"""Changes to models in memory, as a rewriting makes them: positions are renumbered throughout."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from npulint.model import OMITTED, Constant, Graph, Model, Node, Value


def with_graph(model: Model, graph: Graph) -> Model:
    graphs = list(model.graphs)
    graphs[graph.index] = graph
    return replace(model, graphs=tuple(graphs))


def with_value(model: Model, graph: int, at: int, /, **changes: object) -> Model:
    values = list(model.graphs[graph].values)
    values[at] = replace(values[at], **changes)  # type: ignore[arg-type]
    return with_graph(model, replace(model.graphs[graph], values=tuple(values)))


def with_node(model: Model, graph: int, at: int, /, **changes: object) -> Model:
    nodes = list(model.graphs[graph].nodes)
    nodes[at] = replace(nodes[at], **changes)  # type: ignore[arg-type]
    return with_graph(model, replace(model.graphs[graph], nodes=tuple(nodes)))


def with_nodes(graph: Graph, nodes: Iterable[Node]) -> Graph:
    numbered = [replace(node, graph=graph.index, index=i) for i, node in enumerate(nodes)]
    return replace(graph, nodes=tuple(numbered))


def add_value(graph: Graph, value: Value) -> tuple[Graph, int]:
    index = len(graph.values)
    return replace(graph, values=(*graph.values, replace(value, index=index))), index


def reading(graph: Graph, swaps: Mapping[int, int]) -> Graph:
    """The graph with other values read in place of some."""
    nodes = [
        replace(node, inputs=tuple(swaps.get(value, value) for value in node.inputs))
        for node in graph.nodes
    ]
    outputs = tuple(swaps.get(value, value) for value in graph.outputs)
    return replace(graph, nodes=tuple(nodes), outputs=outputs)


def remove_values(model: Model, graph: Graph, gone: Callable[[Value], bool]) -> Model:
    """The model with a graph that lacks some values; signatures follow."""
    kept = [value for value in graph.values if not gone(value)]
    now = {value.index: place for place, value in enumerate(kept)} | {OMITTED: OMITTED}
    nodes = []
    for node in graph.nodes:
        attributes = dict(node.attributes)
        if "intermediates" in attributes:
            attributes["intermediates"] = tuple(now[i] for i in attributes["intermediates"])  # type: ignore[union-attr, index, misc]
        nodes.append(
            replace(
                node,
                inputs=tuple(now[i] for i in node.inputs),
                outputs=tuple(now[i] for i in node.outputs),
                attributes=attributes,
            )
        )
    smaller = replace(
        graph,
        values=tuple(replace(value, index=place) for place, value in enumerate(kept)),
        nodes=tuple(nodes),
        inputs=tuple(now[i] for i in graph.inputs),
        outputs=tuple(now[i] for i in graph.outputs),
        captured=tuple((now[i], name) for i, name in graph.captured if i in now),
    )
    signatures = tuple(
        replace(
            signature,
            inputs=tuple((name, now[i]) for name, i in signature.inputs),
            outputs=tuple((name, now[i]) for name, i in signature.outputs),
        )
        if signature.graph == graph.index
        else signature
        for signature in model.signatures
    )
    return replace(with_graph(model, smaller), signatures=signatures)


def remove_node(model: Model, graph: Graph, index: int) -> Model:
    """The model without a node that passes its first input on; its output goes as well."""
    node = graph.nodes[index]
    shorter = with_nodes(graph, (n for n in graph.nodes if n.index != index))
    swaps = {node.outputs[0]: node.inputs[0]}
    signatures = tuple(
        replace(s, outputs=tuple((name, swaps.get(i, i)) for name, i in s.outputs))
        if s.graph == graph.index
        else s
        for s in model.signatures
    )
    return remove_values(
        replace(model, signatures=signatures),
        reading(shorter, swaps),
        lambda value: value.index in node.outputs,
    )


def floats(shape: tuple[int, ...], *values: float) -> Constant:
    import struct

    payload = struct.pack(f"<{len(values)}f", *values)
    return Constant("float32", shape, payload, None, len(payload))


def said(model: Model) -> object:
    """All that a model says, but for where its bytes lie and how its file was digested."""
    return (
        model.dialect,
        model.opsets,
        model.version,
        model.producer,
        model.metadata,
        model.signatures,
        [said_graph(graph) for graph in model.graphs],
    )


def said_graph(graph: Graph) -> object:
    return (
        replace(graph, values=(), nodes=()),
        [(replace(value, constant=None), said_constant(value.constant)) for value in graph.values],
        [
            (
                replace(node, attributes={}),
                {k: said_attribute(v) for k, v in node.attributes.items()},
            )
            for node in graph.nodes
        ],
    )


def said_constant(constant: Constant | None) -> object:
    if constant is None:
        return None
    content = constant.payload
    if content is None and constant.storage is not None:
        with constant.storage.path.open("rb") as stream:
            stream.seek(constant.storage.offset)
            content = stream.read(constant.storage.length)
    return constant.dtype, constant.shape, constant.sparse, constant.nbytes, content


def said_attribute(value: object) -> object:
    if isinstance(value, Constant):
        return said_constant(value)
    if isinstance(value, tuple) and value and isinstance(value[0], Constant):
        return [said_constant(item) for item in value]
    return value

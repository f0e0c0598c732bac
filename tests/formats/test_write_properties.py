"""Random changes to real models: the file says what the model says, and the rest is as it was."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import onnx
import pytest
from editing import (
    add_value,
    reading,
    remove_node,
    remove_values,
    said,
    said_attribute,
    said_constant,
    with_graph,
    with_node,
    with_nodes,
    with_value,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tflite_write import plain
from tflite_building import REAL_FILES, unpack

from npulint.formats import load, save
from npulint.formats import onnx as reader
from npulint.model import OMITTED, Graph, Model, Node, Value

EXPORTS = sorted((Path(__file__).parents[2] / "reference_models" / "exports").glob("*.onnx"))
SMALL = tuple(path for path in REAL_FILES if path.stat().st_size < 40_000)


@cache
def loaded(path: Path) -> Model:
    return load(path)


# --- changes -------------------------------------------------------------------------------


def drop(model: Model, source: random.Random) -> Model:
    """Take out a node that hands on what it reads, as far as types go."""
    graph = source.choice(model.graphs)
    for node in source.sample(graph.nodes, len(graph.nodes)):
        if len(node.outputs) != 1 or not node.inputs or node.inputs[0] == OMITTED or node.bodies:
            continue
        before, after = graph.values[node.inputs[0]], graph.values[node.outputs[0]]
        if (before.dtype, before.shape) != (after.dtype, after.shape) or before.constant:
            continue
        if after.index in graph.outputs and before.index in (*graph.inputs, *graph.outputs):
            continue
        if any(after.index in n.attributes.get("intermediates", ()) for n in graph.nodes):  # type: ignore[operator]
            continue
        return remove_node(model, graph, node.index)
    return model


def insert(model: Model, source: random.Random) -> Model:
    """Put a node behind another one."""
    graph = source.choice([graph for graph in model.graphs if graph.nodes])
    node = source.choice(graph.nodes)
    if not node.outputs or node.outputs[0] == OMITTED or node.outputs[0] in graph.outputs:
        return model
    made = graph.values[node.outputs[0]]
    fresh = Value(
        0, f"new {source.random()}", made.dtype, made.shape, quantisation=made.quantisation
    )
    changed, index = add_value(graph, fresh)
    changed = reading(changed, {made.index: index})
    op, version = ("RELU", 1) if model.dialect == "tflite" else ("Identity", model.opsets[""])
    new = Node(graph.index, 0, op, version, (made.index,), (index,))
    return with_graph(
        model,
        with_nodes(
            changed, [*changed.nodes[: node.index + 1], new, *changed.nodes[node.index + 1 :]]
        ),
    )


def refill(model: Model, source: random.Random) -> Model:
    """Give a small constant other elements."""
    graph = source.choice(model.graphs)
    made = {index for node in graph.nodes for index in node.outputs}
    small = [v for v in graph.values if v.constant and v.constant.payload and v.index not in made]
    if not small:
        return model
    value = source.choice(small)
    assert value.constant is not None
    assert value.constant.payload is not None
    payload = bytes(byte ^ source.randrange(1, 8) for byte in value.constant.payload)
    return with_value(
        model, graph.index, value.index, constant=replace(value.constant, payload=payload)
    )


def swap(model: Model, source: random.Random) -> Model:
    """Let two neighbours run the other way round, where neither reads the other."""
    graph = source.choice(model.graphs)
    places = list(range(len(graph.nodes) - 1))
    for place in source.sample(places, len(places)):
        one, two = graph.nodes[place : place + 2]
        if not set(one.outputs) & set(two.inputs):
            nodes = [*graph.nodes[:place], two, one, *graph.nodes[place + 2 :]]
            return with_graph(model, with_nodes(graph, nodes))
    return model


def rename(model: Model, source: random.Random) -> Model:
    graph = source.choice(model.graphs)
    value = source.choice(graph.values)
    return with_value(model, graph.index, value.index, name=f"renamed {source.random()}")


def relabel(model: Model, source: random.Random) -> Model:
    """Change an attribute, or the version where there is none to change."""
    graph = source.choice([graph for graph in model.graphs if graph.nodes])
    node = source.choice(graph.nodes)
    if model.dialect == "onnx":
        return with_node(model, graph.index, node.index, name=f"renamed {source.random()}")
    numbers = [k for k, v in node.attributes.items() if type(v) is int and not node.bodies]
    if not numbers:
        return with_node(model, graph.index, node.index, version=node.version + 1)
    attributes = {**node.attributes, source.choice(numbers): source.randrange(1, 9)}
    return with_node(model, graph.index, node.index, attributes=attributes)


def shed(model: Model, source: random.Random) -> Model:
    """Take out the constants that nothing reads."""
    graph = source.choice(model.graphs)
    used = {i for node in graph.nodes for i in (*node.inputs, *node.outputs)}
    for node in graph.nodes:
        used.update(node.attributes.get("intermediates", ()))  # type: ignore[arg-type]
    used.update(graph.inputs, graph.outputs)
    for signature in model.signatures:
        used.update(index for _, index in (*signature.inputs, *signature.outputs))
    return remove_values(model, graph, lambda value: value.index not in used)


CHANGES: tuple[Callable[[Model, random.Random], Model], ...] = (
    drop, insert, refill, swap, rename, relabel, shed,
)  # fmt: skip


# --- TFLite --------------------------------------------------------------------------------


@given(st.sampled_from(SMALL), st.lists(st.sampled_from(CHANGES), max_size=6), st.integers())
@settings(deadline=None)
def test_changed_tflite_models(
    tmp_path_factory: pytest.TempPathFactory, path: Path, changes: list[Any], seed: int
) -> None:
    model = loaded(path)
    for number, change in enumerate(changes):
        model = change(model, random.Random(seed + number))
    new = tmp_path_factory.getbasetemp() / "changed.tflite"
    save(model, new)
    again = load(new)
    assert said(again) == said(without_dead_metadata(model))
    compare_tflite(model, unpack(path.read_bytes()), unpack(new.read_bytes()))


def without_dead_metadata(model: Model) -> Model:
    """Names of nodes come from their outputs, which a reader finds out anew."""
    graphs = []
    for graph in model.graphs:
        nodes = [
            replace(
                n, name=graph.values[n.outputs[0]].name if n.outputs and n.outputs[0] >= 0 else ""
            )
            for n in graph.nodes
        ]
        graphs.append(replace(graph, nodes=tuple(nodes)))
    return replace(model, graphs=tuple(graphs))


def compare_tflite(model: Model, old: Any, new: Any) -> None:
    """Hold every part that was not changed against what the file said of it."""
    for graph, made in zip(model.graphs, new.subgraphs, strict=True):
        stored = old.subgraphs[graph.origin]
        for value, tensor in zip(graph.values, made.tensors, strict=True):
            was = None if value.origin is None else loaded_value(model, graph, value)
            if was is not None and replace(value, index=0) == replace(was, index=0):
                assert tensor_said(tensor, new) == tensor_said(stored.tensors[value.origin], old)
        for node, operator in zip(graph.nodes, made.operators or [], strict=True):
            if node.origin is None:
                continue
            was_node = loaded(model.path).graphs[graph.origin or 0].nodes[node.origin]
            if (node.op, node.version, node.attributes) == (
                was_node.op,
                was_node.version,
                was_node.attributes,
            ):
                then = plain(stored.operators[node.origin])[1]
                now = plain(operator)[1]
                for name in ("opcodeIndex", "inputs", "outputs"):
                    del then[name], now[name]
                assert now == then


def loaded_value(model: Model, graph: Graph, value: Value) -> Value:
    return loaded(model.path).graphs[graph.origin or 0].values[value.origin or 0]


def tensor_said(tensor: Any, model: Any) -> Any:
    said = dict(plain(tensor)[1])
    data = model.buffers[said.pop("buffer")].data
    return said, None if data is None else bytes(data)


# --- ONNX ----------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_inference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shape inference is a process of its own; what it adds is not in the file."""
    monkeypatch.setattr(reader, "infer", lambda *_: None)


@given(st.sampled_from(EXPORTS), st.lists(st.sampled_from(CHANGES), max_size=6), st.integers())
@settings(deadline=None)
def test_changed_onnx_models(
    tmp_path_factory: pytest.TempPathFactory, path: Path, changes: list[Any], seed: int
) -> None:
    model = loaded(path)
    for number, change in enumerate(changes):
        model = change(model, random.Random(seed + number))
    new = tmp_path_factory.getbasetemp() / "changed.onnx"
    save(model, new)
    assert by_name(load(new)) == by_name(model)
    compare_onnx(model, onnx.load(path), onnx.load(new))


def by_name(model: Model) -> Any:
    """What a model says, with names in place of positions: a reader numbers values anew."""
    graph = model.graphs[0]
    names = {value.index: value.name for value in graph.values} | {OMITTED: ""}
    used = {i for node in graph.nodes for i in (*node.inputs, *node.outputs)}
    values = {
        value.name: (value.dtype, value.shape, said_constant(value.constant))
        for value in graph.values
        if value.index in used or value.constant is not None
    }
    nodes = [
        (
            node.op,
            node.name,
            node.domain,
            [names[i] for i in node.inputs],
            [names[i] for i in node.outputs],
            {name: said_attribute(value) for name, value in node.attributes.items()},
        )
        for node in graph.nodes
    ]
    ends = [[names[i] for i in indexes] for indexes in (graph.inputs, graph.outputs)]
    return model.opsets, model.metadata, model.producer, values, nodes, ends


def compare_onnx(model: Model, old: onnx.ModelProto, new: onnx.ModelProto) -> None:
    graph, was = model.graphs[0], loaded(model.path).graphs[0]
    for node, made in zip(graph.nodes, new.graph.node, strict=True):
        if node.origin is None:
            continue
        then, now = onnx.NodeProto(), onnx.NodeProto()
        then.CopyFrom(old.graph.node[node.origin])
        now.CopyFrom(made)
        for proto in (then, now):
            proto.ClearField("input")
            proto.ClearField("output")
            if node.name != was.nodes[node.origin].name:
                proto.ClearField("name")
        assert now == then
    stored = {tensor.name: tensor for tensor in old.graph.initializer}
    described = {info.name: info for info in old.graph.value_info}
    kept = {
        v.name
        for v in graph.values
        if v.origin is not None and v == replace(was.values[v.origin], index=v.index)
    }
    for tensor in new.graph.initializer:
        assert tensor.name not in kept or tensor == stored[tensor.name]
    for info in new.graph.value_info:
        assert info.name not in kept or info == described[info.name]
    for proto in (old, new):
        proto.ClearField("graph")
    assert old == new

"""Rules about models on nodes that no runtime would load: they may say what they like, not fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from case_files import cases_of
from graph_text import model
from hypothesis import given, settings
from hypothesis import strategies as st

import npulint
from npulint.model import Graph, Model, Node, Value
from npulint.rules import RULES, run_rules

_MODELS = [
    model(case.graph, case.dialect)
    for rule in RULES
    for case in cases_of(rule.code)
    if not case.model
]


def _damaged_node(node: Node, draw: Any) -> Node:
    how = draw(st.sampled_from(["inputs", "outputs", "omitted", "attributes", "swapped"]))
    if how == "inputs":
        return replace(node, inputs=node.inputs[: draw(st.integers(0, len(node.inputs)))])
    if how == "outputs":
        return replace(node, outputs=node.outputs[: draw(st.integers(0, len(node.outputs)))])
    if how == "omitted":
        kept = draw(st.integers(0, len(node.inputs)))
        inputs = tuple(each if place < kept else -1 for place, each in enumerate(node.inputs))
        return replace(node, inputs=inputs, outputs=draw(st.sampled_from([node.outputs, (-1,)])))
    if how == "attributes":
        return replace(
            node, attributes=draw(st.sampled_from([{}, {"axis": 9, "kernel_shape": ()}]))
        )
    return replace(node, inputs=tuple(draw(st.permutations(node.inputs))))


def _damaged_value(value: Value, draw: Any) -> Value:
    shape = draw(
        st.sampled_from([None, (), (0, 0, 0, 0), (1,), (None, "N", 3, 3), (2, 3, 4, 5, 6)])
    )
    constant = draw(st.sampled_from([value.constant, None]))
    return replace(value, shape=shape, shape_signature=None, constant=constant)


@st.composite
def damaged(draw: st.DrawFn) -> Model:
    whole = draw(st.sampled_from(_MODELS))
    graph: Graph = whole.graphs[0]
    nodes, values = list(graph.nodes), list(graph.values)
    for _ in range(draw(st.integers(1, 3))):
        if nodes and draw(st.booleans()):
            place = draw(st.integers(0, len(nodes) - 1))
            nodes[place] = _damaged_node(nodes[place], draw)
        else:
            place = draw(st.integers(0, len(values) - 1))
            values[place] = _damaged_value(values[place], draw)
    broken = replace(graph, nodes=tuple(nodes), values=tuple(values))
    return replace(whole, graphs=(broken, *whole.graphs[1:]))


@pytest.mark.parametrize("results", [0, 1])
def test_no_bias_is_made_up_for_what_is_no_layer(results: int) -> None:
    loaded = model(
        """
        x: float32[1,8,8,4]
        w: const float32[4,3,3,4]
        CONV_2D (x, w) -> y {stride_h: 1, stride_w: 1, padding: SAME}
        y: float32[1,8,8,2000000000]
        """
    )
    (graph,) = loaded.graphs
    (node,) = graph.nodes
    broken = replace(graph, nodes=(replace(node, outputs=node.outputs[:results]),), outputs=())
    whole = replace(loaded, graphs=(broken,))
    (result,) = npulint.check(whole, ["nnapi-1.2"], remedies=False).models
    assert result.targets[0].refuses
    assert all(each.code != "NPU109" for each in result.findings)


@settings(max_examples=max(settings.default.max_examples, 300))
@given(damaged())
def test_rules_look_at_damaged_models(broken: Model) -> None:
    for finding in run_rules(broken, ()):
        assert finding.message

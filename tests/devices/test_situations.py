"""Where an operator stands: each word of the language, in both dialects and where unsure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from npulint.model import Graph, Node, Value
from npulint.opsets.document import Part
from npulint.opsets.sightings import circumstance, pattern
from npulint.opsets.situations import Scene
from npulint.opsets.vocabulary import Truth
from tests.devices.drawing import Drawing


def drawn() -> Graph:
    """A convolution and its upsampled copy, joined; a norm over positions at the end."""
    net = Drawing(8, 8, 4)
    first = net.conv(net.image, 4)  # 0
    up = net.resize(net.pool(first))  # 1, 2
    joined = net.concat(first, up)  # 3
    second = net.conv(joined, 4)  # 4
    mean = net.mean(second, (1, 2))  # 5
    spread = net.pair("SQUARED_DIFFERENCE", second, mean)  # 6
    net.simple("RSQRT", net.mean(spread, (1, 2)))  # 7, 8
    return net.graph()


def found(graph: Graph, data: dict[str, Any]) -> dict[int, Truth]:
    """The nodes that a pattern may mean: True, or None where that cannot be known."""
    meant = pattern(Part(data))
    scene = Scene(graph, "tflite")
    truths: dict[int, Truth] = {}
    for node in graph.nodes:
        for spot in scene.spots(node.index):
            if (truth := meant.test(spot)) is not False:
                truths[node.index] = truth
    return truths


CASES: dict[str, tuple[dict[str, Any], set[int]]] = {
    "an operator": ({"op": "CONV_2D"}, {0, 4}),
    "several": ({"op": ["CONV_2D", "RSQRT"]}, {0, 4, 8}),
    "of a type": ({"op": "CONV_2D", "type": "float"}, {0, 4}),
    "of another type": ({"op": "CONV_2D", "type": "8-bit"}, set()),
    "made by": ({"op": "CONV_2D", "when": {"made_by": {"op": "CONCATENATION"}}}, {4}),
    "an operand made by": (
        {
            "op": "SQUARED_DIFFERENCE",
            "inputs": ["x", "y"],
            "when": {"made_by": {"op": "MEAN", "operand": "y"}},
        },
        {6},
    ),
    "another operand made by": (
        {
            "op": "SQUARED_DIFFERENCE",
            "inputs": ["x", "y"],
            "when": {"made_by": {"op": "MEAN", "operand": "x"}},
        },
        set(),
    ),
    "an operand that is missing": (
        {
            "op": "RSQRT",
            "inputs": ["x", "y"],
            "when": {"made_by": {"op": "MEAN", "operand": "y"}},
        },
        set(),
    ),
    "made by what is made by": (
        {
            "op": "CONV_2D",
            "when": {
                "made_by": {
                    "op": "CONCATENATION",
                    "when": {"made_by": {"op": "RESIZE_BILINEAR"}},
                }
            },
        },
        {4},
    ),
    "not made by": ({"op": "CONV_2D", "when": {"not": {"made_by": {"op": "CONCATENATION"}}}}, {0}),
    "read by": ({"op": "CONV_2D", "when": {"read_by": {"op": "MAX_POOL_2D"}}}, {0}),
    "after, near enough": (
        {"op": "RSQRT", "when": {"after": {"op": "SQUARED_DIFFERENCE", "within": 2}}},
        {8},
    ),
    "after, too far": (
        {"op": "RSQRT", "when": {"after": {"op": "SQUARED_DIFFERENCE", "within": 1}}},
        set(),
    ),
    "before": ({"op": "CONV_2D", "when": {"before": {"op": "RSQRT", "within": 4}}}, {4}),
    "a table's condition": (
        {"op": "MEAN", "inputs": ["x", "axes"], "when": {"elements": "axes", "in": [1, 2]}},
        {5, 7},
    ),
    "all of several": (
        {
            "op": "CONV_2D",
            "when": {
                "all": [{"made_by": {"op": "CONCATENATION"}}, {"read_by": {"op": "MEAN"}}]
            },
        },
        {4},
    ),
    "any of several": (
        {
            "op": "CONV_2D",
            "when": {
                "any": [{"made_by": {"op": "CONCATENATION"}}, {"read_by": {"op": "MAX_POOL_2D"}}]
            },
        },
        {0, 4},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_patterns_mean_the_nodes_that_they_say(case: str) -> None:
    data, nodes = CASES[case]
    assert found(drawn(), data) == dict.fromkeys(nodes, True)


@pytest.mark.parametrize("case", CASES)
def test_patterns_say_themselves(case: str) -> None:
    said = pattern(Part(CASES[case][0])).clause()
    names = CASES[case][0]["op"]
    assert said.startswith(names if isinstance(names, str) else names[0])
    for word in ("made by", "read by", "after", "before"):
        assert (word in said) == (word.replace(" ", "_") in repr(CASES[case][0]))


def test_a_type_that_the_file_does_not_give_leaves_it_open() -> None:
    graph = drawn()
    values = tuple(
        value if value.constant is not None else replace(value, dtype=None)
        for value in graph.values
    )
    data = {"op": "CONV_2D", "type": "float"}
    assert found(replace(graph, values=values), data) == {0: None, 4: None}


def onnx(*nodes: tuple[str, tuple[int, ...], int]) -> Graph:
    """An ONNX graph on maps of [1, 4, 8, 8], each node with one result."""
    count = max(made for _, _, made in nodes) + 1
    values = tuple(Value(i, f"v{i}", "float32", (1, 4, 8, 8)) for i in range(count))
    return Graph(
        index=0,
        name="",
        dialect="onnx",
        values=values,
        nodes=tuple(
            Node(0, i, op, 13, reads, (made,), {"axis": 1} if op == "Concat" else {})
            for i, (op, reads, made) in enumerate(nodes)
        ),
        inputs=(0,),
        outputs=(count - 1,),
    )


SIGMOID = {"op": "LOGISTIC", "when": {"made_by": {"op": "CONCATENATION"}}}


def test_onnx_nodes_are_known_by_what_a_converter_makes_of_them() -> None:
    graph = onnx(("Concat", (0, 0), 1), ("Sigmoid", (1,), 2))
    assert found(graph, SIGMOID) == {1: True}


def test_nodes_of_which_a_converter_leaves_nothing_are_looked_through() -> None:
    graph = onnx(("Concat", (0, 0), 1), ("Identity", (1,), 2), ("Sigmoid", (2,), 3))
    assert found(graph, SIGMOID) == {2: True}


def test_a_neighbour_of_unknown_conversion_leaves_it_open() -> None:
    graph = onnx(("NobodyKnowsThis", (0,), 1), ("Sigmoid", (1,), 2))
    assert found(graph, SIGMOID) == {1: None}


PIXELS = {"input_pixels": {"at_least": 64}}


@pytest.mark.parametrize(
    ("data", "truth"),
    [
        (PIXELS, True),
        ({"input_pixels": {"above": 64}}, False),
        ({"contains": {"op": "RSQRT", "type": "float"}}, True),
        ({"contains": {"op": "RSQRT", "type": "8-bit"}}, False),
        ({"contains": {"op": "PRELU"}}, False),
        ({"not": {"contains": {"op": "PRELU"}}}, True),
        ({"all": [PIXELS, {"contains": {"op": "PRELU"}}]}, False),
        ({"any": [PIXELS, {"contains": {"op": "PRELU"}}]}, True),
    ],
)
def test_circumstances(data: dict[str, Any], truth: Truth) -> None:
    meant = circumstance(Part(data))
    assert meant.test([Scene(drawn(), "tflite")]) is truth
    assert meant.clause()


def test_an_input_without_a_size_leaves_its_pixels_open() -> None:
    graph = drawn()
    open_input = replace(graph.values[0], shape=(1, None, 8, 4))
    changed = replace(graph, values=(open_input, *graph.values[1:]))
    assert circumstance(Part(PIXELS)).test([Scene(changed, "tflite")]) is None


def test_onnx_maps_are_channels_first() -> None:
    graph = onnx(("Sigmoid", (0,), 1))
    assert circumstance(Part(PIXELS)).test([Scene(graph, "tflite")]) is True
    assert circumstance(Part({"contains": {"op": "LOGISTIC"}})).test([Scene(graph, "tflite")])

"""Graphs within an ONNX model: bodies, captured values, functions; constants; quantisation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper
from onnx_building import floats, graph, model, reading, relu, tensor, weights
from onnx_reference import differences

from npulint.model import Constant, Graph, Model, Quantisation, Value

BOOL, INT64 = TensorProto.BOOL, TensorProto.INT64


def _named(main: Graph) -> dict[str, Value]:
    return {value.name: value for value in main.values}


def _branch(name: str, *nodes: NodeProto) -> GraphProto:
    return graph(nodes, [], [tensor(nodes[-1].output[0], 1, None)], name=name)


def _conditional() -> Any:
    """If within an If; the inner branch takes `w` and `h` from the main graph."""
    inner = helper.make_node(
        "If", ["c"], ["i"],
        then_branch=_branch("inner then", helper.make_node("Mul", ["h", "w"], ["t"])),
        else_branch=_branch("inner else", relu("h", "e")),
    )  # fmt: skip
    outer = helper.make_node(
        "If", ["c"], ["o"],
        then_branch=_branch("then", inner),
        else_branch=_branch("else", relu("h", "x")),
    )  # fmt: skip
    given = [floats("x", 2, 3), tensor("c", BOOL, [])]
    nodes = [relu("x", "h"), outer, relu("o", "y")]
    return model(graph(nodes, given, [tensor("y", 1, None)], [weights("w", 2, 3)]))


def test_bodies_are_graphs_that_know_who_runs_them(tmp_path: Path) -> None:
    found = reading(tmp_path, _conditional())
    assert [(g.index, g.name, g.kind, g.parent) for g in found.graphs] == [
        (0, "main", "main", None),
        (1, "else", "body", (0, 1)),
        (2, "then", "body", (0, 1)),
        (3, "inner else", "body", (2, 0)),
        (4, "inner then", "body", (2, 0)),
    ]
    assert found.graphs[0].nodes[1].bodies == (("else_branch", 1), ("then_branch", 2))
    assert found.graphs[2].nodes[0].bodies == (("else_branch", 3), ("then_branch", 4))
    assert found.graphs[0].nodes[1].attributes == {}
    assert all(
        (node.graph, node.index) == (g.index, position)
        for g in found.graphs
        for position, node in enumerate(g.nodes)
    )


def test_a_body_has_values_of_its_own_for_what_it_captures(tmp_path: Path) -> None:
    found = reading(tmp_path, _conditional())
    captured = [{name for _, name in g.captured} for g in found.graphs]
    # What only the innermost branch uses, the branch between them captures too.
    assert captured == [set(), {"h"}, {"c", "h", "w"}, {"h"}, {"h", "w"}]
    for body in found.graphs[1:]:
        for index, name in body.captured:
            assert body.values[index].index == index
            assert body.values[index].name == name
        assert body.inputs == ()
    innermost = _named(found.graphs[4])
    assert (innermost["h"].dtype, innermost["h"].shape) == ("float32", (2, 3))
    assert innermost["w"].constant is not None
    assert found.weight_bytes == 24


def test_shapes_within_bodies_are_inferred(tmp_path: Path) -> None:
    found = reading(tmp_path, _conditional())
    for body in found.graphs[1:]:
        assert [body.values[index].shape for index in body.outputs] == [(2, 3)]
    assert _named(found.graphs[0])["y"].shape == (2, 3)


def test_a_name_of_a_body_may_hide_one_outside(tmp_path: Path) -> None:
    node = helper.make_node(
        "If", ["c"], ["y"],
        then_branch=_branch("then", relu("h", "t")),
        else_branch=_branch("else", relu("x", "h"), relu("h", "e")),
    )  # fmt: skip
    given = [floats("x", 2), tensor("c", BOOL, [])]
    proto = model(graph([relu("x", "h"), node], given, [floats("y", 2)]))
    hiding = reading(tmp_path, proto).graphs[1]
    assert [name for _, name in hiding.captured] == ["x"]
    assert [value.name for value in hiding.values] == ["x", "h", "e"]


def _loop(body: GraphProto) -> Any:
    nodes = [helper.make_node("Loop", ["count", "", "x"], ["y", "all"], body=body)]
    results = [tensor("y", 1, None), tensor("all", 1, None)]
    count = numpy_helper.from_array(np.array(3, np.int64), "count")
    return model(graph(nodes, [floats("x", 2)], results, [count]))


def test_the_body_of_a_loop_has_inputs_of_its_own(tmp_path: Path) -> None:
    given = [tensor("i", INT64, []), tensor("go", BOOL, []), floats("state", 2)]
    nodes = [
        helper.make_node("Identity", ["go"], ["on"]),
        helper.make_node("Add", ["state", "x"], ["next"]),
        relu("next", "step"),
    ]
    handed = [tensor("on", BOOL, []), floats("next", 2), floats("step", 2)]
    found = reading(tmp_path, _loop(graph(nodes, given, handed, name="body")))
    body = found.graphs[1]
    assert [body.values[index].name for index in body.inputs] == ["i", "go", "state"]
    assert [body.values[index].name for index in body.outputs] == ["on", "next", "step"]
    assert found.graphs[0].nodes[0].inputs[1] == -1
    assert _named(found.graphs[0])["all"].shape == (None, 2)


def _with_functions() -> Any:
    reference = helper.make_node("LeakyRelu", ["a"], ["b"])
    alpha = helper.make_attribute("alpha", 1.0)
    alpha.ClearField("f")
    alpha.ref_attr_name = "slope"
    reference.attribute.append(alpha)
    imports = [helper.make_opsetid("", 16), helper.make_opsetid("local", 1)]
    low = helper.make_function("local", "Low", ["a"], ["b"], [reference], imports, ["slope"])
    call = helper.make_node("Low", ["a"], ["m"], domain="local", slope=0.2)
    high = helper.make_function("local", "High", ["a"], ["b"], [call, relu("m", "b")], imports)
    main = graph(
        [helper.make_node("High", ["x"], ["y"], domain="local")],
        [floats("x", 3)],
        [floats("y", 3)],
    )
    return model(main, opsets={"local": 1}, functions=[low, high])


def test_functions_are_graphs_that_calls_point_to(tmp_path: Path) -> None:
    found = reading(tmp_path, _with_functions())
    assert [(g.name, g.kind) for g in found.graphs] == [
        ("main", "main"), ("local::Low", "function"), ("local::High", "function"),
    ]  # fmt: skip
    assert found.graphs[0].nodes[0].bodies == (("function", 2),)
    assert found.graphs[2].nodes[0].bodies == (("function", 1),)
    assert found.graphs[0].nodes[0].custom
    assert differences(found, tmp_path / "model.onnx") == []


def test_a_function_has_opsets_of_its_own(tmp_path: Path) -> None:
    found = reading(tmp_path, _with_functions())
    assert found.opsets == {"": 17, "local": 1}
    assert found.graphs[1].nodes[0].version == 16


def test_an_attribute_that_the_caller_states_is_marked(tmp_path: Path) -> None:
    found = reading(tmp_path, _with_functions())
    assert found.graphs[1].nodes[0].attributes == {"alpha": "@slope"}


def test_overloads_of_a_function_are_told_apart(tmp_path: Path) -> None:
    imports = [helper.make_opsetid("", 17)]
    functions = [
        helper.make_function("f", "F", ["a"], ["b"], [relu("a", "b")], imports, overload=kind)
        for kind in ("one", "two")
    ]
    call = helper.make_node("F", ["x"], ["y"], domain="f", overload="two")
    main = graph([call], [floats("x", 3)], [floats("y", 3)])
    found = reading(tmp_path, model(main, opsets={"f": 1}, functions=functions))
    assert found.graphs[0].nodes[0].bodies == (("function", 2),)
    assert found.graphs[2].name == "f::F:two"


CONSTANTS: dict[str, tuple[Any, str, tuple[int, ...], tuple[Any, ...] | None]] = {
    "value_int": (5, "int64", (), (5,)),
    "value_ints": ([5, -6], "int64", (2,), (5, -6)),
    "value_float": (0.5, "float32", (), (0.5,)),
    "value_floats": ([0.5, 2.0], "float32", (2,), (0.5, 2.0)),
    "value_string": ("text", "string", (), None),
    "value_strings": (["a", "b"], "string", (2,), None),
    "value": (numpy_helper.from_array(np.array([[1, 2]], np.int32)), "int32", (1, 2), (1, 2)),
}


@pytest.mark.parametrize("attribute", CONSTANTS)
def test_what_a_constant_node_produces_is_a_constant(tmp_path: Path, attribute: str) -> None:
    stated, dtype, shape, elements = CONSTANTS[attribute]
    node = helper.make_node("Constant", [], ["k"], **{attribute: stated})
    main = reading(tmp_path, model(graph([node], [], [tensor("k", 1, None)]))).graphs[0]
    [value] = main.values
    assert (value.dtype, value.shape) == (dtype, shape)
    assert value.constant is not None
    assert value.constant.elements() == elements
    assert len(main.nodes) == 1


def _sparse(name: str) -> Any:
    values = helper.make_tensor(name, 1, [2], [1.5, 2.5])
    indices = helper.make_tensor("i", INT64, [2, 2], [0, 1, 2, 2])
    return helper.make_sparse_tensor(values, indices, [3, 3])


def test_sparse_constants_know_their_dense_shape(tmp_path: Path) -> None:
    main = graph(
        [
            helper.make_node("Constant", [], ["k"], sparse_value=_sparse("")),
            helper.make_node("Add", ["s", "k"], ["y"]),
        ],
        [],
        [tensor("y", 1, None)],
        sparse_initializer=[_sparse("s")],
    )
    found = reading(tmp_path, model(main))
    for name in ("s", "k"):
        value = _named(found.graphs[0])[name]
        assert (value.dtype, value.shape) == ("float32", (3, 3))
        # Two values of four bytes, and four indices that take a byte each in a typed field.
        assert value.constant == Constant("float32", (3, 3), None, None, 8 + 4, sparse=True)
    assert found.weight_bytes == 2 * (8 + 4)


def test_initializers_that_nothing_uses_are_weights_too(tmp_path: Path) -> None:
    main = graph([relu()], [floats("x", 2)], [floats("y", 2)], [weights("w", 5)])
    found = reading(tmp_path, model(main))
    assert [value.name for value in found.graphs[0].values] == ["x", "y", "w"]
    assert found.weight_bytes == 20


def test_operands_and_results_that_are_left_out_keep_their_place(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Clip", ["x", "", "top"], ["c"]),
        helper.make_node("Dropout", ["c"], ["", "mask"]),
    ]
    top = helper.make_tensor("top", 1, [], [6.0])
    found = reading(
        tmp_path, model(graph(nodes, [floats("x", 2)], [tensor("mask", BOOL, None)], [top]))
    ).graphs[0]
    assert found.nodes[0].inputs[1] == -1
    assert found.nodes[1].outputs[0] == -1
    operation = found.operation(found.nodes[0])
    assert operation.inputs[1] is None
    assert operation.inputs[2] is not None
    assert operation.inputs[2].constant is not None
    assert operation.inputs[2].constant.elements() == (6.0,)


def _quantised(
    scale: list[float] | float, zero: Any, dtype: Any = np.int8, **attributes: Any
) -> Model | Any:
    scales = numpy_helper.from_array(np.array(scale, np.float32), "scale")
    stored = [scales]
    operands = ["scale"]
    if zero is not None:
        stored.append(numpy_helper.from_array(np.array(zero, dtype), "zero"))
        operands.append("zero")
    nodes = [
        helper.make_node("QuantizeLinear", ["x", *operands], ["q"], **attributes),
        helper.make_node("DequantizeLinear", ["q", *operands], ["y"], **attributes),
    ]
    return model(graph(nodes, [floats("x", 2, 3, 4)], [floats("y", 2, 3, 4)], stored), opset=21)


QUANTISED: dict[str, tuple[Any, Quantisation | None]] = {
    "one scale": (_quantised(0.5, 3), Quantisation((0.5,), (3,), 1)),
    "no zero point": (_quantised(0.5, None), Quantisation((0.5,), (), 1)),
    "along an axis": (
        _quantised([0.5, 0.25], [0, 1], axis=0), Quantisation((0.5, 0.25), (0, 1), 0),
    ),
    "along an axis from the end": (
        _quantised([0.5] * 3, [0] * 3, axis=-2), Quantisation((0.5,) * 3, (0,) * 3, 1),
    ),
    "many scales": (
        _quantised([0.5] * 3000, [7] * 3000, axis=1), Quantisation((0.5,) * 3000, (7,) * 3000, 1),
    ),
    "uint16": (_quantised(0.5, 40_000, np.uint16), Quantisation((0.5,), (40_000,), 1)),
    "in blocks": (_quantised([0.5, 0.5], [0, 0], axis=0, block_size=1), None),
}  # fmt: skip


@pytest.mark.parametrize(("proto", "expected"), QUANTISED.values(), ids=QUANTISED)
def test_values_between_qdq_nodes_carry_their_parameters(
    tmp_path: Path, proto: Any, expected: Quantisation | None
) -> None:
    known = _named(reading(tmp_path, proto).graphs[0])
    assert known["q"].quantisation == expected
    assert known["x"].quantisation is None
    assert known["y"].quantisation is None


def test_stored_weights_carry_the_parameters_that_dequantise_them(tmp_path: Path) -> None:
    stored = [
        numpy_helper.from_array(np.zeros((4, 2), np.int8), "w"),
        numpy_helper.from_array(np.array([0.1, 0.2, 0.3, 0.4], np.float16), "scale"),
        helper.make_tensor("zero", TensorProto.INT4, [4], [0, 1, -1, 2]),
    ]
    node = helper.make_node("DequantizeLinear", ["w", "scale", "zero"], ["y"], axis=0)
    found = reading(tmp_path, model(graph([node], [], [tensor("y", 1, None)], stored), opset=21))
    quantisation = _named(found.graphs[0])["w"].quantisation
    assert quantisation is not None
    assert quantisation.scales == pytest.approx((0.1, 0.2, 0.3, 0.4), rel=1e-3)
    assert quantisation.zero_points == (0, 1, -1, 2)
    assert quantisation.axis == 0


def test_parameters_that_are_computed_are_not_known(tmp_path: Path) -> None:
    nodes = [
        relu("s", "scale"),
        helper.make_node("QuantizeLinear", ["x", "scale"], ["q"]),
    ]
    proto = model(
        graph(nodes, [floats("x", 2), tensor("s", 1, [])], [tensor("q", TensorProto.UINT8, None)])
    )
    assert _named(reading(tmp_path, proto).graphs[0])["q"].quantisation is None


def test_the_network_follows_the_values(tmp_path: Path) -> None:
    nodes = [relu("x", "a"), relu("a", "b"), helper.make_node("Add", ["a", "b"], ["y"])]
    main = reading(tmp_path, model(graph(nodes, [floats("x", 2)], [floats("y", 2)]))).graphs[0]
    assert sorted((edge[0], edge[1]) for edge in main.network.edges) == [(0, 1), (0, 2), (1, 2)]

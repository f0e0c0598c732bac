"""What has no known conversion, what vanishes, and how a lowering scales."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from onnx import defs

from npulint.model import Attribute, Constant, Graph, Node, Shape, Value
from npulint.operators import lower, lower_graph
from npulint.operators.conversions import NEWEST_OPSET, READERS
from npulint.operators.refusals import REFUSALS

STANDARD = sorted({s.name for s in defs.get_all_schemas_with_history() if s.domain == ""})
# Training operators that an early standard had, and which this domain no longer knows.
FORMER = {"Adagrad", "Adam", "Gradient", "Momentum"}


@pytest.mark.parametrize("op", STANDARD)
def test_every_standard_operator_is_spoken_of(op: str) -> None:
    assert (op in READERS) + (op in REFUSALS) + (op == "Constant") == 1


def test_no_other_operator_is_spoken_of() -> None:
    assert {*READERS, *REFUSALS} - FORMER <= set(STANDARD)


def _graph(
    op: str,
    operands: list[Value],
    result: Value,
    version: int = 17,
    domain: str = "",
    **attributes: Attribute,
) -> Graph:
    """One node whose operands are graph inputs or constants."""
    values = (*operands, result)
    node = Node(
        0, 0, op, version, tuple(range(len(operands))), (len(operands),), attributes,
        domain=domain,
    )  # fmt: skip
    inputs = tuple(v.index for v in operands if v.constant is None)
    return Graph(0, "g", "onnx", values, (node,), inputs, (result.index,))


def _value(index: int, shape: Shape | None, dtype: str | None = "float32") -> Value:
    return Value(index, f"v{index}", dtype, shape)


def _constant(index: int, *shape: int) -> Value:
    return Value(index, f"v{index}", "float32", shape, Constant("float32", shape, None, None, 4))


def _whole(index: int, *items: int) -> Value:
    payload = struct.pack(f"<{len(items)}q", *items)
    held = Constant("int64", (len(items),), payload, None, len(payload))
    return Value(index, f"v{index}", "int64", (len(items),), held)


IMAGE: Shape = (1, 3, 8, 10)

UNKNOWN: list[tuple[Graph, str]] = [
    (_graph("Conv", [_value(0, IMAGE), _constant(1, 4, 3, 3, 3)], _value(2, (1, 4, 8, 10)),
            strides=(0, 1), auto_pad="SAME_UPPER"), "strides"),
    (_graph("Relu", [_value(0, IMAGE, None)], _value(1, IMAGE)), "element type"),
    (_graph("Relu", [_value(0, None)], _value(1, None)), "rank"),
    (_graph("Relu", [_value(0, (2,), "string")], _value(1, (2,), "string")), "string"),
    (_graph("Relu", [_value(0, IMAGE)], _value(1, IMAGE), domain="my.company"), "my.company"),
    (_graph("Frobnicate", [_value(0, IMAGE)], _value(1, IMAGE)), "not an operator"),
    (_graph("Relu", [_value(0, IMAGE)], _value(1, IMAGE), NEWEST_OPSET + 1), "newer than"),
    (_graph("Erf", [_value(0, IMAGE)], _value(1, IMAGE)), "TensorFlow"),
    (_graph("LSTM", [_value(0, (5, 1, 4)), _constant(1, 1, 8, 4), _constant(2, 1, 8, 2)],
            _value(3, None)), "recurrent"),
    (
        _graph("Conv", [_value(0, IMAGE), _value(1, (4, 3, 3, 3))], _value(2, (1, 4, 6, 8))),
        "filter",
    ),
    (
        _graph(
            "ConvTranspose", [_value(0, IMAGE), _constant(1, 3, 4, 3, 3)],
            _value(2, (1, 4, 12, 14)), dilations=(2, 2),
        ),
        "dilated",
    ),
    (
        _graph("MaxPool", [_value(0, IMAGE)], _value(1, IMAGE), kernel_shape=(2, 2),
               dilations=(2, 2)),
        "dilated",
    ),
    (_graph("MaxPool", [_value(0, IMAGE)], _value(1, IMAGE)), "kernel_shape"),
    (_graph("ReduceMean", [_value(0, IMAGE), _value(1, (1,), "int64")], _value(2, None), 18),
     "computed"),
    (_graph("CumSum", [_value(0, IMAGE), _value(1, (), "int64")], _value(2, IMAGE)), "axis"),
    (_graph("Transpose", [_value(0, IMAGE)], _value(1, IMAGE), perm=(0, 1)), "perm"),
    (_graph("Concat", [_value(0, IMAGE), _value(1, IMAGE)], _value(2, IMAGE), axis=7), "axis"),
    (_graph("Softmax", [_value(0, IMAGE)], _value(1, IMAGE), axis="x"), "integer"),
    (_graph("DepthToSpace", [_value(0, (1, 4, 2, 2))], _value(1, (1, 1, 4, 4))), "blocksize"),
    (_graph("Resize", [_value(0, IMAGE)], _value(1, IMAGE), mode="cubic"), "cubic"),
    (_graph("Upsample", [_value(0, (1, 3, 4, 8, 10)), _constant(1, 5)],
            _value(2, (1, 3, 8, 16, 20)), 9), "rank 5"),
    (_graph("Pad", [_value(0, IMAGE), _whole(1, *(0,) * 7, 1)], _value(2, IMAGE), 19, mode="wrap"),
     "wraps"),
    (_graph("BatchNormalization", [_value(0, IMAGE), *(_constant(i, 3) for i in range(1, 5))],
            _value(5, IMAGE), 15, training_mode=1), "training"),
    (_graph("MatMul", [_value(0, (2, 3), "int32"), _value(1, (3, 2), "int32")],
            _value(2, (2, 2), "int32")), "int32"),
]  # fmt: skip


@pytest.mark.parametrize(("graph", "words"), UNKNOWN)
def test_the_reason_is_said(graph: Graph, words: str) -> None:
    found = lower(graph, graph.nodes[0])
    assert not found.known
    assert words in found.why
    assert found.operations == ()
    assert not found.vanishes


def test_all_opsets_of_the_standard_are_known() -> None:
    assert defs.onnx_opset_version() == NEWEST_OPSET


@pytest.mark.parametrize(
    ("body", "words"), [("function", "the model's own function"), ("then_branch", "control flow")]
)
def test_what_a_node_carries_is_called_by_its_name(body: str, words: str) -> None:
    graph = _graph("Block", [_value(0, IMAGE)], _value(1, IMAGE))
    node = replace(graph.nodes[0], bodies=((body, 1),))
    (found,) = lower_graph(replace(graph, nodes=(node,)))
    assert not found.known
    assert words in found.why


def _chain(length: int) -> Graph:
    values = [_value(0, (1, 4, 32, 32))]
    nodes = []

    def node(op: str, *operands: int, **attributes: Attribute) -> int:
        values.append(_value(len(values), (1, 4, 32, 32)))
        result = len(values) - 1
        nodes.append(Node(0, len(nodes), op, 17, operands, (result,), attributes))
        return result

    current = 0
    while len(nodes) < length:
        values.append(_constant(len(values), 4, 4, 3, 3))
        wide = node("Conv", current, len(values) - 1, pads=(1, 1, 1, 1))
        current = node("Add", node("Relu", wide), current)
    return Graph(0, "chain", "onnx", tuple(values), tuple(nodes), (0,), (current,))


def test_equal_nodes_share_their_lowering() -> None:
    found = lower_graph(_chain(3000))
    assert len(found) == 3000
    assert len({id(lowering) for lowering in found}) <= 6


def test_the_last_graph_is_remembered() -> None:
    graph = _chain(6)
    assert lower_graph(graph) is lower_graph(graph)
    assert lower_graph(_chain(9)) is not lower_graph(graph)


def test_an_activation_is_fused_only_where_nothing_else_reads_the_sum() -> None:
    add, relu = (Node(0, i, op, 17, *ends) for i, (op, ends) in enumerate(
        [("Add", ((0, 1), (2,))), ("Relu", ((2,), (3,)))]
    ))  # fmt: skip
    values = tuple(_value(index, IMAGE) for index in range(4))
    alone = Graph(0, "g", "onnx", values, (add, relu), (0, 1), (3,))
    shared = Graph(0, "g", "onnx", values, (add, relu), (0, 1), (2, 3))
    fused = lower_graph(alone)
    assert fused[0].operations[0].attributes["fused_activation_function"] == "RELU"
    assert fused[1].vanishes
    assert [o.op for lowering in lower_graph(shared) for o in lowering.operations] == [
        "ADD", "RELU",
    ]  # fmt: skip


def test_a_body_may_read_anything_so_nothing_is_fused_around_it() -> None:
    add = Node(0, 0, "Add", 17, (0, 1), (2,))
    relu = Node(0, 1, "Relu", 17, (2,), (3,))
    branch = Node(0, 2, "If", 17, (4,), (5,), bodies=(("then_branch", 1), ("else_branch", 2)))
    values = tuple(_value(index, IMAGE) for index in range(6))
    graph = Graph(0, "g", "onnx", values, (add, relu, branch), (0, 1, 4), (3, 5))
    assert [len(lowering.operations) for lowering in lower_graph(graph)] == [1, 1, 0]
    assert "control flow" in lower_graph(graph)[2].why


CONTRADICTIONS = [
    _graph("GroupNormalization", [_value(0, IMAGE), _constant(1, 3), _constant(2, 3)],
           _value(3, IMAGE), 21, num_groups=0),
    _graph("DepthToSpace", [_value(0, (1, 4, 2))], _value(1, (1, 1, 4)), blocksize=2, mode="CRD"),
    _graph("Gemm", [_value(0, (1, 4)), _constant(1, 4)], _value(2, (1, 2))),
    _graph("Pad", [_value(0, IMAGE)], _value(1, IMAGE), 2, pads=(1, 2, 3)),
    _graph("Pad", [_value(0, IMAGE)], _value(1, IMAGE), 2, pads=(0, 0, 1 << 40, 0, 0, 0, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize("graph", CONTRADICTIONS)
def test_a_node_that_contradicts_itself_is_unknown(graph: Graph) -> None:
    found = lower(graph, graph.nodes[0])
    assert not found.known
    assert "contradict" in found.why


def test_a_border_is_not_repeated_without_end() -> None:
    pads = (0, 0, 1 << 30, 0, 0, 0, 0, 0)
    graph = _graph("Pad", [_value(0, IMAGE)], _value(1, IMAGE), 2, pads=pads, mode="edge")
    assert "border" in lower(graph, graph.nodes[0]).why


def test_bounds_computed_of_constants_are_constants() -> None:
    """An exporter may compute a crop's bounds in nodes that the converter folds."""
    values = (
        _value(0, IMAGE),
        Value(1, "one", "int64", (1,), Constant("int64", (1,), (1).to_bytes(8, "little"), None, 8)),
        _value(2, (1,), "int64"),
        _value(3, (1, 3, 7, 10)),
    )
    add = Node(0, 0, "Add", 17, (1, 1), (2,))
    cut = Node(0, 1, "Slice", 17, (0, 1, 2, 2), (3,))
    found = lower_graph(Graph(0, "g", "onnx", values, (add, cut), (0,), (3,)))
    assert found[0].vanishes
    assert [operation.op for operation in found[1].operations] == ["STRIDED_SLICE"]
    bounds = found[1].operations[0].inputs[1:]
    assert all(bound is not None and bound.constant is not None for bound in bounds)


def test_bounds_computed_of_inputs_are_not() -> None:
    values = (_value(0, IMAGE), _value(1, (1,), "int64"), _value(2, (1, 3, None, 10)))
    cut = Node(0, 0, "Slice", 17, (0, 1, 1), (2,))
    (found,) = lower_graph(Graph(0, "g", "onnx", values, (cut,), (0, 1), (2,)))
    begin, end, steps = found.operations[0].inputs[1:]
    assert begin is not None
    assert end is not None
    assert steps is not None
    assert begin.constant is None
    assert end.constant is None
    assert steps.constant is not None

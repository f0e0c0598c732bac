"""Converted graphs whose tensors may have no size before they run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

import npulint
from npulint.finding import TargetResult

Shape = list[int | str]
FIXED: Shape = [1, 4, 8, 8]
FREE: Shape = ["n", 4, 8, 8]
node = helper.make_node

CONSTANTS = {"first": [0], "rest": [-1], "flat": [1, 256], "none": [-1, 256]}

RESHAPED = [
    node("Shape", ["a"], ["sizes"]),
    node("Gather", ["sizes", "first"], ["batch"]),
    node("Concat", ["batch", "rest"], ["wanted"], axis=0),
    node("Reshape", ["a", "wanted"], ["y"]),
]

CASES: list[tuple[str, Shape, list[NodeProto], str]] = [
    ("no size hangs on contents", FIXED, [node("Sigmoid", ["a"], ["y"])], ""),
    ("a stored shape", FIXED, [node("Reshape", ["a", "flat"], ["y"])], ""),
    ("a stored shape of a free batch", FREE, [node("Reshape", ["a", "none"], ["y"])], ""),
    ("a computed shape that is fixed", FIXED, RESHAPED, ""),
    ("a computed shape that is free", FREE, RESHAPED, "RESHAPE of Reshape (node 4)"),
    ("as many as there are", FIXED, [node("NonZero", ["a"], ["y"])], "WHERE of NonZero (node 1)"),
]


@pytest.fixture
def asked(tmp_path: Path) -> Callable[[Shape, list[NodeProto]], TargetResult]:
    """What NNAPI 1.3 makes of an ONNX model: Relu from `x` to `a`, then what is given, to `y`."""

    def ask(shape: Shape, nodes: list[NodeProto]) -> TargetResult:
        kind = TensorProto.INT64 if nodes[-1].op_type == "NonZero" else TensorProto.FLOAT
        graph = helper.make_graph(
            [node("Relu", ["x"], ["a"]), *nodes],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", kind, None)],
            [numpy_helper.from_array(np.array(v), name) for name, v in CONSTANTS.items()],
        )
        path = tmp_path / "model.onnx"
        opset = [helper.make_opsetid("", 17)]
        onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
        return npulint.check(path, ["nnapi-1.3"]).models[0].targets[0]

    return ask


@pytest.mark.parametrize(
    ("shape", "nodes", "blamed"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_nothing_is_promised_of_a_graph_whose_sizes_may_hang_on_the_run(
    asked: Callable[[Shape, list[NodeProto]], TargetResult],
    shape: Shape,
    nodes: list[NodeProto],
    blamed: str,
) -> None:
    delegation = asked(shape, nodes).delegations[0]
    if blamed:
        assert True not in delegation.delegated
        assert delegation.delegated[0] is None
        assert delegation.doubt is not None
        assert blamed in delegation.doubt
    else:
        assert delegation.doubt is None
        assert delegation.delegated[0] is True

"""Sizes that ONNX Runtime does not know, held against its own and the standard's schemas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import NodeProto, helper, numpy_helper

import npulint
from npulint.ort import see
from npulint.ort.forgetting import WITHOUT_SIZES
from tests.formats import onnx_building as build

IMAGE = (1, 4, 6, 6)
node = helper.make_node
MEAN = node("MeanVarianceNormalization", ["x"], ["a"], axes=[2, 3])
STORED = {"to": np.array([1, 4, 36]), "same": np.array([0, -1])}

CASES: dict[str, tuple[Sequence[NodeProto], int, bool]] = {
    "a norm": ([MEAN, node("Neg", ["a"], ["y"])], 18, False),
    "what follows": (
        [MEAN, node("Neg", ["a"], ["b"]), node("Add", ["b", "x"], ["y"])],
        18,
        False,
    ),
    "beside": ([MEAN, node("Neg", ["x"], ["y"])], 18, True),
    "sizes that are stored": ([MEAN, node("Reshape", ["a", "to"], ["y"])], 18, True),
    "sizes of what is read": ([MEAN, node("Reshape", ["a", "same"], ["y"])], 18, False),
    "a comparison of opset 15": (
        [node("LessOrEqual", ["x", "x"], ["a"]), node("Not", ["a"], ["y"])],
        15,
        False,
    ),
    "a comparison of opset 16": (
        [node("LessOrEqual", ["x", "x"], ["a"]), node("Not", ["a"], ["y"])],
        16,
        True,
    ),
}
"""Nodes from x to y, the opset, and whether the sizes of y are known."""


def test_those_without_a_rule_are_those_of_the_standard() -> None:
    found: dict[str, list[int]] = {}
    for schema in sorted(onnx.defs.get_all_schemas_with_history(), key=lambda s: s.since_version):
        is_function = schema.has_function or schema.has_context_dependent_function
        rule = schema.has_type_and_shape_inference_function
        if not schema.domain and is_function and not rule:
            found.setdefault(schema.name, []).append(schema.since_version)
    assert {op: list(versions) for op, versions in WITHOUT_SIZES.items()} == found


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("stated", [False, True])
def test_what_is_forgotten_is_what_onnx_runtime_does_not_know(
    name: str, stated: bool, tmp_path: Path
) -> None:
    nodes, opset, known = CASES[name]
    path = write(nodes, opset, tmp_path, stated=stated)
    graph = npulint.load(path).graphs[0]
    y = see(graph).graph.values[graph.outputs[0]]
    assert (y.shape is not None) == (known or stated)
    assert are_known(path) == (known or stated)


def write(nodes: Sequence[NodeProto], opset: int, folder: Path, *, stated: bool) -> Path:
    """A model whose y has no stated sizes, and what lies between has where `stated` says so."""
    read = {name for each in nodes for name in each.input}
    tensors = [numpy_helper.from_array(STORED[name], name) for name in sorted(read & {*STORED})]
    end = helper.make_empty_tensor_value_info("y")
    between = [name for each in nodes for name in each.output if name != "y"]
    kind = onnx.TensorProto.BOOL if "Equal" in nodes[0].op_type else onnx.TensorProto.FLOAT
    told = [build.tensor(name, kind, IMAGE) for name in between] if stated else []
    graph = helper.make_graph(
        nodes, "g", [build.floats("x", *IMAGE)], [end], tensors, value_info=told
    )
    return build.write(folder, build.model(graph, opset=opset))


def are_known(path: Path) -> bool:
    """Whether ONNX Runtime knows the sizes of y."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    sizes = session.get_outputs()[0].shape
    return bool(sizes) and all(isinstance(size, int) for size in sizes)

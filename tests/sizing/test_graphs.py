"""What constants, chains of sizes and graphs within graphs make of new sizes, run for real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from npulint.errors import UsageError
from npulint.formats import load
from npulint.model import Model
from npulint.sizing.site import sizes_of
from npulint.sizing.walk import resized
from tests.fixers import single
from tests.formats import onnx_building as build
from tests.formats import tflite_building as lite

CANNOT = "cannot take what follows from these sizes"


def model_of(folder: Path, nodes: list[NodeProto], stored: dict[str, Any], **more: Any) -> Path:
    """x [n, 3, h, w] -> nodes -> y."""
    graph = build.graph(
        nodes,
        [build.floats("x", "n", 3, "h", "w")],
        [build.tensor("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in stored.items()],
    )
    return build.write(folder, build.model(graph, 18, **more))


def output(model: Model) -> Any:
    graph = model.graphs[0]
    return sizes_of(graph.values[graph.outputs[0]])


def node(op: str, *names: str, **attributes: Any) -> NodeProto:
    """Operands, and the result last."""
    return helper.make_node(op, names[:-1], names[-1:], name=f"make_{names[-1]}", **attributes)


TWICE = [
    node("Shape", "x", "all"),
    node("Slice", "all", "two", "four", "space"),
    node("Cast", "space", "real", to=TensorProto.FLOAT),
    node("Mul", "real", "factor", "more"),
    node("Floor", "more", "whole"),
    node("Cast", "whole", "sizes", to=TensorProto.INT64),
    node("Slice", "all", "zero", "two", "ahead"),
    node("Concat", "ahead", "sizes", "target", axis=0),
    node("Resize", "x", "", "", "target", "y", mode="nearest"),
]
"""Up by a factor, as exporters write an interpolation of open sizes."""

FLATTENED = [
    node("Shape", "x", "all"),
    node("Gather", "all", "zero", "batch"),
    node("Concat", "batch", "rest", "target", axis=0),
    node("Reshape", "x", "target", "flat"),
    node("Transpose", "flat", "y", perm=[0, 2, 1]),
]

HALVES = [
    node("Shape", "x", "height", start=2, end=3),
    node("Div", "height", "two", "half"),
    node("Slice", "x", "zero", "half", "two", "y"),
]

RANGE = [
    node("Shape", "x", "height", start=2, end=3),
    node("Squeeze", "height", "scalar"),
    node("Range", "nought", "scalar", "one", "rows"),
    node("Cast", "rows", "real", to=TensorProto.FLOAT),
    node("Unsqueeze", "real", "one_axis", "column"),
    node("Add", "x", "column", "y"),
]

INDICES = {
    "zero": np.array([0]), "two": np.array([2]), "four": np.array([4]), "rest": np.array([3, -1]),
    "factor": np.float32(1.5), "nought": np.int64(0), "one": np.int64(1),
    "one_axis": np.array([1]),
}  # fmt: skip


@pytest.mark.parametrize("nodes", [TWICE, FLATTENED, HALVES, RANGE], ids=lambda n: n[-1].op_type)
@pytest.mark.parametrize("shape", [(1, 3, 7, 9), (2, 3, 16, 5)])
def test_chains_of_sizes(tmp_path: Path, nodes: list[NodeProto], shape: tuple[int, ...]) -> None:
    used = {name for each in nodes for name in each.input}
    path = model_of(tmp_path, nodes, {k: v for k, v in INDICES.items() if k in used})
    (real,) = single.run(path, {"x": np.zeros(shape, np.float32)})
    assert output(resized(load(path), {"": shape})) == real.shape


@pytest.mark.parametrize(
    ("nodes", "stored", "said"),
    [
        (
            [node("Reshape", "x", "target", "y")],
            {"target": np.array([1, 3, 64])},
            "it makes 1x3x64 of 1x3x16x16, which has other elements; "
            "it is held to its sizes by the constant 'target'",
        ),
        (
            [node("Resize", "x", "", "", "target", "a", mode="linear"), node("Add", "a", "x", "y")],
            {"target": np.array([1, 3, 8, 8])},
            "it cannot join 1x3x8x8 and 1x3x16x16; "
            "Resize (node 0, 'make_a') is held to its sizes by the constant 'target'",
        ),
        (
            [
                node("Shape", "x", "ahead", end=2),
                node("Concat", "ahead", "space", "target", axis=0),
                node("Resize", "x", "", "", "target", "a", mode="linear"),
                node("Relu", "a", "b"),
                node("Add", "b", "x", "y"),
            ],
            {"space": np.array([8, 8])},
            "it cannot join 1x3x8x8 and 1x3x16x16; "
            "Resize (node 2, 'make_a') is held to its sizes by the constant 'space'",
        ),
        (
            [
                node("Shape", "x", "ahead", end=3),
                node("Concat", "ahead", "width", "target", axis=0),
                node("Resize", "x", "", "", "target", "a", mode="linear"),
                node("Add", "a", "x", "y"),
            ],
            {"width": np.array([8])},
            "it cannot join 1x3x16x8 and 1x3x16x16",
        ),
        (
            [node("Expand", "x", "target", "y")],
            {"target": np.array([1, 3, 8, 8])},
            "it cannot join 1x3x16x16 and 1x3x8x8; "
            "it is held to its sizes by the constant 'target'",
        ),
        (
            [node("Add", "x", "position", "y")],
            {"position": np.zeros((1, 3, 8, 8), np.float32)},
            "it cannot join 1x3x16x16 and 1x3x8x8",
        ),
        (
            [node("Split", "x", "parts", "y", axis=2)],
            {"parts": np.array([8])},
            "it cuts 8 from 16",
        ),
        (
            [node("Conv", "x", "kernel", "y")],
            {"kernel": np.zeros((1, 3, 17, 17), np.float32)},
            "its window of 17 does not fit into 16",
        ),
    ],
    ids=lambda each: each[-1].op_type if isinstance(each, list) else "",
)
def test_a_constant_that_holds_to_other_sizes(
    tmp_path: Path, nodes: list[NodeProto], stored: dict[str, Any], said: str
) -> None:
    path = model_of(tmp_path, nodes, stored)
    with pytest.raises(Exception, match="ONNXRuntimeError"):
        single.run(path, {"x": np.zeros((1, 3, 16, 16), np.float32)})
    with pytest.raises(UsageError) as caught:
        resized(load(path), {"": (1, 3, 16, 16)})
    last = f"{nodes[-1].op_type} (node {len(nodes) - 1}, 'make_y')"
    assert str(caught.value) == f"--input-shape: {last} {CANNOT}: {said}"


def transposed(folder: Path, output_shape: tuple[int, ...]) -> Path:
    """x [1, 4, 4, 2], its space open -> TRANSPOSE_CONV of 2x2 and stride 2, sizes stored."""
    tensors = [
        lite.tensor("sizes", (4,), "INT32", 1),
        lite.tensor("kernel", (3, 2, 2, 2), buffer=2),
        lite.tensor("x", (1, 1, 1, 2), shape_signature=[1, -1, -1, 2]),
        lite.tensor("y", output_shape),
    ]
    options = lite.table("TransposeConvOptions", padding=0, stride_w=2, stride_h=2)
    graph = lite.table(
        "SubGraph", tensors=tensors, inputs=[2], outputs=[3], name=b"main",
        operators=[lite.operator(0, [0, 1, 2], [3], options=options)],
    )  # fmt: skip
    stored = [np.array(output_shape, np.int32), np.zeros(24, np.float32)]
    buffers = [lite.table("Buffer", data=np.frombuffer(a.tobytes(), np.uint8)) for a in stored]
    model = lite.table(
        "Model", version=3, subgraphs=[graph], operator_codes=[lite.code("TRANSPOSE_CONV")],
        buffers=[lite.table("Buffer"), *buffers],
    )  # fmt: skip
    return lite.write(folder, model)


def test_a_stored_output_shape_goes_with_one_size(tmp_path: Path) -> None:
    model = load(transposed(tmp_path, (1, 8, 8, 3)))
    assert output(resized(model, {"x": (1, 4, 4, 2)})) == (1, 8, 8, 3)
    with pytest.raises(UsageError) as caught:
        resized(model, {"x": (1, 5, 4, 2)})
    assert str(caught.value) == (
        f"--input-shape: TRANSPOSE_CONV (node 0, 'y') {CANNOT}: its output_shape 1x8x8x3 goes with "
        "an input of 1x4x4, and it is given 1x5x4; it is held to its sizes by the constant 'sizes'"
    )


def test_what_no_rule_tells_stays_unknown_but_for_what_the_file_fixes(tmp_path: Path) -> None:
    graph = build.graph(
        [
            helper.make_node("Blur", ["x"], ["a"], domain="acme"),
            helper.make_node("Blur", ["a"], ["b"], domain="acme"),
            helper.make_node("Relu", ["b"], ["y"]),
        ],
        [build.floats("x", "n", 3, "h", "w")],
        [build.tensor("y", TensorProto.FLOAT, None)],
        value_info=[build.floats("a", "n", 3, "h", "w"), build.floats("b", 1, 3, 8, 8)],
    )
    path = build.write(tmp_path, build.model(graph, opsets={"acme": 1}))
    values = {v.name: v.shape for v in resized(load(path), {"": (1, 3, 8, 9)}).graphs[0].values}
    assert values["a"] == (None, 3, None, None)
    assert values["b"] == values["y"] == (None,) * 4


def branch(name: str, result: str, *nodes: NodeProto) -> Any:
    return build.graph(nodes, [], [build.tensor(result, TensorProto.FLOAT, None)], name=name)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (node("Neg", "x", "n"), (1, 3, 6, 8)),
        (node("GlobalMaxPool", "x", "n"), (1, 3, None, None)),
        (node("Flatten", "x", "n"), None),
    ],
)
def test_branches(tmp_path: Path, other: NodeProto, expected: Any) -> None:
    either = helper.make_node(
        "If", ["flag"], ["y"],
        then_branch=branch("then", "r", node("Relu", "x", "r")),
        else_branch=branch("else", "n", other),
    )  # fmt: skip
    path = model_of(tmp_path, [either], {"flag": np.array(True)})
    model = resized(load(path), {"": (1, 3, 6, 8)})
    assert output(model) == expected
    (then,) = [graph for graph in model.graphs if graph.name == "then"]
    assert then.values[then.outputs[0]].shape == (1, 3, 6, 8)


def test_functions_are_sized_at_each_call(tmp_path: Path) -> None:
    shrink = helper.make_function(
        "acme", "Shrink", ["a"], ["b"],
        [helper.make_node("MaxPool", ["a"], ["b"], kernel_shape=[2, 2], strides=[2, 2])],
        [helper.make_opsetid("", 18)],
    )  # fmt: skip
    nodes = [
        helper.make_node("Shrink", ["x"], ["half"], domain="acme"),
        helper.make_node("Shrink", ["half"], ["y"], domain="acme"),
    ]
    path = model_of(tmp_path, nodes, {}, functions=[shrink], opsets={"acme": 1})
    model = load(path)
    now = resized(model, {"": (1, 3, 16, 24)})
    assert output(now) == (1, 3, 4, 6)
    assert now.graphs[1] == model.graphs[1]


def test_a_loop_tells_nothing_of_what_it_makes(tmp_path: Path) -> None:
    body = build.graph(
        [
            node("Identity", "go", "on"),
            helper.make_node("Concat", ["a", "x"], ["b"], axis=0),
        ],
        [
            build.tensor("i", TensorProto.INT64, []),
            build.tensor("go", TensorProto.BOOL, []),
            build.floats("a", "m", 3, 8, 8),
        ],
        [build.tensor("on", TensorProto.BOOL, []), build.floats("b", "m2", 3, 8, 8)],
        name="body",
    )
    loop = helper.make_node("Loop", ["times", "flag", "x"], ["y"], body=body)
    path = model_of(tmp_path, [loop], {"times": np.int64(2), "flag": np.array(True)})
    (real,) = single.run(path, {"x": np.zeros((1, 3, 8, 8), np.float32)})
    assert real.shape == (3, 3, 8, 8)
    found = output(resized(load(path), {"": (1, 3, 8, 8)}))
    assert found is None or all(
        size in {None, fixed} for size, fixed in zip(found, real.shape, strict=True)
    )

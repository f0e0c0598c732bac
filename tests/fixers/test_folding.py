"""Constant nodes are computed once, by the dialect's own runtime, and stored."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from instances import integers, run
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parent.parent / "formats"))

import tflite_building as tflite

from npulint.fixers.folding import fold
from npulint.fixers.record import Policy
from npulint.formats import load, save
from npulint.model import Graph
from npulint.opsets import load_target
from npulint.rewriting import cleaned, rewrite

node = helper.make_node
I64, F32 = np.int64, np.float32


def onnx_model(folder: Path, nodes: list[Any], shape: list[Any], **held: Any) -> Path:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in held.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / "model.onnx"
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


def check(path: Path, expected: str, shape: tuple[int, ...]) -> None:
    """The operators that stay after a rewrite; both files compute the same."""
    model = load(path)
    made = rewrite(model, [load_target("nnapi-1.3")], Policy())
    assert not made.realised
    assert " ".join(each.op for each in made.model.graphs[0].nodes) == expected
    new = path.with_stem("folded")
    save(made.model, new)
    x = integers(np.random.default_rng(0), *shape)
    assert np.array_equal(run(path, x), run(new, x))


CASES: dict[str, tuple[list[Any], list[Any], dict[str, Any], str]] = {
    "sizes of a fixed input": (
        [
            node("Shape", ["x"], ["s"]),
            node("Gather", ["s", "zero"], ["n"]),
            node("Unsqueeze", ["n", "axis"], ["u"]),
            node("Concat", ["u", "rest"], ["c"], axis=0),
            node("Reshape", ["x", "c"], ["y"]),
        ],
        [2, 3, 4],
        {"zero": I64(0), "axis": I64([0]), "rest": I64([12])},
        "Reshape",
    ),
    "part of the sizes": (
        [
            node("Shape", ["x"], ["s"], start=-1),
            node("Concat", ["m", "s"], ["t"], axis=0),
            node("Reshape", ["x", "t"], ["y"]),
        ],
        [2, 3, 4],
        {"m": I64([6])},
        "Reshape",
    ),
    "arithmetic on what is stored": (
        [
            node("Add", ["a", "b"], ["c"]),
            node("Mul", ["c", "c"], ["d"]),
            node("Mul", ["x", "d"], ["y"]),
        ],
        [2, 3],
        {"a": F32([1, 2, 3]), "b": F32([3, 2, 5])},
        "Mul",
    ),
    "sizes of a free input stay": (
        [
            node("Shape", ["x"], ["s"]),
            node("Gather", ["s", "zero"], ["n"]),
            node("Concat", ["n", "rest"], ["c"], axis=0),
            node("Reshape", ["x", "c"], ["y"]),
        ],
        ["n", 3, 4],
        {"zero": I64([0]), "rest": I64([12])},
        "Shape Gather Concat Reshape",
    ),
    "what would grow beyond measure stays": (
        [node("Expand", ["a", "s"], ["b"]), node("Add", ["x", "b"], ["c"]),
         node("ReduceMax", ["c"], ["y"], axes=[0])],
        [1],
        {"a": F32([1]), "s": I64([1 << 15])},
        "Expand Add ReduceMax",
    ),
    "draws stay": (
        [
            node("RandomUniform", [], ["r"], shape=[1], low=0.0, high=1e-9),
            node("Mul", ["r", "a"], ["b"]),
            node("Floor", ["b"], ["c"]),
            node("Add", ["x", "c"], ["y"]),
        ],
        [1],
        {"a": F32([0])},
        "RandomUniform Mul Floor Add",
    ),
    "quantised weights stay as they are stored": (
        [node("DequantizeLinear", ["q", "s"], ["w"]), node("Mul", ["x", "w"], ["y"])],
        [3],
        {"q": np.uint8([1, 2, 3]), "s": F32(0.5)},
        "DequantizeLinear Mul",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_in_onnx(case: str, tmp_path: Path) -> None:
    nodes, shape, held, expected = CASES[case]
    path = onnx_model(tmp_path, nodes, shape, **held)
    check(path, expected, tuple(size if isinstance(size, int) else 2 for size in shape))


def test_in_tflite(tmp_path: Path) -> None:
    """A constant sum feeds a product; a float16 weight stays float16."""
    half = np.array([1, 2, 3], np.float16)
    buffers = [b"", F32([1, 2, 3]).tobytes(), half.tobytes()]
    tensors = [
        tflite.tensor("x", (2, 3)),
        tflite.tensor("a", (3,), buffer=1),
        tflite.tensor("sum", (3,)),
        tflite.tensor("product", (2, 3)),
        tflite.tensor("h", (3,), "FLOAT16", 2),
        tflite.tensor("w", (3,)),
        tflite.tensor("y", (2, 3)),
    ]
    graph = tflite.table(
        "SubGraph", tensors=tensors, inputs=[0], outputs=[6], name=b"main",
        operators=[
            tflite.operator(0, [1, 1], [2], options=tflite.table("AddOptions")),
            tflite.operator(1, [0, 2], [3], options=tflite.table("MulOptions")),
            tflite.operator(2, [4], [5]),
            tflite.operator(0, [3, 5], [6], options=tflite.table("AddOptions")),
        ],
    )  # fmt: skip
    model = tflite.table(
        "Model", version=3, subgraphs=[graph],
        operator_codes=[
            tflite.code("ADD", 1), tflite.code("MUL", 1), tflite.code("DEQUANTIZE", 3)
        ],
        buffers=[
            tflite.table("Buffer", data=np.frombuffer(each, np.uint8) if each else None)
            for each in buffers
        ],
    )  # fmt: skip
    check(tflite.write(tmp_path, model, "model.tflite"), "MUL DEQUANTIZE ADD", (2, 3))


def test_nothing_is_run_where_nothing_is_constant(tmp_path: Path) -> None:
    def never(_: Graph) -> list[Any]:
        raise AssertionError("nothing is to be computed")

    path = onnx_model(tmp_path, [node("Relu", ["x"], ["y"])], [2])
    graph = load(path).graphs[0]
    assert fold(graph, never) is graph


def test_a_scalar_stays_a_scalar(tmp_path: Path) -> None:
    """An index of one element would keep the axis that an index without axes drops."""
    nodes = [
        node("Add", ["one", "one"], ["index"]),
        node("Gather", ["x", "index"], ["y"], axis=0),
    ]
    path = onnx_model(tmp_path, nodes, [4, 2], one=np.array(1, I64))
    model = cleaned(load(path))
    (gather,) = model.graphs[0].nodes
    assert model.graphs[0].values[gather.inputs[1]].shape == ()
    save(model, tmp_path / "cleaned.onnx")
    x = np.arange(8, dtype=F32).reshape(4, 2)
    was, now = run(path, x), run(tmp_path / "cleaned.onnx", x)
    assert was.shape == now.shape == (2,)
    assert np.array_equal(was, now)


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        (((1, 9, 2, 1),), ((0, 3, 3, 2),), 1),
        (((1, 9, -2, 1), (-1, -9, 1, -2)), ((0, 3, 3, 2),), 1),
        (((1, 9, 2, 1),), ((0, 3, -2, 2),), 2),
    ],
)
def test_slices_of_other_axes_are_one(tmp_path: Path, first: Any, then: Any, expected: int) -> None:
    """Start, end, axis and step of each; along one axis the second counts from the first's."""
    stored, nodes = {}, []
    for number, (source, ranges, result) in enumerate((("x", first, "a"), ("a", then, "y"))):
        names = [f"{part}{number}" for part in ("starts", "ends", "axes", "steps")]
        columns = (np.array(column, I64) for column in zip(*ranges, strict=True))
        stored |= dict(zip(names, columns, strict=True))
        nodes.append(node("Slice", [source, *names], [result]))
    path = onnx_model(tmp_path, nodes, [1, 4, 6, 7], **stored)
    model = cleaned(load(path))
    assert len(model.graphs[0].nodes) == expected
    save(model, tmp_path / "cleaned.onnx")
    x = np.arange(168, dtype=F32).reshape(1, 4, 6, 7)
    assert np.array_equal(run(path, x), run(tmp_path / "cleaned.onnx", x))
    assert cleaned(model) is model

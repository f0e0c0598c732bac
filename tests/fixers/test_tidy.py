"""Clean-ups: less is done, the results are the same to the last bit, and nothing is done twice."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from cases import Step, tflite_model
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import integers, run
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parent.parent / "formats"))

import itertools

import tflite_building as tflite

from npulint.fixers.tidy import tidy
from npulint.formats import load, save
from npulint.model import Model

SHAPE = (1, 2, 3, 4)


def onnx_model(
    folder: Path, nodes: Sequence[Any], outputs: dict[str, Sequence[int | str]], **stored: Any
) -> Path:
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / "model.onnx"
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


def tidied(model: Model) -> Model:
    graph, _ = tidy(model.graphs[0])
    again, place = tidy(graph)
    assert again is graph
    assert all(old == new for old, new in place.items())
    return replace(model, graphs=(graph, *model.graphs[1:]))


def check(path: Path, expected: str) -> None:
    """The operators that stay; both files compute the same."""
    model = load(path)
    new = tidied(model)
    assert " ".join(node.op for node in new.graphs[0].nodes) == expected
    made = path.with_stem("tidy")
    save(new, made)
    shape = [size for size in model.graphs[0].values[0].shape or () if isinstance(size, int)]
    x = integers(np.random.default_rng(0), *shape)
    assert np.array_equal(run(path, x), run(made, x))


node = helper.make_node
I64 = np.int64
CASES: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "what nobody uses": ([node("Abs", ["x"], ["a"]), node("Relu", ["x"], ["y"])], {}, "Relu"),
    "and what only that uses": (
        [node("Abs", ["x"], ["a"]), node("Neg", ["a"], ["b"]), node("Relu", ["x"], ["y"])],
        {},
        "Relu",
    ),
    "identity": ([node("Identity", ["x"], ["a"]), node("Relu", ["a"], ["y"])], {}, "Relu"),
    "identity at the end": (
        [node("Relu", ["x"], ["a"]), node("Identity", ["a"], ["y"])],
        {},
        "Relu",
    ),
    "identity from input to output": ([node("Identity", ["x"], ["y"])], {}, "Identity"),
    "dropout": ([node("Dropout", ["x"], ["a"]), node("Relu", ["a"], ["y"])], {}, "Relu"),
    "dropout whose mask is used": (
        [
            node("Dropout", ["x"], ["a", "m"]),
            node("Cast", ["m"], ["c"], to=1),
            node("Add", ["a", "c"], ["y"]),
        ],
        {},
        "Dropout Cast Add",
    ),
    "cast to the same type": (
        [node("Cast", ["x"], ["a"], to=1), node("Abs", ["a"], ["y"])],
        {},
        "Abs",
    ),
    "padding by nothing": (
        [node("Pad", ["x", "p"], ["a"]), node("Abs", ["a"], ["y"])],
        {"p": np.zeros(8, I64)},
        "Abs",
    ),
    "reversal keeps its size and is something": (
        [node("Slice", ["x", "s", "e", "a", "t"], ["y"])],
        {"s": I64([-1]), "e": I64([-9]), "a": I64([3]), "t": I64([-1])},
        "Slice",
    ),
    "slice of all": (
        [node("Slice", ["x", "s", "e", "a"], ["b"]), node("Abs", ["b"], ["y"])],
        {"s": I64([0]), "e": I64([9]), "a": I64([3])},
        "Abs",
    ),
    "there and back": (
        [
            node("Transpose", ["x"], ["a"], perm=[0, 2, 3, 1]),
            node("Transpose", ["a"], ["b"], perm=[0, 3, 1, 2]),
            node("Relu", ["b"], ["y"]),
        ],
        {},
        "Relu",
    ),
    "there and elsewhere": (
        [
            node("Transpose", ["x"], ["a"], perm=[0, 2, 3, 1]),
            node("Transpose", ["a"], ["b"], perm=[0, 2, 1, 3]),
            node("Transpose", ["b"], ["c"], perm=[0, 3, 1, 2]),
            node("Relu", ["c"], ["y"]),
        ],
        {},
        "Transpose Relu",
    ),
    "reshape of a reshape": (
        [
            node("Reshape", ["x", "s"], ["a"]),
            node("Reshape", ["a", "t"], ["b"]),
            node("Relu", ["b"], ["y"]),
        ],
        {"s": I64([2, -1]), "t": I64([0, 3, 4, 1])},
        "Reshape Relu",
    ),
    "reshape back": (
        [
            node("Reshape", ["x", "s"], ["a"]),
            node("Reshape", ["a", "t"], ["b"]),
            node("Relu", ["b"], ["y"]),
        ],
        {"s": I64([2, -1]), "t": I64([1, 2, 3, 4])},
        "Relu",
    ),
    "the same twice": (
        [node("Abs", ["x"], ["a"]), node("Abs", ["x"], ["b"]), node("Add", ["a", "b"], ["y"])],
        {},
        "Abs Add",
    ),
    "the same with two copies of a constant": (
        [
            node("Mul", ["x", "p"], ["a"]),
            node("Mul", ["x", "q"], ["b"]),
            node("Mul", ["x", "r"], ["c"]),
            node("Sum", ["a", "b", "c"], ["y"]),
        ],
        {"p": np.float32([3]), "q": np.float32([3]), "r": np.float32([4])},
        "Mul Mul Sum",
    ),
    "limited twice": (
        [node("Relu", ["x"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["y"])],
        {},
        "Relu",
    ),
    "limited twice, and read between": (
        [node("Relu", ["x"], ["a"]), node("Relu", ["a"], ["b"]), node("Add", ["a", "b"], ["y"])],
        {},
        "Relu Add",
    ),
    "inclined twice": (
        [node("LeakyRelu", ["x"], ["a"]), node("LeakyRelu", ["a"], ["y"])],
        {},
        "LeakyRelu LeakyRelu",
    ),
    "joins of joins": (
        [
            node("Neg", ["x"], ["n"]),
            node("Concat", ["x", "n"], ["a"], axis=1),
            node("Abs", ["x"], ["p"]),
            node("Concat", ["p", "x"], ["b"], axis=1),
            node("Concat", ["a", "n", "b"], ["y"], axis=1),
        ],
        {},
        "Neg Abs Concat",
    ),
    "joins along two axes": (
        [
            node("Concat", ["x", "x"], ["a"], axis=1),
            node("Concat", ["a", "a"], ["y"], axis=2),
        ],
        {},
        "Concat Concat",
    ),
    "a join that others read": (
        [
            node("Concat", ["x", "x"], ["a"], axis=1),
            node("Abs", ["a"], ["b"]),
            node("Concat", ["a", "b"], ["y"], axis=1),
        ],
        {},
        "Concat Abs Concat",
    ),
    "axes put back": (
        [
            node("ReduceMax", ["x"], ["a"], axes=[2, -1], keepdims=0),
            node("Unsqueeze", ["a", "p"], ["y"]),
        ],
        {"p": I64([2, 3])},
        "ReduceMax",
    ),
    "axes put back by a reshape": (
        [
            node("ReduceSum", ["x", "p"], ["a"], keepdims=0),
            node("Reshape", ["a", "s"], ["b"]),
            node("Mul", ["b", "x"], ["y"]),
        ],
        {"p": I64([1]), "s": I64([1, 1, 3, 4])},
        "ReduceSum Mul",
    ),
    "axes put elsewhere": (
        [
            node("ReduceMax", ["x"], ["a"], axes=[2, 3], keepdims=0),
            node("Unsqueeze", ["a", "p"], ["y"]),
        ],
        {"p": I64([0, 3])},
        "ReduceMax Unsqueeze",
    ),
    "axes put back, and read without": (
        [
            node("ReduceMax", ["x"], ["a"], axes=[0, 1], keepdims=0),
            node("Unsqueeze", ["a", "p"], ["b"]),
            node("Add", ["a", "b"], ["y"]),
        ],
        {"p": I64([0, 1])},
        "ReduceMax Unsqueeze Add",
    ),
    "not the same": (
        [
            node("LeakyRelu", ["x"], ["a"], alpha=0.5),
            node("LeakyRelu", ["x"], ["b"], alpha=0.25),
            node("Add", ["a", "b"], ["y"]),
        ],
        {},
        "LeakyRelu LeakyRelu Add",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_in_onnx(case: str, tmp_path: Path) -> None:
    nodes, stored, expected = CASES[case]
    check(onnx_model(tmp_path, nodes, {"y": ["?"] * 4}, **stored), expected)


def test_results_keep_their_names(tmp_path: Path) -> None:
    nodes = [node("Abs", ["x"], ["y"]), node("Abs", ["x"], ["z"])]
    model = tidied(load(onnx_model(tmp_path, nodes, {"y": SHAPE, "z": SHAPE})))
    graph = model.graphs[0]
    assert [graph.values[index].name for index in graph.outputs] == ["y", "z"]
    assert len(graph.nodes) == 2


def test_what_else_is_referred_to_stays(tmp_path: Path) -> None:
    nodes = [node("Identity", ["x"], ["a"]), node("Relu", ["a"], ["y"])]
    graph = load(onnx_model(tmp_path, nodes, {"y": SHAPE})).graphs[0]
    (inner,) = (value.index for value in graph.values if value.name == "a")
    assert tidy(graph, frozenset({inner}))[0] is graph


def test_draws_are_not_shared(tmp_path: Path) -> None:
    nodes = [
        node("RandomNormalLike", ["x"], ["a"]),
        node("RandomNormalLike", ["x"], ["b"]),
        node("Sub", ["a", "b"], ["y"]),
    ]
    graph = load(onnx_model(tmp_path, nodes, {"y": SHAPE})).graphs[0]
    assert tidy(graph)[0] is graph


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_in_tflite(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Chains of moves, absolute values and limits: never more nodes, and the same results."""
    shape, tensors, operators, codes, buffers = [1, 2, 3, 4], [], [], [], [b""]
    tensors.append(tflite.tensor("x", tuple(shape)))

    def constant(values: Sequence[int]) -> int:
        buffers.append(np.array(values, np.int32).tobytes())
        tensors.append(tflite.tensor(f"c{len(tensors)}", (len(values),), "INT32", len(buffers) - 1))
        return len(tensors) - 1

    last, names = 0, []
    for _ in range(data.draw(st.integers(1, 6))):
        op = data.draw(st.sampled_from(["TRANSPOSE", "RESHAPE", "ABS", "RELU"]))
        operands = [last]
        if op == "TRANSPOSE":
            order = data.draw(st.permutations(range(4)))
            operands.append(constant(order))
            shape = [shape[axis] for axis in order]
        elif op == "RESHAPE":
            shape = list(data.draw(st.permutations(shape)))
            operands.append(constant(shape))
        tensors.append(tflite.tensor(f"t{len(tensors)}", tuple(shape)))
        last = len(tensors) - 1
        if op not in names:
            names.append(op)
            codes.append(tflite.code(op, 1))
        operators.append(tflite.operator(names.index(op), operands, [last]))
    graph = tflite.table(
        "SubGraph", tensors=tensors, inputs=[0], outputs=[last], name=b"main", operators=operators
    )
    model = tflite.table(
        "Model", version=3, subgraphs=[graph], operator_codes=codes,
        buffers=[
            tflite.table("Buffer", data=np.frombuffer(each, np.uint8) if each else None)
            for each in buffers
        ],
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("tidy")
    path = tflite.write(folder, model, "model.tflite")
    old = load(path)
    new = tidied(old)
    assert len(new.graphs[0].nodes) <= len(old.graphs[0].nodes)
    ops = [each.op for each in new.graphs[0].nodes]
    for one, two in itertools.pairwise(ops):
        assert one != two
    save(new, folder / "tidy.tflite")
    x = integers(np.random.default_rng(0), 1, 2, 3, 4)
    assert np.array_equal(run(path, x), run(folder / "tidy.tflite", x))


JOIN = {"axis": 3, "fused_activation_function": "NONE"}
LITE: dict[str, tuple[list[Step], str]] = {
    "joins of joins": (
        [
            Step("CONCATENATION", ["x", "x"], "a", [1, 2, 3, 8], JOIN),
            Step("CONCATENATION", ["x", "a"], "y", [1, 2, 3, 12], JOIN),
        ],
        "CONCATENATION",
    ),
    "axes put back": (
        [
            Step("MEAN", ["x", "space"], "a", [1, 4], {"keep_dims": False}),
            Step("RESHAPE", ["a", "sizes"], "y", [1, 1, 1, 4]),
        ],
        "MEAN",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LITE)
def test_of_two_in_tflite(case: str, tmp_path: Path) -> None:
    steps, expected = LITE[case]
    stored = {"space": np.array([1, 2], np.int32), "sizes": np.array([1, 1, 1, 4], np.int32)}
    used = {name for step in steps for name in step.inputs}
    constants = {name: array for name, array in stored.items() if name in used}
    check(tflite_model(tmp_path / "model.tflite", list(SHAPE), constants, steps), expected)

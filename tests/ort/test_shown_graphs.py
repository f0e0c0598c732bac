"""What is shown of a graph, held against what ONNX Runtime's own optimiser leaves of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

import npulint
from npulint.ort import see
from tests.formats import onnx_building as build

node = helper.make_node
IMAGE = (1, 4, 8, 8)
_LAST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Case:
    """Nodes from x, of sizes 1, 4, 8, 8, to y, and what is left of them."""

    nodes: Sequence[NodeProto]
    left: str
    stored: Mapping[str, object] = field(default_factory=dict)
    shape: Sequence[int | str] = IMAGE
    opset: int = 18
    ir_version: int = 10
    listed: str = ""


def relus(*between: NodeProto) -> list[NodeProto]:
    """Nodes from `a` to `b` between two that stay."""
    return [node("Relu", ["x"], ["a"]), *between, node("Sigmoid", ["b"], ["y"])]


CASES = {
    "identity within": Case(relus(node("Identity", ["a"], ["b"])), "Relu Sigmoid"),
    "identity at the end": Case([build.relu("x", "a"), node("Identity", ["a"], ["y"])], "Relu"),
    "identity at the beginning": Case(
        [node("Identity", ["x"], ["a"]), build.relu("a", "y")], "Relu"
    ),
    "identity alone": Case([node("Identity", ["x"], ["y"])], "Identity"),
    "identity of what is read elsewhere at the end": Case(
        [build.relu("x", "a"), node("Neg", ["a"], ["z"]), node("Identity", ["a"], ["y"])],
        "Relu Neg Identity",
    ),
    "dropout": Case(relus(node("Dropout", ["a"], ["b"])), "Relu Sigmoid"),
    "dropout of opset 22": Case(relus(node("Dropout", ["a"], ["b"])), "Relu Sigmoid", opset=22),
    "cast to what it is": Case(relus(node("Cast", ["a"], ["b"], to=1)), "Relu Sigmoid"),
    "cast to another": Case(
        relus(node("Cast", ["a"], ["c"], to=10), node("Cast", ["c"], ["b"], to=1)),
        "Relu Cast Cast Sigmoid",
    ),
    "slice of all": Case(
        relus(node("Slice", ["a", "from", "to", "axes"], ["b"])),
        "Relu Sigmoid",
        {"from": [0, 0], "to": [_LAST, _LAST], "axes": [2, 3]},
    ),
    "slice up to the size": Case(
        relus(node("Slice", ["a", "from", "to", "axes"], ["b"])),
        "Relu Slice Sigmoid",
        {"from": [0, 0], "to": [8, 8], "axes": [2, 3]},
    ),
    "slice by steps": Case(
        relus(node("Slice", ["a", "from", "to", "axes", "steps"], ["b"])),
        "Relu Slice Sigmoid",
        {"from": [0], "to": [_LAST], "axes": [2], "steps": [2]},
    ),
    "expand to what it is": Case(
        relus(node("Expand", ["a", "to"], ["b"])), "Relu Sigmoid", {"to": [1, 1, 8, 8]}
    ),
    "expand": Case(
        relus(node("Expand", ["a", "to"], ["b"])), "Relu Expand Sigmoid", {"to": [2, 4, 8, 8]}
    ),
    "plus 0": Case(relus(node("Add", ["a", "c"], ["b"])), "Relu Sigmoid", {"c": np.float32(0)}),
    "0 plus": Case(relus(node("Add", ["c", "a"], ["b"])), "Relu Sigmoid", {"c": np.float32(0)}),
    "0 minus": Case(
        relus(node("Sub", ["c", "a"], ["b"])), "Relu Sub Sigmoid", {"c": np.float32(0)}
    ),
    "times 1": Case(relus(node("Mul", ["a", "c"], ["b"])), "Relu Sigmoid", {"c": np.float32(1)}),
    "by 1": Case(relus(node("Div", ["a", "c"], ["b"])), "Relu Sigmoid", {"c": np.float32(1)}),
    "times 1 for each channel": Case(
        relus(node("Mul", ["a", "c"], ["b"])),
        "Relu Mul Sigmoid",
        {"c": np.ones((1, 4, 1, 1), np.float32)},
    ),
    "times 1 at the beginning": Case(
        [node("Mul", ["x", "c"], ["a"]), build.relu("a", "y")], "Mul Relu", {"c": np.float32(1)}
    ),
    "constant": Case(
        [
            node("Constant", [], ["c"], value=numpy_helper.from_array(np.float32(2))),
            node("Sqrt", ["c"], ["d"]),
            node("Mul", ["x", "d"], ["y"]),
        ],
        "Mul",
    ),
    "random": Case(
        [node("RandomNormal", [], ["c"], shape=[1, 4, 8, 8]), node("Add", ["x", "c"], ["y"])],
        "RandomNormal Add",
    ),
    "sizes": Case(
        [
            build.relu("x", "a"),
            node("Shape", ["a"], ["s"]),
            node("Gather", ["s", "first"], ["n"]),
            node("Concat", ["n", "rest"], ["to"], axis=0),
            node("Reshape", ["a", "to"], ["y"]),
        ],
        "Relu Reshape",
        {"first": [0], "rest": [-1]},
    ),
    "open sizes": Case(
        [
            build.relu("x", "a"),
            node("Shape", ["a"], ["s"]),
            node("Gather", ["s", "first"], ["n"]),
            node("Concat", ["n", "rest"], ["to"], axis=0),
            node("Reshape", ["a", "to"], ["y"]),
        ],
        "Relu Shape Gather Concat Reshape",
        {"first": [0], "rest": [-1]},
        shape=("n", 4, 8, 8),
    ),
    "sizes of what is read for them alone": Case(
        [
            node("Neg", ["x"], ["a"]),
            node("Shape", ["a"], ["s"]),
            node("Reshape", ["x", "s"], ["y"]),
        ],
        "Reshape",
    ),
    "what callers may replace": Case(
        [node("Sqrt", ["c"], ["d"]), node("Mul", ["x", "d"], ["y"])],
        "Sqrt Mul",
        {"c": np.float32(2)},
        listed="c",
    ),
    "what is listed before callers could": Case(
        [node("Sqrt", ["c"], ["d"]), node("Mul", ["x", "d"], ["y"])],
        "Mul",
        {"c": np.float32(2)},
        opset=8,
        ir_version=3,
        listed="c",
    ),
    "float16": Case(
        [
            node("Sqrt", ["c"], ["h"]),
            node("Cast", ["h"], ["d"], to=1),
            node("Mul", ["x", "d"], ["y"]),
        ],
        "Sqrt Cast Mul",
        {"c": np.float16(2)},
    ),
    "moved float16": Case(
        [
            node("Reshape", ["c", "to"], ["h"]),
            node("Cast", ["h"], ["d"], to=1),
            node("Mul", ["x", "d"], ["y"]),
        ],
        "Mul",
        {"c": np.float16([2]), "to": []},
    ),
    "weights that are dequantised": Case(
        [node("DequantizeLinear", ["w", "s", "z"], ["d"]), node("Conv", ["x", "d"], ["y"])],
        "DequantizeLinear Conv",
        {"w": np.ones((4, 4, 1, 1), np.uint8), "s": np.float32(0.5), "z": np.uint8(0)},
    ),
    "weights that are quantised and dequantised": Case(
        [
            node("QuantizeLinear", ["w", "s", "z"], ["q"]),
            node("DequantizeLinear", ["q", "s", "z"], ["d"]),
            node("Conv", ["x", "d"], ["y"]),
        ],
        "DequantizeLinear Conv",
        {"w": np.ones((4, 4, 1, 1), np.float32), "s": np.float32(0.5), "z": np.uint8(0)},
    ),
    **{
        f"convolution and {name} of opset {opset}": Case(
            [node("Conv", ["x", "w", *bias], ["a"]), node(op, ["a", *names], ["y"])],
            left,
            {"w": np.ones((6, 4, 1, 1), np.float32), "b": np.ones(6, np.float32), **stored},
            opset=opset,
        )
        for opset in (10, 18, 22)
        for name, op, names, bias, stored, left in (
            ("factor", "Mul", "f", [], {"f": np.float32(3)}, "Conv"),
            ("factor of one", "Mul", "f", "b", {"f": np.float32([3])}, "Conv Mul"),
            ("factors", "Mul", "f", "b", {"f": np.ones((1, 6, 1, 1), np.float32)}, "Conv"),
            (
                "planes",
                "Mul",
                "f",
                [],
                {"f": np.ones((6, 8, 1), np.float32)},
                "Conv Mul",
            ),
            ("summands", "Add", "f", [], {"f": np.ones((6, 1, 1), np.float32)}, "Conv"),
            ("summand", "Add", "f", "b", {"f": np.float32(3)}, "Conv Add"),
            (
                "norm",
                "BatchNormalization",
                "cccc",
                [],
                {"c": np.ones(6, np.float32)},
                "Conv",
            ),
        )
    },
    "two readers of a convolution": Case(
        [
            node("Conv", ["x", "w"], ["a"]),
            node("Mul", ["a", "f"], ["y"]),
            node("Neg", ["a"], ["z"]),
        ],
        "Conv Mul Neg",
        {"w": np.ones((6, 4, 1, 1), np.float32), "f": np.float32(3)},
    ),
    "a factor first": Case(
        [node("Conv", ["x", "w"], ["a"]), node("Mul", ["f", "a"], ["y"])],
        "Conv Mul",
        {"w": np.ones((6, 4, 1, 1), np.float32), "f": np.float32(3)},
    ),
    **{
        f"padding before {op} of opset {opset}": Case(
            [
                node("Pad", ["x", "p"], ["a"]),
                node(op, ["a", *weights], ["y"], **window),
            ],
            op if op != "MaxPool" else "Pad MaxPool",
            {"p": [0, 0, 1, 1, 0, 0, 1, 1], "w": np.ones((6, 4, 3, 3), np.float32)},
            opset=opset,
        )
        for opset in (11, 18, 22, 25)
        for op, weights, window in (
            ("Conv", "w", {}),
            ("MaxPool", "", {"kernel_shape": [2, 2]}),
            ("AveragePool", "", {"kernel_shape": [2, 2]}),
        )
    },
    "padding of channels": Case(
        [node("Pad", ["x", "p"], ["a"]), node("Conv", ["a", "w"], ["y"])],
        "Pad Conv",
        {"p": [0, 1, 0, 0, 0, 1, 0, 0], "w": np.ones((6, 6, 3, 3), np.float32)},
    ),
    "padding with ones": Case(
        [node("Pad", ["x", "p", "v"], ["a"]), node("Conv", ["a", "w"], ["y"])],
        "Pad Conv",
        {
            "p": [0, 0, 1, 1, 0, 0, 1, 1],
            "v": np.float32(1),
            "w": np.ones((6, 4, 3, 3), np.float32),
        },
    ),
    "padding before a pool that is padded": Case(
        [
            node("Pad", ["x", "p"], ["a"]),
            node("AveragePool", ["a"], ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        ],
        "Pad AveragePool",
        {"p": [0, 0, 1, 1, 0, 0, 1, 1]},
    ),
    "relu before limits": Case(
        [build.relu("x", "a"), node("Clip", ["a", "l", "h"], ["y"])],
        "Clip",
        {"l": np.float32(-1), "h": np.float32(6)},
    ),
    "relu before old limits": Case(
        [build.relu("x", "a"), node("Clip", ["a"], ["y"], min=-1.0, max=6.0)], "Clip", opset=10
    ),
    "1 by what is multiplied": Case(
        [
            build.relu("x", "a"),
            node("Div", ["c", "a"], ["b"]),
            node("Sigmoid", ["x"], ["d"]),
            node("Mul", ["b", "d"], ["y"]),
        ],
        "Relu Sigmoid Div",
        {"c": np.float32(1)},
    ),
    "product and sum": Case(
        [node("MatMul", ["x", "w"], ["a"]), node("Add", ["a", "b"], ["y"])],
        "Gemm",
        {"w": np.ones((3, 5), np.float32), "b": np.ones(5, np.float32)},
        shape=(2, 3),
    ),
    "product and sum of all": Case(
        [node("MatMul", ["x", "w"], ["a"]), node("Add", ["b", "a"], ["y"])],
        "Gemm",
        {"w": np.ones((3, 5), np.float32), "b": np.ones((2, 5), np.float32)},
        shape=(2, 3),
    ),
    "product and a number": Case(
        [node("MatMul", ["x", "w"], ["a"]), node("Add", ["a", "b"], ["y"])],
        "MatMul Add",
        {"w": np.ones((3, 5), np.float32), "b": np.float32(1)},
        shape=(2, 3),
    ),
    "hard swish": Case([node("HardSwish", ["x"], ["y"])], "HardSigmoid Mul"),
    "mish": Case([node("Mish", ["x"], ["y"])], "Softplus Tanh Mul"),
    "summed half precision": Case(
        [
            node("Cast", ["x"], ["a"], to=10),
            node("ReduceL1", ["a", "c"], ["b"]),
            node("ReduceSumSquare", ["b"], ["d"]),
            node("ReduceLogSum", ["d", "c"], ["e"]),
            node("Cast", ["e"], ["y"], to=1),
        ],
        "Cast Abs ReduceSum Mul ReduceSum ReduceSum Log Cast",
        {"c": [1]},
    ),
    "summed half precision of opset 13": Case(
        [
            node("Cast", ["x"], ["a"], to=10),
            node("ReduceL1", ["a"], ["b"], axes=[1]),
            node("Cast", ["b"], ["y"], to=1),
        ],
        "Cast ReduceL1 Cast",
        opset=13,
    ),
    "cast like": Case([node("CastLike", ["x", "c"], ["y"])], "Cast", {"c": np.int32(0)}),
}


def write(case: Case, folder: Path) -> Path:
    stored = [numpy_helper.from_array(_array(array), name) for name, array in case.stored.items()]
    made = {name for each in case.nodes for name in each.output}
    read = {name for each in case.nodes for name in each.input}
    inputs = [build.floats("x", *case.shape)]
    inputs += [build.tensor(t.name, t.data_type, t.dims) for t in stored if t.name == case.listed]
    outputs = [build.tensor(name, _type(case, name), None) for name in sorted(made - read)]
    graph = build.graph(case.nodes, inputs, outputs, stored)
    return build.write(folder, build.model(graph, opset=case.opset, ir_version=case.ir_version))


def _array(array: object) -> np.ndarray:
    return np.asarray(array) if not isinstance(array, list) else np.array(array, np.int64)


def _type(case: Case, name: str) -> int:
    made = next(each for each in case.nodes if name in each.output)
    return TensorProto.INT32 if made.op_type == "CastLike" else TensorProto.FLOAT


def optimised(path: Path, folder: Path) -> Counter[str]:
    """The operators that ONNX Runtime leaves before it asks providers."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return Counter(each.op_type for each in onnx.load(folder / "optimised.onnx").graph.node)


@pytest.mark.parametrize("name", CASES)
def test_what_is_left_is_what_onnx_runtime_leaves(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    path = write(case, tmp_path)
    graph = npulint.load(path).graphs[0]
    view = see(graph, joined=False)
    left = Counter(each.op for each in view.graph.nodes)
    assert left == Counter(case.left.split())
    real = optimised(path, tmp_path)
    if name == "float16" or name.startswith("summed half"):
        # Around float16 arithmetic the CPU gets casts once all providers were asked.
        left.pop("Cast")
        real.pop("Cast")
    assert left == real


@pytest.mark.parametrize("name", CASES)
def test_every_node_of_the_file_stands_somewhere_or_is_said_to_be_gone(
    name: str, tmp_path: Path
) -> None:
    graph = npulint.load(write(CASES[name], tmp_path)).graphs[0]
    view = see(graph, joined=False)
    standing = {origin for origins in view.origins for origin in origins}
    assert standing | set(view.gone) == set(range(len(graph.nodes)))
    assert standing.isdisjoint(view.gone)
    waiting = {value for each in view.graph.nodes for value in each.outputs}
    for each in view.graph.nodes:
        assert waiting.isdisjoint(each.inputs), "a node reads what comes after it"
        waiting -= set(each.outputs)
    assert not waiting

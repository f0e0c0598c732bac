"""What convolutions and matrix products beside them do along: fewer nodes, the same results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from instances import integers, run
from onnx import NodeProto, TensorProto, helper, numpy_helper, save_model

from npulint.formats import load, save
from npulint.rewriting import cleaned

RNG = np.random.default_rng(5)
CHANNELS = 4
SHAPE = (1, CHANNELS, 6, 5)

STORED: dict[str, Any] = {
    "kernel": integers(RNG, CHANNELS, CHANNELS, 3, 3),
    "grouped": integers(RNG, CHANNELS, CHANNELS // 2, 3, 3),
    "up": integers(RNG, CHANNELS, CHANNELS, 2, 2),
    "bias": integers(RNG, CHANNELS),
    # Squares, less an epsilon that is a power of two: roots and quotients are exact.
    "gain": 2.0 ** RNG.integers(-1, 2, CHANNELS),
    "offset": integers(RNG, CHANNELS),
    "mean": integers(RNG, CHANNELS),
    "variance": 4.0 ** RNG.integers(0, 2, CHANNELS) - 0.25,
    "row": integers(RNG, CHANNELS, 1, 1),
    "halves": 2.0 ** RNG.integers(-1, 2, (CHANNELS, 1, 1)),
    "plane": integers(RNG, 6, 5),
    "matrix": integers(RNG, 5, 3),
    "summand": integers(RNG, 3),
    "flat": np.array([24, 5]),
    "around": np.array([0, 0, 1, 0, 0, 0, 2, 1]),
    "ends": np.array([2, 1, 0, 1]),
    "none": np.array([4]),
    "pairs": np.array([-1, 2]),
    "all": np.array([-1]),
    "last": np.array([-1]),
    "before_first": np.array([-9]),
    "rows": np.array([0]),
    "one": np.float32(1),
}
NORM = ("gain", "offset", "mean", "variance")


def node(op: str, *names: str, **attributes: Any) -> NodeProto:
    """Operands, and the result last."""
    return helper.make_node(op, names[:-1], names[-1:], **attributes)


def model(folder: Path, nodes: list[NodeProto], outputs: tuple[str, ...] = ("y",)) -> Path:
    used = {name for each in nodes for name in each.input}
    stored = {
        name: np.asarray(array, None if array.dtype == np.int64 else np.float32)
        for name, array in STORED.items()
        if name in used
    }
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / "model.onnx"
    save_model(made, path)
    return path


# An exporter's way from the amounts of one framework, last axis first, to those of another.
AMOUNTS = [
    node("ConstantOfShape", "none", "zeros", value=numpy_helper.from_array(np.array([0]))),
    node("Concat", "ends", "zeros", "both", axis=0),
    node("Reshape", "both", "pairs", "columns"),
    node("Slice", "columns", "last", "before_first", "rows", "last", "reversed"),
    node("Transpose", "reversed", "turned", perm=[1, 0]),
    node("Reshape", "turned", "all", "amounts"),
]
CONV = node("Conv", "x", "kernel", "a", pads=[1, 1, 1, 1])
FOLDED = {
    "batch norm": ([CONV, node("BatchNormalization", "a", *NORM, "y", epsilon=0.25)], ["Conv"]),
    "batch norm, grouped": (
        [
            node("Conv", "x", "grouped", "bias", "a", group=2),
            node("BatchNormalization", "a", *NORM, "y", epsilon=0.25),
        ],
        ["Conv"],
    ),
    "batch norm, transposed": (
        [
            node("ConvTranspose", "x", "up", "bias", "a", strides=[2, 2]),
            node("BatchNormalization", "a", *NORM, "y", epsilon=0.25),
        ],
        ["ConvTranspose"],
    ),
    "bias": ([CONV, node("Add", "row", "a", "y")], ["Conv"]),
    "scale and bias": (
        [CONV, node("Mul", "a", "halves", "b"), node("Sub", "b", "row", "y")],
        ["Conv"],
    ),
    "scale ahead": (
        [node("Mul", "x", "halves", "a"), node("Conv", "a", "kernel", "y", pads=[1, 1, 1, 1])],
        ["Conv"],
    ),
    "between two": (
        [CONV, node("Mul", "a", "halves", "b"), node("Conv", "b", "kernel", "y")],
        ["Conv", "Conv"],
    ),
    "gemm": (
        [
            node("Reshape", "x", "flat", "a"),
            node("MatMul", "a", "matrix", "b"),
            node("Add", "summand", "b", "y"),
        ],
        ["Reshape", "Gemm"],
    ),
    "zeros around": (
        [node("Pad", "x", "around", "a"), node("Conv", "a", "kernel", "y", pads=[1, 0, 0, 1])],
        ["Conv"],
    ),
    "zeros around, their amounts computed": (
        [*AMOUNTS, node("Pad", "x", "amounts", "a"), node("Conv", "a", "kernel", "y")],
        ["Conv"],
    ),
    "a size that is known once the amounts are": (
        [
            *AMOUNTS,
            node("Pad", "x", "amounts", "a", mode="edge"),
            node("Shape", "a", "sizes"),
            node("Reshape", "a", "sizes", "y"),
        ],
        ["Pad"],
    ),
    "zeros around, and a norm behind": (
        [
            node("Pad", "x", "around", "a"),
            node("Conv", "a", "kernel", "b"),
            node("BatchNormalization", "b", *NORM, "y", epsilon=0.25),
        ],
        ["Conv"],
    ),
}
LEFT = {
    "another axis": [CONV, node("Add", "a", "plane", "y")],
    "a sum before padding": [
        node("Add", "x", "row", "a"),
        node("Conv", "a", "kernel", "y", pads=[1, 1, 1, 1]),
    ],
    "a product of three axes": [
        node("MatMul", "x", "matrix", "b"),
        node("Add", "b", "summand", "y"),
    ],
    "ones around": [node("Pad", "x", "around", "one", "a"), node("Conv", "a", "kernel", "y")],
    "the edge repeated": [
        node("Pad", "x", "around", "a", mode="edge"),
        node("Conv", "a", "kernel", "y"),
    ],
    "zeros ahead of a norm": [
        node("Pad", "x", "around", "a"),
        node("BatchNormalization", "a", *NORM, "y"),
    ],
    "no constant": [CONV, node("Add", "a", "x", "y")],
}


def ops(path: Path) -> list[str]:
    return [each.op for each in load(path).graphs[0].nodes]


@pytest.mark.parametrize("name", FOLDED)
def test_fewer_nodes_and_the_same_bits(name: str, tmp_path: Path) -> None:
    nodes, expected = FOLDED[name]
    path, result = model(tmp_path, nodes), tmp_path / "cleaned.onnx"
    save(cleaned(load(path)), result)
    assert ops(result) == expected
    for seed in range(3):
        x = integers(np.random.default_rng(seed), *SHAPE)
        assert np.array_equal(run(path, x), run(result, x))
    again = load(result)
    assert cleaned(again) is again


@pytest.mark.parametrize("name", LEFT)
def test_what_cannot_be_folded_stays(name: str, tmp_path: Path) -> None:
    path = model(tmp_path, LEFT[name])
    loaded = load(path)
    assert cleaned(loaded) is loaded


def test_what_others_read_stays(tmp_path: Path) -> None:
    path = model(tmp_path, [CONV, node("Add", "a", "row", "y")], ("y", "a"))
    loaded = load(path)
    assert cleaned(loaded) is loaded

"""Small ONNX models of which it is known what does nothing in them, for measurements."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

_CHANNELS = 8
_RNG = np.random.default_rng(0)


def _floats(*shape: int) -> npt.NDArray[np.float32]:
    return _RNG.uniform(0.5, 1.5, shape).astype(np.float32)


_STORED: Mapping[str, npt.NDArray[np.generic]] = {
    "kernel": _floats(_CHANNELS, _CHANNELS, 3, 3),
    "row": _floats(_CHANNELS, 1, 1),
    "scale": _floats(_CHANNELS), "shift": _floats(_CHANNELS),
    "mean": _floats(_CHANNELS), "variance": _floats(_CHANNELS),
    "matrix": _floats(32, 16), "bias": _floats(16),
    "zero": np.array([0]), "two": np.array([2]), "four": np.array([4]),
    "one": np.array([1]), "sum": _floats(_CHANNELS, 1, 1), "axes": np.array([2, 3]),
    "flat": np.array([1, _CHANNELS, -1]), "square": np.array([1, _CHANNELS, 32, 32]),
    "around": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
}  # fmt: skip


def _node(op: str, *names: str, **attributes: object) -> NodeProto:
    """Operands, and the result last."""
    return helper.make_node(op, names[:-1], names[-1:], **attributes)


def _convolution(source: str, result: str) -> NodeProto:
    return _node("Conv", source, "kernel", result, pads=[1, 1, 1, 1])


MODELS: Mapping[str, tuple[NodeProto, ...]] = {
    "batch norm behind a convolution": (
        _convolution("x", "a"),
        _node("BatchNormalization", "a", "scale", "shift", "mean", "variance", "y"),
    ),
    "bias behind a convolution": (_convolution("x", "a"), _node("Add", "a", "row", "y")),
    "scale behind a convolution": (_convolution("x", "a"), _node("Mul", "a", "row", "y")),
    "bias behind a matrix product": (
        _node("ReduceMean", "x", "a", axes=[1, 2], keepdims=0),
        _node("MatMul", "a", "matrix", "b"),
        _node("Add", "b", "bias", "y"),
    ),
    "transposes that undo each other": (
        _node("Transpose", "x", "a", perm=[0, 2, 3, 1]),
        _node("Relu", "a", "b"),
        _node("Transpose", "b", "y", perm=[0, 3, 1, 2]),
    ),
    "neighbouring transposes": (
        _node("Transpose", "x", "a", perm=[0, 2, 3, 1]),
        _node("Transpose", "a", "b", perm=[0, 3, 1, 2]),
        _node("Relu", "b", "y"),
    ),
    "reshapes that undo each other": (
        _node("Reshape", "x", "flat", "a"),
        _node("Reshape", "a", "square", "b"),
        _node("Relu", "b", "y"),
    ),
    "the same twice": (
        _convolution("x", "a"),
        _convolution("x", "b"),
        _node("Relu", "a", "c"),
        _node("Relu", "b", "d"),
        _node("Add", "c", "d", "y"),
    ),
    "sizes computed of sizes": (
        _node("Shape", "x", "all"),
        _node("Slice", "all", "two", "four", "space"),
        _node("Mul", "space", "two", "more"),
        _node("Slice", "all", "zero", "two", "ahead"),
        _node("Concat", "ahead", "more", "target", axis=0),
        _node("Resize", "x", "", "", "target", "y", mode="nearest"),
    ),
    "zeros around a convolution": (
        _node("Pad", "x", "around", "a"),
        _node("Conv", "a", "kernel", "y"),
    ),
    "joins of joins": (
        _node("Relu", "x", "a"),
        _node("Concat", "x", "a", "b", axis=1),
        _node("Concat", "b", "x", "y", axis=1),
    ),
    "slices along one axis": (
        _node("Slice", "x", "one", "four", "two", "a"),
        _node("Slice", "a", "one", "two", "two", "y"),
    ),
    "limits twice": (_node("Relu", "x", "a"), _node("Relu", "a", "y")),
    "a mean whose axes come back": (
        _node("ReduceMean", "x", "a", axes=[2, 3], keepdims=0),
        _node("Unsqueeze", "a", "axes", "y"),
    ),
    "constants added twice": (
        _node("Add", "x", "row", "a"),
        _node("Add", "a", "sum", "y"),
    ),
    "the logarithm of a softmax": (
        _node("Softmax", "x", "a", axis=1),
        _node("Log", "a", "y"),
    ),
    "identities and what nobody reads": (
        _node("Identity", "x", "a"),
        _node("Dropout", "a", "b"),
        _node("Sigmoid", "b", "unread"),
        _node("Relu", "b", "c"),
        _node("Identity", "c", "y"),
    ),
}  # fmt: skip
"""x [1, 8, 32, 32] -> nodes -> y."""


def write(folder: Path) -> None:
    """Write each model into a folder, under its name."""
    for name, nodes in MODELS.items():
        used = {operand for node in nodes for operand in node.input}
        graph = helper.make_graph(
            nodes,
            "redundant",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, _CHANNELS, 32, 32])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(a, name) for name, a in _STORED.items() if name in used],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        onnx.save(onnx.shape_inference.infer_shapes(model), folder / f"{name}.onnx")

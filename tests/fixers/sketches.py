"""Small graphs sketched once and written in either dialect, with what a record computes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from instances import tflite
from onnx import TensorProto, helper, numpy_helper

from npulint.fixers.norms.reading import Normalisation

Array = npt.NDArray[Any]

_TFLITE = {
    "add": "ADD", "sub": "SUB", "mul": "MUL", "div": "DIV", "pow": "POW", "max": "MAXIMUM",
    "squared_difference": "SQUARED_DIFFERENCE", "square": "SQUARE", "sqrt": "SQRT",
    "rsqrt": "RSQRT", "neg": "NEG", "relu": "RELU", "mean": "MEAN", "sum": "SUM",
    "reshape": "RESHAPE",
}  # fmt: skip
_ONNX = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "pow": "Pow", "max": "Max",
    "sqrt": "Sqrt", "reciprocal": "Reciprocal", "neg": "Neg", "relu": "Relu",
    "mean": "ReduceMean", "sum": "ReduceSum", "reshape": "Reshape",
}  # fmt: skip
_OPTIONS = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions", "DIV": "DivOptions"}


_FUNCTIONS: dict[str, Any] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "pow": np.power,
    "max": np.maximum, "squared_difference": lambda a, b: (a - b) ** 2, "square": np.square,
    "sqrt": np.sqrt, "rsqrt": lambda a: 1 / np.sqrt(a), "reciprocal": np.reciprocal,
    "neg": np.negative, "relu": lambda a: np.maximum(a, 0),
}  # fmt: skip


@dataclass
class Step:
    """One operator: operands and result by name, and its axes or its fused activation."""

    op: str
    operands: list[str]
    result: str
    axes: tuple[int, ...] = ()
    keep: bool = True
    activation: str = "NONE"


@dataclass
class Sketch:
    """A graph of one dialect under construction; its input is `x`.

    Attributes:
        shapes: Sizes of every value, as the dialect stores them.
        stored: The constants among them.
        nodes: Whether an ONNX file keeps constants as nodes.
    """

    dialect: str
    shape: tuple[int, ...]
    opset: int = 17
    nodes: bool = False
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    stored: dict[str, Array] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    results: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shapes["x"] = self.shape

    def constant(self, array: Array | float) -> str:
        name = f"c{len(self.stored)}"
        self.stored[name] = np.asarray(array, np.float32)
        self.shapes[name] = self.stored[name].shape
        return name

    def apply(self, op: str, *operands: str, activation: str = "NONE") -> str:
        """An elementwise operator, spelt in others where the dialect lacks it."""
        if self.dialect == "onnx":
            if op == "squared_difference":
                difference = self.apply("sub", *operands)
                return self.apply("mul", difference, difference)
            if op == "square":
                return self.apply("mul", operands[0], operands[0])
            if op == "rsqrt":
                return self.apply("reciprocal", self.apply("sqrt", *operands))
        elif op == "reciprocal":
            return self.apply("div", self.constant(1.0), *operands)
        shape = np.broadcast_shapes(*(self.shapes[name] for name in operands))
        return self._step(Step(op, list(operands), "", activation=activation), shape)

    def reduce(self, op: str, x: str, axes: Sequence[int], *, keep: bool = True) -> str:
        shape = self.shapes[x]
        axes = tuple(axis % len(shape) for axis in axes)
        kept = tuple(
            1 if axis in axes else size
            for axis, size in enumerate(shape)
            if keep or axis not in axes
        )
        return self._step(Step(op, [x], "", axes, keep), kept)

    def reshape(self, x: str, shape: Sequence[int]) -> str:
        return self._step(Step("reshape", [x], ""), tuple(shape))

    def _step(self, step: Step, shape: tuple[int, ...]) -> str:
        step.result = f"v{len(self.steps)}"
        self.shapes[step.result] = shape
        self.steps.append(step)
        return step.result

    def values(self, x: Array) -> dict[str, Array]:
        """Every value, computed in float64."""
        known = {name: array.astype(np.float64) for name, array in self.stored.items()}
        known["x"] = x.astype(np.float64)
        for step in self.steps:
            operands = [known[name] for name in step.operands]
            if step.op == "reshape":
                made = operands[0].reshape(self.shapes[step.result])
            elif step.op in ("mean", "sum"):
                made = getattr(operands[0], step.op)(step.axes, keepdims=step.keep)
            else:
                made = _FUNCTIONS[step.op](*operands)
            known[step.result] = np.maximum(made, 0) if step.activation == "RELU" else made
        return known

    def save(self, folder: Path, *results: str) -> Path:
        """Write the model, with some values as its outputs."""
        self.results = list(results)
        return self._onnx(folder) if self.dialect == "onnx" else self._tflite(folder)

    def _onnx(self, folder: Path) -> Path:
        made, initial = [], []
        for name, array in self.stored.items():
            proto = numpy_helper.from_array(array, name)
            if self.nodes:
                made.append(helper.make_node("Constant", [], [name], value=proto))
            else:
                initial.append(proto)
        for step in self.steps:
            operands, attributes = list(step.operands), {}
            whole = None
            if step.op in ("mean", "sum"):
                attributes["keepdims"] = int(step.keep)
                since = 13 if step.op == "sum" else 18
                if self.opset < since:
                    attributes["axes"] = list(step.axes)
                else:
                    whole = np.array(step.axes, np.int64)
            elif step.op == "reshape":
                whole = np.array(self.shapes[step.result], np.int64)
            if whole is not None:
                operands.append(f"{step.result}_with")
                initial.append(numpy_helper.from_array(whole, operands[-1]))
            made.append(helper.make_node(_ONNX[step.op], operands, [step.result], **attributes))
        graph = helper.make_graph(
            made, "g", [self._info("x")], [self._info(name) for name in self.results], initial
        )
        imports = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=8)
        onnx.checker.check_model(model)
        path = folder / "sketch.onnx"
        onnx.save(model, path)
        return path

    def _info(self, name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, self.shapes[name])

    def _tflite(self, folder: Path) -> Path:
        tensors: list[Any] = []
        place: dict[str, int] = {}
        buffers: list[Array | None] = [None]

        def add(name: str, shape: tuple[int, ...], array: Array | None = None) -> int:
            place[name] = len(tensors)
            kind = "INT32" if array is not None and array.dtype == np.int32 else "FLOAT32"
            if array is not None:
                buffers.append(np.frombuffer(array.tobytes(), np.uint8))
            number = len(buffers) - 1 if array is not None else 0
            tensors.append(tflite.tensor(name, shape, kind, number))
            return place[name]

        for name, shape in self.shapes.items():
            add(name, shape, self.stored.get(name))
        ops = sorted({_TFLITE[step.op] for step in self.steps})
        operators = []
        for step in self.steps:
            op = _TFLITE[step.op]
            operands = [place[name] for name in step.operands]
            options = None
            if op in ("MEAN", "SUM"):
                axes = np.array(step.axes, np.int32)
                operands.append(add(f"{step.result}_axes", axes.shape, axes))
                options = tflite.table("ReducerOptions", keep_dims=step.keep)
            elif op == "RESHAPE":
                wanted = np.array(self.shapes[step.result], np.int32)
                operands.append(add(f"{step.result}_shape", wanted.shape, wanted))
            elif op in _OPTIONS:
                kinds = tflite.schema.ActivationFunctionType
                options = tflite.table(
                    _OPTIONS[op], fused_activation_function=getattr(kinds, step.activation)
                )
            operators.append(
                tflite.operator(ops.index(op), operands, [place[step.result]], options=options)
            )
        graph = tflite.table(
            "SubGraph", tensors=tensors, inputs=[place["x"]], name=b"main", operators=operators,
            outputs=[place[name] for name in self.results],
        )  # fmt: skip
        model = tflite.table(
            "Model", version=3, subgraphs=[graph], operator_codes=[tflite.code(op) for op in ops],
            buffers=[tflite.table("Buffer", data=data) for data in buffers],
        )  # fmt: skip
        return tflite.write(folder, model, "sketch.tflite")


def evaluate(record: Normalisation, x: Array) -> Array:
    """What a record says is computed, in float64."""
    x = x.astype(np.float64)
    axes, shape = record.axes, x.shape
    if record.kind == "group":
        channel = record.channel_axis
        x = x.reshape(
            *shape[:channel], record.groups, shape[channel] // record.groups, *shape[channel + 1 :]
        )
        axes = tuple(axis + (axis >= channel) for axis in axes)
    if record.kind != "rms":
        x = x - x.mean(axes, keepdims=True)
    x = x / np.sqrt((x * x).mean(axes, keepdims=True) + record.epsilon)
    x = x.reshape(shape)
    scale, shift = along(record, record.scale, 1.0), along(record, record.shift, 0.0)
    x = x * scale + shift
    return np.maximum(x, 0) if record.activation == "RELU" else x


def along(record: Normalisation, numbers: Any, neutral: float) -> Array:
    """A parameter of a record in a shape that broadcasts with the source."""
    if numbers is None:
        return np.float64(neutral)
    one_axis = record.kind in ("instance", "group")
    axes = (record.channel_axis,) if one_axis else record.axes
    sizes = [size if axis in axes else 1 for axis, size in enumerate(record.shape)]
    assert numbers.dtype == np.float32
    assert numbers.shape == tuple(record.shape[axis] for axis in axes)
    assert math.prod(sizes) == numbers.size
    return np.asarray(numbers, np.float64).reshape(sizes)

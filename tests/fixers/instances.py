"""Random transposed convolutions in both formats, on integers small enough to be exact."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parent.parent / "formats"))

import tflite_building as tflite

Array = npt.NDArray[Any]
OPSETS = (7, 9, 10, 11, 13, 17, 21)


@dataclass(frozen=True)
class Instance:
    """One model with one transposed convolution, and an input for it."""

    path: Path
    x: Array
    label: str


def onnx_instance(folder: Path, seed: int) -> Instance | None:
    """A ConvTranspose; None where the drawn numbers give no output."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    groups = draw.choice((1, 1, 1, 2))
    inputs, outputs = groups * draw.randint(1, 3), draw.randint(1, 3)
    image = [draw.randint(1, 5) for _ in range(2)]
    kernel = [draw.randint(1, 5) for _ in range(2)]
    strides = [draw.randint(1, 4)] * 2 if draw.random() < 0.7 else [draw.randint(1, 4), 2]
    dilations = [draw.choice((1, 1, 2))] * 2
    pads = [draw.randint(0, size - 1) for size in kernel * 2]
    extra = [draw.randint(0, stride - 1) for stride in strides]
    reach = [(size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True)]
    result = [
        (image[a] - 1) * strides[a] + reach[a] - pads[a] - pads[2 + a] + extra[a] for a in (0, 1)
    ]
    if min(result) < 1:
        return None
    opset, batch = draw.choice(OPSETS), draw.choice((1, 1, 2))
    stored = [numpy_helper.from_array(integers(rng, inputs, outputs, *kernel), "w")]
    if draw.random() < 0.6:
        stored.append(numpy_helper.from_array(integers(rng, groups * outputs), "b"))
    node = helper.make_node(
        "ConvTranspose", ["x", *(each.name for each in stored)], ["y"], name="up",
        kernel_shape=kernel, strides=strides, pads=pads, output_padding=extra,
        dilations=dilations, group=groups,
    )  # fmt: skip
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, inputs, *image])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, groups * outputs, *result])],
        stored,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path = folder / f"{seed}.onnx"
    onnx.save(model, path)
    label = f"{kernel=} {strides=} {pads=} {extra=} {dilations=} {groups=} {opset=}"
    return Instance(path, integers(rng, batch, inputs, *image), label)


def tflite_instance(folder: Path, seed: int) -> Instance:
    """A TRANSPOSE_CONV, with or without bias and fused activation."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    inputs, outputs = draw.randint(1, 3), draw.randint(1, 3)
    height, width = draw.randint(1, 5), draw.randint(1, 5)
    kernel = [draw.randint(1, 5) for _ in range(2)]
    strides = [draw.randint(1, 4)] * 2 if draw.random() < 0.7 else [draw.randint(1, 4), 2]
    padding = draw.choice(("SAME", "VALID"))
    batch = draw.choice((1, 1, 2))
    result = [
        size * stride if padding == "SAME" else (size - 1) * stride + max(window, stride)
        for size, stride, window in zip((height, width), strides, kernel, strict=True)
    ]
    weights = integers(rng, outputs, *kernel, inputs)
    bias = integers(rng, outputs) if draw.random() < 0.5 else None
    activation = draw.choice(("NONE", "RELU", "RELU6")) if bias is not None else "NONE"
    version = 1 if bias is None else (3 if activation == "NONE" else 4)
    shape = np.array([batch, *result, outputs], np.int32)
    buffers = [b"", shape.tobytes(), weights.tobytes()]
    tensors = [
        tflite.tensor("x", (batch, height, width, inputs)),
        tflite.tensor("shape", (4,), "INT32", 1),
        tflite.tensor("w", weights.shape, buffer=2),
        tflite.tensor("y", tuple(int(size) for size in shape)),
    ]
    operands = [1, 2, 0]
    if bias is not None:
        buffers.append(bias.tobytes())
        tensors.append(tflite.tensor("b", bias.shape, buffer=3))
        operands.append(4)
    options = tflite.table(
        "TransposeConvOptions",
        padding=getattr(tflite.schema.Padding, padding),
        stride_h=strides[0],
        stride_w=strides[1],
        fused_activation_function=getattr(tflite.schema.ActivationFunctionType, activation),
    )
    graph = tflite.table(
        "SubGraph", tensors=tensors, inputs=[0], outputs=[3], name=b"main",
        operators=[tflite.operator(0, operands, [3], options=options)],
    )  # fmt: skip
    model = tflite.table(
        "Model", version=3, subgraphs=[graph],
        operator_codes=[tflite.code("TRANSPOSE_CONV", version)],
        buffers=[
            tflite.table("Buffer", data=np.frombuffer(each, np.uint8) if each else None)
            for each in buffers
        ],
    )  # fmt: skip
    path = tflite.write(folder, model, f"{seed}.tflite")
    label = f"{kernel=} {strides=} {padding=} {activation=} {bias is not None=}"
    return Instance(path, integers(rng, batch, height, width, inputs), label)


def integers(rng: np.random.Generator, *shape: int) -> Array:
    """Whole numbers whose products and sums stay far below 2^24, so float32 is exact."""
    return rng.integers(-4, 5, shape).astype(np.float32)


def run(path: Path, x: Array) -> Array:
    """What the model's own runtime computes."""
    if path.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return np.asarray(session.run(None, {"x": x})[0])
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(str(path), experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))

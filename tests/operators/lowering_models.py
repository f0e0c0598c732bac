"""From the words of a case to an ONNX model."""

from __future__ import annotations

import re
import zlib

import numpy as np
import onnx
from lowering_cases import Case, GraphCase
from onnx import TensorProto, helper, numpy_helper

DTYPES = {
    "f32": ("float32", TensorProto.FLOAT), "f16": ("float16", TensorProto.FLOAT16),
    "f64": ("float64", TensorProto.DOUBLE), "i32": ("int32", TensorProto.INT32),
    "i64": ("int64", TensorProto.INT64), "i8": ("int8", TensorProto.INT8),
    "u8": ("uint8", TensorProto.UINT8), "bool": ("bool", TensorProto.BOOL),
}  # fmt: skip
_OPERAND = re.compile(r"(\w+)\[([^\]]*)\](?:=(.+))?")


def onnx_model(case: Case | GraphCase) -> onnx.ModelProto:
    """The case as an ONNX model, its output types inferred."""
    if isinstance(case, Case):
        return _single(case)
    inputs, constants = _operands(
        case.name, [tuple(text.split(":", 1)) for text in case.operands.split()]
    )
    nodes = [
        helper.make_node(
            node[0],
            [name.strip("_") for name in node[1].split()],
            node[2].split(),
            f"node{index}",
            **(node[3] if len(node) > 3 else {}),
        )
        for index, node in enumerate(case.nodes)
    ]
    return _model(nodes, inputs, constants, case.outputs.split(), case.opset)


def _single(case: Case) -> onnx.ModelProto:
    texts = case.operands.split()
    names = ["" if text == "_" else f"x{index}" for index, text in enumerate(texts)]
    inputs, constants = _operands(
        case.name, [pair for pair in zip(names, texts, strict=True) if pair[0]]
    )
    outputs = [f"y{index}" for index in range(case.outputs)]
    node = helper.make_node(case.op, names, outputs, "node", **case.attributes)
    return _model([node], inputs, constants, outputs, case.opset)


def _operands(
    seed: str, pairs: list[tuple[str, str]]
) -> tuple[list[onnx.ValueInfoProto], list[onnx.TensorProto]]:
    rng = np.random.default_rng(zlib.crc32(seed.encode()))
    inputs, constants = [], []
    for name, text in pairs:
        word, sizes, elements = _OPERAND.fullmatch(text).groups()
        dtype, code = DTYPES[word]
        shape = [int(size) if size.isdigit() else size for size in sizes.split(",") if size]
        if elements is None:
            inputs.append(helper.make_tensor_value_info(name, code, shape))
            continue
        data = rng.uniform(0.1, 1, shape) if elements == "*" else elements.split(",")
        if elements != "*" and dtype == "int64":
            data = [int(item) for item in data]
        array = np.array(data).astype(dtype).reshape(shape)
        constants.append(numpy_helper.from_array(array, name))
    return inputs, constants


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    constants: list[onnx.TensorProto],
    outputs: list[str],
    opset: int,
) -> onnx.ModelProto:
    results = [onnx.ValueInfoProto(name=name) for name in outputs]
    graph = helper.make_graph(nodes, "case", inputs, results, constants)
    imports = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    return onnx.shape_inference.infer_shapes(model, data_prop=True)

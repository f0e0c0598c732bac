"""Small models in both formats, of any nodes, and rewriting one family's finds in them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from instances import run
from onnx import TensorProto, helper, numpy_helper

from npulint.fixers.legalise import Setting, build_fragment
from npulint.fixers.record import Family, Refusal
from npulint.fixers.surgery import Patch, apply
from npulint.formats import load, save
from npulint.model import Model

sys.path.insert(0, str(Path(__file__).parent.parent / "formats"))

import tflite_building as tflite

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Step:
    """One node: its operator, the names of what it takes, what it makes and its options."""

    op: str
    inputs: Sequence[str]
    output: str
    shape: Sequence[int]
    options: dict[str, Any] = field(default_factory=dict)
    version: int = 1
    dtype: str = "FLOAT32"


_UNIONS = {
    "CONV_2D": "Conv2DOptions", "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "SUB": "SubOptions", "DIV": "DivOptions", "POW": "PowOptions", "ADD": "AddOptions",
    "MUL": "MulOptions", "LEAKY_RELU": "LeakyReluOptions", "GELU": "GeluOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions", "TRANSPOSE_CONV": "TransposeConvOptions",
    "TILE": "TileOptions", "BATCH_MATMUL": "BatchMatMulOptions", "CAST": "CastOptions",
    "MEAN": "ReducerOptions", "SUM": "ReducerOptions", "REDUCE_MAX": "ReducerOptions",
    "GATHER": "GatherOptions", "CONCATENATION": "ConcatenationOptions",
    "ARG_MAX": "ArgMaxOptions", "ARG_MIN": "ArgMinOptions",
    "MIRROR_PAD": "MirrorPadOptions", "SLICE": "SliceOptions", "PAD": "PadOptions",
}  # fmt: skip


def tflite_model(
    path: Path,
    shape: Sequence[int],
    constants: dict[str, Array],
    steps: Sequence[Step],
    result: str = "y",
) -> Path:
    """A TFLite model of one input `x`."""
    tensors, place, buffers = [tflite.tensor("x", tuple(shape))], {"x": 0}, [b""]
    for name, array in constants.items():
        place[name] = len(tensors)
        tensors.append(tflite.tensor(name, array.shape, array.dtype.name.upper(), len(buffers)))
        buffers.append(np.ascontiguousarray(array).tobytes())
    for step in steps:
        place[step.output] = len(tensors)
        tensors.append(tflite.tensor(step.output, tuple(step.shape), step.dtype))
    codes = list(dict.fromkeys((step.op, step.version) for step in steps))
    operators = [
        tflite.operator(
            codes.index((step.op, step.version)),
            [place[name] if name else -1 for name in step.inputs],
            [place[step.output]],
            options=tflite.table(_UNIONS[step.op], **_spelt(step.options))
            if step.op in _UNIONS
            else None,
        )
        for step in steps
    ]
    graph = tflite.table(
        "SubGraph", tensors=tensors, inputs=[0], outputs=[place[result]], name=b"main",
        operators=operators,
    )  # fmt: skip
    model = tflite.table(
        "Model", version=3, subgraphs=[graph],
        operator_codes=[tflite.code(op, version) for op, version in codes],
        buffers=[
            tflite.table("Buffer", data=np.frombuffer(each, np.uint8) if each else None)
            for each in buffers
        ],
    )  # fmt: skip
    return tflite.write(path.parent, model, path.name)


def _spelt(options: dict[str, Any]) -> dict[str, Any]:
    """Options with the words of the schema as its numbers."""
    enums = {"padding": "Padding", "fused_activation_function": "ActivationFunctionType"}
    return {
        name: getattr(getattr(tflite.schema, enums[name]), value) if name in enums else value
        for name, value in options.items()
    }


def onnx_model(
    path: Path,
    shape: Sequence[int],
    constants: dict[str, Array],
    steps: Sequence[Step],
    opset: int,
    *,
    result: str = "y",
) -> Path:
    """An ONNX model of one input `x`, with the shapes of all values stated."""
    last = next(step for step in steps if step.output == result)
    graph = helper.make_graph(
        [
            helper.make_node(step.op, list(step.inputs), [step.output], **step.options)
            for step in steps
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info(result, TensorProto.FLOAT, list(last.shape))],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
        value_info=[
            helper.make_tensor_value_info(
                step.output, getattr(TensorProto, _PROTO[step.dtype]), list(step.shape)
            )
            for step in steps
            if step.output != result
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(made, path)
    return path


_PROTO = {"FLOAT32": "FLOAT", "BOOL": "BOOL", "INT32": "INT32", "INT64": "INT64"}


def finds(model: Model, family: Family[Any]) -> list[Any]:
    """What a family finds in a model's graph, the largest first."""
    met = list(family.recognise(model.graphs[0]))
    return sorted(met, key=lambda each: (-len(each.nodes), each.nodes))


def rewritten(model: Model, family: Family[Any], way: str) -> Model | Refusal:
    """The model with the largest find of a family computed one way."""
    graph = model.graphs[0]
    occurrence = finds(model, family)[0]
    if isinstance(occurrence.found, Refusal):
        return occurrence.found
    (chosen,) = (each for each in family.ways if each.name == way)
    refusal = chosen.accepts(occurrence.found)
    if refusal is not None:
        return refusal
    setting = Setting(lambda _: {}, model.opsets.get("", 0))
    fragment, _ = build_fragment(graph, occurrence, chosen, setting)
    new, _ = apply(graph, [Patch(fragment, occurrence.nodes)])
    return replace(model, graphs=(new,))


def outputs(
    path: Path, family: Family[Any], way: str, x: Array
) -> tuple[Array, Array, Model] | Refusal:
    """What a model computes before and after, and the model read back from its file."""
    model = load(path)
    result = rewritten(model, family, way)
    if isinstance(result, Refusal):
        assert result.reason
        return result
    other = path.with_name(f"rewritten_{path.name}")
    save(result, other)
    expected, found = run(path, x), run(other, x)
    assert found.shape == expected.shape
    (chosen,) = (each for each in family.ways if each.name == way)
    if model.dialect == "onnx" and chosen.exactness == "exact" and not chosen.limits:
        x = x.copy()
        x.flat[x.size // 2] = np.inf
        assert np.allclose(run(path, x), run(other, x), 1e-5, 1e-5, equal_nan=True)
    again = load(other)
    if again.dialect == "tflite":
        before = {node.op for node in model.graphs[0].nodes}
        assert {node.op for node in again.graphs[0].nodes} <= {*chosen.uses, *before}
    return expected, found, again

"""The shapes of an operator's results, worked out from what a line says of its operands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx.defs
from onnx import TensorProto, helper, numpy_helper, shape_inference
from qnn_tflite.kinds import types_of

from npulint.model import Operation, Shape

_QUANTISED = frozenset({"int4", "int8", "uint8", "int16", "uint16"})


def output_shapes(stated: Mapping[str, Any], *, quantised: bool) -> list[tuple[int, ...] | None]:
    """One shape a result of an ONNX operator, None where it does not follow.

    Args:
        stated: Opset, attributes and operands, as the sweep's lines have them.
        quantised: Whether operands are stored as whole numbers and computed with as real ones.
    """
    count = max(stated.get("outputs") or [0]) + 1
    names = [f"y{place}" for place in range(count)]
    inputs, tensors, fed = [], [], []
    for place, operand in enumerate(stated["operands"]):
        name = "" if operand.get("omitted") else f"x{place}"
        fed.append(name)
        if not name:
            continue
        real = quantised and operand["dtype"] in _QUANTISED
        dtype = "float32" if real else operand["dtype"]
        if "values" in operand and not real:
            array = np.asarray(operand["values"]).reshape(operand["shape"])
            tensors.append(numpy_helper.from_array(array.astype(dtype), name))
        else:
            kind = getattr(TensorProto, _PROTO.get(dtype, dtype.upper()))
            inputs.append(helper.make_tensor_value_info(name, kind, operand["shape"]))
    node = helper.make_node(stated["op"], fed, names, **stated["attributes"])
    ends = [helper.make_empty_tensor_value_info(name) for name in names]
    graph = helper.make_graph([node], "case", inputs, ends, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", stated["opset"])])
    try:
        found = shape_inference.infer_shapes(model, data_prop=True).graph.output
    except shape_inference.InferenceError:
        return [None] * count
    shapes = [_shape(each.type) for each in found]
    if stated["op"] in UNSPECIFIED and None not in stated["operands"][0]["shape"]:
        shapes[0] = tuple(stated["operands"][0]["shape"])
    return shapes


def is_function(operation: Operation) -> bool:
    """Whether the standard writes an operator out as a function of others."""
    if operation.dialect != "onnx":
        return False
    schema = onnx.defs.get_schema(operation.op, operation.version)
    return bool(schema.has_function or schema.has_context_dependent_function)


def stated_sizes(stated: Mapping[str, Any]) -> Shape | None:
    """The sizes that a TFLite operator is told to give its result, open ones left open."""
    if stated["op"] not in {"BROADCAST_TO", "RESHAPE"}:
        return None
    told = [operand.get("values") for operand in stated["operands"][1:2]]
    sizes = told[0] if told and told[0] else stated["attributes"].get("new_shape")
    return None if not sizes else tuple(None if size < 0 else size for size in sizes)


def stated_type(stated: Mapping[str, Any]) -> str | None:
    """The type of a TFLite operator's result, where that is not the type of what goes in."""
    return types_of(stated["kind"]).activation if stated["op"] == "EMBEDDING_LOOKUP" else None


UNSPECIFIED = frozenset({"GroupNormalization", "MeanVarianceNormalization"})
"""Operators for whose results the standard has no rule, so that the sweep's models state them: they
have the sizes of the first operand."""

_PROTO: Mapping[str, str] = {"float32": "FLOAT", "float64": "DOUBLE"}


def _shape(stated: Any) -> tuple[int, ...] | None:
    tensor = stated.tensor_type
    if not tensor.HasField("shape"):
        return None
    sizes = [size.dim_value if size.HasField("dim_value") else None for size in tensor.shape.dim]
    return None if None in sizes else tuple(size for size in sizes if size is not None)

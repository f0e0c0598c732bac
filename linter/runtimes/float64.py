"""ONNX graphs evaluated in float64, for proofs: algebra shows itself where rounding is small.

The graph is widened (weights, constants, casts, types) and run by onnx's reference evaluator. It
is slow and meant for small instances; it runs in this process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from npulint.errors import UsageError
from npulint.runtimes.wire import Array

if TYPE_CHECKING:
    import onnx

# Attributes that name an element type, by operator.
_TYPE_ATTRIBUTES = {
    "Cast": "to",
    "EyeLike": "dtype",
    "Bernoulli": "dtype",
    "BlackmanWindow": "output_datatype",
    "HammingWindow": "output_datatype",
    "HannWindow": "output_datatype",
}

_NARROW = {
    "CausalConvWithState",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "GridSample",
    "LinearAttention",
}
"""Operators that onnx's reference evaluator computes in float32, whatever they are given."""


def evaluate(model: onnx.ModelProto, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Run an ONNX graph with float64 in place of float32.

    Args:
        model: The model, its weights in it. It is left as it is.
        inputs: Arrays by input name; floating-point ones are widened.

    Returns:
        The outputs by name.

    Raises:
        UsageError: An operator has no evaluation in float64, or none at all.
    """
    from onnx.reference import ReferenceEvaluator

    feeds = {name: _wide(array) for name, array in inputs.items()}
    try:
        ran = ReferenceEvaluator(widen(model)).run(None, feeds, intermediate=True)
    except (NotImplementedError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"onnx's reference evaluator refuses this graph: {reason}") from error
    found: dict[str, Any] = dict(ran)
    for name, array in found.items():
        if getattr(array, "dtype", None) in (np.float16, np.float32):
            raise UsageError(
                f"{name!r} is computed as {array.dtype}: an operator of this graph has no "
                "evaluation in float64"
            )
    return {output.name: found[output.name] for output in model.graph.output}


def widen(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of a model with float64 wherever it says float32.

    Raises:
        UsageError: An operator has no evaluation in float64.
    """
    import onnx

    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    _widen_graph(wide.graph)
    for function in wide.functions:
        _widen_nodes(function.node)
    return wide


def _wide(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _widen_graph(graph: onnx.GraphProto) -> None:
    for tensor in graph.initializer:
        _widen_tensor(tensor)
    for value in (*graph.input, *graph.output):
        if value.type.tensor_type.elem_type:
            value.type.tensor_type.elem_type = _widen_type(value.type.tensor_type.elem_type)
    del graph.value_info[:]
    _widen_nodes(graph.node)


def _widen_nodes(nodes: Iterable[onnx.NodeProto]) -> None:
    from onnx import AttributeProto, TensorProto, helper

    for node in nodes:
        if node.op_type in _NARROW:
            raise UsageError(f"{node.op_type} has no evaluation in float64")
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                _widen_graph(attribute.g)
            elif attribute.type == AttributeProto.TENSOR:
                _widen_tensor(attribute.t)
            elif attribute.name == _TYPE_ATTRIBUTES.get(node.op_type):
                attribute.i = _widen_type(attribute.i)
        if node.op_type == "Constant":
            _widen_constant(node)
        elif node.op_type == "ConstantOfShape" and not node.attribute:
            zero = helper.make_tensor("value", TensorProto.DOUBLE, [1], [0.0])
            node.attribute.append(helper.make_attribute("value", zero))


def _widen_constant(node: onnx.NodeProto) -> None:
    """Give a constant stated as Python numbers the form of a tensor, which has a type."""
    from onnx import TensorProto, helper

    (attribute,) = node.attribute
    if attribute.name == "value_float":
        tensor = helper.make_tensor("value", TensorProto.DOUBLE, [], [attribute.f])
    elif attribute.name == "value_floats":
        shape = [len(attribute.floats)]
        tensor = helper.make_tensor("value", TensorProto.DOUBLE, shape, attribute.floats)
    else:
        return
    del node.attribute[:]
    node.attribute.append(helper.make_attribute("value", tensor))


def _widen_tensor(tensor: onnx.TensorProto) -> None:
    from onnx import numpy_helper

    if _widen_type(tensor.data_type) != tensor.data_type:
        array = numpy_helper.to_array(tensor).astype(np.float64)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _widen_type(kind: int) -> int:
    from onnx import TensorProto

    narrow = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16)
    return int(TensorProto.DOUBLE) if kind in narrow else kind

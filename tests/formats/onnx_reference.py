"""What onnx's own parser and shape inference say about a file, to hold a reading against."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    TypeProto,
    helper,
    numpy_helper,
    shape_inference,
)

from npulint.model import Constant, Graph, Model

DTYPES = {
    number: {"float": "float32", "double": "float64"}.get(name.lower(), name.lower())
    for name, number in TensorProto.DataType.items()
    if name != "UNDEFINED"
}
ATTACHED = (AttributeProto.GRAPH, AttributeProto.GRAPHS)
TENSORS = (AttributeProto.TENSOR, AttributeProto.TENSORS)
SPARSE = (AttributeProto.SPARSE_TENSOR, AttributeProto.SPARSE_TENSORS)
PLAIN_FLOATS = {"float16", "float32", "float64", "bfloat16"}
READABLE = (
    PLAIN_FLOATS
    | {"bool", "int4", "uint4", "int2", "uint2", "complex64", "complex128"}
    | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)


def differences(model: Model, path: Path) -> list[str]:
    """Everything in which a reading differs from what onnx reads; empty when it is right."""
    official = onnx.load(path)
    found = list(_header(model, official))
    try:
        inferred = shape_inference.infer_shapes(_light(official), data_prop=True)
    except (shape_inference.InferenceError, RuntimeError, ValueError):
        inferred = official
    found += _graphs(model, model.graphs[0], official.graph, inferred.graph)
    for position, function in enumerate(official.functions, 1):
        found += _nodes(model, model.graphs[position], function, None)
        graph = model.graphs[position]
        names = [graph.values[index].name for index in graph.inputs]
        found += _same("function inputs", names, list(function.input))
    return found


def _light(model: ModelProto) -> ModelProto:
    """Inference wants no weights, and a model above 2 GiB could not be handed to it."""
    return model


def _header(model: Model, official: ModelProto) -> Iterator[str]:
    opsets = {"" if o.domain == "ai.onnx" else o.domain: o.version for o in official.opset_import}
    yield from _same("opsets", dict(model.opsets), opsets)
    yield from _same("IR version", model.version, official.ir_version)
    producer = f"{official.producer_name} {official.producer_version}".strip()
    yield from _same("producer", model.producer, producer)
    metadata = {entry.key: entry.value for entry in official.metadata_props}
    yield from _same("metadata", dict(model.metadata), metadata)


def _graphs(
    model: Model, graph: Graph, official: GraphProto, inferred: GraphProto
) -> Iterator[str]:
    stored = {tensor.name: tensor for tensor in official.initializer}
    sparse = {tensor.values.name: tensor for tensor in official.sparse_initializer}
    values = {value.name: value for value in graph.values}
    given = [i.name for i in official.input if i.name not in stored and i.name not in sparse]
    yield from _same("inputs", [graph.values[i].name for i in graph.inputs], given)
    yield from _same(
        "outputs", [graph.values[i].name for i in graph.outputs], [o.name for o in official.output]
    )
    for name, tensor in stored.items():
        yield from _constant(f"initializer {name}", values[name].constant, tensor)
    for name, packed in sparse.items():
        constant = values[name].constant
        assert constant is not None
        yield from _same(f"sparse {name}", constant.shape, tuple(packed.dims))
        yield from _same(f"sparse {name}", constant.sparse, True)
    captured = {name for _, name in graph.captured}
    for info in (*inferred.value_info, *inferred.input, *inferred.output):
        if info.name not in values or info.name in stored or info.name in captured:
            continue
        if values[info.name].constant is None:
            value = values[info.name]
            yield from _same(f"type of {info.name}", (value.dtype, value.shape), _type(info.type))
    yield from _nodes(model, graph, official, inferred)


def _nodes(
    model: Model, graph: Graph, official: GraphProto | FunctionProto, inferred: GraphProto | None
) -> Iterator[str]:
    yield from _same("number of nodes", len(graph.nodes), len(official.node))
    for position, (node, theirs) in enumerate(zip(graph.nodes, official.node, strict=True)):
        where = f"node {position} of {graph.name}"
        yield from _same(where, (node.op, node.name), (theirs.op_type, theirs.name))
        yield from _same(where, node.domain, theirs.domain if theirs.domain != "ai.onnx" else "")
        operands = ["" if i < 0 else graph.values[i].name for i in node.inputs]
        yield from _same(where, operands, list(theirs.input))
        results = ["" if i < 0 else graph.values[i].name for i in node.outputs]
        yield from _same(where, results, list(theirs.output))
        yield from _attributes(where, dict(node.attributes), theirs)
        bodies = [index for name, index in node.bodies if name != "function"]
        attached = _attached(theirs)
        yield from _same(f"{where} bodies", len(bodies), len(attached))
        types = attached if inferred is None else _attached(inferred.node[position])
        for index, body, typed in zip(bodies, attached, types, strict=True):
            yield from _same(where, model.graphs[index].parent, (graph.index, position))
            yield from _graphs(model, model.graphs[index], body, typed)


def _attached(node: NodeProto) -> list[GraphProto]:
    graphs = []
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            graphs.append(attribute.g)
        graphs.extend(attribute.graphs)
    return graphs


def _attributes(where: str, ours: dict[str, Any], node: NodeProto) -> Iterator[str]:
    theirs = {a.name: a for a in node.attribute if a.type not in ATTACHED}
    yield from _same(f"{where} attributes", sorted(ours), sorted(theirs))
    for name, attribute in theirs.items():
        place, value = f"{where} {name}", ours.get(name)
        if attribute.ref_attr_name:
            yield from _same(place, value, f"@{attribute.ref_attr_name}")
        elif attribute.type in TENSORS:
            many = attribute.type == AttributeProto.TENSORS
            pairs = zip(value, attribute.tensors, strict=True) if many else [(value, attribute.t)]
            for constant, tensor in pairs:
                yield from _constant(place, constant, tensor)
        elif attribute.type in SPARSE:
            yield from _same(place, value.sparse, True)
        elif attribute.type == AttributeProto.TYPE_PROTO:
            yield from _same(place, value, _type(attribute.tp)[0] or "")
        else:
            yield from _same(place, value, _plain(helper.get_attribute_value(attribute)))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return tuple(map(_plain, value)) if not isinstance(value, (int, float)) else value


def _constant(where: str, constant: Constant | None, tensor: TensorProto) -> Iterator[str]:
    assert constant is not None, where
    yield from _same(where, constant.shape, tuple(tensor.dims))
    yield from _same(where, constant.dtype, DTYPES[tensor.data_type])
    if constant.dtype in READABLE and constant.payload is not None:
        array = numpy_helper.to_array(tensor)
        yield from _same(where, constant.payload, numpy_helper.from_array(array).raw_data)
    if constant.dtype in READABLE:
        array = numpy_helper.to_array(tensor)
        same = np.array_equal(constant.read(), array.astype(constant.read().dtype), equal_nan=False)
        yield from _same(where, same or not np.array_equal(array, array), True)


def _type(proto: TypeProto) -> tuple[str | None, tuple[int | str | None, ...] | None]:
    which = proto.WhichOneof("value")
    if which not in ("tensor_type", "sparse_tensor_type"):
        return None, None
    tensor = getattr(proto, which)
    dtype = DTYPES.get(tensor.elem_type)
    if not tensor.HasField("shape"):
        return dtype, None
    return dtype, tuple(
        (size.dim_value if size.dim_value >= 0 else None)
        if size.HasField("dim_value")
        else None
        if size.dim_param.startswith("unk__")
        else size.dim_param or None
        for size in tensor.shape.dim
    )


def _same(what: str, ours: Any, theirs: Any) -> Iterator[str]:
    if ours != theirs:
        yield f"{what}: {ours!r} instead of {theirs!r}"

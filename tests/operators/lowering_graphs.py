"""From an ONNX model to the graph that npulint's reader would hand over."""

from __future__ import annotations

import onnx
from lowering_models import DTYPES
from onnx import helper, numpy_helper

from npulint.model import INLINE_LIMIT, OMITTED, Attribute, Constant, Graph, Node, Shape, Value

_NAMES = {code: name for name, code in DTYPES.values()}


def graph_of(model: onnx.ModelProto) -> Graph:
    """The main graph as npulint's readers would hand it over."""
    opset = model.opset_import[0].version
    values: list[Value] = []
    index: dict[str, int] = {}

    def add(name: str, dtype: str | None, shape: Shape | None, constant: Constant | None) -> None:
        index[name] = len(values)
        values.append(Value(len(values), name, dtype, shape, constant))

    for stored in model.graph.initializer:
        array = numpy_helper.to_array(stored)
        payload = array.tobytes() if array.nbytes <= INLINE_LIMIT else None
        dtype = _NAMES[stored.data_type]
        add(
            stored.name, dtype, array.shape,
            Constant(dtype, array.shape, payload, None, array.nbytes),
        )  # fmt: skip
    graph = model.graph
    for info in (*graph.input, *graph.value_info, *graph.output):
        if info.name not in index:
            add(info.name, *_described(info), None)
    nodes = []
    for position, node in enumerate(graph.node):
        for name in (*node.input, *node.output):
            if name and name not in index:
                add(name, None, None, None)
        nodes.append(
            Node(
                graph=0,
                index=position,
                op=node.op_type,
                version=opset,
                inputs=tuple(index.get(name, OMITTED) for name in node.input),
                outputs=tuple(index.get(name, OMITTED) for name in node.output),
                attributes={item.name: _plain(item) for item in node.attribute},
            )
        )
    return Graph(
        index=0,
        name="case",
        dialect="onnx",
        values=tuple(values),
        nodes=tuple(nodes),
        inputs=tuple(index[info.name] for info in graph.input),
        outputs=tuple(index[info.name] for info in graph.output),
    )


def _described(info: onnx.ValueInfoProto) -> tuple[str | None, Shape | None]:
    kind = info.type.tensor_type
    dtype = _NAMES.get(kind.elem_type)
    if not kind.HasField("shape"):
        return dtype, None
    return dtype, tuple(
        size.dim_value if size.HasField("dim_value") else size.dim_param or None
        for size in kind.shape.dim
    )


def _plain(attribute: onnx.AttributeProto) -> Attribute:
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, (int, float)) else tuple(value)

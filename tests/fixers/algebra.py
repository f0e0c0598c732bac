"""A fragment of either dialect evaluated in float64: each operator by its definition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from npulint.model import Graph, Node

Array = npt.NDArray[Any]


def widened(graph: Graph) -> Graph:
    """The graph with its data said to be float64; its constants stay what they are."""
    values = tuple(
        replace(value, dtype="float64")
        if value.dtype == "float32" and not value.constant
        else value
        for value in graph.values
    )
    return replace(graph, values=values)


def evaluate(graph: Graph, feeds: Mapping[int, Array]) -> list[Array]:
    """Run the nodes in order on float64 arrays."""
    held: dict[int, Array] = {
        value.index: value.constant.read() for value in graph.values if value.constant is not None
    }
    held.update({index: array.astype(np.float64) for index, array in feeds.items()})
    for node in graph.nodes:
        operands = [held[index] for index in node.inputs]
        result = _compute(graph, node, operands)
        assert result.dtype == np.float64, node.op
        assert result.shape == graph.values[node.outputs[0]].shape, node.op
        held[node.outputs[0]] = result
    return [held[index] for index in graph.outputs]


def _compute(graph: Graph, node: Node, operands: list[Array]) -> Array:
    name, x, attributes = node.op.lower(), operands[0], dict(node.attributes)
    channel = 3 if graph.dialect == "tflite" else 1
    if name in _ELEMENTWISE:
        return _activated(_ELEMENTWISE[name](x, operands[1]), attributes)
    if name in _OF_ONE:
        return _OF_ONE[name](x)
    if name in _OF_AXES:
        said = operands[1] if len(operands) > 1 else attributes.get("axes", attributes.get("perm"))
        return _OF_AXES[name](x, tuple(int(each) for each in said))
    if name in _OF_CHANNELS:
        return _OF_CHANNELS[name](x, channel, attributes)
    return _activated(_convolved(node.op, x, operands[1:], attributes), attributes)


def _activated(result: Array, attributes: Mapping[str, Any]) -> Array:
    return (
        np.maximum(result, 0) if attributes.get("fused_activation_function") == "RELU" else result
    )


def _local_response(x: Array, channel: int, attributes: Mapping[str, Any]) -> Array:
    """Each element over the sum of squares in its window, one channel after the other."""
    x = np.moveaxis(x, channel, 0)
    radius, alpha = attributes.get("radius"), attributes["alpha"]
    if radius is None:
        radius, alpha = (attributes["size"] - 1) // 2, alpha / attributes["size"]
    made = np.empty_like(x)
    for at in range(len(x)):
        window = x[max(at - radius, 0) : at + radius + 1]
        total = attributes["bias"] + alpha * (window**2).sum(axis=0)
        made[at] = x[at] * total ** -attributes["beta"]
    return np.moveaxis(made, 0, channel)


def _pooled(x: Array, channel: int, attributes: Mapping[str, Any]) -> Array:
    rows, columns = attributes.get("kernel_shape") or (
        attributes["filter_height"], attributes["filter_width"],
    )  # fmt: skip
    x = np.moveaxis(x, channel, 1)
    batch, channels, height, width = x.shape
    blocks = x.reshape(batch, channels, height // rows, rows, width // columns, columns)
    return np.moveaxis(blocks.mean(axis=(3, 5)), 1, channel)


def _convolved(op: str, x: Array, operands: list[Array], attributes: Mapping[str, Any]) -> Array:
    weights, bias = operands[0], operands[1] if len(operands) > 1 else 0.0
    if op == "DEPTHWISE_CONV_2D":
        return x * weights[0, 0, 0] + bias
    if op == "CONV_2D":
        return np.einsum("nhwc,oc->nhwo", x, weights[:, 0, 0]) + bias
    assert op == "Conv", op
    if attributes["group"] == 1:
        made = np.einsum("nchw,oc->nohw", x, weights[:, :, 0, 0])
    else:
        made = x * weights[:, 0, 0, 0][:, None, None]
    return made + (np.reshape(bias, (-1, 1, 1)) if len(operands) > 1 else 0.0)


def _unit_length(x: Array, channel: int, _: Mapping[str, Any]) -> Array:
    return np.asarray(x / np.sqrt((x**2).sum(axis=channel, keepdims=True)))


def _mean(x: Array, axes: tuple[int, ...]) -> Array:
    return np.asarray(x.mean(axis=axes, keepdims=True))


def _log_softmax(x: Array, attributes: Mapping[str, Any]) -> Array:
    axis = attributes["axis"]
    lowered = x - x.max(axis=axis, keepdims=True)
    return np.asarray(lowered - np.log(np.exp(lowered).sum(axis=axis, keepdims=True)))


def _largest(x: Array, axes: tuple[int, ...]) -> Array:
    return np.asarray(x.max(axis=axes, keepdims=True))


def _total(x: Array, axes: tuple[int, ...]) -> Array:
    return np.asarray(x.sum(axis=axes, keepdims=True))


_ELEMENTWISE: dict[str, Any] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "pow": np.power,
    "max": np.maximum, "maximum": np.maximum,
}  # fmt: skip
_OF_ONE: dict[str, Callable[[Array], Array]] = {
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "relu": lambda x: np.maximum(x, 0),
    "abs": np.abs,
    "neg": np.negative,
    "exp": np.exp,
    "log": np.log,
}
_OF_AXES: dict[str, Callable[[Array, tuple[int, ...]], Array]] = {
    "mean": _mean,
    "reducemean": _mean,
    "reducemax": _largest,
    "reduce_max": _largest,
    "reducesum": _total,
    "sum": _total,
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, order: x.transpose(order),
}
_OF_CHANNELS: dict[str, Callable[[Array, int, Mapping[str, Any]], Array]] = {
    "lrn": _local_response,
    "local_response_normalization": _local_response,
    "lpnormalization": _unit_length,
    "l2_normalization": lambda x, _, given: _unit_length(x, -1, given),
    "softmax": lambda x, _, given: np.exp(_log_softmax(x, given)),
    "logsoftmax": lambda x, _, given: _log_softmax(x, given),
    "averagepool": _pooled,
    "average_pool_2d": _pooled,
}

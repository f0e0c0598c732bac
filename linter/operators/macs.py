"""Multiply-accumulates of one operator: convolution, transposed convolution and dense only.

Biases, activations, normalisation, pooling and resizing count nothing. A convolution costs
`Hout * Wout * Cout * (Cin / groups) * kh * kw`, a transposed convolution
`Hin * Win * Cin * (Cout / groups) * kh * kw`, a dense product `M * N * K`, times the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import TypeAlias

from npulint.model import LARGEST_COUNT, Operation, Value

_DenseCount: TypeAlias = "Callable[[Operation], int | None]"


@dataclass(frozen=True, slots=True)
class _Kernel:
    """How the count follows from one activation and the filter.

    Each element of the activation (the output of a convolution, the input of a transposed one)
    takes part in as many products as the filter has elements without its own channel axis.

    Attributes:
        filter: Position of the filter among the inputs.
        activation: Position of the counted activation among the inputs; None for the output.
        channel_axis: Axis of the filter that runs over the activation's own channels.
    """

    filter: int
    activation: int | None
    channel_axis: int


_ONNX_DOMAINS = ("", "ai.onnx", "com.microsoft")

_KERNELS: Mapping[str, Mapping[str, _Kernel]] = MappingProxyType(
    {
        "onnx": {
            # Filters are [Cout, Cin / groups, ...], transposed ones [Cin, Cout / groups, ...].
            "Conv": _Kernel(1, None, 0),
            "ConvInteger": _Kernel(1, None, 0),
            "DeformConv": _Kernel(1, None, 0),
            "FusedConv": _Kernel(1, None, 0),
            "QLinearConv": _Kernel(3, None, 0),
            "ConvTranspose": _Kernel(1, 0, 0),
        },
        "tflite": {
            # [Cout, kh, kw, Cin / groups], [1, kh, kw, Cout], [kd, kh, kw, Cin / groups, Cout].
            "CONV_2D": _Kernel(1, None, 0),
            "DEPTHWISE_CONV_2D": _Kernel(1, None, -1),
            "CONV_3D": _Kernel(1, None, -1),
            # Inputs are output shape, filter, activation; filters [Cout, kh, kw, Cin] and
            # [kd, kh, kw, Cout, Cin].
            "TRANSPOSE_CONV": _Kernel(1, 2, -1),
            "CONV_3D_TRANSPOSE": _Kernel(1, 2, -1),
        },
    }
)


def macs(operation: Operation) -> int | None:
    """Count the multiply-accumulates of one operator in either dialect.

    A leading size that is free (a symbolic batch) counts as 1, so the figure is per sample.

    Args:
        operation: The operator with its operands.

    Returns:
        The count, 0 for an operator that is not a convolution or a dense product, None where a
        shape that it hangs on is unknown or the count is absurd.
    """
    count = _count(operation)
    return count if count is None or count <= LARGEST_COUNT else None


def _count(operation: Operation) -> int | None:
    if operation.dialect == "onnx" and operation.domain not in _ONNX_DOMAINS:
        return 0
    kernel = _KERNELS[operation.dialect].get(operation.op)
    if kernel is not None:
        return _kernel_macs(operation, kernel)
    dense = _DENSE[operation.dialect].get(operation.op)
    return 0 if dense is None else dense(operation)


def _kernel_macs(operation: Operation, kernel: _Kernel) -> int | None:
    weights = _sizes(_input(operation, kernel.filter))
    if kernel.activation is None:
        activation = _sizes(_output(operation), free_batch=True)
    else:
        activation = _sizes(_input(operation, kernel.activation), free_batch=True)
    if not weights or activation is None:
        return None
    channels = weights[kernel.channel_axis]
    if not channels:
        return 0
    return prod(activation) * (prod(weights) // channels)


def _product_macs(left: int, transposed: str | None = None) -> Callable[[Operation], int | None]:
    """A matrix product: each output element sums over the left operand's inner axis."""

    def count(operation: Operation) -> int | None:
        value = _input(operation, left)
        output = _sizes(_output(operation), free_batch=True)
        if value is None or not value.shape or output is None:
            return None
        flipped = transposed is not None and bool(operation.attributes.get(transposed, False))
        inner = value.shape[-2 if flipped and len(value.shape) > 1 else -1]
        return prod(output) * inner if isinstance(inner, int) else None

    return count


def _fully_connected_macs(operation: Operation) -> int | None:
    """The filter is [units, K]; the activation may have any rank."""
    weights = _sizes(_input(operation, 1))
    output = _sizes(_output(operation), free_batch=True)
    if not weights or output is None:
        return None
    return prod(output) * weights[-1]


_DENSE: Mapping[str, Mapping[str, _DenseCount]] = MappingProxyType(
    {
        "onnx": {
            "MatMul": _product_macs(0),
            "MatMulInteger": _product_macs(0),
            "QLinearMatMul": _product_macs(0),
            "Gemm": _product_macs(0, "transA"),
            "FusedGemm": _product_macs(0, "transA"),
            "FusedMatMul": _product_macs(0, "transA"),
        },
        "tflite": {
            "FULLY_CONNECTED": _fully_connected_macs,
            "BATCH_MATMUL": _product_macs(0, "adj_x"),
        },
    }
)


def _input(operation: Operation, position: int) -> Value | None:
    return operation.inputs[position] if position < len(operation.inputs) else None


def _output(operation: Operation) -> Value | None:
    return operation.outputs[0] if operation.outputs else None


def _sizes(value: Value | None, *, free_batch: bool = False) -> tuple[int, ...] | None:
    """The known sizes of a value; with `free_batch` an unknown leading one stands for 1."""
    if value is None or value.shape is None:
        return None
    shape = value.shape
    if free_batch and shape and not isinstance(shape[0], int):
        shape = (1, *shape[1:])
    sizes = tuple(size for size in shape if isinstance(size, int))
    return sizes if len(sizes) == len(shape) else None

"""What a TFLite node computes, as the same records into which ONNX nodes are read.

Axes are counted in the order `[N, C, H, W]` at rank 4 and as stored at every other rank; see
`npulint.operators.tflite_node`. The operands keep TFLite's positions and layouts:
`operand_order` says where a record's operands stand, filters stay as TFLite stores them.
A fused activation is no part of the record: `fused_activation` names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from npulint.operators.onnx_node import NoConversionError
from npulint.operators.tflite_node import TFLiteNode, TFLiteReader
from npulint.operators.tflite_pointwise import POINTWISE_READERS
from npulint.operators.tflite_shapes import SHAPE_READERS
from npulint.operators.tflite_windows import WINDOW_READERS

if TYPE_CHECKING:
    from npulint.model import Operation
    from npulint.operators.rearrangements import Operator

READERS: Mapping[str, TFLiteReader] = MappingProxyType(
    {**WINDOW_READERS, **POINTWISE_READERS, **SHAPE_READERS}
)
"""The builtin operators that are read, by name."""

_ORDERS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"SPLIT": (1, 0), "TRANSPOSE_CONV": (2, 1, 3)}
)
"""Positions of the operands that a record counts 0, 1, ..., where they are not in that order."""


def from_tflite(operation: Operation) -> Operator:
    """Read what a TFLite node computes, without its fused activation.

    Raises:
        NoConversionError: The operator has no reader, or the file leaves open what it needs.
    """
    if operation.custom:
        raise NoConversionError(f"{operation.op}: a custom operator computes what its maker knows")
    reader = READERS.get(operation.op)
    if reader is None:
        raise NoConversionError(f"{operation.op}: no record says what it computes")
    return reader(TFLiteNode(operation))


def fused_activation(operation: Operation) -> str:
    """The activation that a node applies to its result, by its TFLite name; `NONE` for none."""
    return str(operation.attributes.get("fused_activation_function", "NONE"))


def operand_order(operation: Operation) -> tuple[int, ...]:
    """At which positions the operands stand that the operator's record counts 0, 1, ..."""
    order = _ORDERS.get(operation.op, tuple(range(len(operation.inputs))))
    return tuple(position for position in order if position < len(operation.inputs))

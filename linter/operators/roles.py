"""Which operands configure an operator rather than take part in its arithmetic.

The operand positions are those of the TFLite schema's builtin operators and of the ONNX
operator specifications (https://onnx.ai/onnx/operators/), where floating-point constants in
these places are sizes, limits or scales that no training touches.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CONFIGURATION_OPERANDS: Mapping[str, frozenset[int]] = MappingProxyType(
    {
        # ONNX
        "Clip": frozenset({1, 2}),
        "Dropout": frozenset({1, 2}),
        "Pad": frozenset({1, 2, 3}),
        "Resize": frozenset({1, 2, 3}),
        "Upsample": frozenset({1}),
        "QuantizeLinear": frozenset({1, 2}),
        "DequantizeLinear": frozenset({1, 2}),
        "Range": frozenset({0, 1, 2}),
        "OneHot": frozenset({1, 2}),
        # TFLite
        "PADV2": frozenset({1, 2}),
        "RANGE": frozenset({0, 1, 2}),
        "ONE_HOT": frozenset({1, 2, 3}),
        "FILL": frozenset({0, 1}),
    }
)
"""Operand positions by operator name, both dialects (their names do not collide)."""

"""The operators that a dialect has of its own, so that a misspelt name is found."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.model import Dialect

TITLES: dict[Dialect, str] = {"tflite": "TensorFlow Lite", "onnx": "ONNX"}
"""What people call the dialects."""


@cache
def operator_names(dialect: Dialect) -> frozenset[str]:
    """The names of all operators that a dialect has or once had, in all its domains."""
    if dialect == "tflite":
        from npulint.formats.tflite_schema import ENUMS

        return frozenset(ENUMS["BuiltinOperator"].split()[1:])
    import onnx.defs

    return frozenset(schema.name for schema in onnx.defs.get_all_schemas_with_history())

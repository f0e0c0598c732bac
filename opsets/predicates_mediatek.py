"""Which tensors LiteRT's compiler plugin for MediaTek has a type for.

Its lines are those of google-ai-edge/LiteRT
litert/vendors/mediatek/compiler/legalizations/neuron_utils.cc 46-150 @f6745779.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from npulint.model import Operation, Value
from npulint.opsets.measures import quantisation
from npulint.opsets.predicates import Judgement, Predicate

_PLAIN = frozenset({"float32", "float16", "bool", "uint8", "int32"})
_QUANTISED = {
    "int16": ("per-tensor",),
    "uint16": ("per-tensor",),
    "int8": ("per-tensor", "per-channel"),
    "int4": ("per-tensor", "per-channel"),
}


def _typed(operation: Operation, _: tuple[Value, ...]) -> Judgement:
    """That each tensor has a type of the compiler's."""
    for value in (*operation.inputs, *operation.outputs):
        if value is not None and not _has_type(value):
            stored = " and computed at run time" if value.dtype == "int64" else ""
            return False, f"a tensor of {value.dtype}, quantised {quantisation(value)}{stored}"
    return True, "fit"


def _has_type(value: Value) -> bool:
    how = quantisation(value)
    if value.dtype == "int32" and how == "per-channel":
        return not any(value.quantisation.zero_points if value.quantisation else ())
    if value.dtype == "int64":
        return value.constant is not None
    return value.dtype in _PLAIN or how in _QUANTISED.get(value.dtype or "", ())


MEDIATEK_PREDICATES: Mapping[str, Predicate] = MappingProxyType(
    {
        "litert-mediatek-types": Predicate(
            "litert-mediatek-types",
            (),
            "every tensor",
            "of float32, float16, bool, uint8 or int32, of int8 or int4 with scales, of int16 or "
            "uint16 with one scale, or of int64 where it is stored",
            _typed,
        ),
    }
)
"""Every predicate of the plugin by its word in a table."""

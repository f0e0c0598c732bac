"""Operands as a table's conditions see them, out of what a sweep's lines tell of them."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from npulint.model import ITEM_BITS, Constant, Quantisation, Value

QUANTISED = frozenset({"int4", "int8", "uint8", "int16", "uint16"})
"""Types that quantised kinds store their operands in, biases of 32 bits apart."""

_CODES: Mapping[str, str] = {
    "?": "bool", "b": "int8", "B": "uint8", "h": "int16", "H": "uint16", "i": "int32",
    "I": "uint32", "q": "int64", "Q": "uint64", "e": "float16", "f": "float32", "d": "float64",
}  # fmt: skip
_PACKED: Mapping[str, str] = {dtype: code for code, dtype in _CODES.items()}


def value_of(place: int, operand: Mapping[str, Any], *, quantised: bool) -> Value | None:
    """The operand at a place; None where it is left out."""
    if operand.get("omitted"):
        return None
    dtype, shape = operand["dtype"], tuple(operand["shape"])
    scaled = quantised and dtype in QUANTISED
    told, steps = operand.get("values"), None
    if scaled:
        channel = operand.get("channel")
        scales = (1.0,) * (1 if channel is None else 2)
        steps = Quantisation(scales, (0,) * len(scales), channel or 0)
        if told is not None:
            told, steps = _stored(dtype, list(_flat(told)))
    constant = None
    if operand["constant"]:
        nbytes = ITEM_BITS.get(dtype, 8) * math.prod(shape) // 8
        constant = Constant(dtype, shape, _payload(dtype, told), None, nbytes)
    return Value(
        index=place,
        name=f"operand {place}",
        dtype=dtype,
        shape=shape,
        constant=constant,
        quantisation=steps,
    )


STEPS = 100
"""Steps between the least and the greatest of stored numbers and zero: all types have as many."""


def _stored(dtype: str, real: Sequence[float]) -> tuple[list[int], Quantisation]:
    """Real numbers as a quantised type stores them, with one scale for all."""
    low, high = min(0.0, *real), max(0.0, *real)
    scale = (high - low) / STEPS or 1.0
    zero = round(-low / scale) if dtype.startswith("u") else 0
    return [round(each / scale) + zero for each in real], Quantisation((scale,), (zero,))


def _payload(dtype: str, values: Any) -> bytes | None:
    code = _PACKED.get(dtype)
    if values is None or code is None:
        return None
    flat = [each if code in "efd" else int(each) for each in _flat(values)]
    return struct.pack(f"<{len(flat)}{code}", *flat)


def _flat(values: Any) -> Iterator[Any]:
    if isinstance(values, list):
        for each in values:
            yield from _flat(each)
    else:
        yield values

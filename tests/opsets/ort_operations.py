"""ONNX operations as providers of ONNX Runtime are asked about them, whole ones and spoilt ones."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from npulint.model import Attribute, Constant, Operation, Quantisation, Value
from npulint.opsets.measures import AttributeOf
from npulint.opsets.table import Entry
from npulint.ort import QUANTISED_UNIT

Operands = Sequence["Value | None"]

CONTRIBUTED = frozenset({"QLinearAdd", "QLinearMul", "QLinearSigmoid", "QLinearAveragePool"})
"""Operators of com.microsoft."""

_CODES = {"float32": "f", "int64": "q", "int32": "i", "uint8": "B", "int8": "b", "float16": "e"}
_LARGE = 512
"""Elements above which a constant is not kept in memory, as the readers have it."""


def f(*shape: int | str, dtype: str = "float32") -> Value:
    """A tensor computed at run time."""
    return Value(0, "", dtype, shape)


def q(*shape: int, scales: Sequence[float] = (0.5,), zero: int = 0, dtype: str = "uint8") -> Value:
    """One that is quantised."""
    return replace(f(*shape, dtype=dtype), quantisation=Quantisation(tuple(scales), (zero,)))


def c(*numbers: float, dtype: str = "int64", shape: Sequence[int] | None = None) -> Value:
    """One that is stored; a scalar where no shape is given and it has one element."""
    sizes = tuple(shape) if shape is not None else (() if len(numbers) == 1 else (len(numbers),))
    whole = _CODES[dtype] not in "fe"
    held = [int(number) if whole else number for number in numbers]
    payload = struct.pack(f"<{len(held)}{_CODES[dtype]}", *held)
    constant = Constant(dtype, sizes, payload, None, len(payload))
    return Value(0, "", dtype, sizes, constant)


def w(*shape: int, dtype: str = "float32", **grid: Any) -> Value:
    """Weights: stored, and too many to be kept in memory."""
    constant = Constant(dtype, shape, None, None, _LARGE)
    made = q(*shape, dtype=dtype, **grid) if grid else f(*shape, dtype=dtype)
    return replace(made, constant=constant)


def one(number: float, dtype: str = "float32") -> Value:
    """A stored scalar."""
    return c(number, dtype=dtype)


def ask(
    op: str, *inputs: Value | None, out: Operands = (), opset: int = 18, unit: bool = False,
    **attributes: Attribute,
) -> Operation:  # fmt: skip
    """An operation; its result is like its first operand where none is given."""
    marked = {**attributes, **({QUANTISED_UNIT: 1} if unit else {})}
    results = tuple(out) or (replace(inputs[0] or f(), constant=None),)
    custom = op in CONTRIBUTED
    domain = "com.microsoft" if custom else ""
    return Operation("onnx", op, opset, inputs, results, marked, domain, custom)


_WORDS: Mapping[str, Sequence[Attribute]] = {
    "mode": ("reflect", "cubic", "linear", "CRD"),
    "coordinate_transformation_mode": ("half_pixel", "tf_crop_and_resize"),
    "nearest_mode": ("ceil",),
    "keep_aspect_ratio_policy": ("not_larger",),
    "dilations": ((2, 2),),
    "axes": ((2, 3),),
    "alpha": (0.5,),
    "beta": (0.5,),
}


def spoilt(entry: Entry, whole: Operation) -> Iterator[Operation]:
    """An operation with one thing changed, for each thing that a table may look at."""
    for opset in (1, 5, 9, 12):
        yield replace(whole, version=opset)
    unit = QUANTISED_UNIT in whole.attributes
    plain = {name: each for name, each in whole.attributes.items() if name != QUANTISED_UNIT}
    yield replace(whole, attributes=plain if unit else {**plain, QUANTISED_UNIT: 1})
    yield replace(whole, outputs=(*whole.outputs, f(1)))
    yield replace(whole, inputs=(*whole.inputs, f(1)))
    for name in {each.name for each in entry.measures if isinstance(each, AttributeOf)}:
        for value in _WORDS.get(name, (0, 1, 2, 7)):
            yield replace(whole, attributes={**whole.attributes, name: value})
    for side in ("inputs", "outputs"):
        values = getattr(whole, side)
        for place, value in enumerate(values):
            for other in () if value is None else _others(value):
                changed = (*values[:place], other, *values[place + 1 :])
                yield replace(whole, **{side: changed})


def _others(value: Value) -> Iterator[Value | None]:
    """What else might stand where a value does."""
    shape = value.shape or ()
    grid = value.quantisation
    yield None
    yield replace(value, constant=None)
    yield replace(value, shape=("n", *shape[1:]), constant=None)
    yield replace(value, shape=(0, *shape[1:]), constant=None)
    for other in ((), (3,), (2, 3), (2, 3, 4), (2, 3, 4, 5), (2, 3, 4, 5, 6)):
        held = value.constant and replace(value.constant, shape=other, payload=None)
        yield replace(value, shape=other, constant=held)
    for dtype in ("float16", "int8", "int16"):
        yield replace(value, dtype=dtype)
    yield replace(value, quantisation=None)
    if grid is not None:
        yield replace(value, quantisation=Quantisation((0.25,), grid.zero_points))
        yield replace(value, quantisation=Quantisation(grid.scales, (7,) * len(grid.scales)))
        yield replace(value, quantisation=Quantisation((0.5,) * 3, (0,) * 3))
        size = shape[0] if shape and isinstance(shape[0], int) else 1
        yield replace(value, quantisation=Quantisation((0.5,) * size, (0,) * size))
    if value.constant is not None and value.constant.payload is not None:
        count = max(len(value.constant.elements() or ()), 1)
        for numbers in (
            (0,),
            (3,),
            (2, 3),
            tuple(range(count)),
            (-1 if value.dtype != "uint8" else 9,) * count,
        ):
            yield c(*numbers, dtype=value.dtype or "")

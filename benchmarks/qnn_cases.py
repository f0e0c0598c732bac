"""Models of one operator each: shapes, attributes, modes and types, as data.

A family says for an operator what its activations, constants and attributes may be; every
combination is a case. Each case is built in several kinds: in a plain type, or quantised
(`a16w8`: unsigned activations of 16 bits, weights of 8; with `s` for signed activations), which is
to say in float32 between QuantizeLinear and DequantizeLinear as quantisers write it.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

FLOATS = ("float32", "float16", "a8w8", "a16w8")
REAL = ("float32", "float16", "float64", "bfloat16")
WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool")


@dataclass(frozen=True)
class Types:
    """What a kind stores real numbers as.

    Attributes:
        activation: Activations.
        weight: Weights.
        bias: What is added to their products.
        quantised: Whether activations are stored with scales.
        made: Whether weights and biases are what another operator makes of what is stored.
    """

    activation: str
    weight: str
    bias: str
    quantised: bool = False
    made: bool = False


def _quantised(activation: str, weight: str) -> Types:
    return Types(activation, weight, "int32", quantised=True)


QUANTISED: Mapping[str, Types] = {
    "a8w8": _quantised("uint8", "int8"),
    "a16w8": _quantised("uint16", "int8"),
    "s8w8": _quantised("int8", "int8"),
    "s16w8": _quantised("int16", "int8"),
    "a8w4": _quantised("uint8", "int4"),
    "a16w4": _quantised("uint16", "int4"),
    "a16w16": _quantised("uint16", "int16"),
}


def types_of(kind: str) -> Types:
    """What a kind of ONNX models stores real numbers as."""
    return QUANTISED.get(kind) or Types(kind, kind, kind)


SHORT = 8
"""Values of a constant that are told one by one."""

OPSET = 21
"""The first whose QuantizeLinear has 16 bits."""


@dataclass(frozen=True)
class Operand:
    """An activation (a shape), or a constant (an array).

    Attributes:
        shape: Of an activation.
        array: The constant.
        weight: Whether the constant has the type of the kind; quantisers store it as weights.
        exact: Whether a constant in the kind's type is told by its values; quantisers store it as
            they store activations.
        bias: Whether quantisers store it in 32 bits, with the scales of activations and weights.
        channel: The axis along which weights have a scale each.
        dtype: Type of an activation where it is not that of the kind.
        span: From where to where such an activation goes, the end left out.
        open: Axes of an activation whose sizes the model does not state.
        omitted: Whether it is left out.
    """

    shape: Shape = ()
    array: Array | None = None
    weight: bool = False
    omitted: bool = False
    exact: bool = False
    bias: bool = False
    channel: int | None = None
    dtype: str = ""
    span: tuple[int, int] = (0, 1)
    open: tuple[int, ...] = ()


@dataclass(frozen=True)
class Case:
    """One operator on given operands.

    Attributes:
        op: The operator.
        operands: In order.
        attributes: As they are written.
        kind: A plain type, or one of the quantised forms.
        opset: Version of the standard domain.
        span: From where to where random activations go.
        outputs: How many it has.
        skipped: Positions of those that are left out.
        note: What tells it from others whose attributes and shapes are the same.
        domain: The operator's own.
    """

    op: str
    operands: tuple[Operand, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "float32"
    opset: int = OPSET
    span: tuple[float, float] = (-2.0, 2.0)
    outputs: int = 1
    skipped: tuple[int, ...] = ()
    note: str = ""
    domain: str = ""

    @cached_property
    def name(self) -> str:
        """What it is, in one line that no other case has."""
        stated = ",".join(f"{key}={_shown(value)}" for key, value in self.attributes.items())
        shapes = ",".join(_operand(each) for each in self.operands)
        called = f"{self.domain}.{self.op}" if self.domain else self.op
        kept = ",".join(str(place) for place in self.kept)
        several = "" if self.outputs == 1 else f"outputs {kept}"
        parts = (f"{called}-{self.opset}", self.kind, shapes, stated, several, self.note)
        return "|".join(parts).rstrip("|")

    @property
    def kept(self) -> tuple[int, ...]:
        """Positions of the outputs that it has."""
        return tuple(place for place in range(self.outputs) if place not in self.skipped)


def _shown(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _operand(operand: Operand) -> str:
    if operand.omitted:
        return "-"
    if operand.array is None:
        sizes = ["?" if axis in operand.open else str(size) for axis, size in _sizes(operand)]
        shape = "x".join(sizes) or "scalar"
        return f"{operand.dtype} {shape}".lstrip()
    shape = "x".join(map(str, operand.array.shape)) or "scalar"
    if operand.weight and not operand.exact:
        called = "bias" if operand.bias else "weight"
        return f"{called} {shape}" + ("" if operand.channel is None else f" by {operand.channel}")
    # As numpy shows them: the shortest that is the same number in their type.
    values = operand.array.reshape(-1)
    told = f"[{' '.join(map(str, values))}]" if values.size <= SHORT else f"constant {shape}"
    return f"own {told}" if operand.weight else told


def _sizes(operand: Operand) -> Iterator[tuple[int, int]]:
    return enumerate(operand.shape)


def activation(*shape: int, open: tuple[int, ...] = ()) -> Operand:
    """What is fed to the model, in the type of the kind."""
    return Operand(shape, open=open)


def fed(dtype: str, shape: Sequence[int], low: int = 0, high: int = 2) -> Operand:
    """Whole numbers, or truths, that are fed in a type of their own whatever the kind."""
    return Operand(tuple(shape), dtype=dtype, span=(low, high))


def constant(values: object, dtype: str = "int64") -> Operand:
    """What is stored, in its own type whatever the kind: axes, sizes, scales, bounds."""
    return Operand(array=np.asarray(values, dtype))


def whole(values: object) -> Operand:
    """Whole numbers of 32 bits that are stored, as TFLite has positions and sizes."""
    return constant(values, "int32")


def own(values: object) -> Operand:
    """Values that are stored in the type that activations have."""
    return Operand(array=np.asarray(values, np.float32), weight=True, exact=True)


def weight(*shape: int, channel: int | None = None) -> Operand:
    """Weights that are the same whenever their shape is.

    Args:
        shape: Theirs.
        channel: The axis along which quantised ones have a scale each.
    """
    drawn = np.random.default_rng(shape).uniform(-0.5, 0.5, shape)
    return Operand(array=drawn.astype(np.float32), weight=True, channel=channel)


def stored(*shape: int) -> Operand:
    """What weights of a shape would be, stored in the type that activations have."""
    return replace(weight(*shape), exact=True)


def bias(size: int, channel: int | None = None) -> Operand:
    """A bias; `channel` is 0 where the weights have a scale each."""
    return replace(weight(size, channel=channel), bias=True)


OMITTED = Operand(omitted=True)


def number_type(name: str) -> np.dtype[Any]:
    """The type of a name, those included that are none of numpy's own."""
    own_types = {"bfloat16": ml_dtypes.bfloat16, "int4": ml_dtypes.int4}
    return np.dtype(own_types.get(name, name))


def described(operand: Operand, types: Types) -> dict[str, Any]:
    """All that the operator can see of an operand: what a condition may be about.

    Returns:
        `shape` (None for a size that is not stated), `dtype` (as stored), `constant`, `omitted`;
        `channel` where quantised weights have a scale each along an axis, and `values` where a
        constant has at most 8 of them.
    """
    if operand.omitted:
        return {"shape": None, "dtype": None, "constant": False, "omitted": True}
    array = operand.array
    if array is None:
        dtype = operand.dtype or types.activation
        shape = [None if axis in operand.open else size for axis, size in _sizes(operand)]
    else:
        stored = types.weight
        if operand.bias or operand.exact:
            stored = types.bias if operand.bias else types.activation
        dtype = stored if operand.weight else array.dtype.name
        shape = list(array.shape)
    is_constant = array is not None and not (types.made and operand.weight)
    facts: dict[str, Any] = {
        "shape": shape,
        "dtype": dtype,
        "constant": is_constant,
        "omitted": False,
    }
    if operand.channel is not None and types.weight != types.bias:
        facts["channel"] = operand.channel
    if array is None or not is_constant:
        return facts
    if array.size <= SHORT and (operand.exact or not operand.weight):
        facts["values"] = array.reshape(-1).tolist()
    return facts


def combinations(**axes: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Every choice of one value an axis; None leaves an attribute out."""
    for values in itertools.product(*axes.values()):
        yield {name: value for name, value in zip(axes, values, strict=True) if value is not None}


def inputs(case: Case, seed: int) -> list[Array]:
    """Numbers for the activations, by the case's name and the seed."""
    generator = np.random.default_rng((seed, zlib.crc32(case.name.encode())))
    made = []
    for operand in case.operands:
        if operand.array is None and not operand.omitted:
            low, high = case.span
            kind = operand.dtype or case.kind
            if operand.dtype and kind in WHOLE:
                made.append(generator.integers(*operand.span, operand.shape).astype(kind))
            elif kind in WHOLE:
                # No zeros, by which whole numbers cannot be divided.
                low, high = (0, 2) if kind == "bool" else (1, 6)
                made.append(generator.integers(low, high, operand.shape).astype(kind))
            else:
                dtype = kind if kind in REAL else "float32"
                drawn = generator.uniform(low, high, operand.shape)
                made.append(np.asarray(drawn).astype(number_type(dtype)))
    return made


def in_kinds(cases: Iterable[Case], kinds: Sequence[str]) -> Iterator[Case]:
    """Each case in each kind."""
    for case in cases:
        for kind in kinds:
            yield replace(case, kind=kind)

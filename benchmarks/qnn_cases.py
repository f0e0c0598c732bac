"""ONNX models of one operator each: shapes, attributes, modes and types, as data.

A family says for an operator what its activations, constants and attributes may be; every
combination is a case. Each case is built in several kinds: in a plain type, or in float32 between
QuantizeLinear and DequantizeLinear as quantisers write it (`a8w8`, `a16w8`: activations of 8 or 16
bits, weights of 8). Nothing here is drawn by chance but the numbers, and these by a seed.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, shape_inference

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

FLOATS = ("float32", "float16", "a8w8", "a16w8")
INTEGERS = ("int32", "uint8", "int64", "bool")
QUANTISED = {"a8w8": (np.uint8, 255), "a16w8": (np.uint16, 65535)}
OPSET = 21
"""The first whose QuantizeLinear has 16 bits."""


@dataclass(frozen=True)
class Operand:
    """An activation (a shape), or a constant (an array; `weight` where quantisers make it int8)."""

    shape: Shape = ()
    array: Array | None = None
    weight: bool = False
    omitted: bool = False


@dataclass(frozen=True)
class Case:
    """One operator on given operands.

    Attributes:
        op: The operator, at an opset of the standard domain.
        operands: In order.
        attributes: As they are written.
        kind: A plain type, or one of the quantised forms.
        span: From where to where random activations go.
        note: What tells it from others whose attributes and shapes are the same.
    """

    op: str
    operands: tuple[Operand, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "float32"
    opset: int = OPSET
    span: tuple[float, float] = (-2.0, 2.0)
    outputs: int = 1
    note: str = ""

    @property
    def name(self) -> str:
        """What it is, in one line that no other case has."""
        stated = ",".join(f"{key}={_shown(value)}" for key, value in self.attributes.items())
        shapes = ",".join(_operand(each) for each in self.operands)
        parts = (f"{self.op}-{self.opset}", self.kind, shapes, stated, self.note)
        return "|".join(parts).rstrip("|")


def _shown(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _operand(operand: Operand) -> str:
    if operand.omitted:
        return "-"
    if operand.array is None:
        return "x".join(map(str, operand.shape)) or "scalar"
    shape = "x".join(map(str, operand.array.shape)) or "scalar"
    if operand.weight:
        return f"weight {shape}"
    values = operand.array.reshape(-1).tolist()
    return f"[{' '.join(map(str, values))}]" if len(values) <= 8 else f"constant {shape}"


def activation(*shape: int) -> Operand:
    """What is fed to the model."""
    return Operand(shape)


def constant(values: object, dtype: str = "int64") -> Operand:
    """What is stored, in its own type whatever the kind: axes, sizes, scales, bounds."""
    return Operand(array=np.asarray(values, dtype))


def weight(*shape: int) -> Operand:
    """Weights that are the same whenever their shape is."""
    drawn = np.random.default_rng(shape).uniform(-0.5, 0.5, shape)
    return Operand(array=drawn.astype(np.float32), weight=True)


OMITTED = Operand(omitted=True)


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
            if case.kind in INTEGERS:
                # No zeros, by which whole numbers cannot be divided.
                low, high = (0, 2) if case.kind == "bool" else (1, 6)
                made.append(generator.integers(low, high, operand.shape).astype(case.kind))
            else:
                dtype = "float16" if case.kind == "float16" else "float32"
                made.append(generator.uniform(low, high, operand.shape).astype(dtype))
    return made


def build(case: Case, results: Sequence[Array] | None = None) -> ModelProto:
    """The model of a case.

    Args:
        case: The case.
        results: What the operator puts out on typical inputs, as float32; quantised kinds choose
            the scales of their outputs by it, and cannot do without.

    Raises:
        onnx.shape_inference.InferenceError: The operator does not take these operands.
    """
    return _Builder(case, results).model()


class _Builder:
    def __init__(self, case: Case, results: Sequence[Array] | None) -> None:
        self._case, self._results = case, results
        self._nodes: list[NodeProto] = []
        self._tensors: list[TensorProto] = []
        self._inputs: list[Any] = []
        self._quantised = case.kind in QUANTISED

    def model(self) -> ModelProto:
        case = self._case
        names = [self._operand(place, each) for place, each in enumerate(case.operands)]
        real = [array.dtype.kind == "f" for array in self._results or ()]
        inner = [f"y{place}.real" if is_real else f"y{place}" for place, is_real in enumerate(real)]
        inner = inner if self._quantised else [f"y{place}" for place in range(case.outputs)]
        self._nodes.append(helper.make_node(case.op, names, inner, **case.attributes))
        for place, array in enumerate(self._results or () if self._quantised else ()):
            if real[place]:
                low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 1.0)
                self._round_trip(inner[place], f"y{place}", low, high)
        ends = [helper.make_empty_tensor_value_info(f"y{place}") for place in range(case.outputs)]
        graph = helper.make_graph(self._nodes, "case", self._inputs, ends, self._tensors)
        imports = [helper.make_opsetid("", case.opset)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=10)
        return shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)

    def _operand(self, place: int, operand: Operand) -> str:
        if operand.omitted:
            return ""
        if operand.array is None:
            return self._activation(f"x{place}", operand.shape)
        name = f"c{place}"
        if operand.weight and self._quantised:
            return self._quantised_weight(name, operand.array)
        array = operand.array
        if operand.weight and self._case.kind in INTEGERS:
            array = np.round(4 * array + 3)
        if operand.weight and not self._quantised:
            array = array.astype(self._case.kind)
        self._tensors.append(numpy_helper.from_array(array, name))
        return name

    def _activation(self, name: str, shape: Shape) -> str:
        kind = "float32" if self._quantised else self._case.kind
        dtype = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        self._inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        if not self._quantised:
            return name
        return self._round_trip(name, f"{name}.rounded", *self._case.span)

    def _round_trip(self, name: str, result: str, low: float, high: float) -> str:
        """Quantise and dequantise, over a range that holds zero."""
        dtype, steps = QUANTISED[self._case.kind]
        low, high = min(low, 0.0), max(high, 0.0)
        scale = np.float32((high - low) / steps or 1.0)
        zero = dtype(min(round(-low / scale), steps))
        parameters = self._parameters(name, scale, zero)
        self._nodes += [
            helper.make_node("QuantizeLinear", [name, *parameters], [f"{name}.q"]),
            helper.make_node("DequantizeLinear", [f"{name}.q", *parameters], [result]),
        ]
        return result

    def _quantised_weight(self, name: str, array: Array) -> str:
        scale = np.float32(np.abs(array).max() / 127 or 1.0)
        stored = np.clip(np.round(array / scale), -127, 127).astype(np.int8)
        self._tensors.append(numpy_helper.from_array(stored, f"{name}.q"))
        parameters = self._parameters(name, scale, np.int8(0))
        self._nodes.append(helper.make_node("DequantizeLinear", [f"{name}.q", *parameters], [name]))
        return name

    def _parameters(self, name: str, scale: Any, zero: Any) -> list[str]:
        names = [f"{name}.scale", f"{name}.zero"]
        self._tensors += [
            numpy_helper.from_array(np.asarray(value), each)
            for value, each in zip((scale, zero), names, strict=True)
        ]
        return names


def in_kinds(cases: Iterator[Case], kinds: Sequence[str]) -> Iterator[Case]:
    """Each case in each kind."""
    for case in cases:
        for kind in kinds:
            yield replace(case, kind=kind)

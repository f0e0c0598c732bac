"""Writes a case as a TFLite model."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from qnn_cases import WHOLE, Array, Case, Operand, number_type

from npulint.formats.flatbuffer_build import Table
from npulint.formats.flatbuffer_build import build as lay_out
from npulint.formats.tflite import SCHEMA
from npulint.formats.tflite_nodes import TABLE_OF
from npulint.formats.tflite_schema import SCHEMA_VERSION
from qnn_tflite.kinds import ALWAYS, OUTPUTS, SAME_SCALE, types_of

IDENTIFIER = b"TFL3"
Scale = tuple[Sequence[float], Sequence[int], int]
"""Scales, zero points and the axis that they are along."""


def write(case: Case, results: Sequence[Array] | None, *, stretch: float = 1.0) -> bytes:
    """The model of a case.

    Args:
        case: The case; its opset is the operator's version.
        results: What the operator puts out on typical inputs, by which the shapes and the scales
            of outputs are stated. Without them shapes are left to the runtime that finds them.
        stretch: What the scales of outputs are multiplied by, for models that no converter writes.
    """
    return _Writer(case, results, stretch).model()


class _Writer:
    def __init__(self, case: Case, results: Sequence[Array] | None, stretch: float) -> None:
        self._case, self._results, self._stretch = case, results, stretch
        self._types = types_of(case.kind)
        self._tensors: list[Table] = []
        self._buffers = [Table("Buffer", {})]
        self._codes: list[Table] = []
        self._operators: list[Table] = []
        self._inputs: list[int] = []
        self._scales: dict[int, Scale] = {}

    def model(self) -> bytes:
        case = self._case
        operands = [self._operand(place, each) for place, each in enumerate(case.operands)]
        outputs = [self._output(place) for place in range(case.outputs)]
        self._call(case.op, case.opset, operands, outputs, case.attributes)
        graph = Table(
            "SubGraph",
            {
                "name": "main",
                "tensors": self._tensors,
                "inputs": self._inputs,
                "outputs": outputs,
                "operators": self._operators,
            },
        )
        fields = {
            "version": SCHEMA_VERSION,
            "operator_codes": self._codes,
            "subgraphs": [graph],
            "buffers": self._buffers,
        }
        return _bytes(Table("Model", fields))

    def _call(
        self,
        op: str,
        version: int,
        operands: Sequence[int],
        outputs: Sequence[int],
        attributes: Mapping[str, Any],
    ) -> None:
        number = SCHEMA.names("BuiltinOperator").index(op)
        fields = {
            "deprecated_builtin_code": min(number, 127),
            "builtin_code": number,
            "version": version,
        }
        self._codes.append(Table("OperatorCode", fields))
        called = {
            "opcode_index": len(self._codes) - 1,
            "inputs": list(operands),
            "outputs": list(outputs),
        }
        self._operators.append(Table("Operator", {**called, **_options(op, attributes)}))

    def _operand(self, place: int, operand: Operand) -> int:
        if operand.omitted:
            return -1
        if operand.array is None:
            dtype = operand.dtype or self._types.activation
            scale = None
            if self._types.quantised and not operand.dtype:
                scale = self._scales[place] = _scale(dtype, *self._case.span)
            at = self._tensor(f"x{place}", operand.shape, dtype, scale=scale, free=operand.open)
            self._inputs.append(at)
            return at
        name = f"c{place}"
        if not operand.weight:
            return self._tensor(name, operand.array.shape, operand.array.dtype.name, operand.array)
        array = operand.array
        hybrid = self._types.weight == "int8" and not operand.bias and not operand.exact
        if self._types.quantised or hybrid:
            return self._quantised(place, operand)
        if self._case.kind in WHOLE and not operand.exact:
            array = np.round(4 * array + 3)
        if self._types.made:
            stored = self._tensor(f"{name}.half", array.shape, "float16", array)
            at = self._tensor(name, array.shape, "float32")
            self._call("DEQUANTIZE", 3, [stored], [at], {})
            return at
        return self._tensor(name, array.shape, self._types.activation, array)

    def _quantised(self, place: int, operand: Operand) -> int:
        """Weights or a bias in whole numbers."""
        assert operand.array is not None
        array, axis = operand.array, operand.channel
        dtype = self._types.bias if operand.bias else self._types.weight
        if operand.bias:
            activation = TYPE_OF_ANOTHER.get(self._case.op, 0)
            ones, others = self._scales[activation][0], self._scales[1][0]
            scales = [one * other for one in ones for other in others]
            axis = None if len(scales) == 1 else 0
            most = 2**31 - 1
            zero = 0
        elif dtype == "uint8" or operand.exact:
            # As the first quantisers stored weights; values that are told are activations.
            kept = dtype if dtype == "uint8" else self._types.activation
            ends = (float(array.min()), float(array.max()))
            (scale,), (zero,), _ = self._scales[place] = _scale(kept, *ends)
            bounds = np.iinfo(kept)
            stored = np.clip(np.round(array / scale) + zero, bounds.min, bounds.max)
            return self._tensor(f"c{place}", array.shape, kept, stored, self._scales[place])
        else:
            most = 7 if dtype == "int4" else 127
            if axis is None:
                largest = np.abs(array).max()
            else:
                largest = np.abs(np.moveaxis(array, axis, 0)).reshape(array.shape[axis], -1).max(1)
            scales = [float(np.float32(each / most or 1.0)) for each in np.atleast_1d(largest)]
            zero = 0
        wide = np.asarray(scales)
        if axis is not None:
            wide = wide.reshape([-1 if at == axis else 1 for at in range(array.ndim)])
        stored = np.clip(np.round(array / wide), -most, most)
        self._scales[place] = (scales, [zero] * len(scales), axis or 0)
        return self._tensor(f"c{place}", array.shape, dtype, stored, self._scales[place])

    def _output(self, place: int) -> int:
        case = self._case
        array = None if self._results is None else self._results[place]
        shape = () if array is None else array.shape
        dtype = result_type(case, place)
        real = dtype == self._types.activation and self._types.quantised
        real = real or case.op == "QUANTIZE"
        scale = self._stretched(self._output_scale(dtype, array)) if real else None
        # Families leave open only what is first, and stays so.
        free = any(operand.open for operand in case.operands) and case.op not in ALWAYS
        return self._tensor(f"y{place}", shape, dtype, scale=scale, free=(0,) if free else ())

    def _stretched(self, scale: Scale) -> Scale:
        scales, zeros, axis = scale
        return [float(np.float32(each * self._stretch)) for each in scales], zeros, axis

    def _output_scale(self, dtype: str, array: Array | None) -> Scale:
        stated = OUTPUTS.get(self._case.op, {}).get(dtype)
        if stated is not None:
            return [stated[0]], [stated[1]], 0
        if self._case.op in SAME_SCALE and 0 in self._scales:
            return self._scales[0]
        finite = np.zeros(0) if array is None else array[np.isfinite(array)]
        if not finite.size:
            return _scale(dtype, -1.0, 1.0)
        return _scale(dtype, float(finite.min()), float(finite.max()))

    def _tensor(  # noqa: PLR0913, PLR0917 - all that a tensor is
        self,
        name: str,
        shape: Sequence[int],
        dtype: str,
        array: Array | None = None,
        scale: Scale | None = None,
        free: Sequence[int] = (),
    ) -> int:
        fields: dict[str, Any] = {
            "name": name,
            "shape": [1 if axis in free else size for axis, size in enumerate(shape)],
            "type": SCHEMA.names("TensorType").index(dtype.upper()),
            "has_rank": True,
        }
        if free:
            fields["shape_signature"] = [
                -1 if axis in free else size for axis, size in enumerate(shape)
            ]
        if array is not None:
            self._buffers.append(Table("Buffer", {"data": _stored(array, dtype)}))
            fields["buffer"] = len(self._buffers) - 1
        if scale is not None:
            scales, zeros, axis = scale
            stated = {"scale": scales, "zero_point": zeros, "quantized_dimension": axis}
            fields["quantization"] = Table("QuantizationParameters", stated)
        self._tensors.append(Table("Tensor", fields))
        return len(self._tensors) - 1


def result_type(case: Case, place: int) -> str:
    """The type of an output."""
    if case.op in ALWAYS:
        return ALWAYS[case.op]
    for name in ("output_type", "out_type", "out_data_type"):
        if name in case.attributes:
            return str(case.attributes[name])
    if case.op == "TOPK_V2" and place == 1:
        return "int32"
    if case.op == "QUANTIZE":
        return case.note.removeprefix("to ")
    types = types_of(case.kind)
    source = case.operands[TYPE_OF_ANOTHER.get(case.op, 0)]
    stored = source.array
    return source.dtype or (
        types.activation if stored is None or source.weight else str(stored.dtype.name)
    )


TYPE_OF_ANOTHER = {
    "SELECT": 1,
    "SELECT_V2": 1,
    "ONE_HOT": 2,
    "EMBEDDING_LOOKUP": 1,
    "SCATTER_ND": 1,
    "SPLIT": 1,
    "TRANSPOSE_CONV": 2,
    "FILL": 1,
}
"""The operand whose type outputs have, where it is not the first."""


def _scale(dtype: str, low: float, high: float) -> Scale:
    """One scale for a range that holds zero; of 16 bits around zero."""
    bounds = np.iinfo(dtype)
    low, high = min(low, 0.0), max(high, 0.0)
    if dtype == "int16":
        return [float(np.float32(max(-low, high) / 32767 or 1.0))], [0], 0
    scale = float(np.float32((high - low) / (int(bounds.max) - int(bounds.min)) or 1.0))
    zero = int(np.clip(round(int(bounds.min) - low / scale), bounds.min, bounds.max))
    return [scale], [zero], 0


def _stored(array: Array, dtype: str) -> bytes:
    """The elements as the file holds them; of 4 bits two in a byte, the first below."""
    if dtype != "int4":
        return np.asarray(array).astype(number_type(dtype)).tobytes()
    halves = np.asarray(array).astype(np.int8).reshape(-1) & 0x0F
    halves = np.append(halves, np.zeros(halves.size % 2, np.int8))
    return (halves[::2] | (halves[1::2] << 4)).astype(np.uint8).tobytes()


def _options(op: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    table = TABLE_OF.get(op)
    if table is None:
        return {}
    fields = {}
    for field in SCHEMA.fields(table):
        if field.name in attributes:
            value = attributes[field.name]
            if isinstance(value, str):
                # Types are called as they are everywhere else; the schema has them in capitals.
                called = value.upper() if field.type == "TensorType" else value
                value = SCHEMA.names(field.type).index(called)
            fields[field.name] = value
    number = SCHEMA.members("BuiltinOptions").index(table)
    return {"builtin_options_type": number, "builtin_options": Table(table, fields)}


def _bytes(root: Table) -> bytes:
    image = lay_out(SCHEMA, root, IDENTIFIER)
    parts = [image.head]
    for filling, count, content in image.tail:
        assert isinstance(content, bytes)
        parts += [bytes(filling), struct.pack("<I", count), content]
    data = b"".join(parts)
    return data + bytes(image.size - len(data))

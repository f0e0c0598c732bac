"""Writes a case as an ONNX model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, shape_inference
from qnn_cases import QUANTISED, WHOLE, Array, Case, Operand, number_type

_IR = {**dict.fromkeys(range(22), 10), **dict.fromkeys(range(22, 28), 11)}


def build(case: Case, results: Sequence[Array] | None = None) -> ModelProto:
    """The model of a case.

    Args:
        case: The case.
        results: What the operator puts out on typical inputs; quantised kinds choose the scales
            of their outputs by it, and cannot do without. Where the standard does not say what
            shape outputs have, the model states it by them, as exporters do.

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
        self._quantised = QUANTISED.get(case.kind)
        self._scales: dict[int, Any] = {}

    def model(self) -> ModelProto:
        case = self._case
        names = [self._operand(place, each) for place, each in enumerate(case.operands)]
        results = dict(zip(case.kept, self._results or (), strict=False))
        real = [place for place in results if self._quantised and results[place].dtype.kind == "f"]
        outputs = [f"y{place}" if place in case.kept else "" for place in range(case.outputs)]
        inner = [f"{name}.real" if at in real else name for at, name in enumerate(outputs)]
        node = helper.make_node(case.op, names, inner, domain=case.domain, **case.attributes)
        self._nodes.append(node)
        for place in real:
            array = results[place]
            low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 1.0)
            self._round_trip(inner[place], outputs[place], low, high)
        ends = [helper.make_empty_tensor_value_info(name) for name in outputs if name]
        graph = helper.make_graph(self._nodes, "case", self._inputs, ends, self._tensors)
        imports = [helper.make_opsetid("", case.opset)]
        if case.domain:
            imports.append(helper.make_opsetid(case.domain, 1))
        model = helper.make_model(graph, opset_imports=imports, ir_version=_IR[case.opset])
        if not case.domain and case.op not in UNSPECIFIED:
            model = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        self._state(model, dict(zip(outputs, inner, strict=True)), results)
        return model

    def _state(
        self, model: ModelProto, inner: Mapping[str, str], results: Mapping[int, Array]
    ) -> None:
        """State shapes of outputs where inference found none."""
        if any(operand.open for operand in self._case.operands) or not unstated(model):
            return
        for place, array in results.items():
            for name in dict.fromkeys((f"y{place}", inner[f"y{place}"])):
                dtype = helper.np_dtype_to_tensor_dtype(array.dtype)
                info = helper.make_tensor_value_info(name, dtype, array.shape)
                ends = model.graph.output if name in inner else model.graph.value_info
                for old in [each for each in ends if each.name == name]:
                    ends.remove(old)
                ends.append(info)

    def _operand(self, place: int, operand: Operand) -> str:
        if operand.omitted:
            return ""
        if operand.array is None:
            return self._activation(place, operand)
        name = f"c{place}"
        array = operand.array
        if operand.weight and self._quantised:
            return self._quantised_weight(place, operand)
        if operand.weight and self._case.kind in WHOLE and not operand.exact:
            array = np.round(4 * array + 3)
        if operand.weight:
            array = np.asarray(array).astype(number_type(self._case.kind))
        self._tensors.append(numpy_helper.from_array(array, name))
        return name

    def _activation(self, place: int, operand: Operand) -> str:
        name = f"x{place}"
        kind = operand.dtype or ("float32" if self._quantised else self._case.kind)
        sizes = [
            f"{name}_{axis}" if axis in operand.open else size
            for axis, size in enumerate(operand.shape)
        ]
        dtype = helper.np_dtype_to_tensor_dtype(number_type(kind))
        self._inputs.append(helper.make_tensor_value_info(name, dtype, sizes))
        if operand.dtype or not self._quantised:
            return name
        scale = self._round_trip(name, f"{name}.rounded", *self._case.span)
        self._scales[place] = scale
        return f"{name}.rounded"

    def _round_trip(self, name: str, result: str, low: float, high: float) -> Any:
        """Quantise and dequantise, over a range that holds zero.

        Returns:
            The scale.
        """
        scale, zero = self._range(low, high)
        parameters = self._parameters(name, scale, zero)
        self._nodes += [
            helper.make_node("QuantizeLinear", [name, *parameters], [f"{name}.q"]),
            helper.make_node("DequantizeLinear", [f"{name}.q", *parameters], [result]),
        ]
        return scale

    def _range(self, low: float, high: float) -> tuple[Any, Array]:
        """Scale and zero point of activations over a range."""
        assert self._quantised is not None
        dtype = np.dtype(self._quantised.activation)
        bounds = np.iinfo(dtype)
        low, high = min(low, 0.0), max(high, 0.0)
        if dtype == np.int16:
            # As quantisers do with 16 bits where they are signed.
            return np.float32(max(-low, high) / bounds.max or 1.0), np.zeros((), dtype)
        steps = int(bounds.max) - int(bounds.min)
        scale = np.float32((high - low) / steps or 1.0)
        zero = min(round(int(bounds.min) - low / scale), int(bounds.max))
        return scale, np.asarray(zero, dtype)

    def _quantised_weight(self, place: int, operand: Operand) -> str:
        """Weights, or a bias, stored as whole numbers and dequantised."""
        assert self._quantised is not None
        assert operand.array is not None
        name, array, axis = f"c{place}", operand.array, operand.channel
        if operand.exact:
            scale, zero = self._range(float(array.min()), float(array.max()))
            self._scales[place] = scale
            bounds = np.iinfo(zero.dtype)
            stored = np.clip(np.round(array / scale) + zero, bounds.min, bounds.max)
            return self._dequantised(name, stored.astype(zero.dtype), scale, zero)
        if operand.bias:
            dtype, most = np.dtype(np.int32), 2**31 - 1
            scale = np.asarray(self._scales[0] * self._scales[1], np.float32)
        else:
            dtype = number_type(self._quantised.weight)
            most = 7 if self._quantised.weight == "int4" else int(np.iinfo(dtype).max)
            others = None if axis is None else tuple(at for at in range(array.ndim) if at != axis)
            scale = np.asarray(np.abs(array).max(axis=others) / most, np.float32)
            scale = np.where(scale == 0, np.float32(1), scale)
            self._scales[place] = scale
        wide = scale
        if axis is not None:
            wide = scale.reshape([-1 if at == axis else 1 for at in range(array.ndim)])
        stored = np.asarray(np.clip(np.round(array / wide), -most, most)).astype(dtype)
        return self._dequantised(name, stored, scale, np.zeros(scale.shape, dtype), axis)

    def _dequantised(
        self, name: str, stored: Array, scale: Any, zero: Array, axis: int | None = None
    ) -> str:
        self._tensors.append(numpy_helper.from_array(stored, f"{name}.q"))
        parameters = self._parameters(name, scale, zero)
        along = {} if axis is None else {"axis": axis}
        self._nodes.append(
            helper.make_node("DequantizeLinear", [f"{name}.q", *parameters], [name], **along)
        )
        return name

    def _parameters(self, name: str, scale: Any, zero: Array) -> list[str]:
        names = [f"{name}.scale", f"{name}.zero"]
        self._tensors += [
            numpy_helper.from_array(np.asarray(value), each)
            for value, each in zip((scale, zero), names, strict=True)
        ]
        return names


def unstated(model: ModelProto) -> bool:
    """Whether the shape of an output is not stated."""
    ends = [end.type.tensor_type for end in model.graph.output]
    return any(not end.elem_type or not end.HasField("shape") for end in ends)


UNSPECIFIED = frozenset({"SimplifiedLayerNormalization", "MeanVarianceNormalization"})
"""Operators whose shapes the standard's own inference does not know."""

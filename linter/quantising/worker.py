"""The far end of a conversion: a process that quantises one model in one or more ways."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Sample: TypeAlias = "Mapping[str, npt.NDArray[Any]]"
Jobs: TypeAlias = Sequence[Mapping[str, Any]]

_PER_CHANNEL = 13
"""The first version of ONNX's operators whose DequantizeLinear has an axis.

Source: onnx/onnx docs/Operators.md, DequantizeLinear-13.
"""


def main(request: str) -> None:
    """Carry out a request: a JSON file with the model, its samples, and what is wanted of it.

    Beside it `answer.json` says which converter did it, or why it would not.
    """
    path = Path(request)
    asked = json.loads(path.read_text(encoding="utf-8"))
    convert = {"tflite": _tflite, "onnx": _onnx}[asked["dialect"]]
    try:
        said = {"converter": convert(asked, _samples(asked)), "error": None}
    except Exception as error:
        said = {"converter": "", "error": f"{type(error).__name__}: {error}"}
    path.with_name("answer.json").write_text(json.dumps(said), encoding="utf-8")


def _samples(asked: Mapping[str, Any]) -> list[Sample]:
    """The samples, by the names that the converter feeds inputs by."""
    names: Sequence[str] = asked["inputs"]
    with np.load(asked["samples"], allow_pickle=False) as held:
        return [
            {name: held[f"{number}_{place}"] for place, name in enumerate(names)}
            for number in range(asked["count"])
        ]


def _tflite(asked: Mapping[str, Any], samples: list[Sample]) -> str:
    """By ai-edge-quantizer: int8 weights by channel, int8 activations, nodes left out by name."""
    from ai_edge_quantizer import quantizer, recipe

    def prepared(leave: Sequence[str]) -> Any:
        found = quantizer.Quantizer(asked["model"], recipe.static_wi8_ai8())
        for name in leave:
            only = f"(^|;){re.escape(name)}(;|$)"
            found.update_quantization_recipe(only, "*", algorithm_key="no_quantize")
        return found

    ranges = prepared(()).calibrate({asked["signature"]: samples}, num_threads=1)
    for job in asked["jobs"]:
        prepared(job["leave"]).quantize(
            ranges,
            serialize_to_path=job["output"],
            enable_progress_bar=False,
            enable_progress_report=False,
        )
    return f"ai-edge-quantizer {version('ai-edge-quantizer')}"


def _onnx(asked: Mapping[str, Any], samples: list[Sample]) -> str:
    """By onnxruntime: static, pairs of QuantizeLinear and DequantizeLinear, int8 throughout."""
    import onnx
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left: Iterator[Sample] = iter(samples)

        def get_next(self) -> Sample | None:
            return next(self._left, None)

    model = onnx.load(asked["model"])
    makers: dict[str, str] = {}
    # Nodes are left out by their names, which files may leave out or give twice.
    for number, node in enumerate(model.graph.node):
        node.name = f"node_{number}"
        makers |= dict.fromkeys(node.output, node.name)
    named = Path(asked["samples"]).with_name("named.onnx")
    onnx.save(model, named, save_as_external_data=model.ByteSize() >= 1 << 31)
    opset = max((each.version for each in model.opset_import if not each.domain), default=0)
    for job in asked["jobs"]:
        quantization.quantize_static(
            str(named),
            job["output"],
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=opset >= _PER_CHANNEL,
            activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=[makers[name] for name in job["leave"]],
        )
    return f"onnxruntime.quantization {version('onnxruntime')}"

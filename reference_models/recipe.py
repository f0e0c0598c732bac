"""In which form a network is exported: the file format and what its exporter is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from npulint.errors import UsageError

Format = Literal["onnx", "tflite"]
Quantisation = Literal["none", "float16", "dynamic", "int8", "int16x8"]
Exporter = Literal["dynamo", "torchscript"]

FORMATS: tuple[Format, ...] = get_args(Format)
QUANTISATIONS: tuple[Quantisation, ...] = get_args(Quantisation)
EXPORTERS: tuple[Exporter, ...] = get_args(Exporter)

OPSETS = {"dynamo": range(18, 24), "torchscript": range(11, 24)}
"""The ONNX opsets that each of PyTorch's exporters writes without converting down."""

DEFAULT_OPSET = 18
"""The oldest that both write."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network becomes a file.

    Attributes:
        format: The file format.
        quantize: What tf.lite.TFLiteConverter does to the numbers: nothing, float16 weights,
            int8 weights alone (dynamic range), int8 throughout with int8 input and output, or
            int16 activations with int8 weights.
        exporter: Which of torch.onnx.export's two exporters writes an ONNX file.
        opset: The opset that it is asked for.
    """

    format: Format
    quantize: Quantisation = "none"
    exporter: Exporter = "dynamo"
    opset: int = DEFAULT_OPSET

    def __post_init__(self) -> None:
        """Refuse what no exporter can do.

        Raises:
            UsageError: The parts of the recipe do not go together.
        """
        if self.format == "onnx" and self.quantize != "none":
            raise UsageError(
                f"an .onnx file is exported as float32, not {self.quantize}: "
                "quantisation is TFLiteConverter's, so name a .tflite file"
            )
        opsets = OPSETS[self.exporter]
        if self.opset not in opsets:
            raise UsageError(
                f"the {self.exporter} exporter writes opsets {opsets[0]} to {opsets[-1]}, "
                f"not {self.opset}"
            )

    def __str__(self) -> str:
        """What distinguishes the recipe from others, in two or three words."""
        if self.format == "onnx":
            return f"onnx opset {self.opset} {self.exporter}"
        return "tflite float32" if self.quantize == "none" else f"tflite {self.quantize}"


def format_of(path: Path) -> Format:
    """The format that a file's ending asks for.

    Raises:
        UsageError: The file has another ending.
    """
    for name in FORMATS:
        if path.suffix == f".{name}":
            return name
    raise UsageError(f"{path}: a network is exported as .onnx or .tflite")

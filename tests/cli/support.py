"""Running the command line in this process, and the models it is run on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from npulint import reference_models
from npulint.cli import main

EXPORTS = Path(reference_models.__file__).parent / "exports"
UNET_TFLITE = EXPORTS / "unet_small.tflite"
UNET_ONNX = EXPORTS / "unet_small.onnx"
SMALLNET_TFLITE = EXPORTS / "smallnet.tflite"
TRUTH = Path(__file__).parent.parent / "truth" / "models"


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Runner:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Run:
        self._capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = self._capsys.readouterr()
        return Run(code, captured.out, captured.err)

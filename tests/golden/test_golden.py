"""What a person sees, held against files.

`NPULINT_UPDATE_GOLDEN=1 pytest tests/golden` writes the files again; look at the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from npulint import reference_models
from npulint.cli import main

HERE = Path(__file__).parent
EXPORTS = Path(reference_models.__file__).parent / "exports"
TRUTH = HERE.parent / "truth" / "models"

CASES = {
    "check_accepted": (EXPORTS, ["check", "smallnet.tflite", "-t", "nnapi-1.2"]),
    "check_refused": (
        EXPORTS,
        ["check", "unet_small.tflite", "-t", "nnapi-1.1", "-t", "nnapi-1.2+accelerator"],
    ),
    "check_refused_verbose": (EXPORTS, ["check", "unet_small.tflite", "-t", "nnapi-1.1", "-v"]),
    "check_onnx": (EXPORTS, ["check", "unet_small.onnx", "-t", "nnapi-1.1", "-t", "nnapi-1.3"]),
    "check_dynamic": (TRUTH, ["check", "blk_dynspatial_f32.tflite", "-t", "nnapi-1.3"]),
    "check_sized": (
        TRUTH,
        ["check", "blk_dynspatial_f32.tflite", "-t", "nnapi-1.3", "--input-shape", "1x12x16x8"],
    ),
    "check_float16": (TRUTH, ["check", "net_prelu_f16.tflite", "-t", "nnapi-1.2"]),
    "check_quantised": (TRUTH, ["check", "net_unet_bilinear_int8.tflite", "-t", "nnapi-1.0"]),
    "check_subgraphs": (TRUTH, ["check", "net_lstm_f32.tflite", "-t", "nnapi-1.2"]),
    "check_device": (EXPORTS, ["check", "unet_small.tflite", "-t", "pixel-4", "-t", "reno3-5g"]),
    "check_configured": (
        HERE,
        ["check", "../../reference_models/exports/unet_small.tflite", "--config", "team.toml"],
    ),
    "check_in_doubt": (TRUTH, ["check", "op_unary_relu_1.tflite", "-t", "nnapi-1.2"]),
    "check_markdown": (
        EXPORTS,
        ["check", "unet_small.tflite", "smallnet.onnx", "-t", "nnapi-1.1", "--format", "markdown"],
    ),
    "check_github": (
        EXPORTS,
        ["check", "unet_small.tflite", "-t", "nnapi-1.1", "-t", "pixel-4", "--format", "github"],
    ),
    "check_junit": (EXPORTS, ["check", "smallnet.tflite", "-t", "pixel-4", "--format", "junit"]),
    "inspect": (EXPORTS, ["inspect", "unet_small.onnx"]),
    "explain_operator": (EXPORTS, ["explain", "nnapi-1.2:CONV_2D"]),
    "explain_device": (EXPORTS, ["explain", "mate30-pro-5g"]),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, arguments = CASES[name]
    monkeypatch.chdir(folder)
    code = main(arguments)
    captured = capsys.readouterr()
    shown = f"$ npulint {' '.join(arguments)}\n{captured.out}{captured.err}[exit code {code}]\n"
    golden = HERE / f"{name}.txt"
    if os.environ.get("NPULINT_UPDATE_GOLDEN"):
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")

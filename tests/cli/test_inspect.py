"""`npulint inspect`: figures of the shipped networks, in both formats."""

from __future__ import annotations

import pytest

from tests.cli.support import EXPORTS, TRUTH, UNET_TFLITE, Runner

# Parameters and multiply-accumulates as the networks' definitions give them.
FIGURES = [
    ("smallnet.tflite", 4_652, 2_406_481_920),
    ("smallnet.onnx", 4_652, 2_406_481_920),
]


@pytest.mark.parametrize(("file", "parameters", "macs"), FIGURES)
def test_figures(npulint: Runner, file: str, parameters: int, macs: int) -> None:
    run = npulint("inspect", EXPORTS / file, "--format", "json")
    assert run.code == 0
    assert run.json["summary"]["parameters"] == parameters
    assert run.json["summary"]["macs"] == macs


def test_peak_is_the_largest_sum_of_what_is_alive(npulint: Runner) -> None:
    # SmallNet runs straight through: the peak is where a 16-channel map makes the next one.
    run = npulint("inspect", EXPORTS / "smallnet.tflite", "--format", "json")
    assert run.json["summary"]["peak_activation_bytes"] == 2 * 544 * 960 * 16 * 4


def test_text_names_operators_and_shapes(npulint: Runner) -> None:
    out = npulint("inspect", UNET_TFLITE).out
    assert "TRANSPOSE_CONV" in out
    assert "float32[1," in out


def test_quantisation_is_summed_up(npulint: Runner) -> None:
    out = npulint("inspect", TRUTH / "net_unet_bilinear_int8.tflite").out
    assert "int8" in out
    assert "per channel" in out

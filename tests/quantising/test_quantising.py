"""`npulint inspect --quantize int8`: the real converters, and which layer is to blame."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from npulint.errors import ModelFileError
from npulint.formats import load
from npulint.model import Quantisation, Value
from npulint.quantising import converting
from npulint.quantising.converting import Converter
from npulint.quantising.records import Layer, Sensitivity
from npulint.quantising.running import real
from npulint.reports import sensitivity
from npulint.reports.wrapping import Layout
from npulint.verification.calibration import read_named
from tests.cli.support import EXPORTS, TRUTH, Runner
from tests.quantising.eight_bits import CULPRIT, SAMPLES, arrays, network, outputs

SCHEMA = Draft202012Validator(
    json.loads(
        Path(sensitivity.__file__).with_name("sensitivity.schema.json").read_text(encoding="utf-8")
    )
)


@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
def test_the_layer_that_cannot_bear_8_bits_is_found(
    dialect: str, npulint: Runner, tmp_path: Path
) -> None:
    model, samples = network(tmp_path, dialect)
    asked = ("inspect", model, "--quantize", "int8", "--calibration", samples, "--tries", "2")
    run = npulint(*asked, "--format", "json")
    assert run.code == 0, run.err
    told = run.json["sensitivity"]
    SCHEMA.validate(told)
    worst, second, third = told["layers"]
    culprit = 2 * CULPRIT + 1 if dialect == "onnx" else CULPRIT
    op = "Conv+Relu" if dialect == "onnx" else "CONV_2D"
    assert (worst["node"], worst["op"]) == (culprit, op)
    assert worst["psnr_in_float"] > told["psnr"] + 10
    assert second["tried"]
    assert second["psnr_in_float"] < worst["psnr_in_float"] - 10
    assert (third["tried"], third["psnr_in_float"]) == (False, None)
    assert worst["added_noise"] > max(second["added_noise"], third["added_noise"])
    assert told["samples"]["ranges"] == [f"samples.npz[{n}]" for n in range(0, SAMPLES, 2)]
    assert told["samples"]["held_out"] == [f"samples.npz[{n}]" for n in range(1, SAMPLES, 2)]
    assert told["truth"]["float"] > 100, "the truth is what the float model makes"
    assert told["truth"]["quantised"] == pytest.approx(told["psnr"], abs=6)
    assert told["lowest_psnr"] <= told["psnr"]


def test_the_figures_are_those_of_the_converters_file(npulint: Runner, tmp_path: Path) -> None:
    """The file that the converter writes, run by hand."""
    import onnxruntime

    model, samples = network(tmp_path, "onnx")
    named = read_named(samples, load(model))
    _, (file,) = Converter(load(model), named[::2], tmp_path / "by_hand").convert()
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    found = []
    for sample in arrays()[1][1::2]:
        truth = outputs(sample[None])
        (made,) = session.run(None, {"x": sample[None]})
        found.append(20 * np.log10(np.ptp(truth)) - 10 * np.log10(((made - truth) ** 2).mean()))
    run = npulint(
        "inspect", model, "--quantize", "int8", "--calibration", samples, "--tries", "0",
    )  # fmt: skip
    said = " ".join(run.out.split())
    assert f"{np.mean(found):.1f} dB PSNR on average, {min(found):.1f} dB PSNR at worst" in said
    assert "near the truth: " in said
    assert "onnxruntime.quantization" in said
    assert "0 layers left in floating point" in said


def test_quantised_numbers_stand_for_real_ones() -> None:
    value = Value(0, "v", "int8", (3,), quantisation=Quantisation((0.5,), (-3,)))
    assert real(value, np.array([-3, -1, 5], np.int8)).tolist() == [0.0, 1.0, 4.0]
    assert real(value, np.array([0.25], np.float32)).tolist() == [0.25]


@pytest.mark.parametrize(
    ("model", "arguments", "said"),
    [
        ("smallnet.tflite", ("--quantize", "int8"), "give --calibration"),
        ("smallnet.tflite", ("--calibration", "x.npz"), "go with --quantize int8"),
        ("smallnet.tflite", ("--truth", "x.npz"), "go with --quantize int8"),
        ("int8", ("--quantize", "int8", "--calibration", "x.npz"), "is quantised already"),
        ("smallnet.tflite", ("--quantize", "int8", "--calibration", "nowhere"), "give a folder"),
    ],
)
def test_what_cannot_be_quantised(
    model: str, arguments: tuple[str, ...], said: str, npulint: Runner
) -> None:
    path = TRUTH / "net_unet_bilinear_int8.tflite" if model == "int8" else EXPORTS / model
    run = npulint("inspect", path, *arguments)
    assert (run.code, run.out) == (2, "")
    assert said in run.err
    assert len(run.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("dialect", "package"), [("tflite", "ai_edge_quantizer"), ("onnx", "onnxruntime")]
)
def test_a_converter_that_is_not_installed(
    dialect: str, package: str, npulint: Runner, tmp_path: Path, monkeypatch: Any
) -> None:
    known = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else known(name)
    )
    model, samples = network(tmp_path, dialect)
    run = npulint("inspect", model, "--quantize", "int8", "--calibration", samples)
    assert (run.code, run.out) == (2, "")
    assert "install npulint[quantize]" in run.err
    assert len(run.err.strip().splitlines()) == 1


@pytest.mark.parametrize(("fault", "said"), [("refused", "refuses this model"), ("dead", "died")])
def test_a_converter_that_fails_is_one_sentence(
    fault: str, said: str, tmp_path: Path, monkeypatch: Any
) -> None:
    path, samples = network(tmp_path, "onnx")
    model = load(path)
    named = read_named(samples, model)
    if fault == "refused":
        path.write_bytes(b"no longer a model")
    else:
        monkeypatch.setattr(converting, "_START", "import os; os._exit(9)")
    with pytest.raises(ModelFileError, match=said) as caught:
        Converter(model, named, tmp_path / "work").convert()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("gains", "psnr", "told"),
    [
        ((0.02, -0.3, None), 30.0, True),
        ((0.02, 0.5, None), 30.0, False),
        ((0.02, 0.0, 0.0), 30.0, False),
        ((None, None, None), 30.0, False),
        ((math.inf, math.inf, None), math.inf, False),
    ],
)
def test_where_no_layer_tried_gains_anything_the_others_are_named(
    gains: tuple[float | None, ...], psnr: float, told: bool
) -> None:
    """On the narrow U-Net the 8 noisiest layers, deep inside, cost nothing: others do."""
    ops = ("Conv", "Conv", "Conv")
    layers = tuple(
        Layer(node, op, f"v{node}", 20.0, 0.1, None if gain is None else psnr + gain)
        for node, (op, gain) in enumerate(zip(ops, gains, strict=True))
    )
    moved = Layer(3, "Reshape", "v3", 20.0, 0.0)
    found = Sensitivity(
        "int8", "converter", "runtime", 4, psnr, psnr, None, None, ("a",), ("b",), (*layers, moved)
    )
    text = " ".join(" ".join(sensitivity.lines(found, Layout())).split())
    said = "none of them gains 0.1 dB, so little of the noise that they add comes through"
    assert (said in text) == told
    assert ("--tries 4 tries every layer" in text) == told

"""The forms in which networks are exported: every opset of both exporters, every quantisation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import npulint
from npulint.reference_models import define
from npulint.reference_models.export import attempt
from npulint.reference_models.recipe import EXPORTERS, OPSETS, Quantisation, Recipe
from npulint.reference_models.trial import run, small

# Between them: strides, groups, dilation, norms, resizes, splits, borders, every activation.
SEVERAL = ("enerzai_esrgan", "csanet", "noahtcv", "pynet_v2_mobile", "nafnet_mofa")
TOLERANCE = 1e-4  # of the output's range

# What TFLiteConverter refuses, and at which operator it does so first; all else it writes.
REFUSED = {
    ("smallnet", "int16x8"): "DEPTH_TO_SPACE",
    ("nafnet_tiny", "int16x8"): "DEPTH_TO_SPACE",
    ("pynet_v2_mobile", "int16x8"): "PRELU",
}
QUANTISED = ("smallnet", "edsr", "nafnet_tiny", "pmrid_mofa", "pynet_v2_mobile")
# The types of stored weights and of the image.
MODES: dict[Quantisation, tuple[str, str]] = {
    "float16": ("float16", "float32"),
    "dynamic": ("int8", "float32"),
    "int8": ("int8", "int8"),
    "int16x8": ("int8", "float32"),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    full = metafunc.config.getoption("--full")
    if "exporter" in metafunc.fixturenames:
        ends = {opset for each in OPSETS.values() for opset in (each[0], each[-1])}
        forms = [(e, o) for e in EXPORTERS for o in OPSETS[e] if full or o in ends]
        metafunc.parametrize(("exporter", "opset"), forms)
        metafunc.parametrize("several", SEVERAL if full else SEVERAL[:2])
    if "mode" in metafunc.fixturenames:
        metafunc.parametrize("mode", MODES)
        metafunc.parametrize("quantised", QUANTISED if full else QUANTISED[:2])


@pytest.fixture(scope="module")
def outputs() -> dict[str, np.ndarray]:
    """What each network's first export computes."""
    return {}


def test_every_opset_comes_out_as_asked_and_computes_the_same(
    several: str, exporter: str, opset: int, tmp_path: Path, outputs: dict[str, np.ndarray]
) -> None:
    network = define(several, small(several))
    path = tmp_path / "out.onnx"
    path.write_bytes(attempt(network, Recipe("onnx", "none", exporter, opset)).demanded(several))
    assert [(each.domain, each.version) for each in onnx.load(path).opset_import] == [("", opset)]
    image = np.random.default_rng(3).uniform(0, 1, (1, *network.image)).astype(np.float32)
    output = run(path, image)
    first = outputs.setdefault(several, output)
    assert np.abs(output - first).max() < TOLERANCE * np.ptp(first)
    assert npulint.load(path).graphs[0].nodes


def test_quantised_files_are_what_was_asked_for_or_a_refusal_says_why(
    quantised: str, mode: Quantisation, tmp_path: Path
) -> None:
    network = define(quantised, small(quantised))
    made = attempt(network, Recipe("tflite", mode))
    refused = REFUSED.get((quantised, mode))
    if refused is not None:
        assert made.content is None
        assert refused in (made.refusal or "")
        return
    path = tmp_path / "out.tflite"
    path.write_bytes(made.demanded(quantised))
    graph = npulint.load(path).graphs[0]
    # The converter leaves kernels of less than 1024 elements as they are where it may.
    largest = max((v for v in graph.values if v.constant), key=lambda v: v.element_count or 0)
    assert (largest.dtype, graph.values[graph.inputs[0]].dtype) == MODES[mode]
    image = np.random.default_rng(3).uniform(0, 1, (1, *network.image)).astype(np.float32)
    whole = tmp_path / "whole.tflite"
    whole.write_bytes(attempt(network, Recipe("tflite")).demanded(quantised))
    real = run(whole, image)
    assert np.abs(run(path, image) - real).mean() < 0.1 * np.ptp(real)

"""The shipped exports: what is in them, that both formats agree, that they can be made again."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter
from onnxruntime import InferenceSession

import npulint
from npulint.cost import summarise
from npulint.errors import UsageError
from npulint.reference_models import define
from npulint.reference_models.export import EXPORTS, SHIPPED, export

FILES = [f"{name}.{ending}" for name in SHIPPED for ending in ("onnx", "tflite")]

OPERATORS = {
    "smallnet.onnx": {"Conv": 3, "Tanh": 1, "Relu": 2, "DepthToSpace": 1},
    "smallnet.tflite": {"CONV_2D": 3, "TANH": 1, "DEPTH_TO_SPACE": 1},
    "unet_small.onnx": {"Conv": 41, "Relu": 40, "MaxPool": 4, "Concat": 4, "ConvTranspose": 4},
    "unet_small.tflite": {
        "CONV_2D": 41,
        "MAX_POOL_2D": 4,
        "CONCATENATION": 4,
        "TRANSPOSE_CONV": 4,
    },
}


def test_nothing_else_is_shipped() -> None:
    assert sorted(path.name for path in EXPORTS.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
def test_files_are_small_and_name_no_machine(name: str) -> None:
    content = (EXPORTS / name).read_bytes()
    assert len(content) < 150_000
    assert not re.search(rb"/[\w.-]+/[\w./-]+\.py", content), "the exporter's source files"


def test_smallnet_has_its_published_size() -> None:
    assert round((EXPORTS / "smallnet.tflite").stat().st_size / 1000) == 21


@pytest.mark.parametrize("name", FILES)
def test_figures(name: str) -> None:
    model = npulint.load(EXPORTS / name)
    network = define(Path(name).stem)
    summary = summarise(model)
    assert summary.parameters == network.parameters
    assert summary.macs == network.macs
    assert Counter(node.op for node in model.graphs[0].nodes) == OPERATORS[name]


def onnx_output(path: Path, image: np.ndarray) -> np.ndarray:
    """Run an .onnx on an image [1, H, W, C]."""
    session = InferenceSession(path, providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {"input": np.ascontiguousarray(image.transpose(0, 3, 1, 2))})
    return np.asarray(output).transpose(0, 2, 3, 1)


def tflite_output(path: Path, image: np.ndarray) -> np.ndarray:
    """Run a .tflite on an image [1, H, W, C]."""
    runtime = Interpreter(str(path), num_threads=1)
    runtime.allocate_tensors()
    runtime.set_tensor(runtime.get_input_details()[0]["index"], image)
    runtime.invoke()
    return runtime.get_tensor(runtime.get_output_details()[0]["index"])


@pytest.mark.parametrize("name", SHIPPED)
def test_both_formats_compute_the_same(name: str) -> None:
    network = define(name)
    image = np.random.default_rng(3).uniform(0, 1, (1, *network.image)).astype(np.float32)
    ours = onnx_output(EXPORTS / f"{name}.onnx", image)
    theirs = tflite_output(EXPORTS / f"{name}.tflite", image)
    assert ours.shape == theirs.shape == (1, *network.output)
    assert np.ptp(ours) > 0.1, "a constant output proves nothing"
    assert np.abs(ours - theirs).max() < 1e-5 * np.ptp(ours)


def test_an_onnx_stands_alone_and_passes_the_official_checker() -> None:
    for name in SHIPPED:
        model = onnx.load(EXPORTS / f"{name}.onnx", load_external_data=False)
        assert not any(tensor.external_data for tensor in model.graph.initializer)
        onnx.checker.check_model(model, full_check=True)


@pytest.mark.parametrize("name", FILES)
def test_the_shipped_files_are_what_the_definitions_export_now(name: str, tmp_path: Path) -> None:
    network = define(Path(name).stem)
    again = tmp_path / name
    export(network, again)
    image = np.random.default_rng(5).uniform(0, 1, (1, *network.image)).astype(np.float32)
    run = onnx_output if name.endswith("onnx") else tflite_output
    np.testing.assert_allclose(run(EXPORTS / name, image), run(again, image), rtol=0, atol=1e-6)
    sizes = [path.stat().st_size for path in (EXPORTS / name, again)]
    assert max(sizes) < 1.1 * min(sizes)


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.onnx or \.tflite"):
        export(define("smallnet", (8, 8)), tmp_path / "smallnet.pt")

"""Sizes that an ONNX file leaves out although they follow from what it stores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from npulint import check, load
from npulint.sizing.filling import completed
from tests.cli.support import UNET_ONNX, UNET_TFLITE


def _model(path: Path, batch: int | str) -> Path:
    """Two convolutions around a Reshape to computed sizes, with no sizes stated in between."""
    rng = np.random.default_rng(0)
    stored = {
        "w": rng.normal(size=(4, 3, 3, 3)).astype(np.float32),
        "v": rng.normal(size=(2, 4, 3, 3)).astype(np.float32),
        "two": np.array([2], np.int64),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Shape", ["a"], ["s"]),
        helper.make_node("Slice", ["s", "zero", "two"], ["front"]),
        helper.make_node("Slice", ["s", "two", "four"], ["back"]),
        helper.make_node("Concat", ["front", "back"], ["sizes"], axis=0),
        helper.make_node("Reshape", ["a", "sizes"], ["b"]),
        helper.make_node("Conv", ["b", "v"], ["y"], pads=[1, 1, 1, 1]),
    ]
    stored["zero"] = np.array([0], np.int64)
    stored["four"] = np.array([4], np.int64)
    ends = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, 8, 8]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 2, 8, 8]),
    ]
    initialisers = [numpy_helper.from_array(array, name) for name, array in stored.items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], initialisers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def test_check_works_out_what_the_file_leaves_out(tmp_path: Path) -> None:
    path = _model(tmp_path / "m.onnx", 1)
    (result,) = check(path, ["nnapi-1.2"]).models
    assert result.summary is not None
    assert result.summary.macs == 8 * 8 * 9 * (3 * 4 + 4 * 2)
    assert not [each for each in result.findings if each.unknown or each.code == "NPU102"]


def test_what_is_open_for_good_stays_open(tmp_path: Path) -> None:
    (result,) = check(_model(tmp_path / "m.onnx", "N"), ["nnapi-1.2"]).models
    assert result.summary is not None
    assert result.summary.peak_activation_bytes is None
    assert [each for each in result.findings if each.code == "NPU301"]


def test_nothing_open_is_nothing_done() -> None:
    for path in (UNET_ONNX, UNET_TFLITE):
        model = load(path)
        assert completed(model) is model

"""`npulint matrix`, `npulint diff` and `npulint targets diff`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from npulint import opsets
from tests.cli.support import EXPORTS, SMALLNET_TFLITE, UNET_TFLITE, Runner


def test_matrix_has_a_row_a_model_and_a_column_a_target(npulint: Runner) -> None:
    run = npulint("matrix", EXPORTS, "-t", "nnapi-1.1", "-t", "nnapi-1.2", "--format", "json")
    assert run.code == 0
    rows = {Path(row["path"]).name: row["targets"] for row in run.json}
    assert list(rows) == sorted(path.name for path in EXPORTS.glob("*.*"))
    assert rows["unet_small.tflite"]["nnapi-1.1"]["pieces"] == 3
    assert rows["unet_small.tflite"]["nnapi-1.2"] == {"nodes": 1.0, "macs": 1.0, "pieces": 1}
    text = npulint("matrix", EXPORTS, "-t", "nnapi-1.1", "-t", "nnapi-1.2").out
    assert "100 % / 100 %, 1 piece" in text


def test_matrix_shows_what_fix_would_make_of_each_model(npulint: Runner, tmp_path: Path) -> None:
    arguments = ("matrix", UNET_TFLITE, SMALLNET_TFLITE, "-t", "nnapi-1.1", "--fixed")
    unet, small = npulint(*arguments, "--format", "json").json
    assert unet["targets"]["nnapi-1.1"]["pieces"] == 3
    assert unet["fixed"]["nnapi-1.1"] == {"nodes": 1.0, "macs": 1.0, "pieces": 1}
    assert small["fixed"] == small["targets"]
    rows = npulint(*arguments).out.splitlines()
    assert rows[1].endswith(", 3 pieces -> 100 % / 100 %, 1 piece")
    assert "->" not in rows[2]
    broken = tmp_path / "x.onnx"
    broken.write_bytes(b"")
    run = npulint("matrix", broken, "-t", "nnapi-1.1", "--fixed", "--format", "json")
    assert run.code == 2
    assert run.json[0]["fixed"] is None


def test_diff_says_better_and_worse(npulint: Runner) -> None:
    better = npulint("diff", UNET_TFLITE, SMALLNET_TFLITE, "-t", "nnapi-1.1")
    assert better.code == 0
    assert "refused TRANSPOSE_CONV  4       ->  0      better" in better.out
    worse = npulint("diff", SMALLNET_TFLITE, UNET_TFLITE, "-t", "nnapi-1.1", "--format", "json")
    assert worse.code == 1
    assert worse.json["worse"]
    assert npulint("diff", UNET_TFLITE, UNET_TFLITE, "-t", "nnapi-1.1").code == 0


def test_the_first_piece_that_the_accelerator_gets_is_no_loss(
    npulint: Runner, tmp_path: Path
) -> None:
    """A transposed convolution alone leaves nothing to hand over; its cure is one piece."""
    model, fixed = tmp_path / "alone.onnx", tmp_path / "fixed.onnx"
    stored = numpy_helper.from_array(np.ones((2, 3, 2, 2), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 8, 8])],
        [stored],
    )
    opsets = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), model)
    run = npulint("fix", model, "-t", "nnapi-1.1", "-o", fixed)
    assert run.code == 0
    assert "pieces                 0    ->  1\n" in run.out
    lost = npulint("diff", fixed, model, "-t", "nnapi-1.1")
    assert lost.code == 1
    assert "worse on some target" in lost.out


def test_diff_of_an_unreadable_file_is_exit_2(npulint: Runner, tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"")
    run = npulint("diff", UNET_TFLITE, tmp_path / "x.onnx")
    assert (run.code, run.out) == (2, "")
    assert "x.onnx" in run.err


def test_targets_diff_names_the_demands_of_one_side(npulint: Runner) -> None:
    out = npulint("targets", "diff", "nnapi-1.1", "nnapi-1.2").out
    section = out.split("  TRANSPOSE_CONV\n")[1].split("\n\n")[0]
    assert "only nnapi-1.1: the feature level must be at least NNAPI 1.2" in section
    assert "met here" not in out


def test_targets_diff_of_devices_compares_their_paths_and_what_was_observed(
    npulint: Runner,
) -> None:
    out = npulint("targets", "diff", "mate30-pro-5g", "pixel-4").out
    assert "pixel-4 is judged as nnapi-1.2 (deduced)" in out
    section = " ".join(out.split("  RESIZE_BILINEAR\n")[1].split("\n\n")[0].split())
    assert "only mate30-pro-5g: observed of RESIZE_BILINEAR in 8-bit: runs on the CPU" in section
    assert "arXiv:2004.12599 Table 4 note 2" in section
    section = out.split("  DEPTH_TO_SPACE\n")[1].split("\n\n")[0]
    assert "only pixel-4: observed of DEPTH_TO_SPACE in float: runs on the CPU" in section
    assert "only mate30-pro-5g" not in section
    out = npulint("targets", "diff", "nnapi-1.1", "pixel-4").out
    section = out.split("  TRANSPOSE_CONV\n")[1].split("\n\n")[0]
    assert "only nnapi-1.1: the feature level must be at least NNAPI 1.2" in section
    run = npulint("targets", "diff", "pixel-4", "pixel-5")
    assert run.code == 2
    assert "pixel-4" in run.err


@pytest.mark.parametrize("name", [*opsets.targets(), *opsets.devices()])
def test_no_target_differs_from_itself(npulint: Runner, name: str) -> None:
    out = npulint("targets", "diff", name, name).out
    assert "only" not in out

"""`npulint fix`: what is written, what is not, and what is said of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.support import EXPORTS, SMALLNET_TFLITE, TRUTH, Runner


@pytest.mark.parametrize("file", ["unet_small.tflite", "unet_small.onnx"])
def test_a_refused_model_is_cured_and_proved(npulint: Runner, tmp_path: Path, file: str) -> None:
    fixed = tmp_path / file
    report = tmp_path / "report.json"
    targets = ["-t", "nnapi-1.1", "-t", "neuron", "-t", "tflite-gpu"]
    run = npulint("fix", EXPORTS / file, *targets, "-o", fixed, "--report", report)
    assert run.code == 0, run.out + run.err
    assert "transpose-conv/sub-pixel" in run.out
    assert "computes the same" in run.out
    assert npulint("check", fixed, *targets).code == 0
    assert npulint("verify", EXPORTS / file, fixed).code == 0
    said = report.read_text()
    assert "resize-mask-conv" in said, "the ways that lost are in the report"
    again = npulint("fix", fixed, *targets, "-o", tmp_path / f"again_{file}")
    assert again.code == 0
    assert "nothing to rewrite" in again.out
    assert not (tmp_path / f"again_{file}").exists()


def test_the_targets_decide_which_way(npulint: Runner, tmp_path: Path) -> None:
    # The phone was seen to run DEPTH_TO_SPACE on its CPU, and NNAPI 1.1 has no resize to nearest.
    run = npulint(
        "fix", EXPORTS / "unet_small.tflite", "-t", "pixel-4", "-t", "nnapi-1.1",
        "-o", tmp_path / "fixed.tflite",
    )  # fmt: skip
    assert "-> transpose-conv/zero-insert-conv" in run.out
    assert "not transpose-conv/sub-pixel: pixel-4" in run.out
    assert (tmp_path / "fixed.tflite").exists()


def test_dry_run_writes_nothing(npulint: Runner, tmp_path: Path) -> None:
    run = npulint("fix", EXPORTS / "unet_small.tflite", "-t", "nnapi-1.1", "--dry-run")
    assert run.code == 0
    assert "nothing written, as asked" in run.out
    assert list(tmp_path.iterdir()) == []


def test_what_the_catalogue_does_not_speak_of_stays(npulint: Runner, tmp_path: Path) -> None:
    out = tmp_path / "x.tflite"
    run = npulint("fix", TRUTH / "net_lstm_f32.tflite", "-t", "nnapi-1.0", "-o", out)
    assert run.code == 1
    assert not out.exists()


def test_copy_if_clean(npulint: Runner, tmp_path: Path) -> None:
    out = tmp_path / "same.tflite"
    run = npulint("fix", SMALLNET_TFLITE, "-t", "nnapi-1.2", "-o", out, "--copy-if-clean")
    assert run.code == 0
    assert npulint("verify", SMALLNET_TFLITE, out, "--max-error", "0").code == 0


def test_in_its_own_place(npulint: Runner, tmp_path: Path) -> None:
    place = tmp_path / "unet.tflite"
    shutil.copy(EXPORTS / "unet_small.tflite", place)
    assert npulint("fix", place, "-t", "nnapi-1.1", "-o", place).code == 0
    assert npulint("check", place, "-t", "nnapi-1.1").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((EXPORTS / "unet_small.tflite", "-t", "nnapi-1.1"), "-o FILE"),
        ((EXPORTS / "unet_small.tflite", "-t", "nnapi-1.1", "-o", "x.onnx"), "the format stays"),
        (("nowhere.tflite", "-t", "nnapi-1.1", "-o", "y.tflite"), "nowhere.tflite"),
    ],
)
def test_bad_usage(npulint: Runner, arguments: tuple[object, ...], said: str) -> None:
    run = npulint("fix", *arguments)
    assert (run.code, run.out) == (2, "")
    assert said in run.err

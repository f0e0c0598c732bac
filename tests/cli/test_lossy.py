"""`npulint fix --allow calibrated|lossy`: samples in halves, targets, and budgets."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from jsonschema import Draft202012Validator
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from npulint.formats import load
from npulint.reports import cure_json
from tests.cli.support import Runner
from tests.cli.test_fix import ONLY_RESIZES

SCHEMA = Draft202012Validator(
    json.loads(Path(cure_json.__file__).with_name("cure.schema.json").read_text(encoding="utf-8"))
)
SIDE = 8


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "only-resizes.yaml"
    path.write_text(ONLY_RESIZES)
    return path


def upsampler(path: Path, *skews: float, channels: int = 1) -> Path:
    """Transposed convolutions of 2x2 at stride 2, each this far from a nearest resize."""
    rng = np.random.default_rng(1)
    nodes, stored, size = [], [], SIDE
    for number, skew in enumerate(skews):
        kernel = np.eye(channels)[:, :, None, None] + skew * rng.normal(
            size=(channels, channels, 2, 2)
        )
        stored.append(numpy_helper.from_array(kernel.astype(np.float32), f"w{number}"))
        names = [f"v{number}" if number else "x", f"w{number}"]
        made = "y" if number + 1 == len(skews) else f"v{number + 1}"
        nodes.append(
            helper.make_node("ConvTranspose", names, [made], kernel_shape=[2, 2], strides=[2, 2])
        )
        size *= 2
    kernel = np.eye(channels, dtype=np.float32)[:, :, None, None]
    stored.append(numpy_helper.from_array(kernel, "last"))
    nodes[-1].output[0] = "up"
    nodes.append(helper.make_node("Conv", ["up", "last"], ["y"]))
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, channels, SIDE, SIDE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, channels, size, size])],
        stored,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


def pictures(folder: Path, side: int, count: int = 5, seed: int = 0) -> Path:
    """Images of unequal sizes, whose middle is what is scaled."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for number in range(count):
        tall, wide = side * (1 + number % 2), side * (1 + number % 3)
        image = rng.integers(0, 256, (tall, wide), np.uint8)
        Image.fromarray(image).save(folder / f"{'edcba'[number]}.png")
    return folder


def asked(model: Path, table: Path, *more: object) -> tuple[object, ...]:
    return ("fix", model, "-t", table, "--allow", "calibrated", *more, "--dry-run")


def told(npulint: Runner, *arguments: object) -> Any:
    run = npulint(*arguments, "--format", "json")
    assert run.code in {0, 1}, run.err
    SCHEMA.validate(run.json)
    return run.json["models"][0]


def test_what_is_measured_was_not_fitted_to(npulint: Runner, tmp_path: Path, table: Path) -> None:
    model = upsampler(tmp_path / "model.onnx", 0.3)
    samples = pictures(tmp_path / "images", SIDE)
    arguments = (*asked(model, table), "--calibration", samples, "--min-psnr", "3")
    found = told(npulint, *arguments)
    assert found["exactness"] == "calibrated"
    scores = found["scores"]
    assert scores["fitting"]["samples"] == ["a.png", "c.png", "e.png"]
    assert scores["held_out"]["samples"] == ["b.png", "d.png"]
    assert scores["held_out"]["psnr"] != scores["fitting"]["psnr"]
    assert scores["held_out"]["psnr"] < scores["fitting"]["psnr"]
    assert scores["held_out"]["psnr"] > found["comparison"]["outputs"][0]["psnr"] - 1e-9
    assert (scores["peak"], scores["held_out"]["truth"]) == (None, None)
    assert told(npulint, *arguments)["scores"] == scores, "the halves are always the same"
    run = npulint(*arguments)
    assert "every other one: 3 samples to fit to (a.png, c.png, e.png), 2 held out" in run.out
    assert "near the original on those held out: PSNR" in run.out


def test_a_truth_is_paired_by_name(npulint: Runner, tmp_path: Path, table: Path) -> None:
    """The truth is what the model makes of the image: the original hits it but for 8 bits."""
    model = upsampler(tmp_path / "model.onnx", 0.3)
    samples, truths = tmp_path / "images", tmp_path / "truths"
    samples.mkdir()
    truths.mkdir()
    from onnx.reference import ReferenceEvaluator

    original = ReferenceEvaluator(str(model))
    rng = np.random.default_rng(4)
    for name in "abcd":
        image = rng.integers(0, 100, (SIDE, SIDE), np.uint8)
        Image.fromarray(image).save(samples / f"{name}.png")
        (made,) = original.run(None, {"x": image[None, None].astype(np.float32) / 255})
        Image.fromarray(np.rint(made[0, 0].clip(0, 1) * 255).astype(np.uint8)).save(
            truths / f"{name}.bmp"
        )
    Image.fromarray(image).save(truths / "of_nobody.png")
    arguments = (*asked(model, table), "--calibration", samples, "--min-psnr", "3")
    found = told(npulint, *arguments, "--truth", truths)
    truth = found["scores"]["held_out"]["truth"]
    assert found["scores"]["peak"] == 1.0
    assert truth["original"] > 45, "half a step of 8 bits is 58.9 dB; a little is clipped"
    assert truth["rewritten"] < truth["original"] - 10
    run = npulint(*arguments, "--truth", truths)
    assert "near the truth on those held out: the original PSNR" in run.out
    (truths / "b.bmp").unlink()
    run = npulint(*arguments, "--truth", truths)
    assert (run.code, run.out) == (2, "")
    assert "has nothing for b.png" in run.err


@pytest.mark.parametrize("where", ["own file", "the samples' file"])
def test_a_truth_in_arrays(where: str, npulint: Runner, tmp_path: Path, table: Path) -> None:
    model = upsampler(tmp_path / "model.onnx", 0.3)
    rng = np.random.default_rng(0)
    x = rng.random((4, 1, SIDE, SIDE), np.float32)
    y = np.zeros((4, 1, 2 * SIDE, 2 * SIDE), np.float32)
    y[0, 0, 0, 0] = 4
    more: list[object] = []
    if where == "own file":
        np.savez(tmp_path / "x.npz", x=x)
        np.savez(tmp_path / "y.npz", y=y)
        more = ["--truth", tmp_path / "y.npz"]
    else:
        np.savez(tmp_path / "x.npz", x=x, y=y)
    arguments = (*asked(model, table), "--calibration", tmp_path / "x.npz", "--min-psnr", "3")
    found = told(npulint, *arguments, *more)
    assert found["scores"]["peak"] == 4.0
    from onnx.reference import ReferenceEvaluator

    original = ReferenceEvaluator(str(model))
    errors = [original.run(None, {"x": x[n : n + 1]})[0] - y[n] for n in (1, 3)]
    wanted = np.mean([20 * np.log10(4) - 10 * np.log10((each**2).mean()) for each in errors])
    assert found["scores"]["held_out"]["truth"]["original"] == pytest.approx(wanted, abs=1e-3)


def test_an_exact_rewrite_is_held_against_the_truth_too(npulint: Runner, tmp_path: Path) -> None:
    model = upsampler(tmp_path / "model.onnx", 0.3)
    rng = np.random.default_rng(0)
    x = rng.random((1, 1, SIDE, SIDE), np.float32)
    np.savez(tmp_path / "x.npz", x=x, y=np.ones((1, 1, 2 * SIDE, 2 * SIDE), np.float32) * x.max())
    run = npulint(
        "fix", model, "-t", "ort-nnapi-1.1", "--dry-run", "--calibration", tmp_path / "x.npz",
        "--format", "json",
    )  # fmt: skip
    (found,) = run.json["models"]
    assert found["exactness"] == "exact"
    truth = found["scores"]["held_out"]["truth"]
    assert truth["original"] == pytest.approx(truth["rewritten"], abs=1e-3)


def test_what_exceeds_the_bound_is_refused_and_named(
    npulint: Runner, tmp_path: Path, table: Path
) -> None:
    model, out = upsampler(tmp_path / "model.onnx", 0.5), tmp_path / "out.onnx"
    samples = pictures(tmp_path / "images", SIDE)
    run = npulint(
        "fix", model, "-t", table, "-o", out, "--allow", "lossy", "--calibration", samples,
        "--max-error", "0.001",
    )  # fmt: skip
    assert run.code == 1
    assert not out.exists()
    said = " ".join(run.out.split())
    assert "beyond --max-error 0.001" in said
    assert "nearest-conv-calibrated for ConvTranspose" in said
    assert "and the layer with weights behind them, from Conv (node 1) on" in said


def test_of_several_those_that_stay_within_are_kept(
    npulint: Runner, tmp_path: Path, table: Path
) -> None:
    """The second is nearly a resize, the first and the third are far from one."""
    model, out = upsampler(tmp_path / "model.onnx", 0.5, 0.002, 0.5), tmp_path / "out.onnx"
    # How the model is cut is left out: what stays refused would weigh against the rest.
    table.write_text(re.sub("partitioning: .*", "", ONLY_RESIZES))
    arguments = ("--allow", "lossy", "--min-psnr", "35", "--format", "json")
    found = told(npulint, "fix", model, "-t", table, "-o", out, *arguments)
    assert found["written"] == str(out)
    assert found["exactness"] == "lossy"
    (said,) = found["given_up"]
    assert "at 3 places together put the outputs off by" in said
    way = "transpose-conv/nearest-conv-fitted for ConvTranspose"
    assert f"{way} stayed within, and what was left out did not: {way} ×2" in said
    by_node = {each["nodes"][0]: each for each in found["choices"]}
    assert by_node[1]["realisation"] is not None
    for node in (0, 2):
        assert by_node[node]["realisation"] is None
        lost = [each["lost"] for each in by_node[node]["alternatives"] if each["lost"]]
        assert "it is lossy, and more of those exceed the bounds" in lost
    assert found["comparison"]["same"]
    assert found["comparison"]["outputs"][0]["psnr"] >= 35
    assert [node.op for node in load(out).graphs[0].nodes].count("ConvTranspose") == 2


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        ("one image", "holds one sample; give two or more"),
        ("unreadable", "cannot be read as an image"),
        ("four channels", "1 or 3 channels"),
        ("no samples", "give those with --calibration"),
        ("truth of another size", "the model makes"),
        ("truth nowhere", "give a folder, or an .npz"),
        ("not a number", "x.npz[2]: 'x' has nan at [0, 0, 3, 4]: give finite numbers"),
        ("infinite truth", "y.npz[1]: 'y' has -inf at [0, 0, 0, 0]: give finite numbers"),
    ],
)
def test_samples_that_do_not_serve(
    prepare: str, said: str, npulint: Runner, tmp_path: Path, table: Path
) -> None:
    channels = 4 if prepare == "four channels" else 1
    model = upsampler(tmp_path / "model.onnx", 0.3, channels=channels)
    samples = pictures(tmp_path / "images", SIDE, 1 if prepare == "one image" else 4)
    more: list[object] = ["--calibration", samples]
    if prepare == "unreadable":
        (samples / "d.png").write_bytes(b"no image")
    if prepare == "no samples":
        more = ["--truth", samples]
    if prepare == "truth of another size":
        np.savez(tmp_path / "x.npz", x=np.zeros((4, 1, SIDE, SIDE), np.float32))
        np.savez(tmp_path / "y.npz", y=np.zeros((4, 1, SIDE, SIDE), np.float32))
        more = ["--calibration", tmp_path / "x.npz", "--truth", tmp_path / "y.npz"]
    if prepare in {"not a number", "infinite truth"}:
        x = np.zeros((4, 1, SIDE, SIDE), np.float32)
        y = np.zeros((4, 1, 2 * SIDE, 2 * SIDE), np.float32)
        if prepare == "not a number":
            x[2, 0, 3, 4] = np.nan
        else:
            y[1, 0, 0, 0] = -np.inf
        np.savez(tmp_path / "x.npz", x=x)
        np.savez(tmp_path / "y.npz", y=y)
        more = ["--calibration", tmp_path / "x.npz", "--truth", tmp_path / "y.npz"]
    if prepare == "truth nowhere":
        more += ["--truth", tmp_path / "nowhere"]
    run = npulint(*asked(model, table), *more)
    assert (run.code, run.out) == (2, "")
    assert said in run.err
    assert len(run.err.strip().splitlines()) == 1

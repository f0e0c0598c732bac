"""`npulint recover` from end to end, on networks that train in a second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from jsonschema import Draft202012Validator
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from npulint.reports import recovery
from tests.cli.support import EXPORTS, TRUTH, Runner
from tests.recovering.tiny_networks import SIDE, images, network, samples

SCHEMA = Draft202012Validator(
    json.loads(Path(recovery.__file__).with_name("recovery.schema.json").read_text("utf-8"))
)
QUICK = ("--steps", "60", "--rate", "0.02", "--batch", "2")


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return network(tmp_path / "original.onnx"), network(tmp_path / "phone.onnx", 0.1)


def told(run: Any) -> Any:
    assert run.err == ""
    SCHEMA.validate(run.json)
    return run.json


def by_hand(model: Path, image: np.ndarray) -> np.ndarray:
    """What a file makes of an image in its runtime, run without npulint."""
    if model.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        made: np.ndarray = session.run(None, {session.get_inputs()[0].name: image})[0]
        return made
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(model))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    found: np.ndarray = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return found


@pytest.mark.parametrize("form", ["onnx", "tflite"])
def test_what_is_written_is_as_near_as_the_report_says(
    form: str, npulint: Runner, tmp_path: Path
) -> None:
    original = network(tmp_path / f"original.{form}")
    phone = network(tmp_path / f"phone.{form}", 0.1)
    data = samples(tmp_path / "data.npz", last=form == "tflite")
    out = tmp_path / f"out.{form}"
    run = npulint("recover", original, phone, "--data", data, "-o", out, *QUICK, "--format", "json")
    assert run.code == 0, run.err
    found = told(run)
    assert found["written"] == str(out)
    after = found["in_runtime"]["after"]["psnr"]
    assert after > found["in_runtime"]["before"]["psnr"] + 8
    assert after == pytest.approx(found["in_pytorch"]["after"]["psnr"], abs=0.01)
    decibels = []
    for name in found["samples"]["reporting"]:
        number = int(name.partition("[")[2].rstrip("]"))
        assert number % 2 == 1
        image = np.load(data)["x"][number : number + 1]
        wanted, made = by_hand(original, image), by_hand(out, image)
        decibels.append(
            20 * np.log10(np.ptp(wanted)) - 10 * np.log10(np.square(wanted - made).mean())
        )
    assert after == pytest.approx(np.mean(decibels), abs=0.01)


def test_only_weights_differ(npulint: Runner, pair: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out.onnx"
    data = samples(tmp_path / "data.npz")
    run = npulint("recover", *pair, "--data", data, "-o", out, *QUICK)
    assert run.code == 0, run.err
    before, after = onnx.load(pair[1]), onnx.load(out)
    moved = []
    for one, other in zip(before.graph.initializer, after.graph.initializer, strict=True):
        if one.raw_data != other.raw_data:
            moved.append(one.name)
            other.raw_data = one.raw_data
    assert moved == ["w0", "b0", "w1", "b1"]
    assert before == after


def test_it_learns_across_formats(npulint: Runner, tmp_path: Path) -> None:
    """The teacher has channels last, the student channels first."""
    original = network(tmp_path / "original.tflite")
    phone = network(tmp_path / "phone.onnx", 0.1)
    data = samples(tmp_path / "data.npz", last=True)
    run = npulint(
        "recover", original, phone, "--data", data, "--dry-run", *QUICK, "--format", "json"
    )
    found = told(run)
    assert found["written"] is None
    assert found["in_runtime"]["after"]["psnr"] > found["in_runtime"]["before"]["psnr"] + 8


def test_pairs_are_learnt_and_told(
    npulint: Runner, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    data = samples(tmp_path / "data.npz", truth=True)
    options = ("--truth-weight", "1", "--steps", "300", "--rate", "0.02")
    run = npulint("recover", *pair, "--data", data, "--dry-run", *options, "--format", "json")
    found = told(run)
    before, after = (found["in_runtime"][key]["psnr_to_truth"] for key in ("before", "after"))
    assert after > max(before, found["truth"]["original_psnr"]) + 3
    assert found["truth"]["peak"] == pytest.approx(np.ptp(np.load(data)["y"]))
    assert after == pytest.approx(found["in_pytorch"]["after"]["psnr_to_truth"], abs=0.01)


def test_pictures_in_folders_pieces_and_every_loss(npulint: Runner, tmp_path: Path) -> None:
    """A network whose sizes are open takes pictures at 256 x 256, and learns from pieces."""
    original = network(tmp_path / "original.onnx", free=True)
    phone = network(tmp_path / "phone.onnx", 0.1, free=True)
    for name in ("data", "truth"):
        (tmp_path / name).mkdir()
        for number, image in enumerate(images(6, 64)):
            pixels = (255 * image.transpose(1, 2, 0)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    report = tmp_path / "report.json"
    run = npulint(
        "recover", original, phone, "--data", tmp_path / "data", "--truth", tmp_path / "truth",
        "--truth-weight", "0", "--patch", "32", "--flip", "--loss", "charbonnier",
        "--loss", "frequency:0.1", "--loss", "psnr:0.001", "--steps", "40", "--rate", "0.01",
        "--dry-run", "--report", report,
    )  # fmt: skip
    assert run.code == 0, run.err
    found = json.loads(report.read_text("utf-8"))
    SCHEMA.validate(found)
    assert found["recipe"]["loss"] == ["charbonnier", "frequency:0.1", "psnr:0.001"]
    assert found["samples"]["training"] == ["0.png", "2.png", "4.png"]
    assert found["samples"]["choosing"] == ["3.png"]
    assert found["samples"]["reporting"] == ["1.png", "5.png"]
    assert found["in_runtime"]["after"]["psnr"] > found["in_runtime"]["before"]["psnr"] + 3
    assert "near the truth" in run.out
    assert "both agree within rounding" in " ".join(run.out.split())


def test_the_same_seed_writes_the_same_file(
    npulint: Runner, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    data = samples(tmp_path / "data.npz")
    written = []
    for name in ("one.onnx", "again.onnx"):
        out = tmp_path / name
        asked = ("recover", *pair, "--data", data, "-o", out, *QUICK, "--steps", "20")
        assert npulint(*asked, "--seed", "3").code == 0
        written.append(out.read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("bound", "code", "said"),
    [
        (("--min-psnr", "10", "--max-error", "0.9"), 0, "the bounds asked for are kept"),
        (("--min-psnr", "10", "--max-error", "1e-6"), 1, "the bounds asked for are not reached"),
    ],
)
def test_bounds_decide_the_exit_code_and_the_file_is_written(  # noqa: PLR0917 - fixtures
    bound: tuple[str, ...], code: int, said: str, npulint: Runner, pair: tuple[Path, Path],
    tmp_path: Path,
) -> None:  # fmt: skip
    data, out = samples(tmp_path / "data.npz"), tmp_path / "out.onnx"
    run = npulint("recover", *pair, "--data", data, "-o", out, *QUICK, *bound)
    assert run.code == code, run.err
    assert said in run.out
    assert f"written to {out}" in " ".join(run.out.split())
    assert out.is_file()


def test_where_nothing_is_gained_nothing_is_written(
    npulint: Runner, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    data, out = samples(tmp_path / "data.npz"), tmp_path / "out.onnx"
    run = npulint("recover", pair[0], pair[0], "--data", data, "-o", out, *QUICK)
    assert run.code == 1
    assert "it computes the same already" in run.out
    assert "nothing was gained on the samples that report: nothing is written" in run.out
    assert not out.exists()


def test_an_interrupted_training_writes_the_best_so_far(
    npulint: Runner, pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from npulint.recovering.fitting import Fitting

    step = Fitting._step

    def stop(self: Any, number: int, share: float) -> bool:
        if number == 31:
            raise KeyboardInterrupt
        return step(self, number, share)

    monkeypatch.setattr(Fitting, "_step", stop)
    data, out = samples(tmp_path / "data.npz"), tmp_path / "out.onnx"
    run = npulint("recover", *pair, "--data", data, "-o", out, *QUICK)
    assert run.code == 130
    assert "31 steps, of which step 3" in run.out
    assert "was best: it was interrupted" in run.out
    assert out.is_file()


def test_a_rendering_that_computes_something_else_is_told(
    npulint: Runner, pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from npulint.recovering import files

    monkeypatch.setattr(files, "revive", lambda path: _revived_from(pair[0]))
    data, out = samples(tmp_path / "data.npz"), tmp_path / "out.onnx"
    run = npulint("recover", *pair, "--data", data, "-o", out, *QUICK)
    assert run.code == 2
    assert "PyTorch computes something else of it than onnxruntime" in run.err
    assert not out.exists()


def _revived_from(path: Path) -> Any:
    from npulint.recovering.revived import revive

    return revive(path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "say where to write with -o FILE, or --dry-run"),
        (("-o", "{phone}"), "is a file of {phone}, which stays: name another one"),
        (("-o", "{original}"), "is a file of {original}, which stays"),
        (("-o", "out.tflite"), "out.tflite: the format stays as it is: name a .onnx file"),
        (("-o", "nowhere/out.onnx"), "nowhere/out.onnx: cannot write here"),
        (("--dry-run", "--report", "{phone}"), "is a model's name, not a report's"),
        (("--dry-run", "--report", "r.onnx"), "r.onnx: is a model's name, not a report's"),
        (("--dry-run", "--report", "data.npz"), "a report would replace this file"),
        (("--dry-run", "--loss", "l1"), "loss l1: give one of charbonnier, frequency, psnr"),
        (("--dry-run", "--steps", "0"), "steps 0: give a whole number from 1"),
        (("--dry-run", "--min-psnr", "nan"), "--min-psnr nan: give a number from 0"),
        (("--dry-run", "--patch", "20"), "patch 20: data.npz[0] is 16x16"),
        (("--dry-run", "--device", "cuda"), "PyTorch finds no graphics card"),
        (("--dry-run", "--truth", "nowhere"), "nowhere: give a folder, or an .npz file"),
    ],
)
def test_options_that_cannot_be_carried_out(  # noqa: PLR0917 - fixtures
    options: tuple[str, ...], said: str, npulint: Runner, pair: tuple[Path, Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    names = {"original": str(pair[0]), "phone": str(pair[1])}
    data = samples(tmp_path / "data.npz")
    kept = [path.read_bytes() for path in pair]
    run = npulint(
        "recover", *pair, "--data", data, *QUICK, *(each.format(**names) for each in options)
    )
    assert run.code == 2, run.out
    assert said.format(**names) in run.err
    assert run.err.count("\n") == 1
    assert [path.read_bytes() for path in pair] == kept


@pytest.mark.parametrize(
    ("original", "rewritten", "said"),
    [
        (EXPORTS / "smallnet.onnx", None, "the model has no input 'x'; it has 'input'"),
        (None, EXPORTS / "smallnet.onnx", "nchw-nhwc, nhwc-nchw), where A is"),
        (None, TRUTH / "op_requantize_0.tflite", "op_requantize_0.tflite"),
        (None, Path("nowhere.onnx"), "nowhere.onnx"),
    ],
)
def test_files_that_do_not_go_together(  # noqa: PLR0917 - fixtures
    original: Path | None, rewritten: Path | None, said: str, npulint: Runner,
    pair: tuple[Path, Path], tmp_path: Path,
) -> None:  # fmt: skip
    data = samples(tmp_path / "data.npz")
    run = npulint("recover", original or pair[0], rewritten or pair[1], "--data", data, "--dry-run")
    assert run.code == 2
    assert said in run.err
    assert run.err.count("\n") == 1


def test_a_network_without_weights_is_named(
    npulint: Runner, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    model = onnx.load(pair[0])
    del model.graph.node[:], model.graph.initializer[:], model.graph.value_info[:]
    model.graph.node.append(onnx.helper.make_node("Relu", ["x"], ["y"]))
    onnx.save(model, tmp_path / "relu.onnx")
    data = samples(tmp_path / "data.npz")
    run = npulint("recover", pair[0], tmp_path / "relu.onnx", "--data", data, "--dry-run")
    assert run.code == 2
    assert "relu.onnx: the rewritten network has no weights that can be trained" in run.err


def test_one_sample_is_not_enough(npulint: Runner, pair: tuple[Path, Path], tmp_path: Path) -> None:
    data = tmp_path / "data.npz"
    np.savez(data, x=np.zeros((1, 3, SIDE, SIDE), np.float32))
    run = npulint("recover", *pair, "--data", data, "--dry-run")
    assert run.code == 2
    assert f"{data}: 1 sample: give two or more" in run.err


def test_16_bit_weights_are_judged_as_the_file_holds_them(
    npulint: Runner, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    """What training found between two float16 numbers is no error of PyTorch's."""
    model = onnx.load(pair[1])
    (bias,) = (each for each in model.graph.initializer if each.name == "b1")
    # Small steps about a large number: rounded to float16, outputs move by far more than 1e-4.
    bias.CopyFrom(numpy_helper.from_array(np.full(3, 9, np.float16), "half"))
    model.graph.node.insert(0, helper.make_node("Cast", ["half"], ["b1"], to=TensorProto.FLOAT))
    onnx.save(model, tmp_path / "half.onnx")
    data, out = samples(tmp_path / "data.npz"), tmp_path / "out.onnx"
    run = npulint(
        "recover", pair[0], tmp_path / "half.onnx", "--data", data, "-o", out, *QUICK,
        "--format", "json",
    )  # fmt: skip
    assert run.code == 0, run.err
    found = told(run)
    assert found["in_runtime"]["after"]["psnr"] == pytest.approx(
        found["in_pytorch"]["after"]["psnr"], abs=0.01
    )


@pytest.mark.parametrize("wild", [1e38, np.inf, np.nan])
def test_a_file_that_makes_no_numbers_is_told_so(
    wild: float, npulint: Runner, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    model = onnx.load(pair[1])
    for stored in model.graph.initializer:
        if stored.name in {"w0", "w1"}:
            array = numpy_helper.to_array(stored).copy()
            array *= np.float32(wild)
            stored.CopyFrom(numpy_helper.from_array(array, stored.name))
    onnx.save(model, tmp_path / "wild.onnx")
    data = samples(tmp_path / "data.npz")
    run = npulint("recover", pair[0], tmp_path / "wild.onnx", "--data", data, "--dry-run")
    assert run.code == 2, run.out
    assert "wild.onnx: makes infinite elements or NaN of a sample in onnxruntime" in run.err


def test_a_truth_that_does_not_vary_is_refused(
    npulint: Runner, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    data = tmp_path / "data.npz"
    np.savez(data, x=images(), y=np.ones_like(images()))
    run = npulint("recover", *pair, "--data", data, "--dry-run")
    assert run.code == 2, run.out
    assert "the truth is one number throughout" in run.err

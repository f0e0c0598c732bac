"""`npulint fix`: what is written, what is not, and what is said of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from jsonschema import Draft202012Validator
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import npulint as npulint_package
from npulint.reports import cure_json
from npulint.rewriting import Rewrite
from tests.cli.support import EXPORTS, SMALLNET_TFLITE, TRUTH, UNET_ONNX, UNET_TFLITE, Runner

SCHEMA = Draft202012Validator(
    json.loads(Path(cure_json.__file__).with_name("cure.schema.json").read_text(encoding="utf-8"))
)

ONLY_RESIZES = """
family: resizer
title: What takes convolutions and resizes alone
dialect: onnx
date: "2026-03-05"
sources:
  guide: {page: Resizer guide, date: "2026-02-02"}
otherwise: {verdict: unsupported, say: the guide has no such operator, source: guide page 1}
partitioning: {strategy: whole-model, runs_on: resizer, source: guide page 1}
operators:
  - {op: Conv, inputs: [x, w, b], source: guide page 2}
  - {op: [Relu, Pad, Resize], inputs: [x], source: guide page 3}
"""


def small_model(*, divisible: bool, channels: int = 2, untidy: bool = False) -> bytes:
    """A transposed convolution of 2x2 at stride 2, and a ReLU; before it what may go, if asked."""
    rng = np.random.default_rng(1)
    kernel = rng.normal(size=(channels, channels, 2, 2)).astype(np.float32)
    if divisible:
        kernel[:] = kernel[:, :, :1, :1]
    source = "r" if untidy else "x"
    first = [
        helper.make_node("Identity", ["x"], ["i"]),
        helper.make_node("Neg", ["i"], ["unused"]),
        helper.make_node("Relu", ["i"], ["r"]),
    ]
    nodes = [
        *(first if untidy else ()),
        helper.make_node(
            "ConvTranspose", [source, "w"], ["up"], kernel_shape=[2, 2], strides=[2, 2]
        ),
        helper.make_node("Relu", ["up"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, channels, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, channels, 16, 16])],
        [numpy_helper.from_array(kernel, "w")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


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
    # The phone was seen to run DEPTH_TO_SPACE on its CPU, and convolutions by other windows than
    # 3x3; NNAPI 1.1 has no resize to nearest.
    run = npulint(
        "fix", EXPORTS / "unet_small.tflite", "-t", "pixel-4", "-t", "nnapi-1.1",
        "-o", tmp_path / "fixed.tflite",
    )  # fmt: skip
    assert "-> transpose-conv/sub-pixel + conv/matrix" in run.out
    assert "shuffle/transposes" in run.out
    assert "not transpose-conv/resize-mask-conv" in run.out
    assert (tmp_path / "fixed.tflite").exists()


def test_dry_run_writes_nothing(npulint: Runner, tmp_path: Path) -> None:
    run = npulint("fix", EXPORTS / "unet_small.tflite", "-t", "nnapi-1.1", "--dry-run")
    assert run.code == 0
    assert "nothing written, as asked" in run.out
    assert list(tmp_path.iterdir()) == []


def test_what_the_catalogue_does_not_speak_of_stays(npulint: Runner, tmp_path: Path) -> None:
    out = tmp_path / "x.tflite"
    run = npulint("fix", TRUTH / "op_floor_mod_i32.tflite", "-t", "nnapi-1.0", "-o", out)
    assert run.code == 1
    assert not out.exists()


def test_what_stays_refused_is_no_complete_copy(npulint: Runner, tmp_path: Path) -> None:
    out = tmp_path / "x.tflite"
    asked = ("fix", TRUTH / "net_lstm_f32.tflite", "-t", "nnapi-1.0", "-o", out, "--copy-if-clean")
    assert npulint(*asked, "--require-complete").code == 1
    assert not out.exists()
    assert npulint(*asked).code == 1
    assert out.exists()


def test_copy_if_clean(npulint: Runner, tmp_path: Path) -> None:
    out = tmp_path / "same.tflite"
    run = npulint("fix", SMALLNET_TFLITE, "-t", "nnapi-1.2", "-o", out, "--copy-if-clean")
    assert run.code == 0
    assert npulint("verify", SMALLNET_TFLITE, out, "--max-error", "0").code == 0


def test_in_place_each_whole_or_not_at_all(npulint: Runner, tmp_path: Path) -> None:
    refused, clean, broken = (tmp_path / f"{name}.onnx" for name in ("refused", "clean", "broken"))
    refused.write_bytes(small_model(divisible=False))
    shutil.copy(EXPORTS / "smallnet.onnx", clean)
    broken.write_bytes(b"no model")
    before = clean.read_bytes()
    report = tmp_path / "report.json"
    run = npulint(
        "fix", "--in-place", refused, broken, clean, "-t", "nnapi-1.1", "--report", report
    )  # fmt: skip
    assert run.code == 2
    assert "broken.onnx" in run.err
    assert npulint("check", refused, "-t", "nnapi-1.1").code == 0
    assert clean.read_bytes() == before
    assert broken.read_bytes() == b"no model"
    told = json.loads(report.read_text())
    SCHEMA.validate(told)
    assert [each["error"] is None for each in told["models"]] == [True, False, True]
    assert told["models"][0]["written"] == str(refused)
    assert npulint("fix", "--in-place", refused, "-t", "nnapi-1.1", "-q").out == ""


def test_the_report_says_what_it_costs_and_how_far_each_place_is_off(
    npulint: Runner, tmp_path: Path
) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(small_model(divisible=False))
    run = npulint("fix", model, "-t", "nnapi-1.1", "--dry-run", "--format", "json", "--diff")
    assert run.code == 0
    SCHEMA.validate(run.json)
    (told,) = run.json["models"]
    (choice,) = told["choices"]
    assert choice["realisation"] == "transpose-conv/sub-pixel"
    assert choice["exactness"] == told["exactness"] == "exact"
    assert choice["measured"][0]["max_relative"] < 1e-6
    lost = {each["name"]: each["lost"] for each in choice["alternatives"]}
    assert "--allow lossy" in lost["transpose-conv/nearest-conv-fitted"]
    assert "--allow calibrated" in lost["transpose-conv/bilinear-conv-calibrated"]
    for state in (told["before"], told["after"]):
        assert state["summary"]["macs"] > 0
        assert state["summary"]["peak_activation_bytes"] > 0
    assert told["before"]["targets"][0]["refused"] == 1
    assert told["after"]["targets"][0]["refused"] == 0
    assert told["after"]["targets"][0]["coverage"]["nodes"] == 1
    removed = [line for line in told["diff"] if line.startswith("-") and "= " in line]
    assert len(removed) == 1
    assert "ConvTranspose(x, constant[2x2x2x2])" in removed[0]
    assert any(line.startswith("+") and "DepthToSpace(" in line for line in told["diff"])
    text = npulint("fix", model, "-t", "nnapi-1.1", "--diff").out
    assert "MACs +" in text
    assert "peak activation memory +" in text
    assert "\n+" in text


def test_a_divisible_kernel_is_realised_by_a_resize_where_only_that_is_taken(
    npulint: Runner, tmp_path: Path
) -> None:
    model, table = tmp_path / "model.onnx", tmp_path / "only-resizes.yaml"
    model.write_bytes(small_model(divisible=True))
    table.write_text(ONLY_RESIZES)
    out = tmp_path / "fixed.onnx"
    run = npulint("fix", model, "-t", table, "-o", out)
    assert run.code == 0, run.out + run.err
    assert "-> transpose-conv/nearest-conv (exact)" in run.out
    assert npulint("verify", model, out).code == 0


def test_lossy_ones_only_when_allowed_and_within_the_bounds(
    npulint: Runner, tmp_path: Path
) -> None:
    model, table = tmp_path / "model.onnx", tmp_path / "only-resizes.yaml"
    model.write_bytes(small_model(divisible=False))
    table.write_text(ONLY_RESIZES)
    out = tmp_path / "fixed.onnx"
    asked = ("fix", model, "-t", table, "-o", out)
    run = npulint(*asked)
    assert run.code == 1
    assert "needs `--allow lossy`" in run.out
    run = npulint(*asked, "--allow", "lossy", "--min-psnr", "60")
    assert run.code == 1
    assert "given up: lossy realisations put the outputs off by" in run.out
    assert "beyond --min-psnr 60" in run.out
    assert not out.exists()
    run = npulint(*asked, "--allow", "lossy", "--min-psnr", "3")
    assert run.code == 0, run.out
    assert "-> transpose-conv/nearest-conv-fitted (lossy; its kernel leaves" in run.out
    assert "measured on" in run.out
    assert f"npulint recover {model} {out} --data SAMPLES -o trained.onnx" in run.out
    assert out.exists()
    assert npulint("verify", model, out).code == 1


@pytest.mark.parametrize("kind", ["folder of images", "npz"])
def test_calibrated_ones_are_fitted_to_half_of_the_samples(
    npulint: Runner, tmp_path: Path, kind: str
) -> None:
    model, table = tmp_path / "model.onnx", tmp_path / "only-resizes.yaml"
    model.write_bytes(small_model(divisible=False, channels=1, untidy=kind == "npz"))
    table.write_text(ONLY_RESIZES)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 1, 8, 8), np.uint8)
    samples = tmp_path / "samples"
    if kind == "npz":
        samples = tmp_path / "samples.npz"
        np.savez(samples, x=images / np.float32(255))
    else:
        samples.mkdir()
        for number, image in enumerate(images):
            Image.fromarray(image[0]).save(samples / f"{number}.png")
    asked = ("fix", model, "-t", table, "--dry-run", "--allow", "calibrated", "--min-psnr", "3")
    run = npulint(*asked)
    assert run.code == 1
    assert "needs `--calibration`" in run.out
    run = npulint(*asked, "--calibration", samples, "--format", "json")
    assert run.code == 0, run.out + run.err
    (told,) = run.json["models"]
    assert told["exactness"] == "calibrated"
    assert "fitted to 3 samples" in told["choices"][0]["note"]
    assert told["comparison"]["samples"] == 3
    assert told["comparison"]["outputs"][0]["psnr"] == pytest.approx(10.08, abs=0.01)
    assert told["choices"][0]["measured"][0]["psnr"] > 3


def test_a_fault_is_in_the_report(npulint: Runner, tmp_path: Path) -> None:
    for arguments in (("-t", "nobody", "--dry-run"), ("-t", "nnapi-1.1")):
        report = tmp_path / "report.json"
        assert npulint("fix", SMALLNET_TFLITE, *arguments, "--report", report).code == 2
        told = json.loads(report.read_text())
        SCHEMA.validate(told)
        assert told["models"][0]["error"]
        report.unlink()


def test_where_a_report_cannot_be_written_no_model_is_rewritten(
    npulint: Runner, tmp_path: Path
) -> None:
    model, made = tmp_path / "model.onnx", tmp_path / "made.onnx"
    before = small_model(divisible=False)
    model.write_bytes(before)
    for where in (("--in-place",), ("-o", made)):
        report = tmp_path / "nowhere" / "report.json"
        run = npulint("fix", model, *where, "-t", "nnapi-1.1", "--report", report)
        assert run.code == 2
        assert "report.json: cannot write here" in run.err
        assert model.read_bytes() == before
        assert not made.exists()


def test_a_model_that_its_runtime_refuses_is_a_bad_model(npulint: Runner, tmp_path: Path) -> None:
    damaged = onnx.load_model_from_string(small_model(divisible=False))
    damaged.graph.node[0].attribute.append(helper.make_attribute("group", 2**31 - 1))
    made = helper.make_tensor_value_info("up", TensorProto.FLOAT, [1, 2, 16, 16])
    damaged.graph.value_info.append(made)
    onnx.save(damaged, tmp_path / "damaged.onnx")
    run = npulint("fix", tmp_path / "damaged.onnx", "-t", "nnapi-1.1", "--dry-run")
    assert run.code == 2
    assert "damaged.onnx: onnxruntime refuses this model" in run.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((EXPORTS / "unet_small.tflite", "-t", "nnapi-1.1"), "-o FILE"),
        ((EXPORTS / "unet_small.tflite", "-t", "nnapi-1.1", "-o", "x.onnx"), "the format stays"),
        ((UNET_TFLITE, "-t", "nnapi-1.1", "-o", UNET_TFLITE), "--in-place"),
        ((UNET_TFLITE, UNET_ONNX, "-t", "nnapi-1.1", "-o", "x.tflite"), "name one"),
        ((UNET_TFLITE, "--in-place", "-t", "nnapi-1.1", "-o", "x.tflite"), "leave -o out"),
        ((UNET_TFLITE, "--dry-run", "--report", "report.onnx"), "a model's name"),
        (
            (SMALLNET_TFLITE, "-t", "nnapi-1.1", "--dry-run", "--calibration", "nowhere"),
            "give a folder, or an .npz",
        ),
        (
            (UNET_TFLITE, "-t", "nnapi-1.1", "--dry-run", "--prefer", "speed"),
            "'speed': name each of",
        ),
        ((UNET_TFLITE, "-t", "nnapi-1.1", "--dry-run", "--prefer", "macs,macs"), "at most once"),
        (("nowhere.tflite", "-t", "nnapi-1.1", "-o", "y.tflite"), "nowhere.tflite"),
    ],
)
def test_bad_usage(npulint: Runner, arguments: tuple[object, ...], said: str) -> None:
    run = npulint("fix", *arguments)
    assert (run.code, run.out) == (2, "")
    assert said in run.err


def test_from_python(tmp_path: Path) -> None:
    model, out = tmp_path / "model.onnx", tmp_path / "fixed.onnx"
    model.write_bytes(small_model(divisible=False))
    with pytest.raises(npulint_package.NpulintError, match="give one of exact, calibrated, lossy"):
        npulint_package.fix(model, ["nnapi-1.1"], allow="rough")  # type: ignore[arg-type]
    result = npulint_package.fix(model, ["nnapi-1.1"], allow="lossy", output=out)
    assert result.exactness == "exact", "what is exact serves as well, and comes first"
    assert result.written == out
    assert not result.given_up


def test_a_way_that_a_model_is_too_sensitive_for_is_given_up_alone(
    npulint: Runner, tmp_path: Path
) -> None:
    """Where all channels are alike, what is left of them is rounding, and each way has its own."""
    scale = np.float32([-0.16, -0.165, 0.124, -0.233, 0.39, -0.082])
    shift = np.float32([-0.022, -0.063, -0.6, -0.113, -0.53, 0.195])
    graph = helper.make_graph(
        [helper.make_node("LayerNormalization", ["x", "s", "c"], ["y"], axis=-1)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8, 8, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8, 8, 6])],
        [numpy_helper.from_array(scale, "s"), numpy_helper.from_array(shift, "c")],
    )
    path = tmp_path / "norm.onnx"
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    run = npulint("fix", path, "-t", "nnapi-1.1", "-t", "hiai", "-o", tmp_path / "fixed.onnx")
    assert "given up: norm/local-response puts this model too far off" in run.out
    assert "-> norm/means" in run.out
    assert (tmp_path / "fixed.onnx").exists()


def test_more_pieces_for_nothing_are_not_written(
    npulint: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A doubling commutes with a sum: what is refused may stand first, or cut the rest in two."""

    def written(name: str, *ops: str) -> Path:
        nodes, value = [], "x"
        for number, op in enumerate(ops):
            result = "y" if number == len(ops) - 1 else f"v{number}"
            nodes.append(helper.make_node(op, [value, "two" if op == "Mul" else "axis"], [result]))
            value = result
        ends = [helper.make_tensor_value_info(v, TensorProto.FLOAT, [1, 2, 4, 4]) for v in "xy"]
        stored = [np.array(2, np.float32), np.array(2, np.int64)]
        graph = helper.make_graph(
            nodes, "g", ends[:1], ends[1:],
            [numpy_helper.from_array(a, n) for a, n in zip(stored, ("two", "axis"), strict=True)],
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
        onnx.save(model, tmp_path / name)
        return tmp_path / name

    one, two = written("1.onnx", "CumSum", "Mul", "Mul"), written("2.onnx", "Mul", "CumSum", "Mul")
    made = Rewrite(npulint_package.load(two), realised=True, choices=())
    monkeypatch.setattr("npulint.cure.rewrite", lambda *_: made)
    out = tmp_path / "fixed.onnx"
    run = npulint("fix", one, "-t", "nnapi-1.2", "-o", out)
    assert run.code == 1
    assert "more pieces on nnapi-1.2" in run.out
    assert not out.exists()


@pytest.mark.parametrize(("target", "left"), [("coreml", True), ("qnn-htp-v73", False)])
def test_what_a_condition_runs_does_not_hold_back_the_rest(
    npulint: Runner, tmp_path: Path, target: str, left: bool
) -> None:
    """Where nothing of a body is taken it is left as it is."""
    branches = {
        name: helper.make_graph(
            [helper.make_node(op, inputs, [name])], name, [],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4, 6, 6])],
        )
        for name, op, inputs in (("low", "Softsign", ["s"]), ("high", "Mul", ["s", "s"]))
    }  # fmt: skip
    nodes = [
        helper.make_node("Softsign", ["x"], ["s"]),
        helper.make_node("ReduceSum", ["s"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["is"]),
        helper.make_node(
            "If", ["is"], ["y"], then_branch=branches["high"], else_branch=branches["low"]
        ),
    ]
    size = [1, 4, 6, 6]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, size)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, size)],
        [numpy_helper.from_array(np.float32(0), "zero")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path, out = tmp_path / "if.onnx", tmp_path / "out.onnx"
    onnx.save(model, path)
    npulint("fix", path, "-t", target, "-o", out)
    written = onnx.load(out).graph
    (condition,) = (node for node in written.node if node.op_type == "If")
    assert "Softsign" not in {node.op_type for node in written.node}
    inside = {node.op_type for each in condition.attribute for node in each.g.node}
    assert ("Softsign" in inside) is left

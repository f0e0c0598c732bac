"""`--input-shape` of every command that takes it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from jsonschema import validate

import npulint as api
from npulint.reports import cure_json
from tests.cli.support import TRUTH, UNET_TFLITE, Runner
from tests.fixers import single
from tests.formats import onnx_building as build

OPEN = TRUTH / "blk_dynspatial_f32.tflite"
"""x0 [1, ?, ?, 8] -> convolution, and up by 2 by way of SHAPE."""

SIZES = "x0=1x12x16x8"


def unet(folder: Path) -> Path:
    """image [n, 3, h, w] -> convolution -> up -> + image, sizes computed as exporters do."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["a"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Shape", ["image"], ["all"]),
        helper.make_node("Slice", ["all", "two", "four"], ["space"]),
        helper.make_node("Shape", ["a"], ["inner"]),
        helper.make_node("Slice", ["inner", "zero", "two"], ["ahead"]),
        helper.make_node("Concat", ["ahead", "space"], ["target"], axis=0),
        helper.make_node("Resize", ["a", "", "", "target"], ["up"], mode="nearest"),
        helper.make_node("Add", ["up", "image"], ["y"]),
    ]
    kernel = np.random.default_rng(3).uniform(-1, 1, (3, 3, 3, 3)).astype(np.float32)
    stored = {"kernel": kernel, "zero": [0], "two": [2], "four": [4]}
    graph = build.graph(
        nodes,
        [build.floats("image", "n", 3, "h", "w")],
        [build.tensor("y", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in stored.items()],
    )
    return build.write(folder, build.model(graph, 18), "unet.onnx")


def test_check_judges_the_sizes_that_are_given(npulint: Runner) -> None:
    before = npulint("check", OPEN, "-t", "nnapi-1.2", "--format", "json").json
    after = npulint("check", OPEN, "-t", "nnapi-1.2", "--input-shape", SIZES, "--format", "json")
    old, new = before["models"][0], after.json["models"][0]
    assert new["summary"]["macs"] == old["summary"]["macs"] * 12 * 16
    assert after.json["notes"] == [f"inputs are taken at the sizes asked for: {SIZES}"]


def test_inspect_shows_them(npulint: Runner, tmp_path: Path) -> None:
    shown = npulint("inspect", unet(tmp_path), "--input-shape", "1x3x20x30").out
    assert "image  float32[1,3,20,30]" in shown.replace("in  ", "")
    assert "unknown" not in shown


def test_matrix_and_diff_take_them_for_all_models(npulint: Runner, tmp_path: Path) -> None:
    path = unet(tmp_path)
    arguments = ("-t", "nnapi-1.2", "--input-shape", "1x3x20x30")
    matrix = npulint("matrix", path, *arguments, "--format", "json")
    assert matrix.code == 0
    assert matrix.json[0]["targets"]["nnapi-1.2"]["macs"] is not None
    open_sizes = npulint("matrix", path, "-t", "nnapi-1.2", "--format", "json")
    assert open_sizes.json[0]["targets"]["nnapi-1.2"]["macs"] is None
    change = npulint("diff", path, path, *arguments, "--format", "json")
    assert change.code == 0


@pytest.mark.parametrize("command", ["check", "inspect", "matrix", "diff", "fix"])
def test_what_no_file_can_give_is_one_line(command: str, npulint: Runner, tmp_path: Path) -> None:
    path = unet(tmp_path)
    models = [path, path] if command == "diff" else [path]
    wish = ["--dry-run"] if command == "fix" else []
    for given, said in (
        ("img=1x3x8x8", "no input is called 'img'; nearest is 'image': 'image' (nx3xhxw)"),
        ("image=1x3x8", "input 'image' is nx3xhxw, which are 4 sizes, and 3 are given"),
        ("image=1x4x8x8", "the file fixes size 1 (from 0) at 3, not 4"),
        ("image=1x3x8xw", "give sizes from 1 to 2147483647, as in NAME=1x3x720x1280"),
    ):
        run = npulint(command, *models, *wish, "--input-shape", given)
        assert run.code == 2
        lines = run.err.splitlines()
        assert set(lines) == {lines[0]}
        assert said in lines[0]


def test_an_input_is_named_once(npulint: Runner, tmp_path: Path) -> None:
    given = ("--input-shape", "1x3x8x8", "--input-shape", "1x3x9x9")
    run = npulint("inspect", unet(tmp_path), *given)
    assert run.code == 2
    assert run.err == "npulint: --input-shape 1x3x9x9: this input has its sizes already\n"


def test_fix_writes_a_model_of_these_sizes(npulint: Runner, tmp_path: Path) -> None:
    path, fixed, report = unet(tmp_path), tmp_path / "fixed.onnx", tmp_path / "report.json"
    run = npulint(
        "fix", path, "-t", "nnapi-1.2", "--input-shape", "image=2x3x20x30", "-o", fixed,
        "--report", report,
    )  # fmt: skip
    assert run.code == 0, run.out + run.err
    assert "sizes fixed: image is 2x3x20x30" in run.out
    graph = api.load(fixed).graphs[0]
    assert [node.op for node in graph.nodes] == ["Conv", "Resize", "Add"]
    assert all(isinstance(size, int) for value in graph.values for size in value.shape or ())
    image = np.random.default_rng(0).normal(size=(2, 3, 20, 30)).astype(np.float32)
    (was,), (now,) = single.run(path, {"image": image}), single.run(fixed, {"image": image})
    assert np.array_equal(was, now)
    with pytest.raises(Exception, match="Got invalid dimensions"):
        single.run(fixed, {"image": image[:1]})


def test_fix_of_a_tflite_model(npulint: Runner, tmp_path: Path) -> None:
    fixed, report = tmp_path / "fixed.tflite", tmp_path / "report.json"
    run = npulint(
        "fix", OPEN, "-t", "nnapi-1.2", "--input-shape", SIZES, "-o", fixed, "--report", report
    )
    assert run.code == 0, run.out + run.err
    document = json.loads(report.read_text())
    schema = Path(cure_json.__file__).with_name("cure.schema.json")
    validate(document, json.loads(schema.read_text()))
    (model,) = document["models"]
    assert model["input_shapes"] == {"serving_default_x0:0": [1, 12, 16, 8]}
    assert model["comparison"]["same"]
    graph = api.load(fixed).graphs[0]
    assert not {"SHAPE", "MUL", "SLICE"} & {node.op for node in graph.nodes}
    assert all(value.shape_signature is None for value in graph.values)


def test_sizes_that_the_file_fixes_already_are_nothing_to_do(npulint: Runner) -> None:
    model = api.load(UNET_TFLITE)
    shape = model.graphs[0].values[model.graphs[0].inputs[0]].shape
    given = "x".join(map(str, shape or ()))
    run = npulint("fix", UNET_TFLITE, "-t", "nnapi-1.2", "--input-shape", given, "--dry-run")
    assert run.code == 0
    assert "nothing to rewrite" in run.out


def test_from_python(tmp_path: Path) -> None:
    path = unet(tmp_path)
    report = api.check(path, targets=["nnapi-1.2"], input_shapes={"image": (1, 3, 20, 30)})
    assert report.models[0].summary is not None
    assert report.models[0].summary.macs == 3 * 3 * 9 * 10 * 15
    wrong = api.check([path, path], targets=["nnapi-1.2"], input_shapes={"x": (1, 3, 20, 30)})
    assert [result.error is not None for result in wrong.models] == [True, True]

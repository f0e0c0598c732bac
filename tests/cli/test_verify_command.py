"""`npulint verify`: exit codes, the report as text and as JSON."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from npulint.reports import comparison
from tests.cli.support import EXPORTS, SMALLNET_TFLITE, Runner
from tests.verify import networks

SCHEMA = json.loads(
    Path(comparison.__file__).with_name("comparison.schema.json").read_text(encoding="utf-8")
)


def test_two_formats_of_one_network(npulint: Runner) -> None:
    run = npulint("verify", EXPORTS / "smallnet.onnx", SMALLNET_TFLITE, "--runs", 1, "--no-edge")
    assert (run.code, run.err) == (0, "")
    lines = run.out.splitlines()
    assert lines[0].startswith(f"A  {EXPORTS / 'smallnet.onnx'}  in onnxruntime ")
    assert lines[1].startswith(f"B  {SMALLNET_TFLITE}  in LiteRT ")
    assert lines[3].endswith("by name, channels first to last")
    assert lines[4].endswith("by order, channels first to last")
    assert lines[-1] == "same: errors up to 0.0001 of each output's range, on 1 sample, seed 0"


def test_models_that_differ(npulint: Runner, tmp_path: Path) -> None:
    a = networks.chain(tmp_path, "a", [1, 2])
    b = networks.chain(tmp_path, "b", [1, 4])
    run = npulint("verify", a, b, "--regions", "-v")
    assert (run.code, run.err) == (1, "")
    assert "regions: 1 of 2 values that both name alike agree" in run.out
    assert "the first to differ is 'y', which node 1 of A makes (Mul)" in " ".join(run.out.split())
    assert sum(line.endswith("differs") for line in run.out.splitlines()) == 1 + 3 + 3
    assert run.out.splitlines()[-1].startswith("they differ: ")


def test_progress_is_drawn_on_a_terminal_only(
    npulint: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = networks.scaling(tmp_path, "a", 1.0)
    assert npulint("verify", a, a, "--runs", 1).err == ""
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    with contextlib.redirect_stderr(terminal):
        assert npulint("verify", a, a, "--runs", 1).code == 0
    assert "alternating" in terminal.getvalue()


def test_json_follows_its_schema(npulint: Runner, tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    a = networks.chain(tmp_path, "a", [1, 2])
    b = networks.chain(tmp_path, "b", [1, 4])
    run = npulint("verify", a, b, "--regions", "--format", "json", "--min-psnr", 40)
    assert run.code == 1
    jsonschema.validate(run.json, SCHEMA)
    assert run.json["same"] is False
    assert (run.json["max_error"], run.json["min_psnr"]) == (None, 40)
    assert run.json["regions"]["first"] == 1
    zeros = [sample["name"] for sample in run.json["samples"]].index("zeros")
    (output,) = run.json["outputs"]
    assert output["differences"][zeros]["psnr"] is None
    kinds = [sample["kind"] for sample in run.json["samples"]]
    likeness = [difference["ssim"] is None for difference in output["differences"]]
    assert likeness == [kind == "edge" for kind in kinds]
    same = npulint("verify", a, a, "--format", "json")
    assert (same.code, same.json["same"], same.json["regions"]) == (0, True, None)
    jsonschema.validate(same.json, SCHEMA)


def test_bad_input_is_one_line_and_a_report(npulint: Runner, tmp_path: Path) -> None:
    a = networks.scaling(tmp_path, "a", 1.0)
    missing = tmp_path / "none.onnx"
    run = npulint("verify", a, missing, "--format", "json")
    assert (run.code, run.err) == (2, f"npulint: {missing}: there is no such file\n")
    jsonschema.validate(run.json, SCHEMA)
    assert run.json["error"] == f"{missing}: there is no such file"
    text = npulint("verify", a, missing)
    assert (text.code, text.out) == (2, "")


def test_without_the_extra(
    npulint: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = networks.scaling(tmp_path, "a", 1.0)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    run = npulint("verify", a, a)
    assert (run.code, run.out) == (2, "")
    assert run.err == (
        "npulint: running .onnx models needs onnxruntime, which is not installed; install "
        "npulint[verify]\n"
    )


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (("--input-shape", "x"), "--input-shape x: give NAME=1x3x64x64"),
        (("--input-shape", "x=1x-3"), "--input-shape x=1x-3: give sizes from 1"),
        (("--input-shape", "x=1x0"), "--input-shape x=1x0: give sizes from 1"),
        (("--map", "=y"), "--map =y: give A_NAME=B_NAME"),
        (("--layout", "x=nwhc"), "--layout x=nwhc: give one of same, nchw-nhwc, nhwc-nchw"),
        (("--inputs", "none.npz"), "none.npz: cannot be read: No such file"),
        (("--max-error", "-1"), "--max-error -1.0: give a number from 0"),
    ],
)
def test_options_that_cannot_be_read(
    option: tuple[str, str], told: str, npulint: Runner, tmp_path: Path
) -> None:
    a = networks.scaling(tmp_path, "a", 1.0)
    run = npulint("verify", a, a, *option)
    assert (run.code, run.out) == (2, "")
    assert told in run.err
    assert run.err.count("\n") == 1


def test_given_inputs_sizes_names_and_layouts(npulint: Runner, tmp_path: Path) -> None:
    a = networks.scaling(tmp_path, "a", 1.0, ("n", 2), ("in=1", "p"))
    b = networks.scaling(tmp_path, "b", 1.0, ("n", 2), ("q", "r"))
    np.savez(tmp_path / "mine.npz", **{"in=1": np.ones((3, 2))})
    run = npulint(
        "verify", a, b, "--inputs", tmp_path / "mine.npz", "--runs", 1, "--format", "json",
        "--input-shape", "in=1=4x2", "--input-shape", "in=1=5x2", "--map", "in=1=q",
        "--layout", "p=same", "-o", tmp_path / "out.json",
    )  # fmt: skip
    assert (run.code, run.out, run.err) == (0, "", "")
    told = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [(sample["name"], sample["shapes"]) for sample in told["samples"]] == [
        ("mine.npz", [[3, 2]]),
        ("random 1 in [0, 1), 4x2", [[4, 2]]),
        ("random 1 in [0, 1), 5x2", [[5, 2]]),
    ]
    assert [each["paired_by"] for each in told["inputs"] + told["outputs"]] == ["map", "order"]


def test_what_was_refused_is_said(npulint: Runner, tmp_path: Path) -> None:
    main = networks.build.graph(
        [networks.helper.make_node("Reshape", ["x", "shape"], ["y"])],
        [networks.build.floats("x", "n", 4)],
        [networks.build.floats("y", 2, 2)],
        [networks.stored("shape", [2, 2])],
    )
    a = networks.save(tmp_path, "a", main)
    run = npulint("verify", a, a)
    said = " ".join(run.out.split())
    assert run.code == 0
    assert "note: both models refuse 7 samples, the first being random 1 in [0, 1), 2x4: " in said
    assert "on 7 samples, seed 0" in said


def test_shapes_that_differ_are_said(npulint: Runner, tmp_path: Path) -> None:
    flat, tall = (
        networks.save(
            tmp_path,
            name,
            networks.build.graph(
                [networks.helper.make_node("Expand", ["x", "shape"], ["y"])],
                [networks.build.floats("x", 1, 1)],
                [networks.build.floats("y", None, None)],
                [networks.stored("shape", sizes)],
            ),
        )
        for name, sizes in (("flat", [1, 4]), ("tall", [4, 2]))
    )
    run = npulint("verify", flat, tall)
    assert run.code == 2
    assert "'y' is 1x4 in A and 4x2 in B, which do not agree" in run.err

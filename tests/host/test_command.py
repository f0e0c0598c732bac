"""`npulint host run`: exit codes, the report as text and as JSON."""

from __future__ import annotations

import importlib.util
import json
import platform
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from npulint.device.circle import go_round
from npulint.reports import host
from tests.cli.support import Runner
from tests.host import models

SCHEMA = json.loads(Path(host.__file__).with_name("host.schema.json").read_text(encoding="utf-8"))


def test_a_model_that_is_taken_whole(npulint: Runner, tmp_path: Path) -> None:
    path = models.write_onnx(tmp_path, "pixel_shuffle")
    run = npulint("host", "run", path, "--on", "qnn-htp-v73", "-v")
    assert (run.code, run.err) == (0, "")
    lines = run.out.splitlines()
    assert lines[0] == f"{path} on qnn-htp-v73 (SM8550), by ONNX Runtime's QNN provider"
    assert lines[1] == "  2 of 2 nodes: on the HTP"
    assert [line.split() for line in lines[2:4]] == [
        ["0", "Conv", "taken"],
        ["1", "DepthToSpace", "taken"],
    ]
    assert lines[4:6] == ["  1 piece for the HTP", "    compiled  2 nodes  0-1"]
    assert lines[6].endswith("which names SM8550 (v73): as asked")
    assert lines[7].startswith("  emulator beside the CPU, on random 1 in [0, 1), in ")
    assert lines[8].split() == ["output", "largest", "error", "of", "its", "range", "PSNR"]
    assert lines[9].split()[0] == "y"
    assert "  whole: all of it is on the HTP, and compiled; the emulator is off by" in run.out


def test_a_model_of_which_something_stays(npulint: Runner, tmp_path: Path) -> None:
    path = models.write_tflite(tmp_path, "sign")
    run = npulint("host", "run", path, "--on", "qnn-htp-v79")
    assert (run.code, run.err) == (1, "")
    assert "  refused  ATAN2  node 1\n    LiteRT Op #1 'Atan2' (code=156) is not" in run.out
    assert "  emulator not run: LiteRT's package has no library" in run.out
    assert run.out.endswith("\n  not whole: some of it stays on the CPU\n")


def test_json_follows_its_schema(npulint: Runner, tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    path = models.write_onnx(tmp_path, "elu")
    report = tmp_path / "report.json"
    arguments = ["--on", "qnn-htp-v68", "--on", "qnn-htp-v75", "--format", "json", "-o", report]
    run = npulint("host", "run", path, *arguments)
    assert (run.code, run.out, run.err) == (1, "", "")
    found = json.loads(report.read_text(encoding="utf-8"))
    jsonschema.validate(found, SCHEMA)
    old, new = found["answers"]
    assert [each["target"] for each in (old, new)] == ["qnn-htp-v68", "qnn-htp-v75"]
    assert [each["soc_model"] for each in (old, new)] == [30, 57]
    assert [each["outcome"] for each in (old, new)] == ["failed", "compiled"]
    assert [node["status"] for node in old["nodes"]][:3] == ["taken", "refused", "failed"]
    assert (old["context"], old["numbers"]) == (None, None)
    assert new["context"]["targets"] == [{"soc": "SM8650", "arch": 75}]
    (output,) = new["numbers"]["outputs"]
    assert output["name"] == "y"
    assert 0 < output["difference"]["max_relative"] < 0.01
    assert output["difference"]["psnr"] > 40


def test_what_the_runtime_puts_in_is_told(npulint: Runner, tmp_path: Path) -> None:
    path = models.write_onnx(tmp_path, "apart")
    arguments = ["host", "run", path, "--on", "qnn-htp-v73"]
    run = npulint(*arguments)
    assert run.code == 1
    told = "  refused  HardSigmoid  put in by ONNX Runtime itself\n    Failed to add node."
    assert told in run.out
    found = npulint(*arguments, "--format", "json").json
    jsonschema.validate(found, SCHEMA)
    (stray,) = found["answers"][0]["strays"]
    assert stray["op"] == "HardSigmoid"
    assert "Failed to add node." in stray["reason"]


def test_json_of_a_tflite_model(npulint: Runner, tmp_path: Path) -> None:
    path = models.write_tflite(tmp_path, "elu")
    run = npulint("host", "run", path, "--on", "qnn-htp-v68", "--format", "json")
    assert run.code == 1
    jsonschema.validate(run.json, SCHEMA)
    (found,) = run.json["answers"]
    assert found["front_end"] == "litert-plugin"
    assert found["pieces"] == [{"nodes": [{"graph": 0, "index": 0}], "compiled": False}]


@pytest.mark.parametrize(("bound", "code"), [("0.9999", 0), ("0.01", 1)])
def test_how_far_off_the_emulator_may_be(
    bound: str, code: int, npulint: Runner, tmp_path: Path
) -> None:
    path = models.write_onnx(tmp_path, "nearest")
    run = npulint("host", "run", path, "--on", "qnn-htp-v73", "--max-error", bound)
    assert run.code == code
    assert "  whole: " in run.out


def test_what_is_not_measured_is_not_near(npulint: Runner, tmp_path: Path) -> None:
    path = models.write_tflite(tmp_path, "relu")
    arguments = ["host", "run", path, "--on", "qnn-htp-v73"]
    assert npulint(*arguments).code == 0
    assert npulint(*arguments, "--max-error", "1").code == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["absent.onnx", "--on", "qnn-htp-v73"], "absent.onnx: there is no such file"),
        (["{model}", "--on", "qnn-htp-v72"], "'qnn-htp-v72' is not one of 'qnn-htp-v68'"),
        (["{model}"], "Missing option '--on'"),
        (["{model}", "--on", "qnn-htp-v73", "--timeout", "0"], "a time-out of 0 s"),
        (["{model}", "--on", "qnn-htp-v73", "--input-shape", "z=1x2"], "z=1x2"),
        (["{model}", "--on", "qnn-htp-v73", "--inputs", "absent.npz"], "absent.npz"),
        (["{model}", "--on", "qnn-htp-v73", "-o", "{model}"], "a model's name"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], told: str, npulint: Runner, tmp_path: Path
) -> None:
    model = str(models.write_onnx(tmp_path, "convolution"))
    run = npulint("host", "run", *(each.format(model=model) for each in arguments))
    assert (run.code, run.out) == (2, "")
    assert len(run.err.splitlines()) == 1
    assert told in run.err


def test_bad_input_is_a_report_too(npulint: Runner, tmp_path: Path) -> None:
    path = tmp_path / "damaged.onnx"
    path.write_bytes(b"\x08\x07\x12")
    run = npulint("host", "run", path, "--on", "qnn-htp-v73", "--format", "json")
    assert run.code == 2
    jsonschema.validate(run.json, SCHEMA)
    assert run.json["error"].startswith(str(path))
    assert "answers" not in run.json


@pytest.mark.parametrize(
    ("write", "package"),
    [(models.write_onnx, "onnxruntime"), (models.write_tflite, "ai-edge-litert")],
    ids=["onnx", "tflite"],
)
def test_missing_packages_are_one_line(
    write: object,
    package: str,
    npulint: Runner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert callable(write)
    path = write(tmp_path, "strings")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    run = npulint("host", "run", path, "--on", "qnn-htp-v73")
    assert run.code == 2
    assert run.err == (
        f"npulint: the HTP compiler for .{path.suffix[1:]} models needs {package} and "
        "onnxruntime-qnn: pip install 'npulint[qnn]'\n"
    )


def test_other_computers(npulint: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = models.write_onnx(tmp_path, "convolution")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    run = npulint("host", "run", path, "--on", "qnn-htp-v73")
    assert run.code == 2
    assert "is for Linux on x86-64; this is " in run.err
    assert run.err.endswith(" on aarch64\n")


def test_full_circle_by_a_compiler(tmp_path: Path) -> None:
    path = models.write_onnx(tmp_path, "pixel_shuffle")
    found = go_round(path, ["nnapi-1.2"], tmp_path, chips=["qnn-htp-v73"])
    assert {(leg.where, leg.taken, leg.nodes, leg.fault) for leg in found.legs} == {
        ("qnn-htp-v73", 2, 2, None)
    }
    assert all(leg.error is not None and 0 < leg.error < 0.01 for leg in found.legs)
    assert all(leg.latency is None for leg in found.legs)


@pytest.mark.parametrize("command", [["verify", "{bad}"], ["host", "run", "--on", "qnn-htp-v73"]])
def test_the_ending_of_a_report_says_its_form(
    command: list[str], npulint: Runner, tmp_path: Path
) -> None:
    bad, report = tmp_path / "bad.onnx", tmp_path / "report.json"
    bad.write_bytes(b"no model")
    given = [each.format(bad=bad) for each in (*command, "{bad}")]
    run = npulint(*given, "-o", report)
    assert (run.code, run.out) == (2, "")
    assert str(bad) in json.loads(report.read_text(encoding="utf-8"))["error"]


def test_the_help_needs_no_runtime() -> None:
    """Names of chips complete without what runs models being imported."""
    asked = (
        "import sys; from npulint.cli import main; main(['host', 'run', '-h']); "
        "print([name for name in sys.modules if name.startswith(('onnx', 'numpy', 'ai_edge'))])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert "qnn-htp-v81" in done.stdout
    assert done.stdout.endswith("[]\n")

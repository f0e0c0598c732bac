"""`npulint check`: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from npulint import engine
from tests.cli.support import EXPORTS, SMALLNET_TFLITE, UNET_ONNX, UNET_TFLITE, Runner


def test_accepted_everywhere_is_exit_0(npulint: Runner) -> None:
    run = npulint("check", UNET_TFLITE, "-t", "nnapi-1.2")
    assert run.code == 0
    assert run.err == ""
    assert "one piece on nnapi" in run.out


def test_refused_operator_is_exit_1_and_says_why(npulint: Runner) -> None:
    run = npulint("check", UNET_TFLITE, "-t", "nnapi-1.1")
    assert run.code == 1
    assert "refused  TRANSPOSE_CONV" in run.out
    assert "nnapi_delegate.cc" in run.out
    assert "29" in run.out, "the level that would be accepted"
    assert "28" in run.out, "the level found"


@pytest.mark.parametrize(
    ("fail_on", "code"), [("error", 1), ("warning", 1), ("info", 1), ("never", 0)]
)
def test_fail_on(npulint: Runner, fail_on: str, code: int) -> None:
    assert npulint("check", UNET_TFLITE, "-t", "nnapi-1.1", "--fail-on", fail_on).code == code


def test_quiet_prints_nothing(npulint: Runner) -> None:
    run = npulint("check", UNET_TFLITE, "-t", "nnapi-1.1", "-q")
    assert (run.code, run.out, run.err) == (1, "", "")


def test_without_targets_the_report_names_those_assumed(npulint: Runner) -> None:
    run = npulint("check", SMALLNET_TFLITE)
    assert "no target was named" in run.out
    assert "nnapi-1.2" in run.out
    assert "nnapi-1.3" in run.out


def test_onnx_names_the_conversion(npulint: Runner) -> None:
    run = npulint("check", UNET_ONNX, "-t", "nnapi-1.2", "--format", "json")
    target = run.json["models"][0]["targets"][0]
    assert target["via"]
    assert (
        npulint("check", UNET_TFLITE, "-t", "nnapi-1.2", "--format", "json").json["models"][0][
            "targets"
        ][0]["via"]
        is None
    )


def test_folders_are_searched_and_bad_files_disturb_nothing(
    npulint: Runner, tmp_path: Path
) -> None:
    (tmp_path / "deep").mkdir()
    shutil.copy(UNET_TFLITE, tmp_path / "deep" / "a.tflite")
    (tmp_path / "bad.tflite").write_bytes(b"not a model at all")
    run = npulint("check", tmp_path, "-t", "nnapi-1.2", "--format", "json")
    assert run.code == 2, "the worst code wins"
    by_name = {Path(m["path"]).name: m for m in run.json["models"]}
    assert by_name["a.tflite"]["error"] is None
    assert by_name["a.tflite"]["targets"]
    assert by_name["bad.tflite"]["error"]
    assert run.err.count("\n") == 1
    assert "bad.tflite" in run.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check",), "Missing argument"),
        (("check", "nowhere.tflite"), "nowhere.tflite"),
        (("check", UNET_TFLITE, "-t", "nnapi-1.9"), "nnapi-1."),
        (("check", UNET_TFLITE, "--format", "xml"), "xml"),
        (("check", UNET_TFLITE, "-o", "/nonexistent/folder/report.txt"), "cannot write"),
        (("chekc", UNET_TFLITE), "chekc"),
        (("explain", "NPU999"), "NPU999"),
        (("inspect", EXPORTS), "exports"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(
    npulint: Runner, arguments: tuple[object, ...], said: str
) -> None:
    run = npulint(*arguments)
    assert run.code == 2
    assert run.out == ""
    assert run.err.count("\n") == 1, run.err
    assert said in run.err
    assert "Traceback" not in run.err


def test_an_empty_folder_is_bad_usage(npulint: Runner, tmp_path: Path) -> None:
    run = npulint("check", tmp_path)
    assert run.code == 2
    assert "is a folder" in run.err


def test_output_file_is_whole_and_replaces_the_old_one(npulint: Runner, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text("old")
    run = npulint("check", UNET_TFLITE, "-t", "nnapi-1.1", "--format", "json", "-o", report)
    assert (run.code, run.out) == (1, "")
    assert report.read_text().startswith('{"schema_version": 1')
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(report.stat().st_mode) == 0o666 & ~umask


def test_a_report_is_written_for_an_unreadable_model(npulint: Runner, tmp_path: Path) -> None:
    bad = tmp_path / "cut.tflite"
    bad.write_bytes(UNET_TFLITE.read_bytes()[:5000])
    report = tmp_path / "report.txt"
    assert npulint("check", bad, "-o", report).code == 2
    assert "cut.tflite" in report.read_text()
    assert "1 unreadable" in report.read_text()


def test_our_own_fault_is_exit_3(npulint: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(engine, "check", fail)
    run = npulint("check", UNET_TFLITE)
    assert run.code == 3
    assert "please report it" in run.err
    assert "Traceback" not in run.err
    assert "Traceback" in npulint("check", UNET_TFLITE, "-v").err


def test_interruption_is_exit_130(npulint: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "check", interrupt)
    assert npulint("check", UNET_TFLITE).code == 130


def test_verbose_lists_every_node(npulint: Runner) -> None:
    plain = npulint("check", UNET_TFLITE, "-t", "nnapi-1.1").out
    verbose = npulint("check", UNET_TFLITE, "-t", "nnapi-1.1", "-v").out
    assert "        node " not in plain
    report = npulint("check", UNET_TFLITE, "-t", "nnapi-1.1", "--format", "json").json
    refused = [f for f in report["models"][0]["findings"] if f["rule"] == "refused-operator"]
    assert verbose.count("        node ") == len(refused) > 1


def test_a_closed_pipe_is_no_error() -> None:
    command = [sys.executable, "-m", "npulint", "check", str(UNET_TFLITE), "-t", "nnapi-1.2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_colour_only_on_a_terminal(npulint: Runner) -> None:
    assert "\x1b[" not in npulint("check", UNET_TFLITE, "-t", "nnapi-1.1").out


def test_the_lint_path_imports_no_framework() -> None:
    code = (
        "import sys; from npulint.cli import main;"
        f"main(['check', '-q', {str(UNET_TFLITE)!r}, {str(UNET_ONNX)!r}]);"
        "heavy = {'tensorflow', 'torch', 'onnxruntime', 'ai_edge_litert'} & set(sys.modules);"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

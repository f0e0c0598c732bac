"""`npulint check` on many models: shared between processes, with a progress bar, and again."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from npulint import check
from npulint.model import Graph
from npulint.reports.json import document
from tests.cli.support import SMALLNET_TFLITE, TRUTH, UNET_ONNX, UNET_TFLITE, Runner

LONG_AGO = time.time() - 3600


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with models that were written a while ago, and nothing remembered."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    work = tmp_path / "work"
    work.mkdir()
    for path in (UNET_TFLITE, UNET_ONNX, SMALLNET_TFLITE):
        shutil.copyfile(path, work / path.name)
        os.utime(work / path.name, (LONG_AGO, LONG_AGO))
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def linted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every run of the linter itself."""
    from npulint import engine

    runs: list[str] = []
    real = engine.check

    def counted(paths: list[Path], *arguments: object, **named: object) -> object:
        runs.append(" ".join(path.name for path in paths))
        return real(paths, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "check", counted)
    return runs


def test_several_processes_say_what_one_says(tmp_path: Path) -> None:
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(b"nothing")
    paths = [UNET_TFLITE, bad, UNET_ONNX, TRUTH / "net_lstm_f32.tflite", UNET_TFLITE]
    asked = ["pixel-4", "nnapi-1.1", "hiai"]
    steps: list[str] = []
    one = document(check(paths, asked))
    two = document(check(paths, asked, steps.append, jobs=2))
    assert two == one
    assert steps == [str(path) for path in paths]


def test_a_graph_travels_without_what_was_worked_out_of_it() -> None:
    (result,) = check(UNET_TFLITE, ["nnapi-1.1"]).models
    assert result.model is not None
    graph = result.model.graphs[0]
    assert "network" in graph.__dict__
    assert graph.__getstate__().keys() == Graph.__dataclass_fields__.keys()


def test_nothing_is_linted_twice(npulint: Runner, folder: Path, linted: list[str]) -> None:
    first = npulint("check", ".", "-t", "nnapi-1.1")
    assert first.code == 1
    again = npulint("check", ".", "-t", "nnapi-1.1")
    assert (again.code, again.out) == (first.code, first.out)
    assert len(linted) == 1

    # Other processes and other words for the same say the same.
    assert npulint("check", ".", "-t", "nnapi-1.1", "-j", 2).out == first.out
    assert len(linted) == 1

    assert npulint("check", ".", "-t", "nnapi-1.1", "--no-cache").out == first.out
    assert npulint("check", ".", "-t", "nnapi-1.2").code == 0
    assert npulint("check", ".", "-t", "nnapi-1.1", "--fail-on", "never").code == 0
    assert json.loads(npulint("check", ".", "-t", "nnapi-1.1", "--format", "json").out)
    assert len(linted) == 5


def test_a_new_model_in_the_folder_is_linted(
    npulint: Runner, folder: Path, linted: list[str]
) -> None:
    npulint("check", ".", "-t", "nnapi-1.2")
    shutil.copyfile(SMALLNET_TFLITE, folder / "another.tflite")
    assert "another.tflite" in npulint("check", ".", "-t", "nnapi-1.2").out
    assert len(linted) == 2


def test_what_failed_is_tried_again(npulint: Runner, folder: Path, linted: list[str]) -> None:
    bad = folder / "bad.onnx"
    bad.write_bytes(b"no model")
    os.utime(bad, (LONG_AGO, LONG_AGO))
    for _ in range(2):
        run = npulint("check", ".", "-t", "nnapi-1.2")
        assert run.code == 2
        assert "bad.onnx" in run.err
    assert len(linted) == 2


def test_reports_in_files_are_written_each_time(
    npulint: Runner, folder: Path, linted: list[str]
) -> None:
    for _ in range(2):
        npulint("check", "unet_small.tflite", "-t", "nnapi-1.1", "-o", "out.json")
        (folder / "out.json").unlink()
    assert len(linted) == 2


def test_a_configuration_and_its_baseline_count(
    npulint: Runner, folder: Path, linted: list[str]
) -> None:
    options = ("check", "unet_small.tflite", "-t", "nnapi-1.1")
    npulint(*options, "--write-baseline", "accepted.json")
    os.utime("accepted.json", (LONG_AGO, LONG_AGO))
    for _ in range(2):
        assert npulint(*options, "--baseline", "accepted.json").code == 0
    assert len(linted) == 2
    content = json.loads(Path("accepted.json").read_text(encoding="utf-8"))
    Path("accepted.json").write_text(json.dumps(content, indent=4), encoding="utf-8")
    npulint(*options, "--baseline", "accepted.json")
    assert len(linted) == 3


def test_a_table_in_a_file_is_asked_each_time(
    npulint: Runner, folder: Path, linted: list[str]
) -> None:
    table = Path(__file__).parent.parent / "custom_target" / "acme.yaml"
    for _ in range(2):
        npulint("check", "unet_small.tflite", "-t", table)
    assert len(linted) == 2


def test_a_progress_bar_on_a_terminal_and_none_in_a_pipe(folder: Path) -> None:
    for number in range(12):
        shutil.copyfile(SMALLNET_TFLITE, folder / f"{number}.tflite")
    command = [sys.executable, "-m", "npulint", "check", ".", "-t", "nnapi-1.2", "-j", "2", "-q"]
    reader, terminal = pty.openpty()
    subprocess.run([*command, "--no-cache"], stderr=terminal, check=False)
    os.close(terminal)
    shown = b""
    try:
        while piece := os.read(reader, 65536):
            shown += piece
    except OSError:
        pass  # how a terminal says that it is closed
    assert b"/15" in shown
    done = subprocess.run([*command, "--no-cache"], stderr=subprocess.PIPE, check=False)
    assert done.stderr == b""

"""Paths, folders and things that are no files: one clear line each, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

import npulint
from tests.robustness.driving import ask, report_of, sane
from tests.robustness.mutants import EXPORTS, TRUTH, external, operators

GOOD = EXPORTS / "smallnet.tflite"
ON = ("-t", "nnapi-1.2")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


THINGS: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda _: None, "no such file"),
    "empty file": (lambda path: path.touch(), "is empty"),
    "empty folder": (lambda path: path.mkdir(), "is a folder"),
    "pipe": (os.mkfifo, "a device or a pipe"),
    "socket": (_socket, "a device or a pipe"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "a device or a pipe"),
    "dangling link": (lambda path: path.symlink_to("nowhere"), "no such file"),
    "link to itself": (lambda path: path.symlink_to(path), "symbolic links"),
}


@pytest.mark.parametrize(("make", "said"), THINGS.values(), ids=THINGS)
@pytest.mark.parametrize("command", ["check", "inspect", "matrix", "diff"])
def test_what_is_no_model_file(
    folder: Path, command: str, make: Callable[[Path], object], said: str
) -> None:
    make(folder / "x.onnx")
    operands = ["x.onnx", GOOD] if command == "diff" else ["x.onnx"]
    answer = sane([command, *operands], [2])
    assert said in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "empty"),
        ("n" * 5_000, "name too long"),
        ("x.tflite/y", "Not a directory"),
        ("gone\x1b[31m\n.onnx", r"gone\x1b[31m"),
        ("half\udcff.onnx", r"half\udcff.onnx"),
    ],
)
def test_paths_that_lead_nowhere(folder: Path, path: str, said: str) -> None:
    shutil.copy(GOOD, "x.tflite")
    answer = sane(["check", path], [2])
    assert said.lower() in answer.err.lower()
    assert answer.err.count("\n") == 1


def test_a_path_that_no_command_line_can_give() -> None:
    (result,) = npulint.check("zero\0byte", ["nnapi-1.2"]).models
    assert "null byte" in (result.error or "")


@pytest.mark.parametrize("name", ["né 模型.tflite", "line\nbreak\x1b[31m", "\u202eetilft", "-x"])
@pytest.mark.parametrize("command", ["check", "inspect", "matrix"])
def test_strange_names_of_good_files(folder: Path, command: str, name: str) -> None:
    shutil.copy(GOOD, name)
    assert sane([command, "--", name], [0]).err == ""
    assert name in sane([command, "--format", "json", "--", name], [0]).out.encode().decode(
        "unicode_escape"
    )


def test_a_name_that_is_no_text(folder: Path) -> None:
    # Only Linux takes a name that is no text.
    name = os.fsdecode(b"half\xff.tflite") if sys.platform == "linux" else "half\u00ff.tflite"
    shutil.copy(GOOD, name)
    report = report_of(sane(["check", name, "--format", "json", *ON], [0]))
    assert report["models"][0]["path"] == name
    assert sane(["check", name, "--format", "json", "-o", "report.json", *ON], [0]).out == ""
    sane(["check", name, "-o", "report.sarif", *ON], [0])
    (run,) = json.loads(Path("report.sarif").read_text())["runs"]
    (location,) = {each["location"]["uri"] for each in run["artifacts"]}
    assert os.fsdecode(unquote_to_bytes(location)) == name


def test_a_folder_is_searched_whatever_is_in_it(folder: Path) -> None:
    (folder / "models" / "deep.tflite").mkdir(parents=True)
    shutil.copy(GOOD, "models/deep.tflite/a.TFLITE")
    (folder / "models" / "round").symlink_to(".")
    (folder / "models" / "up").symlink_to("..")
    (folder / "models" / "lost.onnx").symlink_to("nowhere")
    os.mkfifo("models/pipe.onnx")
    (folder / "models" / "notes.txt").write_text("no model")
    (folder / "none").mkdir()
    answer = sane(["check", "models", "none", "--format", "json", *ON], [2])
    found = {model["path"]: model["error"] for model in report_of(answer)["models"]}
    assert list(found) == ["models/deep.tflite/a.TFLITE", "models/lost.onnx", "models/pipe.onnx",
                           "none"]  # fmt: skip
    assert [error is None for error in found.values()] == [True, False, False, False]


def test_the_same_model_twice(folder: Path) -> None:
    shutil.copy(GOOD, "a.tflite")
    shutil.copy(GOOD, "b.tflite")
    answer = sane(["check", "a.tflite", "b.tflite", "a.tflite", "--format", "json", *ON], [0])
    first, second = report_of(answer)["models"]
    assert {**first, "path": ""} == {**second, "path": ""}
    assert "no change" in sane(["diff", "a.tflite", "b.tflite", *ON], [0]).out


def test_closed_files_stop_no_other(folder: Path) -> None:
    folder.chmod(0o755)
    (folder / "closed").mkdir(mode=0)
    shutil.copy(GOOD, "shut.tflite")
    Path("shut.tflite").chmod(0)
    shutil.copy(GOOD, "open.tflite")
    with _without_privileges():
        answer = sane(["check", ".", "closed", "closed/x.onnx", "--format", "json", *ON], [2])
    found = {model["path"]: model["error"] for model in report_of(answer)["models"]}
    assert found.pop("open.tflite") is None
    assert set(found) == {"closed", "shut.tflite", "closed/x.onnx"}
    assert all("Permission denied" in error for error in found.values())


@contextmanager
def _without_privileges() -> Iterator[None]:
    """Be somebody to whom files can be closed, which they cannot to root."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


def test_many_files(folder: Path, full: bool) -> None:
    """Each more file costs what reading and judging it costs, and no more."""
    count = 4_000 if full else 400
    content = (TRUTH / "op_add_f32_0.tflite").read_bytes()
    for number in range(count):
        (folder / f"{number}.tflite").write_bytes(content)
    start = time.process_time()
    answer = ask("check", folder, "--format", "json", *ON, "-t", "tflite-gpu")
    assert time.process_time() - start < 1 + 0.01 * count
    assert answer.code in (0, 1)
    assert len(json.loads(answer.out)["models"]) == count


class TestReports:
    """Where `-o` writes, and where it does not."""

    @pytest.fixture(autouse=True)
    def _models(self, folder: Path) -> None:
        shutil.copy(GOOD, "m.bin")
        shutil.copy(GOOD, "old.tflite")
        model, weights = external()
        Path("ext.onnx").write_bytes(model.SerializeToString())
        Path("weights.bin").write_bytes(weights)
        Path("link.json").symlink_to("m.bin")
        os.link("m.bin", "hard.json")

    @pytest.mark.parametrize("command", ["check", "matrix", "inspect", "diff"])
    @pytest.mark.parametrize(
        "output",
        ["m.bin", "./m.bin", "link.json", "hard.json", "old.tflite", "new.ONNX", "weights.bin"],
    )
    def test_models_are_never_replaced(self, command: str, output: str) -> None:
        before = {path.name: path.read_bytes() for path in Path().iterdir()}
        models = ["ext.onnx"] if output == "weights.bin" else ["m.bin"]
        models += ["ext.onnx"] if command == "diff" else []
        answer = sane([command, *models, "-o", output], [2])
        assert "model" in answer.err
        assert {path.name: path.read_bytes() for path in Path().iterdir()} == before
        assert Path("link.json").is_symlink()

    def test_an_unreadable_model_is_not_replaced_either(self) -> None:
        Path("bad").write_bytes(b"something else")
        sane(["check", "bad", "-o", "bad"], [2])
        assert Path("bad").read_bytes() == b"something else"

    def test_a_link_to_a_report_stays_a_link(self) -> None:
        Path("old.json").write_text("old")
        Path("latest.json").symlink_to("old.json")
        sane(["check", "m.bin", "--format", "json", "-o", "latest.json", *ON], [0])
        assert Path("latest.json").is_symlink()
        assert Path("old.json").read_text().startswith("{")

    def test_a_device_stays_a_device(self) -> None:
        sane(["check", "m.bin", "-o", "/dev/null", *ON], [0])
        assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)

    def test_a_pipe_gets_the_report(self) -> None:
        os.mkfifo("pipe")
        got: list[str] = []
        reader = threading.Thread(target=lambda: got.append(Path("pipe").read_text()))
        reader.start()
        sane(["check", "m.bin", "-o", "pipe", *ON], [0])
        reader.join(10)
        assert "1 model" in got[0]
        assert Path("pipe").is_fifo()

    @pytest.mark.parametrize(
        ("output", "said"),
        [
            (".", "is a directory"),
            ("", "is a directory"),
            ("nowhere/report", "No such file"),
            ("m.bin/report", "Not a directory"),
            ("n" * 300, "name too long"),
            # A device of Linux; elsewhere there is no such file to be written.
            ("/dev/full" if sys.platform == "linux" else "/nowhere/full", "no s"),
        ],
    )
    def test_what_cannot_be_written(self, output: str, said: str) -> None:
        answer = sane(["check", "m.bin", "-o", output, *ON], [2])
        assert said.lower() in answer.err.lower()
        assert not list(Path().glob(".*"))

    def test_a_long_name_that_the_system_takes(self) -> None:
        name = "n" * 250
        sane(["check", "m.bin", "-o", name, *ON], [0])
        assert Path(name).read_text()


def test_a_file_that_shrinks_and_grows_while_it_is_read(folder: Path, full: bool) -> None:
    """A writer at work on the file: each read sees some state of it, and never dies of it."""
    content = operators().SerializeToString()
    path = folder / "model.onnx"
    path.write_bytes(content)
    over = threading.Event()

    def rewrite() -> None:
        length = 0
        while not over.is_set():
            length = (length + 97) % len(content)
            with path.open("r+b") as stream:
                stream.truncate(length)
                stream.seek(0)
                stream.write(content)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        for _ in range(300 if full else 40):
            sane(["check", path, *ON])
    finally:
        over.set()
        writer.join()

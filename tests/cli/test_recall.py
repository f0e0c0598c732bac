"""What is remembered of a run, and all that makes it be run again."""

from __future__ import annotations

import datetime
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from npulint.formats import load
from npulint.recall import Answer, Question, mark, marks_of
from tests.cli.support import SMALLNET_TFLITE

TODAY = datetime.date(2026, 11, 30)
LONG_AGO = time.time_ns() - 3600 * 10**9


def settle(*paths: Path, stamp: int = LONG_AGO) -> None:
    """Give files a time stamp that says something."""
    for path in paths:
        os.utime(path, ns=(stamp, stamp))


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    path = Path(shutil.copyfile(SMALLNET_TFLITE, "m.tflite"))
    settle(path)
    return path


def ask(model: Path, today: datetime.date = TODAY, **wishes: object) -> Question:
    return Question({"targets": ["nnapi-1.2"], **wishes}, [model], today)


def keep(model: Path) -> Answer:
    said = Answer("words\n", 1)
    ask(model).keep(said, marks_of(load(model)))
    return said


def test_the_same_again(model: Path) -> None:
    assert ask(model).answer() is None
    said = keep(model)
    assert ask(model).answer() == said


CHANGES: dict[str, Callable[[Path], Question]] = {
    "another option": lambda model: ask(model, targets=["nnapi-1.1"]),
    "another day": lambda model: ask(model, TODAY + datetime.timedelta(days=1)),
    "another file": lambda model: ask(Path(shutil.copyfile(model, "n.tflite"))),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_question(model: Path, change: str) -> None:
    keep(model)
    assert CHANGES[change](model).answer() is None


def test_another_folder(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(model)
    Path("below").mkdir()
    monkeypatch.chdir("below")
    assert ask(Path("m.tflite")).answer() is None


@pytest.mark.parametrize("name", ["npulint.toml", "pyproject.toml"])
def test_a_configuration_that_comes_or_changes(model: Path, name: str) -> None:
    keep(model)
    Path(name).write_text("", encoding="utf-8")
    settle(Path(name))
    assert ask(model).answer() is None
    said = keep(model)
    assert ask(model).answer() == said
    Path(name).write_text("# another", encoding="utf-8")
    assert ask(model).answer() is None


def test_a_model_that_changes_is_read_again(model: Path) -> None:
    keep(model)
    content = bytearray(model.read_bytes())
    content[content.index(b"serving_default")] ^= 1
    model.write_bytes(content)
    settle(model, stamp=LONG_AGO + 10**9)
    assert ask(model).answer() is None


def test_a_model_of_another_size_is_not_even_read(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(model)
    model.write_bytes(model.read_bytes() + b"\0")
    monkeypatch.setattr("npulint.formats.load", lambda path: pytest.fail(f"{path} was read"))
    assert ask(model).answer() is None


def test_a_fresh_copy_is_known_by_its_digest(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = keep(model)
    settle(model, stamp=LONG_AGO + 10**9)
    assert ask(model).answer() == said
    # And by its time stamp from then on.
    monkeypatch.setattr("npulint.formats.load", lambda path: pytest.fail(f"{path} was read"))
    assert ask(model).answer() == said


def test_where_weights_had_a_say_the_time_stamp_decides(model: Path) -> None:
    ask(model).keep(Answer("", 1), marks_of(load(model), weighed=True))
    assert ask(model).answer() is not None
    settle(model, stamp=LONG_AGO + 10**9)
    assert ask(model).answer() is None


def test_a_model_that_is_gone_or_no_model_any_more(model: Path) -> None:
    keep(model)
    model.write_bytes(b"x" * model.stat().st_size)
    settle(model, stamp=LONG_AGO + 10**9)
    assert ask(model).answer() is None
    model.unlink()
    assert ask(model).answer() is None


def test_what_was_written_just_now_is_not_kept(model: Path) -> None:
    model.touch()
    keep(model)
    settle(model)
    assert ask(model).answer() is None


def test_weights_beside_a_model_are_known_by_their_size(model: Path) -> None:
    weights = onnx.numpy_helper.from_array(np.ones((64, 64), np.float32), "w")
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 64])
        for name in ("x", "y")
    ]
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = onnx.helper.make_graph([node], "g", values[:1], values[1:], [weights])
    whole = onnx.helper.make_model(graph)
    onnx.save(whole, "w.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    path, data = Path("w.onnx"), Path("w.bin")
    settle(path, data)
    said = keep(path)
    data.write_bytes(b"\0" * data.stat().st_size)
    assert ask(path).answer() == said
    data.write_bytes(data.read_bytes() + b"\0")
    assert ask(path).answer() is None
    data.unlink()
    assert ask(path).answer() is None


def test_small_tensors_beside_a_model_are_part_of_it(model: Path) -> None:
    shape = onnx.numpy_helper.from_array(np.array([1, 64], np.int64), "shape")
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [8, 8])
        for name in ("x", "y")
    ]
    node = onnx.helper.make_node("Reshape", ["x", "shape"], ["y"])
    graph = onnx.helper.make_graph([node], "g", values[:1], values[1:], [shape])
    whole = onnx.helper.make_model(graph)
    onnx.save(whole, "s.onnx", save_as_external_data=True, location="s.bin", size_threshold=0)
    path, data = Path("s.onnx"), Path("s.bin")
    settle(path, data)
    said = keep(path)
    settle(data, stamp=LONG_AGO + 10**9)
    assert ask(path).answer() == said
    data.write_bytes(np.array([64, 1], np.int64).tobytes() + data.read_bytes()[16:])
    settle(data, stamp=LONG_AGO + 2 * 10**9)
    assert ask(path).answer() is None


def test_another_file_that_it_hangs_on(model: Path) -> None:
    table = Path("mine.yaml")
    table.write_text("a", encoding="utf-8")
    settle(table)
    ask(model).keep(Answer("", 0), [*marks_of(load(model)), mark(table)])
    assert ask(model).answer() is not None
    settle(table, stamp=LONG_AGO + 1)
    assert ask(model).answer() is None


def test_a_model_that_changes_while_it_is_looked_at(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time_ns", lambda: LONG_AGO + 60 * 10**9)
    question = ask(model)
    looked_at = load(model)
    settle(model, stamp=LONG_AGO + 120 * 10**9)
    monkeypatch.setattr("time.time_ns", lambda: LONG_AGO + 180 * 10**9)
    question.keep(Answer("of before", 0), marks_of(looked_at))
    assert ask(model).answer() is None


DAMAGED = [
    b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"files": [[1]], "out": 1}',
    b'{"files": [], "out": 5, "code": 0}', b'{"files": [], "out": "", "code": "0"}',
    b'{"files": [[1, 2, 3, 4]], "out": "", "code": 0}',
    b'{"files": [["m.tflite", "2", 3, ""]], "out": "", "code": 0}',
]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_memory_is_none(model: Path, content: bytes, tmp_path: Path) -> None:
    keep(model)
    (entry,) = (tmp_path / "cache" / "npulint" / "answers").iterdir()
    entry.write_bytes(content)
    assert ask(model).answer() is None


def test_a_cache_that_is_named_relatively_is_the_usual_one(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    keep(model)
    assert not Path("here").exists()
    assert list((tmp_path / "home" / ".cache" / "npulint" / "answers").iterdir())


def test_no_place_to_keep_things_costs_time_only(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    keep(model)
    assert ask(model).answer() is None

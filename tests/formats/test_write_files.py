"""Written files appear whole or not at all, in bounded memory, whatever their format."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import onnx_building
import pytest
import tflite_building
from editing import said, with_value

from npulint.errors import ModelFileError
from npulint.formats import load, save
from npulint.formats.output import Files
from npulint.model import Model, Storage

FORMATS = ("tflite", "onnx")


def model_file(folder: Path, kind: str) -> Path:
    if kind == "tflite":
        return tflite_building.write(folder, tflite_building.chain().model)
    stored = onnx_building.weights("w", 2000)
    node = onnx_building.helper.make_node("Add", ["x", "w"], ["y"])
    main = onnx_building.graph(
        [node], [onnx_building.floats("x", 2000)], [onnx_building.floats("y", 2000)], [stored]
    )
    return onnx_building.write(folder, onnx_building.model(main))


def named(model: Model, name: str) -> Model:
    """A model of which something changed."""
    return with_value(model, 0, 0, name=name)


@pytest.fixture(params=FORMATS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return model_file(tmp_path, request.param)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_model_may_take_the_place_of_its_file(path: Path) -> None:
    changed = named(load(path), "renamed")
    expected = said(changed)
    save(changed, path)
    assert said(load(path)) == expected
    assert names(path.parent) == [path.name]


def test_a_model_whose_file_has_changed_is_not_written(path: Path) -> None:
    model = load(path)
    save(named(model, "a new name"), path)
    with pytest.raises(ModelFileError, match="has changed since the model was read from it"):
        save(model, path)
    path.unlink()
    with pytest.raises(ModelFileError, match="there is no such file"):
        save(model, path.with_name("new"))
    assert names(path.parent) == []


def test_nothing_is_left_when_the_folder_is_missing(path: Path) -> None:
    with pytest.raises(ModelFileError, match="none/new: cannot be written: No such file"):
        save(load(path), path.parent / "none" / "new")


def test_nothing_is_left_when_the_place_is_taken_by_a_folder(path: Path) -> None:
    (path.parent / "new").mkdir()
    with pytest.raises(ModelFileError, match="new: cannot be written: it is a folder"):
        save(load(path), path.parent / "new")
    assert names(path.parent) == sorted([path.name, "new"])


def test_a_link_gives_way_and_what_it_leads_to_stays(path: Path) -> None:
    before = path.read_bytes()
    link = path.with_name("link")
    link.symlink_to(path)
    changed = named(load(link), "renamed")
    expected = said(changed)
    save(changed, link)
    assert not link.is_symlink()
    assert said(load(link)) == expected
    assert path.read_bytes() == before


def test_permissions_are_those_of_the_old_file_or_of_any_new_one(path: Path) -> None:
    new = path.with_name("new")
    mask = os.umask(0o027)
    try:
        save(load(path), new)
    finally:
        os.umask(mask)
    assert new.stat().st_mode & 0o777 == 0o640
    new.chmod(0o604)
    save(load(path), new)
    assert new.stat().st_mode & 0o777 == 0o604


def test_an_error_while_writing_leaves_what_was_there(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_bytes(b"old")
    short = tmp_path / "short"
    short.write_bytes(b"1234")
    with (
        pytest.raises(ModelFileError, match="short: ends 6 bytes before the data"),
        Files() as files,
    ):
        files.create(old).write(Storage(short, 0, 10))
    assert names(tmp_path) == ["old", "short"]
    assert old.read_bytes() == b"old"

    with pytest.raises(KeyboardInterrupt):
        interrupted(old)
    assert names(tmp_path) == ["old", "short"]
    assert old.read_bytes() == b"old"

    with pytest.raises(ModelFileError, match="gone: cannot be read"), Files() as files:
        files.create(old).write(Storage(tmp_path / "gone", 0, 10))
    assert names(tmp_path) == ["old", "short"]


def interrupted(path: Path) -> None:
    with Files() as files:
        files.create(path).write(b"new")
        raise KeyboardInterrupt


def put(data: Path, model: Path) -> None:
    with Files() as files:
        files.create(data).write(b"new data")
        files.create(model).write(b"new model")


def test_of_two_files_neither_appears_without_the_other(tmp_path: Path) -> None:
    data, model = tmp_path / "data", tmp_path / "model"
    data.write_bytes(b"old data")
    model.mkdir()
    with pytest.raises(ModelFileError, match="model: cannot be written: it is a folder"):
        put(data, model)
    assert data.read_bytes() == b"old data"
    assert names(tmp_path) == ["data", "model"]

    data.unlink()
    with pytest.raises(ModelFileError):
        put(data, model)
    assert names(tmp_path) == ["model"]

    model.rmdir()
    data.write_bytes(b"old data")
    put(data, model)
    assert (data.read_bytes(), model.read_bytes()) == (b"new data", b"new model")
    assert names(tmp_path) == ["data", "model"]


MEASURED = """
import pathlib, re, resource, sys
from dataclasses import replace
from npulint.formats import load, save
model = load(sys.argv[1])
graph = model.graphs[0]
values = (replace(graph.values[0], name="renamed"), *graph.values[1:])
save(replace(model, graphs=(replace(graph, values=values), *model.graphs[1:])), sys.argv[2])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
status = pathlib.Path("/proc/self/status")
if status.exists():
    # A process inherits the peak of the one that started it in ru_maxrss; Linux knows its own.
    peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1])
print(peak)
"""


@pytest.mark.parametrize("kind", FORMATS)
def test_weights_never_pass_through_memory(kind: str, tmp_path: Path, full: bool) -> None:
    megabytes = 1500 if full else 400
    path, new = tmp_path / "model", tmp_path / "new"
    if kind == "tflite":
        parts = tflite_building.chain()
        parts.main.tensors.append(tflite_building.tensor("w", (megabytes << 20,), "INT8", buffer=2))
        parts.model.buffers.append(
            tflite_building.table("Buffer", offset=4096, size=megabytes << 20)
        )
        path.write_bytes(tflite_building.pack(parts.model))
        os.truncate(path, 4096 + (megabytes << 20))
    else:
        main, shapes = onnx_building.convolutions(megabytes // 16, 2048)
        onnx_building.write_with_holes(path, main, shapes)
        assert path.stat().st_size > (megabytes - 16) << 20
    try:
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, str(path), str(new)],
            capture_output=True,
            check=True,
            text=True,
        )
        assert new.stat().st_size > (megabytes - 16) << 20
        # Of it 25 MiB are Python itself; a large weight has 16 to 1,500 MiB.
        assert int(done.stdout) < 100 << 10
    finally:
        path.unlink()
        new.unlink(missing_ok=True)

"""ONNX data in other files, and models beyond 2 GiB."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_building as build
import pytest
import runtimes
from editing import add_value, floats, said, with_graph, with_value
from onnx import ModelProto, TensorProto, helper, numpy_helper

from npulint.errors import ModelFileError
from npulint.formats import load, onnx_write, save
from npulint.model import Constant, Model, Storage, Value


def several() -> ModelProto:
    """Tensors of several sizes in initializers, nodes, bodies and training information."""
    source = np.random.default_rng(1)

    def stored(name: str, *shape: int) -> TensorProto:
        return numpy_helper.from_array(source.standard_normal(shape).astype(np.float32), name)

    bodies = [
        build.graph(
            [helper.make_node("Add", ["s", name], [f"{name} out"])],
            outputs=[build.floats(f"{name} out", 1, 2000)],
            stored=[stored(name, 2000)],
            name=name,
        )
        for name in ("yes", "no")
    ]
    nodes = [
        helper.make_node("Constant", [], ["c"], value=stored("", 2000)),
        helper.make_node("Constant", [], ["flag"], value=helper.make_tensor("", 9, (), [True])),
        helper.make_node("Add", ["x", "w"], ["a"]),
        helper.make_node("Mul", ["a", "small"], ["m"]),
        helper.make_node("Add", ["m", "c"], ["s"]),
        helper.make_node("If", ["flag"], ["y"], then_branch=bodies[0], else_branch=bodies[1]),
    ]
    main = build.graph(
        nodes,
        [build.floats("x", 1, 2000)],
        [build.floats("y", 1, 2000)],
        [stored("w", 2000), stored("small", 1)],
    )
    proto = build.model(main)
    training = proto.training_info.add()
    training.algorithm.name = "descent"
    training.algorithm.initializer.append(stored("rate", 500))
    return proto


def inside(path: Path) -> ModelProto:
    """A model with all its data in it, and nothing said of where that was."""
    proto = onnx.load(path)
    training = [
        part for info in proto.training_info for part in (info.initialization, info.algorithm)
    ]
    for graph in training:
        for tensor in graph.initializer:
            if tensor.data_location == TensorProto.EXTERNAL:
                onnx.external_data_helper.load_external_data_for_tensor(tensor, str(path.parent))
                tensor.data_location = TensorProto.DEFAULT
                del tensor.external_data[:]
    for tensor in _tensors(proto):
        tensor.ClearField("data_location")
    return proto


def _tensors(proto: ModelProto) -> list[TensorProto]:
    found = list(onnx.external_data_helper._get_all_tensors(proto))
    for info in proto.training_info:
        found += [*info.initialization.initializer, *info.algorithm.initializer]
    return found


def locations(path: Path) -> list[str]:
    """Where the external data of a model lies, one entry for each tensor."""
    tensors = _tensors(onnx.load(path, load_external_data=False))
    return [
        entry.value
        for tensor in tensors
        if tensor.data_location == TensorProto.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """`several`, with every tensor in one file beside it, and a checksum of that."""
    path = build.save_external(tmp_path, several())
    proto = onnx.load(path, load_external_data=False)
    tensor = proto.training_info[0].algorithm.initializer[0]
    length = (tmp_path / "weights.bin").stat().st_size
    with (tmp_path / "weights.bin").open("ab") as stream:
        stream.write(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "weights.bin"), ("offset", str(length)), ("checksum", "0")):
        tensor.external_data.add(key=key, value=value)
    tensor.external_data.add(key="note", value="kept")
    return build.write(tmp_path, proto)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_external_data_comes_along(path: Path, tmp_path: Path) -> None:
    assert set(locations(path)) == {"weights.bin"}
    count = len(locations(path))
    target = tmp_path / "elsewhere"
    target.mkdir()
    save(load(path), target / "new.onnx")
    assert names(target) == ["new.onnx", "new.onnx.data"]
    assert locations(target / "new.onnx") == ["new.onnx.data"] * count
    assert inside(target / "new.onnx") == inside(path)
    assert said(load(target / "new.onnx")) == said(load(path))
    kept = onnx.load(target / "new.onnx", load_external_data=False).training_info[0]
    entries = {entry.key for entry in kept.algorithm.initializer[0].external_data}
    assert entries == {"location", "offset", "length", "note"}
    assert runtimes.same(runtimes.onnxruntime(path), runtimes.onnxruntime(target / "new.onnx"))


def test_another_name_in_the_same_folder_gets_its_own_data(path: Path, tmp_path: Path) -> None:
    save(load(path), tmp_path / "new.onnx")
    (tmp_path / "weights.bin").unlink()
    path.unlink()
    load(tmp_path / "new.onnx")
    assert names(tmp_path) == ["new.onnx", "new.onnx.data"]
    # Written once more, the data file gives way as the model does.
    save(load(tmp_path / "new.onnx"), tmp_path / "newer.onnx")
    save(load(tmp_path / "newer.onnx"), tmp_path / "new.onnx")
    assert names(tmp_path) == ["new.onnx", "new.onnx.data", "newer.onnx", "newer.onnx.data"]
    load(tmp_path / "new.onnx")


def test_external_data_stays_when_a_model_is_written_in_place(path: Path, tmp_path: Path) -> None:
    before, data = path.read_bytes(), (tmp_path / "weights.bin").read_bytes()
    save(load(path), path)
    assert path.read_bytes() == before

    model = load(path)
    changed = with_value(model, 0, at(model, "w"), constant=numbers(2000))
    expected = said(changed)
    save(changed, path)
    assert names(tmp_path) == ["model.onnx", "model.onnx.data", "weights.bin"]
    assert (tmp_path / "weights.bin").read_bytes() == data
    assert said(load(path)) == expected
    assert locations(path).count("model.onnx.data") == 1

    # Nothing else is in that data file: another one takes its place.
    changed = with_value(load(path), 0, at(model, "w"), constant=numbers(2000, 5.0))
    expected = said(changed)
    save(changed, path)
    assert names(tmp_path) == ["model.onnx", "model.onnx.data", "weights.bin"]
    assert said(load(path)) == expected

    # Now it is in use, so the next one has another name.
    again = load(path)
    graph, _ = add_value(again.graphs[0], Value(0, "new", "float32", (2000,), numbers(2000)))
    expected = said(with_graph(again, graph))
    save(with_graph(again, graph), path)
    assert names(tmp_path) == ["model.onnx", "model.onnx.1.data", "model.onnx.data", "weights.bin"]
    assert said(load(path)) == expected


def test_files_of_others_are_not_overwritten(path: Path, tmp_path: Path) -> None:
    """A file that has the name of the data file, but no model beside it that would be replaced."""
    (tmp_path / "new.onnx.data").write_bytes(b"somebody's")
    save(load(path), tmp_path / "new.onnx")
    assert (tmp_path / "new.onnx.data").read_bytes() == b"somebody's"
    assert set(locations(tmp_path / "new.onnx")) == {"new.onnx.1.data"}


def test_data_of_the_source_is_not_overwritten(tmp_path: Path) -> None:
    """Not even where what is written no longer has any of it."""
    main = build.graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [build.floats("x", 2000)],
        [build.floats("y", 2000)],
        [build.weights("w", 2000)],
    )
    path = build.save_external(tmp_path, build.model(main), "new.onnx.data")
    build.write(tmp_path, build.simple(), "new.onnx")
    model = load(path)
    data = (tmp_path / "new.onnx.data").read_bytes()
    graph, _ = add_value(model.graphs[0], Value(0, "new", "float32", (2000,), numbers(2000)))
    changed = with_value(with_graph(model, graph), 0, at(model, "w"), constant=numbers(2000))
    save(changed, tmp_path / "new.onnx")
    assert (tmp_path / "new.onnx.data").read_bytes() == data
    load(path)
    load(tmp_path / "new.onnx")


def at(model: Model, name: str) -> int:
    return next(value.index for value in model.graphs[0].values if value.name == name)


def numbers(count: int, first: float = 0.0) -> Constant:
    return floats((count,), *(first + place for place in range(count)))


def test_small_new_constants_stay_in_the_model(path: Path, tmp_path: Path) -> None:
    model = load(path)
    save(
        with_value(model, 0, at(model, "small"), constant=floats((1,), 2.0)), tmp_path / "new.onnx"
    )
    (tensor,) = [t for t in onnx.load(tmp_path / "new.onnx").graph.initializer if t.name == "small"]
    assert tensor.raw_data == floats((1,), 2.0).payload
    assert len(locations(tmp_path / "new.onnx")) == len(locations(path)) - 1


def test_new_constants_of_a_whole_model_stay_in_it(tmp_path: Path) -> None:
    model = load(build.write(tmp_path, several()))
    save(with_value(model, 0, at(model, "w"), constant=numbers(2000)), tmp_path / "new.onnx")
    assert names(tmp_path) == ["model.onnx", "new.onnx"]


def test_large_tensors_begin_a_page(tmp_path: Path) -> None:
    main, shapes = build.convolutions(3, 600)
    stored = [build.weights(name, *shape) for name, shape in shapes.items()]
    main.initializer.extend(stored)
    folder = tmp_path / "old"
    folder.mkdir()
    save(load(build.save_external(folder, build.model(main))), tmp_path / "new.onnx")
    proto = onnx.load(tmp_path / "new.onnx", load_external_data=False)
    offsets = [
        int(entry.value)
        for tensor in proto.graph.initializer
        for entry in tensor.external_data
        if entry.key == "offset"
    ]
    assert len(offsets) == 3
    assert all(offset % 4096 == 0 for offset in offsets)


def test_external_data_that_has_gone_is_named(path: Path, tmp_path: Path) -> None:
    model = load(path)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ModelFileError, match=r"weights.bin' .* is missing"):
        save(model, tmp_path / "new.onnx")
    assert names(tmp_path) == ["model.onnx"]


def test_neither_file_appears_if_one_cannot_be_written(path: Path, tmp_path: Path) -> None:
    (tmp_path / "new.onnx").mkdir()
    with pytest.raises(ModelFileError, match=r"new.onnx: cannot be written: it is a folder"):
        save(load(path), tmp_path / "new.onnx")
    assert names(tmp_path) == ["model.onnx", "new.onnx", "weights.bin"]


# --- 2 GiB ---------------------------------------------------------------------------------


def test_a_model_that_grows_too_large_gets_a_data_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build.write(tmp_path, several())
    # Bodies, training information and Constant nodes have their data in the model, too.
    monkeypatch.setattr(onnx_write, "LARGEST", path.stat().st_size)
    model = load(path)
    graph, _ = add_value(model.graphs[0], Value(0, "more", "float32", (2000,), numbers(2000)))
    longer = with_graph(model, graph)
    save(longer, tmp_path / "new.onnx")
    assert names(tmp_path) == ["model.onnx", "new.onnx", "new.onnx.data"]
    assert len(locations(tmp_path / "new.onnx")) == 6
    assert (tmp_path / "new.onnx").stat().st_size < 4000
    assert said(load(tmp_path / "new.onnx")) == said(longer)
    assert runtimes.same(runtimes.onnxruntime(path), runtimes.onnxruntime(tmp_path / "new.onnx"))


def test_files_beyond_2_gib_stay_whole(
    tmp_path: Path, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not full:
        monkeypatch.setattr(onnx_write, "LARGEST", 1 << 20)
    path, new = tmp_path / "large.onnx", tmp_path / "new.onnx"
    main, shapes = build.convolutions(9, 8192 if full else 256)
    build.write_with_holes(path, main, shapes)
    assert path.stat().st_size > onnx_write.LARGEST
    model = load(path)
    renamed = with_value(model, 0, at(model, "w8"), name="last")
    try:
        save(renamed, new)
        assert names(tmp_path) == ["large.onnx", "new.onnx"]
        assert new.stat().st_size == path.stat().st_size + 2 * len("last") - 2 * len("w8")
        again = load(new).graphs[0]
        assert [(v.name, v.shape) for v in again.values] == [
            (v.name, v.shape) for v in renamed.graphs[0].values
        ]
    finally:
        path.unlink()
        new.unlink(missing_ok=True)


def test_data_beyond_2_gib_goes_to_a_data_file(tmp_path: Path, full: bool, request: Any) -> None:
    """New constants, taken from a hole of another file."""
    size = 1 << (28 if full else 18)
    if not full:
        request.getfixturevalue("monkeypatch").setattr(onnx_write, "LARGEST", 1 << 20)
    hole, new = tmp_path / "hole", tmp_path / "new.onnx"
    hole.touch()
    os.truncate(hole, 9 * size)
    model = load(build.write(tmp_path, build.simple()))
    graph = model.graphs[0]
    for index in range(9):
        stored = Constant("int8", (size,), None, Storage(hole, index * size, size), size)
        graph, _ = add_value(graph, Value(0, f"w{index}", "int8", (size,), stored))
    try:
        save(with_graph(model, graph), new)
        assert new.stat().st_size < 4000
        assert (tmp_path / "new.onnx.data").stat().st_size == 9 * size
        again = load(new)
        assert said(replace(again, graphs=())) == said(replace(model, graphs=()))
        assert [v.name for v in again.graphs[0].values] == [v.name for v in graph.values]
    finally:
        hole.unlink()
        (tmp_path / "new.onnx.data").unlink(missing_ok=True)

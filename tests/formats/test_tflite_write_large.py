"""TFLite data outside the flatbuffer: behind it, and in other files."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import runtimes
from editing import add_value, said, with_graph, with_node, with_value
from editing import floats as constant_floats
from test_tflite_write import plain, stored_spans
from tflite_building import chain, code, floats, operator, pack, table, tensor, unpack, write

from npulint.errors import InvalidModelError, ModelFileError
from npulint.formats import load, save, tflite_write
from npulint.formats.flatbuffer_build import LARGEST
from npulint.model import Constant, Storage

CUSTOM = np.frombuffer(bytes(range(250)) * 40, np.uint8)


def large() -> Any:
    """A chain whose constant and custom options are worth moving."""
    parts = chain()
    parts.main.tensors[0].shape = parts.main.tensors[2].shape = [1, 2000]
    parts.main.tensors[3].shape = [1, 2000]
    parts.main.tensors[1].shape = [2000]
    parts.model.buffers[1].data = floats(*range(2000))
    parts.model.buffers.append(table("Buffer", data=np.frombuffer(b"1.14.0", np.uint8)))
    parts.model.metadata = [table("Metadata", name=b"min_runtime_version", buffer=2)]
    return parts


def with_custom(parts: Any) -> Any:
    parts.model.operatorCodes.append(code("CUSTOM", custom="Mine"))
    parts.main.operators.append(operator(2, [3], [4], custom_options=CUSTOM))
    parts.main.tensors.append(tensor("more", (1, 2000)))
    return parts


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if flatbuffers had to stay below 4 KiB."""
    monkeypatch.setattr(tflite_write, "LARGEST", 4096)


def outside(path: Path) -> list[tuple[int, int]]:
    """Offset and size of what stands behind the flatbuffer, buffers first."""
    with path.open("rb") as stream:
        model = unpack(stream.read(1 << 20))
    found = [(b.offset, b.size) for b in model.buffers if b.offset > 1]
    for graph in model.subgraphs:
        found += [
            (o.largeCustomOptionsOffset, o.largeCustomOptionsSize)
            for o in graph.operators
            if o.largeCustomOptionsOffset > 1
        ]
    return found


@pytest.mark.usefixtures("small_limit")
def test_what_is_too_large_goes_behind_the_flatbuffer(tmp_path: Path) -> None:
    model = load(write(tmp_path, with_custom(large()).model))
    save(model, tmp_path / "new.tflite")
    data = (tmp_path / "new.tflite").read_bytes()
    (first, size), (second, options) = outside(tmp_path / "new.tflite")
    assert size == 8000
    assert data[first : first + size] == floats(*range(2000)).tobytes()
    assert data[second : second + options] == CUSTOM.tobytes()
    assert first % 16 == second % 16 == 0
    assert len(data) >= second + options + 16
    again = load(tmp_path / "new.tflite")
    # Runtimes that get no file but a flatbuffer have to know that this one is not all.
    assert again.metadata == {**model.metadata, "buffer_location": "outside flatbuffers"}
    assert said(replace(again, metadata=model.metadata)) == said(model)


@pytest.mark.usefixtures("small_limit")
def test_models_run_with_data_behind_the_flatbuffer(tmp_path: Path) -> None:
    path = write(tmp_path, large().model)
    save(load(path), tmp_path / "new.tflite")
    assert outside(tmp_path / "new.tflite")
    assert runtimes.same(runtimes.litert(path), runtimes.litert(tmp_path / "new.tflite"))


def test_what_lies_outside_stays_there_and_new_constants_join_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, with_custom(large()).model)
    with monkeypatch.context() as limit:
        limit.setattr(tflite_write, "LARGEST", 4096)
        save(load(path), tmp_path / "outside.tflite")
    model = load(tmp_path / "outside.tflite")
    save(model, tmp_path / "same.tflite")
    assert outside(tmp_path / "same.tflite") == outside(tmp_path / "outside.tflite")
    assert said(load(tmp_path / "same.tflite")) == said(model)

    graph, _ = add_value(
        model.graphs[0],
        replace(
            model.graphs[0].values[1],
            constant=constant_floats((2,), 1, 2),
            shape=(2,),
            origin=None,
            name="new",
        ),
    )
    longer = with_graph(model, graph)
    longer = with_node(longer, 0, 2, attributes={"custom_options": b"now within"})
    save(longer, tmp_path / "longer.tflite")
    assert [size for _, size in outside(tmp_path / "longer.tflite")] == [8000, 8]
    assert said(load(tmp_path / "longer.tflite")) == said(longer)


@pytest.mark.usefixtures("small_limit")
def test_tables_alone_may_be_too_large(tmp_path: Path) -> None:
    model = load(write(tmp_path, chain().model))
    long = with_value(model, 0, 0, name="x" * 5000)
    with pytest.raises(InvalidModelError, match="without its tensors the model still takes"):
        save(long, tmp_path / "new.tflite")


def write_beyond_2_gib(path: Path, count: int = 9, megabytes: int = 256) -> None:
    """A model of more than 2 GiB, as the converter writes it; its weights are a hole."""
    parts = chain()
    length = megabytes << 20
    for index in range(count):
        parts.main.tensors.append(tensor(f"w{index}", (length,), "INT8", buffer=2 + index))
    parts.model.buffers += [table("Buffer", offset=2, size=2) for _ in range(count)]
    start = (len(pack(parts.model)) | 15) + 1
    for index, buffer in enumerate(parts.model.buffers[2:]):
        buffer.offset, buffer.size = start + index * length, length
    path.write_bytes(pack(parts.model))
    os.truncate(path, start + count * length)
    with path.open("r+b") as stream:
        stream.seek(start + count * length - 4)
        stream.write(b"last")


def test_files_beyond_2_gib(tmp_path: Path, full: bool) -> None:
    count, megabytes = (9, 256) if full else (3, 16)
    path, new = tmp_path / "large.tflite", tmp_path / "new.tflite"
    write_beyond_2_gib(path, count, megabytes)
    model = load(path)
    assert (path.stat().st_size > LARGEST) == full
    try:
        save(model, new)
        again = load(new)
        assert [v.name for v in again.graphs[0].values] == [v.name for v in model.graphs[0].values]
        last = again.graphs[0].values[-1].constant
        assert last is not None
        assert last.storage is not None
        with new.open("rb") as stream:
            stream.seek(last.storage.offset + last.storage.length - 4)
            assert stream.read(4) == b"last"
    finally:
        path.unlink()
        new.unlink()


def test_a_model_that_grows_beyond_2_gib(
    tmp_path: Path, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New constants, taken from a hole of another file."""
    size = 1 << (28 if full else 18)
    limit = LARGEST if full else 1 << 20
    monkeypatch.setattr(tflite_write, "LARGEST", limit)
    hole, new = tmp_path / "hole", tmp_path / "new.tflite"
    hole.touch()
    os.truncate(hole, 9 * size)
    model = load(write(tmp_path, chain().model))
    graph = model.graphs[0]
    for index in range(9):
        stored = Constant("int8", (size,), None, Storage(hole, index * size, size), size)
        made = replace(graph.values[0], name=f"w{index}", dtype="int8", origin=None)
        graph, _ = add_value(graph, replace(made, shape=(size,), constant=stored))
    try:
        save(with_graph(model, graph), new)
        assert new.stat().st_size > limit
        # The small constant of before has gone behind the flatbuffer as well.
        assert [size for _, size in outside(new)] == [8] + [size] * 9
        again = load(new)
        assert [v.name for v in again.graphs[0].values] == [v.name for v in graph.values]
    finally:
        hole.unlink()
        new.unlink(missing_ok=True)


# --- other files ---------------------------------------------------------------------------


def with_external(folder: Path) -> Path:
    parts = large()
    parts.main.tensors[1].buffer = 0
    parts.main.tensors[1].externalBuffer = 7
    parts.model.externalBufferGroups = [table("ExternalBufferGroup", name=b"weights.bin")]
    parts.model.externalBuffers = [
        table("ExternalBuffer", id=6, group=0, offset=0, length=4),
        table("ExternalBuffer", id=7, group=0, offset=100, length=8000, packing=b"none"),
    ]
    (folder / "weights.bin").write_bytes(bytes(100) + floats(*range(2000)).tobytes())
    return write(folder, parts.model)


def test_external_buffers_come_along(tmp_path: Path) -> None:
    path = with_external(tmp_path)
    target = tmp_path / "elsewhere"
    target.mkdir()
    save(load(path), target / "new.tflite")
    made = unpack((target / "new.tflite").read_bytes())
    assert [group.name for group in made.externalBufferGroups] == [b"new.tflite.data"]
    (buffer,) = made.externalBuffers
    assert (buffer.id, buffer.group, buffer.length, buffer.packing) == (7, 0, 8000, b"none")
    data = (target / "new.tflite.data").read_bytes()
    assert data[buffer.offset : buffer.offset + 8000] == floats(*range(2000)).tobytes()
    assert said(load(target / "new.tflite")) == said(load(path))


def test_external_buffers_stay_when_a_model_is_written_in_place(tmp_path: Path) -> None:
    path = with_external(tmp_path)
    before = plain(unpack(path.read_bytes()))
    save(load(path), path)
    assert plain(unpack(path.read_bytes())) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.tflite", "weights.bin"]


def test_an_external_buffer_may_be_replaced(tmp_path: Path) -> None:
    model = load(with_external(tmp_path))
    inside = with_value(model, 0, 1, constant=constant_floats((2000,), *range(2000)))
    save(inside, tmp_path / "new.tflite")
    assert (
        unpack((tmp_path / "new.tflite").read_bytes()).subgraphs[0].tensors[1].externalBuffer == 0
    )
    assert not (tmp_path / "new.tflite.data").exists()
    assert stored_spans((tmp_path / "new.tflite").read_bytes())


def test_external_data_that_has_gone_is_named(tmp_path: Path) -> None:
    model = load(with_external(tmp_path))
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ModelFileError, match=r"weights.bin' .* is missing"):
        save(model, tmp_path / "new.tflite")
    assert [path.name for path in tmp_path.iterdir()] == ["model.tflite"]

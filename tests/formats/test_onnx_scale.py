"""What reading ONNX files costs: memory without the weights, time in proportion to the nodes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from onnx import TensorProto, helper
from onnx_building import (
    FLOAT,
    convolutions,
    floats,
    graph,
    model,
    read,
    reading,
    relu,
    tensor,
    write,
    write_with_holes,
)

from npulint.formats import onnx_inference

MEMORY = 100 << 20
SECONDS = 1.0

# A process inherits the peak of the one that started it in ru_maxrss; Linux knows its own, too.
MEASURE = """
import re, resource, sys
from pathlib import Path
from npulint import load
model = load(Path(sys.argv[1]))
assert all(value.shape is not None for value in model.graphs[0].values)
own = resource.getrusage(resource.RUSAGE_SELF)
children = resource.getrusage(resource.RUSAGE_CHILDREN)
unit = 1 if sys.platform == "darwin" else 1024
status = Path("/proc/self/status")
peak = own.ru_maxrss * unit
if status.exists():
    peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]) * 1024
print(max(peak, children.ru_maxrss * unit), sum(
    usage.ru_utime + usage.ru_stime for usage in (own, children)
))
"""


def _cost(path: Path) -> tuple[int, float]:
    """Peak bytes and processor seconds of a process that reads a file."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True
    )
    peak, seconds = done.stdout.split()
    return int(peak), float(seconds)


def _external(folder: Path) -> int:
    """The twin of `write_with_holes` that keeps its weights in another file."""
    main, shapes = convolutions(39, 3100)
    offset = 0
    for name, shape in shapes.items():
        stored = TensorProto(name=name, dims=shape, data_type=FLOAT, data_location=1)
        length = 4 * shape[0] * shape[1]
        entries = {"location": "weights.bin", "offset": offset, "length": length}
        for key, value in entries.items():
            stored.external_data.add(key=key, value=str(value))
        main.initializer.append(stored)
        offset += length
    with (folder / "weights.bin").open("wb") as file:
        file.truncate(offset)
    write(folder, model(main))
    return offset


@pytest.mark.parametrize("channels", [3100, 4000], ids=["1.5 GB", "2.5 GB"])
def test_weights_cost_neither_memory_nor_time(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "model.onnx"
    stored = write_with_holes(path, *convolutions(39, channels))
    assert stored == 39 * channels * channels * 4
    peak, seconds = _cost(path)
    assert peak < MEMORY
    assert seconds < SECONDS
    found = read(path)
    assert found.weight_bytes == stored
    assert len(found.graphs[0].nodes) == 78


def test_external_weights_cost_neither_memory_nor_time(tmp_path: Path) -> None:
    stored = _external(tmp_path)
    peak, seconds = _cost(tmp_path / "model.onnx")
    assert peak < MEMORY
    assert seconds < SECONDS
    assert read(tmp_path / "model.onnx").weight_bytes == stored > 1_499_000_000


def test_weights_beyond_2_gib_can_be_read_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    main, shapes = convolutions(2, 64)
    write_with_holes(path, main, {"big": (600, 1 << 20), **shapes})
    constant = {value.name: value for value in read(path).graphs[0].values}["w1"].constant
    assert constant is not None
    assert constant.storage is not None
    assert constant.storage.offset > 2 << 30
    with path.open("r+b") as file:
        file.seek(constant.storage.offset)
        file.write(b"\x00\x00\x80\x3f")
    weights = constant.read()
    assert (weights.shape, weights.sum()) == ((64, 64, 1, 1), 1.0)


def _chain(count: int) -> bytes:
    nodes = [
        helper.make_node("LeakyRelu", [f"v{i}"], [f"v{i + 1}"], name=f"node {i}", alpha=0.1)
        for i in range(count)
    ]
    main = graph(nodes, [floats("v0", "N", 8)], [tensor(f"v{count}", FLOAT, None)])
    return model(main).SerializeToString()


def test_time_grows_in_proportion_to_the_nodes(tmp_path: Path) -> None:
    spent = {}
    for count in (3_000, 30_000):
        path = write(tmp_path, _chain(count))
        for _ in range(3):
            begin = time.process_time()
            found = read(path)
            took = time.process_time() - begin
            # The least of several: what else the machine does only ever adds.
            spent[count] = min(took, spent.get(count, took))
            assert len(found.graphs[0].nodes) == count
            assert found.graphs[0].values[-1].shape == ("N", 8)
    assert spent[30_000] < 50 * spent[3_000], "quadratic growth would make it a hundred times"


def test_names_that_many_bodies_capture_cost_once_each(tmp_path: Path) -> None:
    branch = graph([relu("x", "t")], [], [tensor("t", 1, None)], name="branch")
    nodes = [
        helper.make_node("If", ["c"], [f"y{i}"], then_branch=branch, else_branch=branch)
        for i in range(1_000)
    ]
    given = [floats("x", 2), tensor("c", TensorProto.BOOL, [])]
    begin = time.process_time()
    found = reading(tmp_path, model(graph(nodes, given, [floats("y0", 2)])))
    assert len(found.graphs) == 2_001
    assert time.process_time() - begin < SECONDS


def test_inference_that_does_not_end_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_inference, "_SECONDS", 1)
    # Each function calls the one before twice: the official inference follows 2**40 calls.
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    functions = [helper.make_function("f", "F0", ["x"], ["y"], [relu()], imports)]
    for level in range(1, 41):
        calls = [
            helper.make_node(f"F{level - 1}", [x], [y], domain="f")
            for x, y in (("x", "t"), ("t", "y"))
        ]
        functions.append(helper.make_function("f", f"F{level}", ["x"], ["y"], calls, imports))
    call = helper.make_node("F40", ["x"], ["y"], domain="f")
    main = graph([call], [floats("x", 2)], [tensor("y", 1, None)])
    begin = time.monotonic()
    found = reading(tmp_path, model(main, opsets={"f": 1}, functions=functions))
    assert time.monotonic() - begin < 15
    assert len(found.graphs) == 42
    assert found.graphs[0].values[1].shape is None


def test_without_a_place_to_infer_shapes_the_file_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proto = model(graph([relu("x", "h"), relu("h", "y")], [floats("x", 2)], [floats("y", 2)]))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-interpreter"))
    shapes = [value.shape for value in reading(tmp_path, proto).graphs[0].values]
    assert shapes == [(2,), None, (2,)]

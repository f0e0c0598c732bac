"""Worker processes: what a runtime does to itself is told and survived."""

from __future__ import annotations

import importlib.util
import io
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from npulint.errors import MissingExtraError
from npulint.model import Dialect
from npulint.runtimes import RefusedInputsError, Runner, RunnerError, litert_engine, process, wire
from tests.formats import onnx_building as build
from tests.formats import tflite_building as lite
from tests.verify import networks

X = np.array([[3, -4]], np.float32)


@pytest.fixture
def _misbehaving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(process.ENGINES, "onnx", "tests.verify.engines")


@pytest.mark.usefixtures("_misbehaving")
class TestMisbehaving:
    def test_a_crash_is_told_with_the_last_words(self) -> None:
        told = r"^dies: onnxruntime died \(SIGSEGV\) while running it: .*width > 0$"
        with Runner(Path("dies"), "onnx") as runner, pytest.raises(RunnerError, match=told):
            runner.run([X])

    def test_a_crash_at_loading(self) -> None:
        with pytest.raises(RunnerError, match=r"died \(SIGKILL\) while loading it$"):
            Runner(Path("dies_early"), "onnx")

    def test_an_exit(self) -> None:
        with (
            Runner(Path("exits"), "onnx") as runner,
            pytest.raises(RunnerError, match=r"died \(exit code 7\) while running it"),
        ):
            runner.run([X])

    def test_a_hang_is_ended(self) -> None:
        with Runner(Path("hangs"), "onnx", timeout=3) as runner:
            began = time.monotonic()
            with pytest.raises(RunnerError, match=r"took longer than 3 s for running it"):
                runner.run([X])
            assert time.monotonic() - began < 10

    def test_after_a_crash_nothing_hangs(self) -> None:
        with Runner(Path("dies"), "onnx") as runner:
            for _ in range(2):
                with pytest.raises(RunnerError, match="died"):
                    runner.run([X])

    def test_printing_stays_out_of_the_answers(self) -> None:
        with Runner(Path("prints"), "onnx") as runner:
            runner.run([X])
            assert runner.fetch("y").tolist() == [[0, 0]]

    def test_what_is_no_tensor_of_numbers(self) -> None:
        with Runner(Path("words"), "onnx") as runner:
            runner.run([X])
            with pytest.raises(RefusedInputsError, match="y is no tensor of numbers"):
                runner.fetch("y")

    def test_a_refusal_is_one_line(self) -> None:
        told = r"^refuses: onnxruntime refuses this model: no kernel for FANCY_OP$"
        with pytest.raises(RunnerError, match=told):
            Runner(Path("refuses"), "onnx")


@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
def test_a_missing_runtime_is_one_line(dialect: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=rf"^running \.{dialect} .* npulint\[verify\]$"):
        Runner(Path("any"), dialect)


def test_tensorflow_stands_in_for_litert(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = SimpleNamespace(BUILTIN_WITHOUT_DEFAULT_DELEGATES="plain")
    lite_part = SimpleNamespace(
        Interpreter="interpreter", experimental=SimpleNamespace(OpResolverType=resolver)
    )
    tensorflow = SimpleNamespace(__version__="2.0", lite=lite_part)
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow)
    assert litert_engine.find_runtime() == ("TensorFlow Lite 2.0", "interpreter", "plain")


def test_memory_is_bounded(tmp_path: Path) -> None:
    main = build.graph(
        [build.helper.make_node("ConstantOfShape", ["x"], ["y"])],
        [build.tensor("x", networks.INT64, [1])],
        [build.floats("y", None)],
    )
    path = networks.save(tmp_path, "large", main)
    with Runner(path, "onnx", memory=3 << 30) as runner:
        with pytest.raises(RefusedInputsError, match="onnxruntime"):
            runner.run([np.array([1 << 30])])
        runner.run([np.array([5])])
        assert runner.fetch("y").tolist() == [0] * 5


def test_a_custom_operator_is_refused_in_the_words_of_the_runtime(tmp_path: Path) -> None:
    parts = lite.chain()
    parts.model.operatorCodes[1] = lite.code("CUSTOM", custom="Fancy")
    path = lite.write(tmp_path, parts.model)
    with pytest.raises(RunnerError, match=r"LiteRT refuses this model: .*Fancy"):
        Runner(path, "tflite")


def test_tflite_is_resized_and_watched(tmp_path: Path) -> None:
    path = networks.lite_chain(tmp_path, "free", shape=(1, 2), free=(-1, 2))
    with Runner(path, "tflite", watch=[2]) as runner:
        assert runner.inputs[0].shape == (None, 2)
        for batch in (3, 1, 2):
            runner.run([np.repeat(X, batch, axis=0)])
            assert runner.fetch(2).tolist() == [[4, -2]] * batch
            assert runner.fetch(runner.outputs[0].key).tolist() == [[4, 0]] * batch


def test_what_a_run_remembers_is_forgotten_before_the_next(tmp_path: Path) -> None:
    parts = lite.chain()
    parts.model.operatorCodes = [lite.code("SVDF")]
    parts.main.tensors = [
        lite.tensor("x", (1, 2)),
        lite.tensor("features", (1, 2), buffer=1),
        lite.tensor("times", (1, 3), buffer=2),
        lite.tensor("state", (1, 3), isVariable=True),
        lite.tensor("y", (1, 1)),
    ]
    parts.main.operators = [
        lite.operator(0, [0, 1, 2, -1, 3], [4], options=lite.table("SVDFOptions", rank=1))
    ]
    parts.main.outputs = [4]
    parts.model.buffers.append(lite.table("Buffer", data=lite.floats(1, 10, 100)))
    path = lite.write(tmp_path, parts.model)
    with Runner(path, "tflite") as runner:
        for _ in range(2):
            runner.run([X])
            assert runner.fetch(4).tolist() == [[100 * (3 - 8)]]


@given(
    st.lists(
        arrays_of.arrays(
            st.one_of(
                arrays_of.boolean_dtypes(),
                arrays_of.integer_dtypes(endianness="<"),
                arrays_of.floating_dtypes(endianness="<", sizes=(16, 32, 64)),
            ),
            arrays_of.array_shapes(min_dims=0, min_side=0, max_side=4),
        ),
        max_size=3,
    )
)
def test_messages_survive_the_wire(arrays: list[Any]) -> None:
    stream = io.BytesIO()
    wire.send(stream, {"do": "run"}, arrays)
    stream.seek(0)
    message, received = wire.receive(stream)
    assert message["do"] == "run"
    for sent, got in zip(arrays, received, strict=True):
        assert (sent.dtype, sent.shape, sent.tobytes()) == (got.dtype, got.shape, got.tobytes())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x01\0",
        b"\xff" * 8,
        (3).to_bytes(8, "little") + b"{a}",
        (2).to_bytes(8, "little") + b"{}",
        (45).to_bytes(8, "little") + b'{"arrays": [{"dtype": "|O", "shape": [2]}]}  ',
        (44).to_bytes(8, "little") + b'{"arrays": [{"dtype": "<f4", "shape": [2]}]}' + b"\0" * 7,
    ],
)
def test_garbage_is_no_message(content: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.receive(io.BytesIO(content))

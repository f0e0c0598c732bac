"""Broken TFLite files: one clear sentence each, whatever the bytes."""

from __future__ import annotations

import random
import re
import struct
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tflite_building import (
    EXPORTED_FILES,
    REAL_FILES,
    chain,
    code,
    floats,
    operator,
    pack,
    table,
    tensor,
    write,
)

from npulint import load
from npulint.errors import ModelFileError

SECONDS = 5.0
"""More than reading any of the small files here may take, however broken; really it is 0.01."""

Change = Callable[[SimpleNamespace], None]


def _set(path: str, value: Any) -> Change:
    """`main.tensors[0].shape` = value."""
    *owners, last = re.findall(r"\w+", path)

    def change(parts: SimpleNamespace) -> None:
        target: Any = parts
        for name in owners:
            target = target[int(name)] if name.isdigit() else getattr(target, name)
        if last.isdigit():
            target[int(last)] = value
        else:
            setattr(target, last, value)

    return change


def _quantise(**fields: Any) -> Change:
    return _set("main.tensors[0].quantization", table("QuantizationParameters", **fields))


def _call(*graphs: int) -> Change:
    """Each graph in turn runs the next one named."""

    def change(parts: SimpleNamespace) -> None:
        parts.model.operatorCodes.append(code("CALL_ONCE"))
        for graph, called in pairwise(graphs):
            parts.model.subgraphs[graph].operators = [
                operator(2, [], [], options=table("CallOnceOptions", init_subgraph_index=called))
            ]

    return change


# What is changed, a part of the sentence, and whether the runtime refuses the model too when it
# is loaded (None: it must not be tried, the runtime does not check and may crash).
CASES: dict[str, tuple[Change, str, bool | None]] = {
    "schema version": (_set("model.version", 2), "schema version 2", True),
    "no graph": (_set("model.subgraphs", []), "has no graph", True),
    "no buffers": (_set("model.buffers", None), "no list of buffers", True),
    "no tensors": (_set("main.tensors", None), "graph 0 has no list of tensors", True),
    "operator code": (
        _set("main.operators[1].opcodeIndex", 9),
        "graph 0, node 1 refers to operator code 9, but the model has 2",
        True,
    ),
    "input": (
        _set("main.operators[0].inputs", [0, 99]),
        "graph 0, node 0 (ADD): inputs[1] refers to value 99, but the graph has 4",
        None,
    ),
    "negative input": (
        _set("main.operators[0].inputs", [-2, 1]),
        "graph 0, node 0 (ADD): inputs[0] refers to value -2",
        None,
    ),
    "output": (
        _set("main.operators[1].outputs", [4]),
        "graph 0, node 1 (RELU): outputs[0] refers to value 4",
        None,
    ),
    "intermediate": (
        _set("main.operators[1].intermediates", [40]),
        "graph 0, node 1 (RELU): intermediates[0] refers to value 40",
        None,
    ),
    "graph input": (_set("main.inputs", [7]), "graph 0: its inputs name value 7", None),
    "graph output": (_set("main.outputs", [-1]), "graph 0: its outputs name value -1", None),
    "buffer": (
        _set("main.tensors[1].buffer", 12),
        "graph 0, value 1 ('constant') refers to buffer 12, but the model has 2 buffers",
        True,
    ),
    "buffer too short": (
        _set("model.buffers[1].data", floats(1)),
        "needs 8 bytes, but its buffer 1",
        True,
    ),
    "buffer empty": (
        _set("model.buffers[1].data", floats()),
        "needs 8 bytes, but its buffer 1",
        True,
    ),
    "buffer outside": (
        _set("model.buffers[1]", table("Buffer", offset=1 << 40, size=8)),
        "the data of buffer 1 at byte 1099511627776 reaches to byte 1099511627784",
        True,
    ),
    "huge shape": (
        _set("main.tensors[1].shape", [2**31 - 1] * 4),
        "its buffer 1",
        True,
    ),
    "negative size": (
        _set("main.tensors[0].shape", [-1, 2]),
        "graph 0, value 0 ('x') has shape [-1, 2]",
        True,
    ),
    "rank": (
        _set("main.tensors[0].shape", [1] * 33),
        "graph 0, value 0 ('x') has 33 dimensions",
        None,
    ),
    "element type": (
        _set("main.tensors[0].type", 99),
        "graph 0, value 0 ('x') has element type 99; the schema knows 0 to 22",
        True,
    ),
    "variable with data": (
        _set("main.tensors[1].isVariable", True),
        "graph 0, value 1 ('constant') has stored data and is a variable",
        True,
    ),
    "no zero points": (_quantise(scale=[0.5]), "has 1 scales and 0 zero points", True),
    "zero points": (
        _quantise(scale=[0.5, 0.5], zero_point=[0], quantized_dimension=1),
        "has 2 scales and 1 zero points",
        True,
    ),
    "quantised dimension": (
        _quantise(scale=[0.5], zero_point=[0], quantized_dimension=2),
        "has quantised dimension 2; its rank is 2",
        True,
    ),
    "scales": (
        _quantise(scale=[0.5] * 3, zero_point=[0] * 3, quantized_dimension=1),
        "has 3 scales along dimension 1 of size 2",
        True,
    ),
    "nameless custom operator": (
        _set("model.operatorCodes[0]", code("CUSTOM")),
        "operator code 0 is CUSTOM, but names no operator",
        True,
    ),
    "negative operator code": (
        _set(
            "model.operatorCodes[0]",
            table("OperatorCode", deprecated_builtin_code=-3, builtin_code=-2),
        ),
        "operator code 0 is -2",
        None,
    ),
    "two producers": (
        _set("main.operators[1].outputs", [2]),
        "graph 0: nodes 0 and 1 both produce value 2 ('sum')",
        None,
    ),
    "order": (
        lambda parts: parts.main.operators.reverse(),
        "graph 0, node 0 (RELU) reads value 2 ('sum'), which only node 1 produces",
        None,
    ),
    "own output": (
        _set("main.operators[1].outputs", [2, 3]),
        "both produce value 2",
        None,
    ),
    "recursion": (_call(0, 1, 0), "graphs [0, 1] run each other in a circle", None),
    "self-recursion": (_call(1, 1), "graphs [1] run each other in a circle", None),
    "body": (
        _call(0, 5),
        "graph 0, node 0 (CALL_ONCE): `init_subgraph_index` refers to graph 5",
        None,
    ),
    "signature graph": (
        _set(
            "model.signatureDefs",
            [table("SignatureDef", signature_key=b"s", subgraph_index=3)],
        ),
        "signature 's' is of graph 3, but the model has 2 graphs",
        None,
    ),
    "signature value": (
        _set(
            "model.signatureDefs",
            [
                table(
                    "SignatureDef",
                    signature_key=b"s",
                    inputs=[table("TensorMap", name=b"a", tensor_index=4)],
                )
            ],
        ),
        "signature 's': its inputs name value 4, but the graph has 4 values",
        None,
    ),
    "nameless signature": (
        _set("model.signatureDefs", [table("SignatureDef", subgraph_index=0)]),
        "signature 0 has no name",
        True,
    ),
    "metadata": (
        _set("model.metadata", [table("Metadata", name=b"m", buffer=9)]),
        "metadata 'm' refers to buffer 9",
        None,
    ),
    "custom options outside": (
        lambda parts: (
            _set("model.operatorCodes[0]", code("CUSTOM", custom="Mine"))(parts),
            _set("main.operators[0].largeCustomOptionsOffset", 10**6)(parts),
        )[0],
        "graph 0, node 0 ('Mine'): its custom options at byte 1000000",
        True,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_broken_models(name: str, tmp_path: Path) -> None:
    change, sentence, refused_by_runtime = CASES[name]
    parts = chain()
    change(parts)
    path = write(tmp_path, parts.model)

    with pytest.raises(ModelFileError) as caught:
        load(path)

    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    if refused_by_runtime:
        with pytest.raises((ValueError, RuntimeError)):
            Interpreter(str(path))


def test_the_model_that_the_cases_change_is_sound(tmp_path: Path) -> None:
    path = write(tmp_path, chain().model)
    assert load(path).size == path.stat().st_size
    Interpreter(str(path)).allocate_tensors()


@pytest.mark.parametrize(
    ("location", "length", "sentence"),
    [
        ("weights.bin", 8, "is missing"),
        ("../weights.bin", 8, "outside the model's folder"),
        ("/etc/hostname", 8, "outside the model's folder"),
        ("short.bin", 8, "goes to byte 12"),
        ("short.bin", 1 << 60, "which has 10 bytes"),
    ],
)
def test_external_data_that_is_not_there(
    location: str, length: int, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "short.bin").write_bytes(bytes(10))
    parts = chain()
    parts.main.tensors[1] = tensor("elsewhere", (2,), external_buffer=7)
    parts.model.externalBufferGroups = [table("ExternalBufferGroup", name=location.encode())]
    parts.model.externalBuffers = [table("ExternalBuffer", id=7, group=0, offset=4, length=length)]
    with pytest.raises(ModelFileError, match=sentence):
        load(write(tmp_path, parts.model))


def test_external_data_that_is_not_listed(tmp_path: Path) -> None:
    parts = chain()
    parts.main.tensors[1] = tensor("elsewhere", (2,), external_buffer=7)
    with pytest.raises(ModelFileError, match="external buffer 7, which the model does not list"):
        load(write(tmp_path, parts.model))


# --- bytes ---------------------------------------------------------------------------------


def _read_quickly(path: Path) -> bool:
    """Whether the file can be read; it must not take long either way."""
    start = time.process_time()
    message = None
    try:
        list(load(path).graphs[0].network)
    except ModelFileError as error:
        message = str(error)
    assert time.process_time() - start < SECONDS
    assert message is None or (message.startswith(f"{path}: ") and "\n" not in message)
    assert message is None or len(message) < 1000
    return message is None


@pytest.mark.parametrize("path", EXPORTED_FILES, ids=lambda path: path.stem)
def test_truncated_files_say_where_they_end(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    chance = random.Random(path.stem)
    cut = tmp_path / "cut.tflite"
    for length in [9, 24, *(chance.randrange(9, len(whole) - 64) for _ in range(20))]:
        cut.write_bytes(whole[:length])
        with pytest.raises(ModelFileError) as caught:
            load(cut)
        assert f"the file ends at byte {length}, but" in str(caught.value)
        assert "reaches to byte" in str(caught.value)


SOUND = pack(chain().model)


def _mutate(data: bytes, chance: random.Random) -> bytes:
    """Flip, cut, splice, repeat, or write an absurd number somewhere."""
    mutant = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 5, 30])):
        place = chance.randrange(len(mutant))
        kind = chance.randrange(6)
        if kind == 0:
            mutant[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            mutant[place] = chance.randrange(256)
        elif kind == 2 and len(mutant) > 64:
            del mutant[place : place + chance.randrange(1, 64)]
        elif kind == 3:
            start = chance.randrange(len(mutant))
            mutant[place:place] = mutant[start : start + chance.randrange(1, 64)]
        else:
            number = chance.choice(
                [0, 1, 2**31 - 1, 2**31, 2**32 - 1, len(mutant), chance.randrange(2**32)]
            )
            mutant[place : place + 4] = struct.pack("<I", number)
    mutant[4:8] = b"TFL3"
    return bytes(mutant)


def test_mutated_files_are_read_or_refused(tmp_path: Path, full: bool) -> None:
    path = tmp_path / "mutant.tflite"
    chance = random.Random(2024)
    small = [SOUND, *(file.read_bytes() for file in REAL_FILES if file.stat().st_size < 20_000)]
    outcomes = set()
    for _ in range(100_000 if full else 4_000):
        path.write_bytes(_mutate(chance.choice(small), chance))
        outcomes.add(_read_quickly(path))
    assert outcomes == {True, False}


def test_large_mutated_files_are_read_or_refused(tmp_path: Path, full: bool) -> None:
    path = tmp_path / "mutant.tflite"
    chance = random.Random(2025)
    large = [file.read_bytes() for file in REAL_FILES if file.stat().st_size >= 20_000]
    for _ in range(5_000 if full else 200):
        path.write_bytes(_mutate(chance.choice(large), chance))
        _read_quickly(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, len(SOUND) // 4 - 1), st.integers(0, 2**32 - 1)), min_size=1)
)
def test_any_words_anywhere(tmp_path: Path, words: list[tuple[int, int]]) -> None:
    mutant = bytearray(SOUND)
    for place, word in words:
        struct.pack_into("<I", mutant, 4 * place, word)
    mutant[4:8] = b"TFL3"
    path = tmp_path / "mutant.tflite"
    path.write_bytes(mutant)
    _read_quickly(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_behind_the_identifier(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bytes.tflite"
    path.write_bytes(data[:4].ljust(4, b"\0") + b"TFL3" + data[4:])
    _read_quickly(path)


def test_references_that_multiply_are_stopped(tmp_path: Path) -> None:
    """Many references to one graph, which has many references to one tensor.

    Read naively, that is quadratic work and memory for a file of linear size.
    """
    count = 60_000
    data = bytearray(SOUND)
    graphs = _slot(data, struct.unpack_from("<I", data)[0], 2)
    data += bytes(-len(data) % 4)
    struct.pack_into("<I", data, graphs, len(data) - graphs)
    graph_vtable = struct.pack("<4H", 6, 8, 4, 0)
    data += _references(count, len(graph_vtable)) + graph_vtable
    data += struct.pack("<iI", len(graph_vtable), 4)
    tensor_vtable = struct.pack("<2H", 4, 4)
    data += _references(count, len(tensor_vtable)) + tensor_vtable
    data += struct.pack("<i", len(tensor_vtable))
    path = tmp_path / "bomb.tflite"
    path.write_bytes(data)

    start = time.process_time()
    with pytest.raises(ModelFileError, match="far more tables and elements"):
        load(path)
    assert time.process_time() - start < SECONDS


def _references(count: int, skip: int) -> bytes:
    """A list of references, all to the table that lies `skip` bytes behind the list."""
    return struct.pack(
        f"<I{count}I", count, *(4 * (count - index) + skip for index in range(count))
    )


def _slot(data: bytearray, at: int, slot: int) -> int:
    """Where a field of the table at `at` stands."""
    vtable = at - struct.unpack_from("<i", data, at)[0]
    offset: int = struct.unpack_from("<H", data, vtable + 4 + 2 * slot)[0]
    return at + offset

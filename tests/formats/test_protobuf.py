"""The wire format: against the official parser, and on bytes that are no message."""

from __future__ import annotations

import io
from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx_building import field, floats, graph, model, relu, weights

from npulint.errors import ModelFileError
from npulint.formats.protobuf import WireError, encode, encode_field, fields, signed, varint
from npulint.formats.protobuf_skim import Plan, Skeleton, skim

TENSOR = {9: "payload"}
LAYOUT = {7: {5: TENSOR, 1: {5: {5: TENSOR}}}}


def _skim(data: bytes, limit: int = 64) -> Skeleton:
    file = io.BytesIO(data)
    return skim(file, Path("m"), len(data), Plan(LAYOUT, limit, {7: "the graph"}))


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_survive_the_wire(number: int) -> None:
    raw = encode(number % 2**64)
    value, after = varint(raw, 0)
    assert (signed(value), after) == (number, len(raw))
    assert raw == TensorProto(dims=[number]).SerializeToString()[1:]


@given(st.binary(max_size=300), st.integers(1, 2**28))
def test_a_field_survives_the_wire(body: bytes, number: int) -> None:
    raw = encode_field(number, body)
    [(key, first, second)] = fields(raw, 0, len(raw))
    assert (key >> 3, key & 7, raw[first:second]) == (number, 2, body)


BROKEN = {
    "number 0": b"\x02\x00",
    "a group": b"\x0b\x0c",
    "wire type 7": b"\x0f",
    "no length": b"\x0a",
    "a length beyond the end": b"\x0a\x05abc",
    "half an integer": b"\x08\x80",
    "an integer of 11 bytes": b"\x08" + b"\x80" * 10 + b"\x01",
    "half a float": b"\x0d\x00\x00",
    "a length of 2**64 - 1": b"\x0a" + b"\xff" * 9 + b"\x01",
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_bytes_that_are_no_message_are_refused_in_memory_and_on_disk(raw: bytes) -> None:
    with pytest.raises(WireError):
        list(fields(raw, 0, len(raw)))
    with pytest.raises(ModelFileError) as caught:
        _skim(raw)
    assert caught.value.offset is not None
    assert caught.value.offset <= len(raw)


def test_a_field_that_leaves_its_message_is_refused_though_the_file_goes_on() -> None:
    inner = b"\x0a\x20" + b"a" * 70
    with pytest.raises(ModelFileError, match="damaged at byte"):
        _skim(field(7, field(5, inner)[:-30] + b"\x2a\x7f") + bytes(200))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused_at_one_of_them(raw: bytes) -> None:
    fault: WireError | None = None
    found: list[tuple[int, int, int]] = []
    try:
        found.extend(fields(raw, 0, len(raw)))
    except WireError as error:
        fault = error
    assert all(key >= 8 for key, _, _ in found)
    assert fault is None or 0 <= fault.position <= len(raw)


def _sample() -> onnx.ModelProto:
    constant = helper.make_node("Constant", [], ["k"], value=weights("", 9, 9))
    nodes = [relu(), constant, helper.make_node("Mul", ["y", "w"], ["z"])]
    stored = [weights("w", 31, 7), weights("small", 2)]
    return model(graph(nodes, [floats("x", 31, 7)], [floats("z", 31, 7)], stored))


def test_a_skeleton_is_the_model_without_its_payloads() -> None:
    official = _sample()
    data = official.SerializeToString()
    skeleton = _skim(data)
    large = [official.graph.node[1].attribute[0].t, official.graph.initializer[0]]
    lengths = [len(each.raw_data) for each in large]
    for each in large:
        each.raw_data = b""
    assert onnx.ModelProto.FromString(skeleton.data) == official
    assert [length for _, length in skeleton.payloads.values()] == lengths
    for position, (offset, length) in skeleton.payloads.items():
        assert skeleton.data[position - 1] == 0
        assert not any(data[offset : offset + length])
        assert data[offset - 1] != 0


def test_every_byte_of_a_skeleton_knows_where_it_came_from() -> None:
    data = _sample().SerializeToString()
    skeleton = _skim(data)
    for name in (b"Mul", b"small", b"z"):
        position = skeleton.data.rindex(name)
        assert data[skeleton.file_offset(position) :].startswith(name)


def test_above_the_limit_only_what_is_named_is_copied() -> None:
    data = field(3, b"kept" * 100) + field(6, bytes(1 << 20)) + field(6, bytes((1 << 20) + 1))
    assert _skim(data).data == field(3, b"kept" * 100) + field(6, bytes(1 << 20))


def test_messages_nest_only_so_deep() -> None:
    nested: dict[int, object] = {}
    nested[1] = nested
    body = bytes(100)
    for _ in range(120):
        body = field(1, body)
    with pytest.raises(ModelFileError, match="deeper than 100"):
        skim(io.BytesIO(body), Path("m"), len(body), Plan(nested, 64, {}))  # type: ignore[arg-type]


def test_a_file_that_shrinks_while_it_is_read_is_refused() -> None:
    data = _sample().SerializeToString()
    with pytest.raises(ModelFileError, match="became shorter"):
        skim(io.BytesIO(data[:-40]), Path("m"), len(data), Plan(LAYOUT, 64, {}))


def test_what_is_to_be_dropped_is_dropped_at_any_size() -> None:
    data = field(1, b"kept") + field(2, b"x") + field(2, b"y" * 5_000) + field(1, b"kept too")
    skeleton = skim(io.BytesIO(data), Path("m"), len(data), Plan({2: "dropped"}, 64, {}))
    assert skeleton.data == field(1, b"kept") + field(1, b"kept too")
    assert skeleton.file_offset(len(field(1, b"kept"))) == data.index(field(1, b"kept too"))

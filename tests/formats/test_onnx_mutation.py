"""Any bytes whatsoever are a model or refused in a sentence: never a traceback, hang or flood."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx_building import field, floats, graph, model, read, relu, tensor, varint, weights

from npulint.errors import ModelFileError
from npulint.formats import onnx_inference
from npulint.model import Model

BYTES_A_BYTE = 500
"""Bound on memory: bytes for each byte of the file, beside a fixed amount."""

FIXED = 4 << 20

LENGTHS = [0, 1, 127, 128, 2**16, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1]


def _functions() -> bytes:
    imports = [helper.make_opsetid("", 17)]
    function = helper.make_function("f", "F", ["a"], ["b"], [relu("a", "b")], imports, ["k"])
    call = helper.make_node("F", ["x"], ["y"], domain="f")
    main = graph([call], [floats("x", "N", 3)], [tensor("y", 1, None)])
    return model(main, opsets={"f": 1}, functions=[function]).SerializeToString()


def _everything() -> bytes:
    values = helper.make_tensor("s", 1, [2], [1.5, 2.5])
    indices = helper.make_tensor("i", TensorProto.INT64, [2], [0, 5])
    branch = graph(
        [helper.make_node("Mul", ["h", "w"], ["t"])], [], [tensor("t", 1, None)], name="branch"
    )
    nodes = [
        helper.make_node("Constant", [], ["k"], value_ints=[1, 2, -3]),
        helper.make_node("Conv", ["x", "w"], ["h"], pads=[1, 1, 1, 1], auto_pad="NOTSET"),
        helper.make_node("If", ["c"], ["b"], then_branch=branch, else_branch=branch),
        helper.make_node("QuantizeLinear", ["b", "scale"], ["q"]),
        helper.make_node("Any", ["q", "", "k"], ["y"], domain="d", t=weights("", 3), f=0.5),
    ]
    main = graph(
        nodes,
        [floats("x", "N", 3, 9, 9), tensor("c", TensorProto.BOOL, [])],
        [tensor("y", 1, None)],
        [weights("w", 20, 3, 3, 3), helper.make_tensor("scale", 1, [], [0.5])],
        sparse_initializer=[helper.make_sparse_tensor(values, indices, [3, 3])],
    )
    return model(main, opsets={"d": 1}, producer_name="tests").SerializeToString()


EXPORTS = sorted((Path(__file__).parents[2] / "reference_models" / "exports").glob("*.onnx"))
SEEDS = [_everything(), _functions(), min((path.read_bytes() for path in EXPORTS), key=len)]


@st.composite
def _mutants(draw: st.DrawFn) -> bytes:
    """A real file after a few changes: bits, bytes, cuts, splices, absurd lengths."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(["flip", "set", "cut", "drop", "splice", "length"])):
            case "flip":
                data[place] ^= 1 << draw(st.integers(0, 7))
            case "set":
                data[place] = draw(st.integers(0, 255))
            case "cut":
                del data[max(place, 1) :]
            case "drop":
                del data[max(place, 1) : place + draw(st.integers(1, 40))]
            case "splice":
                begin = draw(st.integers(0, len(data) - 1))
                data[place:place] = data[begin : begin + draw(st.integers(1, 200))]
            case "length":
                data[place : place + 1] = varint(draw(st.sampled_from(LENGTHS)))
    return bytes(data)


def _read_or_refuse(folder: Path, data: bytes) -> Model | None:
    path = folder / "model.onnx"
    path.write_bytes(data)
    try:
        return read(path)
    except ModelFileError as error:
        assert "\n" not in str(error)  # noqa: PT017 - a file may be read or refused
        assert error.offset is None or 0 <= error.offset <= len(data)  # noqa: PT017
        return None


def _look_at(found: Model) -> None:
    """Ask a model what everybody asks of it."""
    for graph_found in found.graphs:
        assert [value.index for value in graph_found.values] == list(range(len(graph_found.values)))
        for node in graph_found.nodes:
            graph_found.operation(node)
            assert all(0 <= body < len(found.graphs) for _, body in node.bodies)
        for value in graph_found.values:
            assert value.constant is None or value.constant.nbytes >= 0
            if value.constant is not None and not value.constant.sparse:
                value.constant.elements()
        assert len(graph_found.network) == len(graph_found.nodes)


@pytest.fixture
def _without_inference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_inference, "_extension", lambda: None)


many = settings(
    max_examples=10 * settings.default.max_examples if settings.default else 500,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=5_000,
)


@pytest.mark.usefixtures("_without_inference")
@many
@given(data=_mutants())
def test_a_mutated_file_is_read_or_refused(tmp_path: Path, data: bytes) -> None:
    found = _read_or_refuse(tmp_path, data)
    if found is not None:
        _look_at(found)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=_mutants())
def test_a_mutated_file_is_read_or_refused_with_inference(tmp_path: Path, data: bytes) -> None:
    found = _read_or_refuse(tmp_path, data)
    if found is not None:
        _look_at(found)


@pytest.mark.usefixtures("_without_inference")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=2_000))
def test_random_bytes_are_refused(tmp_path: Path, data: bytes) -> None:
    assert _read_or_refuse(tmp_path, data) is None


def _peak(folder: Path, data: bytes) -> int:
    """Bytes that reading allocates at most."""
    tracemalloc.start()
    try:
        _read_or_refuse(folder, data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("_without_inference")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=_mutants())
def test_a_mutated_file_takes_bounded_memory(tmp_path: Path, data: bytes) -> None:
    assert _peak(tmp_path, data) < FIXED + BYTES_A_BYTE * len(data)


COUNT = 20_000


def _many(message: Callable[[int], bytes]) -> bytes:
    return b"".join(message(i) for i in range(COUNT))


# What a graph and the rest of a model consist of.
SMALLEST: dict[str, tuple[bytes, bytes]] = {
    "nodes": (_many(lambda _: field(1, field(4, b"A"))), b""),
    "inputs": (_many(lambda i: field(11, field(1, b"%x" % i))), b""),
    "initializers": (
        _many(lambda i: field(5, field(8, b"%x" % i) + b"\x10\x03\x08\x00")), b"",
    ),
    "bodies": (
        field(1, field(4, b"A") + field(5, field(11, b"") * COUNT + b"\xa0\x01\x0a")), b"",
    ),
    "functions": (b"", _many(lambda i: field(25, field(1, b"%x" % i)))),
    "metadata": (b"", _many(lambda i: field(14, field(1, b"%x" % i)))),
}  # fmt: skip


@pytest.mark.parametrize(("inner", "rest"), SMALLEST.values(), ids=SMALLEST)
def test_the_smallest_messages_take_bounded_memory(
    tmp_path: Path, inner: bytes, rest: bytes
) -> None:
    data = b"\x08\x08" + field(8, b"\x10\x11") + field(7, inner) + rest
    assert _read_or_refuse(tmp_path, data) is not None
    assert _peak(tmp_path, data) < FIXED + BYTES_A_BYTE * len(data)


def test_seeds_are_models(tmp_path: Path) -> None:
    for seed in SEEDS:
        found = _read_or_refuse(tmp_path, seed)
        assert found is not None
        _look_at(found)

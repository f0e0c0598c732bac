"""Broken, hostile and foreign ONNX files: one clear sentence each."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper
from onnx_building import (
    field,
    floats,
    graph,
    model,
    read,
    reading,
    relu,
    simple,
    tensor,
    weights,
    write,
)

from npulint.errors import ModelFileError


def _model(*nodes: NodeProto, **more: Any) -> ModelProto:
    return model(graph(nodes, [floats("x", 2)], [floats("y", 2)], **more))


def _stored(stored: TensorProto) -> ModelProto:
    return _model(relu(), stored=[stored])


def _tensor(**more: Any) -> TensorProto:
    return TensorProto(**{"name": "w", "data_type": 1, "dims": [2], "raw_data": bytes(8), **more})


def _deep(depth: int, innermost: str = "x") -> bytes:
    # The messages are put together by hand: helpers refuse such depths.
    body = field(1, relu(innermost).SerializeToString())
    for _ in range(depth):
        attached = field(1, b"then_branch") + field(6, body) + b"\xa0\x01\x05"
        body = field(1, field(1, b"x") + field(4, b"If") + field(5, attached))
    head = helper.make_opsetid("", 17).SerializeToString()
    given = field(11, floats("x", 2).SerializeToString())
    return b"\x08\x08" + field(8, head) + field(7, body + given)


def _recursive(name: str) -> ModelProto:
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    functions = [
        helper.make_function(
            "f", own, ["x"], ["y"], [helper.make_node(other, ["x"], ["y"], domain="f")], imports
        )
        for own, other in (("F", name), ("G", "F"))
    ]
    call = helper.make_node("F", ["x"], ["y"], domain="f")
    main = graph([call], [floats("x", 2)], [floats("y", 2)])
    return model(main, opsets={"f": 1}, functions=functions)


CONTEXT = helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft", embed_mode=1)

BROKEN: dict[str, tuple[ModelProto | bytes, str]] = {
    "undefined": (_model(relu("z")), r"node 0 \(Relu\) of graph 'main' uses 'z', which nothing"),
    "not sorted": (
        _model(relu("h", "y", name="late"), relu("x", "h")),
        r"node 0 \(Relu 'late'\) of graph 'main' uses 'h' before the node that computes it",
    ),
    "a cycle": (_model(relu("b", "a"), relu("a", "b"), relu("x", "y")), "uses 'b' before"),
    "its own operand": (_model(relu("y", "y")), "uses 'y' before"),
    "defined twice": (_model(relu(), relu()), r"node 1 \(Relu\) of .* defines 'y' a second time"),
    "an input defined again": (_model(relu("x", "x"), relu()), "defines 'x' a second time"),
    "an initializer defined again": (
        _model(relu("x", "w"), relu(), stored=[weights("w", 2)]), "defines 'w' a second time",
    ),
    "an output that nothing computes": (_model(relu("x", "h")), "hands back 'y', which nothing"),
    "two inputs of one name": (
        model(graph([relu()], [floats("x", 2), floats("x", 2)], [floats("y", 2)])),
        "two inputs called 'x'",
    ),
    "no operator": (_model(NodeProto(input=["x"], output=["y"])), "a node names no operator"),
    "a function without a name": (
        simple().SerializeToString() + field(25, b""), "a function has no name",
    ),
    "an EP context": (_model(CONTEXT), "already compiled for one accelerator .* original model"),
    "no graph": (
        ModelProto(ir_version=8).SerializeToString(), "not a whole ONNX model: .* no graph",
    ),
    "no opsets": (
        ModelProto(ir_version=8, graph=simple().graph).SerializeToString(), "imports no opset",
    ),
    "no IR version": (
        model(graph([relu()], [floats("x", 2)], [floats("y", 2)]), ir_version=0),
        "is not a whole ONNX model: .* states no IR version",
    ),
    "letters that do not print": (
        _model(NodeProto(op_type="Re\nlu\x1b[1m", input=["\x07"], output=["y"])),
        r"node 0 \(Re\\nlu\\x1b\[1m\) of graph 'main' uses '\\\\x07'",
    ),
    "two graphs": (simple().SerializeToString() * 2, "one graph, and this is the second"),
    "too few bytes": (
        _stored(_tensor(raw_data=bytes(7))), "tensor 'w' of 2 float32 needs 8 bytes, but 7 are",
    ),
    "too many bytes": (_stored(_tensor(raw_data=bytes(9))), "needs 8 bytes, but 9 are stored"),
    "no bytes": (
        _stored(TensorProto(name="w", data_type=1, dims=[3])), "needs 12 bytes, but 0 are stored",
    ),
    "an absurd shape": (
        _stored(_tensor(dims=[2**62] * 60)), r"x\.\.\. float32 needs more than 9\d+ bytes",
    ),
    "too many dimensions": (_stored(_tensor(dims=[1] * 65)), "tensor 'w' has 65 dimensions"),
    "a negative size": (_stored(_tensor(dims=[-2])), "a dimension of size -2"),
    "too few typed elements": (
        _stored(TensorProto(name="w", data_type=7, dims=[3], int64_data=[1, 2])),
        "needs 24 bytes, but 16 are stored",
    ),
    "many typed elements missing": (
        _stored(TensorProto(name="w", data_type=7, dims=[9000], int64_data=[1] * 8999)),
        "needs 72000 bytes, but 8999 are stored",
    ),
    "the wrong typed field": (
        _stored(TensorProto(name="w", data_type=1, dims=[2], int32_data=[1, 2])),
        "needs 8 bytes, but 0 are stored",
    ),
    "an unknown element type": (_stored(_tensor(data_type=99)), "element type 99, which ONNX"),
    "no element type": (_stored(_tensor(data_type=0)), "element type 0, which ONNX"),
    "a constant without a tensor": (
        _model(NodeProto(
            op_type="Constant", output=["y"],
            attribute=[onnx.AttributeProto(name="value", type=onnx.AttributeProto.TENSOR)],
        )),
        "attribute value of Constant .*holds no tensor",
    ),
    "a shape of many dimensions": (
        model(graph([relu()], [floats("x", *[1] * 65)], [floats("y", 2)])),
        "a shape has 65 dimensions",
    ),
    "graphs nested deeply": (_deep(33), "graphs nest deeper than 32"),
    "graphs nested very deeply": (_deep(1_500), "nest deeper than"),
    "a function that calls itself": (_recursive("F"), "function 'f::F' calls itself"),
    "functions that call each other": (_recursive("G"), "calls itself"),
    "a TensorFlow graph": (
        field(1, field(1, b"x") + field(2, b"Placeholder")), "is not an ONNX model: it begins",
    ),
    "a TensorProto": (weights("w", 4).SerializeToString(), "is not an ONNX model"),
    "text": (b"ir_version: 8 producer_name: 'x'", "is not an ONNX model"),
    "noise": (bytes(range(7, 250)), "is not an ONNX model"),
}  # fmt: skip


@pytest.mark.parametrize(("proto", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_in_a_sentence(
    tmp_path: Path, proto: ModelProto | bytes, message: str
) -> None:
    path = write(tmp_path, proto)
    with pytest.raises(ModelFileError, match=message) as caught:
        read(path)
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_graphs_may_nest_as_deeply_as_the_official_parser_allows(tmp_path: Path) -> None:
    # The innermost body takes a name that nothing defines, so every graph was resolved.
    with pytest.raises(ModelFileError, match=r"node 0 \(Relu\) of graph uses 'nothing'"):
        reading(tmp_path, _deep(32, "nothing"))


def test_a_file_cut_anywhere_says_at_which_byte_it_ends(tmp_path: Path) -> None:
    proto = model(
        graph([relu()], [floats("x", 40, 40)], [floats("y", 40, 40)], [weights("w", 40, 40)])
    )
    data = proto.SerializeToString()
    for end in range(1, len(data), 61):
        path = write(tmp_path, data[:end])
        with pytest.raises(ModelFileError, match=rf"\b{end}\b") as caught:
            read(path)
        assert caught.value.offset == end


def test_a_cut_within_the_graph_says_how_far_it_should_have_gone(tmp_path: Path) -> None:
    data = simple().SerializeToString()
    begin = data.index(b"\x3a")
    stop = begin + 2 + data[begin + 1]
    with pytest.raises(
        ModelFileError,
        match=f"ends at byte 20 inside the graph, which begins at byte {begin} and goes on to "
        f"byte {stop}",
    ):
        reading(tmp_path, data[:20])


def _external(folder: Path, **entries: str) -> Path:
    """A model whose one tensor of 16 bytes lies where the entries say."""
    stored = TensorProto(name="w", data_type=1, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in entries.items():
        stored.external_data.add(key=key, value=value)
    folder.mkdir(exist_ok=True)
    return write(folder, model(graph([relu("w", "y")], [], [tensor("y", 1, None)], [stored])))


def _beside(folder: Path) -> Path:
    """A file of 16 bytes outside the model's folder."""
    outside = folder / "secret.bin"
    outside.write_bytes(bytes(16))
    return outside


OUTSIDE: dict[str, Callable[[Path, Path], str]] = {
    "absolute": lambda _, secret: str(secret),
    "upwards": lambda _, secret: f"../{secret.name}",
    "down and upwards": lambda _, secret: f"data/../../{secret.name}",
    "upwards as Windows writes it": lambda _, secret: f"..\\{secret.name}",
    "a Windows drive": lambda _, secret: f"C:\\{secret.name}",
    "a Windows share": lambda _, secret: f"\\\\host\\{secret.name}",
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_external_data_outside_the_folder_is_never_opened(tmp_path: Path, case: str) -> None:
    secret = _beside(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "data").mkdir()
    path = _external(tmp_path / "m", location=OUTSIDE[case](tmp_path, secret))
    with pytest.raises(ModelFileError, match=r"'w' lies outside the model's folder; it is not"):
        read(path)


def test_a_link_that_leads_outside_is_never_followed(tmp_path: Path) -> None:
    secret = _beside(tmp_path)
    path = _external(tmp_path / "m", location="w.bin")
    (tmp_path / "m" / "w.bin").symlink_to(secret)
    with pytest.raises(ModelFileError, match="a link that leads outside the model's folder"):
        read(path)


def test_a_linked_folder_that_leads_outside_is_never_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    _beside(tmp_path / "elsewhere")
    path = _external(tmp_path / "m", location="data/secret.bin")
    (tmp_path / "m" / "data").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelFileError, match="a link that leads outside the model's folder"):
        read(path)


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    path = _external(tmp_path / "m", location="w.bin")
    (tmp_path / "m" / "data").mkdir()
    (tmp_path / "m" / "data" / "real.bin").write_bytes(bytes(16))
    (tmp_path / "m" / "w.bin").symlink_to(Path("data") / "real.bin")
    constant = read(path).graphs[0].values[0].constant
    assert constant is not None
    assert constant.payload == bytes(16)


def test_a_model_that_is_a_link_may_keep_its_data_beside_its_target(tmp_path: Path) -> None:
    # Download caches keep the files in one folder and links to them in another.
    target = _external(tmp_path / "blobs", location="w.bin")
    (tmp_path / "blobs" / "w.bin").write_bytes(bytes(16))
    links = tmp_path / "links"
    links.mkdir()
    (links / "model.onnx").symlink_to(target)
    (links / "w.bin").symlink_to(tmp_path / "blobs" / "w.bin")
    assert read(links / "model.onnx").weight_bytes == 16


ENTRIES: dict[str, tuple[dict[str, str], str]] = {
    "missing": ({"location": "gone.bin"}, "'gone.bin' of tensor 'w' is missing"),
    "no location": ({}, "'w' keeps its data in another file and names none"),
    "an empty location": ({"location": ""}, "names none"),
    "a NUL in the location": ({"location": "w.bin\0x"}, "names none"),
    "a folder": ({"location": "."}, "is not a file"),
    "beyond the end": (
        {"location": "w.bin", "offset": "1"}, "goes to byte 17 of 'w.bin', which has 16 bytes",
    ),
    "an absurd offset": ({"location": "w.bin", "offset": str(2**62)}, "which has 16 bytes"),
    "another length": (
        {"location": "w.bin", "length": "12"}, "takes 12 bytes of 'w.bin', but .* ask for 16",
    ),
    "a negative offset": ({"location": "w.bin", "offset": "-4"}, "external offset '-4' of tensor"),
    "no number": ({"location": "w.bin", "length": "many"}, "external length 'many' of tensor 'w'"),
    "a number without end": (
        {"location": "w.bin", "offset": "9" * 5000}, "external offset '9{40}' of tensor 'w'",
    ),
    "a name without end": ({"location": "a" * 5000}, "cannot be opened"),
}  # fmt: skip


@pytest.mark.parametrize(("entries", "message"), ENTRIES.values(), ids=ENTRIES)
def test_external_data_that_does_not_fit_is_refused(
    tmp_path: Path, entries: dict[str, str], message: str
) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(16))
    path = _external(tmp_path, **entries)
    with pytest.raises(ModelFileError, match=message):
        read(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w.bin")
    path = _external(tmp_path, location="w.bin")
    with pytest.raises(ModelFileError, match="is not a file"):
        read(path)

"""Everything an ONNX file says is read as onnx's own parser and shape inference read it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, defs, helper, numpy_helper
from onnx_building import (
    convolutions,
    floats,
    graph,
    model,
    operator_cases,
    read,
    reading,
    relu,
    save_external,
    simple,
    tensor,
    weights,
    write,
)
from onnx_building import field as wire_field
from onnx_reference import DTYPES, differences

EXPORTS = sorted((Path(__file__).parents[2] / "reference_models" / "exports").glob("*.onnx"))
SHIPPED = sorted(Path(onnx.__file__).parent.glob("backend/test/data/**/*.onnx"))
IR_VERSIONS = range(1, onnx.IR_VERSION + 1)
OPSETS = range(1, defs.onnx_opset_version() + 1)
SAMPLE = 12


def _same(path: Path) -> None:
    assert differences(read(path), path) == []


@pytest.mark.parametrize("path", [*EXPORTS, *SHIPPED[::SAMPLE]], ids=lambda path: path.stem)
def test_a_shipped_model_is_read_as_onnx_reads_it(path: Path) -> None:
    _same(path)


def test_every_operator_is_read_as_onnx_reads_it(tmp_path: Path, full: bool) -> None:
    cases = operator_cases() if full else operator_cases()[::SAMPLE]
    assert len(cases) > 100
    for name, proto in cases:
        path = write(tmp_path, proto)
        assert differences(read(path), path) == [], name


class _Network(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 16, 3, padding=1)
        self.recurrent = torch.nn.LSTM(16, 8, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.nn.functional.interpolate(self.convolution(x), scale_factor=2.0)
        sequence = y.flatten(2).permute(0, 2, 1)
        state: torch.Tensor = self.recurrent(sequence)[0]
        return state.mean(1)


def _from_torch(path: Path, *, dynamo: bool) -> None:
    dynamic = {"dynamic_axes": {"x": {0: "batch"}}}
    if dynamo:
        dynamic = {"dynamic_shapes": ({0: torch.export.Dim("batch")},)}
    with contextlib.redirect_stdout(None):
        torch.onnx.export(
            _Network().eval(),
            (torch.rand(2, 3, 8, 8),),
            path,
            dynamo=dynamo,
            input_names=["x"],
            external_data=dynamo,
            **dynamic,
        )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])
def test_what_torch_exports_is_read_as_onnx_reads_it(tmp_path: Path, dynamo: bool) -> None:
    path = tmp_path / "model.onnx"
    _from_torch(path, dynamo=dynamo)
    _same(path)
    found = read(path)
    assert found.producer.startswith("pytorch 2.")
    assert any(value.shape == ("batch", 16, 8, 8) for value in found.graphs[0].values)


@pytest.mark.parametrize("version", OPSETS)
def test_every_opset_is_read(tmp_path: Path, version: int) -> None:
    path = write(tmp_path, simple(opset=version))
    _same(path)
    assert read(path).graphs[0].nodes[0].version == version


@pytest.mark.parametrize("version", IR_VERSIONS)
def test_every_ir_version_is_read(tmp_path: Path, version: int) -> None:
    proto = model(
        graph(
            [helper.make_node("Add", ["x", "w"], ["y"])],
            [floats("x", 2, 3), floats("w", 2, 3)],
            [floats("y", 2, 3)],
            [weights("w", 2, 3)],
        ),
        ir_version=version,
    )
    if version < 3:
        del proto.opset_import[:]
    path = write(tmp_path, proto)
    _same(path)
    found = read(path)
    main = found.graphs[0]
    assert found.version == version
    assert [main.values[index].name for index in main.inputs] == ["x"]
    assert main.nodes[0].version == (17 if version >= 3 else 1)


def test_the_first_ir_version_leaves_attribute_types_out(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[3, 3], auto_pad="VALID")
    for attribute in node.attribute:
        attribute.ClearField("type")
    main = graph(
        [node], [floats("x", 1, 1, 8, 8)], [floats("y", 1, 1, 6, 6)], [weights("w", 1, 1, 3, 3)]
    )
    found = reading(tmp_path, model(main, ir_version=1)).graphs[0].nodes[0]
    assert found.attributes == {"kernel_shape": (3, 3), "auto_pad": "VALID"}


def test_an_opset_from_the_future_is_read(tmp_path: Path) -> None:
    proto = model(
        graph([relu("x", "h"), relu("h", "y")], [floats("x", 1, 4)], [floats("y", 1, 4)]),
        opset=defs.onnx_opset_version() + 5,
        ir_version=onnx.IR_VERSION + 3,
    )
    main = reading(tmp_path, proto).graphs[0]
    assert [node.version for node in main.nodes] == [defs.onnx_opset_version() + 5] * 2
    assert [value.shape for value in main.values[::2]] == [(1, 4), (1, 4)]


def test_a_domain_that_is_not_imported_has_version_0(tmp_path: Path) -> None:
    node = helper.make_node("Magic", ["x"], ["y"], domain="com.example")
    found = reading(tmp_path, model(graph([node], [floats("x", 1)], [floats("y", 1)])))
    [node_found] = found.graphs[0].nodes
    assert (node_found.domain, node_found.version, node_found.custom) == ("com.example", 0, True)


DOMAINS = {
    "": ("", False), "ai.onnx": ("", False), "ai.onnx.ml": ("ai.onnx.ml", False),
    "ai.onnx.preview.training": ("ai.onnx.preview.training", False),
    "com.microsoft": ("com.microsoft", True),
}  # fmt: skip


@pytest.mark.parametrize("domain", DOMAINS)
def test_only_onnx_domains_are_not_custom(tmp_path: Path, domain: str) -> None:
    node = helper.make_node("Operator", ["x"], ["y"], domain=domain)
    proto = model(graph([node], [floats("x", 1)], [floats("y", 1)]), opsets={domain: 3})
    if domain in ("", "ai.onnx"):
        del proto.opset_import[0]
    [found] = reading(tmp_path, proto).graphs[0].nodes
    assert (found.domain, found.custom) == DOMAINS[domain]
    assert found.version == 3


def _numbers(dtype: int, count: int) -> TensorProto:
    values = [index % 2 for index in range(count)]
    if dtype == TensorProto.STRING:
        return helper.make_tensor("w", dtype, [count], [str(value) for value in values])
    return helper.make_tensor("w", dtype, [count], values)


def _raw(stored: TensorProto) -> TensorProto:
    found = numpy_helper.from_array(numpy_helper.to_array(stored), "w")
    found.data_type = stored.data_type
    return found


FORMS: dict[str, Callable[[TensorProto], TensorProto]] = {
    "typed": lambda stored: stored, "raw": _raw,
}  # fmt: skip


def _tensors() -> Iterator[tuple[int, str, int]]:
    for dtype, name in DTYPES.items():
        for form in FORMS if name != "string" else ["typed"]:
            yield from ((dtype, form, count) for count in (0, 5, 20_001))


@pytest.mark.parametrize(
    ("dtype", "form", "count"), list(_tensors()), ids=lambda part: DTYPES.get(part, part)
)
def test_every_element_type_is_read(tmp_path: Path, dtype: int, form: str, count: int) -> None:
    stored = FORMS[form](_numbers(dtype, count))
    proto = model(
        graph(
            [helper.make_node("Identity", ["w"], ["y"])], [], [tensor("y", dtype, None)], [stored]
        )
    )
    path = write(tmp_path, proto)
    _same(path)
    [value, _] = read(path).graphs[0].values
    assert value.constant is not None
    assert (value.dtype, value.shape) == (DTYPES[dtype], (count,))
    if count == 5 and DTYPES[dtype] != "string":
        raw = _raw(stored).raw_data
        assert value.constant.payload == raw


@pytest.mark.parametrize("field", ["float_data", "int64_data", "int32_data"])
def test_elements_written_one_by_one_are_read(tmp_path: Path, field: str) -> None:
    # Parsers must accept a packed field that came unpacked; keys are number << 3 | wire type.
    dtype, written, values = {
        "float_data": (TensorProto.FLOAT, b"\x25\x00\x00\x80\x3f\x25\x00\x00\x00\x40", (1.0, 2.0)),
        "int64_data": (TensorProto.INT64, b"\x38\x05\x38\x06", (5, 6)),
        "int32_data": (TensorProto.UINT8, b"\x28\x05\x28\xff\x01", (5, 255)),
    }[field]
    raw = TensorProto(name="w", dims=[2], data_type=dtype).SerializeToString() + written
    stored = TensorProto.FromString(raw)
    assert len(getattr(stored, field)) == 2
    proto = model(graph([], [], [tensor("w", dtype, [2])]))
    main = proto.graph.SerializeToString() + wire_field(5, raw)
    proto.ClearField("graph")
    data = proto.SerializeToString() + wire_field(7, main)
    [value] = reading(tmp_path, data).graphs[0].values
    assert value.constant is not None
    assert value.constant.elements() == values


ATTRIBUTES = {
    "int": 7, "negative": -3, "float": 0.5, "text": "SAME", "blob": b"\xff\xfe", "ints": [1, -2],
    "floats": [0.5, 2.0], "strings": ["a", "b"], "empty": "",
}  # fmt: skip


def test_attributes_have_the_forms_of_the_model(tmp_path: Path) -> None:
    node = helper.make_node("Any", ["x"], ["y"], domain="com.example", **ATTRIBUTES)
    node.attribute.append(helper.make_attribute("none", [], attr_type=onnx.AttributeProto.INTS))
    type_proto = helper.make_tensor_type_proto(TensorProto.INT8, [3])
    node.attribute.append(helper.make_attribute("type", type_proto))
    tensors = [weights("", 2), weights("", 3)]
    node.attribute.append(helper.make_attribute("tensors", tensors))
    [found] = (
        reading(tmp_path, model(graph([node], [floats("x", 1)], [floats("y", 1)]))).graphs[0].nodes
    )
    attributes = dict(found.attributes)
    stored = attributes.pop("tensors")
    assert isinstance(stored, tuple)
    assert [constant.shape for constant in stored] == [(2,), (3,)]
    assert attributes == {
        "int": 7, "negative": -3, "float": 0.5, "text": "SAME", "blob": b"\xff\xfe",
        "ints": (1, -2), "floats": (0.5, 2.0), "strings": ("a", "b"), "empty": "", "none": (),
        "type": "int8",
    }  # fmt: skip


def test_lists_and_blobs_that_are_weights_are_not_kept(tmp_path: Path) -> None:
    node = helper.make_node("Tree", ["x"], ["y"], domain="com.example")
    for name, value in {
        "floats": [0.5] * 70_000, "ints": [1] * 70_000, "strings": ["a"] * 70_000,
        "blob": bytes(5000), "kept": [3] * 60_000,
    }.items():  # fmt: skip
        node.attribute.append(helper.make_attribute(name, value))
    path = write(tmp_path, model(graph([node], [floats("x", 1)], [floats("y", 1)])))
    attributes = read(path).graphs[0].nodes[0].attributes
    described = {
        name: (value.dtype, value.shape)
        for name, value in attributes.items()
        if not isinstance(value, (int, float, str, bytes, tuple))
    }
    assert described == {
        "floats": ("float32", (70_000,)), "ints": ("int64", (70_000,)),
        "strings": ("string", (70_000,)), "blob": ("uint8", (5000,)),
    }  # fmt: skip
    assert attributes["kept"] == (3,) * 60_000


def test_external_data_is_read_as_if_it_lay_inside(tmp_path: Path) -> None:
    shape = numpy_helper.from_array(np.array([4, -1], np.int64), "shape")
    nodes = [
        helper.make_node("Mul", ["x", "w"], ["h"]),
        helper.make_node("Reshape", ["h", "shape"], ["r"]),
        relu("r", "y"),
    ]
    proto = model(
        graph(nodes, [floats("x", 2, 4000)], [tensor("y", 1, None)], [weights("w", 2, 4000), shape])
    )
    inside = reading(tmp_path, proto)
    path = save_external(tmp_path, proto)
    outside = read(path)
    _same(path)
    assert outside.weight_bytes == inside.weight_bytes == 2 * 4000 * 4 + 16
    assert outside.graphs[0].nodes == inside.graphs[0].nodes
    known = {value.name: value for value in outside.graphs[0].values}
    assert known["shape"].constant is not None
    assert known["shape"].constant.elements() == (4, -1)
    assert known["r"].shape == (4, 2000)
    stored = known["w"].constant
    assert stored is not None
    assert stored.storage is not None
    assert stored.storage.path == (tmp_path / "weights.bin").resolve()


def test_external_data_below_the_folder_and_without_a_length_is_read(tmp_path: Path) -> None:
    proto = model(graph([relu("w", "y")], [], [tensor("y", 1, None)], [weights("w", 3, 4)]))
    (tmp_path / "data").mkdir()
    path = save_external(tmp_path, proto, "data/weights.bin")
    light = onnx.load(path, load_external_data=False)
    entries = light.graph.initializer[0].external_data
    kept = [entry for entry in entries if entry.key != "length"]
    del entries[:]
    entries.extend(kept)
    write(tmp_path, light)
    constant = read(path).graphs[0].values[0].constant
    assert constant is not None
    assert constant.payload == bytes(48)


def test_symbolic_and_unknown_sizes_are_told_apart(tmp_path: Path) -> None:
    x = tensor("x", 1, ["batch", None, 8, "width"])
    x.type.tensor_type.shape.dim[2].dim_value = -1
    proto = model(graph([relu()], [x], [tensor("y", 1, None)]))
    shapes = [value.shape for value in reading(tmp_path, proto).graphs[0].values]
    assert shapes == [("batch", None, None, "width")] * 2


def test_sizes_that_inference_invents_have_no_name(tmp_path: Path) -> None:
    nodes = [helper.make_node("NonZero", ["x"], ["n"]), helper.make_node("Transpose", ["n"], ["y"])]
    proto = model(graph(nodes, [floats("x", 2, 3)], [tensor("y", TensorProto.INT64, None)]))
    shapes = {value.name: value.shape for value in reading(tmp_path, proto).graphs[0].values}
    assert shapes == {"x": (2, 3), "n": (2, None), "y": (None, 2)}


def test_what_the_file_states_in_full_needs_no_inference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subprocess.run", pytest.fail)
    shapes = [value.shape for value in reading(tmp_path, simple()).graphs[0].values]
    assert shapes == [(1, 4), (1, 4)]


def test_shapes_that_are_computed_are_followed(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Slice", ["s", "zero", "one"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["y"]),
    ]
    stored = [
        numpy_helper.from_array(np.array(value, np.int64), name)
        for name, value in {"zero": [0], "one": [1], "rest": [6, 2]}.items()
    ]
    proto = model(graph(nodes, [floats("x", 5, 3, 4)], [tensor("y", 1, None)], stored))
    main = reading(tmp_path, proto).graphs[0]
    assert main.values[main.outputs[0]].shape == (5, 6, 2)


def test_a_sequence_has_neither_type_nor_shape(tmp_path: Path) -> None:
    sequence = helper.make_tensor_sequence_value_info("s", 1, [2])
    node = helper.make_node("SequenceConstruct", ["x"], ["s"])
    main = reading(tmp_path, model(graph([node], [floats("x", 2)], [sequence]))).graphs[0]
    assert [(value.dtype, value.shape) for value in main.values] == [
        ("float32", (2,)),
        (None, None),
    ]


def test_a_digest_follows_structure_and_small_constants_but_no_weights(tmp_path: Path) -> None:
    main, shapes = convolutions(2, 64)
    stored = [weights(name, *shape) for name, shape in shapes.items()]
    main.initializer.extend(stored)
    proto = model(main)
    digest = reading(tmp_path, proto).digest
    proto.graph.initializer[0].raw_data = b"\x01" * len(proto.graph.initializer[0].raw_data)
    assert reading(tmp_path, proto).digest == digest
    proto.graph.node[1].op_type = "Selu"
    assert reading(tmp_path, proto).digest != digest


def test_text_of_the_file_comes_as_text(tmp_path: Path) -> None:
    proto = simple(producer_name="exporter", producer_version="1.2")
    helper.set_model_props(proto, {"author": "Ω", "note": "two"})
    found = reading(tmp_path, proto)
    assert (found.producer, found.metadata) == ("exporter 1.2", {"author": "Ω", "note": "two"})
    assert found.dialect == "onnx"

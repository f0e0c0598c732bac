"""TFLite files as models: what is read, and that it is what the runtime's own schema code reads."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as generated
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
    unpack,
    write,
)

from npulint import load
from npulint.formats.tflite import SCHEMA
from npulint.formats.tflite_tensors import dtype_of
from npulint.model import INLINE_LIMIT, OMITTED, Constant, Model, Quantisation, Storage


def _load(folder: Path, model: Any) -> Model:
    return load(write(folder, model))


# --- real files ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", REAL_FILES, ids=lambda path: path.stem)
def test_real_files_read_as_the_generated_code_reads_them(path: Path) -> None:
    model = load(path)
    other = unpack(path.read_bytes())

    assert len(model.graphs) == len(other.subgraphs)
    for graph, subgraph in zip(model.graphs, other.subgraphs, strict=True):
        assert graph.inputs == tuple(subgraph.inputs)
        assert graph.outputs == tuple(subgraph.outputs)
        for value, stored in zip(graph.values, subgraph.tensors, strict=True):
            _compare_value(value, stored, other)
        for node, stored in zip(graph.nodes, subgraph.operators or [], strict=True):
            entry = other.operatorCodes[stored.opcodeIndex]
            number = max(entry.builtinCode, entry.deprecatedBuiltinCode)
            assert node.op == SCHEMA.names("BuiltinOperator")[number]
            assert node.version == entry.version
            assert node.inputs == tuple(stored.inputs)
            assert node.outputs == tuple(stored.outputs)


def _compare_value(value: Any, stored: Any, other: Any) -> None:
    assert value.name == stored.name.decode()
    assert value.dtype == dtype_of(SCHEMA.names("TensorType")[stored.type])
    assert value.shape == tuple([] if stored.shape is None else stored.shape)
    quantisation = stored.quantization
    if quantisation is None or quantisation.scale is None or not len(quantisation.scale):
        assert value.quantisation is None
    else:
        assert value.quantisation == Quantisation(
            tuple(float(scale) for scale in quantisation.scale),
            tuple(int(point) for point in quantisation.zeroPoint),
            quantisation.quantizedDimension,
        )
    data = other.buffers[stored.buffer].data
    assert (value.constant is None) == (data is None)
    if data is not None and value.constant is not None:
        assert value.constant.nbytes == len(data)
        assert value.constant.read().tobytes() == bytes(data)


def test_models_say_where_they_come_from() -> None:
    model = load(next(path for path in EXPORTED_FILES if path.stem == "smallnet"))
    assert model.dialect == "tflite"
    assert model.version == 3
    assert model.producer.startswith("TensorFlow 2.")
    assert model.minimum_runtime is not None
    assert model.minimum_runtime.count(".") == 2
    assert model.metadata["min_runtime_version"] == model.minimum_runtime
    (signature,) = model.signatures
    assert [index for _, index in signature.inputs] == list(model.graphs[0].inputs)


# --- tensors -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "dtype"),
    [
        ("FLOAT32", "float32"),
        ("BOOL", "bool"),
        ("COMPLEX128", "complex128"),
        ("INT4", "int4"),
        ("BFLOAT16", "bfloat16"),
        ("FLOAT8_E4M3FN", "float8e4m3fn"),
        ("FLOAT8_E5M2", "float8e5m2"),
        ("STRING", "string"),
        ("RESOURCE", "resource"),
        ("VARIANT", "variant"),
    ],
)
def test_element_types(stored: str, dtype: str, tmp_path: Path) -> None:
    parts = chain()
    parts.main.tensors[0].type = getattr(generated.TensorType, stored)
    assert _load(tmp_path, parts.model).graphs[0].values[0].dtype == dtype


def test_unknown_sizes_stand_in_the_shape_signature(tmp_path: Path) -> None:
    parts = chain()
    parts.main.tensors[0].shapeSignature = [-1, 2]
    value = _load(tmp_path, parts.model).graphs[0].values[0]
    assert value.shape == (1, 2)
    assert value.shape_signature == (None, 2)


def test_a_scalar_has_rank_0_whatever_it_says_of_its_rank(tmp_path: Path) -> None:
    for has_rank in (False, True):
        parts = chain()
        parts.main.tensors[0].shape = []
        parts.main.tensors[0].hasRank = has_rank
        assert _load(tmp_path, parts.model).graphs[0].values[0].shape == ()


def test_quantisation_per_channel(tmp_path: Path) -> None:
    parts = chain()
    parts.main.tensors[0].quantization = table(
        "QuantizationParameters", scale=[0.5, 0.25], zero_point=[0, 0], quantized_dimension=1
    )
    quantisation = _load(tmp_path, parts.model).graphs[0].values[0].quantisation
    assert quantisation == Quantisation((0.5, 0.25), (0, 0), 1)
    assert quantisation.per_channel


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"scale": [], "zero_point": []},
        {"min": [0.0], "max": [1.0]},
        {"zero_point": [3]},
        {
            "scale": [0.5],
            "zero_point": [0],
            "details_type": 2,
            "details": table("BlockwiseQuantization", scales=1, block_size=32),
        },
    ],
    ids=["nothing", "empty", "range", "zero point", "blockwise"],
)
def test_what_is_no_affine_quantisation(fields: dict[str, Any], tmp_path: Path) -> None:
    parts = chain()
    parts.main.tensors[0].quantization = table("QuantizationParameters", **fields)
    assert _load(tmp_path, parts.model).graphs[0].values[0].quantisation is None


def test_small_constants_are_kept_and_large_ones_stay_in_the_file(tmp_path: Path) -> None:
    count = INLINE_LIMIT // 4
    parts = chain()
    parts.model.buffers += [
        table("Buffer", data=floats(*range(count))),
        table("Buffer", data=floats(*range(count + 1))),
    ]
    parts.main.tensors += [
        tensor("small", (count,), buffer=2),
        tensor("big", (count + 1,), buffer=3),
    ]

    path = write(tmp_path, parts.model)
    model = load(path)

    small, big = (value.constant for value in model.graphs[0].values[4:])
    assert small is not None
    assert small.storage is None
    assert small.elements() == tuple(float(i) for i in range(count))
    assert big is not None
    assert big.payload is None
    assert big.storage is not None
    assert big.storage.path == path
    np.testing.assert_array_equal(big.read(), np.arange(count + 1, dtype=np.float32))
    assert model.weight_bytes == 8 + 4 * count + 4 * (count + 1)


def test_tensors_may_share_a_buffer(tmp_path: Path) -> None:
    parts = chain()
    parts.main.tensors.append(tensor("again", (2, 1), buffer=1))
    model = _load(tmp_path, parts.model)
    assert model.graphs[0].values[4].constant is not None
    assert model.weight_bytes == 8


def test_data_outside_the_flatbuffer(tmp_path: Path) -> None:
    parts = chain()
    parts.model.buffers[1] = table("Buffer", offset=1 << 40, size=8)
    length = len(pack(parts.model))
    parts.model.buffers[1] = table("Buffer", offset=length, size=8)
    path = write(tmp_path, parts.model)
    with path.open("ab") as stream:
        stream.write(struct.pack("<2f", 3, 4))
    constant = load(path).graphs[0].values[1].constant
    assert constant is not None
    assert constant.elements() == (3.0, 4.0)


def test_files_over_two_gibibytes(tmp_path: Path) -> None:
    place = (1 << 31) + 4096
    parts = chain()
    parts.model.buffers[1] = table("Buffer", offset=place, size=8000)
    parts.main.tensors[1].shape = [2000]
    path = write(tmp_path, parts.model)
    with path.open("r+b") as stream:
        stream.truncate(place)  # a sparse file: it takes no room on the disk
        stream.seek(place)
        stream.write(np.arange(2000, dtype="<f4").tobytes())
    model = load(path)
    constant = model.graphs[0].values[1].constant
    assert model.size == place + 8000
    assert constant is not None
    assert constant.storage == Storage(path, place, 8000)
    assert constant.read()[-1] == 1999


def test_sparse_constants_are_not_read(tmp_path: Path) -> None:
    parts = chain()
    parts.main.tensors[1].shape = [1000]
    parts.main.tensors[1].sparsity = table(
        "SparsityParameters",
        traversal_order=[0],
        dim_metadata=[table("DimensionMetadata", dense_size=1000)],
    )
    constant = _load(tmp_path, parts.model).graphs[0].values[1].constant
    assert constant is not None
    assert constant.sparse
    assert constant.elements() is None


def test_variables_make_their_nodes_stateful(tmp_path: Path) -> None:
    parts = chain()
    parts.main.tensors[1] = tensor("state", (2,), is_variable=True)
    graph = _load(tmp_path, parts.model).graphs[0]
    assert graph.values[1].variable
    assert graph.values[1].constant is None
    assert [node.stateful for node in graph.nodes] == [True, False]


@pytest.mark.parametrize(
    ("op", "stateful"), [("READ_VARIABLE", True), ("HASHTABLE", True), ("RELU", False)]
)
def test_resources_make_their_operators_stateful(op: str, stateful: bool, tmp_path: Path) -> None:
    parts = chain()
    parts.model.operatorCodes[0] = code(op)
    assert _load(tmp_path, parts.model).graphs[0].nodes[0].stateful is stateful


# --- external buffers ----------------------------------------------------------------------


def _with_external_data(location: str, length: int = 8) -> Any:
    parts = chain()
    parts.main.tensors[1] = tensor("elsewhere", (2,), external_buffer=7)
    parts.model.externalBufferGroups = [table("ExternalBufferGroup", name=location.encode())]
    parts.model.externalBuffers = [
        table("ExternalBuffer", id=7, group=0, offset=4, length=length, packing=b"")
    ]
    return parts.model


def test_external_data_is_found_and_is_no_constant(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(12))
    model = _load(tmp_path, _with_external_data("weights.bin"))
    assert model.graphs[0].values[1].constant is None
    assert model.weight_bytes == 8


# --- nodes ---------------------------------------------------------------------------------


def test_operands_left_out(tmp_path: Path) -> None:
    parts = chain()
    parts.main.operators[0].inputs = [0, -1]
    graph = _load(tmp_path, parts.model).graphs[0]
    assert graph.nodes[0].inputs == (0, OMITTED)
    assert graph.operation(graph.nodes[0]).inputs[1] is None


@pytest.mark.parametrize(
    ("old", "new", "op"),
    [
        (9, 0, "FULLY_CONNECTED"),
        (0, 9, "FULLY_CONNECTED"),
        (127, 150, "GELU"),
        (127, 0, "PLACEHOLDER_FOR_GREATER_OP_CODES"),
        (-5, 0, "ADD"),
        (127, 5000, "BUILTIN_5000"),
    ],
)
def test_the_larger_operator_code_counts(old: int, new: int, op: str, tmp_path: Path) -> None:
    parts = chain()
    parts.model.operatorCodes[0] = table(
        "OperatorCode", deprecated_builtin_code=old, builtin_code=new
    )
    node = _load(tmp_path, parts.model).graphs[0].nodes[0]
    assert (node.op, node.version, node.custom) == (op, 1, False)


def test_custom_operators(tmp_path: Path) -> None:
    parts = chain()
    parts.model.operatorCodes[0] = code("CUSTOM", version=2, custom="TFLite_Detection_PostProcess")
    parts.main.operators[0] = operator(0, [0, 1], [2], custom_options=[1, 2, 3])
    node = _load(tmp_path, parts.model).graphs[0].nodes[0]
    assert (node.op, node.version, node.custom) == ("TFLite_Detection_PostProcess", 2, True)
    assert node.attributes == {"custom_options": b"\1\2\3"}


def test_large_custom_options(tmp_path: Path) -> None:
    parts = chain()
    parts.model.operatorCodes[0] = code("CUSTOM", custom="Mine")
    parts.main.operators[0] = operator(
        0, [0, 1], [2], large_custom_options_offset=1 << 40, large_custom_options_size=5000
    )
    place = len(pack(parts.model))
    parts.main.operators[0].largeCustomOptionsOffset = place
    path = write(tmp_path, parts.model)
    with path.open("ab") as stream:
        stream.write(bytes(5000))
    options = load(path).graphs[0].nodes[0].attributes["custom_options"]
    assert isinstance(options, Constant)
    assert options.storage == Storage(path, place, 5000)


def test_options_of_another_operator_are_not_read(tmp_path: Path) -> None:
    parts = chain()
    parts.main.operators[0] = operator(
        0, [0, 1], [2], options=table("SubOptions", fused_activation_function=1)
    )
    node = _load(tmp_path, parts.model).graphs[0].nodes[0]
    assert node.attributes["fused_activation_function"] == "NONE"


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("CONV_2D", {"padding": "UNKNOWN", "stride_w": 0, "dilation_w_factor": 0}),
        ("MIRROR_PAD", {"mode": "UNKNOWN"}),
        ("ADD", {"fused_activation_function": "NONE", "pot_scale_int16": False}),
        ("CAST", {"in_data_type": "none", "out_data_type": "none"}),
        ("RESHAPE", {"new_shape": ()}),
        ("LEAKY_RELU", {"alpha": 0.0}),
        ("RELU", {}),
    ],
)
def test_options_left_out_altogether_are_zero_as_in_the_runtime(
    op: str, attributes: dict[str, Any], tmp_path: Path
) -> None:
    parts = chain()
    parts.model.operatorCodes[0] = code(op)
    parts.main.operators[0] = operator(0, [0, 1], [2])
    found = _load(tmp_path, parts.model).graphs[0].nodes[0].attributes
    assert attributes.items() <= dict(found).items()


def test_enumerators_beyond_the_schema_are_shown_by_number(tmp_path: Path) -> None:
    parts = chain()
    parts.main.operators[0].builtinOptions.fusedActivationFunction = 77
    node = _load(tmp_path, parts.model).graphs[0].nodes[0]
    assert node.attributes["fused_activation_function"] == "ActivationFunctionType(77)"


def test_intermediates_and_mutated_inputs(tmp_path: Path) -> None:
    parts = chain()
    parts.main.operators[0].intermediates = [3]
    parts.main.operators[0].mutatingVariableInputs = [False, True]
    node = _load(tmp_path, parts.model).graphs[0].nodes[0]
    assert node.attributes["intermediates"] == (3,)
    assert node.attributes["mutating_variable_inputs"] == (False, True)
    assert node.stateful


# --- graphs --------------------------------------------------------------------------------


def test_graphs_that_nodes_run(tmp_path: Path) -> None:
    parts = chain()
    parts.model.operatorCodes = [code("WHILE"), code("STABLEHLO_CASE")]
    parts.main.operators = [
        operator(
            0, [0], [2], options=table("WhileOptions", cond_subgraph_index=1, body_subgraph_index=2)
        ),
        operator(
            1, [2], [3], options=table("StablehloCaseOptions", branch_subgraph_indices=[1, 2])
        ),
    ]
    parts.model.subgraphs.append(chain().other)
    model = _load(tmp_path, parts.model)
    assert [graph.kind for graph in model.graphs] == ["main", "subgraph", "subgraph"]
    assert [graph.name for graph in model.graphs] == ["main", "other", "other"]
    first, second = model.graphs[0].nodes
    assert first.bodies == (("cond_subgraph_index", 1), ("body_subgraph_index", 2))
    assert second.bodies == (("branch_subgraph_indices", 1), ("branch_subgraph_indices", 2))


def test_the_network_of_a_graph(tmp_path: Path) -> None:
    parts = chain()
    network = _load(tmp_path, parts.model).graphs[0].network
    assert list(network.edges(keys=True)) == [(0, 1, (2, 0))]


def test_signatures(tmp_path: Path) -> None:
    parts = chain()
    parts.model.signatureDefs = [
        table(
            "SignatureDef",
            signature_key=b"serve",
            subgraph_index=0,
            inputs=[table("TensorMap", name=b"in", tensor_index=0)],
            outputs=[table("TensorMap", name=b"out", tensor_index=3)],
        )
    ]
    (signature,) = _load(tmp_path, parts.model).signatures
    assert (signature.key, signature.graph) == ("serve", 0)
    assert signature.inputs == (("in", 0),)
    assert signature.outputs == (("out", 3),)


# --- metadata ------------------------------------------------------------------------------


def _with_metadata(**entries: bytes) -> Any:
    parts = chain()
    parts.model.metadata = []
    for name, content in entries.items():
        parts.model.metadata.append(
            table("Metadata", name=name.encode(), buffer=len(parts.model.buffers))
        )
        parts.model.buffers.append(table("Buffer", data=list(content)))
    return parts.model


def test_metadata_is_text_where_it_is_text(tmp_path: Path) -> None:
    model = _load(
        tmp_path,
        _with_metadata(
            min_runtime_version=b"1.14.0\0\0\0\0\0\0\0\0\0\0",
            reduced_precision_support=b"fp16",
            binary=b"\xff\x00\x01",
            long=b"a" * (INLINE_LIMIT + 1),
        ),
    )
    assert model.minimum_runtime == "1.14.0"
    assert model.metadata == {
        "min_runtime_version": "1.14.0",
        "reduced_precision_support": "fp16",
        "binary": "",
        "long": "",
        "description": "made by a test",
    }
    assert model.producer == "made by a test"
    assert model.weight_bytes == 8


@pytest.mark.parametrize(
    ("content", "edges"),
    [
        # version 1; two graphs; two pairs: (0, 3), (1, 64); no pair. Pairs are zigzag.
        (bytes([1, 2, 2, 0, 6, 2, 0x80, 1, 0]), [[[0, 3], [1, 64]], []]),
        (bytes([1, 2, 0, 0]), [[], []]),
        (bytes([1, 1, 0]), None),
        (bytes([2, 2, 0, 0]), None),
        (bytes([1, 2, 0, 0, 0]), None),
        (bytes([1, 2, 0x80]), None),
        (bytes([1, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]), None),
        (bytes([1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]), None),
    ],
    ids=[
        "edges", "none", "another number of graphs", "another version", "too long", "cut",
        "absurd count", "endless number",
    ],
)  # fmt: skip
def test_control_dependencies(content: bytes, edges: Any, tmp_path: Path) -> None:
    model = _load(tmp_path, _with_metadata(model_control_dependencies=content))
    text = model.metadata["model_control_dependencies"]
    assert (json.loads(text) if text else None) == edges


def test_conversion_metadata_that_is_none_is_passed_over(tmp_path: Path) -> None:
    model = _load(tmp_path, _with_metadata(CONVERSION_METADATA=b"\xff" * 40))
    assert model.producer == "made by a test"


# --- digest --------------------------------------------------------------------------------


def test_the_digest_stands_for_what_was_read(tmp_path: Path) -> None:
    def digest(**change: Any) -> str:
        parts = chain()
        big = np.full(8000, change.get("weight", 0), np.uint8)
        parts.model.buffers.append(table("Buffer", data=big))
        parts.main.tensors.append(tensor("big", (2000,), buffer=2))
        parts.main.tensors[0].name = change.get("name", b"x")
        parts.model.buffers[1].data = floats(1, change.get("constant", 2))
        return _load(tmp_path, parts.model).digest

    assert len(digest()) == 64
    assert digest() == digest()
    assert digest() == digest(weight=1)
    assert digest() != digest(name=b"w")
    assert digest() != digest(constant=3)

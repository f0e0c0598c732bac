"""TFLite files written again: what was not changed is as it was, and runs as it did."""

from __future__ import annotations

import json
import random
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import runtimes
from ai_edge_litert import schema_py_generated as generated
from editing import (
    add_value,
    floats,
    reading,
    remove_node,
    said,
    with_graph,
    with_node,
    with_nodes,
    with_value,
)
from tflite_building import (
    EXPORTED_FILES,
    REAL_FILES,
    chain,
    code,
    operator,
    table,
    tensor,
    unpack,
    write,
)
from tflite_building import floats as float_bytes

from npulint.errors import InvalidModelError
from npulint.formats import load, save
from npulint.formats.tflite import SCHEMA
from npulint.formats.tflite_options import OPERATORS_OF
from npulint.formats.tflite_tensors import dtype_of
from npulint.model import Attribute, Constant, Graph, Model, Node, Quantisation, Value

CONTROL = "model_control_dependencies"


def plain(made: Any) -> Any:
    """An object of the generated code as something that can be compared."""
    if isinstance(made, np.ndarray):
        return made.tolist()
    if isinstance(made, list):
        return [plain(item) for item in made]
    if hasattr(made, "__dict__"):
        return type(made).__name__, {name: plain(item) for name, item in vars(made).items()}
    return made


def written(folder: Path, model: Model) -> Any:
    """The objects of the generated code for what is written of a model."""
    save(model, folder / "new.tflite")
    return unpack((folder / "new.tflite").read_bytes())


# --- nothing changed -----------------------------------------------------------------------


@pytest.mark.parametrize("path", REAL_FILES, ids=lambda path: path.stem)
def test_real_files_are_written_as_they_were(path: Path, tmp_path: Path) -> None:
    model = load(path)
    save(model, tmp_path / "new.tflite")

    old, new = path.read_bytes(), (tmp_path / "new.tflite").read_bytes()
    assert plain(unpack(new)) == plain(unpack(old))
    assert new[4:8] == b"TFL3"
    assert said(load(tmp_path / "new.tflite")) == said(model)
    for offset, _ in stored_spans(new):
        assert offset % 16 == 0


def stored_spans(data: bytes) -> list[tuple[int, int]]:
    """Where the buffers of a file have their bytes."""
    model = generated.Model.GetRootAsModel(data, 0)
    spans = []
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        if buffer.DataLength():
            vector = buffer._tab.Vector(buffer._tab.Offset(4))
            spans.append((vector, buffer.DataLength()))
        elif buffer.Offset() > 1:
            spans.append((buffer.Offset(), buffer.Size()))
    return spans


def test_real_files_run_as_they_did(tmp_path: Path, full: bool) -> None:
    sample = REAL_FILES if full else [*random.Random(3).sample(REAL_FILES, 12), *EXPORTED_FILES]
    for path in sample:
        save(load(path), tmp_path / "new.tflite")
        assert outcome(tmp_path / "new.tflite") == outcome(path), path


def outcome(path: Path) -> Any:
    """The outputs of a model as bytes, or why the runtime does not take it."""
    try:
        return [(made.shape, made.tobytes()) for made in runtimes.litert(path)]
    except (RuntimeError, ValueError) as error:
        return str(error)


def rich() -> Any:
    """A model with one of everything that npulint does not look at."""
    parts = chain()
    x, constant, total, y = parts.main.tensors
    x.shapeSignature, x.hasRank = [-1, 2], True
    x.quantization = table("QuantizationParameters", min=[0.5], max=[1.5])
    constant.quantization = table(
        "QuantizationParameters",
        min=[-1.0, -2.0],
        max=[1.0, 2.0],
        scale=[0.5, 0.25],
        zero_point=[3, 4],
        details=table("CustomQuantization", custom=np.frombuffer(b"\1\2\3", np.uint8)),
        details_type=1,
    )
    total.quantization = table(
        "QuantizationParameters",
        details=table("BlockwiseQuantization", scales=1, zero_points=2, block_size=32),
        details_type=2,
    )
    y.name = b"not utf-8: \xff\xfe"
    axis = table(
        "DimensionMetadata",
        format=1,
        array_segments=table("Uint8Vector", values=np.array([0, 1, 2], np.uint8)),
        array_segments_type=3,
        array_indices=table("Uint16Vector", values=np.arange(5000, dtype=np.uint16)),
        array_indices_type=2,
    )
    dense = table("DimensionMetadata", dense_size=2)
    parts.main.tensors += [
        tensor("state", (1, 4), is_variable=True),
        tensor(
            "sparse",
            (2, 2),
            buffer=2,
            sparsity=table(
                "SparsityParameters",
                traversal_order=[0, 1],
                block_map=[],
                dim_metadata=[dense, axis],
            ),
        ),
        tensor("list", (), "VARIANT", variant_tensors=[table("VariantSubType", shape=[2], type=2)]),
        tensor("custom", (1, 2)),
        tensor("inner", (1, 2)),
    ]
    parts.model.buffers += [table("Buffer", data=np.arange(5000, dtype=np.uint8)), table("Buffer")]
    parts.model.buffers += [table("Buffer", data=np.frombuffer(text, np.uint8)) for text in META]
    parts.model.metadata = [
        table("Metadata", name=b"min_runtime_version", buffer=4),
        table("Metadata", name=b"secret", buffer=5),
        table("Metadata", name=CONTROL.encode(), buffer=6),
    ]
    parts.model.metadataBuffer = [5]
    parts.model.operatorCodes += [code("CUSTOM", 2, "Mine"), code("CONV_2D", 3), code("DILATE")]
    options = np.frombuffer(bytes(range(256)) * 20, np.uint8)
    parts.main.operators += [
        operator(
            2,
            [3, 4],
            [7],
            custom_options=options,
            mutating_variable_inputs=[False, True],
            intermediates=[8],
            debug_metadata_index=17,
        ),
        operator(4, [7, -1], [8], options=table("DilateOptions")),
    ]
    parts.main.debugMetadataIndex = 5
    parts.model.signatureDefs = [
        table(
            "SignatureDef",
            signature_key=b"run",
            subgraph_index=0,
            inputs=[table("TensorMap", name=b"in", tensor_index=0)],
            outputs=[table("TensorMap", name=b"out", tensor_index=3)],
        )
    ]
    return parts


# The control dependencies say that node 0 runs before node 1, and that before node 3.
META = (b"1.5.0\0\0\0", bytes(range(200, 256)), bytes([1, 2, 2, 0, 2, 2, 6, 0]))


def test_what_npulint_does_not_read_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path, rich().model)
    assert plain(written(tmp_path, load(path))) == plain(unpack(path.read_bytes()))


def test_a_change_changes_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path, rich().model)
    model = with_value(load(path), 0, 2, name="renamed", shape=(1, 3))
    new = written(tmp_path, model)
    expected = unpack(path.read_bytes())
    expected.subgraphs[0].tensors[2].name = b"renamed"
    expected.subgraphs[0].tensors[2].shape = [1, 3]
    assert plain(new) == plain(expected)


def test_slots_that_are_no_longer_used_are_kept(tmp_path: Path) -> None:
    """RESIZE_BILINEAR once had its size in its options; the generated code does not know."""
    import flatbuffers

    builder = flatbuffers.Builder(64)
    builder.StartObject(4)
    builder.PrependInt32Slot(0, 640, 0)
    builder.PrependBoolSlot(3, True, False)
    old = builder.EndObject()

    class Packed:
        def Pack(self, outer: Any) -> Any:  # noqa: N802
            outer.StartObject(4)
            outer.PrependInt32Slot(0, 640, 0)
            outer.PrependBoolSlot(3, True, False)
            return outer.EndObject()

    assert old
    parts = chain()
    parts.model.operatorCodes[1] = code("RESIZE_BILINEAR")
    made = parts.main.operators[1]
    made.builtinOptionsType = generated.BuiltinOptions.ResizeBilinearOptions
    made.builtinOptions = Packed()
    save(load(write(tmp_path, parts.model)), tmp_path / "new.tflite")
    data = (tmp_path / "new.tflite").read_bytes()
    operator_table = generated.Model.GetRootAsModel(data, 0).Subgraphs(0).Operators(1)
    options = operator_table.BuiltinOptions()
    at = options.Offset(4)
    assert at
    assert struct.unpack_from("<i", data, options.Pos + at) == (640,)


# --- nodes ---------------------------------------------------------------------------------


def test_a_node_is_removed_and_positions_follow(tmp_path: Path) -> None:
    path = write(tmp_path, rich().model)
    model = load(path)
    model = remove_node(model, model.graphs[0], 1)
    save(model, tmp_path / "new.tflite")
    again = load(tmp_path / "new.tflite")
    # Node 1 stood between 0 and 3 in the control dependencies, and 3 is now 2.
    expected = dict(model.metadata)
    expected[CONTROL] = json.dumps([[[0, 2]], []])
    assert said(again) == said(replace(model, metadata=expected))
    codes = unpack((tmp_path / "new.tflite").read_bytes()).operatorCodes
    # RELU has gone with its only node; CONV_2D had no node before either.
    assert [max(c.builtinCode, c.deprecatedBuiltinCode) for c in codes] == [0, 32, 3, 203]


def test_new_nodes_get_operator_codes_of_their_own(tmp_path: Path) -> None:
    path = write(tmp_path, chain().model)
    model = load(path)
    graph, index = add_value(model.graphs[0], replace(model.graphs[0].values[2], name="new"))
    graph = reading(graph, {2: index})
    gelu = Node(0, 0, "GELU", 1, (2,), (index,), {"approximate": True})
    twin = Node(0, 0, "RELU", 2, (2,), (index,))
    for node, number, version in ((gelu, 150, 1), (twin, 19, 2)):
        new = written(
            tmp_path, with_graph(model, with_nodes(graph, [graph.nodes[0], node, *graph.nodes[1:]]))
        )
        added = new.operatorCodes[2]
        assert (added.builtinCode, added.version) == (number, version)
        assert added.deprecatedBuiltinCode == min(number, 127)
        assert [o.opcodeIndex for o in new.subgraphs[0].operators] == [0, 2, 1]


def test_control_dependencies_follow_nodes_that_move(tmp_path: Path) -> None:
    parts = rich()
    parts.main.operators[1].inputs = [0]
    model = load(write(tmp_path, parts.model))
    graph = model.graphs[0]
    one, two, *rest = graph.nodes
    new = with_graph(model, with_nodes(graph, [two, one, *rest]))
    save(new, tmp_path / "new.tflite")
    assert json.loads(load(tmp_path / "new.tflite").metadata[CONTROL]) == [[[1, 0], [0, 3]], []]


def test_metadata_and_description_are_written(tmp_path: Path) -> None:
    model = load(write(tmp_path, rich().model))
    metadata = {k: v for k, v in model.metadata.items() if k != "secret"}
    metadata.update({"min_runtime_version": "2.0.0", "more": "text", "description": "now"})
    metadata[CONTROL] = json.dumps([[[3, -1]], []])
    save(replace(model, metadata=metadata), tmp_path / "new.tflite")
    again = load(tmp_path / "new.tflite")
    assert again.metadata == metadata
    assert again.minimum_runtime == "2.0.0"


def test_signatures_follow_values(tmp_path: Path) -> None:
    model = load(write(tmp_path, rich().model))
    smaller = remove_node(model, model.graphs[0], 0)
    assert smaller.signatures != model.signatures
    save(smaller, tmp_path / "new.tflite")
    assert load(tmp_path / "new.tflite").signatures == smaller.signatures


OPTION_CASES = sorted((op, made) for made, ops in OPERATORS_OF.items() for op in ops.split())


@pytest.mark.parametrize(("op", "made"), OPTION_CASES, ids=[op for op, _ in OPTION_CASES])
def test_options_are_encoded_as_they_are_decoded(op: str, made: str, tmp_path: Path) -> None:
    for seed in range(3):
        attributes, bodies = random_options(made, random.Random(seed))
        node = Node(0, 0, op, 1, (0,), (1,), attributes, bodies=bodies)
        values = tuple(Value(i, f"v{i}", "float32", (1,)) for i in range(2))
        graphs = [Graph(0, "main", "tflite", values, (node,), (0,), (1,))]
        graphs += [
            Graph(i, f"g{i}", "tflite", values[:1], (), (0,), (0,), "subgraph") for i in (1, 2)
        ]
        save(Model(Path(), "tflite", 0, "", tuple(graphs), 0), tmp_path / "new.tflite")
        again = load(tmp_path / "new.tflite").graphs[0].nodes[0]
        assert (again.op, again.attributes, again.bodies) == (op, attributes, bodies)
        stored = unpack((tmp_path / "new.tflite").read_bytes()).subgraphs[0].operators[0]
        assert made + "T" in {
            type(stored.builtinOptions).__name__,
            type(stored.builtinOptions2).__name__,
        }


def random_options(
    made: str, source: random.Random
) -> tuple[dict[str, Attribute], tuple[tuple[str, int], ...]]:
    attributes: dict[str, Any] = {}
    bodies: list[tuple[str, int]] = []
    for field in SCHEMA.fields(made):
        names = SCHEMA.names(field.type)

        def one(field: Any = field, names: tuple[str, ...] = names) -> Any:
            if names:
                name = source.choice(names)
                return dtype_of(name) if field.type == "TensorType" else name
            if field.type == "bool":
                return source.random() < 0.5
            if field.code == "f":
                return source.choice([0.0, 1.5, -2.25])
            return source.choice([0, 1, 5, 1 << 20])

        is_body = field.name.endswith("_subgraph_index") or field.name in (
            "subgraph",
            "branch_subgraph_indices",
            "called_computations",
        )
        if is_body:
            several = field.kind == "vector"
            graphs = (1, 2) if several else (source.choice([1, 2]),)
            bodies += [(field.name, graph) for graph in graphs]
            attributes[field.name] = graphs if several else graphs[0]
        elif field.kind == "vector":
            attributes[field.name] = tuple(one() for _ in range(source.randrange(3)))
        elif field.kind == "span":
            attributes[field.name] = bytes(source.randrange(3))
        else:
            attributes[field.name] = "text" if field.kind == "string" else one()
    return attributes, tuple(bodies)


def test_operators_without_options_get_what_converters_write(tmp_path: Path) -> None:
    """Empty tables as in the real files, of which some leave them out."""
    known: dict[str, set[tuple[int, int]]] = {}
    for path in REAL_FILES:
        model = unpack(path.read_bytes())
        for graph in model.subgraphs:
            for stored in graph.operators or []:
                entry = model.operatorCodes[stored.opcodeIndex]
                op = SCHEMA.names("BuiltinOperator")[
                    max(entry.builtinCode, entry.deprecatedBuiltinCode)
                ]
                types = stored.builtinOptionsType, stored.builtinOptions2Type
                known.setdefault(op, set()).add(types)
    with_tables = {op: max(types) for op, types in known.items() if max(types) > (0, 0)}
    empty = with_tables.keys() - dict(OPTION_CASES).keys()
    assert len(empty) > 30
    bare = {
        op for op in known.keys() - with_tables.keys() if op.startswith(("RELU", "LOG", "TANH"))
    }
    assert len(bare) >= 3
    values = tuple(Value(i, f"v{i}", "float32", (1,)) for i in range(2))
    for op in empty | bare:
        node = Node(0, 0, op, 1, (0,), (1,))
        made = Graph(0, "main", "tflite", values, (node,), (0,), (1,))
        new = written(tmp_path, Model(Path(), "tflite", 0, "", (made,), 0))
        (stored,) = new.subgraphs[0].operators
        types = stored.builtinOptionsType, stored.builtinOptions2Type
        assert types == with_tables.get(op, (0, 0)), op


def test_options_that_a_file_leaves_out_stay_out(tmp_path: Path) -> None:
    parts = chain()
    parts.model.operatorCodes[1] = code("MAX_POOL_2D")
    model = load(write(tmp_path, parts.model))
    pool = model.graphs[0].nodes[1]
    assert pool.attributes["padding"] == "UNKNOWN"
    moved = with_node(model, 0, 1, origin=None)
    assert written(tmp_path, moved).subgraphs[0].operators[1].builtinOptions is None
    mixed = {**pool.attributes, "stride_w": 2}
    with pytest.raises(
        InvalidModelError, match=r"padding cannot be 'UNKNOWN'; it takes one of SAME"
    ):
        save(with_node(model, 0, 1, attributes=mixed), tmp_path / "no.tflite")


# --- values --------------------------------------------------------------------------------


def test_constants_are_replaced_and_old_bytes_go(tmp_path: Path) -> None:
    path = write(tmp_path, chain().model)
    model = with_value(load(path), 0, 1, constant=floats((2,), 7.0, 8.0))
    new = written(tmp_path, model)
    assert bytes(new.buffers[new.subgraphs[0].tensors[1].buffer].data) == struct.pack("<2f", 7, 8)
    assert struct.pack("<2f", 1, 2) not in (tmp_path / "new.tflite").read_bytes()
    assert said(load(tmp_path / "new.tflite")) == said(model)


def test_a_sparse_tensor_made_dense_loses_its_sparsity(tmp_path: Path) -> None:
    model = load(write(tmp_path, rich().model))
    assert model.graphs[0].values[5].constant is not None
    assert model.graphs[0].values[5].constant.sparse
    dense = with_value(model, 0, 5, constant=floats((2, 2), 1, 2, 3, 4))
    made = written(tmp_path, dense).subgraphs[0].tensors[5]
    assert made.sparsity is None
    assert said(load(tmp_path / "new.tflite")) == said(dense)


def test_large_constants_are_shared_and_copied_between_files(tmp_path: Path) -> None:
    parts = chain()
    parts.main.tensors[1].shape = [5000]
    parts.model.buffers[1].data = float_bytes(*range(5000))
    model = load(write(tmp_path, parts.model))
    constant = model.graphs[0].values[1].constant
    assert constant is not None
    assert constant.storage is not None
    twice, index = add_value(
        model.graphs[0], replace(model.graphs[0].values[1], name="twin", origin=None)
    )
    new = written(tmp_path, with_graph(model, twice))
    assert new.subgraphs[0].tensors[index].buffer == new.subgraphs[0].tensors[1].buffer

    (tmp_path / "other").mkdir()
    other = load(write(tmp_path / "other", chain().model))
    stolen = with_value(other, 0, 1, constant=constant, shape=(5000,))
    save(stolen, tmp_path / "stolen.tflite")
    assert said(load(tmp_path / "stolen.tflite")) == said(stolen)


def test_quantisation_is_written_and_taken_away(tmp_path: Path) -> None:
    model = load(write(tmp_path, rich().model))
    model = with_value(model, 0, 1, quantisation=None)
    model = with_value(model, 0, 2, quantisation=Quantisation((0.5, 0.25), (), 1), dtype="int8")
    new = written(tmp_path, model).subgraphs[0].tensors
    assert new[1].quantization is None
    assert new[2].quantization.details is None
    assert list(new[2].quantization.zeroPoint) == [0, 0]
    assert new[2].type == generated.TensorType.INT8
    # Nothing was said of this one: min and max are still there.
    assert list(new[0].quantization.min) == [0.5]


def test_a_made_up_model_is_written_and_runs(tmp_path: Path) -> None:
    x = Value(0, "x", "float32", (1, 2), shape_signature=(None, 2))
    weights = Value(1, "w", "float32", (2,), floats((2,), 10.0, 20.0))
    y = Value(2, "y", "float32", (1, 2))
    node = Node(0, 0, "ADD", 1, (0, 1), (2,), {"fused_activation_function": "NONE"})
    graph = Graph(0, "main", "tflite", (x, weights, y), (node,), (0,), (2,))
    model = Model(tmp_path / "none.tflite", "tflite", 0, "", (graph,), 8)
    save(model, tmp_path / "new.tflite")
    (given,) = runtimes.litert(tmp_path / "new.tflite")
    expected = np.random.default_rng(0).standard_normal((1, 2)).astype(np.float32)
    assert np.array_equal(given, expected + np.array([10, 20], np.float32))
    assert load(tmp_path / "new.tflite").graphs[0].values[:3] == (x, weights, y)


# --- what cannot be written ----------------------------------------------------------------


def _broken(model: Model) -> dict[str, tuple[Model, str]]:
    graph = model.graphs[0]
    add, relu = graph.nodes[:2]
    wide = Constant("float32", (2,), bytes(4), None, 4)
    opaque = Constant("float32", (2,), None, None, 8)
    dangling, index = add_value(graph, Value(0, "loose", "float32", (1,)))
    return {
        "order": (
            with_graph(model, with_nodes(graph, [relu, add, *graph.nodes[2:]])),
            r"node 0 \('RELU'\): it reads value 2 \('sum'\), which only node 1 makes",
        ),
        "two makers": (
            with_node(model, 0, 1, outputs=(2,)),
            "it makes value 2 .* as node 0 does; a value has one maker",
        ),
        "position": (with_value(model, 0, 1, index=7), "says that it is value 7"),
        "node position": (with_node(model, 0, 1, index=7), "says that it is node 7 of graph 0"),
        "operand": (with_node(model, 0, 1, inputs=(99,)), "inputs name value 99"),
        "graph ends": (with_graph(model, replace(graph, outputs=(99,))), "outputs name value 99"),
        "unmade": (
            with_graph(model, reading(dangling, {0: index})),
            "'loose'\\) is read, but nothing makes it",
        ),
        "too few bytes": (with_value(model, 0, 1, constant=wide), "needs 8 bytes, but .* has 4"),
        "no bytes": (with_value(model, 0, 1, constant=opaque), "without dense elements"),
        "shape": (with_value(model, 0, 1, shape=(3,)), "is float32 of shape \\(3,\\), but its"),
        "dtype": (with_value(model, 0, 0, dtype="float6e2m3"), "element type float6e2m3; TFLite"),
        "unknown size": (with_value(model, 0, 0, shape=("N", 2)), "it is a list of numbers"),
        "signature rank": (with_value(model, 0, 0, shape_signature=(1,)), "both have one rank"),
        "operator": (with_node(model, 0, 1, op="Relu"), "no builtin operator Relu"),
        "option": (with_node(model, 0, 0, attributes={"axis": 1}), "has no option axis; ADD takes"),
        "option type": (
            with_node(model, 0, 0, attributes={"pot_scale_int16": 3}),
            "pot_scale_int16 cannot be 3; it takes bool",
        ),
        "custom option": (
            with_node(model, 0, 1, custom=True, attributes={"alpha": 1}),
            "has its options in `custom_options`",
        ),
        "body": (with_node(model, 0, 1, bodies=(("cond", 9),)), "is graph 9, but the model has 2"),
        "signature": (
            with_graph(model, replace(graph, outputs=(2,))),
            "signature 'run' names value 3 as 'out' of graph 0",
        ),
        "origin": (with_value(model, 0, 1, origin=99), "was value 99 of that graph"),
        "graph origin": (with_graph(model, replace(graph, origin=9)), "that file has 2 graphs"),
        "control": (
            replace(model, metadata={**model.metadata, CONTROL: "[3]"}),
            "for each graph a list of pairs",
        ),
        "mutating": (
            with_node(model, 0, 2, inputs=(3,)),
            "`mutating_variable_inputs` has 2 entries for 1 inputs",
        ),
    }


BROKEN = (
    "order", "two makers", "position", "node position", "operand", "graph ends", "unmade",
    "too few bytes", "no bytes", "shape", "dtype", "unknown size", "signature rank", "operator",
    "option", "option type", "custom option", "body", "signature", "origin", "graph origin",
    "control", "mutating",
)  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_models_that_contradict_themselves_are_refused(what: str, tmp_path: Path) -> None:
    model = load(write(tmp_path, rich().model))
    cases = _broken(model)
    assert tuple(cases) == BROKEN
    broken, message = cases[what]
    with pytest.raises(InvalidModelError, match=message):
        save(broken, tmp_path / "new.tflite")
    assert [path.name for path in tmp_path.iterdir()] == ["model.tflite"]


def test_fields_newer_than_the_schema_are_not_lost_in_silence(tmp_path: Path) -> None:
    class Newer:
        def Pack(self, builder: Any) -> Any:  # noqa: N802
            builder.StartObject(9)
            builder.PrependInt32Slot(8, 1, 0)
            return builder.EndObject()

    parts = chain()
    parts.main.operators[0].builtinOptions = Newer()
    parts.main.operators[0].builtinOptionsType = generated.BuiltinOptions.AddOptions
    model = load(write(tmp_path, parts.model))
    with pytest.raises(
        InvalidModelError, match=r"AddOptions table at byte .* has a field 8, which"
    ):
        save(model, tmp_path / "new.tflite")


def test_programs_that_are_known_by_their_place_are_not_moved(tmp_path: Path) -> None:
    parts = chain()
    parts.model.operatorCodes[1] = code("CUSTOM", custom="DISPATCH_OP")
    model = load(write(tmp_path, parts.model))
    with pytest.raises(InvalidModelError, match="which is compiled for one chip"):
        save(model, tmp_path / "new.tflite")


def test_signature_and_metadata_names_that_are_no_text_are_kept(tmp_path: Path) -> None:
    parts = rich()
    parts.model.signatureDefs[0].signatureKey = b"run \xff"
    parts.model.metadata[1].name = b"secret \xfe"
    path = write(tmp_path, parts.model)
    assert plain(written(tmp_path, load(path))) == plain(unpack(path.read_bytes()))

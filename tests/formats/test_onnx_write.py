"""ONNX files written again: what was not changed is as it was, byte for byte."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_building as build
import pytest
import runtimes
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
from onnx import ModelProto, TensorProto, helper, numpy_helper

from npulint.errors import InvalidModelError, ModelFileError
from npulint.formats import load, save
from npulint.formats import onnx as reader
from npulint.model import Constant, Graph, Model, Node, Value

EXPORTS = sorted((Path(__file__).parents[2] / "reference_models" / "exports").glob("*.onnx"))


def written(folder: Path, model: Model) -> ModelProto:
    """What onnx reads of what is written of a model, which the checker takes."""
    save(model, folder / "new.onnx")
    proto = onnx.load(folder / "new.onnx")
    onnx.checker.check_model(proto)
    return proto


# --- nothing changed -----------------------------------------------------------------------


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.stem)
def test_real_files_are_written_as_they_were(path: Path, tmp_path: Path) -> None:
    save(load(path), tmp_path / "new.onnx")
    assert (tmp_path / "new.onnx").read_bytes() == path.read_bytes()


def test_every_operator_is_written_as_it_was(
    tmp_path: Path, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The models by which onnx tests its own operators: attributes, bodies, functions, types."""
    # Inference adds nothing to the file, and takes most of the time.
    monkeypatch.setattr(reader, "infer", lambda *_: None)
    path, copy = tmp_path / "model.onnx", tmp_path / "new.onnx"
    for name, proto in cases(full):
        path.write_bytes(proto.SerializeToString())
        save(load(path), copy)
        assert copy.read_bytes() == path.read_bytes(), name


def cases(full: bool) -> list[tuple[str, ModelProto]]:
    found = build.operator_cases()
    assert len(found) > 1000
    return found if full else random.Random(1).sample(found, 300)


def test_attributes_that_are_written_anew_are_what_they_were(
    tmp_path: Path, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every attribute of every node encoded anew, with the types of onnx's definitions."""
    monkeypatch.setattr(reader, "infer", lambda *_: None)
    path, copy = tmp_path / "model.onnx", tmp_path / "new.onnx"
    count = 0
    for name, proto in cases(full):
        path.write_bytes(proto.SerializeToString())
        model = load(path)
        if len(model.graphs) > 1 or not _can_be_encoded(model):
            continue
        graph = model.graphs[0]
        nodes = [replace(node, origin=None) for node in graph.nodes]
        save(with_graph(model, replace(graph, nodes=tuple(nodes))), copy)
        old, new = ModelProto.FromString(path.read_bytes()), onnx.load(copy)
        for one, other in zip(old.graph.node, new.graph.node, strict=True):
            count += len(one.attribute)
            assert _attributes(one) == _attributes(other), name
            one.ClearField("attribute")
            other.ClearField("attribute")
            one.ClearField("doc_string")
            for node in (one, other):
                if not node.domain:
                    node.ClearField("domain")
        assert old == new, name
    assert count > 100


def _can_be_encoded(model: Model) -> bool:
    """Whether there is no attribute that can only be kept: types, sparse tensors, texts."""
    values = [value for node in model.graphs[0].nodes for value in node.attributes.values()]
    stored = [value for value in values if isinstance(value, Constant)]
    return (
        all(not item.sparse and item.dtype != "string" for item in stored)
        and not any(node.custom for node in model.graphs[0].nodes)
        and not any(node.op in ("Optional", "SequenceEmpty") for node in model.graphs[0].nodes)
    )


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: (a.type, _plain(helper.get_attribute_value(a))) for a in node.attribute}


def _plain(value: Any) -> Any:
    if isinstance(value, TensorProto):
        array = numpy_helper.to_array(value)
        return value.data_type, list(value.dims), array.tobytes()
    return str(list(value) if not isinstance(value, (int, float, bytes)) else value)


# --- a model with one of everything --------------------------------------------------------


def rich() -> ModelProto:
    """Documentation, metadata, bodies, functions, sparse and quantised values, training."""
    then = build.graph(
        [helper.make_node("Add", ["mid", "inner"], ["sum"], doc_string="within")],
        outputs=[build.floats("sum", 1, 4)],
        stored=[build.weights("inner", 4)],
        name="then",
    )
    other = build.graph(
        [helper.make_node("Identity", ["mid"], ["same"])],
        outputs=[build.floats("same", 1, 4)],
        name="other",
    )
    nodes = [
        helper.make_node("Relu", ["x"], ["mid"], name="first", doc_string="a note"),
        helper.make_node("Clip", ["mid", "", "high"], ["clipped"]),
        helper.make_node("Constant", [], ["yes"], value=helper.make_tensor("c", 9, (), [True])),
        helper.make_node("If", ["yes"], ["picked"], then_branch=then, else_branch=other),
        helper.make_node("Twice", ["picked"], ["doubled"], domain="own", factor=2.0),
        helper.make_node("Add", ["doubled", "thin"], ["y"]),
        helper.make_node("Mystery", ["clipped"], ["z"], domain="elsewhere", way=[1, 2]),
    ]
    nodes[0].metadata_props.add(key="source", value="line 3")
    main = build.graph(
        nodes,
        [build.floats("x", 1, "N"), build.floats("high")],
        [build.floats("y", 1, 4), build.tensor("z", TensorProto.FLOAT, None)],
        [helper.make_tensor("high", TensorProto.FLOAT, (), [6.0])],
        value_info=[build.floats("mid", 1, 4), build.floats("nowhere", 3)],
        sparse_initializer=[
            helper.make_sparse_tensor(
                helper.make_tensor("thin", TensorProto.FLOAT, (2,), [1.0, 2.0]),
                helper.make_tensor("thin_indices", TensorProto.INT64, (2,), [0, 3]),
                [4],
            )
        ],
        doc_string="the whole graph",
    )
    main.input[0].type.denotation = "IMAGE"
    main.value_info[0].doc_string = "half way"
    note = main.quantization_annotation.add(tensor_name="mid")
    note.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="high")
    function = helper.make_function(
        "own",
        "Twice",
        ["a"],
        ["b"],
        [
            helper.make_node("Constant", [], ["two"]),
            helper.make_node("Mul", ["a", "two"], ["b"]),
        ],
        [helper.make_opsetid("", 17)],
        ["factor"],
    )
    reference = function.node[0].attribute.add(name="value_float", type=onnx.AttributeProto.FLOAT)
    reference.ref_attr_name = "factor"
    function.doc_string = "twice"
    proto = build.model(main, opsets={"own": 1, "elsewhere": 3}, functions=[function])
    proto.producer_name, proto.producer_version, proto.doc_string = "someone", "7", "documented"
    proto.metadata_props.add(key="author", value="unknown")
    proto.metadata_props.add(key="licence", value="any")
    training = proto.training_info.add()
    training.algorithm.name = "descent"
    training.algorithm.initializer.append(build.weights("rate", 1))
    # A field that no schema knows, as a newer one might bring it.
    return ModelProto.FromString(proto.SerializeToString() + build.field(99, b"newer"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return build.write(tmp_path, rich())


def branch(proto: ModelProto, name: str) -> onnx.GraphProto:
    return next(a.g for a in proto.graph.node[3].attribute if a.name == name)


def body_at(model: Model, name: str) -> int:
    return dict(node_at(model, "If").bodies)[name]


def node_at(model: Model, op: str) -> Node:
    return next(node for node in model.graphs[0].nodes if node.op == op)


def value_at(model: Model, name: str, graph: int = 0) -> int:
    return next(value.index for value in model.graphs[graph].values if value.name == name)


def test_what_npulint_does_not_read_is_kept(path: Path, tmp_path: Path) -> None:
    save(load(path), tmp_path / "new.onnx")
    assert (tmp_path / "new.onnx").read_bytes() == path.read_bytes()


def rename(model: Model, name: str, to: str) -> Model:
    """The model with another name for a value, also where bodies take it from outside."""
    for graph in model.graphs:
        if graph.index == 0 or any(captured == name for _, captured in graph.captured):
            changed = with_value(model, graph.index, value_at(model, name, graph.index), name=to)
            own = changed.graphs[graph.index]
            captured = tuple((i, to if old == name else old) for i, old in own.captured)
            model = with_graph(changed, replace(own, captured=captured))
    return model


def test_renamed_values_keep_what_is_said_of_them(path: Path, tmp_path: Path) -> None:
    save(rename(rename(load(path), "mid", "half"), "high", "limit"), tmp_path / "new.onnx")
    text = path.read_bytes()
    expected = ModelProto.FromString(text)
    for graph in (
        expected.graph,
        branch(expected, "then_branch"),
        branch(expected, "else_branch"),
    ):
        for node in graph.node:
            for names in (node.input, node.output):
                names[:] = [{"mid": "half", "high": "limit"}.get(name, name) for name in names]
    expected.graph.initializer[0].name = "limit"
    expected.graph.input[1].name = "limit"
    expected.graph.value_info[0].name = "half"
    expected.graph.quantization_annotation[0].tensor_name = "half"
    scale = expected.graph.quantization_annotation[0].quant_parameter_tensor_names[0]
    scale.value = "limit"
    assert onnx.load(tmp_path / "new.onnx") == expected


def edit_clip(model: Model) -> Model:
    return with_node(model, 0, 1, op="Max", inputs=(value_at(model, "mid"),))


def edit_constant(model: Model) -> Model:
    index = value_at(model, "high")
    return with_value(model, 0, index, constant=floats((), 3.0))


def edit_body(model: Model) -> Model:
    index = body_at(model, "then_branch")
    return with_value(
        model, index, value_at(model, "inner", index), constant=floats((4,), 1, 2, 3, 4)
    )


def edit_function(model: Model) -> Model:
    return with_node(model, 1, 1, op="Sub", attributes={})


def edit_header(model: Model) -> Model:
    metadata = {"author": "known", "licence": "any", "more": "too"}
    opsets = {**model.opsets, "extra": 2}
    return replace(model, metadata=metadata, opsets=opsets, producer="npulint", version=9)


def edit_name(model: Model) -> Model:
    changed = with_node(model, 0, 0, name="renamed")
    return with_graph(changed, replace(changed.graphs[0], name="other name"))


def expect_clip(proto: ModelProto) -> None:
    proto.graph.node[1].op_type = "Max"
    proto.graph.node[1].input[:] = ["mid"]


def expect_constant(proto: ModelProto) -> None:
    tensor = helper.make_tensor("high", 1, (), np.float32(3).tobytes(), raw=True)
    proto.graph.initializer[0].CopyFrom(tensor)


def expect_body(proto: ModelProto) -> None:
    stored = np.array([1, 2, 3, 4], np.float32).tobytes()
    tensor = helper.make_tensor("inner", 1, (4,), stored, raw=True)
    branch(proto, "then_branch").initializer[0].CopyFrom(tensor)


def expect_function(proto: ModelProto) -> None:
    proto.functions[0].node[1].op_type = "Sub"


def expect_header(proto: ModelProto) -> None:
    del proto.metadata_props[:]
    for key, value in (("licence", "any"), ("author", "known"), ("more", "too")):
        proto.metadata_props.add(key=key, value=value)
    proto.opset_import.add(domain="extra", version=2)
    proto.producer_name = "npulint"
    proto.ClearField("producer_version")
    proto.ir_version = 9


def expect_name(proto: ModelProto) -> None:
    proto.graph.node[0].name = "renamed"
    proto.graph.name = "other name"


EDITS = [
    (edit_clip, expect_clip),
    (edit_constant, expect_constant),
    (edit_body, expect_body),
    (edit_function, expect_function),
    (edit_header, expect_header),
    (edit_name, expect_name),
]


@pytest.mark.parametrize(("edit", "expect"), EDITS, ids=[edit.__name__ for edit, _ in EDITS])
def test_a_change_changes_nothing_else(
    edit: Callable[[Model], Model], expect: Callable[[ModelProto], None], path: Path, tmp_path: Path
) -> None:
    changed = edit(load(path))
    save(changed, tmp_path / "new.onnx")
    expected = ModelProto.FromString(path.read_bytes())
    expect(expected)
    assert onnx.load(tmp_path / "new.onnx") == expected


def test_a_node_is_removed_and_its_description_goes(path: Path, tmp_path: Path) -> None:
    model = load(path)
    for graph in model.graphs[2:]:
        captured = tuple((i, "x" if name == "mid" else name) for i, name in graph.captured)
        model = with_graph(model, replace(graph, captured=captured))
    model = remove_node(model, model.graphs[0], 0)
    save(model, tmp_path / "new.onnx")
    proto = onnx.load(tmp_path / "new.onnx")
    assert [node.op_type for node in proto.graph.node][:2] == ["Clip", "Constant"]
    assert list(proto.graph.node[0].input) == ["x", "", "high"]
    assert [info.name for info in proto.graph.value_info] == ["nowhere"]
    assert not proto.graph.quantization_annotation
    assert [next(iter(a.g.node[0].input)) for a in proto.graph.node[2].attribute] == ["x", "x"]
    assert [v.name for v in load(tmp_path / "new.onnx").graphs[0].values] == [
        v.name for v in model.graphs[0].values
    ]


def test_removed_constants_take_their_bytes_along(path: Path, tmp_path: Path) -> None:
    model = load(path)
    clip = node_at(model, "Clip")
    graph = replace(model.graphs[0])
    model = with_graph(model, graph)
    model = with_node(model, 0, clip.index, inputs=clip.inputs[:1])
    smaller = model.graphs[0]
    gone = value_at(model, "high")
    kept = [value for value in smaller.values if value.index != gone]
    assert len(kept) < len(smaller.values)
    from editing import remove_values

    save(remove_values(model, smaller, lambda value: value.index == gone), tmp_path / "new.onnx")
    proto = onnx.load(tmp_path / "new.onnx")
    assert not proto.graph.initializer
    assert [info.name for info in proto.graph.input] == ["x"]


# --- new parts -----------------------------------------------------------------------------


def simple(folder: Path, *nodes: onnx.NodeProto, **more: Any) -> Model:
    main = build.graph(
        nodes or [build.relu()], [build.floats("x", 1, 4)], [build.floats("y", 1, 4)], **more
    )
    return load(build.write(folder, build.model(main)))


def behind(model: Model, node: Node, constants: dict[str, Constant] | None = None) -> Model:
    """The model with a node behind the one that makes its output."""
    graph = model.graphs[0]
    out = graph.outputs[0]
    before = replace(graph.values[out], name="before", origin=None)
    graph, made = add_value(graph, before)
    inputs = [made]
    for name, constant in (constants or {}).items():
        value = Value(0, name, constant.dtype, constant.shape, constant)
        graph, index = add_value(graph, value)
        inputs.append(index)
    nodes = [
        replace(n, outputs=tuple(made if i == out else i for i in n.outputs)) for n in graph.nodes
    ]
    last = replace(node, inputs=tuple(inputs), outputs=(out,))
    return with_graph(model, with_nodes(graph, [*nodes, last]))


def test_new_nodes_constants_and_types(tmp_path: Path) -> None:
    model = simple(tmp_path)
    node = Node(0, 0, "Add", 17, (), (), name="added")
    longer = behind(model, node, {"c": floats((4,), 1, 2, 3, 4)})
    proto = written(tmp_path, longer)
    assert [n.op_type for n in proto.graph.node] == ["Relu", "Add"]
    assert list(proto.graph.node[1].input) == ["before", "c"]
    assert [info.name for info in proto.graph.value_info] == ["before"]
    assert proto.graph.value_info[0].type.tensor_type.shape.dim[1].dim_value == 4
    assert numpy_helper.to_array(proto.graph.initializer[0]).tolist() == [1, 2, 3, 4]
    (one,), (other,) = (
        runtimes.onnxruntime(tmp_path / name) for name in ("model.onnx", "new.onnx")
    )
    assert np.array_equal(one + np.arange(1, 5, dtype=np.float32), other)


ATTRIBUTES: list[tuple[str, int, str, Any, Any]] = [
    # Operator, opset, attribute, value, what onnx reads.
    ("LeakyRelu", 17, "alpha", 1, 1.0),
    ("LeakyRelu", 17, "alpha", float("inf"), float("inf")),
    ("Squeeze", 11, "axes", (), []),
    ("Squeeze", 11, "axes", (-1, 2), [-1, 2]),
    ("Upsample", 7, "scales", (1, 2), [1.0, 2.0]),
    ("AveragePool", 17, "auto_pad", "SAME_UPPER", b"SAME_UPPER"),
    ("AveragePool", 17, "ceil_mode", True, 1),
    ("StringNormalizer", 17, "stopwords", ("a", "ü"), [b"a", "ü".encode()]),
    ("Own", 0, "ints", (1, 2), [1, 2]),
    ("Own", 0, "mixed", (1, 2.5), [1.0, 2.5]),
    ("Own", 0, "raw", b"\xff", b"\xff"),
]


@pytest.mark.parametrize("case", ATTRIBUTES, ids=[f"{case[0]}-{case[3]}" for case in ATTRIBUTES])
def test_attributes_have_the_types_of_their_operators(
    case: tuple[str, int, str, Any, Any], tmp_path: Path
) -> None:
    op, opset, name, value, expected = case
    domain = "own" if op == "Own" else ""
    model = simple(tmp_path)
    opsets = {"": opset or 17}
    relu = replace(model.graphs[0].nodes[0], version=opsets[""])
    model = with_graph(model, replace(model.graphs[0], nodes=(relu,)))
    node = Node(0, 0, op, opset, (), (), {name: value}, domain=domain, custom=bool(domain))
    save(behind(replace(model, opsets=opsets), node), tmp_path / "new.onnx")
    stored = onnx.load(tmp_path / "new.onnx").graph.node[1].attribute[0]
    found = helper.get_attribute_value(stored)
    assert (list(found) if isinstance(expected, list) else found) == expected
    again = load(tmp_path / "new.onnx").graphs[0].nodes[1].attributes[name]
    assert again == value


def test_bodies_are_added(tmp_path: Path) -> None:
    model = simple(tmp_path)
    flag = Constant("bool", (), b"\1", None, 1)
    node = Node(0, 0, "If", 17, (), (), bodies=(("then_branch", 1), ("else_branch", 2)))
    model = behind(model, node, {"flag": flag})
    graph = model.graphs[0]
    last = graph.nodes[-1]
    model = with_node(model, 0, last.index, inputs=last.inputs[1:])
    bodies = tuple(
        Graph(
            index,
            f"body {index}",
            "onnx",
            (Value(0, "before", "float32", (1, 4)), Value(1, f"made {index}", "float32", (1, 4))),
            (Node(index, 0, op, 17, (0,), (1,)),),
            (),
            (1,),
            "body",
            (0, last.index),
            ((0, "before"),),
        )
        for index, op in ((1, "Neg"), (2, "Abs"))
    )
    model = replace(model, graphs=(model.graphs[0], *bodies))
    proto = written(tmp_path, model)
    assert [(a.name, a.g.name) for a in proto.graph.node[-1].attribute] == [
        ("then_branch", "body 1"),
        ("else_branch", "body 2"),
    ]
    (one,), (other,) = (
        runtimes.onnxruntime(tmp_path / name) for name in ("model.onnx", "new.onnx")
    )
    assert np.array_equal(-one, other)


def test_a_constant_node_may_become_an_initializer(tmp_path: Path) -> None:
    values = np.arange(5000, dtype=np.int64)
    typed = helper.make_tensor("c", TensorProto.INT64, (5000,), values)
    nodes = [
        helper.make_node("Constant", [], ["big"], value=typed),
        helper.make_node("Shape", ["big"], ["size"]),
        build.relu(),
    ]
    model = simple(tmp_path, *nodes)
    graph = model.graphs[0]
    proto = written(tmp_path, with_graph(model, with_nodes(graph, graph.nodes[1:])))
    assert numpy_helper.to_array(proto.graph.initializer[0]).tolist() == values.tolist()
    assert [node.op_type for node in proto.graph.node] == ["Shape", "Relu"]


def test_a_made_up_model_is_written_and_runs(tmp_path: Path) -> None:
    x = Value(0, "x", "float32", ("N", 2))
    weights = Value(1, "w", "float32", (2,), floats((2,), 10.0, 20.0))
    y = Value(2, "y", "float32", ("N", 2))
    graph = Graph(
        0, "main", "onnx", (x, weights, y), (Node(0, 0, "Add", 17, (0, 1), (2,)),), (0,), (2,)
    )
    model = Model(
        tmp_path / "none", "onnx", 0, "", (graph,), 8, {"": 17}, 8, "npulint", metadata={"a": "b"}
    )
    written(tmp_path, model)
    assert said(load(tmp_path / "new.onnx")) == said(model)
    (given,) = runtimes.onnxruntime(tmp_path / "new.onnx")
    expected = np.random.default_rng(0).standard_normal((2, 2)).astype(np.float32)
    assert np.array_equal(given, expected + np.array([10, 20], np.float32))


def test_names_that_are_no_text_are_kept(tmp_path: Path) -> None:
    proto = build.simple().SerializeToString().replace(b"\x01y", b"\x01\xff").replace(b"y", b"\xff")
    path = build.write(tmp_path, proto)
    model = load(path)
    save(with_node(model, 0, 0, name="named"), tmp_path / "new.onnx")
    new = (tmp_path / "new.onnx").read_bytes()
    assert b"\x12\x01\xff" in new
    assert [value.name for value in load(tmp_path / "new.onnx").graphs[0].values] == ["x", "\\xff"]


# --- what cannot be written ----------------------------------------------------------------


def _broken(model: Model) -> dict[str, tuple[Model, str]]:
    graph = model.graphs[0]
    x, mid = value_at(model, "x"), value_at(model, "mid")
    body = body_at(model, "then_branch")
    loose, index = add_value(graph, Value(0, "loose", "float32", (1,)))
    made_up = Graph(1, "own::Thrice", "onnx", (), (), (), (), "function")
    function = model.graphs[1]
    stored, _ = add_value(function, Value(0, "stored", "float32", (1,), floats((1,), 1)))
    sparse = model.graphs[0].values[value_at(model, "thin")].constant
    return {
        "two of a name": (with_value(model, 0, x, name="mid"), "has no name of its own"),
        "no name": (with_value(model, 0, x, name=""), "has no name of its own"),
        "hidden name": (
            with_value(model, body, value_at(model, "sum", body), name="x"),
            "has the name of a value of graph 0 around it",
        ),
        "captured": (with_value(model, 0, mid, name="half"), "captures 'mid', which no graph"),
        "captured early": (
            with_graph(
                model,
                replace(model.graphs[body], captured=((model.graphs[body].captured[0][0], "y"),)),
            ),
            "captures 'y' of graph 0 before node 5 makes it",
        ),
        "unmade": (with_graph(model, reading(loose, {x: index})), "'loose'.* but nothing makes it"),
        "two sides": (
            with_graph(model, replace(graph, inputs=(*graph.inputs, mid))),
            "'mid'.* is given from two sides",
        ),
        "constant input": (
            with_graph(model, replace(graph, inputs=(x, value_at(model, "high")))),
            "'high'.* is given from two sides",
        ),
        "constant output": (
            with_value(model, 0, mid, constant=floats((4,), 1, 2, 3, 4)),
            "whose constant is not what the node computes",
        ),
        "attribute": (
            with_node(model, 0, 0, attributes={"alpha": 1.0}),
            "has no attribute alpha; Relu of opset 17 takes none",
        ),
        "attribute type": (
            with_node(model, 0, 0, op="LeakyRelu", attributes={"alpha": "much"}),
            "attribute alpha cannot be 'much'; it takes a number",
        ),
        "attribute size": (
            with_node(model, 0, 0, op="LeakyRelu", attributes={"alpha": 1e300}),
            "attribute alpha cannot be 1e\\+300; it takes a number",
        ),
        "attribute tensor": (
            with_node(model, 0, 6, attributes={"way": sparse}),
            "attribute way cannot be .*; it takes a tuple of integers",
        ),
        "attribute of no type": (
            with_node(model, 0, 6, attributes={"more": ()}),
            "attribute more cannot be \\(\\); it takes a value whose type shows",
        ),
        "opset": (with_node(model, 0, 0, version=11), "is of opset 11 of domain '', but .* has 17"),
        "function opset": (with_node(model, 1, 1, version=11), "graph 1, node 1 .* is of opset 11"),
        "new function": (
            replace(model, graphs=(graph, made_up, *model.graphs[2:])),
            "functions can be changed, not added",
        ),
        "function constant": (with_graph(model, stored), "let a Constant node make it"),
        "dtype": (with_value(model, 0, mid, dtype="variant"), "element type variant; ONNX takes"),
        "sparse": (
            with_value(model, 0, value_at(model, "thin"), constant=replace(sparse, nbytes=1)),  # type: ignore[type-var]
            "without dense elements",
        ),
        "operator": (with_node(model, 0, 0, op=""), "names no operator"),
        "IR version": (replace(model, version=0), "has IR version 0"),
    }


BROKEN = (
    "two of a name", "no name", "hidden name", "captured", "captured early", "unmade", "two sides",
    "constant input", "constant output", "attribute", "attribute type", "attribute size",
    "attribute tensor", "attribute of no type", "opset", "function opset", "new function",
    "function constant", "dtype", "sparse", "operator", "IR version",
)  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_models_that_contradict_themselves_are_refused(
    what: str, path: Path, tmp_path: Path
) -> None:
    cases = _broken(load(path))
    assert tuple(cases) == BROKEN
    broken, message = cases[what]
    with pytest.raises(InvalidModelError, match=message):
        save(broken, tmp_path / "new.onnx")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]


def test_a_name_of_another_type_is_no_body(tmp_path: Path) -> None:
    """An attribute that holds a graph but says that it is something else, as damaged files do."""
    proto = rich()
    next(a for a in proto.graph.node[3].attribute if a.name == "else_branch").type = 2
    path = build.write(tmp_path, proto)
    model = load(path)
    assert [name for name, _ in node_at(model, "If").bodies] == ["then_branch"]
    save(model, tmp_path / "new.onnx")
    assert (tmp_path / "new.onnx").read_bytes() == path.read_bytes()


def test_damage_in_what_is_not_read_is_named(tmp_path: Path) -> None:
    proto = build.simple().SerializeToString()
    # Training information whose algorithm holds an initializer of field number 0.
    path = build.write(tmp_path, proto + build.field(20, build.field(2, build.field(5, b"\0\0"))))
    model = load(path)
    with pytest.raises(ModelFileError, match=r"damaged at byte .* no field can have number 0"):
        save(model, tmp_path / "new.onnx")

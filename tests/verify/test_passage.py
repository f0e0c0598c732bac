"""Samples on their way through a graph: what values hold, at which cost, and behind a rewrite."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from npulint import reference_models
from npulint.fixers.surgery import Patch, apply, make_fragment
from npulint.formats import load
from npulint.model import Graph, Model
from npulint.runtimes import Runner
from npulint.verification import passage
from npulint.verification.passage import Passage

EXPORTS = Path(reference_models.__file__).parent / "exports"
NONE: frozenset[int] = frozenset()
Array = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def chain(folder: Path, *ops: str) -> Model:
    """Operators in a row, and the sum of both ends."""
    names = ["x", *(f"v{number}" for number in range(len(ops)))]
    nodes = [
        helper.make_node(op, [names[place]], [names[place + 1]]) for place, op in enumerate(ops)
    ]
    return written(folder, [*nodes, helper.make_node("Add", ["x", names[-1]], ["y"])])


def written(folder: Path, nodes: list[onnx.NodeProto]) -> Model:
    sides = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in "xy"]
    graph = helper.make_graph(nodes, "g", sides[:1], sides[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / "model.onnx"
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return load(path)


def places(graph: Graph) -> Mapping[str, int]:
    return {value.name: value.index for value in graph.values}


def same(graph: Graph) -> dict[int, int]:
    return {value.index: value.index for value in graph.values}


def ones(count: int = 2) -> list[list[Array]]:
    return [[np.full((1, 3), 1 + 4 * number, np.float32)] for number in range(count)]


def test_in_whatever_order_values_are_asked_for(tmp_path: Path) -> None:
    model = chain(tmp_path, "Neg", "Abs", "Exp", "Neg")
    graph = model.graphs[0]
    one = {"x": 1.0, "v0": -1.0, "v1": 1.0, "v2": np.e, "v3": -np.e, "y": 1 - np.e}
    for seed in range(4):
        asked = random.Random(seed).sample(sorted(one), len(one))
        way = Passage(model, graph, ones())
        for name in (*asked, asked[0]):
            found = way.at(graph, same(graph), NONE)(places(graph)[name])
            assert found[0][0, 0] == pytest.approx(one[name]), (name, asked)
            assert len(found) == 2


def test_in_tflite_it_is_what_the_whole_model_makes() -> None:
    model = load(EXPORTS / "smallnet.tflite")
    graph = model.graphs[0]
    shape = tuple(s for s in graph.values[graph.inputs[0]].shape or () if isinstance(s, int))
    samples = [[np.random.default_rng(seed).random(shape, np.float32)] for seed in range(2)]
    with Runner(model.path, "tflite") as runner:
        runner.run(samples[1])
        expected = runner.fetch(runner.outputs[0].key)
    ask = Passage(model, graph, samples).at(graph, same(graph), NONE)
    fused = (n for n in graph.nodes if n.attributes.get("fused_activation_function") == "RELU")
    found = ask(next(fused).outputs[0])
    assert min(each.min() for each in found) == 0
    assert not np.array_equal(found[0], found[1])
    assert np.array_equal(ask(graph.outputs[0])[1], expected)
    assert np.array_equal(ask(graph.inputs[0])[0], samples[0][0])


def test_every_node_is_run_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = chain(tmp_path, "Neg", "Abs", "Exp", "Neg")
    graph = model.graphs[0]
    run: Counter[str] = Counter()
    save = passage.save

    def counting(part: Model, path: Path) -> None:
        run.update(node.op for node in part.graphs[0].nodes)
        save(part, path)

    monkeypatch.setattr(passage, "save", counting)
    way = Passage(model, graph, ones())
    later = [places(graph)[name] for name in ("v0", "v2", "v3", "y")]
    for number, value in enumerate(later):
        way.at(graph, same(graph), frozenset(later[number:]))(value)
    assert run == Counter(node.op for node in graph.nodes)


def test_samples_that_there_is_no_room_for_are_left_out(tmp_path: Path) -> None:
    model = chain(tmp_path, "Neg", "Abs")
    graph = model.graphs[0]
    way = Passage(model, graph, ones(9), most_bytes=60)
    # 12 bytes each of `x` and of what is made of it; then of `v0` too, that it is made of.
    for name, count in (("x", 9), ("v0", 3), ("y", 2), ("x", 2)):
        found = way.at(graph, same(graph), NONE)(places(graph)[name])
        assert len(found) == count, name
    assert len(Passage(model, graph, ones(9), most_bytes=1).at(graph, same(graph), NONE)(3)) == 1


def test_behind_a_rewrite_it_is_what_the_rewritten_part_makes(tmp_path: Path) -> None:
    model = chain(tmp_path, "Neg", "Abs", "Neg")
    graph = model.graphs[0]
    known = places(graph)
    way = Passage(model, graph, ones())
    later = frozenset({known["v0"], known["v2"]})
    assert way.at(graph, same(graph), later)(known["v0"])[0][0, 0] == -1
    # Of Abs a second Neg.
    neg = graph.nodes[0]
    node = replace(neg, inputs=(known["v0"],), outputs=(known["v1"],))
    made = make_fragment(graph, [node], (), [known["v1"]], [known["v1"]])
    new, moved = apply(graph, [Patch(made, (1,))])
    found = way.at(new, moved, later)(known["v2"])
    assert [float(each[0, 0]) for each in found] == [-1, -5]


def test_where_a_node_has_graphs_of_its_own_the_whole_model_is_run(tmp_path: Path) -> None:
    branches = [
        helper.make_graph(
            [helper.make_node(op, ["v0"], [f"of_{op}"])], op, [],
            [helper.make_tensor_value_info(f"of_{op}", TensorProto.FLOAT, [1, 3])],
        )
        for op in ("Neg", "Exp")
    ]  # fmt: skip
    nodes = [
        helper.make_node("Abs", ["x"], ["v0"]),
        helper.make_node("ReduceMax", ["v0"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["any"], to=TensorProto.BOOL),
        helper.make_node("If", ["any"], ["v1"], then_branch=branches[0], else_branch=branches[1]),
        helper.make_node("Neg", ["v1"], ["y"]),
    ]
    model = written(tmp_path, nodes)
    graph = model.graphs[0]
    ask = Passage(model, graph, ones()).at(graph, same(graph), NONE)
    for name, factor in (("v0", 1), ("v1", -1), ("y", 1), ("x", 1)):
        assert [float(each[0, 0]) for each in ask(places(graph)[name])] == [factor, 5 * factor]

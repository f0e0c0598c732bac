"""Nodes of 5 and 6 axes said in 4: bit-identical on integers, in the real runtimes."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rank_chains import Drawn, chain, viewed
from single import Call, Case, cured, integers, onnx_case, run, tflite_case

from npulint.fixers.forms.ranks import FAMILY, Region
from npulint.fixers.legalise import Setting, build_fragment, legalise
from npulint.fixers.record import Refusal
from npulint.fixers.surgery import Patch, apply
from npulint.formats import load, save
from npulint.model import Graph
from npulint.verdict import Reason, Verdict

SAMPLE, ALL = 60, 400
(WAY,) = FAMILY.ways


def lowered(case: Case) -> bool:
    """Whether nothing has more than 4 axes any more; that all computes the same is asserted.

    So is that it is so where every node of many axes is in a region, and nothing that the graph
    takes or makes has many.
    """
    model = load(case.path)
    graph = model.graphs[0]
    found = [each for each in FAMILY.recognise(graph) if isinstance(each.found, Region)]
    assert all(WAY.accepts(each.found) is None for each in found)
    setting = Setting(lambda _: {}, model.opsets.get("", 0))
    patches = [Patch(build_fragment(graph, each, WAY, setting)[0], each.nodes) for each in found]
    new, _ = apply(graph, patches)
    path = case.path.with_name(f"rewritten{case.path.suffix}")
    save(replace(model, graphs=(new,)), path)
    for one, other in zip(run(case.path, case.xs), run(path, case.xs), strict=True):
        assert np.array_equal(one, other), case.label
        assert one.dtype == other.dtype
    again = load(path).graphs[0]
    covered = {index for each in found for index in each.nodes}
    low = all(value.rank is not None and value.rank <= 4 for value in again.values)
    if many(graph) <= covered and not {*graph.inputs, *graph.outputs} & large(graph):
        assert low, case.label
    if low:
        assert not list(FAMILY.recognise(again))
    return low


def large(graph: Graph) -> set[int]:
    values = (value for value in graph.values if value.constant is None)
    return {value.index for value in values if (value.rank or 0) > 4}


def many(graph: Graph) -> set[int]:
    """Nodes that take or make something of more than 4 axes."""
    over = large(graph)
    return {node.index for node in graph.nodes if over & {*node.inputs, *node.outputs}}


@pytest.mark.parametrize("kind", ["onnx", "tflite", "int8"])
def test_the_same_bits(kind: str, full: bool, tmp_path: Path) -> None:
    wanted = ALL if full else SAMPLE
    whole = seed = 0
    while whole < wanted:
        assert seed < 10 * wanted, "hardly any chain is in the way's domain"
        case = chain(tmp_path, seed, tflite=kind != "onnx", quantised=kind == "int8")
        whole += lowered(case)
        seed += 1


def between(folder: Path, shape: list[int], calls: list[Call], opset: int = 0) -> Case:
    """Nodes of many axes between views; `opset` 0 is TFLite."""
    rng = np.random.default_rng(0)
    d = Drawn(random.Random(0), rng, not opset, opset, [shape[0], int(np.prod(shape[1:]))])
    x = integers(rng, *d.shape)
    viewed(d, shape)
    d.calls += calls
    d.shape = list(calls[-1].results[d.last])
    viewed(d, [1, int(np.prod(d.shape))])
    if opset:
        return onnx_case(folder, {"x": x}, d.calls, opset)
    return tflite_case(folder, {"x": x}, d.calls)


SHAPE = [2, 3, 4, 2, 3]
PRODUCT = [2, 3, 4, 3, 2]


@pytest.mark.parametrize("opset", [7, 11, 13, 21])
@pytest.mark.parametrize(
    ("op", "axis"), [("Softmax", 4), ("Softmax", 2), ("Softmax", 0), ("LogSoftmax", -4)]
)
def test_a_softmax_along_one_axis_or_along_all_behind(
    op: str, axis: int, opset: int, tmp_path: Path
) -> None:
    call = Call(op, ["v0"], {"y": SHAPE}, {"axis": axis})
    assert lowered(between(tmp_path, SHAPE, [call], opset))


def test_a_softmax_in_tflite(tmp_path: Path) -> None:
    call = Call("SOFTMAX", ["v0"], {"y": SHAPE}, {"table": "SoftmaxOptions", "beta": 1.0})
    assert lowered(between(tmp_path, SHAPE, [call]))


@pytest.mark.parametrize("other", [PRODUCT, [1, 1, 1, 3, 2], [2, 3, 4, 3, 2][2:], [2, 1, 1, 3, 2]])
def test_products_of_batches(other: list[int], tmp_path: Path) -> None:
    factor = integers(np.random.default_rng(1), *other)
    call = Call("MatMul", ["v0", factor], {"y": [2, 3, 4, 2, 2]}, {})
    assert lowered(between(tmp_path, SHAPE, [call], 13))


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("axis", [0, 2, -1])
def test_the_place_of_the_largest(op: str, keepdims: int, axis: int, tmp_path: Path) -> None:
    made = [1 if at == axis % 5 else size for at, size in enumerate(SHAPE)]
    made = made if keepdims else [size for at, size in enumerate(SHAPE) if at != axis % 5]
    calls = [
        Call(op, ["v0"], {"at": made}, {"axis": axis, "keepdims": keepdims}),
        Call("Cast", ["at"], {"y": made}, {"to": 1}),
    ]
    assert lowered(between(tmp_path, SHAPE, calls, 13))


def test_values_stacked_and_taken_apart(tmp_path: Path) -> None:
    part = [2, 3, 4, 3]
    calls = [
        Call("UNPACK", ["v0"], {"a": part, "b": part},
             {"table": "UnpackOptions", "axis": 3, "num": 2}),
        Call("PACK", ["b", "a", "b"], {"y": [2, 3, 3, 4, 3]},
             {"table": "PackOptions", "axis": 1, "valuesCount": 3}),
    ]  # fmt: skip
    assert lowered(between(tmp_path, SHAPE, calls))


def test_what_is_read_outside_too_is_made_in_its_own_shape(tmp_path: Path) -> None:
    """One of two results keeps its 5 axes, the other is a view of the same elements."""
    x = integers(np.random.default_rng(0), 6, 24)
    calls = [
        Call("Reshape", ["x", np.array(SHAPE)], {"v0": SHAPE}, {}),
        Call("Relu", ["v0"], {"a": SHAPE}, {}),
        Call("Reshape", ["a", np.array([6, 24])], {"b": [6, 24]}, {}),
        Call("Reshape", ["v0", np.array([6, 24])], {"c": [6, 24]}, {}),
        Call("Reshape", ["b", np.array([6, 24])], {"d": [6, 24]}, {}),
    ]
    case = onnx_case(tmp_path, {"x": x}, calls, 13, "a", "b", "c", "d")
    assert not lowered(case)


def refused(case: Case) -> list[str]:
    found = FAMILY.recognise(load(case.path).graphs[0])
    return [each.found.reason for each in found if isinstance(each.found, Refusal)]


@pytest.mark.parametrize(
    ("call", "opset", "said"),
    [
        (Call("Add", ["v0", np.ones((2, 1, 4, 1, 3), np.float32)], {"y": SHAPE}, {}), 13,
         "cannot be said of 4"),
        (Call("Max", ["v0", np.ones((4, 2, 1), np.float32)], {"y": SHAPE}, {}), 7,
         "by other rules"),
        (Call("ReduceMax", ["v0"], {"y": [2, 1, 4, 1, 3]}, {"axes": [1, 3]}), 13,
         "cannot be said of 4"),
        (Call("CumSum", ["v0", np.array(1)], {"y": SHAPE}, {}), 13, "not known in fewer axes"),
        (Call("MatMul", ["v0", np.ones(3, np.float32)], {"y": [2, 3, 4, 2]}, {}), 13,
         "multiplies a vector"),
        (Call("MatMul", ["v0", np.ones((1, 3, 1, 3, 2), np.float32)], {"y": [2, 3, 4, 2, 2]}, {}),
         13, "cannot be said of 4"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_in_four_is_refused(
    call: Call, opset: int, said: str, tmp_path: Path
) -> None:
    (reason,) = refused(between(tmp_path, SHAPE, [call], opset))
    assert said in reason


def test_a_transposition_of_too_many_axes_is_refused(tmp_path: Path) -> None:
    shape = [2] * 9
    call = Call("Transpose", ["v0"], {"y": shape}, {"perm": [8, 0, 7, 1, 6, 2, 5, 3, 4]})
    (reason,) = refused(between(tmp_path, shape, [call], 13))
    assert "no few transpositions" in reason


def test_quantised_reductions_are_refused(tmp_path: Path) -> None:
    shape = [2, 2, 2, 2, 2]
    operands = ["x", np.array([1], np.int32)]
    call = Call("MEAN", operands, {"y": [2, 2, 2, 2]}, {"table": "ReducerOptions"})
    x = {"x": np.zeros(shape, np.int8)}
    (reason,) = refused(tflite_case(tmp_path, x, [call], quantised=(0.5, 3)))
    assert "round by the shape" in reason


@pytest.mark.parametrize("target", ["nnapi-1.2", "tflite-gpu"])
def test_shipped_targets_take_what_comes_of_a_mask_added_to_windows(
    target: str, tmp_path: Path
) -> None:
    """Attention in shifted windows: a mask for each window, broadcast over images and heads."""
    whole, many = [8, 3, 4, 4], [2, 4, 3, 4, 4]
    mask = np.ones((1, 4, 1, 4, 4), np.float32)
    calls = [
        Call("RESHAPE", ["x", np.array(many, np.int32)], {"v": many},
             {"table": "ReshapeOptions", "newShape": many}),
        Call("ADD", ["v", mask], {"w": many}, {"table": "AddOptions"}),
        Call("RESHAPE", ["w", np.array(whole, np.int32)], {"y": whole},
             {"table": "ReshapeOptions", "newShape": whole}),
    ]  # fmt: skip
    case = tflite_case(tmp_path, {"x": np.zeros(whole, np.float32)}, calls)
    assert lowered(case)
    assert cured(case, (FAMILY,), target) == ["RESHAPE", "ADD", "RESHAPE"]


def refusing(asked: Graph) -> dict[str, list[Verdict]]:
    """A target that takes no more than 4 axes."""
    no = (Reason("made-up", "more than 4 axes", "nowhere"),)
    over = many(asked)
    return {
        "t": [
            Verdict("unsupported", "unknown", no)
            if node.index in over
            else Verdict("supported", "unknown", ())
            for node in asked.nodes
        ]
    }


def test_only_a_reshape_of_what_the_model_itself_takes_is_left(tmp_path: Path) -> None:
    """Input of 5 axes: what follows is said in 4, and the report says why one node stays."""
    x = np.zeros((1, 2, 2, 2, 3), np.float32)
    options = {"table": "AddOptions"}
    calls = [
        Call("ADD", ["x", np.ones(3, np.float32)], {"s": list(x.shape)}, options),
        Call("RESHAPE", ["s", np.array([8, 3], np.int32)], {"y": [8, 3]}, {}),
    ]
    graph = load(tflite_case(tmp_path, {"x": x}, calls).path).graphs[0]
    setting = Setting(refusing, 0, families=(FAMILY,))
    patches, (choice,) = legalise(graph, setting)
    assert choice.chosen is not None
    assert "the model itself takes or makes x with more than 4 axes" in choice.chosen.note
    new, _ = apply(graph, patches)
    assert [new.nodes[index].op for index in sorted(many(new))] == ["RESHAPE"]
    again, _ = legalise(new, setting)
    assert not again


def test_why_many_axes_stay_is_told_where_nothing_is_won(tmp_path: Path) -> None:
    x = np.zeros((1, 2, 2, 2, 3), np.float32)
    call = Call("ABS", ["x"], {"y": list(x.shape)}, {})
    graph = load(tflite_case(tmp_path, {"x": x}, [call]).path).graphs[0]
    patches, (choice,) = legalise(graph, Setting(refusing, 0, families=(FAMILY,)))
    assert not patches
    assert choice.realisation is None
    assert "the model itself takes or makes x, y with more than 4 axes" in choice.why

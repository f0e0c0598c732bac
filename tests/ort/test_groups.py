"""What Qualcomm's provider takes as one, held against what its compiler makes of the same nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import npulint
import npulint.opsets
from npulint.host import ask
from npulint.judging import node_verdicts
from npulint.model import Graph
from npulint.opsets.registry import open_table
from npulint.opsets.table import TAKEN_AS_ONE, Target
from npulint.ort import see
from npulint.ort.groups import GROUPS
from tests.formats import onnx_building as build

IMAGE = (1, 4, 8, 8)
NUMBERS = {"root": math.sqrt(2), "share": math.sqrt(0.5), "one": 1.0, "half": 0.5, "other": 1.5}

GELU = {
    "x (1 + erf) 0.5": "Div x root > a; Erf a > b; Add b one > c; Mul x c > d; Mul d half > y",
    "factors first": "Div x root > a; Erf a > b; Add one b > c; Mul c x > d; Mul half d > y",
    "by a product": "Mul x share > a; Erf a > b; Add b one > c; Mul x c > d; Mul d half > y",
    "(0.5 x) (1 + erf)": "Mul x half > h; Div x root > a; Erf a > b; Add b one > c; Mul h c > y",
    "x (0.5 (1 + erf))": "Div x root > a; Erf a > b; Add b one > c; Mul c half > d; Mul x d > y",
    "x (0.5 erf + 0.5)": "Mul x share > a; Erf a > b; Mul b half > c; Add c half > d; Mul d x > y",
}
NO_GELU = {
    "a factor before x": "Mul share x > a; Erf a > b; Add b one > c; Mul x c > d; Mul d half > y",
    "read elsewhere": "Div x root > a; Erf a > b; Add b one > c; Mul x c > d; Mul d half > y;"
    "Relu b > z",
    "no half": "Div x root > a; Erf a > b; Add b one > c; Mul x c > y",
    "of another": "Div x root > a; Relu x > r; Erf a > b; Add b one > c; Mul r c > d;"
    "Mul d half > y",
}


def rows(text: str) -> onnx.ModelProto:
    """A model of nodes as rows: operator, what it reads, what it makes."""
    nodes, read, written = [], set(), []
    for row in text.split(";"):
        head, _, made = row.partition(">")
        op, *operands = head.split()
        nodes.append(helper.make_node(op, operands, made.split()))
        read |= set(operands)
        written += made.split()
    stored = [
        numpy_helper.from_array(np.float32(NUMBERS[name]), name)
        for name in sorted(read & {*NUMBERS})
    ]
    ends = [build.floats(name, *IMAGE) for name in written if name not in read]
    return build.model(build.graph(nodes, [build.floats("x", *IMAGE)], ends, stored), opset=18)


@dataclass(frozen=True)
class Axes:
    """A Reshape, a Transpose and a Reshape."""

    sizes: Sequence[int]
    between: Sequence[int]
    order: Sequence[int]
    result: Sequence[int]

    def model(self) -> onnx.ModelProto:
        nodes = [
            helper.make_node("Reshape", ["x", "to"], ["a"]),
            helper.make_node("Transpose", ["a"], ["b"], perm=list(self.order)),
            helper.make_node("Reshape", ["b", "back"], ["y"]),
        ]
        stored = [
            numpy_helper.from_array(np.array(self.between, np.int64), "to"),
            numpy_helper.from_array(np.array(self.result, np.int64), "back"),
        ]
        ends = [build.floats("x", *self.sizes)], [build.floats("y", *self.result)]
        return build.model(build.graph(nodes, *ends, stored), opset=18)


SIX = {
    "depth to space, column first": Axes(
        (1, 16, 8, 8), (1, 4, 2, 2, 8, 8), (0, 1, 4, 2, 5, 3), (1, 4, 16, 16)
    ),
    "depth to space": Axes((1, 16, 8, 8), (1, 2, 2, 4, 8, 8), (0, 3, 4, 1, 5, 2), (1, 4, 16, 16)),
    "windows": Axes((1, 8, 8, 16), (1, 2, 4, 2, 4, 16), (0, 1, 3, 2, 4, 5), (4, 4, 4, 16)),
    "the last axis": Axes((2, 16, 8, 8), (2, 4, 4, 8, 8, 1), (0, 2, 1, 3, 4, 5), (2, 16, 8, 8)),
}
NO_SIX = {
    "a batch of two": Axes((2, 16, 8, 8), (2, 4, 2, 2, 8, 8), (0, 1, 4, 2, 5, 3), (2, 4, 16, 16)),
    "an axis of 1 that moves": Axes(
        (2, 16, 8, 8), (2, 4, 1, 4, 8, 8), (0, 2, 1, 3, 4, 5), (2, 16, 8, 8)
    ),
    "space to depth, column first": Axes(
        (1, 16, 8, 8), (1, 16, 4, 2, 4, 2), (0, 1, 3, 5, 2, 4), (1, 64, 4, 4)
    ),
    "space to depth": Axes((1, 16, 8, 8), (1, 16, 4, 2, 4, 2), (0, 3, 5, 1, 2, 4), (1, 64, 4, 4)),
}
MODELS = {
    **{name: (rows(text), True) for name, text in GELU.items()},
    **{name: (rows(text), False) for name, text in NO_GELU.items()},
    **{name: (axes.model(), True) for name, axes in SIX.items()},
    **{name: (axes.model(), False) for name, axes in NO_SIX.items()},
}


def qnn_target() -> Target:
    table = open_table(Path(npulint.opsets.__path__[0], "qnn-htp-onnx.yaml"))
    (target,) = (each for each in table.targets() if each.name == "qnn-htp-v73")
    return target


def graph_of(model: onnx.ModelProto, folder: Path) -> Graph:
    return npulint.load(build.write(folder, model)).graphs[0]


def test_a_table_may_name_what_is_known() -> None:
    assert set(TAKEN_AS_ONE) == set(GROUPS)


@pytest.mark.parametrize("name", MODELS)
def test_what_is_said_of_it_is_what_the_compiler_does(name: str, tmp_path: Path) -> None:
    model, whole = MODELS[name]
    path = build.write(tmp_path, model)
    target = qnn_target()
    verdicts = node_verdicts(npulint.load(path), target)[0]
    said = [verdict.status == "supported" for verdict in verdicts]
    answer = ask(path, "qnn-htp-v73", run=False)
    taken = [node.status in {"taken", "merged"} for node in answer.nodes]
    assert all(taken) == whole
    if whole:
        assert all(said)
    else:
        assert not any(yes and not real for yes, real in zip(said, taken, strict=True))
        assert any(verdict.status == "unsupported" for verdict in verdicts)


@pytest.mark.parametrize("name", GELU)
def test_a_gelu_is_one_node_of_what_it_is_written_as(name: str, tmp_path: Path) -> None:
    graph = graph_of(MODELS[name][0], tmp_path)
    view = see(graph, taken_as_one=["gelu"])
    assert [node.op for node in view.graph.nodes] == ["Gelu"]
    assert view.origins == (tuple(range(5)),)
    assert view.sizes == (5,)
    assert len(see(graph).graph.nodes) == len(graph.nodes)


@pytest.mark.parametrize("name", SIX)
def test_an_axis_that_says_nothing_is_left_out(name: str, tmp_path: Path) -> None:
    graph = graph_of(MODELS[name][0], tmp_path)
    seen = see(graph, taken_as_one=["six-axes"]).graph
    first, turn, last = seen.nodes
    between, behind = (seen.values[node.outputs[0]].shape for node in (first, turn))
    perm = turn.attributes["perm"]
    assert between is not None
    assert behind is not None
    assert isinstance(perm, tuple)
    assert len(between) == len(perm) == 5
    assert behind == tuple(between[int(str(axis))] for axis in perm)
    told = seen.values[first.inputs[1]].constant
    assert told is not None
    assert told.elements() == between
    assert [size for size in between if size != 1] == [
        size for size in SIX[name].between if size != 1
    ]
    assert seen.values[last.outputs[0]].shape == tuple(SIX[name].result)


@pytest.mark.parametrize("name", ["x (1 + erf) 0.5", "(0.5 x) (1 + erf)"])
def test_another_function_of_that_form_is_left_as_it_is(name: str, tmp_path: Path) -> None:
    """The provider computes Gelu in its place, since it looks at no factor."""
    model = rows(GELU[name].replace("root", "other"))
    graph = graph_of(model, tmp_path)
    assert "Erf" in [node.op for node in see(graph, taken_as_one=["gelu"]).graph.nodes]
    path = build.write(tmp_path, model)
    answer = ask(path, "qnn-htp-v73")
    assert all(node.status == "taken" for node in answer.nodes)
    verdicts = node_verdicts(npulint.load(path), qnn_target())[0]
    (said,) = (each for each in verdicts if each.status == "unsupported")
    words = "; ".join(reason.message for reason in said.reasons)
    assert "takes all that has the form of Gelu for Gelu" in words

"""What LiteRT hands a compiler plugin, by the verdicts and by what else is in the model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from sketch import Row, chain, dags, dtype, rows, sketch, verdicts

from npulint.joins import joining_set
from npulint.model import Graph
from npulint.opsets import load_target
from npulint.opsets.table import Partitioning
from npulint.partition import Delegation, delegate_model
from npulint.runs import cut_in_runs

NEURON = load_target("neuron")
RULES = Partitioning("litert-plugin", "toy", None, 1, "allowed", "as-is", "somewhere")
SIGNS = {True: "+", False: "-", None: "?"}


def delegate(pairs: list[tuple[Graph, str]], **rules: Any) -> list[Delegation]:
    target = replace(NEURON, partitioning=replace(RULES, **rules))
    return list(delegate_model([g for g, _ in pairs], [verdicts(v) for _, v in pairs], target))


@dataclass(frozen=True)
class Case:
    """A graph with its verdicts, what becomes of its nodes, and the pieces handed over."""

    text: str
    letters: str
    fates: str
    handed: list[list[int]]
    rules: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    notes: str = ""


CASES = {
    "whole": Case("RELU 0 > 1; RELU 1 > 2", "aa", "++", [[0, 1]]),
    "none": Case("RELU 0 > 1; RELU 1 > 2", "rr", "--", []),
    "cut": Case("RELU 0 > 1; RELU 1 > 2; RELU 2 > 3", "ara", "+-+", [[0], [2]]),
    "nothing in common": Case("RELU 0 > 1; RELU 2 > 3", "aa", "++", [[0, 1]]),
    "a branch that could have gone on": Case(
        "RELU 0 > 1; RELU 1 > 2; RELU 1 > 3; ADD 2 3 > 4", "araa", "+-++", [[0], [2, 3]]
    ),
    "the same in another order": Case(
        "RELU 0 > 1; RELU 1 > 3; RELU 1 > 2; ADD 2 3 > 4", "aara", "++-+", [[0, 1], [3]]
    ),
    "unknown": Case(
        "RELU 0 > 1; RELU 1 > 2; RELU 2 > 3", "aua", "+?+", [[0], [2]],
        notes="nothing is known (1) are cut as if they were refused",
    ),
    "not to be compiled": Case(
        "RELU 0 > 1; RELU 1 > 2; RELU 2 > 3", "bra", "---", [],
        why="RELU (node 0) passes the check and then cannot be built, and nothing of the model is",
    ),
    "perhaps not to be compiled": Case(
        "RELU 0 > 1; RELU 1 > 2; RELU 2 > 3", "dra", "?-?", [[0], [2]],
        notes="if it cannot, nothing of the model is compiled: its bias is somewhere",
    ),
    "nothing but what is stored": Case(
        "ADD 0 1 > 2; RELU 2 > 3; RELU 3 > 4", "ara", "---", [], {"needs_input": True},
        {"stored": (0, 1)}, "the piece of ADD (node 0) reads nothing but what is stored, and",
    ),
    "that does not matter": Case(
        "ADD 0 1 > 2; RELU 2 > 3; RELU 3 > 4", "ara", "+-+", [[0], [2]], more={"stored": (0, 1)}
    ),
    "stored and not": Case(
        "ADD 0 1 > 2; RELU 3 > 4; RELU 2 > 5", "aar", "++-", [[0, 1]], {"needs_input": True},
        {"stored": (0, 1)},
    ),
    "stored beside what is unknown": Case(
        "ADD 0 1 > 2; RELU 2 > 3; RELU 3 > 4", "aua", "???", [[0], [2]], {"needs_input": True},
        {"stored": (0, 1)}, notes="reads nothing but what is stored unless it joins another",
    ),
    "a type that it cannot convert": Case(
        "RELU 0 > 1; !MINE 1 > 2", "ar", "--", [], {"types": ("float32",)},
        {"values": {2: dtype("string")}},
        "MINE (node 1) has a tensor of string, which the plugin for toy cannot convert",
    ),
    "types that it can convert": Case(
        "RELU 0 > 1; !MINE 1 > 2", "ar", "+-", [[0]], {"types": ("float32", "string")},
        {"values": {2: dtype("string")}},
    ),
    "an operand left out": Case(
        "CONV_2D 0 1 -1 > 2; RELU 2 > 3", "aa", "++", [[0, 1]], {"types": ("float32",)}
    ),
    "tensors of its own": Case(
        "RELU 0 > 1; LSTM[intermediates] 1 > 2", "ar", "--", [],
        why="LSTM (node 1) has intermediates, and LiteRT loads no model with such",
    ),
    "variables": Case(
        "RELU 0 > 1; SVDF[mutating_variable_inputs] 1 > 2", "ar", "--", [],
        why="SVDF (node 1) has mutating variable inputs",
    ),
    "compiled before": Case(
        "RELU 0 > 1; !DISPATCH_OP 1 > 2", "ar", "--", [],
        why="DISPATCH_OP (node 1) is a piece that was compiled before",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_handed_over(name: str) -> None:
    case = CASES[name]
    (result,) = delegate([(sketch(*rows(case.text), **case.more), case.letters)], **case.rules)
    assert "".join(SIGNS[fate] for fate in result.delegated) == case.fates
    assert [list(p.nodes) for p in result.partitions if p.handed_over] == case.handed
    assert case.why in (result.why_not or "")
    assert bool(case.why) is bool(result.why_not)
    assert case.notes in " ".join(result.notes)
    assert bool(case.notes) is bool(result.notes)


MODELS = {
    # Every graph is offered by itself, also those that TFLite keeps from delegates.
    "graphs": (("main", "ar"), ("VALIDATION:main", "aa"), ["+-", "++"]),
    "one that fails": (("main", "aa"), ("other", "ab"), ["--", "--"]),
    "one that may fail": (("main", "aa"), ("other", "ad"), ["??", "??"]),
    "the first fails": (("main", "ba"), ("other", "ra"), ["--", "--"]),
}


@pytest.mark.parametrize("name", MODELS)
def test_graphs_of_a_model(name: str) -> None:
    *graphs, fates = MODELS[name]
    made = [
        (replace(chain(2), index=place, name=called), letters)
        for place, (called, letters) in enumerate(graphs)
    ]
    results = delegate(made)
    assert ["".join(SIGNS[fate] for fate in each.delegated) for each in results] == fates


def composite(name: str) -> Graph:
    """A composite between two nodes, which the second graph describes."""
    between = Row("STABLEHLO_COMPOSITE", (1,), (2,), {"name": name}, (("decomposition", 1),))
    return sketch(Row("RELU", (0,), (1,)), between, Row("RELU", (2,), (3,)))


@pytest.mark.parametrize(
    ("name", "letters", "fates", "handed"),
    [
        # Taken as it is, its description goes with it.
        ("odml.rms_norm", "aaa", ["+++", "+"], [[0, 1, 2]]),
        # Replaced by its description, of which it is not followed what becomes.
        ("odml.rms_norm", "ara", ["+?+", "?"], [[0], [2]]),
        ("odml.rms_norm", "aua", ["+?+", "?"], [[0], [2]]),
        ("odml.npu_call", "ara", ["+?+", "?"], [[0], [2]]),
        # Left on the CPU because the model asks for it, even where the plugin would take it.
        ("odml.cpu_call", "ara", ["+-+", "-"], [[0], [2]]),
        ("odml.cpu_call", "aaa", ["+-+", "-"], [[0], [2]]),
    ],
)
def test_composites(name: str, letters: str, fates: list[str], handed: list[list[int]]) -> None:
    body = replace(chain(1), index=1)
    results = delegate([(composite(name), letters), (body, "a")])
    assert ["".join(SIGNS[fate] for fate in each.delegated) for each in results] == fates
    assert [list(p.nodes) for p in results[0].partitions if p.handed_over] == handed
    assert results[1].partitions == ()
    assert "what a composite computes" in results[1].notes[0]
    replaced = any("is replaced by the graph" in note for note in results[0].notes)
    assert replaced is ("?" in fates[0])


def test_what_is_stored_may_join_what_a_composite_is_replaced_by() -> None:
    between = Row("STABLEHLO_COMPOSITE", (2,), (3,), {"name": "own"}, (("decomposition", 1),))
    graph = sketch(Row("ADD", (0, 1), (2,)), between, Row("RELU", (3,), (4,)), stored=(0, 1))
    (main, _) = delegate([(graph, "ara"), (replace(chain(1), index=1), "a")], needs_input=True)
    assert (main.why_not, main.delegated) == (None, (None, None, None))
    assert "unless it joins another" in (main.doubt or "")


def test_a_description_of_composites_with_different_fates_has_none() -> None:
    both = replace(composite("odml.cpu_call"), index=0)
    other = replace(composite("odml.rms_norm"), index=2)
    body = replace(chain(1), index=1)
    results = delegate([(both, "ara"), (body, "a"), (other, "aaa")])
    assert results[1].delegated == (None,)


@given(dags())
def test_runs_are_what_stands_together_and_their_borders_what_crosses(
    drawn: tuple[Graph, list[bool]],
) -> None:
    graph, handed = drawn
    pieces = cut_in_runs(graph, handed)
    assert [index for piece in pieces for index in piece.nodes] == list(range(len(graph.nodes)))
    assert all(one.handed != other.handed for one, other in pairwise(pieces))
    for piece in pieces:
        inside = [graph.nodes[index] for index in piece.nodes]
        assert {handed[node.index] for node in inside} == {piece.handed}
        made = {value for node in inside for value in node.outputs}
        read = {v for n in inside for v in n.inputs if v >= 0} - made
        outside = {v for n in graph.nodes if n not in inside for v in n.inputs}
        assert piece.inputs == {v for v in read if graph.values[v].constant is None}
        assert piece.outputs == made & (outside | set(graph.outputs))


def test_what_a_conversion_drops_joins_no_piece_and_is_read_through() -> None:
    graph = sketch(*rows("RELU 0 > 1; RELU 1 > 2; RELU 2 > 3; RELU 3 > 4; RELU 4 > 5"))
    pieces = cut_in_runs(graph, [True, False, True, False, True], vanishing=frozenset({1, 3}))
    assert [piece.nodes for piece in pieces] == [(0, 2, 4)]
    assert (pieces[0].inputs, pieces[0].outputs) == ({0}, {5})
    parted = cut_in_runs(graph, [True, True, False, True, True], vanishing=frozenset({1, 3}))
    assert [piece.nodes for piece in parted] == [(0,), (2,), (4,)]
    assert [(piece.inputs, piece.outputs) for piece in parted] == [
        ({0}, {2}),
        ({2}, {4}),
        ({4}, {5}),
    ]


def test_pieces_of_an_onnx_model_depend_on_the_order_that_a_conversion_writes() -> None:
    graph = sketch(*rows("Relu 0 > 1; Erf 1 > 2"), dialect="onnx")
    (result,) = delegate([(graph, "ar")])
    assert [piece.nodes for piece in result.partitions] == [(0,), (1,)]
    assert "a conversion that writes another order" in " ".join(result.notes)


@pytest.mark.parametrize(
    ("letters", "cured"),
    [("araar", (1,)), ("rarra", (2, 3)), ("aarrr", None), ("rrrrr", None), ("arara", (1, 3))],
)
def test_what_joins_the_pieces_is_all_that_stands_between_them(
    letters: str, cured: tuple[int, ...] | None
) -> None:
    graph = chain(5)
    (result,) = delegate([(graph, letters)])
    join = joining_set(graph, result.partitions, strategy="litert-plugin")
    assert (None if join is None else join.nodes) == cured
    if cured is not None:
        mended = "".join("a" if at in cured else each for at, each in enumerate(letters))
        (after,) = delegate([(graph, mended)])
        assert sum(piece.handed_over for piece in after.partitions) == 1

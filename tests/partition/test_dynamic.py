"""Which tensors have no size before they run, and which nodes are never prepared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sketch import Row, dtype, offset, rows, sketch

from npulint.bodies import Bodies
from npulint.dynamic import dynamic_nodes, first_obstacle, unprepared
from npulint.model import Graph
from npulint.opsets import tflite_kernels as kernels

WIDEST = 6
"""Inputs that a made-up node reads: as many as any kernel looks at."""


def node_with(op: str, stored: set[int], **values: dict[str, Any]) -> Graph:
    """One node of the operator that reads values 0 to 5, some of them stored."""
    told = {v: dtype("int32") for v in range(WIDEST + 2)}
    told.update({int(name[1:]): what for name, what in values.items()})
    return sketch(Row(op, tuple(range(WIDEST)), (6, 7)), stored=sorted(stored), values=told)


def reads_only(op: str) -> set[int]:
    return set(kernels.SIZINGS[op].needs)


@pytest.mark.parametrize("op", kernels.SIZINGS)
def test_results_have_a_size_when_all_that_sizes_them_is_stored(op: str) -> None:
    assert dynamic_nodes(node_with(op, reads_only(op))) == ()


@pytest.mark.parametrize(
    ("op", "missing"), [(op, need) for op in kernels.SIZINGS for need in kernels.SIZINGS[op].needs]
)
def test_results_have_no_size_when_something_that_sizes_them_is_not_stored(
    op: str, missing: int
) -> None:
    # SLICE alone trusts the declared shape of its result.
    unranked = {"_6": dtype("int32", ()), "_7": dtype("int32", ())} if op == "SLICE" else {}
    (found,) = dynamic_nodes(node_with(op, reads_only(op) - {missing}, **unranked))
    assert (found.kind, found.node) == ("dynamic", 0)
    assert f"input {missing}" in found.message
    assert op in found.message
    assert found.source.startswith("google-ai-edge/LiteRT tflite/kernels/")


@pytest.mark.parametrize("op", kernels.UNSIZED)
def test_some_results_never_have_a_size(op: str) -> None:
    assert [found.node for found in dynamic_nodes(node_with(op, set(range(WIDEST))))] == [0]


@dataclass(frozen=True)
class Case:
    """A graph in short, and the node at which the runtime finds a tensor without a size.

    Value 4 is stored in the file.
    """

    name: str
    rows: str
    at: int | None
    values: dict[int, dict[str, Any]] = field(default_factory=dict)


INTS = {value: dtype("int32") for value in range(12)}
OPEN = dtype("int32", (1, 4), shape_signature=(None, 4))
SCALAR, TEN = dtype("int32", ()), dtype("int32", (10,))
FLOATS = {value: dtype("float32") for value in (2, 5)}
HANDLE, TEXT = dtype("resource"), dtype("string")

CASES = (
    Case("a computed shape is known", "SHAPE 0 > 1; FILL 1 2 > 3", None),
    Case("a rank too", "RANK 0 > 1; FILL 1 2 > 3", None),
    Case("part of a shape", "SHAPE 0 > 1; STRIDED_SLICE 1 4 4 4 > 2; FILL 2 5 > 3", None),
    Case("parts of a shape together", "SHAPE 0 > 1; CONCATENATION 1 4 > 2; FILL 2 5 > 3", None),
    Case("a product of known values", "MUL 4 4 > 1; FILL 1 2 > 3", None),
    Case("a product with an activation", "MUL 0 4 > 1; FILL 1 2 > 3", 1),
    Case("packing is not done ahead", "PACK 4 4 > 1; FILL 1 2 > 3", 1),
    Case("adding is not done ahead", "ADD 4 4 > 1; FILL 1 2 > 3", 1),
    Case("gathering is", "GATHER 4 4 > 1; FILL 1 2 > 3", None),
    Case("tiling is", "TILE 4 4 > 1; FILL 1 2 > 3", None),
    Case("a range of known ends", "RANGE 4 4 4 > 1; FILL 1 2 > 3", None),
    Case("a range of open ends", "RANGE 4 0 4 > 1", 0),
    Case("reshaping a known value", "RESHAPE 4 4 > 1; FILL 1 2 > 3", None),
    Case("reshaping by an option", "RESHAPE 0 > 1", None),
    Case("reshaping by an activation", "RESHAPE 0 1 > 2", 0),
    Case("the product of a few", "REDUCE_PROD 4 4 > 1; FILL 1 2 > 3", None),
    Case("the product of many", "REDUCE_PROD 4 4 > 1; FILL 1 2 > 3", 1, {1: TEN}),
    Case("a shape that must be stored", "SHAPE 0 > 1; TRANSPOSE_CONV 1 4 5 > 2", 1, FLOATS),
    Case("broadcast shapes", "BROADCAST_ARGS 4 4 > 1; BROADCAST_TO 0 1 > 2", None),
    Case("a slice of a declared shape", "SLICE 0 1 2 > 3", None),
    Case("a slice of an open shape", "SLICE 0 1 2 > 3", 0, {3: OPEN}),
    Case("a slice of an open input", "SLICE 0 4 4 > 3", 0, {0: OPEN, 3: OPEN}),
    Case("an offset slice needs only strides", "STRIDED_SLICE[offset] 0 1 2 4 > 3", None),
    Case("the best of an open input", "TOPK_V2 0 4 > 1 2", 0, {0: OPEN}),
    Case("a padded scalar", "PAD 0 4 > 1", 0, {0: SCALAR}),
    Case("an unranked variable", "VAR_HANDLE > 0; READ_VARIABLE 0 > 1", 1, {0: HANDLE, 1: SCALAR}),
    Case("a ranked variable", "VAR_HANDLE > 0; READ_VARIABLE 0 > 1", None, {0: HANDLE}),
    Case("a table", "HASHTABLE > 0", 0, {0: HANDLE}),
    Case("text", "GATHER 0 1 > 2", 0, {0: TEXT, 2: TEXT}),
    Case("a custom operator", "!FILL 0 1 > 2", None),
    Case("a custom operator that makes text", "!Split 0 > 1", 0, {1: TEXT}),
    Case("the selected boxes", "NON_MAX_SUPPRESSION_V4 0 1 2 4 4 > 5 6", 0),
    Case("a node without results", "FILL 0 1 >", None),
    Case("a node whose results are left out", "RESHAPE 0 1 > -1", None),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_where_a_size_is_missing(case: Case) -> None:
    graph = sketch(*rows(case.rows), stored=(4,), values={**INTS, **case.values})
    assert first_obstacle_at(graph) == case.at


def first_obstacle_at(graph: Graph, *others: Graph) -> int | None:
    found = first_obstacle(graph, Bodies((graph, *others)))
    assert found is None or found.kind == "dynamic"
    return None if found is None else found.node


def body(shape: tuple[int, ...], index: int, text: str = "!ANY 0 > 1") -> Graph:
    """A body graph whose result, value 1, has a shape."""
    return sketch(*rows(text), values={1: dtype("float32", shape)}, index=index)


IF = (("then_subgraph_index", 1), ("else_subgraph_index", 2))
WHILE = (("cond_subgraph_index", 2), ("body_subgraph_index", 1))
COMPOSITE = (("decomposition_subgraph_index", 1),)
OPEN_ENDED = "RESHAPE 0 2 > 1"


@pytest.mark.parametrize(
    ("op", "bodies", "one", "two", "at"),
    [
        ("IF", IF, body((1, 4), 1), body((1, 4), 2), None),
        ("IF", IF, body((1, 4), 1), body((2, 4), 2), 0),
        ("IF", IF, body((1, 4), 1, OPEN_ENDED), body((1, 4), 2), 0),
        ("WHILE", WHILE, body((1, 4), 1), body((1,), 2), None),
        ("WHILE", WHILE, body((2, 4), 1), body((1,), 2), 0),
        ("WHILE", WHILE, body((1, 4), 1), body((1,), 2, OPEN_ENDED), None),
        ("STABLEHLO_COMPOSITE", COMPOSITE, body((2, 4), 1), body((), 2), None),
        ("STABLEHLO_COMPOSITE", COMPOSITE, body((2, 4), 1, OPEN_ENDED), body((), 2), 0),
    ],
)
def test_control_flow_is_as_its_bodies_are(
    op: str, bodies: tuple[tuple[str, int], ...], one: Graph, two: Graph, at: int | None
) -> None:
    assert first_obstacle_at(sketch(Row(op, (0,), (1,), bodies=bodies)), one, two) == at


def test_bodies_that_run_themselves_are_looked_at_once() -> None:
    loop = (("body_subgraph_index", 1),)
    inner = sketch(Row("WHILE", (0,), (1,), bodies=loop), index=1)
    assert first_obstacle_at(sketch(Row("WHILE", (0,), (1,), bodies=loop)), inner) is None


@pytest.mark.parametrize("innermost", [1, 3000])
def test_nested_control_flow_costs_as_many_looks_as_there_are_graphs(innermost: int) -> None:
    """Both branches run the same graph: a look at each run would double with every level."""
    nested = [
        sketch(
            Row("IF", (0,), (1,), bodies=tuple((name, index + 1) for name, _ in IF)), index=index
        )
        for index in range(innermost)
    ]
    blamed = sketch(*rows(OPEN_ENDED), index=innermost)
    bodies = Bodies((*nested, blamed))
    for graph in nested:
        found = first_obstacle(graph, bodies)
        assert found is not None
        assert found.node == 0
        assert f"graph {graph.index + 1}, which it runs" in found.message
        assert "made by RESHAPE" in found.message
        assert len(found.message) < 400


def test_text_handed_through_has_no_size() -> None:
    graph = sketch(Row("RELU", (0,), (1,)), results=(1, 2), values={2: dtype("string")})
    found = first_obstacle(graph)
    assert found is not None
    assert (found.kind, found.node, found.value) == ("dynamic", None, 2)


FLOAT, INT8, INT16, INT32, INT64 = (
    dtype(name) for name in ("float32", "int8", "int16", "int32", "int64")
)
SKEWED = dtype("int16", quantisation=offset(3))


@pytest.mark.parametrize(
    ("row", "values", "expected"),
    [
        (Row("CONV_2D", (0, 1), (3,)), {}, "no bias"),
        (Row("CONV_2D", (0, 1, -1), (3,)), {}, "no bias"),
        (Row("CONV_2D", (0, 1, 2), (3,)), {}, None),
        (Row("CONV_2D", (0, 1, 2), (3,)), {0: INT8, 2: INT32, 3: INT8}, None),
        (Row("CONV_2D", (0, 1, 2), (3,)), {0: INT8, 2: FLOAT, 3: INT8}, "its bias is float32"),
        (Row("CONV_2D", (0, 1, 2), (3,)), {0: INT16, 2: INT32, 3: INT16}, None),
        (Row("CONV_2D", (0, 1, 2), (3,)), {0: SKEWED, 2: INT32, 3: INT16}, "zero point"),
        (Row("CONV_2D", (0, 1, 2), (3,)), {0: INT32}, "its input is int32"),
        (Row("CONV_2D", (0, 1, 2), (3,)), {3: INT8}, "float32 and int8"),
        (Row("DEPTHWISE_CONV_2D", (0, 1), (3,)), {}, None),
        (Row("DEPTHWISE_CONV_2D", (0, 1, -1), (3,)), {}, "no bias"),
        (Row("DEPTHWISE_CONV_2D", (0, 1, 2), (3,)), {0: INT16, 2: INT32, 3: INT16}, "int64 is"),
        (Row("DEPTHWISE_CONV_2D", (0, 1, 2), (3,)), {0: INT16, 2: INT64, 3: INT16}, None),
        (Row("TRANSPOSE_CONV", (4, 1, 0), (3,)), {4: INT32}, None),
        (Row("TRANSPOSE_CONV", (4, 1, 0, 2), (3,)), {4: INT32, 2: INT32}, "its bias is int32"),
        (Row("TRANSPOSE_CONV", (4, 1, 0), (3,)), {4: INT32, 3: INT8}, "float32 and int8"),
        (Row("ELU", (0,), (3,)), {0: INT16}, "int16 and float32"),
        (Row("ELU", (0,), (3,)), {0: INT16, 3: INT16}, None),
        (Row("PADV2", (0, 4, 2), (3,)), {0: INT16, 3: INT16, 4: INT32}, "int16 and float32"),
        (Row("ADD", (0, 1), (3,)), {1: INT8}, "float32 and int8"),
        (Row("ADD", (0, 1), (3,)), {3: INT8}, None),
        (Row("CONCATENATION", (0, 1, 2), (3,)), {2: INT8}, "float32 and int8"),
        (Row("RELU", (0,), (3,)), {0: SKEWED, 3: INT16}, "zero point"),
        (Row("ELU", (0,), (3,), custom=True), {0: INT16}, None),
    ],
)
def test_what_a_kernel_refuses_to_prepare(
    row: Row, values: dict[int, dict[str, Any]], expected: str | None
) -> None:
    graph = sketch(row, stored=(4,), values=values)
    found = unprepared(graph)
    assert [(o.kind, o.node) for o in found] == ([] if expected is None else [("prepare", 0)])
    assert all(expected in o.message and row.op in o.message for o in found if expected)
    assert all(o.source.startswith("google-ai-edge/LiteRT") for o in found)


def test_a_kernel_that_gives_its_result_a_type_overrides_the_file() -> None:
    graph = sketch(*rows("ADD 0 1 > 2; SUB 2 3 > 4"), values={2: INT16})
    assert unprepared(graph) == ()


def test_what_comes_first_in_the_file_is_told() -> None:
    nodes = rows("RESHAPE 0 1 > 2; CONV_2D 2 3 > 4")
    first = first_obstacle(sketch(*nodes, values={1: INT32}))
    assert first is not None
    assert (first.kind, first.node) == ("dynamic", 0)
    first = first_obstacle(sketch(*reversed(nodes), values={1: INT32}))
    assert first is not None
    assert (first.kind, first.node) == ("prepare", 0)


TABLES = (
    kernels.SIZINGS,
    kernels.UNSIZED,
    kernels.FOLDINGS,
    kernels.INPUT_TYPES,
    kernels.SAME_TYPE,
    kernels.SYMMETRIC_INT16,
    kernels.RESULT_TYPE,
    kernels.BIAS_AT,
    kernels.SCALAR_RESULT,
)
KNOWN = sorted({op for table in TABLES for op in table} | {"IF", "WHILE"})
OPERANDS = st.lists(st.integers(-1, 7), max_size=5).map(tuple)


@given(
    st.lists(st.builds(Row, st.sampled_from(KNOWN), OPERANDS, OPERANDS), min_size=1, max_size=4),
    st.sets(st.integers(0, 7)),
    st.dictionaries(st.integers(0, 7), st.sampled_from([INT16, SKEWED, OPEN, SCALAR, TEXT])),
)
def test_nodes_of_any_form_are_looked_at_without_a_fault(
    nodes: list[Row], stored: set[int], values: dict[int, dict[str, Any]]
) -> None:
    graph = sketch(*nodes, stored=sorted(stored), values=values)
    found = first_obstacle(graph, Bodies((graph,)))
    listed = dynamic_nodes(graph) + unprepared(graph)
    assert (found is None) == (listed == ())
    assert found is None or found in listed

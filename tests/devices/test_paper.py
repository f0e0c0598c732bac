"""The fallbacks of a published study, network by network and phone by phone."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

import npulint
from npulint import opsets
from npulint.finding import TargetResult
from npulint.model import Graph, Node
from tests.devices.networks import NETWORKS
from tests.devices.paper import PHONES, Cell, cells

CELLS = tuple(cells())
THROUGH_NNAPI = tuple(c for c in CELLS if c.type != "16-bit PTQ")
RAN = tuple(c for c in THROUGH_NNAPI if c.figure != "failed")

SURPLUS = {
    ("Inception-ResNetV2-FPN*", "float", "pixel-4"): {"CONCATENATION": 5},
    ("UNet-ResizeBilinear-PRelu, -50 % MAC", "float", "pixel-4"): {
        "CONCATENATION": 2,
        "CONV_2D": 2,
    },
}
"""Nodes of which we say that they may fall back although no footnote names them."""


@cache
def asked(network: str, kind: str, phone: str) -> tuple[Graph, TargetResult]:
    model = NETWORKS[network, kind]()
    (result,) = npulint.check(model, [phone]).models
    return model.graphs[0], result.targets[0]


def named(graph: Graph, words: str) -> list[Node]:
    """The nodes that a footnote's words mean."""
    op = words.removeprefix("some ").partition(" after ")[0]
    nodes = [node for node in graph.nodes if node.op == op]
    if words.endswith(" after CONCATENATION"):
        joined = {v for node in graph.nodes if node.op == "CONCATENATION" for v in node.outputs}
        nodes = [node for node in nodes if node.inputs[0] in joined]
    assert nodes, words
    return nodes


@pytest.mark.parametrize("cell", [c for c in RAN if c.fallen], ids=str)
def test_every_fallback_that_a_footnote_names_is_said(cell: Cell) -> None:
    graph, result = asked(cell.network, cell.type, cell.phone)
    delegated = result.delegations[0].delegated
    for words in cell.fallen:
        nodes = named(graph, words)
        said = [
            delegated[node.index] is not True
            and result.verdicts[0][node.index].status in {"unsupported", "unknown"}
            for node in nodes
        ]
        assert (any if words.startswith("some ") else all)(said), words


@pytest.mark.parametrize("cell", RAN, ids=str)
def test_what_no_footnote_names_is_never_refused_and_seldom_doubted(cell: Cell) -> None:
    graph, result = asked(cell.network, cell.type, cell.phone)
    meant = {node.index for words in cell.fallen for node in named(graph, words)}
    rest = [node for node in graph.nodes if node.index not in meant]
    verdicts = result.verdicts[0]
    assert not [node for node in rest if verdicts[node.index].status == "unsupported"]
    doubted = Counter(node.op for node in rest if verdicts[node.index].status == "unknown")
    assert doubted == SURPLUS.get((cell.network, cell.type, cell.phone), {})
    for node in rest:
        if verdicts[node.index].status == "supported":
            assert result.delegations[0].delegated[node.index] is True


def test_each_surplus_belongs_to_a_figure() -> None:
    assert SURPLUS.keys() <= {(c.network, c.type, c.phone) for c in RAN}


@pytest.mark.parametrize("cell", [c for c in CELLS if c.figure == "failed"], ids=str)
def test_networks_that_failed_are_warned_of_by_their_size(cell: Cell) -> None:
    _, result = asked(cell.network, cell.type, cell.phone)
    failed = cell.network.rstrip("*")
    warned = [c for c in result.cautions if "OP_FAILED" in c.message and failed in c.message]
    assert len(warned) == 1
    assert "Table 2 note 3" in warned[0].source


@pytest.mark.parametrize("phone", PHONES)
def test_profiles_hold_every_figure_of_the_tables(phone: str) -> None:
    held = [
        (row.source.partition("12599 ")[2][:7], row.network, row.type, _figure(row), row.note)
        for row in opsets.load_device(phone).measured
    ]
    printed = [(c.table, c.network, c.type, c.figure, c.note) for c in CELLS if c.phone == phone]
    assert sorted(held) == sorted(printed)


def _figure(row: object) -> str:
    milliseconds = getattr(row, "milliseconds", None)
    return "failed" if milliseconds is None else str(milliseconds)


@pytest.mark.parametrize("phone", PHONES)
def test_profiles_repeat_what_the_footnotes_name(phone: str) -> None:
    rows = opsets.load_device(phone).measured
    for cell in (c for c in RAN if c.phone == phone):
        (row,) = [
            r
            for r in rows
            if (r.network, r.type) == (cell.network, cell.type) and cell.table in r.source
        ]
        assert bool(row.fell) == bool(cell.fallen)
        for words in cell.fallen:
            assert words.removeprefix("some ").partition(" after ")[0] in row.fell

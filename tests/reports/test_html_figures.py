"""The figure of a graph: who runs what, in which width, and the memory curve."""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npulint import check, reference_models
from npulint.finding import TargetResult
from npulint.reports.html.figures import WIDTH, curve, edges, ribbon
from npulint.reports.html.standing import KINDS, Standing, of_piece, standings

KIND = st.sampled_from([kind.name for kind in KINDS])
MACS = st.lists(st.one_of(st.none(), st.integers(0, 10**12)), min_size=1, max_size=60)
EXPORTS = f"{next(iter(reference_models.__path__))}/exports"


@given(MACS)
def test_widths_cover_all_and_grow_with_what_is_multiplied(macs: list[int | None]) -> None:
    for scale in ("nodes", "macs"):
        places = edges(macs, scale)
        assert (places[0], places[-1], len(places)) == (0, WIDTH, len(macs) + 1)
        assert list(places) == sorted(places)
    widths = [after - before for before, after in pairwise(places)]
    if any(macs):
        known = [each or 0 for each in macs]
        order = sorted(range(len(macs)), key=known.__getitem__)
        assert all(widths[a] <= widths[b] + 1 for a, b in pairwise(order))


@given(st.lists(KIND, min_size=1, max_size=60))
def test_a_ribbon_covers_every_node_once(who: list[Standing]) -> None:
    places = edges([None] * len(who), "nodes")
    drawn = ribbon(who, [-1] * len(who), [False] * len(who), places)
    covered: Counter[Standing] = Counter()
    starts: set[int] = set()
    for kind, path, _, _ in drawn.runs:
        for start, length in re.findall(r"M(\d+) 0h(\d+)", path):
            covered[kind] += int(length)
            starts.add(int(start))
    assert sum(covered.values()) == WIDTH
    runs = [kind for kind, _ in groupby(who)]
    assert len(starts) == len(runs)
    assert covered.keys() == set(who)


def test_runs_of_alike_nodes_are_one_stroke() -> None:
    places = edges([None] * 5000, "nodes")
    (run,) = ribbon(["accelerator"] * 5000, [0] * 5000, [False] * 5000, places).runs
    assert run[1] == f"M0 0h{WIDTH}"


def test_more_runs_than_room_are_shares_that_fill_the_height() -> None:
    who: list[Standing] = ["accelerator", "accelerator", "unknown", "cpu"] * 1000
    places = edges([None] * len(who), "nodes")
    drawn = ribbon(who, [-1] * len(who), [False] * len(who), places)
    assert drawn.number == 3000
    covered: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for _, path in drawn.shares:
        for left, top, width, bottom in re.findall(r"M(\d+) (\d+)h(\d+)V(\d+)h", path):
            covered.setdefault((int(left), int(width)), []).append((int(top), int(bottom)))
    assert sum(width for _, width in covered) == WIDTH
    assert all(sorted(parts) == [(0, 50), (50, 75), (75, 100)] for parts in covered.values())
    assert [kind for kind, _ in drawn.shares] == ["accelerator", "unknown", "cpu"]


def test_few_runs_have_no_second_drawing() -> None:
    places = edges([None] * 40, "nodes")
    assert ribbon(["cpu", "left"] * 20, [-1] * 40, [False] * 40, places).shares == ()


def test_borders_part_pieces_and_skip_what_is_in_none() -> None:
    places = edges([None] * 6, "nodes")
    drawn = ribbon(["accelerator"] * 6, [0, 0, -1, 0, 1, 1], [False] * 6, places)
    assert drawn.borders == f"M{places[4]} 0V100"
    assert drawn.border == 0


def test_borders_leave_room_for_narrow_pieces() -> None:
    count = 2000
    places = edges([None] * count, "nodes")
    drawn = ribbon(["accelerator"] * count, list(range(count)), [False] * count, places)
    assert 0 < drawn.border <= WIDTH / count / 4


def test_refused_nodes_are_marked() -> None:
    places = edges([None] * 4, "nodes")
    drawn = ribbon(["cpu"] * 4, [0] * 4, [False, True, True, False], places)
    assert drawn.refused == f"M{places[1]} 0h{places[3] - places[1]}"


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=4000))
def test_the_curve_reaches_its_peak_and_no_higher(alive: list[int]) -> None:
    drawn = curve(alive, edges([None] * len(alive), "nodes"))
    assert (drawn.peak, alive[drawn.node]) == (max(alive), max(alive))
    levels = [int(level) for level in re.findall(r"V(\d+)H", drawn.area)]
    assert len(levels) <= 1500
    assert min(levels) == (0 if drawn.peak else 1000)
    assert drawn.area.count("H") == len(levels)
    assert f"H{WIDTH}V1000z" in drawn.area


TARGETS = ["nnapi-1.1", "nnapi-1.2", "hiai", "pixel-4", "mate30-pro-5g", "neuron"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("model", ["unet_small.tflite", "unet_small.onnx", "smallnet.tflite"])
def test_who_runs_a_node_agrees_with_what_is_handed_over(model: str, target: str) -> None:
    (result,) = check(f"{EXPORTS}/{model}", [target]).models[0].targets
    for who, delegation in zip(standings(result), result.delegations, strict=True):
        assert [kind == "accelerator" for kind in who] == [x is True for x in delegation.delegated]
        assert [kind in ("doubt", "unknown") for kind in who] == [
            each is None for each in delegation.delegated
        ]
    _agrees_with_pieces(result)


def _agrees_with_pieces(result: TargetResult) -> None:
    for who, delegation in zip(standings(result), result.delegations, strict=True):
        for piece in delegation.partitions:
            kinds = {who[index] for index in piece.nodes}
            if of_piece(piece, delegation) == "accelerator":
                assert kinds == {"accelerator"}
            elif of_piece(piece, delegation) == "left":
                assert "accelerator" not in kinds
            elif of_piece(piece, delegation) == "doubt":
                assert "doubt" in kinds or "unknown" in kinds


def test_the_limit_on_pieces_leaves_nodes_behind() -> None:
    (result,) = check(f"{EXPORTS}/unet_small.tflite", ["nnapi-1.1"]).models[0].targets
    (who,) = standings(result)
    assert Counter(who).keys() >= {"accelerator", "cpu", "left"}

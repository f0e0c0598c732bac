"""Einsum as matrix products or as products and sums: the same bits on integers."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from single import Call, Case, agrees, integers, onnx_case, reading, settled

from npulint.fixers.convolutions.einsums import FAMILY, Einsum
from npulint.fixers.record import Realisation, Refusal

SAMPLE, ALL = 25, 300

KNOWN = (
    "bhqd,bhkd->bhqk", "bhqk,bhkd->bhqd", "nchw,nc->nchw", "nchw,nchw->nhw", "nchw,kc->nkhw",
    "ij,jk", "ij->ji", "ij->", "bij,bjk->bik", "i,j->ij", "...ij,...jk->...ik", "b...d,dk->b...k",
)  # fmt: skip


def einsum(folder: Path, seed: int) -> Case:
    """A known equation, or one drawn from letters."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    if seed < len(KNOWN):
        equation = KNOWN[seed]
    else:
        terms = ["".join(draw.sample("abcde", draw.randint(1, 4))) for _ in range(2)]
        letters = sorted({*"".join(terms)})
        wanted = "".join(draw.sample(letters, draw.randint(1, min(4, len(letters)))))
        equation = f"{terms[0]},{terms[1]}->{wanted}"
    given = equation.partition("->")[0]
    sizes = {letter: draw.randint(1, 4) for letter in "abcdefghijklmnopqrstuvwxyz"}
    dots = [draw.randint(1, 3) for _ in range(draw.choice((1, 2)))]
    xs = {}
    for place, term in enumerate(given.split(",")):
        shape: list[int] = []
        before, three, behind = term.partition("...")
        for part, held in ((before, []), (three, dots), (behind, [])):
            shape += held if part == "..." else [sizes[letter] for letter in part]
        xs[f"x{place}"] = integers(rng, *shape)
    made = np.einsum(equation, *xs.values())
    call = Call("Einsum", list(xs), {"y": list(made.shape)}, {"equation": equation})
    return onnx_case(folder, xs, [call], draw.choice((12, 13, 18)))


@pytest.mark.parametrize("way", FAMILY.ways, ids=lambda way: way.name)
def test_the_same_bits(way: Realisation[Einsum], full: bool, tmp_path: Path) -> None:
    applied = seed = 0
    while applied < (ALL if full else SAMPLE):
        case = einsum(tmp_path, seed)
        if isinstance(reading(case.path, FAMILY), Einsum):
            applied += agrees(case, FAMILY, way)
        seed += 1
        assert seed < 40 * ALL


def test_known_ones_are_read(tmp_path: Path) -> None:
    for seed, equation in enumerate(KNOWN):
        found = reading(einsum(tmp_path, seed).path, FAMILY)
        assert isinstance(found, Einsum) == (equation != "ij->"), equation


@pytest.mark.parametrize(
    ("equation", "shapes", "said"),
    [
        ("ii->i", [(3, 3)], "a diagonal"),
        ("...i,...i->...i", [(1, 3), (2, 3)], "broadcasts"),
        ("i,i,i->i", [(3,), (3,), (3,)], "more than two"),
    ],
)
def test_others_are_left(
    equation: str, shapes: list[tuple[int, ...]], said: str, tmp_path: Path
) -> None:
    xs = {f"x{place}": np.ones(shape, np.float32) for place, shape in enumerate(shapes)}
    made = np.einsum(equation, *xs.values()).shape
    call = Call("Einsum", list(xs), {"y": list(made)}, {"equation": equation})
    found = reading(onnx_case(tmp_path, xs, [call], 13).path, FAMILY)
    assert isinstance(found, Refusal)
    assert said in found.reason


def test_many_axes_are_no_product() -> None:
    found = Einsum((0, 1), ("abc", "cde"), "abde", dict.fromkeys("abcde", 2))
    refusal = FAMILY.ways[0].accepts(found)
    assert isinstance(refusal, Refusal)
    assert "5 axes" in refusal.reason
    alone = FAMILY.ways[0].accepts(Einsum((0,), ("ab",), "ba", dict.fromkeys("ab", 2)))
    assert isinstance(alone, Refusal)
    assert "one operand" in alone.reason


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    assert "MatMul" in settled(einsum(tmp_path, 0), FAMILY, "Einsum")

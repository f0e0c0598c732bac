"""A TFLite PAD before a max pool that SAME may stand for: bit-identical in the real runtime."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from single import Call, Case, cured, integers, reading, run, settled, tflite, tflite_case

from npulint.fixers.convolutions.same_padding import FAMILY, Padding
from npulint.fixers.legalise import Setting, build_fragment
from npulint.fixers.record import Refusal
from npulint.fixers.surgery import Patch, apply
from npulint.formats import load, save

SAMPLE, ALL = 20, 200
(SAME,) = (way for way in FAMILY.ways if way.name == "padding/same")


def pool(folder: Path, draw: random.Random, value: float | None, *, positive: bool) -> Case:
    """A map, perhaps without negative elements, a PAD and a max pool without padding."""
    rng = np.random.default_rng(draw.randint(0, 1 << 30))
    size, stride = draw.randint(2, 3), draw.randint(1, 2)
    shape = [1, draw.randint(2, 6), draw.randint(2, 6), 2]
    sides = []
    for length in shape[1:3]:
        missing = max((-(-length // stride) - 1) * stride + size - length, 0)
        sides.append((missing // 2, missing - missing // 2 + draw.choice((0, 0, 0, 1))))
    wide = [1, *(n + sum(side) for n, side in zip(shape[1:3], sides, strict=True)), 2]
    made = [1, *((n - size) // stride + 1 for n in wide[1:3]), 2]
    margins = np.array([(0, 0), *sides, (0, 0)], np.int32)
    options = {
        "table": "Pool2DOptions", "padding": tflite.schema.Padding.VALID, "stride_h": stride,
        "stride_w": stride, "filter_height": size, "filter_width": size,
    }  # fmt: skip
    first = Call("RELU" if positive else "NEG", ["x"], {"r": shape}, {})
    pad = Call("PAD", ["r", margins], {"p": wide}, {})
    if value is not None:
        pad = Call("PADV2", ["r", margins, np.array(value, np.float32)], {"p": wide}, {})
    last = Call("MAX_POOL_2D", ["p"], {"y": made}, options)
    return tflite_case(folder, {"x": integers(rng, *shape)}, [first, pad, last])


@pytest.mark.parametrize(
    ("value", "positive"), [(None, True), (0.0, True), (-1.0, True), (-np.inf, False)]
)
def test_the_same_bits(value: float | None, positive: bool, full: bool, tmp_path: Path) -> None:
    applied = seed = 0
    while applied < (ALL if full else SAMPLE):
        case = pool(tmp_path, random.Random(seed), value, positive=positive)
        seed += 1
        model = load(case.path)
        (occurrence,) = FAMILY.recognise(model.graphs[0])
        assert isinstance(occurrence.found, Padding)
        refusal = SAME.accepts(occurrence.found)
        if refusal is not None:
            assert "SAME would add" in refusal.reason
            continue
        fragment, _ = build_fragment(model.graphs[0], occurrence, SAME, Setting(lambda _: {}, 0))
        graph, _ = apply(model.graphs[0], [Patch(fragment, occurrence.nodes)])
        path = case.path.with_name("rewritten.tflite")
        save(replace(model, graphs=(graph,)), path)
        (expected,), (found,) = run(case.path, case.xs), run(path, case.xs)
        assert np.array_equal(expected, found), case.label
        applied += 1


@pytest.mark.parametrize(("value", "positive"), [(None, False), (1.0, True), (-1.0, False)])
def test_what_may_be_the_largest_is_refused(
    value: float | None, positive: bool, tmp_path: Path
) -> None:
    for seed in range(30):
        found = reading(pool(tmp_path, random.Random(seed), value, positive=positive).path, FAMILY)
        assert isinstance(found, Padding)
        refusal = SAME.accepts(found)
        assert isinstance(refusal, Refusal)
        if "SAME would add" not in refusal.reason:
            assert "elements may lie below that" in refusal.reason
            return
    pytest.fail("none agrees with SAME")


def fitting(folder: Path) -> Case:
    for seed in range(30):
        case = pool(folder, random.Random(seed), None, positive=True)
        if SAME.accepts(reading(case.path, FAMILY)) is None:
            return case
    pytest.fail("none agrees with SAME")


def test_the_oldest_target_takes_what_comes_of_it(tmp_path: Path) -> None:
    assert cured(fitting(tmp_path), (FAMILY,), "nnapi-1.0") == ["RELU", "MAX_POOL_2D"]


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    assert settled(fitting(tmp_path), FAMILY, "PAD") == ["RELU", "MAX_POOL_2D"]

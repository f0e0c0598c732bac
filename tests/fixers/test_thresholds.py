"""Functions that jump rewritten: the same bits, at the threshold too, in the runtimes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single import Call, Case, agrees, onnx_case, settled, tflite_case

from npulint.fixers.pointwise.thresholds import FAMILY, Jump
from npulint.fixers.record import Refusal

SAMPLE, ALL = 12, 200


def jump(folder: Path, seed: int, op: str) -> Case:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(1, 4) for _ in range(draw.randint(1, 4))]
    # Quarters, so that elements lie on the threshold and no sum is rounded.
    x = {"x": (rng.integers(-9, 10, shape) / 4).astype(np.float32)}
    said: dict[str, Any] = {}
    if op == "ThresholdedRelu":
        said = {"alpha": draw.choice((1.0, 0.0, 0.75, -0.5))}
    elif op == "Shrink":
        said = {"lambd": draw.choice((0.5, 0.0, 1.25, -0.5)), "bias": draw.choice((0.0, 0.5))}
    if op.isupper():
        return tflite_case(folder, x, [Call(op, ["x"], {"y": shape}, {})])
    return onnx_case(folder, x, [Call(op, ["x"], {"y": shape}, said)], draw.choice((11, 13, 21)))


@pytest.mark.parametrize(
    ("op", "place"),
    [("ThresholdedRelu", 0), ("Shrink", 1), ("Sign", 2), ("SIGN", 2), ("Round", 3), ("ROUND", 3)],
)
def test_the_same_bits(op: str, place: int, full: bool, tmp_path: Path) -> None:
    for seed in range(ALL if full else SAMPLE):
        case = jump(tmp_path, seed, op)
        assert agrees(case, FAMILY, FAMILY.ways[place]), seed
    assert op not in settled(case, FAMILY, op)


@pytest.mark.parametrize("op", ["Round", "ROUND"])
def test_halves_go_to_the_even_ones_whatever_lies_beside_them(op: str, tmp_path: Path) -> None:
    """Neighbours of halves and whole numbers, down to the last digit, and numbers without any."""
    halves = np.arange(-40, 41, dtype=np.float32) / 2
    sides = [np.nextafter(halves, np.float32(way * np.inf)) for way in (-1, 1)]
    large = np.array([2**22 + 0.5, 2**23 - 0.5, 2**23 + 1, 2**24, 3e38, 1e-30, -1e-30], np.float32)
    x = np.concatenate([halves, *sides, large, -large]).astype(np.float32)
    call = Call(op, ["x"], {"y": [x.size]}, {})
    make = (
        tflite_case(tmp_path, {"x": x}, [call])
        if op.isupper()
        else onnx_case(tmp_path, {"x": x}, [call], 13)
    )
    assert agrees(make, FAMILY, FAMILY.ways[3])


@pytest.mark.parametrize("place", range(4))
def test_other_functions_are_refused(place: int) -> None:
    kinds = ("thresholdedrelu", "shrink", "sign", "round")
    for number, kind in enumerate(kinds):
        refusal = FAMILY.ways[place].accepts(Jump(kind, 0, (0.5, 0.0)))
        assert isinstance(refusal, Refusal) == (number != place)
        if refusal is not None:
            assert f"no {kinds[place]}" in refusal.reason

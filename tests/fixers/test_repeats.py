"""Repetitions out of sums, products and joins: the same bits, in the real runtimes."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from cases import Step, onnx_model, outputs, tflite_model
from single import Call, Case, agrees, integers, onnx_case, settled, tflite_case

from npulint.fixers.moving.repeats import FAMILY
from npulint.fixers.record import Refusal
from npulint.formats import load

SAMPLE, ALL = 20, 200
WAYS = {way.name: way for way in FAMILY.ways}


def repetition(folder: Path, seed: int, dialect: str) -> Case:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    rank = draw.choice((2, 3, 4, 4))
    expands = draw.random() < 0.4
    one = expands or draw.random() < 0.6
    shape = [1 if one and draw.random() < 0.6 else draw.randint(1, 4) for _ in range(rank)]
    times = [draw.choice((1, 2, 3, 5, 6)) if size == 1 or not one else 1 for size in shape]
    result = [size * count for size, count in zip(shape, times, strict=True)]
    x = integers(rng, *shape)
    quantised = None
    if dialect == "tflite":
        if not expands and draw.random() < 0.3:
            x, quantised = x.astype(np.int8), (0.5, 3)
        if expands:
            call = Call("BROADCAST_TO", ("x", np.array(result, np.int32)), {"y": result}, {}, 2)
        else:
            call = Call(
                "TILE", ("x", np.array(times, np.int32)), {"y": result}, {"table": "TileOptions"}
            )
        return tflite_case(folder, {"x": x}, [call], quantised=quantised)
    if expands:
        cut = 0
        while cut < rank - 1 and shape[cut] == 1 and draw.random() < 0.5:
            cut += 1
        x = x.reshape(shape[cut:])
        said = [
            draw.choice((1, size)) if part == size else size
            for part, size in zip(shape, result, strict=True)
        ]
        said[:cut] = result[:cut]
        call = Call("Expand", ("x", np.array(said, np.int64)), {"y": result}, {})
        return onnx_case(folder, {"x": x}, [call], draw.choice((8, 11, 13, 21)))
    call = Call("Tile", ("x", np.array(times, np.int64)), {"y": result}, {})
    return onnx_case(folder, {"x": x}, [call], draw.choice((7, 11, 13, 21)))


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize("way", ["repeat/zeros", "repeat/ones", "repeat/joins"])
def test_bit_identical(way: str, dialect: str, full: bool, tmp_path: Path) -> None:
    wanted = ALL if full else SAMPLE
    applied = seed = 0
    while applied < wanted:
        case = repetition(tmp_path, seed, dialect)
        seed += 1
        assert seed < 20 * wanted
        if load(case.path).graphs[0].nodes:
            applied += agrees(case, FAMILY, WAYS[way])


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
def test_dropped_where_the_reader_broadcasts(dialect: str, full: bool, tmp_path: Path) -> None:
    applied = refused = 0
    for seed in range(200 if full else 30):
        draw, rng = random.Random(seed), np.random.default_rng(seed)
        result = [draw.randint(1, 4) for _ in range(4)]
        shape = [draw.choice((1, size)) for size in result]
        times = [size // part for size, part in zip(result, shape, strict=True)]
        other = [draw.choice((1, size, size, size)) for size in result]
        kind = draw.choice(("ADD", "SUB", "MUL"))
        operands = ["z", "c"] if draw.random() < 0.5 else ["c", "z"]
        constants = {"c": integers(rng, *other)}
        x = integers(rng, *shape)
        if dialect == "tflite":
            constants["n"] = np.array(times, np.int32)
            steps = [Step("TILE", ["x", "n"], "z", result), Step(kind, operands, "y", result)]
            path = tflite_model(tmp_path / f"{seed}.tflite", shape, constants, steps)
        else:
            constants["n"] = np.array(times, np.int64)
            name = kind.capitalize()
            steps = [Step("Tile", ["x", "n"], "z", result), Step(name, operands, "y", result)]
            path = onnx_model(tmp_path / f"{seed}.onnx", shape, constants, steps, 13)
        found = outputs(path, FAMILY, "repeat/dropped", x)
        if isinstance(found, Refusal):
            assert "does not broadcast" in found.reason
            refused += 1
            continue
        assert np.array_equal(found[0], found[1])
        assert len(found[2].graphs[0].nodes) == 1
        applied += 1
    assert applied > 5
    assert refused > 5


def test_refusals_have_their_reasons(tmp_path: Path) -> None:
    reasons = set()
    for seed in range(60):
        occurrences = FAMILY.recognise(load(repetition(tmp_path, seed, "tflite").path).graphs[0])
        for occurrence in occurrences:
            assert not isinstance(occurrence.found, Refusal)
            refusal = WAYS["repeat/zeros"].accepts(occurrence.found)
            reasons.add(refusal.reason if refusal else "")
            refusal = WAYS["repeat/joins"].accepts(occurrence.found)
            assert (refusal is not None) == (occurrence.found.shape == occurrence.found.result)
            reasons.add(refusal.reason if refusal else "")
    assert any("nothing is repeated" in reason for reason in reasons)
    assert any("more than one sample" in reason for reason in reasons)
    assert any("then quantise" in reason for reason in reasons)


def test_twice_to_the_same_effect(tmp_path: Path) -> None:
    x = integers(np.random.default_rng(0), 1, 1, 3, 2)
    call = Call(
        "TILE", ("x", np.array((1, 5, 1, 1), np.int32)), {"y": (1, 5, 3, 2)},
        {"table": "TileOptions"},
    )  # fmt: skip
    case = tflite_case(tmp_path, {"x": x}, [call])
    assert settled(case, FAMILY, "TILE") == ["ADD"]

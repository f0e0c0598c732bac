"""Normalisations rewritten: the algebra in float64, the rounding in the real runtimes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import norm_parts
import pytest
from norm_instances import Instance, onnx_norm, tflite_norm
from proving import ALL, SAMPLE, largest, prove

from npulint.fixers.norms import families as norm_family
from npulint.fixers.norms import means, roots
from npulint.fixers.norms.reading import Normalisation
from npulint.fixers.norms.ways import EXACT
from npulint.fixers.pointwise import scale_shift
from npulint.fixers.record import Family, Realisation, Refusal
from npulint.formats import load


def norm(folder: Path, seed: int, dialect: str) -> Instance:
    return (onnx_norm if dialect == "onnx" else tflite_norm)(folder, seed)


Case = tuple[Family[Any], Realisation[Any], Callable[[Path, int, str], Instance]]

CASES: list[Case] = [
    *((norm_family.FAMILY, way, norm) for way in EXACT),
    *((means.FAMILY, way, norm_parts.mean) for way in means.REALISATIONS),
    *((roots.FAMILY, way, norm_parts.root) for way in roots.REALISATIONS),
    *(
        (scale_shift.FAMILY, way, norm_parts.scale_shift)
        for way in scale_shift.FAMILY.ways
        if way.name == "scale-shift/depthwise"
    ),
]


NOT_THERE = {("root/sqrt-div", "onnx"), ("root/size", "tflite")}
"""In ONNX a reciprocal root is written so already; TFLite models are not converted any more."""


@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
@pytest.mark.parametrize("case", CASES, ids=[way.name.replace("/", "-") for _, way, _ in CASES])
def test_the_same_function_and_no_more_rounding(
    case: Case, dialect: str, full: bool, tmp_path: Path
) -> None:
    family, way, make = case
    if (way.name, dialect) in NOT_THERE:
        occurrence = largest(family, load(make(tmp_path, 0, dialect).path))
        assert isinstance(way.accepts(occurrence.found), Refusal)
        return
    wanted = ALL if full else SAMPLE
    applied = seed = 0
    while applied < wanted:
        applied += prove(make(tmp_path, seed, dialect), family, way, tmp_path)
        seed += 1
        assert seed < 20 * wanted, "hardly any instance is in the way's domain"


@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
def test_every_instance_is_read_as_one_norm(dialect: str, tmp_path: Path) -> None:
    for seed in range(SAMPLE):
        graph = load(norm(tmp_path, seed, dialect).path).graphs[0]
        (occurrence,) = norm_family.recognise(graph)
        assert isinstance(occurrence.found, Normalisation), occurrence.found
        assert len(occurrence.nodes) == len(graph.nodes)


@pytest.mark.parametrize(
    ("way", "change", "said"),
    [
        ("norm/means-added", {"kind": "rms"}, "subtracts no mean"),
        ("norm/means", {"kind": "group", "groups": 2, "channel_axis": 2}, "beside"),
        ("norm/conv-centred", {"kind": "instance", "axes": (1, 2)}, "channels alone"),
        ("norm/conv-centred", {"axes": (1, 2, 3)}, "channels alone"),
        ("norm/local-response", {"epsilon": 0.0}, "epsilon is 0"),
        ("norm/local-response", {"kind": "instance", "axes": (1, 2)}, "channels alone"),
        ("norm/unit-length", {"epsilon": 0.0}, "epsilon is 0"),
        ("norm/unit-length", {"epsilon": 1e-14}, "clamp lengths"),
        ("norm/unit-length", {"axes": (1, 2, 3)}, "channels alone"),
    ],
)
def test_a_broken_precondition_is_refused_with_its_reason(
    way: str, change: dict[str, object], said: str
) -> None:
    whole = Normalisation((0,), 0, 1, (1, 4, 4, 6), (3,), 1, 3, None, None, 1e-5, "layer", "")
    (chosen,) = (each for each in EXACT if each.name == way)
    assert chosen.accepts(whole) is None
    refusal = chosen.accepts(replace(whole, **change))  # type: ignore[arg-type]
    assert isinstance(refusal, Refusal)
    assert said in refusal.reason

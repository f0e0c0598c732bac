"""Mirroring, repeating and cropping pads rewritten: the same bits, in the real runtimes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single import (
    OPSETS,
    Call,
    Case,
    agrees,
    integers,
    onnx_case,
    reading,
    settled,
    tflite,
    tflite_case,
)

from npulint.fixers.moving.pads import FAMILY, Padding
from npulint.fixers.record import Realisation, Refusal

SAMPLE, ALL = 12, 200
WAYS = {way.name: way for way in FAMILY.ways}


def margins_of(
    draw: random.Random, shape: list[int], mode: str, *, crop: bool
) -> list[tuple[int, int]]:
    limit = {"reflect": -1, "symmetric": 0, "edge": 2, "wrap": 0, "constant": 2}[mode]
    made = []
    for size in shape:
        most = max(min(size + limit, 3), 0)
        pair = (draw.randint(0, most), draw.randint(0, most))
        if crop and size > 2:
            pair = (draw.randint(-1, 2), draw.randint(-(size - 2), 1))
        made.append(pair if draw.random() < 0.6 else (0, 0))
    return made


def onnx_pad(folder: Path, seed: int, modes: tuple[str, ...]) -> Case:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    mode = draw.choice(modes)
    opset = draw.choice([19, 21] if mode == "wrap" else OPSETS)
    shape = [draw.randint(1, 5) for _ in range(draw.choice((4, 4, 3, 2)))]
    margins = margins_of(draw, shape, mode, crop=mode == "constant")
    if mode == "constant" and min(map(min, margins)) >= 0:
        shape[-1], margins[-1] = 4, (-1, 2)
    flat = [before for before, _ in margins] + [after for _, after in margins]
    result = [size + sum(pair) for size, pair in zip(shape, margins, strict=True)]
    x = {"x": integers(rng, *shape)}
    if opset < 11:
        call = Call("Pad", ["x"], {"y": result}, {"mode": mode, "pads": flat})
    else:
        call = Call("Pad", ["x", np.array(flat, np.int64)], {"y": result}, {"mode": mode})
    return onnx_case(folder, x, [call], opset)


def tflite_pad(folder: Path, seed: int, *, quantised: bool = False) -> Case:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    mode = draw.choice(("REFLECT", "SYMMETRIC"))
    shape = [draw.randint(1, 5) for _ in range(draw.choice((4, 4, 3, 2)))]
    margins = margins_of(draw, shape, mode.lower(), crop=False)
    result = [size + sum(pair) for size, pair in zip(shape, margins, strict=True)]
    options = {"table": "MirrorPadOptions", "mode": getattr(tflite.schema.MirrorPadMode, mode)}
    x = integers(rng, *shape).astype(np.int8 if quantised else np.float32)
    call = Call("MIRROR_PAD", ["x", np.array(margins, np.int32)], {"y": result}, options)
    return tflite_case(folder, {"x": x}, [call], quantised=(0.5, 3) if quantised else None)


MODES = {
    "pad/slices": ("reflect", "edge", "wrap"),
    "pad/long-slices": ("reflect", "wrap"),
    "pad/crop": ("constant",),
}


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        pytest.param(way, kind, id=f"{way.name}-{kind}")
        for way in FAMILY.ways
        for kind in ("onnx", "tflite", "int8")
        # PAD takes no margins below 0.
        if (way.name, kind) not in {("pad/crop", "tflite"), ("pad/crop", "int8")}
    ],
)
def test_the_same_bits(way: Realisation[Padding], kind: str, full: bool, tmp_path: Path) -> None:
    wanted = ALL if full else SAMPLE
    applied = 0
    for seed in range(20 * wanted):
        if kind == "onnx":
            case = onnx_pad(tmp_path, seed, MODES[way.name])
        else:
            case = tflite_pad(tmp_path, seed, quantised=kind == "int8")
        applied += agrees(case, FAMILY, way)
        if applied == wanted:
            return
    pytest.fail("hardly any instance is in the way's domain")


def padding(**changes: Any) -> Padding:
    given: dict[str, Any] = {
        "source": 0, "shape": (1, 8, 8, 1), "margins": ((0, 0), (2, 2), (2, 2), (0, 0)),
        "mode": "reflect",
    }  # fmt: skip
    return Padding(**{**given, **changes})


@pytest.mark.parametrize(
    ("way", "change", "said"),
    [
        ("pad/slices", {"margins": ((9, 0),)}, "margin of 9"),
        ("pad/slices", {"margins": ((0, 0),) * 4}, "adds nothing"),
        ("pad/slices", {"mode": "zeros"}, "zeros"),
        ("pad/long-slices", {"mode": "edge"}, "one sample"),
        ("pad/long-slices", {"margins": ((0, 1),) * 4}, "one sample anyway"),
        ("pad/long-slices", {"steps": False}, "opset 10"),
    ],
)
def test_a_broken_precondition_is_refused_with_its_reason(
    way: str, change: dict[str, Any], said: str
) -> None:
    assert WAYS[way].accepts(padding()) is None
    refusal = WAYS[way].accepts(padding(**change))
    assert refusal is not None
    assert said in refusal.reason


def test_crops_are_for_zeros_only() -> None:
    assert WAYS["pad/crop"].accepts(padding(mode="zeros")) is None
    refusal = WAYS["pad/crop"].accepts(padding())
    assert refusal is not None
    assert "zeros do not serve" in refusal.reason


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    assert settled(tflite_pad(tmp_path, 3), FAMILY, "MIRROR_PAD").count("CONCATENATION") >= 1
    assert "Pad" not in settled(onnx_pad(tmp_path, 1, ("edge",)), FAMILY, "Pad")


@pytest.mark.parametrize(
    ("margins", "said"), [(((-1, 2),), "crops and extends"), (((0, 4),), "do not fit 4 samples")]
)
def test_what_runtimes_do_not_agree_on_is_refused(
    margins: tuple[tuple[int, int], ...], said: str, tmp_path: Path
) -> None:
    flat = np.array([*(a for a, _ in margins), *(b for _, b in margins)], np.int64)
    x = {"x": np.zeros(4, np.float32)}
    call = Call("Pad", ["x", flat], {"y": [4 + sum(margins[0])]}, {"mode": "reflect"})
    found = reading(onnx_case(tmp_path, x, [call], 13).path, FAMILY)
    assert isinstance(found, Refusal)
    assert said in found.reason

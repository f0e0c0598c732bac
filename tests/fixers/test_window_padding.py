"""Padding before ONNX windows: bit-identical on integers, in the real runtime."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single import OPSETS, Call, Case, cured, integers, onnx_case, run, settled

from npulint.fixers.convolutions.window_padding import FAMILY, PaddedWindow
from npulint.fixers.legalise import Setting, build_fragment
from npulint.fixers.record import Realisation, Refusal
from npulint.fixers.surgery import Patch, apply
from npulint.formats import load, save

SAMPLE, ALL = 20, 200
WAYS = {way.name: way for way in FAMILY.ways}


def pad(operand: str, sizes: list[int], margins: list[int], value: float, opset: int) -> Call:
    """A Pad of H and W: top, left, bottom, right."""
    shape = [
        sizes[0],
        sizes[1],
        sizes[2] + margins[0] + margins[2],
        sizes[3] + margins[1] + margins[3],
    ]
    flat = [0, 0, *margins[:2], 0, 0, *margins[2:]]
    if opset < 11:
        return Call("Pad", [operand], {"p": shape}, {"pads": flat, "value": value})
    operands = [operand, np.array(flat, np.int64), np.array(value, np.float32)]
    return Call("Pad", operands, {"p": shape}, {})


def window(call: Call, op: str, draw: random.Random, rng: Any, **fixed: Any) -> Call | None:
    """A window over what a call makes; None where nothing is left of it."""
    ((name, sizes),) = call.results.items()
    kernel = [draw.randint(1, 3) for _ in range(2)]
    strides = [draw.randint(1, 2) for _ in range(2)]
    options: dict[str, Any] = {"kernel_shape": kernel, "strides": strides}
    pads = [draw.choice((0, 0, size - 1)) for size in kernel * 2]
    auto = draw.choice(("NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"))
    if auto == "NOTSET":
        options["pads"] = pads
    else:
        options["auto_pad"] = auto
    if op == "AveragePool":
        options["count_include_pad"] = draw.choice((0, 1))
    options |= fixed
    made = []
    for axis in (0, 1):
        total = sizes[2 + axis] + (pads[axis] + pads[2 + axis] if auto == "NOTSET" else 0)
        made.append((total - kernel[axis]) // strides[axis] + 1 if total >= kernel[axis] else 0)
        if auto.startswith("SAME"):
            made[-1] = -(-sizes[2 + axis] // strides[axis])
    short = any(size < step for size, step in zip(kernel, strides, strict=True))
    if min(made) < 1 or (auto.startswith("SAME") and short):
        return None
    if op != "Conv":
        return Call(op, [name], {"y": [*sizes[:2], *made]}, options)
    weights = integers(rng, 3, sizes[1], *kernel)
    return Call(op, [name, weights], {"y": [sizes[0], 3, *made]}, options)


def padded(folder: Path, seed: int, op: str) -> Case | None:
    """A window, with a Pad and a Relu before it, either of which may not be there."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    opset = draw.choice(OPSETS)
    sizes = [1, 2, draw.randint(1, 6), draw.randint(1, 6)]
    calls = [Call("Relu", ["x"], {"r": sizes}, {})]
    if draw.random() < 0.3:
        calls = [Call("Neg", ["x"], {"r": sizes}, {})]
    if draw.random() < 0.7:
        value = draw.choice((0.0, 0.0, 0.0, -np.inf, -3.0e38, 1.0))
        margins = [draw.randint(0, 2) for _ in range(4)]
        calls.append(pad("r", sizes, margins, value, opset))
    last = window(calls[-1], op, draw, rng)
    if last is None:
        return None
    # Averages are of powers of two, so that they are exact.
    x = integers(rng, *sizes) * 36
    return onnx_case(folder, {"x": x}, [*calls, last], opset)


def applied(case: Case, way: Realisation[PaddedWindow]) -> bool:
    model = load(case.path)
    graph = model.graphs[0]
    occurrence = max(FAMILY.recognise(graph), key=lambda each: len(each.nodes), default=None)
    if occurrence is None or isinstance(occurrence.found, Refusal):
        return False
    if way.accepts(occurrence.found) is not None:
        return False
    setting = Setting(lambda _: {}, model.opsets.get("", 0))
    fragment, _ = build_fragment(graph, occurrence, way, setting)
    new, _ = apply(graph, [Patch(fragment, occurrence.nodes)])
    path = case.path.with_name("rewritten.onnx")
    save(replace(model, graphs=(new,)), path)
    (expected,), (found,) = run(case.path, case.xs), run(path, case.xs)
    assert np.array_equal(expected, found), case.label
    for again in FAMILY.recognise(load(path).graphs[0]):
        if len(again.nodes) == len(occurrence.nodes):
            assert isinstance(again.found, Refusal) or way.accepts(again.found) is not None
    return True


@pytest.mark.parametrize(
    ("name", "op"),
    [
        ("window-padding/own", "Conv"),
        ("window-padding/own", "MaxPool"),
        ("window-padding/own", "AveragePool"),
        ("window-padding/apart", "Conv"),
        ("window-padding/apart", "AveragePool"),
    ],
)
def test_the_same_bits(name: str, op: str, full: bool, tmp_path: Path) -> None:
    way = WAYS[name]
    wanted = ALL if full else SAMPLE
    count = seed = 0
    while count < wanted:
        assert seed < 60 * wanted, "hardly any instance is in the way's domain"
        case = padded(tmp_path, seed, op)
        seed += 1
        count += case is not None and applied(case, way)


def reading(case: Case) -> PaddedWindow | Refusal:
    return max(FAMILY.recognise(load(case.path).graphs[0]), key=lambda each: len(each.nodes)).found


def example(folder: Path, op: str, value: float, *, opset: int = 13, **said: Any) -> Case:
    """A Pad of 1 around 4x4 samples and a 3x3 window."""
    sizes = [1, 2, 4, 4]
    first = pad("x", sizes, [1, 1, 1, 1], value, opset)
    draw = random.Random(0)
    options = {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [0, 0, 0, 0], **said}
    call = Call(op, ["p"], {"y": [1, 2, 4, 4]}, options)
    if op == "Conv":
        weights = np.ones((2, 2, 3, 3), np.float32)
        call = Call(op, ["p", weights], {"y": [1, 2, 4, 4]}, options)
    x = integers(np.random.default_rng(draw.randint(0, 9)), *sizes)
    return onnx_case(folder, {"x": x}, [first, call], opset)


@pytest.mark.parametrize(
    ("op", "value", "options", "said"),
    [
        ("Conv", 1.0, {}, "adds zeros, not 1"),
        ("MaxPool", 0.0, {}, "elements may lie below"),
        ("MaxPool", -np.inf, {"ceil_mode": 1}, "a part of one"),
        ("MaxPool", -np.inf, {"dilations": [2, 2], "kernel_shape": [2, 2]}, "have holes"),
        ("MaxPool", -np.inf, {"pads": [2, 2, 2, 2], "strides": [2, 2]}, "fewer samples"),
        ("AveragePool", 1.0, {}, "not 1"),
        ("AveragePool", 0.0, {"pads": [1, 1, 1, 1], "strides": [2, 2]}, "one part of the padding"),
    ],
)
def test_a_pad_that_is_not_the_window_s_own_is_left(
    op: str, value: float, options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    own = WAYS["window-padding/own"]
    plain = reading(example(tmp_path, op, 0.0 if op != "MaxPool" else -np.inf))
    assert isinstance(plain, PaddedWindow)
    assert own.accepts(plain) is None
    found = reading(example(tmp_path, op, value, **options))
    assert isinstance(found, PaddedWindow)
    refusal = own.accepts(found)
    assert refusal is not None
    assert said in refusal.reason


def test_a_maximum_has_no_samples_for_what_it_adds(tmp_path: Path) -> None:
    apart = WAYS["window-padding/apart"]
    for op, said in (("MaxPool", {}), ("AveragePool", {"count_include_pad": 0})):
        sizes = [1, 2, 4, 4]
        options = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], **said}
        call = Call(op, ["x"], {"y": sizes}, options)
        found = reading(onnx_case(tmp_path, {"x": np.zeros(sizes, np.float32)}, [call], 13))
        assert isinstance(found, PaddedWindow)
        refusal = apart.accepts(found)
        assert refusal is not None
        assert "leaves out what it adds" in refusal.reason


def test_margins_that_mirror_are_refused(tmp_path: Path) -> None:
    sizes = [1, 2, 4, 4]
    margins = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    first = Call("Pad", ["x", margins], {"p": [1, 2, 6, 6]}, {"mode": "reflect"})
    last = Call("MaxPool", ["p"], {"y": sizes}, {"kernel_shape": [3, 3]})
    found = reading(onnx_case(tmp_path, {"x": np.zeros(sizes, np.float32)}, [first, last], 13))
    assert isinstance(found, Refusal)
    assert "mirrors" in found.reason


def test_a_target_without_pad_takes_the_window(tmp_path: Path) -> None:
    """Of a convolution, the converter by which the target is judged does the same by itself."""
    sizes = [1, 2, 4, 4]
    calls = [
        Call("Relu", ["x"], {"r": sizes}, {}),
        pad("r", sizes, [1, 1, 1, 1], 0.0, 13),
        Call("MaxPool", ["p"], {"y": sizes}, {"kernel_shape": [3, 3]}),
    ]
    case = onnx_case(tmp_path, {"x": np.zeros(sizes, np.float32)}, calls, 13)
    assert cured(case, (FAMILY,), "nnapi-1.0") == ["Relu", "MaxPool"]


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    assert settled(example(tmp_path, "Conv", 0.0), FAMILY, "Pad") == ["Conv"]

"""Convolutions in other forms, joined or cut channels around them: the same bits."""

from __future__ import annotations

import random
from dataclasses import replace
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

from npulint.fixers.building.windows import Convolution
from npulint.fixers.convolutions import conv_forms, conv_partial, conv_pieces
from npulint.fixers.moving import joins
from npulint.fixers.record import Family, Refusal

SAMPLE, ALL = 10, 200


def drawn(draw: random.Random) -> dict[str, Any]:
    """Numbers of a convolution; few of them at odds with being 3x3, pointwise or dense."""
    pointwise = draw.random() < 0.25
    window = [1, 1] if pointwise else [draw.choice((1, 2, 3, 3, 4, 7)) for _ in range(2)]
    strides = [1, 1] if draw.random() < 0.6 else [draw.randint(1, 3), draw.randint(1, 3)]
    strides = window if max(window) < 4 and draw.random() < 0.2 else strides
    dilations = [draw.choice((1, 1, 2, 3))] * 2 if strides == [1, 1] else [1, 1]
    return {
        "window": window, "strides": strides, "dilations": dilations,
        "groups": draw.choice((1, 1, 2, 3)), "pointwise": pointwise,
        "image": [draw.randint(1, 7) for _ in range(2)], "batch": draw.choice((1, 1, 2)),
    }  # fmt: skip


def onnx_conv(folder: Path, seed: int) -> Case | None:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    d = drawn(draw)
    image = [1, 1] if d["pointwise"] and draw.random() < 0.5 else d["image"]
    inputs, outputs = d["groups"] * draw.randint(1, 2), d["groups"] * draw.randint(1, 2)
    pads = (
        [0] * 4
        if d["pointwise"] or d["strides"] == d["window"]
        else [draw.randint(0, 3) for _ in range(4)]
    )
    size = []
    for axis in (0, 1):
        reach = (d["window"][axis] - 1) * d["dilations"][axis] + 1
        size.append((image[axis] + pads[axis] + pads[2 + axis] - reach) // d["strides"][axis] + 1)
        if image[axis] + pads[axis] + pads[2 + axis] < reach:
            return None
    operands: list[Any] = ["x", integers(rng, outputs, inputs // d["groups"], *d["window"])]
    if draw.random() < 0.5:
        operands.append(integers(rng, outputs))
    call = Call(
        "Conv", operands, {"y": [d["batch"], outputs, *size]},
        {"pads": pads, "strides": d["strides"], "dilations": d["dilations"], "group": d["groups"]},
    )  # fmt: skip
    x = {"x": integers(rng, d["batch"], inputs, *image)}
    return onnx_case(folder, x, [call], draw.choice(OPSETS))


def tflite_conv(folder: Path, seed: int) -> Case | None:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    d = drawn(draw)
    kind = draw.choice(("CONV_2D", "CONV_2D", "DEPTHWISE_CONV_2D"))
    groups = d["groups"] if kind == "CONV_2D" else draw.randint(2, 3)
    inputs, outputs = groups * draw.randint(1, 2), groups * draw.randint(1, 2)
    padding = draw.choice(("SAME", "VALID"))
    size = []
    for axis in (0, 1):
        reach = (d["window"][axis] - 1) * d["dilations"][axis] + 1
        if padding == "SAME":
            size.append(-(-d["image"][axis] // d["strides"][axis]))
        else:
            size.append((d["image"][axis] - reach) // d["strides"][axis] + 1)
            if d["image"][axis] < reach:
                return None
    options = {
        "table": "Conv2DOptions",
        "padding": getattr(tflite.schema.Padding, padding),
        "stride_h": d["strides"][0], "stride_w": d["strides"][1],
        "dilation_h_factor": d["dilations"][0], "dilation_w_factor": d["dilations"][1],
        "fused_activation_function": draw.choice((0, tflite.schema.ActivationFunctionType.RELU6)),
    }  # fmt: skip
    weights = integers(rng, outputs, *d["window"], inputs // groups)
    if kind == "DEPTHWISE_CONV_2D":
        inputs, outputs = groups, groups * draw.randint(1, 2)
        # Kernels for depthwise windows need their strides equal.
        options["stride_w"] = options["stride_h"]
        if d["strides"][0] != d["strides"][1]:
            return None
        weights = integers(rng, 1, *d["window"], outputs)
        options |= {"table": "DepthwiseConv2DOptions", "depth_multiplier": outputs // inputs}
    operands = ["x", weights, integers(rng, outputs)]
    call = Call(kind, operands, {"y": [d["batch"], *size, outputs]}, options, 3)
    return tflite_case(folder, {"x": integers(rng, d["batch"], *d["image"], inputs)}, [call])


def with_relatives(make: Any, folder: Path, seed: int, *, cut: bool) -> Case | None:
    """A drawn convolution of joined channels, or one whose channels are split."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    tflite_file = make is tflite_conv
    axis = 3 if tflite_file else 1
    window, strides = [draw.randint(1, 3) for _ in range(2)], draw.randint(1, 2)
    parts = [draw.randint(1, 3) for _ in range(draw.randint(2, 3))]
    inputs, outputs = (2, sum(parts)) if cut else (sum(parts), 3)
    places = [5, 6]
    size = [-(-place // strides) for place in places]

    def sized(places: list[int], channels: int) -> list[int]:
        return [1, *places, channels] if tflite_file else [1, channels, *places]

    weights = integers(rng, outputs, inputs, *window)
    if tflite_file:
        options: dict[str, Any] = {
            "table": "Conv2DOptions", "padding": tflite.schema.Padding.SAME, "stride_h": strides,
            "stride_w": strides, "dilation_h_factor": 1, "dilation_w_factor": 1,
            "fused_activation_function": draw.choice((0, 1)),
        }  # fmt: skip
        operands: list[Any] = [weights.transpose(0, 2, 3, 1).copy(), integers(rng, outputs)]
        op = "CONV_2D"
    else:
        options, operands, op = (
            {"auto_pad": "SAME_LOWER", "strides": [strides] * 2},
            [weights],
            "Conv",
        )
    conv = Call(op, ["j" if not cut else "x", *operands], {"y": sized(size, outputs)}, options, 3)
    finish = tflite_case if tflite_file else onnx_case
    more: list[Any] = [] if tflite_file else [draw.choice(OPSETS)]
    if not cut:
        xs = {f"x{i}": integers(rng, *sized(places, part)) for i, part in enumerate(parts)}
        said = {"table": "ConcatenationOptions", "axis": -1} if tflite_file else {"axis": axis}
        join = "CONCATENATION" if tflite_file else "Concat"
        calls = [Call(join, list(xs), {"j": sized(places, inputs)}, said), conv]
        return finish(folder, xs, calls, *more)
    results = {f"z{i}": sized(size, part) for i, part in enumerate(parts)}
    if tflite_file:
        split = [np.array(parts, np.int32), np.array(axis, np.int32)]
        said = {"table": "SplitVOptions", "num_splits": len(parts)}
        after = Call("SPLIT_V", ["y", *split], results, said)
    else:
        more = [draw.choice((7, 11))]
        after = Call("Split", ["y"], results, {"axis": axis, "split": parts})
    return finish(folder, {"x": integers(rng, *sized(places, inputs))}, [conv, after], *more)


def joined(make: Any, folder: Path, seed: int) -> Case:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(1, 4) for _ in range(draw.choice((4, 4, 3, 2)))]
    axis = draw.randrange(len(shape))
    parts = [draw.randint(1, 3) for _ in range(draw.randint(2, 4))]

    def sized(part: int) -> list[int]:
        return [*shape[:axis], part, *shape[axis + 1 :]]

    xs = {f"x{i}": integers(rng, *sized(part)) for i, part in enumerate(parts)}
    if make is tflite_conv:
        said = {"table": "ConcatenationOptions", "axis": axis}
        call = Call("CONCATENATION", list(xs), {"y": sized(sum(parts))}, said)
        return tflite_case(folder, xs, [call])
    call = Call("Concat", list(xs), {"y": sized(sum(parts))}, {"axis": axis})
    return onnx_case(folder, xs, [call], draw.choice(OPSETS))


def partial(make: Any, folder: Path, seed: int, **changed: Any) -> Case:
    """Pieces of one value, some of them convolved, joined again in any order."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    tflite_file = make is tflite_conv
    parts = [draw.randint(1, 3) for _ in range(draw.randint(2, 3))]
    window, step = draw.choice((1, 3, 5)), draw.choice((1, 1, 2))
    pad = window // 2 * step
    places = [draw.randint(2, 5), draw.randint(2, 5)]

    def sized(channels: int) -> list[int]:
        return [1, *places, channels] if tflite_file else [1, channels, *places]

    pieces = {f"p{i}": sized(part) for i, part in enumerate(parts)}
    if tflite_file:
        operands: list[Any] = ["x", np.array(parts, np.int32), np.array(3, np.int32)]
        options: dict[str, Any] = {"table": "SplitVOptions", "num_splits": len(parts)}
        calls = [Call("SPLIT_V", operands, pieces, options)]
    else:
        calls = [Call("Split", ["x"], pieces, {"axis": 1, "split": parts})]
    joined, total = [], 0
    for i, part in enumerate(parts):
        if i and draw.random() < 0.6:
            joined.append(f"p{i}")
            total += part
            continue
        outputs = draw.randint(1, 3)
        total += outputs
        weights, bias = integers(rng, outputs, part, window, window), integers(rng, outputs)
        if tflite_file:
            options = {
                "table": "Conv2DOptions", "padding": tflite.schema.Padding.SAME, "stride_h": 1,
                "stride_w": 1, "dilation_h_factor": step, "dilation_w_factor": step,
            }  # fmt: skip
            weights = weights.transpose(0, 2, 3, 1).copy()
            made = Call("CONV_2D", [f"p{i}", weights, bias], {f"c{i}": sized(outputs)}, options, 3)
        else:
            options = {"pads": [pad] * 4, "dilations": [step] * 2}
            made = Call("Conv", [f"p{i}", weights, bias], {f"c{i}": sized(outputs)}, options)
        calls.append(replace(made, attributes={**made.attributes, **changed}))
        joined.append(f"c{i}")
    draw.shuffle(joined)
    x = {"x": integers(rng, *sized(sum(parts)))}
    if tflite_file:
        said = {"table": "ConcatenationOptions", "axis": 3}
        return tflite_case(
            folder, x, [*calls, Call("CONCATENATION", joined, {"y": sized(total)}, said)]
        )
    last = Call("Concat", joined, {"y": sized(total)}, {"axis": 1})
    return onnx_case(folder, x, [*calls, last], draw.choice((7, 11)))


FAMILIES = (
    conv_forms.FAMILY,
    conv_pieces.FAMILY,
    conv_partial.FAMILY,
    joins.FAMILY,
    joins.CONVOLUTIONS,
)


def instance(family: Family[Any], make: Any, folder: Path, seed: int) -> Case | None:
    if family is conv_forms.FAMILY:
        return make(folder, seed)  # type: ignore[no-any-return]
    if family is joins.FAMILY:
        return joined(make, folder, seed)
    if family is conv_partial.FAMILY:
        return partial(make, folder, seed)
    return with_relatives(make, folder, seed, cut=family is conv_pieces.FAMILY)


@pytest.mark.parametrize("make", [onnx_conv, tflite_conv], ids=["onnx", "tflite"])
@pytest.mark.parametrize(
    ("family", "way"),
    [
        pytest.param(family, way, id=way.name)
        for family in FAMILIES
        for way in family.ways
        if way.exactness == "exact"
    ],
)
def test_the_same_bits(
    family: Family[Any], way: Any, make: Any, full: bool, tmp_path: Path
) -> None:
    wanted = ALL if full else SAMPLE
    applied = 0
    for seed in range(30 * wanted):
        case = instance(family, make, tmp_path, seed)
        if case is not None:
            applied += agrees(case, family, way)
        if applied == wanted:
            return
    pytest.fail("hardly any instance is in the way's domain")


@pytest.mark.parametrize(
    ("way", "change", "said"),
    [
        ("conv/matrix", {"window": (2, 2)}, "over one another"),
        ("conv/matrix", {"window": (2, 2), "strides": (2, 2), "dilations": (2, 2)}, "over one"),
        ("conv/matrix", {"pads": (0, 1, 0, 1)}, "no padding"),
        ("conv/matrix", {"groups": 2}, "no groups"),
        ("conv/taps", {"strides": (1, 1)}, "every place"),
        ("conv/blocks", {"strides": (1, 1)}, "a block is a sample"),
        ("conv/blocks", {"window": (7, 1)}, "more than 3x3 blocks"),
        ("conv/blocks", {"op": "DEPTHWISE_CONV_2D"}, "their own operator"),
        ("conv/taps", {"window": (4, 5)}, "20 products"),
        ("conv/taps", {"groups": 2}, "no groups"),
        ("conv/stuffed", {"dilations": (1, 1)}, "no dilation"),
        ("conv/batch-blocks", {"dilations": (1, 1)}, "no dilation"),
        ("conv/batch-blocks", {"strides": (2, 1)}, "skip some of the samples"),
        ("conv/dense", {"groups": 1}, "no groups"),
        ("conv/by-group", {"groups": 40}, "40 groups"),
        ("conv/by-group", {"groups": 1}, "no groups"),
        ("conv/3x3", {"op": "DEPTHWISE_CONV_2D"}, "their own operator"),
        ("conv/3x3", {"window": (3, 3)}, "as it is"),
        ("conv/3x3", {"window": (20, 20)}, "49 windows"),
        ("conv/3x3", {"pads": (9, 0, 9, 0), "output": (1, 4, 1, 1)}, "nothing but padding"),
    ],
)
def test_a_broken_precondition_is_refused_with_its_reason(
    way: str, change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    options = {"table": "Conv2DOptions", "padding": 1, "stride_h": 1, "stride_w": 1}
    operands = ["x", np.ones((4, 1, 1, 4), np.float32), np.ones(4, np.float32)]
    call = Call("CONV_2D", operands, {"y": [1, 5, 5, 4]}, options)
    case = tflite_case(tmp_path, {"x": np.ones((1, 5, 5, 4), np.float32)}, [call])
    found = reading(case.path, conv_forms.FAMILY)
    assert isinstance(found, Convolution)
    (chosen,) = (each for each in conv_forms.FAMILY.ways if each.name == way)
    usual = {"conv/stuffed": {"dilations": (2, 2)}, "conv/dense": {"groups": 2}}
    usual["conv/taps"] = {"window": (3, 3), "strides": (2, 2)}
    usual["conv/blocks"] = usual["conv/taps"]
    usual["conv/batch-blocks"] = usual["conv/stuffed"]
    usual["conv/by-group"] = usual["conv/dense"]
    within = replace(found, **usual.get(way, {}))  # type: ignore[arg-type]
    assert chosen.accepts(within) is None
    refusal = chosen.accepts(replace(within, **change))
    assert refusal is not None
    assert said in refusal.reason


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    options = {"table": "Conv2DOptions", "padding": 1, "stride_h": 1, "stride_w": 1}
    operands = ["x", np.ones((4, 1, 1, 4), np.float32), np.ones(4, np.float32)]
    call = Call("CONV_2D", operands, {"y": [1, 5, 5, 4]}, options)
    case = tflite_case(tmp_path, {"x": np.ones((1, 5, 5, 4), np.float32)}, [call])
    matrix = ["RESHAPE", "FULLY_CONNECTED", "RESHAPE"]
    assert settled(case, conv_forms.FAMILY, "CONV_2D") == matrix
    case = joined(tflite_conv, tmp_path, 0)
    assert set(settled(case, joins.FAMILY, "CONCATENATION")) == {"PAD", "ADD"}


def test_what_is_used_elsewhere_too_is_left_alone(tmp_path: Path) -> None:
    case = with_relatives(onnx_conv, tmp_path, 1, cut=True)
    assert case is not None
    assert "Split" not in settled(case, conv_pieces.FAMILY, "Split")
    x = {"x": np.ones((1, 2, 3, 3), np.float32)}
    conv = Call("Conv", ["x", np.ones((2, 2, 1, 1), np.float32)], {"y": [1, 2, 3, 3]}, {})
    split = Call("Split", ["y"], {"a": [1, 1, 3, 3], "b": [1, 1, 3, 3]}, {"axis": 1})
    case = onnx_case(tmp_path, x, [conv, split], 11, "y", "a", "b")
    assert settled(case, conv_pieces.FAMILY, "Split") == ["Conv", "Split"]


def test_quantised_ones_are_refused_with_advice(tmp_path: Path) -> None:
    x = {"x0": np.ones((1, 2), np.int8), "x1": np.ones((1, 2), np.int8)}
    said = {"table": "ConcatenationOptions", "axis": 1}
    call = Call("CONCATENATION", list(x), {"y": [1, 4]}, said, 2)
    found = reading(tflite_case(tmp_path, x, [call], quantised=(0.5, 3)).path, joins.FAMILY)
    assert isinstance(found, Refusal)
    assert "then quantise" in found.reason


def test_partial_convolutions_with_an_activation_stay_apart(tmp_path: Path) -> None:
    case = partial(tflite_conv, tmp_path, 0, fused_activation_function=1)
    _, way = conv_partial.FAMILY.ways
    refusal = way.accepts(reading(case.path, conv_partial.FAMILY))
    assert refusal is not None
    assert "an activation" in refusal.reason
    case = partial(tflite_conv, tmp_path, 0)
    assert settled(case, conv_partial.FAMILY, "SPLIT_V", "CONCATENATION") == ["CONV_2D"]
    assert settled(case, conv_partial.FAMILY, "SPLIT_V")[-1] == "CONCATENATION"

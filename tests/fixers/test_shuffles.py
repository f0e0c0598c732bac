"""Depth and space, by operators and by reshapes: the same bits, in the real runtimes."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single import (
    OPSETS,
    Array,
    Call,
    Case,
    agrees,
    integers,
    onnx_case,
    reading,
    settled,
    tflite_case,
)

from npulint.fixers.convolutions import conv_shuffle
from npulint.fixers.moving import depth_space
from npulint.fixers.moving.axes import canonical, plan
from npulint.fixers.moving.shuffles import Block, Shuffle
from npulint.fixers.record import Family, Refusal

SAMPLE, ALL = 10, 200


def drawn(draw: random.Random) -> tuple[int, int, int, int, int]:
    """Batch, channels, height and width of the deeper one by block side."""
    side = draw.choice((2, 2, 3))
    batch, depth = draw.choice((1, 1, 2)), draw.randint(1, 3)
    return side, batch, depth, draw.randint(1, 3), draw.randint(1, 3)


def onnx_operator(folder: Path, seed: int) -> Case:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    side, n, c, h, w = drawn(draw)
    deep, wide = [n, c * side * side, h, w], [n, c, h * side, w * side]
    opset = draw.choice(OPSETS)
    if draw.random() < 0.4:
        call = Call("SpaceToDepth", ["x"], {"y": deep}, {"blocksize": side})
        return onnx_case(folder, {"x": integers(rng, *wide)}, [call], opset)
    mode = {"mode": draw.choice(("CRD", "CRD", "DCR"))} if opset >= 11 else {}
    call = Call("DepthToSpace", ["x"], {"y": wide}, {"blocksize": side, **mode})
    return onnx_case(folder, {"x": integers(rng, *deep)}, [call], opset)


def tflite_operator(folder: Path, seed: int, *, dtype: Any = np.float32) -> Case:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    side, n, c, h, w = drawn(draw)
    deep, wide = [n, h, w, c * side * side], [n, h * side, w * side, c]
    grid = None if dtype is np.float32 else (0.25, -2)
    kind, before, after = draw.choice(
        (("DEPTH_TO_SPACE", deep, wide), ("SPACE_TO_DEPTH", wide, deep))
    )
    table = "".join(word.capitalize() for word in kind.split("_")) + "Options"
    call = Call(kind, ["x"], {"y": after}, {"table": table, "block_size": side})
    x = {"x": integers(rng, *before).astype(dtype)}
    return tflite_case(folder, x, [call], quantised=grid)


SPELLED = {
    # PixelShuffle and its inverse with the block's place at the fast and at the slow end.
    "onnx": [
        ("ncabhw", "nchawb"),
        ("nabchw", "nchawb"),
        ("nchawb", "nabchw"),
        ("nchawb", "ncabhw"),
    ],
    "tflite": [("nhwabc", "nhawbc"), ("nhwcab", "nhawbc"), ("nhawbc", "nhwabc")],
}


def spelled(folder: Path, seed: int, dialect: str, *, dtype: Any = np.float32) -> Case:
    """A view in 6 axes, their order, and a last shape."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    side, n, c, h, w = drawn(draw)
    size = {"n": n, "c": c, "h": h, "w": w, "a": side, "b": side}
    before, after = draw.choice(SPELLED[dialect])

    def shaped(axes: str) -> list[int]:
        deep = "c" in axes and axes.index("h") + 1 != axes.index("a")
        if dialect == "onnx":
            return [n, c * side**2, h, w] if deep else [n, c, h * side, w * side]
        return [n, h, w, c * side**2] if deep else [n, h * side, w * side, c]

    order = [before.index(axis) for axis in after]
    view, turned = [size[axis] for axis in before], [size[axis] for axis in after]
    x = {"x": integers(rng, *shaped(before)).astype(dtype)}
    return reshaped(folder, x, (view, order, turned, shaped(after)), draw, dialect)


def reshaped(
    folder: Path, x: dict[str, Array], shapes: Any, draw: random.Random, dialect: str
) -> Case:
    view, order, turned, last = shapes
    if dialect == "onnx":
        calls = [
            Call("Reshape", ["x", np.array(view, np.int64)], {"v": view}, {}),
            Call("Transpose", ["v"], {"t": turned}, {"perm": order}),
            Call("Reshape", ["t", np.array(last, np.int64)], {"y": last}, {}),
        ]
        return onnx_case(folder, x, calls, draw.choice(OPSETS))
    steps = [np.array(each, np.int32) for each in (view, order, last)]
    calls = [
        Call("RESHAPE", ["x", steps[0]], {"v": view}, {"table": "ReshapeOptions"}),
        Call("TRANSPOSE", ["v", steps[1]], {"t": turned}, {"table": "TransposeOptions"}),
        Call("RESHAPE", ["t", steps[2]], {"y": last}, {"table": "ReshapeOptions"}),
    ]
    grid = None if x["x"].dtype == np.float32 else (0.25, -2)
    return tflite_case(folder, x, calls, quantised=grid)


def anything(folder: Path, seed: int, dialect: str) -> Case:
    """Five or six axes in any order, as windows and channel shuffles have them."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    view = [draw.randint(1, 3) for _ in range(draw.choice((5, 6)))]
    order = draw.sample(range(len(view)), len(view))
    turned = [view[axis] for axis in order]
    x = {"x": integers(rng, int(np.prod(view[:2])), *view[2:4], int(np.prod(view[4:])))}
    return reshaped(folder, x, (view, order, turned, [int(np.prod(view))]), draw, dialect)


def channels(folder: Path, seed: int, dialect: str, *, dtype: Any = np.float32) -> Case:
    """Groups of channels shuffled, in the shapes that are written for it."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    n, g, c, h, w = (draw.randint(1, 3), *(draw.randint(2, 3) for _ in range(4)))
    views = {
        "onnx": [[n, g, c, h, w], [n, g, c, h * w], [n, 1, g, c, h, w]],
        "tflite": [[n, h, w, g, c], [n * h * w, g, c], [n, h * w, g, c]],
    }
    view = draw.choice(views[dialect])
    first = len(view) - 2 if dialect == "tflite" else (2 if len(view) == 6 else 1)
    order = list(range(len(view)))
    order[first], order[first + 1] = order[first + 1], order[first]
    shape = [n, g * c, h, w] if dialect == "onnx" else [n, h, w, g * c]
    x = {"x": integers(rng, *shape).astype(dtype)}
    return reshaped(folder, x, (view, order, [view[a] for a in order], shape), draw, dialect)


MAKERS: dict[str, Any] = {
    "onnx": onnx_operator,
    "tflite": tflite_operator,
    "int8": lambda folder, seed: tflite_operator(folder, seed, dtype=np.int8),
    "onnx spelled": lambda folder, seed: spelled(folder, seed, "onnx"),
    "tflite spelled": lambda folder, seed: spelled(folder, seed, "tflite"),
    "int8 spelled": lambda folder, seed: spelled(folder, seed, "tflite", dtype=np.int8),
    "onnx anything": lambda folder, seed: anything(folder, seed, "onnx"),
    "tflite anything": lambda folder, seed: anything(folder, seed, "tflite"),
    "onnx channels": lambda folder, seed: channels(folder, seed, "onnx"),
    "tflite channels": lambda folder, seed: channels(folder, seed, "tflite"),
    "int8 channels": lambda folder, seed: channels(folder, seed, "tflite", dtype=np.int8),
}
SERVED = {
    "shuffle/operator": "onnx spelled, tflite spelled, int8 spelled",
    "shuffle/transposes": ", ".join(MAKERS),
    "shuffle/channel-order": "onnx, onnx spelled, tflite spelled, int8 spelled",
    "shuffle/one-hot-order": "onnx, onnx spelled, tflite spelled",
    "shuffle/one-hot-channels": "onnx channels, tflite channels",
    "shuffle/phases": "onnx, tflite, onnx spelled, tflite spelled",
    "shuffle/masks": "onnx, tflite, onnx spelled, tflite spelled",
    "shuffle/strided-slices": "onnx, tflite, int8, onnx spelled, tflite spelled, int8 spelled",
    "shuffle/one-hot-conv": "onnx, tflite, onnx spelled, tflite spelled",
}


def prove(family: Family[Any], way: Any, make: Any, wanted: int, folder: Path) -> None:
    applied = 0
    for seed in range(30 * wanted):
        applied += agrees(make(folder, seed), family, way)
        if applied == wanted:
            return
    pytest.fail("hardly any instance is in the way's domain")


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        pytest.param(way, kind, id=f"{way.name}-{kind}")
        for way in depth_space.FAMILY.ways
        for kind in SERVED[way.name].split(", ")
    ],
)
def test_the_same_bits(way: Any, kind: str, full: bool, tmp_path: Path) -> None:
    prove(depth_space.FAMILY, way, MAKERS[kind], ALL if full else SAMPLE, tmp_path)


def conv_and_shuffle(folder: Path, seed: int) -> Case:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    side, n, c, h, w = drawn(draw)
    channels, window = c * side * side, draw.choice((1, 3))
    operands: list[Any] = ["x", integers(rng, channels, 2, window, window)]
    if draw.random() < 0.5:
        operands.append(integers(rng, channels))
    pads = [window // 2] * 4
    calls = [
        Call("Conv", operands, {"v": [n, channels, h, w]}, {"pads": pads}),
        Call(
            "DepthToSpace", ["v"], {"y": [n, c, h * side, w * side]},
            {"blocksize": side, "mode": "CRD"},
        ),
    ]  # fmt: skip
    return onnx_case(folder, {"x": integers(rng, n, 2, h, w)}, calls, draw.choice((11, 13, 21)))


def test_filters_in_the_other_order(full: bool, tmp_path: Path) -> None:
    family = conv_shuffle.FAMILY
    prove(family, family.ways[0], conv_and_shuffle, ALL if full else SAMPLE, tmp_path)
    ops = settled(conv_and_shuffle(tmp_path, 0), family, "DepthToSpace")
    assert ops == ["Conv", "DepthToSpace"], "the same operator is no gain where it is refused"


@pytest.mark.parametrize("seed", range(20))
def test_orders_are_made_by_the_fewest_transpositions(seed: int) -> None:
    draw = random.Random(seed)
    sizes = [draw.choice((1, 2, 3)) for _ in range(6)]
    order = draw.sample(range(6), 6)
    x = np.arange(np.prod(sizes)).reshape(sizes)
    few, turned = canonical(sizes, order)
    assert np.array_equal(x.transpose(order).ravel(), x.reshape(few).transpose(turned).ravel())
    steps = plan(turned)
    assert steps is not None
    assert len(steps) <= 2 or len(turned) > 5
    value = x.reshape(few)
    for blocks, by in steps:
        value = value.reshape([int(np.prod([few[a] for a in block])) for block in blocks])
        assert value.ndim <= 4
        value = value.transpose(by)
    assert np.array_equal(value.ravel(), x.transpose(order).ravel())


def test_one_transposition_serves_the_block_shuffles_of_tflite() -> None:
    for order in ((0, 1, 3, 2, 4, 5),):
        assert len(plan(canonical((1, 4, 6, 2, 2, 5), order)[1]) or ()) == 1
    assert plan(tuple(range(8))) is None
    assert all(plan(order) is not None for order in itertools.permutations(range(5)))


BLOCK = Block("depth-to-space", "CRD", 2, (1, 8, 3, 3))
DEEP = replace(BLOCK, kind="space-to-depth", mode="DCR")


@pytest.mark.parametrize(
    ("way", "good", "change", "said"),
    [
        ("shuffle/operator", DEEP, {"block": None}, "nothing between"),
        ("shuffle/operator", DEEP, {"block": BLOCK}, "other order"),
        ("shuffle/operator", DEEP, {"op": "SPACE_TO_DEPTH"}, "what is there"),
        ("shuffle/transposes", BLOCK, {"order": tuple(range(6))}, "moves nothing"),
        (
            "shuffle/transposes", BLOCK,
            {"view": (2,) * 9, "order": tuple(reversed(range(9)))}, "more axes",
        ),
        ("shuffle/channel-order", BLOCK, {"block": DEEP}, "no depth"),
        ("shuffle/channel-order", BLOCK, {"block": replace(BLOCK, mode="DCR")}, "as they are"),
        ("shuffle/one-hot-order", BLOCK, {"is_float": False}, "quantised"),
        ("shuffle/one-hot-channels", BLOCK, {"channels": None}, "more than the channels"),
        ("shuffle/one-hot-channels", BLOCK, {"is_float": False}, "quantised"),
        ("shuffle/phases", BLOCK, {"block": replace(BLOCK, side=5)}, "25 places"),
        ("shuffle/phases", BLOCK, {"block": DEEP}, "no depth"),
        ("shuffle/strided-slices", DEEP, {"block": BLOCK}, "no space"),
        ("shuffle/one-hot-conv", DEEP, {"block": BLOCK}, "no space"),
        ("shuffle/one-hot-conv", DEEP, {"is_float": False}, "quantised"),
    ],
)  # fmt: skip
def test_a_broken_precondition_is_refused_with_its_reason(
    way: str, good: Block, change: dict[str, Any], said: str
) -> None:
    (chosen,) = (each for each in depth_space.FAMILY.ways if each.name == way)
    within = Shuffle(
        "TRANSPOSE", 0, (1, 3, 3, 2, 2, 2), (0, 1, 3, 2, 4, 5), (1, 6, 6, 2), good, True, (1, 0)
    )
    assert chosen.accepts(within) is None
    refusal = chosen.accepts(replace(within, **change))
    assert refusal is not None
    assert said in refusal.reason


def test_groups_keep_their_order(tmp_path: Path) -> None:
    operands = ["x", np.ones((8, 1, 1, 1), np.float32)]
    calls = [
        Call("Conv", operands, {"v": [1, 8, 2, 2]}, {"group": 2}),
        Call("DepthToSpace", ["v"], {"y": [1, 2, 4, 4]}, {"blocksize": 2, "mode": "CRD"}),
    ]
    case = onnx_case(tmp_path, {"x": np.ones((1, 2, 2, 2), np.float32)}, calls, 13)
    found = reading(case.path, conv_shuffle.FAMILY)
    refusal = conv_shuffle.FAMILY.ways[0].accepts(found)
    assert isinstance(refusal, Refusal)
    assert "groups" in refusal.reason


@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
def test_only_channels_that_move_alone_are_picked(dialect: str, tmp_path: Path) -> None:
    for seed in range(20):
        found = reading(channels(tmp_path, seed, dialect).path, depth_space.FAMILY)
        assert found.channels is not None
        (block,) = {reading(spelled(tmp_path, seed, dialect).path, depth_space.FAMILY).channels}
        assert block is None


def test_a_shuffle_of_channels_is_a_convolution_where_no_axes_are_ordered(tmp_path: Path) -> None:
    for seed in range(4):
        case = channels(tmp_path, seed, "tflite")
        assert settled(case, depth_space.FAMILY, "TRANSPOSE") == ["CONV_2D"]
        case = channels(tmp_path, seed, "onnx")
        assert settled(case, depth_space.FAMILY, "Transpose") == ["Conv"]


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    for seed in range(4):
        for make in (tflite_operator, onnx_operator):
            assert not {*settled(make(tmp_path, seed), depth_space.FAMILY, *NAMES)} & {*NAMES}


NAMES = ("DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "DepthToSpace", "SpaceToDepth")

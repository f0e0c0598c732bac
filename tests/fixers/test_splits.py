"""Splits and slices out of one another: the same bits, in the real runtimes."""

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
    settled,
    tflite_case,
)

from npulint.fixers.building.bounds import TooLargeError, picking
from npulint.fixers.building.moves import lengths
from npulint.fixers.moving.pieces import FAMILY
from npulint.fixers.moving.pieces_reading import Pieces
from npulint.fixers.record import Realisation

SAMPLE, ALL = 12, 200
WAYS = {way.name: way for way in FAMILY.ways}


def shape_of(draw: random.Random) -> list[int]:
    return [draw.randint(1, 6) for _ in range(draw.choice((4, 4, 4, 3, 2)))]


def parts_of(draw: random.Random, total: int, *, equal: bool) -> list[int]:
    if equal:
        count = draw.choice([each for each in range(1, total + 1) if total % each == 0])
        return [total // count] * count
    cuts = sorted(draw.sample(range(1, total), draw.randint(0, min(3, total - 1))))
    return [end - start for start, end in zip([0, *cuts], [*cuts, total], strict=True)]


def resized(shape: list[int], axis: int, size: int) -> list[int]:
    return [*shape[:axis], size, *shape[axis + 1 :]]


def ranges_of(draw: random.Random, shape: list[int], *, steps: bool) -> list[tuple[int, int, int]]:
    """Some that count from the end, and some whose end is open."""
    made = []
    for size in shape:
        start = draw.randint(0, size - 1)
        stop = draw.randint(start + 1, size)
        step = draw.choice((1, 1, 2)) if steps else 1
        made.append((start, stop, step))
        if steps and draw.random() < 0.2:
            made[-1] = (stop - 1, start - size - 1, -1)
        elif stop < size and draw.random() < 0.3:
            made[-1] = (start - size, stop - size, step)
    return made


def positions_of(
    draw: random.Random, shape: list[int], axis: int, *, from_end: bool
) -> tuple[Any, list[int]]:
    """One position, or some in a row, in any shape; and the shape of what they take."""
    size = shape[axis]
    start, step = draw.randrange(size), draw.choice((1, 1, 2, -1, -2))
    taken = [at for at in range(start, start + 3 * step, step) if 0 <= at < size]
    along = draw.choice(([], [], [1], [len(taken)], [len(taken)], [1, len(taken)]))
    taken = taken[: max(1, int(np.prod(along)))]
    if from_end and draw.random() < 0.3:
        taken = [at - size for at in taken]
    result = [*shape[:axis], *along, *shape[axis + 1 :]]
    return np.array(taken).reshape(along), result


def masked_of(draw: random.Random, shape: list[int]) -> tuple[list[Any], dict[str, int], list[int]]:
    """The entries and masks of a STRIDED_SLICE that changes the rank, and what it makes."""
    last = draw.randint(0, len(shape))
    gap = draw.randint(0, last - 1) if last and draw.random() < 0.5 else None
    entries: list[Any] = []
    masks = dict.fromkeys(("begin_mask", "end_mask", "new_axis_mask", "shrink_axis_mask"), 0)
    masks["ellipsis_mask"] = 0
    result, axis = [], 0
    while axis < last or draw.random() < 0.2:
        bit, kind = 1 << len(entries), draw.random()
        if axis == gap and not masks["ellipsis_mask"]:
            whole = draw.randint(1, last - axis)
            masks["ellipsis_mask"] |= bit
            entries.append((draw.randint(-3, 3), 0, 1))
            result += shape[axis : axis + whole]
            axis += whole
            # What follows an ellipsis must reach the last axis.
            last = len(shape)
        elif kind < 0.2 or axis >= last:
            masks["new_axis_mask"] |= bit
            masks["shrink_axis_mask"] |= bit * draw.choice((0, 1))
            entries.append((draw.randint(0, 2), draw.randint(0, 2), 1))
            result.append(1)
        else:
            size = shape[axis]
            entry = ranges_of(draw, [size], steps=True)[0]
            if kind < 0.5:
                at = draw.randrange(-size, size)
                entry = at, draw.choice((at + 1, size, 0)), 1
                masks["shrink_axis_mask"] |= bit
            else:
                for name in ("begin_mask", "end_mask"):
                    masks[name] |= bit * draw.choice((0, 0, 1))
                start, stop, step = entry
                start = None if masks["begin_mask"] & bit else start
                stop = None if masks["end_mask"] & bit else stop
                result.append(len(range(size)[slice(start, stop, step)]))
            entries.append(entry)
            axis += 1
    return entries, masks, [*result, *shape[axis:]]


def onnx_pieces(folder: Path, seed: int) -> Case:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape, opset = shape_of(draw), draw.choice(OPSETS)
    x = {"x": integers(rng, *shape)}
    kind = draw.choice(("Split", "Split", "Slice", "Gather"))
    axis = draw.randrange(len(shape))
    if kind == "Gather":
        positions, result = positions_of(draw, shape, axis, from_end=opset >= 11)
        said = {"axis": axis - draw.choice((0, len(shape)))}
        call = Call(kind, ["x", positions.astype(np.int64)], {"y": result}, said)
        return onnx_case(folder, x, [call], opset)
    if kind == "Split":
        parts = parts_of(draw, shape[axis], equal=draw.random() < 0.3)
        results = {f"y{i}": resized(shape, axis, size) for i, size in enumerate(parts)}
        said = {"axis": axis - draw.choice((0, len(shape)))}
        if opset < 13:
            call = Call("Split", ["x"], results, {**said, "split": parts})
        else:
            call = Call("Split", ["x", np.array(parts, np.int64)], results, said)
        return onnx_case(folder, x, [call], opset)
    ranges = ranges_of(draw, shape, steps=opset >= 10)
    result = [len(range(size)[slice(*each)]) for each, size in zip(ranges, shape, strict=True)]
    starts, stops, steps = (np.array(each, np.int64) for each in zip(*ranges, strict=True))
    if opset < 10:
        bounds = {"starts": starts.tolist(), "ends": stops.tolist()}
        return onnx_case(folder, x, [Call("Slice", ["x"], {"y": result}, bounds)], opset)
    axes = np.arange(len(shape))
    call = Call("Slice", ["x", starts, stops, axes, steps], {"y": result}, {})
    return onnx_case(folder, x, [call], opset)


def tflite_pieces(folder: Path, seed: int, *, quantised: bool = False) -> Case:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = shape_of(draw)
    x = {"x": integers(rng, *shape).astype(np.int8 if quantised else np.float32)}
    kind = draw.choice(
        ("SPLIT", "SPLIT_V", "SPLIT_V", "SLICE", "STRIDED_SLICE", "GATHER", "UNPACK", "masked")
    )
    call = _TFLITE[kind](draw, shape, kind)
    return tflite_case(folder, x, [call], quantised=(0.5, 3) if quantised else None)


def split_call(draw: random.Random, shape: list[int], kind: str) -> Call:
    axis = draw.randrange(len(shape))
    parts = parts_of(draw, shape[axis], equal=kind == "SPLIT" or draw.random() < 0.3)
    results = {f"y{i}": resized(shape, axis, size) for i, size in enumerate(parts)}
    where = np.array(axis, np.int32)
    operands: list[Any] = [where, "x"]
    if kind == "SPLIT_V":
        operands = ["x", np.array(parts, np.int32), where]
    options = {"table": "SplitVOptions" if kind == "SPLIT_V" else "SplitOptions"}
    return Call(kind, operands, results, {**options, "num_splits": len(parts)}, 2)


def slice_call(draw: random.Random, shape: list[int], kind: str) -> Call:
    ranges = ranges_of(draw, shape, steps=kind == "STRIDED_SLICE")
    result = [len(range(size)[slice(*each)]) for each, size in zip(ranges, shape, strict=True)]
    if kind == "SLICE":
        starts = [each[0] % size for each, size in zip(ranges, shape, strict=True)]
        bounds = [np.array(each, np.int32) for each in (starts, result)]
        return Call(kind, ["x", *bounds], {"y": result}, {"table": "SliceOptions"}, 2)
    bounds = [np.array(each, np.int32) for each in zip(*ranges, strict=True)]
    return Call(kind, ["x", *bounds], {"y": result}, {"table": "StridedSliceOptions"}, 2)


def masked_call(draw: random.Random, shape: list[int], _: str) -> Call:
    entries: list[Any] = []
    result = [0]
    while not entries or 0 in result:
        entries, masks, result = masked_of(draw, shape)
    bounds = [np.array(each, np.int32) for each in zip(*entries, strict=True)]
    options = {"table": "StridedSliceOptions", **masks}
    return Call("STRIDED_SLICE", ["x", *bounds], {"y": result}, options, 2)


def gather_call(draw: random.Random, shape: list[int], kind: str) -> Call:
    axis = draw.randrange(len(shape))
    positions, result = positions_of(draw, shape, axis, from_end=False)
    options = {"table": "GatherOptions", "axis": axis - draw.choice((0, len(shape)))}
    return Call(kind, ["x", positions.astype(np.int32)], {"y": result}, options, 2)


def unpack_call(draw: random.Random, shape: list[int], kind: str) -> Call:
    axis = draw.randrange(len(shape))
    results = {f"y{i}": [*shape[:axis], *shape[axis + 1 :]] for i in range(shape[axis])}
    options = {"table": "UnpackOptions", "axis": axis, "num": shape[axis]}
    return Call(kind, ["x"], results, options, 2)


_TFLITE = {
    "SPLIT": split_call, "SPLIT_V": split_call, "SLICE": slice_call, "STRIDED_SLICE": slice_call,
    "GATHER": gather_call, "UNPACK": unpack_call, "masked": masked_call,
}  # fmt: skip


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        pytest.param(way, kind, id=f"{way.name}-{kind}")
        for way in FAMILY.ways
        for kind in ("onnx", "tflite", "int8")
        # ONNX has one operator of each kind; convolutions add up, which int8 rounds.
        if not (kind == "onnx" and way.name in {"pieces/slices", "pieces/split"})
        and not (kind == "int8" and way.name == "pieces/one-hot-conv")
    ],
)
def test_the_same_bits(way: Realisation[Pieces], kind: str, full: bool, tmp_path: Path) -> None:
    wanted = ALL if full else SAMPLE
    applied = 0
    for seed in range(30 * wanted):
        if kind == "onnx":
            case = onnx_pieces(tmp_path, seed)
        else:
            case = tflite_pieces(tmp_path, seed, quantised=kind == "int8")
        applied += agrees(case, FAMILY, way)
        if applied == wanted:
            return
    pytest.fail("hardly any instance is in the way's domain")


def pieces(**changes: Any) -> Pieces:
    whole = ((0, 1, 1), (0, 4, 1), (0, 4, 1))
    given: dict[str, Any] = {
        "op": "SPLIT_V", "source": 0, "shape": (1, 4, 4, 4), "channels": 3, "tflite": True,
        "ranges": ((*whole, (0, 2, 1)), (*whole, (2, 4, 1))),
    }  # fmt: skip
    given |= changes
    return Pieces(**{"shapes": tuple(map(lengths, given["ranges"])), **given})


@pytest.mark.parametrize(
    ("way", "change", "said"),
    [
        ("pieces/strided-slices", {"op": "STRIDED_SLICE"}, "what is there"),
        ("pieces/slices", {"op": "SLICE"}, "what is there"),
        ("pieces/slices", {"ranges": (((0, 1, 1), (0, 4, 2)),)}, "skips samples"),
        ("pieces/split", {"op": "SLICE"}, "only a split"),
        ("pieces/split", {"ranges": (((0, 2, 1),), ((2, 3, 1),))}, "differ in size"),
        (
            "pieces/split",
            {"op": "UNPACK", "ranges": (((0, 1, 1), (0, 4, 1)),), "shape": (1, 4)},
            "cuts nothing",
        ),
        ("pieces/one-hot-conv", {"channels": None}, "no float feature map"),
        ("pieces/one-hot-conv", {"channels": 1}, "other axes"),
    ],
)
def test_a_broken_precondition_is_refused_with_its_reason(
    way: str, change: dict[str, Any], said: str
) -> None:
    assert WAYS[way].accepts(pieces()) is None
    refusal = WAYS[way].accepts(pieces(**change))
    assert refusal is not None
    assert said in refusal.reason


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    x = {"x": np.zeros((1, 2, 2, 4), np.float32)}
    options = {"table": "SplitVOptions", "num_splits": 2}
    operands = ["x", np.array([1, 3], np.int32), np.array(3, np.int32)]
    results = {"a": [1, 2, 2, 1], "b": [1, 2, 2, 3]}
    case = tflite_case(tmp_path, x, [Call("SPLIT_V", operands, results, options)])
    assert settled(case, FAMILY, "SPLIT_V") == ["STRIDED_SLICE"] * 2
    assert settled(case, FAMILY, "SPLIT_V", "STRIDED_SLICE") == ["SLICE"] * 2
    assert settled(case, FAMILY, "SPLIT_V", "STRIDED_SLICE", "SLICE") == ["CONV_2D"] * 2


def test_filters_that_pick_take_no_more_than_they_hold() -> None:
    """Three of many channels are three rows, and never the whole identity."""
    few = picking((4, 0, 99_999), 100_000)
    assert few.shape == (3, 100_000)
    assert [int(row.argmax()) for row in few] == [4, 0, 99_999]
    assert few.sum() == 3
    with pytest.raises(TooLargeError):
        picking(range(20_000), 20_000)

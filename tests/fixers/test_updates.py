"""Boxes written over, as both dialects write them: the same bits, in the real runtimes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single import Array, Call, Case, agrees, integers, onnx_case, reading, settled, tflite_case

from npulint.fixers.convolutions import conv_partial
from npulint.fixers.moving.updates import FAMILY
from npulint.fixers.record import Refusal
from npulint.formats import load

SAMPLE, ALL = 12, 200
(JOIN,) = FAMILY.ways


def box_of(draw: random.Random, shape: list[int]) -> tuple[list[int], list[int]]:
    """Where a box begins and its sizes; it is never the whole."""
    while True:
        starts = [draw.randrange(size) if draw.random() < 0.5 else 0 for size in shape]
        sizes = [
            draw.randint(1, size - at) if at or draw.random() < 0.4 else size
            for at, size in zip(starts, shape, strict=True)
        ]
        if sizes != shape:
            return starts, sizes


def places(starts: list[int], sizes: list[int]) -> Array:
    """The place of every element of a box."""
    lines = [np.arange(at, at + size) for at, size in zip(starts, sizes, strict=True)]
    return np.stack(np.meshgrid(*lines, indexing="ij"), -1).astype(np.int64)


def drawn(draw: random.Random) -> list[int]:
    return [draw.randint(1, 5) for _ in range(draw.choice((2, 3, 4, 4)))]


def elements(folder: Path, seed: int) -> Case:
    """The place of every element, or of every row along the last axes, is stored."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = drawn(draw)
    if shape == [1] * len(shape):
        shape[0] = 2
    starts, sizes = box_of(draw, shape)
    count = len(shape)
    while count > 1 and sizes[count - 1] == shape[count - 1] and draw.random() < 0.7:
        count -= 1
    where = places(starts[:count], sizes[:count])
    if draw.random() < 0.3:
        where = where - np.array(shape[:count])
    xs = {"x": integers(rng, *shape), "u": integers(rng, *sizes)}
    call = Call("ScatterND", ["x", where, "u"], {"y": shape}, {})
    return onnx_case(folder, xs, [call], draw.choice((11, 13, 17, 21)))


def turned(folder: Path, seed: int) -> Case:
    """Places along one axis, which is put first for it and put back."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(2, 5) for _ in range(4)]
    axis = draw.randint(1, 3)
    start = draw.randrange(shape[axis])
    size = draw.randint(1, min(shape[axis] - start, shape[axis] - 1))
    order = list(range(4))
    order[0], order[axis] = axis, 0
    box = [size if each == axis else n for each, n in enumerate(shape)]
    swap = {"perm": order}
    moved = [shape[each] for each in order]
    calls = [
        Call("Transpose", ["x"], {"a": moved}, swap),
        Call("Transpose", ["u"], {"b": [box[each] for each in order]}, swap),
        Call("ScatterND", ["a", np.arange(start, start + size)[:, None], "b"], {"c": moved}, {}),
        Call("Transpose", ["c"], {"y": shape}, swap),
    ]
    xs = {"x": integers(rng, *shape), "u": integers(rng, *box)}
    return onnx_case(folder, xs, calls, draw.choice((11, 13, 17, 21)))


def joined(folder: Path, seed: int) -> Case:
    """The places along each axis are spread and joined while the model runs."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = drawn(draw)
    shape[0] += 1
    starts, sizes = box_of(draw, shape)
    rank = len(shape)
    calls, parts = [], []
    for axis, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        line = np.arange(start, start + size).reshape([-1 if a == axis else 1 for a in range(rank)])
        wide = Call("Expand", [line, np.array(sizes, np.int64)], {f"e{axis}": sizes}, {})
        deep = Call("Unsqueeze", [f"e{axis}", np.array([rank])], {f"p{axis}": [*sizes, 1]}, {})
        calls += [wide, deep]
        parts.append(f"p{axis}")
    calls.append(Call("Concat", parts, {"i": [*sizes, rank]}, {"axis": -1}))
    calls.append(Call("ScatterND", ["x", "i", "u"], {"y": shape}, {}))
    xs = {"x": integers(rng, *shape), "u": integers(rng, *sizes)}
    return onnx_case(folder, xs, calls, draw.choice((13, 17, 21)))


def dynamic(folder: Path, seed: int, *, dtype: Any = np.float32) -> Case:
    """Where the box would not fit it is moved back."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = drawn(draw)
    shape[0] += 1
    starts, sizes = box_of(draw, shape)
    stated = [at + draw.choice((0, 0, 9)) * (at + n == size) for at, n, size in
              zip(starts, sizes, shape, strict=True)]  # fmt: skip
    xs = {"x": integers(rng, *shape).astype(dtype), "u": integers(rng, *sizes).astype(dtype)}
    call = Call("DYNAMIC_UPDATE_SLICE", ["x", "u", np.array(stated, np.int32)], {"y": shape}, {})
    return tflite_case(folder, xs, [call], quantised=None if dtype is np.float32 else (0.25, -2))


MAKERS: dict[str, Any] = {
    "elements": elements,
    "turned": turned,
    "joined": joined,
    "tflite": dynamic,
    "int8": lambda folder, seed: dynamic(folder, seed, dtype=np.int8),
}


def largest_agrees(case: Case, family: Any, way: Any) -> bool:
    """`agrees`, of the find that covers most nodes."""
    graph = load(case.path).graphs[0]
    most = max(family.recognise(graph), key=lambda each: len(each.nodes))
    only = type(family)(family.name, lambda again: [
        each for each in family.recognise(again) if len(each.nodes) == len(most.nodes)
    ], family.ways)  # fmt: skip
    return agrees(case, only, way)


@pytest.mark.parametrize("kind", MAKERS)
def test_the_same_bits(kind: str, full: bool, tmp_path: Path) -> None:
    wanted = ALL if full else SAMPLE
    for seed in range(wanted):
        assert largest_agrees(MAKERS[kind](tmp_path, seed), FAMILY, JOIN), seed


@pytest.mark.parametrize(
    ("where", "options", "said"),
    [
        ([[[0], [2]]], {}, "no box"),
        ([[0], [2]], {}, "no box"),
        ([[1], [0]], {}, "no box"),
        ([[0], [1]], {"reduction": "add"}, "adds to what is there"),
        ([[2], [3]], {}, "beyond"),
        ([[0], [1], [2]], {}, "all there is"),
    ],
)
def test_what_is_no_box_is_refused(
    where: Any, options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    indices = np.array(where, np.int64)
    xs = {"x": np.zeros((3, 2), np.float32), "u": np.zeros((*indices.shape[:-1], 2), np.float32)}
    call = Call("ScatterND", ["x", indices, "u"], {"y": [3, 2]}, options)
    found = reading(onnx_case(tmp_path, xs, [call], 18).path, FAMILY)
    assert isinstance(found, Refusal)
    assert said in found.reason


def test_places_that_are_computed_are_refused(tmp_path: Path) -> None:
    xs = {name: np.zeros(shape, np.float32) for name, shape in (("x", (3, 2)), ("u", (1, 2)))}
    xs["k"] = np.zeros((1, 1), np.float32)
    calls = [
        Call("Cast", ["k"], {"i": [1, 1]}, {"to": 7}),
        Call("ScatterND", ["x", "i", "u"], {"y": [3, 2]}, {}),
    ]
    found = reading(onnx_case(tmp_path, xs, calls, 11).path, FAMILY)
    assert isinstance(found, Refusal)
    assert "while the model runs" in found.reason


def partial(folder: Path, seed: int, dialect: str) -> Case:
    """Some channels convolved and written over themselves, or over others."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    count, total = draw.randint(1, 3), draw.randint(4, 6)
    start, target = draw.randint(0, total - count), draw.randint(0, total - count)
    height, width = draw.randint(2, 5), draw.randint(2, 5)
    kernel = integers(rng, count, count, 3, 3)
    x = integers(rng, 1, total, height, width)
    if dialect == "onnx":
        bounds = [np.array([each], np.int64) for each in (start, start + count, 1)]
        indices = places([0, target, 0, 0], [1, count, height, width])
        calls = [
            Call("Slice", ["x", *bounds], {"s": [1, count, height, width]}, {}),
            Call("Conv", ["s", kernel], {"c": [1, count, height, width]}, {"pads": [1] * 4}),
            Call("ScatterND", ["x", indices, "c"], {"y": list(x.shape)}, {}),
        ]
        return onnx_case(folder, {"x": x}, calls, 13)
    slots = [np.array(each, np.int32) for each in ([0, 0, 0, start], [1, height, width, count])]
    part = [1, height, width, count]
    weights = np.ascontiguousarray(kernel.transpose(0, 2, 3, 1))
    bias = integers(rng, count)
    options = {"table": "Conv2DOptions", "padding": 0, "stride_w": 1, "stride_h": 1}
    calls = [
        Call("SLICE", ["x", *slots], {"s": part}, {"table": "SliceOptions"}),
        Call("CONV_2D", ["s", weights, bias], {"c": part}, options),
        Call(
            "DYNAMIC_UPDATE_SLICE", ["x", "c", np.array([0, 0, 0, target], np.int32)],
            {"y": [1, height, width, total]}, {},
        ),
    ]  # fmt: skip
    return tflite_case(folder, {"x": np.ascontiguousarray(x.transpose(0, 2, 3, 1))}, calls)


@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
@pytest.mark.parametrize("way", conv_partial.FAMILY.ways, ids=lambda way: way.name)
def test_partial_convolution_in_place(way: Any, dialect: str, full: bool, tmp_path: Path) -> None:
    for seed in range(ALL if full else SAMPLE):
        assert agrees(partial(tmp_path, seed, dialect), conv_partial.FAMILY, way), seed


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    for seed in range(4):
        assert "ScatterND" not in settled(elements(tmp_path, seed), FAMILY, "ScatterND")
        ops = settled(dynamic(tmp_path, seed), FAMILY, "DYNAMIC_UPDATE_SLICE")
        assert "DYNAMIC_UPDATE_SLICE" not in ops


def test_exporters_forms_are_found(tmp_path: Path) -> None:
    """What torch's two exporters make of an assignment to some channels."""
    torch = pytest.importorskip("torch")
    from npulint.rewriting import cleaned

    class Partial(torch.nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(16, 16, 3, padding=1)

        def forward(self, x: Any) -> Any:
            x = x.clone()
            x[:, :16] = self.conv(x[:, :16])
            return x

    for dynamo in (False, True):
        path = tmp_path / f"{dynamo}.onnx"
        options = {"dynamo": True, "verbose": False} if dynamo else {"dynamo": False}
        torch.onnx.export(
            Partial(), (torch.zeros(1, 64, 28, 28),), str(path), opset_version=18, **options
        )
        graph = cleaned(load(path)).graphs[0]
        found = [each.found for each in conv_partial.FAMILY.recognise(graph)]
        assert len(found) == 1, dynamo
        assert [part.taken for part in found[0].parts] == [(0, 16, 1), (16, 64, 1)]

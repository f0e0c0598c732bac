"""Random chains of nodes of 5 and 6 axes in both formats."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from single import OPSETS, Call, Case, integers, onnx_case, tflite_case


@dataclass
class Drawn:
    """A chain of nodes under construction."""

    draw: random.Random
    rng: np.random.Generator
    tflite: bool
    opset: int
    shape: list[int]
    calls: list[Call] = field(default_factory=list)

    @property
    def last(self) -> str:
        return next(reversed(self.calls[-1].results)) if self.calls else "x"

    def add(self, op: str, operands: list[Any], shape: list[int], **options: Any) -> None:
        version = 2 if op == "BROADCAST_TO" else 1
        self.calls.append(Call(op, operands, {f"v{len(self.calls)}": shape}, options, version))
        self.shape = shape

    def whole(self, *numbers: Any) -> Any:
        return np.array(numbers, np.int32 if self.tflite else np.int64)


def viewed(d: Drawn, shape: list[int]) -> None:
    if d.tflite:
        d.add("RESHAPE", [d.last, d.whole(*shape)], shape, table="ReshapeOptions", newShape=shape)
    else:
        d.add("Reshape", [d.last, d.whole(*shape)], shape)


def summed(d: Drawn) -> None:
    other = [size if d.draw.random() < 0.5 else 1 for size in d.shape]
    other = other[d.draw.choice((0, 0, 1)) :]
    if d.draw.random() < 0.3:
        other = d.shape
    constant = integers(d.rng, *other)
    op, function = d.draw.choice((("ADD", "AddOptions"), ("MUL", "MulOptions")))
    if d.tflite:
        d.add(op, [d.last, constant], d.shape, table=function)
    else:
        d.add(op.title(), [constant, d.last], d.shape)


def limited(d: Drawn) -> None:
    d.add("RELU" if d.tflite else "Relu", [d.last], d.shape)


def reduced(d: Drawn) -> None:
    axes = sorted(d.draw.sample(range(len(d.shape)), d.draw.randint(1, 3)))
    keep = d.draw.random() < 0.5
    made = [1 if axis in axes else size for axis, size in enumerate(d.shape)]
    if not keep:
        made = [size for axis, size in enumerate(d.shape) if axis not in axes]
    name = d.draw.choice(("SUM", "REDUCE_MAX"))
    if d.tflite:
        d.add(name, [d.last, d.whole(*axes)], made, table="ReducerOptions", keepDims=keep)
    elif d.opset >= 18 or (d.opset >= 13 and name == "SUM"):
        op = "ReduceSum" if name == "SUM" else "ReduceMax"
        d.add(op, [d.last, d.whole(*axes)], made, keepdims=int(keep))
    else:
        op = "ReduceSum" if name == "SUM" else "ReduceMax"
        d.add(op, [d.last], made, keepdims=int(keep), axes=axes)


def padded(d: Drawn) -> None:
    margins = [(d.draw.randint(0, 2), d.draw.randint(0, 2)) if d.draw.random() < 0.4 else (0, 0)
               for _ in d.shape]  # fmt: skip
    made = [size + sum(pair) for size, pair in zip(d.shape, margins, strict=True)]
    if d.tflite:
        d.add("PAD", [d.last, np.array(margins, np.int32)], made, table="PadOptions")
        return
    flat = [before for before, _ in margins] + [after for _, after in margins]
    if d.opset < 11:
        d.add("Pad", [d.last], made, pads=flat, value=3.0)
    else:
        d.add("Pad", [d.last, d.whole(*flat), np.array(3.0, np.float32)], made)


def sliced(d: Drawn) -> None:
    ranges = []
    for size in d.shape:
        start = d.draw.randint(0, size - 1) if d.draw.random() < 0.4 else 0
        ranges.append((start, size if start == 0 else d.draw.randint(start + 1, size)))
    starts, ends = ([each[side] for each in ranges] for side in (0, 1))
    made = [end - start for start, end in ranges]
    if d.tflite:
        d.add("SLICE", [d.last, d.whole(*starts), d.whole(*made)], made, table="SliceOptions")
    elif d.opset < 10:
        d.add("Slice", [d.last], made, starts=starts, ends=ends)
    else:
        d.add("Slice", [d.last, d.whole(*starts), d.whole(*ends)], made)


def joined(d: Drawn) -> None:
    axis = d.draw.randrange(len(d.shape))
    other = [d.draw.randint(1, 2) if a == axis else size for a, size in enumerate(d.shape)]
    made = [size + other[a] if a == axis else size for a, size in enumerate(d.shape)]
    operands = [d.last, integers(d.rng, *other), d.last][: d.draw.choice((2, 3))]
    made[axis] += d.shape[axis] * (len(operands) - 2)
    if d.tflite:
        d.add("CONCATENATION", operands, made, table="ConcatenationOptions", axis=axis)
    else:
        d.add(
            "Concat", operands, made, axis=axis - d.draw.choice((0, len(d.shape))) * (d.opset > 10)
        )


def turned(d: Drawn) -> None:
    order = list(range(len(d.shape)))
    d.draw.shuffle(order)
    made = [d.shape[axis] for axis in order]
    if d.tflite:
        d.add("TRANSPOSE", [d.last, d.whole(*order)], made)
    else:
        d.add("Transpose", [d.last], made, perm=order)


def repeated(d: Drawn) -> None:
    counts = [d.draw.choice((1, 1, 2)) for _ in d.shape]
    made = [size * count for size, count in zip(d.shape, counts, strict=True)]
    op = "TILE" if d.tflite else "Tile"
    options = {"table": "TileOptions"} if d.tflite else {}
    d.add(op, [d.last, d.whole(*counts)], made, **options)


def spread(d: Drawn) -> None:
    made = [d.draw.randint(1, 3) if size == 1 else size for size in d.shape]
    op = "BROADCAST_TO" if d.tflite else "Expand"
    if d.tflite or d.opset >= 8:
        d.add(op, [d.last, d.whole(*made)], made)


def picked(d: Drawn) -> None:
    axis = d.draw.randrange(len(d.shape))
    made = [size for a, size in enumerate(d.shape) if a != axis]
    index = d.whole(d.draw.randrange(d.shape[axis])).reshape(())
    if d.tflite:
        d.add("GATHER", [d.last, index], made, table="GatherOptions", axis=axis)
    else:
        d.add("Gather", [d.last, index], made, axis=axis)


STEPS: tuple[Callable[[Drawn], None], ...] = (
    summed, limited, reduced, padded, sliced, joined, turned, repeated, spread, picked,
)  # fmt: skip


MOVES = padded, sliced, turned, repeated, spread, picked


def chain(folder: Path, seed: int, *, tflite: bool, quantised: bool = False) -> Case:
    """A view of 3 axes as 5 or 6, some nodes, and a last view of 2 axes.

    Those of quantised values only move them: what adds rounds.
    """
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    sizes = [draw.choice((1, 2, 2, 3)) for _ in range(draw.choice((5, 5, 5 if tflite else 6)))]
    x = integers(rng, sizes[0], int(np.prod(sizes[1:3])), int(np.prod(sizes[3:])))
    d = Drawn(draw, rng, tflite, draw.choice(OPSETS), list(x.shape))
    viewed(d, sizes)
    for _ in range(draw.randint(1, 4)):
        if len(d.shape) > 4:
            draw.choice(MOVES if quantised else STEPS)(d)
    viewed(d, [1, int(np.prod(d.shape))])
    if not tflite:
        return onnx_case(folder, {"x": x}, d.calls, d.opset)
    grid = (0.5, 3) if quantised else None
    return tflite_case(
        folder, {"x": x.astype(np.int8 if quantised else x.dtype)}, d.calls, quantised=grid
    )

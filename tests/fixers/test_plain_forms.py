"""Shapes by other names, operators of many operands, and sums over axes, in plainer operators."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from norm_instances import OPSETS, Array, Instance, Step, write_onnx, write_tflite
from proving import ALL, SAMPLE, prove
from single import Call, Case, agrees, integers, onnx_case, reading, settled, tflite_case

from npulint.fixers.convolutions import maxima
from npulint.fixers.moving import views
from npulint.fixers.norms import sums
from npulint.fixers.pointwise import chains
from npulint.fixers.record import Family, Refusal


def viewed(folder: Path, seed: int, dialect: str) -> Case:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.choice((1, 1, 2, 3)) for _ in range(draw.randint(2, 4))]
    shape[draw.randrange(len(shape))] = 1
    if dialect == "onnx" and draw.random() < 0.3:
        axis = draw.randint(0, len(shape))
        flat = [int(np.prod(shape[:axis])), int(np.prod(shape[axis:]))]
        call = Call("Flatten", ["x"], {"y": flat}, {"axis": axis})
    elif draw.random() < 0.5:
        axis = draw.choice([at for at, size in enumerate(shape) if size == 1])
        less = [*shape[:axis], *shape[axis + 1 :]]
        if dialect == "onnx":
            call = Call("Squeeze", ["x", np.array([axis - draw.choice((0, len(shape)))])],
                        {"y": less}, {})  # fmt: skip
        else:
            options = {"table": "SqueezeOptions", "squeeze_dims": [axis]}
            call = Call("SQUEEZE", ["x"], {"y": less}, options)
    else:
        shape = shape[:3]
        axis = draw.randint(0, len(shape))
        more = [*shape[:axis], 1, *shape[axis:]]
        if dialect == "onnx":
            call = Call("Unsqueeze", ["x", np.array([axis])], {"y": more}, {})
        else:
            options = {"table": "ExpandDimsOptions"}
            call = Call("EXPAND_DIMS", ["x", np.array([axis], np.int32)], {"y": more}, options)
    x = integers(rng, *shape)
    if dialect == "onnx":
        return onnx_case(folder, {"x": x}, [call], draw.choice((13, 17, 21)))
    if dialect == "int8":
        return tflite_case(folder, {"x": x.astype(np.int8)}, [call], quantised=(0.5, 3))
    return tflite_case(folder, {"x": x}, [call])


def many(folder: Path, seed: int, dialect: str) -> Case:
    """Of 2 to 4 operands, some of which are broadcast; means of 2 or 4, which are exact."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [1, draw.randint(1, 3), draw.randint(1, 3), 2]
    if dialect == "tflite":
        xs = {name: integers(rng, *shape) for name in "xyz"[: draw.randint(2, 3)]}
        return tflite_case(folder, xs, [Call("ADD_N", list(xs), {"r": shape}, {})])
    op = draw.choice(("Sum", "Mean", "Max", "Min"))
    count = draw.choice((2, 4)) if op == "Mean" else draw.randint(3 if op[0] == "M" else 2, 4)
    xs = {name: integers(rng, *shape) for name in "wxyz"[:count]}
    if draw.random() < 0.5:
        xs["w"] = xs["w"][:, :1, :, :1]
    return onnx_case(folder, xs, [Call(op, list(xs), {"r": shape}, {})], draw.choice((8, 13, 21)))


def line(folder: Path, seed: int, dialect: str) -> Case:
    """Slopes of powers of 2, so that all is exact."""
    assert dialect == "onnx"
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    options = {"alpha": 2.0 ** -draw.randint(1, 4), "beta": draw.randint(0, 4) / 4}
    call = Call("HardSigmoid", ["x"], {"y": [1, 3, 4]}, options)
    return onnx_case(folder, {"x": integers(rng, 1, 3, 4)}, [call], draw.choice((7, 13, 21)))


def largest(folder: Path, seed: int, dialect: str) -> Case:
    assert dialect == "onnx"
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 5, 4).tolist()
    call = Call("GlobalMaxPool", ["x"], {"y": [*shape[:2], 1, 1]}, {})
    return onnx_case(folder, {"x": integers(rng, *shape)}, [call], 13)


@pytest.mark.parametrize(
    ("family", "make", "dialect"),
    [
        (views.FAMILY, viewed, "onnx"),
        (views.FAMILY, viewed, "tflite"),
        (views.FAMILY, viewed, "int8"),
        (chains.OPERANDS, many, "onnx"),
        (chains.OPERANDS, many, "tflite"),
        (chains.LINE, line, "onnx"),
        (maxima.FAMILY, largest, "onnx"),
    ],
)
def test_the_same_bits(
    family: Family[Any], make: Any, dialect: str, full: bool, tmp_path: Path
) -> None:
    way = family.ways[0]
    for seed in range(ALL if full else SAMPLE):
        assert agrees(make(tmp_path, seed, dialect), family, way), seed


def summed(folder: Path, seed: int, dialect: str) -> Instance:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(1, 4) for _ in range(draw.choice((2, 4, 4)))]
    channels = len(shape) - 1 if dialect == "tflite" else 1
    axes = draw.choice(([channels], [channels], [0, 1], [len(shape) - 1]))
    keep = draw.random() < 0.6
    kept = [1 if at in axes else n for at, n in enumerate(shape) if keep or at not in axes]
    result = kept or [1]
    keep = keep or not kept
    kind = "Sum" if dialect == "tflite" else draw.choice(("Sum", "L1", "L2", "SumSquare"))
    where = np.array(axes, np.int32 if dialect == "tflite" else np.int64)
    path = folder / f"{seed}.{dialect}"
    shapes = {"x": shape, "y": result}
    if not kept:
        shapes["y"] = [1] * len(shape)
    if dialect == "tflite":
        step: Step = ("SUM", ("x", "axes"), "y", {"keep_dims": keep})
        write_tflite(path, shapes, [step], {"axes": where})
    else:
        opset = draw.choice(OPSETS)
        if opset < (13 if kind == "Sum" else 18):
            step = (f"Reduce{kind}", ("x",), "y", {"axes": axes, "keepdims": int(keep)})
            write_onnx(path, shapes, [step], {}, opset)
        else:
            step = (f"Reduce{kind}", ("x", "axes"), "y", {"keepdims": int(keep)})
            write_onnx(path, shapes, [step], {"axes": where}, opset)

    def over(parts: Array) -> Array:
        return np.asarray(parts.sum(axis=tuple(axes), keepdims=keep))

    def truth(x: Array) -> Array:
        wide = x.astype(np.float64)
        parts = {"Sum": wide, "L1": np.abs(wide)}.get(kind, wide**2)
        return np.asarray(np.sqrt(over(parts)) if kind == "L2" else over(parts))

    def whole(x: Array) -> Array:
        return truth(x) if kind != "Sum" else over(np.abs(x.astype(np.float64)))

    x = rng.normal(size=shape).astype(np.float32)
    return Instance(path, x, truth, f"{kind} {shape} {axes} {keep}", whole)


@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
@pytest.mark.parametrize("way", sums.FAMILY.ways, ids=lambda way: way.name)
def test_sums_are_the_same_function(way: Any, dialect: str, full: bool, tmp_path: Path) -> None:
    applied = seed = 0
    while applied < (ALL if full else SAMPLE):
        applied += prove(summed(tmp_path, seed, dialect), sums.FAMILY, way, tmp_path)
        seed += 1
        assert seed < 20 * ALL, "hardly any instance is in the way's domain"


@pytest.mark.parametrize(
    ("family", "op", "operands", "said"),
    [
        (chains.OPERANDS, "Max", ["x", "z"], "two operands already"),
        (chains.OPERANDS, "Sum", ["x"], "nothing to compute"),
        (chains.OPERANDS, "Sum", ["x", ""], "left out"),
        (views.FAMILY, "Flatten", [""], "left out"),
    ],
)
def test_what_is_plain_already_is_refused(
    family: Family[Any], op: str, operands: list[str], said: str, tmp_path: Path
) -> None:
    xs = {name: np.ones((1, 2), np.float32) for name in operands if name}
    case = onnx_case(tmp_path, xs, [Call(op, operands, {"y": [1, 2]}, {})], 13)
    found = reading(case.path, family)
    assert isinstance(found, Refusal)
    assert said in found.reason


def test_a_scalar_is_left_alone(tmp_path: Path) -> None:
    x = {"x": np.ones((1, 1), np.float32)}
    case = onnx_case(tmp_path, x, [Call("Squeeze", ["x"], {"y": []}, {})], 13)
    found = reading(case.path, views.FAMILY)
    assert isinstance(found, Refusal)
    assert "scalar" in found.reason


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    for seed in range(4):
        made = settled(viewed(tmp_path, seed, "onnx"), views.FAMILY, "Squeeze", "Unsqueeze",
                       "Flatten")  # fmt: skip
        assert made == ["Reshape"]
        assert "ADD_N" not in settled(many(tmp_path, seed, "tflite"), chains.OPERANDS, "ADD_N")

"""Single means, roots and scalings in both formats, with what they compute."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from norm_instances import Array, Instance, Step, affine, sample, write_onnx, write_tflite


def mean(folder: Path, seed: int, dialect: str) -> Instance:
    """A mean over height, width, both or the channels, with or without its axes."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.choice((1, 2)), *(draw.choice((2, 3, 6, 9, 12, 14, 16)) for _ in range(3))]
    channel = 1 if dialect == "onnx" else 3
    space = [axis for axis in (1, 2, 3) if axis != channel]
    axes = draw.choice((space, space, space[:1], space[1:], [channel]))
    keep, opset = draw.random() < 0.7, draw.choice((11, 13, 18, 21))
    said = [axis - 4 for axis in axes] if draw.random() < 0.3 else axes
    result = tuple(np.zeros(shape).mean(axis=tuple(axes), keepdims=keep).shape)
    path = folder / f"{seed}.{dialect}"
    if dialect == "tflite":
        write_tflite(
            path, {"x": shape, "y": result}, [("MEAN", ("x", "axes"), "y", {"keep_dims": keep})],
            {"axes": np.array(said, np.int32)},
        )  # fmt: skip
    else:
        step: Step = ("ReduceMean", ("x",), "y", {"axes": said, "keepdims": int(keep)})
        stored = {}
        if opset >= 18:
            step = ("ReduceMean", ("x", "axes"), "y", {"keepdims": int(keep)})
            stored = {"axes": np.array(said, np.int64)}
        if axes == space and keep and draw.random() < 0.5:
            step, stored = ("GlobalAveragePool", ("x",), "y", {}), {}
        write_onnx(path, {"x": shape, "y": result}, [step], stored, opset)

    def truth(x: Array) -> Array:
        return np.asarray(x.astype(np.float64).mean(axis=tuple(axes), keepdims=keep))

    label = f"{shape} {axes=} {keep=} {opset=}"
    return Instance(path, sample(rng, shape), truth, label, lambda x: truth(np.abs(x)))


def root(folder: Path, seed: int, dialect: str) -> Instance:
    """A root or a reciprocal root of the square of what is given, raised by an epsilon."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(1, 6) for _ in range(draw.randint(2, 4))]
    epsilon = np.float32(draw.choice((1e-3, 1e-6)))
    form = draw.choice(("root", "reciprocal", "reciprocal", "quotient"))
    names = ("MUL", "ADD") if dialect == "tflite" else ("Mul", "Add")
    steps: list[Step] = [(names[0], ("x", "x"), "q", {}), (names[1], ("q", "eps"), "e", {})]
    stored = {"eps": np.asarray(epsilon)}
    path = folder / f"{seed}.{dialect}"
    if dialect == "tflite":
        form = "root" if form == "root" else "reciprocal"
        steps.append(("SQRT" if form == "root" else "RSQRT", ("e",), "y", {}))
        write_tflite(path, dict.fromkeys("xqey", shape), steps, stored)
    else:
        steps.append(("Sqrt", ("e",), "y" if form == "root" else "d", {}))
        if form == "reciprocal":
            steps.append(("Reciprocal", ("d",), "y", {}))
        if form == "quotient":
            steps.append(("Div", ("x", "d"), "y", {}))
        write_onnx(path, {"x": shape, "y": shape}, steps, stored, draw.choice((11, 13, 21)))

    def truth(x: Array) -> Array:
        x = x.astype(np.float64)
        lower = np.sqrt(x * x + np.float64(epsilon))
        return {"root": lower, "reciprocal": 1 / lower, "quotient": x / lower}[form]

    return Instance(path, sample(rng, shape), truth, f"{form} {shape} {epsilon=}")


def scale_shift(folder: Path, seed: int, dialect: str) -> Instance:
    """A product, a sum, a difference with a constant, or a product and a sum."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(1, 4) for _ in range(4)]
    channel = 1 if dialect == "onnx" else 3
    single = draw.random() < 0.3
    scale, shift = affine(rng, 1 if single else shape[channel])
    along = (scale.size, 1, 1) if dialect == "onnx" else (scale.size,)
    stored = {"scale": scale.reshape(along), "shift": shift.reshape(along)}
    form = draw.choice(("product", "sum", "less", "rest", "both"))
    steps: dict[str, list[Step]] = {
        "product": [("Mul", ("x", "scale"), "y", {})],
        "sum": [("Add", ("shift", "x"), "y", {})],
        "less": [("Sub", ("x", "shift"), "y", {})],
        "rest": [("Sub", ("shift", "x"), "y", {})],
        "both": [("Mul", ("x", "scale"), "s", {}), ("Add", ("s", "shift"), "y", {})],
    }
    path = folder / f"{seed}.{dialect}"
    made = steps[form]
    stored = {name: held for name, held in stored.items() if any(name in s[1] for s in made)}
    if dialect == "onnx":
        write_onnx(path, {"x": shape, "y": shape}, made, stored, draw.choice((11, 17)))
    else:
        upper: list[Step] = [(op.upper(), ins, out, options) for op, ins, out, options in made]
        write_tflite(
            path, {"x": shape, **dict.fromkeys((s[2] for s in made), shape)}, upper, stored
        )

    def truth(x: Array) -> Array:
        x, c = x.astype(np.float64), shift.astype(np.float64).reshape(along)
        s = scale.astype(np.float64).reshape(along)
        results = {"product": x * s, "sum": c + x, "less": x - c, "rest": c - x, "both": x * s + c}
        return results[form]

    return Instance(path, sample(rng, shape), truth, f"{form} {shape} {single=}")

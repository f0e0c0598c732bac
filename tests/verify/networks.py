"""Small networks with known differences, in both formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from npulint import reference_models
from tests.formats import onnx_building as build
from tests.formats import tflite_building as lite

EXPORTS = Path(reference_models.__file__).parent / "exports"

FLOAT, INT32, INT64, BOOL = (
    TensorProto.FLOAT,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.BOOL,
)

IMAGE = (1, 3, 16, 20)


def save(folder: Path, name: str, main: onnx.GraphProto) -> Path:
    path = folder / f"{name}.onnx"
    onnx.save(build.model(main), path)
    return path


def stored(name: str, array: Any) -> TensorProto:
    return numpy_helper.from_array(np.asarray(array), name)


def one_node(
    folder: Path,
    name: str,
    op: str,
    shape: Sequence[Any] = IMAGE,
    dtypes: tuple[int, int] = (FLOAT, FLOAT),
    **attributes: Any,
) -> Path:
    """x -> op -> y, where y has as many sizes as x."""
    main = build.graph(
        [helper.make_node(op, ["x"], ["y"], **attributes)],
        [build.tensor("x", dtypes[0], shape)],
        [build.tensor("y", dtypes[1], [None] * len(shape))],
    )
    return save(folder, name, main)


def scaling(
    folder: Path,
    name: str,
    factor: float,
    shape: Sequence[Any] = IMAGE,
    ports: tuple[str, str] = ("x", "y"),
) -> Path:
    """y = factor * x."""
    main = build.graph(
        [helper.make_node("Mul", [ports[0], "factor"], [ports[1]])],
        [build.tensor(ports[0], FLOAT, shape)],
        [build.tensor(ports[1], FLOAT, shape)],
        [stored("factor", np.float32(factor))],
    )
    return save(folder, name, main)


def coarse(folder: Path, name: str, offset: float) -> Path:
    """y = (x + 4096) - 4096 + offset: what is left of x is rounded to steps of 2^-11."""
    main = build.graph(
        [
            helper.make_node("Add", ["x", "far"], ["a"]),
            helper.make_node("Sub", ["a", "far"], ["b"]),
            helper.make_node("Add", ["b", "offset"], ["y"]),
        ],
        [build.floats("x", *IMAGE)],
        [build.floats("y", *IMAGE)],
        [stored("far", np.float32(4096)), stored("offset", np.float32(offset))],
    )
    return save(folder, name, main)


def square(folder: Path, name: str, *, expanded: bool, error: float = 0.0) -> Path:
    """(x - 1)^2 + error, or x^2 - 2x + 1, which cancels where x is about 1."""
    held = {"one": 1.0, "two": 2.0, "error": error}
    steps = [("Sub", "x one", "d"), ("Mul", "d d", "q"), ("Add", "q error", "y")]
    if expanded:
        steps = [
            ("Mul", "x x", "q"), ("Mul", "x two", "t"), ("Sub", "q t", "s"), ("Add", "s one", "y"),
        ]  # fmt: skip
    nodes = [helper.make_node(op, operands.split(), [made]) for op, operands, made in steps]
    main = build.graph(
        nodes,
        [build.tensor("x", FLOAT, IMAGE)],
        [build.tensor("y", FLOAT, IMAGE)],
        [stored(name, np.float32(value)) for name, value in held.items()],
    )
    return save(folder, name, main)


def chain(folder: Path, name: str, factors: Sequence[float], *, external: bool = False) -> Path:
    """x times one factor after the other: value0, value1, ... and y."""
    count = len(factors)
    names = ["x", *(f"value{place}" for place in range(count - 1)), "y"]
    main = build.graph(
        [
            helper.make_node("Mul", [names[place], f"factor{place}"], [names[place + 1]])
            for place in range(count)
        ],
        [build.floats("x", *IMAGE)],
        [build.floats("y", *IMAGE)],
        [
            stored(f"factor{place}", np.full(IMAGE, factor, np.float32))
            for place, factor in enumerate(factors)
        ],
    )
    path = folder / f"{name}.onnx"
    onnx.save(build.model(main), path, save_as_external_data=external, location=f"{name}.data")
    return path


def transposing(folder: Path, name: str, shape: tuple[int, int, int, int]) -> Path:
    """y = x - 1 in ONNX, with channels first."""
    main = build.graph(
        [helper.make_node("Sub", ["x", "one"], ["y"])],
        [build.floats("x", *shape)],
        [build.floats("y", *shape)],
        [stored("one", np.float32(1))],
    )
    return save(folder, name, main)


def lite_chain(
    folder: Path,
    name: str,
    amounts: tuple[float, float] = (1, 2),
    shape: tuple[int, ...] = (1, 2),
    free: tuple[int, ...] | None = None,
) -> Path:
    """y = relu(x + amounts) in TFLite; the amounts go with the last axis."""
    parts = lite.chain()
    parts.model.buffers[1].data = lite.floats(*amounts)
    for index in (0, 2, 3):
        parts.main.tensors[index].shape = list(shape)
        if free is not None:
            parts.main.tensors[index].shapeSignature = list(free)
    return lite.write(folder, parts.model, f"{name}.tflite")


def like_lite_chain(
    folder: Path, name: str, amounts: tuple[float, float], shape: tuple[Any, ...]
) -> Path:
    """What `lite_chain` computes, in ONNX; the amounts go with axis 1."""
    spread = np.array(amounts, np.float32).reshape(1, 2, *[1] * (len(shape) - 2))
    main = build.graph(
        [
            helper.make_node("Add", ["input", "amounts"], ["sum"]),
            helper.make_node("Relu", ["sum"], ["result"]),
        ],
        [build.floats("input", *shape)],
        [build.floats("result", *shape)],
        [stored("amounts", spread)],
    )
    return save(folder, name, main)

"""Random normalisations, means, roots and scalings in both formats, with what they compute."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parent.parent / "formats"))

import tflite_building as tflite

Array = npt.NDArray[Any]
Step = tuple[str, tuple[str, ...], str, dict[str, Any]]
OPSETS = (11, 13, 17, 18, 21)
_TYPES = {"float32": "FLOAT32", "int32": "INT32"}
_OPTIONS = {
    "MEAN": "ReducerOptions", "ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions",
    "RESHAPE": "ReshapeOptions", "RSQRT": None, "SQRT": None, "SQUARED_DIFFERENCE": None,
    "SQUARE": None, "SUM": "ReducerOptions", "MAXIMUM": None, "DIV": "DivOptions",
    "L2_NORMALIZATION": "L2NormOptions", "SOFTMAX": "SoftmaxOptions",
    "LOG_SOFTMAX": "LogSoftmaxOptions",
    "LOCAL_RESPONSE_NORMALIZATION": "LocalResponseNormalizationOptions",
}  # fmt: skip


@dataclass(frozen=True)
class Instance:
    """One model, an input for it, and its function in float64.

    Attributes:
        whole: For sums the function whose results rounding goes with, that of the summands'
            magnitudes; None where it goes with the results.
    """

    path: Path
    x: Array
    truth: Callable[[Array], Array]
    label: str
    whole: Callable[[Array], Array] | None = None


def write_onnx(
    path: Path,
    shapes: dict[str, Sequence[int]],
    steps: Sequence[Step],
    stored: dict[str, Array],
    opset: int,
) -> None:
    """A model `x -> y`; every value has its shape in the file."""
    nodes = [helper.make_node(op, list(ins), [out], **attrs) for op, ins, out, attrs in steps]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shapes["x"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shapes["y"])],
        [numpy_helper.from_array(np.asarray(held), name) for name, held in stored.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True), path)


def write_tflite(
    path: Path, shapes: dict[str, Sequence[int]], steps: Sequence[Step], stored: dict[str, Array]
) -> None:
    """A model `x -> y`; `shapes` are those of all that is computed, and of x."""
    names = [*shapes, *stored]
    buffers = [tflite.table("Buffer")]
    tensors = [tflite.tensor(name, tuple(shape)) for name, shape in shapes.items()]
    for name, held in stored.items():
        kind = _TYPES[str(held.dtype)]
        tensors.append(tflite.tensor(name, held.shape, kind, len(buffers)))
        buffers.append(tflite.table("Buffer", data=np.frombuffer(held.tobytes(), np.uint8)))
    ops = list(dict.fromkeys(op for op, *_ in steps))
    operators = []
    for op, ins, out, attributes in steps:
        kind_of = _OPTIONS[op]
        options = None if kind_of is None else tflite.table(kind_of, **attributes)
        at = [names.index(each) for each in ins]
        operators.append(
            tflite.operator(ops.index(op), at, [names.index(out)], options=options)
        )  # fmt: skip
    graph = tflite.table(
        "SubGraph", tensors=tensors, inputs=[names.index("x")], outputs=[names.index("y")],
        name=b"main", operators=operators,
    )  # fmt: skip
    codes = [tflite.code(op) for op in ops]
    model = tflite.table(
        "Model", version=3, subgraphs=[graph], operator_codes=codes, buffers=buffers
    )
    path.write_bytes(tflite.pack(model))


def affine(rng: np.random.Generator, *shape: int) -> tuple[Array, Array]:
    """Scale and shift of some shape."""
    scale = rng.uniform(0.2, 2, shape).astype(np.float32)
    return scale, rng.normal(size=shape).astype(np.float32)


def reference(x: Array, axes: Sequence[int], epsilon: float, *, rms: bool) -> Array:
    """The definition, in float64."""
    x = x.astype(np.float64)
    centred = x if rms else x - x.mean(axis=tuple(axes), keepdims=True)
    squares: Array = (centred**2).mean(axis=tuple(axes), keepdims=True)
    normal: Array = centred / np.sqrt(squares + np.float64(np.float32(epsilon)))
    return normal


def grouped(x: Array, axis: int, groups: int, epsilon: float) -> Array:
    """Group normalisation by its definition, one group after the other."""
    parts = np.split(x, groups, axis=axis)
    every = range(1, x.ndim)
    return np.concatenate([reference(p, tuple(every), epsilon, rms=False) for p in parts], axis)


def drawn(seed: int, kinds: Sequence[str]) -> tuple[random.Random, np.random.Generator, str, float]:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    return draw, rng, draw.choice(kinds), draw.choice((1e-3, 1e-5, 1e-6))


def sample(rng: np.random.Generator, shape: Sequence[int]) -> Array:
    """Data with a mean and a spread of their own in each channel."""
    x = rng.normal(size=shape) * rng.uniform(0.5, 3) + rng.normal(size=(1, *shape[1:])) * 0.5
    return np.asarray(x, np.float32)


def onnx_norm(folder: Path, seed: int, kinds: Sequence[str] = ()) -> Instance:
    """A normalisation as PyTorch's exporters write it, native or taken apart."""
    draw, rng, kind, epsilon = drawn(
        seed, kinds or ("channels", "last", "instance", "group", "rms")
    )
    groups, opset = draw.choice((1, 2, 3)), draw.choice(OPSETS)
    channels = groups * draw.randint(2, 6)
    shape = [draw.choice((1, 2)), channels, *(draw.randint(2, 6) for _ in range(2))]
    if kind == "last" and draw.random() < 0.5:
        shape = shape[:3]
    axes = {"last": [len(shape) - 1], "instance": [2, 3]}.get(kind, [1])
    size = shape[-1] if kind == "last" else channels
    scale, shift = affine(rng, size)
    along = (size,) if kind == "last" else (size, *(1,) * (len(shape) - 2))
    stored = {
        "eps": np.float32(epsilon),
        "scale": scale.reshape(along),
        "shift": shift.reshape(along),
    }
    native = draw.random() < 0.5
    path = folder / f"{seed}.onnx"
    if kind == "group":
        opset = 21
        stored = {"scale": scale, "shift": shift}
        attributes = {"num_groups": groups, "epsilon": epsilon}
        steps: list[Step] = [("GroupNormalization", ("x", "scale", "shift"), "y", attributes)]
    elif native and kind == "instance":
        stored = {"scale": scale, "shift": shift}
        steps = [("InstanceNormalization", ("x", "scale", "shift"), "y", {"epsilon": epsilon})]
    elif native and kind == "last" and opset >= 17:
        attributes = {"axis": -1, "epsilon": epsilon}
        steps = [("LayerNormalization", ("x", "scale", "shift"), "y", attributes)]
    else:
        mean: tuple[tuple[str, ...], dict[str, Any]] = ((), {"axes": axes})
        if opset >= 18:
            stored["axes"] = np.array(axes, np.int64)
            mean = (("axes",), {})
        source = "x" if kind == "rms" else "c"
        steps = [
            ("ReduceMean", ("x", *mean[0]), "m", mean[1]), ("Sub", ("x", "m"), "c", {}),
        ][: 0 if kind == "rms" else 2]  # fmt: skip
        steps += [
            ("Mul", (source, source), "q", {}), ("ReduceMean", ("q", *mean[0]), "v", mean[1]),
            ("Add", ("v", "eps"), "e", {}), ("Sqrt", ("e",), "d", {}),
            ("Div", (source, "d"), "n", {}), ("Mul", ("n", "scale"), "s", {}),
            ("Add", ("s", "shift"), "y", {}),
        ]  # fmt: skip
    write_onnx(path, {"x": shape, "y": shape}, steps, stored, opset)

    def truth(x: Array) -> Array:
        if kind == "group":
            normal = grouped(x, 1, groups, epsilon)
        else:
            normal = reference(x, axes, epsilon, rms=kind == "rms")
        made: Array = normal * scale.reshape(along) + shift.reshape(along)
        return made

    return Instance(
        path, sample(rng, shape), truth, f"{kind} {shape} {groups=} {epsilon=} {opset=}"
    )


def tflite_norm(folder: Path, seed: int, kinds: Sequence[str] = ()) -> Instance:
    """A normalisation as TensorFlow's converter writes it."""
    draw, rng, kind, epsilon = drawn(seed, kinds or ("channels", "instance", "group", "rms"))
    groups = draw.choice((1, 2, 3)) if kind == "group" else 1
    channels = groups * draw.randint(2, 6)
    shape = [draw.choice((1, 2)), draw.randint(2, 6), draw.randint(2, 6), channels]
    if kind == "channels" and draw.random() < 0.3:
        shape = shape[1:]
    inner = shape
    axes = [1, 2] if kind == "instance" else [len(shape) - 1]
    if kind == "group":
        inner, axes = [shape[0], shape[1] * shape[2], groups, channels // groups], [1, 3]
    narrow = [1 if axis in axes else size for axis, size in enumerate(inner)]
    scale, shift = affine(rng, channels)
    stored = {
        "axes": np.array(axes, np.int32), "eps": np.array(epsilon, np.float32), "scale": scale,
        "shift": shift, "inner": np.array(inner, np.int32), "outer": np.array(shape, np.int32),
    }  # fmt: skip
    keep = {"keep_dims": True}
    data, steps = "x", []
    if kind == "group":
        steps.append(("RESHAPE", ("x", "inner"), "g", {"new_shape": inner}))
        data = "g"
    centred = data
    if kind != "rms":
        steps += [("MEAN", (data, "axes"), "m", keep), ("SUB", (data, "m"), "c", {})]
        centred = "c"
    square = draw.random() < 0.5 and kind != "rms"
    steps += [
        ("SQUARED_DIFFERENCE", (data, "m"), "q", {}) if square
        else ("MUL", (centred, centred), "q", {}),
        ("MEAN", ("q", "axes"), "v", keep), ("ADD", ("v", "eps"), "e", {}),
        ("RSQRT", ("e",), "r", {}), ("MUL", (centred, "r"), "n", {}),
    ]  # fmt: skip
    normal = "n"
    if kind == "group":
        steps.append(("RESHAPE", ("n", "outer"), "o", {"new_shape": shape}))
        normal = "o"
    activation = draw.choice(("NONE", "NONE", "RELU"))
    function = getattr(tflite.schema.ActivationFunctionType, activation)
    steps += [
        ("MUL", (normal, "scale"), "s", {}),
        ("ADD", ("s", "shift"), "y", {"fused_activation_function": function}),
    ]
    wide = {"x": shape, "s": shape, "y": shape, "o": shape}
    thin = dict.fromkeys("mver", narrow)
    known = {**wide, **thin}
    made = ["x", *(step[2] for step in steps)]
    path = folder / f"{seed}.tflite"
    write_tflite(path, {name: known.get(name, inner) for name in made}, steps, stored)

    def truth(x: Array) -> Array:
        if kind == "group":
            plain = grouped(x, 3, groups, epsilon)
        else:
            plain = reference(x, axes, epsilon, rms=kind == "rms")
        result: Array = plain * scale + shift
        return np.maximum(result, 0) if activation == "RELU" else result

    return Instance(path, sample(rng, shape), truth, f"{kind} {shape} {groups=} {epsilon=}")

"""Networks of two convolutions in both formats: one to learn from, and one that lost something."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.fixers.single import Call, tflite, tflite_case

SIDE, SAMPLES = 16, 12
_CHANNELS = (3, 8, 3)


def kernels(skew: float) -> list[np.ndarray]:
    """`[Cout, Cin, 3, 3]` of both convolutions, this far from those of the original."""
    rng = np.random.default_rng(5)
    found = []
    for taken, made in pairwise(_CHANNELS):
        kernel = rng.normal(size=(made, taken, 3, 3)) / np.sqrt(9 * taken)
        found.append((kernel + skew * rng.normal(size=kernel.shape)).astype(np.float32))
    return found


def network(path: Path, skew: float = 0.0, *, free: bool = False, outputs: int = 1) -> Path:
    """Write a network as `.onnx` or `.tflite`, by the ending.

    Args:
        path: The file.
        skew: How far its weights are from the original's.
        free: Whether batch, rows and columns are left open (ONNX).
        outputs: 2 for the map between the convolutions too (ONNX).
    """
    first, second = kernels(skew)
    if path.suffix == ".tflite":
        return _tflite(path, first, second)
    batch, side = ("n", "s") if free else (1, SIDE)
    bias = [np.zeros(len(each), np.float32) for each in (first, second)]
    nodes = [
        helper.make_node("Conv", ["x", "w0", "b0"], ["v"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["v"], ["r"]),
        helper.make_node("Conv", ["r", "w1", "b1"], ["y"], pads=[1, 1, 1, 1]),
    ]

    def value(name: str, channels: int) -> onnx.ValueInfoProto:
        shape = [batch, channels, side, side]
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    stored = {"w0": first, "b0": bias[0], "w1": second, "b1": bias[1]}
    graph = helper.make_graph(
        nodes,
        "g",
        [value("x", 3)],
        [value("y", 3), value("r", 8)][:outputs],
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


def _tflite(path: Path, *weights: np.ndarray) -> Path:
    relu, none = (getattr(tflite.schema.ActivationFunctionType, name) for name in ("RELU", "NONE"))
    calls = []
    for number, (kernel, activation) in enumerate(zip(weights, (relu, none), strict=True)):
        said = {
            "table": "Conv2DOptions", "padding": tflite.schema.Padding.SAME, "stride_h": 1,
            "stride_w": 1, "dilation_h_factor": 1, "dilation_w_factor": 1,
            "fused_activation_function": activation,
        }  # fmt: skip
        taken, made = ("x", "v") if number == 0 else ("v", "y")
        shape = [1, SIDE, SIDE, len(kernel)]
        last = kernel.transpose(0, 2, 3, 1).copy()
        bias = np.zeros(len(kernel), np.float32)
        calls.append(Call("CONV_2D", [taken, last, bias], {made: shape}, said, 3))
    folder = path.with_suffix(".folder")
    folder.mkdir()
    image = np.zeros((1, SIDE, SIDE, 3), np.float32)
    return tflite_case(folder, {"x": image}, calls).path.rename(path)


def images(count: int = SAMPLES, side: int = SIDE) -> np.ndarray:
    """Smooth images with noise, `[N, 3, H, W]`."""
    rng = np.random.default_rng(2)
    coarse = rng.random((count, 3, side // 4, side // 4)).repeat(4, 2).repeat(4, 3)
    return (0.8 * coarse + 0.2 * rng.random(coarse.shape)).astype(np.float32)


def samples(path: Path, *, last: bool = False, truth: bool = False) -> Path:
    """Write images as an `.npz` file, perhaps with what outputs should be: the images mirrored."""
    found = images()
    arrays = {"x": found, **({"y": found[:, ::-1]} if truth else {})}
    np.savez(path, **{k: v.transpose(0, 2, 3, 1) if last else v for k, v in arrays.items()})
    return path

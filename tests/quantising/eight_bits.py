"""A network of three pointwise convolutions, of which one cannot bear 8 bits, in both formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.fixers.single import Call, onnx_case, tflite, tflite_case

CHANNELS, SIDE, SAMPLES = 4, 8, 6
CULPRIT = 1
"""Which convolution cannot: next to one weight of 1000 its others are rounded away in 8 bits, and
that weight meets a channel that is 0 always."""


def arrays() -> tuple[list[Any], Any]:
    """Kernels `[Cout, Cin]`, and samples `[N, C, H, W]`."""
    rng = np.random.default_rng(7)
    kernels = [np.abs(rng.normal(size=(CHANNELS, CHANNELS))) for _ in range(3)]
    kernels[0][0] = 0
    kernels[CULPRIT][:, 0] = 1000
    samples = rng.random((SAMPLES, CHANNELS, SIDE, SIDE), np.float32)
    return [each.astype(np.float32) for each in kernels], samples


def outputs(samples: Any) -> Any:
    """What the network makes, `[N, C, H, W]`, in float64."""
    found = samples.astype(np.float64)
    for kernel in arrays()[0]:
        found = np.einsum("oc,nchw->nohw", kernel.astype(np.float64), found).clip(0)
    return found


def network(folder: Path, dialect: str) -> tuple[Path, Path]:
    """The model, and its samples with what it makes of them."""
    kernels, samples = arrays()
    truth = outputs(samples).astype(np.float32)
    calls = []
    for number, kernel in enumerate(kernels):
        taken, made = f"v{number}" if number else "x", f"v{number + 1}"
        bias = np.zeros(CHANNELS, np.float32)
        if dialect == "onnx":
            shape = [1, CHANNELS, SIDE, SIDE]
            conv, rectified = f"c{number}", made
            calls.append(Call("Conv", [taken, kernel[:, :, None, None], bias], {conv: shape}, {}))
            calls.append(Call("Relu", [conv], {rectified: shape}, {}))
        else:
            said = {
                "table": "Conv2DOptions", "padding": tflite.schema.Padding.SAME, "stride_h": 1,
                "stride_w": 1, "dilation_h_factor": 1, "dilation_w_factor": 1,
                "fused_activation_function": tflite.schema.ActivationFunctionType.RELU,
            }  # fmt: skip
            shape = [1, SIDE, SIDE, CHANNELS]
            calls.append(
                Call("CONV_2D", [taken, kernel[:, None, None], bias], {made: shape}, said, 3)
            )
    given = folder / "samples.npz"
    if dialect == "onnx":
        case = onnx_case(folder, {"x": samples[:1]}, calls, 17)
        np.savez(given, x=samples, v3=truth)
    else:
        last = (0, 2, 3, 1)
        case = tflite_case(folder, {"x": samples[:1].transpose(last).copy()}, calls)
        np.savez(given, x=samples.transpose(last), v3=truth.transpose(last))
    return case.path, given

"""Attention blocks whole: what of them a target refuses or may refuse is computed otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import Step, onnx_model, tflite_model

from npulint.cure import fix

PHONES = ("mate30-pro-5g", "reno3-5g", "pixel-4")
H, W, C = 6, 10, 8

_ONNX = {
    "MEAN": "ReduceMean", "REDUCE_MAX": "ReduceMax", "CONV_2D": "Conv", "RELU": "Relu",
    "LOGISTIC": "Sigmoid", "MUL": "Mul", "CONCATENATION": "Concat", "STRIDED_SLICE": "Slice",
}  # fmt: skip


class Block:
    """Nodes of either dialect, written channels last."""

    def __init__(self, dialect: str) -> None:
        self.tflite = dialect == "tflite"
        self.steps: list[Step] = []
        self.constants: dict[str, Any] = {}

    def shape(self, height: int, width: int, channels: int) -> list[int]:
        last = self.tflite
        return [1, height, width, channels] if last else [1, channels, height, width]

    def whole(self, name: str, *numbers: int) -> str:
        self.constants[name] = np.array(numbers, np.int32 if self.tflite else np.int64)
        return name

    def add(self, op: str, inputs: list[str], result: str, sizes: tuple[int, int, int],
            **options: Any) -> str:  # fmt: skip
        known = options if self.tflite else options.pop("onnx", options)
        known.pop("onnx", None)
        name = op if self.tflite else _ONNX[op]
        self.steps.append(Step(name, inputs, result, self.shape(*sizes), known))
        return result

    def reduce(self, op: str, result: str, sizes: tuple[int, int, int], *axes: int) -> str:
        """Over axes counted channels last."""
        stored = axes if self.tflite else tuple({1: 2, 2: 3, 3: 1}[axis] for axis in axes)
        if self.tflite:
            return self.add(op, ["x", self.whole(f"{result}a", *stored)], result, sizes,
                            keep_dims=True)  # fmt: skip
        return self.add(op, ["x"], result, sizes, axes=list(stored), keepdims=1)

    def conv(self, x: str, result: str, sizes: tuple[int, int, int], taken: int, side: int) -> str:
        kernel = np.random.default_rng(side).normal(0, 0.4, (sizes[2], side, side, taken))
        kernel = kernel if self.tflite else kernel.transpose(0, 3, 1, 2)
        self.constants[f"{result}w"] = kernel.astype(np.float32)
        self.constants[f"{result}b"] = np.zeros(sizes[2], np.float32)
        return self.add(
            "CONV_2D", [x, f"{result}w", f"{result}b"], result, sizes,
            padding="SAME", stride_w=1, stride_h=1, dilation_w_factor=1, dilation_h_factor=1,
            onnx={"pads": [side // 2] * 4},
        )  # fmt: skip

    def save(self, folder: Path) -> Path:
        shape = self.shape(H, W, C)
        if self.tflite:
            return tflite_model(folder / "m.tflite", shape, self.constants, self.steps)
        return onnx_model(folder / "m.onnx", shape, self.constants, self.steps, 13)


def channels(block: Block) -> None:
    """Squeeze and excite: each channel by a factor made of all means."""
    mean = block.reduce("MEAN", "m", (1, 1, C), 1, 2)
    small = block.add("RELU", [block.conv(mean, "c0", (1, 1, 2), C, 1)], "r", (1, 1, 2))
    scale = block.add("LOGISTIC", [block.conv(small, "c1", (1, 1, C), 2, 1)], "s", (1, 1, C))
    block.add("MUL", ["x", scale], "y", (H, W, C))


def simplified(block: Block) -> None:
    """NAFNet's: the means mixed, without a function behind."""
    mean = block.reduce("MEAN", "m", (1, 1, C), 1, 2)
    block.add("MUL", ["x", block.conv(mean, "c", (1, 1, C), C, 1)], "y", (H, W, C))


def places(block: Block) -> None:
    """Each place by a factor made of means and maxima over channels around it."""
    mean = block.reduce("MEAN", "m", (H, W, 1), 3)
    most = block.reduce("REDUCE_MAX", "h", (H, W, 1), 3)
    axis = {"axis": 3, "onnx": {"axis": 1}}
    both = block.add("CONCATENATION", [mean, most], "b", (H, W, 2), **axis)
    scale = block.add("LOGISTIC", [block.conv(both, "c", (H, W, 1), 2, 7)], "s", (H, W, 1))
    block.add("MUL", ["x", scale], "y", (H, W, C))


@pytest.mark.parametrize("build", [channels, simplified, places])
@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize("targets", [("nnapi-1.1",), PHONES], ids="+".join)
def test_an_attention_block_is_taken(
    targets: tuple[str, ...], dialect: str, build: Any, tmp_path: Path
) -> None:
    block = Block(dialect)
    build(block)
    result = fix(block.save(tmp_path), targets)
    assert not result.held_back
    assert result.complete
    left = {
        node.op
        for target in result.result.targets
        for node, verdict in zip(
            result.result.model.graphs[0].nodes if result.result.model else (),
            target.verdicts[0], strict=True,
        )
        if verdict.status != "supported"
    }  # fmt: skip
    # Of an .onnx a converter makes products where a slope is computed, and phones may refuse those.
    assert left <= ({"Mul"} if dialect == "onnx" and targets == PHONES else set())

"""Products and sums with constants computed otherwise, or folded: bit-identical on integers."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import Array, Step, onnx_model, outputs, rewritten, tflite_model
from instances import integers

from npulint.fixers.convolutions import weight_folding
from npulint.fixers.pointwise import scale_shift
from npulint.fixers.record import Refusal
from npulint.formats import load

SAMPLE, ALL = 20, 200
_NAMES = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "neg": "Neg"}


class Maker:
    """Draws rows of products and sums, and convolutions beside them."""

    def __init__(self, dialect: str, seed: int) -> None:
        self.dialect = dialect
        self.draw, self.rng = random.Random(seed), np.random.default_rng(seed)
        self.constants: dict[str, Array] = {}
        self.steps: list[Step] = []
        self.seed = seed

    def row(self, x: str, shape: list[int], y: str, *, fused: bool = True) -> None:
        """One or two nodes; divisors and factors are powers of two."""
        draw = self.draw
        count = draw.choice((1, 1, 2))
        for number in range(count):
            name = y if number == count - 1 else f"{y}{number}"
            kind = draw.choice(("add", "sub", "mul", "div", "neg"))
            axis = len(shape) - 1 if self.dialect == "tflite" else 1
            sizes = [1] * len(shape)
            form = draw.choice(("one", "channel", "channel", "any"))
            if form == "channel":
                sizes[axis] = shape[axis]
            elif form == "any":
                sizes = [draw.choice((1, size)) for size in shape]
            if form == "one" and draw.random() < 0.5:
                sizes = []
            const = integers(self.rng, *sizes)
            if kind in ("mul", "div"):
                const = np.float32(2.0) ** self.rng.integers(-2, 3, sizes).astype(np.float32)
            options: dict[str, Any] = {}
            last = number == count - 1
            if self.dialect == "tflite" and kind != "neg" and fused and last:
                options["fused_activation_function"] = draw.choice(("NONE", "RELU"))
            inputs = [x]
            if kind != "neg":
                self.constants[f"c_{name}"] = np.asarray(const, np.float32)
                swapped = kind in ("add", "sub", "mul") and draw.random() < 0.5
                inputs = [f"c_{name}", x] if swapped else [x, f"c_{name}"]
            op = kind.upper() if self.dialect == "tflite" else _NAMES[kind]
            self.steps.append(Step(op, inputs, name, shape, options))
            x = name

    def convolution(self, x: str, shape: list[int], y: str) -> list[int]:
        """One of the operators with weights, and the sizes of what it makes."""
        draw = self.draw
        make = self._tflite_convolution if self.dialect == "tflite" else self._onnx_convolution
        return make(x, shape, y, draw.randint(1, 3), draw.random() < 0.5)

    def _tflite_convolution(
        self, x: str, shape: list[int], y: str, size: int, biased: bool
    ) -> list[int]:
        draw, (batch, height, width, channels) = self.draw, shape
        kind = draw.choice(("CONV_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"))
        outputs = channels * draw.choice((1, 2))
        padding = draw.choice(("SAME", "VALID")) if size <= min(height, width) else "SAME"
        options: dict[str, Any] = {
            "padding": padding, "stride_w": 1, "stride_h": 1, "dilation_w_factor": 1,
            "dilation_h_factor": 1, "fused_activation_function": "NONE",
        }  # fmt: skip
        cut = size - 1 if padding == "VALID" else 0
        result = [batch, height - cut, width - cut, outputs]
        weights = (outputs, size, size, channels)
        version = 1
        if kind == "CONV_2D" and channels % 2 == 0 and draw.random() < 0.3:
            weights, version = (outputs, size, size, channels // 2), 6
        elif kind == "DEPTHWISE_CONV_2D":
            weights, version = (1, size, size, outputs), 2
            options["depth_multiplier"] = outputs // channels
        elif kind == "FULLY_CONNECTED":
            weights, result, version = (outputs, channels), [batch, height, width, outputs], 5
            options = {"keep_num_dims": True}
        self.constants[f"w_{y}"] = integers(self.rng, *weights)
        inputs = [x, f"w_{y}"]
        if biased or kind != "FULLY_CONNECTED":
            self.constants[f"b_{y}"] = integers(self.rng, outputs)
            inputs.append(f"b_{y}")
        else:
            inputs.append("")
        self.steps.append(Step(kind, inputs, y, result, options, version))
        return result

    def _onnx_convolution(
        self, x: str, shape: list[int], y: str, size: int, biased: bool
    ) -> list[int]:
        draw, (batch, channels, height, width) = self.draw, shape
        groups = draw.choice([each for each in (1, 1, 2, channels) if channels % each == 0])
        each = draw.randint(1, 2)
        outputs = groups * each
        pads = [draw.choice((0, size - 1))] * 4
        options = {"kernel_shape": [size, size], "pads": pads, "group": groups}
        transposed = draw.random() < 0.3
        grown = -(size - 1) if transposed else size - 1
        if transposed:
            pads[:] = [0] * 4
            weights = (channels, each, size, size)
        else:
            weights = (outputs, channels // groups, size, size)
        result = [batch, outputs, *(side + 2 * pads[0] - grown for side in (height, width))]
        if min(result) < 1:
            pads[:] = [size - 1] * 4
            result = [batch, outputs, height + size - 1, width + size - 1]
        self.constants[f"w_{y}"] = integers(self.rng, *weights)
        inputs = [x, f"w_{y}"]
        if biased:
            self.constants[f"b_{y}"] = integers(self.rng, outputs)
            inputs.append(f"b_{y}")
        op = "ConvTranspose" if transposed else "Conv"
        self.steps.append(Step(op, inputs, y, result, options))
        return result

    def write(self, folder: Path, shape: list[int]) -> tuple[Path, Array]:
        x = integers(self.rng, *shape)
        if self.dialect == "tflite":
            path = folder / f"{self.seed}.tflite"
            return tflite_model(path, shape, self.constants, self.steps), x
        opset = self.draw.choice((7, 9, 11, 13, 16, 21))
        path = folder / f"{self.seed}.onnx"
        return onnx_model(path, shape, self.constants, self.steps, opset), x


def lone(dialect: str, seed: int, folder: Path) -> tuple[Path, Array]:
    maker = Maker(dialect, seed)
    shape = [maker.draw.randint(1, 4) for _ in range(maker.draw.choice((2, 3, 4, 4)))]
    maker.row("x", shape, "y")
    return maker.write(folder, shape)


def beside(dialect: str, seed: int, folder: Path) -> tuple[Path, Array]:
    maker = Maker(dialect, seed)
    shape = [1, *(maker.draw.randint(1, 4) for _ in range(3))]
    if maker.draw.random() < 0.5:
        maker.row("z", maker.convolution("x", shape, "z"), "y")
        return maker.write(folder, shape)
    maker.row("x", shape, "z", fused=maker.draw.random() < 0.3)
    maker.convolution("z", shape, "y")
    return maker.write(folder, shape)


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize(
    ("family", "way"),
    [
        pytest.param(family, way.name, id=way.name)
        for family in (scale_shift.FAMILY, weight_folding.FAMILY)
        for way in family.ways
    ],
)
def test_bit_identical_on_integers(
    family: Any, way: str, dialect: str, full: bool, tmp_path: Path
) -> None:
    make = lone if family is scale_shift.FAMILY else beside
    wanted = ALL if full else SAMPLE
    applied = seed = 0
    while applied < wanted:
        path, x = make(dialect, seed, tmp_path)
        seed += 1
        assert seed < 30 * wanted
        result = outputs(path, family, way, x)
        if not isinstance(result, Refusal):
            assert np.array_equal(result[0], result[1]), seed - 1
            applied += 1


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("scale-shift/depthwise", {"along other axes"}),
        ("scale-shift/multiply-add", {"what is there"}),
        ("scale-shift/subtract", {"no constant less x"}),
        (
            "fold/into-the-one-before",
            {"comes before", "along other axes"},
        ),
        (
            "fold/into-the-one-after",
            {"comes after", "along other axes", "activation stands", "padding's zeros"},
        ),
    ],
)
def test_broken_preconditions_are_refused(way: str, said: set[str], tmp_path: Path) -> None:
    family = scale_shift.FAMILY if way.startswith("scale-shift") else weight_folding.FAMILY
    make = lone if family is scale_shift.FAMILY else beside
    reasons = set()
    for seed in range(60):
        path, _ = make("tflite", seed, tmp_path)
        result = rewritten(load(path), family, way)
        if isinstance(result, Refusal):
            reasons.add(result.reason)
    assert all(any(part in reason for reason in reasons) for part in said), reasons


def test_what_something_else_reads_is_not_folded(tmp_path: Path) -> None:
    maker = Maker("tflite", 1)
    shape = maker.convolution("x", [1, 4, 4, 2], "z")
    maker.row("z", shape, "y")
    maker.steps.append(Step("ABS", ["z"], "other", shape))
    path, _ = maker.write(tmp_path, [1, 4, 4, 2])
    assert not list(weight_folding.FAMILY.recognise(load(path).graphs[0]))

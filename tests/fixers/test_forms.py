"""Biases, fused activations, versions and gates: the same results in the real runtimes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import Array, Step, onnx_model, outputs, rewritten, tflite_model
from instances import integers, run

from npulint.fixers.convolutions import same_padding
from npulint.fixers.forms import halves, indices
from npulint.fixers.forms import ways as forms
from npulint.fixers.pointwise import gates
from npulint.fixers.record import Refusal
from npulint.formats import load, save

SAMPLE, ALL = 20, 200


def weighted(folder: Path, seed: int) -> tuple[Path, Array]:
    """A TRANSPOSE_CONV or FULLY_CONNECTED, with a bias or without one."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [1, draw.randint(1, 4), draw.randint(1, 4), draw.randint(1, 3)]
    outs, biased = draw.randint(1, 3), draw.random() < 0.5
    constants: dict[str, Array] = {}
    fused = draw.choice(("NONE", "RELU", "RELU6"))
    if draw.random() < 0.5:
        constants["w"] = integers(rng, outs, shape[3])
        result = [*shape[:3], outs]
        options: dict[str, Any] = {"keep_num_dims": True, "fused_activation_function": fused}
        step = Step("FULLY_CONNECTED", ["x", "w"], "y", result, options, 6)
    else:
        result = [1, shape[1] * 2, shape[2] * 2, outs]
        constants["s"] = np.array(result, np.int32)
        constants["w"] = integers(rng, outs, 2, 2, shape[3])
        options = {"padding": "SAME", "stride_w": 2, "stride_h": 2}
        version = 3 if biased else 1
        if biased and fused != "NONE":
            options["fused_activation_function"], version = fused, 4
        step = Step("TRANSPOSE_CONV", ["s", "w", "x"], "y", result, options, version)
    if biased:
        constants["b"] = integers(rng, outs)
        step = Step(step.op, [*step.inputs, "b"], "y", result, options, step.version)
    path = tflite_model(folder / f"{seed}.tflite", shape, constants, [step])
    return path, integers(rng, *shape)


@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
@pytest.mark.parametrize("slot", [[], [""]], ids=["short", "omitted"])
def test_a_bias_that_is_left_out_is_zeros(op: str, slot: list[str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shape, options = [1, 3, 3, 2], {"padding": "SAME", "stride_w": 1, "stride_h": 1}
    sizes = {"CONV_2D": (4, 3, 3, 2), "DEPTHWISE_CONV_2D": (1, 3, 3, 4), "FULLY_CONNECTED": (4, 2)}
    if op == "DEPTHWISE_CONV_2D":
        options["depth_multiplier"] = 2
    if op == "FULLY_CONNECTED":
        options = {"keep_num_dims": True}
    else:
        options |= {"dilation_w_factor": 1, "dilation_h_factor": 1}
    constants = {"w": integers(rng, *sizes[op])}
    version = 5 if op == "FULLY_CONNECTED" else 1
    step = Step(op, ["x", "w", *slot], "y", [*shape[:3], 4], options, version)
    path = tflite_model(tmp_path / "m.tflite", shape, constants, [step])
    model = rewritten(load(path), forms.BIAS, "bias/zeros")
    assert not isinstance(model, Refusal)
    save(model, tmp_path / "new.tflite")
    (node,) = load(tmp_path / "new.tflite").graphs[0].nodes
    bias = model.graphs[0].values[node.inputs[2]].constant
    assert bias is not None
    assert np.array_equal(bias.read(), np.zeros(4, np.float32))
    x = integers(rng, *shape)
    found = run(tmp_path / "new.tflite", x)
    step = Step(op, ["x", "w", "b"], "y", [*shape[:3], 4], options, version)
    whole = tflite_model(
        tmp_path / "whole.tflite", shape, constants | {"b": np.zeros(4, np.float32)}, [step]
    )
    assert np.array_equal(run(whole, x), found)


def activated(folder: Path, seed: int) -> tuple[Path, Array]:
    """A sum or a convolution with an activation within or behind it."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [1, draw.randint(1, 4), draw.randint(1, 4), 2]
    function = draw.choice(("RELU", "RELU6", "RELU_N1_TO_1"))
    within = draw.random() < 0.5
    fused = {"fused_activation_function": function if within else "NONE"}
    made = "y" if within else "z"
    if draw.random() < 0.5:
        constants = {"c": integers(rng, 2)}
        steps = [Step(draw.choice(("ADD", "SUB", "MUL")), ["x", "c"], made, shape, fused)]
    else:
        constants = {"w": integers(rng, 2, 1, 1, 2), "b": integers(rng, 2)}
        options = {
            "padding": "SAME",
            "stride_w": 1,
            "stride_h": 1,
            "dilation_w_factor": 1,
            "dilation_h_factor": 1,
            **fused,
        }
        steps = [Step("CONV_2D", ["x", "w", "b"], made, shape, options)]
    if not within:
        steps.append(Step(function, ["z"], "y", shape))
    return tflite_model(folder / f"{seed}.tflite", shape, constants, steps), integers(rng, *shape)


def versioned(folder: Path, seed: int) -> tuple[Path, Array]:
    """An operator in a version above the one that it needs."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [1, draw.randint(1, 4), 2, 2]
    op, version = draw.choice((("ADD", 2), ("MUL", 3), ("SUB", 2), ("MAXIMUM", 2)))
    step = Step(op, ["x", "c"], "y", shape, {}, version)
    path = tflite_model(folder / f"{seed}.tflite", shape, {"c": integers(rng, 2)}, [step])
    return path, integers(rng, *shape)


def padded(folder: Path, seed: int) -> tuple[Path, Array]:
    """A convolution with SAME padding, or with a PAD before it that may be the same."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    size, stride, dilation = draw.randint(1, 4), draw.randint(1, 3), draw.choice((1, 1, 2))
    stride = 1 if dilation > 1 else stride
    shape = [1, draw.randint(1, 7), draw.randint(1, 7), 2]
    reach, same, within = (size - 1) * dilation + 1, [], draw.random() < 0.4
    for length in shape[1:3]:
        missing = max((-(-length // stride) - 1) * stride + reach - length, 0)
        same.append((missing // 2, missing - missing // 2))
    if draw.random() < 0.3:
        same[0] = (same[0][0] + 1, same[0][1])
    result = [1, *(-(-length // stride) for length in shape[1:3]), 2]
    options: dict[str, Any] = {
        "stride_w": stride, "stride_h": stride, "dilation_w_factor": dilation,
        "dilation_h_factor": dilation, "padding": "SAME" if within else "VALID",
    }  # fmt: skip
    constants = {"b": integers(rng, 2)}
    deep = draw.random() < 0.5
    constants["w"] = integers(rng, *((1, size, size, 2) if deep else (2, size, size, 2)))
    if deep:
        options["depth_multiplier"] = 1
    op, version = ("DEPTHWISE_CONV_2D", 2) if deep else ("CONV_2D", 1)
    steps, x = [], "x"
    if not within:
        wide = [1, *(n + sum(side) for n, side in zip(shape[1:3], same, strict=True)), 2]
        result = [1, *((n - reach) // stride + 1 for n in wide[1:3]), 2]
        constants["n"] = np.array([(0, 0), *same, (0, 0)], np.int32)
        steps, x = [Step("PAD", ["x", "n"], "z", wide)], "z"
    steps.append(Step(op, [x, "w", "b"], "y", result, options, version))
    return tflite_model(folder / f"{seed}.tflite", shape, constants, steps), integers(rng, *shape)


def halved(folder: Path, seed: int) -> tuple[Path, Array]:
    """A convolution whose weights, and bias perhaps, are stored as float16."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [1, draw.randint(1, 4), draw.randint(1, 4), 2]
    constants: dict[str, Array] = {
        "w": rng.standard_normal((2, 1, 1, 2)).astype(np.float16),
        "b": rng.standard_normal(2).astype(np.float16),
    }
    steps = [Step("DEQUANTIZE", ["w"], "ww", [2, 1, 1, 2], {}, 3)]
    bias = "b"
    if draw.random() < 0.5:
        steps.append(Step("DEQUANTIZE", ["b"], "bb", [2], {}, 3))
        bias = "bb"
    else:
        constants["b"] = constants["b"].astype(np.float32)
    options = {
        "padding": "SAME",
        "stride_w": 1,
        "stride_h": 1,
        "dilation_w_factor": 1,
        "dilation_h_factor": 1,
    }
    steps.append(Step("CONV_2D", ["x", "ww", bias], "y", shape, options))
    return tflite_model(folder / f"{seed}.tflite", shape, constants, steps), integers(rng, *shape)


def indexed(folder: Path, seed: int) -> tuple[Path, Array]:
    """An operator whose sizes, axes or positions are stored as int64."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [1, draw.randint(2, 4), 3, 2]
    cases: dict[str, tuple[list[list[Any]], list[int]]] = {
        "PAD": ([[[0, 0], [1, 2], [0, 1], [0, 0]]], [1, shape[1] + 3, 4, 2]),
        "MIRROR_PAD": ([[[0, 0], [1, 1], [1, 0], [0, 0]]], [1, shape[1] + 2, 4, 2]),
        "TILE": ([[2, 1, 1, 3]], [2, shape[1], 3, 6]),
        "BROADCAST_TO": ([[2, *shape[1:]]], [2, *shape[1:]]),
        "SLICE": ([[0, 1, 0, 0], [1, 1, -1, 2]], [1, 1, 3, 2]),
        "GATHER": ([[1, 0, 1]], [1, 3, 3, 2]),
    }
    op = draw.choice(list(cases))
    stored, result = cases[op]
    constants: dict[str, Array] = {
        f"i{number}": np.array(each, np.int64) for number, each in enumerate(stored)
    }
    options = {"axis": 1} if op == "GATHER" else {}
    version = {"BROADCAST_TO": 2}.get(op, 1)
    step = Step(op, ["x", *constants], "y", result, options, version)
    return tflite_model(folder / f"{seed}.tflite", shape, constants, [step]), integers(rng, *shape)


@pytest.mark.parametrize(
    ("family", "make", "way"),
    [
        pytest.param(family, make, way.name, id=way.name)
        for family, make in (
            (forms.BIAS, weighted), (forms.ACTIVATION, activated), (forms.VERSION, versioned),
            (same_padding.FAMILY, padded), (halves.FAMILY, halved), (indices.FAMILY, indexed),
        )
        for way in family.ways
    ],
)  # fmt: skip
def test_bit_identical(family: Any, make: Any, way: str, full: bool, tmp_path: Path) -> None:
    wanted = ALL if full else SAMPLE
    applied = seed = 0
    while applied < wanted:
        path, x = make(tmp_path, seed)
        seed += 1
        assert seed < 20 * wanted
        result = outputs(path, family, way, x)
        if isinstance(result, Refusal):
            said = ("has a bias", "has no bias", "already", "SAME would add")
            assert any(part in result.reason for part in said), result.reason
            continue
        expected, found, model = result
        assert np.array_equal(expected, found), seed - 1
        before = load(path).graphs[0].nodes[0]
        changed = model.graphs[0].nodes[0]
        assert (changed.version, changed.inputs, dict(changed.attributes)) != (
            before.version, before.inputs, dict(before.attributes),
        )  # fmt: skip
        applied += 1


def test_a_lower_version_is_what_the_file_says(tmp_path: Path) -> None:
    path, x = versioned(tmp_path, 0)
    result = outputs(path, forms.VERSION, "version/lowest", x)
    assert not isinstance(result, Refusal)
    assert [node.version for node in load(path).graphs[0].nodes] != [1]
    assert [node.version for node in result[2].graphs[0].nodes] == [1]
    assert not list(forms.VERSION.recognise(result[2].graphs[0]))


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
def test_gates_are_quotients(dialect: str, full: bool, tmp_path: Path) -> None:
    names = ("LOGISTIC", "MUL") if dialect == "tflite" else ("Sigmoid", "Mul")
    for seed in range(ALL if full else SAMPLE):
        draw, rng = random.Random(seed), np.random.default_rng(seed)
        shape = [1, *(draw.randint(1, 4) for _ in range(3))]
        operands = ["x", "s"] if draw.random() < 0.5 else ["s", "x"]
        steps = [Step(names[0], ["x"], "s", shape), Step(names[1], operands, "y", shape)]
        path = tmp_path / f"{seed}.{dialect}"
        if dialect == "tflite":
            tflite_model(path, shape, {}, steps)
        else:
            onnx_model(path, shape, {}, steps, draw.choice((7, 13, 21)))
        x = rng.uniform(-90, 9, shape).astype(np.float32)
        result = outputs(path, gates.GATE, "gate/quotient", x)
        assert not isinstance(result, Refusal)
        wide = x.astype(np.float64)
        truth = wide / (1.0 + np.exp(-wide))
        own = max(float(np.abs(result[0] - truth).max()), 2.0**-22)
        assert np.abs(result[1] - truth).max() <= 4 * own
        ops = {node.op.lower() for node in result[2].graphs[0].nodes}
        assert ops == {"mul", "exp", "add", "div"}


def test_a_product_with_a_reciprocal_root_is_a_quotient(full: bool, tmp_path: Path) -> None:
    for seed in range(ALL if full else SAMPLE):
        draw, rng = random.Random(seed), np.random.default_rng(seed)
        shape = [1, *(draw.randint(1, 4) for _ in range(3))]
        operands = ["x", "s"] if draw.random() < 0.5 else ["s", "x"]
        fused = {"fused_activation_function": draw.choice(("NONE", "RELU6"))}
        steps = [Step("RSQRT", ["x"], "s", shape), Step("MUL", operands, "y", shape, fused)]
        path = tflite_model(tmp_path / f"{seed}.tflite", shape, {}, steps)
        x = rng.uniform(0.1, 90, shape).astype(np.float32)
        result = outputs(path, gates.OVER_ROOT, "over-root/quotient", x)
        assert not isinstance(result, Refusal)
        assert np.allclose(result[0], result[1], rtol=1e-6, atol=0)


def test_positions_beyond_int32_stay(tmp_path: Path) -> None:
    constants = {"i": np.array([0, 2**40], np.int64)}
    step = Step("GATHER", ["x", "i"], "y", [2, 3], {"axis": 0})
    path = tflite_model(tmp_path / "m.tflite", [2, 3], constants, [step])
    (found,) = indices.FAMILY.recognise(load(path).graphs[0])
    refusal = indices.FAMILY.ways[0].accepts(found.found)  # type: ignore[arg-type]
    assert refusal is not None
    assert "no int32" in refusal.reason


def test_a_single_position_stays_without_axes(tmp_path: Path) -> None:
    """A position of one element would keep the axis that a scalar drops."""
    constants = {"i": np.array(1, np.int64)}
    step = Step("GATHER", ["x", "i"], "y", [3], {"axis": 0})
    path = tflite_model(tmp_path / "m.tflite", [2, 3], constants, [step])
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    result = outputs(path, indices.FAMILY, "indices/int32", x)
    assert not isinstance(result, Refusal)
    before, after, model = result
    assert before.shape == after.shape == (3,)
    assert np.array_equal(before, after)
    graph = model.graphs[0]
    (gather,) = graph.nodes
    assert graph.values[gather.inputs[1]].dtype == "int32"
    assert graph.values[gather.inputs[1]].shape == ()

"""Norms without statistics folded into the convolutions beside them: nothing of them remains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from instances import run
from norm_instances import Step, write_onnx, write_tflite

from npulint.cure import FixResult, Wish, fix
from npulint.fixers.norms.fitted import fit, normalised
from npulint.fixers.norms.reading import Normalisation
from npulint.formats import load

ONLY = """
family: plain
title: What takes convolutions and arithmetic alone
dialect: {dialect}
date: "2026-03-05"
sources:
  guide: {{page: Plain guide, date: "2026-02-02"}}
otherwise: {{verdict: unsupported, say: the guide has no such operator, source: guide page 1}}
partitioning: {{strategy: whole-model, runs_on: plain, {more}source: guide page 1}}
operators:
  - {{op: [{ops}], inputs: [x, y, b], source: guide page 2}}
"""
OPS = {
    "onnx": "Conv, Mul, Add, Relu, Transpose",
    "tflite": "CONV_2D, MUL, ADD, RELU, TRANSPOSE",
}
CHANNELS = 4
RNG = np.random.default_rng(3)
SCALE, SHIFT = (RNG.normal(size=CHANNELS).astype(np.float32) for _ in range(2))
KERNEL = RNG.normal(size=(CHANNELS, CHANNELS, 1, 1)).astype(np.float32)
IMAGE = (8, 6)
SQUARE = {"axes": [2, 3], "keepdims": 1}


def image(*lead: int) -> list[int]:
    return [*lead, CHANNELS, *IMAGE]


def onnx_model(path: Path, steps: list[Step], opset: int = 17) -> Path:
    """Convolution 1x1, then the steps from `c` to `n`, then a convolution 1x1."""
    stored = {
        "w": KERNEL, "v": KERNEL[::-1].copy(), "s": SCALE, "t": SHIFT,
        "row": SCALE[:, None, None].copy(), "column": SHIFT[:, None, None].copy(),
        "eps": np.float32(1e-5), "pairs": np.array([0, 2, -1]), "whole": np.array(image(1)),
        "ones": np.ones(2, np.float32), "zeros": np.zeros(2, np.float32),
    }  # fmt: skip
    whole: list[Step] = [
        ("Conv", ("x", "w"), "c", {}), *steps, ("Conv", ("n", "v"), "y", {}),
    ]  # fmt: skip
    used = {name for _, names, _, _ in whole for name in names}
    shapes = {"x": image(1), "y": image(1)}
    write_onnx(path, shapes, whole, {k: a for k, a in stored.items() if k in used}, opset)
    return path


INSTANCE: list[Step] = [("InstanceNormalization", ("c", "s", "t"), "n", {"epsilon": 1e-5})]
DECOMPOSED: list[Step] = [
    ("ReduceMean", ("c",), "m", SQUARE),
    ("Sub", ("c", "m"), "d", {}),
    ("Mul", ("d", "d"), "q", {}),
    ("ReduceMean", ("q",), "v2", SQUARE),
    ("Add", ("v2", "eps"), "e", {}),
    ("Sqrt", ("e",), "r", {}),
    ("Div", ("d", "r"), "u", {}),
    ("Mul", ("u", "row"), "g", {}),
    ("Add", ("g", "column"), "n", {}),
]
LAYER: list[Step] = [
    ("Transpose", ("c",), "l", {"perm": [0, 2, 3, 1]}),
    ("LayerNormalization", ("l", "s", "t"), "k", {"axis": -1, "epsilon": 1e-5}),
    ("Transpose", ("k",), "n", {"perm": [0, 3, 1, 2]}),
]
GROUP: list[Step] = [
    ("Reshape", ("c", "pairs"), "p", {}),
    ("InstanceNormalization", ("p", "ones", "zeros"), "u", {"epsilon": 1e-5}),
    ("Reshape", ("u", "whole"), "h", {}),
    ("Mul", ("h", "row"), "g", {}),
    ("Add", ("g", "column"), "n", {}),
]
FORMS = {
    "instance": (INSTANCE, 17), "decomposed": (DECOMPOSED, 17), "layer": (LAYER, 17),
    "group": (GROUP, 17),
}  # fmt: skip


def samples(path: Path, count: int = 6) -> Path:
    rng = np.random.default_rng(0)
    base = rng.random((1, *image()[0:]))
    np.savez(path, x=(base + 0.1 * rng.random((count, *image()))).astype(np.float32))
    return path


def spread(path: Path, decades: float, count: int = 8) -> Any:
    """Samples of very different lengths, in float64 as they were stored."""
    rng = np.random.default_rng(0)
    lengths = 10.0 ** rng.uniform(-decades, decades, (count, 1, 1, 1))
    x = (lengths * rng.normal(size=(count, *image()))).astype(np.float32)
    np.savez(path, x=x)
    return x.astype(np.float64)


def cured(model: Path, folder: Path, allow: Any, **wish: Any) -> FixResult:
    table = folder / "plain.yaml"
    dialect = load(model).dialect
    of_tflite = "dynamic_tensors: refused, float16_constants: as-is, "
    more = of_tflite if dialect == "tflite" else ""
    table.write_text(ONLY.format(dialect=dialect, ops=OPS[dialect], more=more))
    asked = {"min_psnr": 3.0, "calibration": samples(folder / "samples.npz"), **wish}
    out = folder / f"out{model.suffix}"
    return fix(model, [str(table)], Wish(output=out, allow=allow, **asked))


@pytest.mark.parametrize("form", FORMS)
def test_nothing_of_a_norm_remains_between_convolutions(form: str, tmp_path: Path) -> None:
    steps, opset = FORMS[form]
    model = onnx_model(tmp_path / "model.onnx", steps, opset)
    result = cured(model, tmp_path, "calibrated", min_psnr=0.0)
    assert result.exactness == "calibrated", result.given_up
    assert result.written is not None
    assert [node.op for node in load(result.written).graphs[0].nodes] == ["Conv", "Conv"]


def test_without_samples_scale_and_shift_are_all_that_is_left(tmp_path: Path) -> None:
    model = onnx_model(tmp_path / "model.onnx", DECOMPOSED)
    result = cured(model, tmp_path, "lossy", min_psnr=None, max_error=1e6, calibration=None)
    assert result.exactness == "lossy", result.given_up
    assert result.written is not None
    assert [node.op for node in load(result.written).graphs[0].nodes] == ["Conv", "Conv"]
    x = np.random.default_rng(0).random(image(1), np.float32)
    c = np.einsum("oc,nchw->nohw", KERNEL[:, :, 0, 0], x)
    stripped = c * SCALE[:, None, None] + SHIFT[:, None, None]
    wanted = np.einsum("oc,nchw->nohw", KERNEL[::-1, :, 0, 0], stripped)
    assert np.abs(run(result.written, x) - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_what_the_fit_says_is_what_the_folded_model_makes(tmp_path: Path) -> None:
    """The affine function of the fit, between both convolutions, in float64."""
    model = onnx_model(tmp_path / "model.onnx", INSTANCE)
    result = cured(model, tmp_path, "calibrated")
    (choice,) = result.choices
    assert choice.realisation == "norm/calibrated"
    given = np.load(tmp_path / "samples.npz")["x"].astype(np.float64)
    first, last = (each[:, :, 0, 0].astype(np.float64) for each in (KERNEL, KERNEL[::-1]))
    c = np.einsum("oc,nchw->nohw", first, given)
    norm = Normalisation(
        (1,), 0, 1, (1, CHANNELS, *IMAGE), (2, 3), 1, 1, SCALE, SHIFT, 1e-5, "instance", ""
    )
    fitting = [c[place : place + 1] for place in range(0, len(c), 2)]
    scale, shift, _ = fit(norm, fitting, fitting)
    wide = c * scale[:, None, None] + shift[:, None, None]
    wanted = np.einsum("oc,nchw->nohw", last, wide)
    assert result.written is not None
    for place in range(len(given)):
        made = run(result.written, given[place : place + 1].astype(np.float32))
        assert np.abs(made[0] - wanted[place]).max() < 1e-4 * np.abs(wanted).max()


def test_a_norm_is_fitted_to_what_the_fit_before_it_makes(tmp_path: Path) -> None:
    """Wanted is what the original makes; given is what the rewritten part in front does."""
    steps: list[Step] = [
        *INSTANCE, ("Conv", ("n", "v"), "d", {}),
        ("InstanceNormalization", ("d", "s", "t"), "m", {"epsilon": 1e-5}),
    ]  # fmt: skip
    path = tmp_path / "model.onnx"
    whole: list[Step] = [("Conv", ("x", "w"), "c", {}), *steps, ("Conv", ("m", "w"), "y", {})]
    stored = {"w": KERNEL, "v": KERNEL[::-1].copy(), "s": SCALE, "t": SHIFT}
    write_onnx(path, {"x": image(1), "y": image(1)}, whole, stored, 17)
    given = spread(tmp_path / "spread.npz", 0.5)
    result = cured(path, tmp_path, "calibrated", min_psnr=0.0, calibration=tmp_path / "spread.npz")
    assert result.written is not None, (result.held_back, result.given_up)
    first, last = (each[:, :, 0, 0].astype(np.float64) for each in (KERNEL, KERNEL[::-1]))
    norm = Normalisation(
        (1,), 0, 1, (1, CHANNELS, *IMAGE), (2, 3), 1, 1, SCALE, SHIFT, 1e-5, "instance", ""
    )
    c = np.einsum("oc,nchw->nohw", first, given)
    d = np.einsum("oc,nchw->nohw", last, np.concatenate([normalised(norm, x[None]) for x in c]))
    scale, shift, _ = fit(norm, c[::2, None], c[::2, None])
    now = np.einsum("oc,nchw->nohw", last, c * scale[:, None, None] + shift[:, None, None])
    scale, shift, residual = fit(norm, d[::2, None], now[::2, None])
    wanted = np.einsum("oc,nchw->nohw", first, now * scale[:, None, None] + shift[:, None, None])
    for place in range(len(given)):
        made = run(result.written, given[place : place + 1].astype(np.float32))
        assert np.abs(made[0] - wanted[place]).max() < 1e-4 * np.abs(wanted).max()
    alone, _, _ = fit(norm, d[::2, None], d[::2, None])
    assert np.abs(alone - scale).max() > 0.01, "the samples must tell both from one another"
    notes = [each.chosen.note for each in result.choices if each.chosen]
    assert any(f"what is left is {residual:.3g}" in note for note in notes)


@pytest.mark.parametrize("kind", ["instance", "group", "layer", "rms"])
def test_with_statistics_that_do_not_change_the_fit_is_the_norm(kind: Any) -> None:
    """The same image in other orders: its statistics are constant, and the fit exact."""
    rng = np.random.default_rng(1)
    whole = rng.normal(size=(1, CHANNELS, *IMAGE))
    axes: tuple[int, ...] = (2, 3) if kind == "instance" else (1, 2, 3)
    if kind in ("layer", "rms"):
        # One and the same mean and length everywhere: channels in turn.
        axes = (1,)
        column = rng.normal(size=CHANNELS)
        shifts = rng.integers(0, CHANNELS, IMAGE)
        whole = np.stack([np.take(column, (c + shifts) % CHANNELS) for c in range(CHANNELS)])[None]
    shuffled = [
        whole.reshape(1, CHANNELS, -1)[..., rng.permutation(IMAGE[0] * IMAGE[1])].reshape(
            whole.shape
        )
        for _ in range(3)
    ]
    norm = Normalisation(
        (0,), 0, 1, whole.shape, axes, 2 if kind == "group" else 1, 1, SCALE, SHIFT, 1e-5, kind, ""
    )
    scale, shift, residual = fit(norm, shuffled, shuffled)
    for each in shuffled:
        made = each * scale[:, None, None] + shift[:, None, None]
        assert np.abs(made - normalised(norm, each)).max() < 1e-12
    assert residual < 1e-12


def test_a_shift_is_not_folded_past_the_zeros_of_a_padding(tmp_path: Path) -> None:
    """Zeros are padded behind the norm, where they would have to be other numbers before it."""
    steps: list[Step] = [
        ("Relu", ("c",), "a", {}),
        ("InstanceNormalization", ("a", "s", "t"), "n", {"epsilon": 1e-5}),
    ]
    path = tmp_path / "model.onnx"
    wide = np.random.default_rng(2).normal(size=(CHANNELS, CHANNELS, 3, 3)).astype(np.float32)
    whole: list[Step] = [
        ("Conv", ("x", "w"), "c", {}), *steps, ("Conv", ("n", "v"), "y", {"pads": [1, 1, 1, 1]}),
    ]  # fmt: skip
    stored = {"w": KERNEL, "v": wide, "s": SCALE, "t": SHIFT}
    write_onnx(path, {"x": image(1), "y": image(1)}, whole, stored, 17)
    result = cured(path, tmp_path, "calibrated")
    assert result.written is not None
    ops = [node.op for node in load(result.written).graphs[0].nodes]
    assert ops == ["Conv", "Relu", "Mul", "Add", "Conv"]


def test_in_tflite_too(tmp_path: Path) -> None:
    shape = [1, *IMAGE, CHANNELS]
    small = [1, 1, 1, CHANNELS]
    axes = np.array([1, 2], np.int32)
    keep = {"keep_dims": True}
    steps: list[Step] = [
        ("MEAN", ("x", "axes"), "m", keep),
        ("SQUARED_DIFFERENCE", ("x", "m"), "q", {}),
        ("MEAN", ("q", "axes"), "v", keep),
        ("ADD", ("v", "eps"), "e", {}),
        ("RSQRT", ("e",), "r", {}),
        ("MUL", ("r", "s"), "f", {}),
        ("MUL", ("x", "f"), "a", {}),
        ("MUL", ("m", "f"), "b", {}),
        ("SUB", ("t", "b"), "g", {}),
        ("ADD", ("a", "g"), "y", {}),
    ]
    shapes: dict[str, Any] = {
        name: small if name in "mverfbg" else shape for name in ("x", *(step[2] for step in steps))
    }
    stored = {"axes": axes, "eps": np.full((1, 1, 1, 1), 1e-5, np.float32), "s": SCALE, "t": SHIFT}
    path = tmp_path / "model.tflite"
    write_tflite(path, shapes, steps, stored)
    given = samples(tmp_path / "first.npz")
    stack = np.load(given)["x"].transpose(0, 2, 3, 1)
    np.savez(tmp_path / "channels_last.npz", x=stack)
    result = cured(path, tmp_path, "calibrated", calibration=tmp_path / "channels_last.npz")
    assert result.written is not None, (result.held_back, result.given_up)
    assert [node.op for node in load(result.written).graphs[0].nodes] == ["MUL", "ADD"]
    assert result.exactness == "calibrated"

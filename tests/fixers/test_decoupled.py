"""Ways to another function that are fitted without samples: what they make, and that it is best."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from instances import run
from single import Case, agrees, reading
from test_convolutions import onnx_conv, tflite_conv
from test_resizes import onnx_resize, tflite_resize

from npulint.fixers.building.builder import Samples
from npulint.fixers.building.windows import Convolution
from npulint.fixers.convolutions import conv_forms
from npulint.fixers.convolutions.decoupled import CALIBRATED, WAY, pool
from npulint.fixers.legalise import Setting, build_fragment
from npulint.fixers.moving import resizes
from npulint.fixers.moving.resizes_reading import Resampling
from npulint.fixers.record import Family, Realisation, Refusal
from npulint.fixers.surgery import Patch, apply
from npulint.formats import load, save

SAMPLE, ALL = 12, 200
Array = Any


def rewritten(
    case: Case,
    family: Family[Any],
    way: Realisation[Any],
    fitting: Sequence[Array] = (),
) -> tuple[Array, str]:
    """What the model with the way in it makes in its own runtime, and what the way says."""
    model = load(case.path)
    graph = model.graphs[0]
    (occurrence,) = family.recognise(graph)
    held = Samples(lambda _: fitting, lambda _: fitting) if fitting else None
    setting = Setting(lambda _: {}, model.opsets.get("", 0), samples=held)
    fragment, note = build_fragment(graph, occurrence, way, setting)
    new, _ = apply(graph, [Patch(fragment, occurrence.nodes)])
    path = case.path.with_name(f"new{case.path.suffix}")
    save(replace(model, graphs=(new,)), path)
    return run(path, case.xs["x"]), note


def spread(kernel: Array, strides: tuple[int, int]) -> Array:
    """The kernel over samples that one over averaged blocks is."""
    wide = kernel.repeat(strides[0], axis=2).repeat(strides[1], axis=3)
    return wide / (strides[0] * strides[1])


def by_definition(c: Convolution, x: Array) -> Array:
    """The convolution of averaged blocks, window by window in float64; `x` is `[N, C, H, W]`."""
    found = pool(_plain(c), c.strides, (c.pads[0], c.pads[2]))
    kernel = spread(found.kernel, c.strides)
    top, left = (count * step for count, step in zip(found.before, c.strides, strict=True))
    rows, columns = kernel.shape[2:]
    far = [(out - 1) * step for out, step in zip(c.output[2:], c.strides, strict=True)]
    padded = np.zeros((*c.sizes[:2], far[0] + rows, far[1] + columns))
    part = x[:, :, : padded.shape[2] - top, : padded.shape[3] - left]
    padded[:, :, top : top + part.shape[2], left : left + part.shape[3]] = part
    each, outputs = c.sizes[1] // c.groups, c.output[1] // c.groups
    made = np.zeros(c.output)
    for place in np.ndindex(*c.output[1:]):
        group = place[0] // outputs
        i, j = (at * step for at, step in zip(place[1:], c.strides, strict=True))
        seen = padded[:, group * each : (group + 1) * each, i : i + rows, j : j + columns]
        made[:, place[0], place[1], place[2]] = (seen * kernel[place[0]]).sum(axis=(1, 2, 3))
    if c.bias is not None:
        made += c.bias[:, None, None]
    return {"NONE": made, "RELU": made.clip(0), "RELU6": made.clip(0, 6)}[c.activation]


def _plain(c: Convolution) -> Array:
    from npulint.fixers.building.windows import stuffed

    return stuffed(c.kernel, c.dilations)


@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
def test_pooled_convolutions_are_what_they_say(dialect: str, full: bool, tmp_path: Path) -> None:
    make, wanted, applied = (onnx_conv, tflite_conv)[dialect == "tflite"], SAMPLE, 0
    wanted = ALL if full else SAMPLE
    for seed in range(40 * wanted):
        case = make(tmp_path, seed)
        found = None if case is None else reading(case.path, conv_forms.FAMILY)
        if case is None or not isinstance(found, Convolution) or found.strides == (1, 1):
            continue
        made, note = rewritten(case, conv_forms.FAMILY, WAY)
        x = case.xs["x"] if dialect == "onnx" else case.xs["x"].transpose(0, 3, 1, 2)
        truth = by_definition(found, x)
        got = made if dialect == "onnx" else made.transpose(0, 3, 1, 2)
        assert np.abs(got - truth).max() <= 1e-5 * max(np.abs(truth).max(), 1), case.label
        residual = pool(_plain(found), found.strides, (found.pads[0], found.pads[2])).residual
        assert (f"leaves {residual:.2g} of the original" in note) == (residual > 1e-6)
        applied += 1
        if applied == wanted:
            return
    pytest.fail("hardly any convolution has strides")


@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
def test_what_is_fitted_to_samples_is_what_is_built(
    dialect: str, full: bool, tmp_path: Path
) -> None:
    """On the one sample that it was fitted to it is off by what it says, and by less than before.

    Samples are given as the model stores them, and may be read by groups, padded and dilated.
    """
    make, applied = (onnx_conv, tflite_conv)[dialect == "tflite"], 0
    wanted = ALL if full else SAMPLE
    for seed in range(40 * wanted):
        case = make(tmp_path, seed)
        found = None if case is None else reading(case.path, conv_forms.FAMILY)
        if case is None or not isinstance(found, Convolution) or found.activation != "NONE":
            continue
        if CALIBRATED.accepts(found) is not None:
            continue
        x = case.xs["x"]
        truth, plain = run(case.path, x), rewritten(case, conv_forms.FAMILY, WAY)[0]
        made, note = rewritten(case, conv_forms.FAMILY, CALIBRATED, [x])
        off, before = (float(np.linalg.norm(each - truth)) for each in (made, plain))
        size = float(np.linalg.norm(truth))
        assert off <= before * (1 + 1e-6) + 1e-5 * size, case.label
        (said,) = re.findall(r"fitted to 1 samples; its output is off by (\S+) where", note)
        assert off == pytest.approx(float(said) * size, rel=0.06, abs=2e-6 * size), case.label
        applied += 1
        if applied == wanted:
            return
    pytest.fail("hardly any convolution has strides")


def test_samples_in_which_neighbours_are_alike_help(tmp_path: Path) -> None:
    """On an image that is not among them."""
    from single import Call, onnx_case

    rng = np.random.default_rng(1)
    kernel = rng.normal(size=(4, 3, 3, 3)).astype(np.float32)

    def photograph() -> Array:
        noise = rng.normal(size=(1, 3, 24, 20))
        smooth = sum(np.roll(noise, (a, b), (2, 3)) for a in range(3) for b in range(3))
        return (smooth + 2).astype(np.float32)

    x, fitting = photograph(), [photograph() for _ in range(6)]
    said = {"strides": [2, 2], "pads": [1, 1, 1, 1]}
    call = Call("Conv", ["x", kernel], {"y": [1, 4, 12, 10]}, said)
    case = onnx_case(tmp_path, {"x": x}, [call], 17)
    truth = run(case.path, x)
    errors = [
        float(np.linalg.norm(rewritten(case, conv_forms.FAMILY, way, fitting)[0] - truth))
        for way in (CALIBRATED, WAY)
    ]
    assert errors[0] < 0.95 * errors[1]


@pytest.mark.parametrize("seed", range(8))
def test_no_kernel_over_blocks_comes_nearer(seed: int) -> None:
    """The normal equations over all kernels, solved by brute force."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    size, strides = (draw.randint(1, 5), draw.randint(1, 5)), (draw.randint(1, 3), 2)
    before = draw.randint(0, 3), draw.randint(0, 3)
    kernel = rng.normal(size=(1, 1, *size))
    found = pool(kernel, strides, before)
    blocks = found.kernel.shape[2:]
    lead = [found.before[axis] * strides[axis] - before[axis] for axis in (0, 1)]
    ways = [
        spread(np.eye(blocks[0] * blocks[1])[place].reshape(1, 1, *blocks), strides).ravel()
        for place in range(blocks[0] * blocks[1])
    ]
    target = np.zeros((blocks[0] * strides[0], blocks[1] * strides[1]))
    target[lead[0] : lead[0] + size[0], lead[1] : lead[1] + size[1]] = kernel[0, 0]
    best, *_ = np.linalg.lstsq(np.stack(ways, 1), target.ravel(), rcond=None)
    assert np.abs(best - found.kernel.ravel()).max() < 1e-12
    left = target.ravel() - np.stack(ways, 1) @ best
    assert found.residual == pytest.approx(np.linalg.norm(left) / np.linalg.norm(kernel), abs=1e-7)


@pytest.mark.parametrize("strides", [(2, 2), (4, 2), (1, 2)])
def test_a_kernel_of_whole_blocks_loses_nothing(strides: tuple[int, int]) -> None:
    coarse = np.random.default_rng(0).normal(size=(3, 2, 2, 3))
    kernel = spread(coarse, strides)
    found = pool(kernel, strides, (strides[0], 0))
    assert found.residual < 1e-7
    assert np.abs(found.kernel - coarse).max() < 1e-12


def test_a_convolution_without_strides_is_not_pooled(tmp_path: Path) -> None:
    for seed in range(20):
        case = onnx_conv(tmp_path, seed)
        found = None if case is None else reading(case.path, conv_forms.FAMILY)
        if isinstance(found, Convolution) and found.strides == (1, 1):
            refusal = WAY.accepts(found)
            assert isinstance(refusal, Refusal)
            assert "nothing to pool" in refusal.reason
            return
    pytest.fail("every convolution has strides")


@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
def test_resizes_in_the_oldest_mode(dialect: str, tmp_path: Path) -> None:
    """The samples of the oldest mode, whatever mode there was; its own is refused."""
    (way,) = (each for each in resizes.FAMILY.ways if each.name == "resize/moved")
    make, applied = (onnx_resize, tflite_resize)[dialect == "tflite"], set()
    for seed in range(400):
        case = make(tmp_path, seed)
        found = None if case is None else reading(case.path, resizes.FAMILY)
        if case is None or not isinstance(found, Resampling) or way.accepts(found) is not None:
            continue
        made, note = rewritten(case, resizes.FAMILY, way)
        oldest = replace(found, coordinates="asymmetric")
        across = "nchw,oh,pw->ncop" if dialect == "onnx" else "nhwc,oh,pw->nopc"
        truth = np.einsum(across, case.xs["x"], oldest.matrix(0), oldest.matrix(1))
        assert np.abs(made - truth).max() <= 1e-5 * np.abs(truth).max(), case.label
        factor = max(found.factors or ())
        share = (factor - 1) / factor / (2 if found.coordinates == "half_pixel" else 1)
        assert f"up to {share:.3g} of a sample" in note
        applied.add(found.coordinates)
        if len(applied) == 2:
            return
    pytest.fail(f"only {applied} were drawn")


def test_where_nothing_is_lost_the_bits_are_the_same(tmp_path: Path) -> None:
    """Integers, and means over powers of two: float32 is exact."""
    from single import Call, onnx_case

    rng = np.random.default_rng(0)
    coarse = rng.integers(-4, 5, (3, 2, 2, 2)).astype(np.float32) * 4
    kernel = spread(coarse, (2, 2)).astype(np.float32)
    x = {"x": rng.integers(-4, 5, (1, 2, 8, 6)).astype(np.float32) * 4}
    said = {"strides": [2, 2], "pads": [2, 2, 0, 0]}
    case = onnx_case(tmp_path, x, [Call("Conv", ["x", kernel], {"y": [1, 3, 4, 3]}, said)], 17)
    assert agrees(case, conv_forms.FAMILY, WAY)

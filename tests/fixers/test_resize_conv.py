"""A resize and a convolution for a transposed one: exact where it divides, else measured."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from instances import Array, Instance, onnx_instance, run, tflite_instance

from npulint.fixers.building.builder import Samples
from npulint.fixers.convolutions import resize_fit
from npulint.fixers.convolutions.resize_conv import WAYS
from npulint.fixers.convolutions.resize_fit import Resize
from npulint.fixers.convolutions.resize_samples import calibrate
from npulint.fixers.convolutions.transposed_reading import TransposedConvolution, recognise
from npulint.fixers.legalise import Setting, build_fragment
from npulint.fixers.record import Policy, Realisation
from npulint.fixers.surgery import Patch, apply
from npulint.formats import load, save

SAMPLE, ALL = 30, 200

BY_NAME = {way.name.removeprefix("transpose-conv/"): way for way in WAYS}
RESIZES: tuple[Resize, ...] = ("nearest", "bilinear")


def build(
    instance: Instance,
    way: Realisation[TransposedConvolution],
    folder: Path,
    kernel: Array | None = None,
    *,
    samples: Sequence[Array] = (),
    before: Sequence[Array] = (),
) -> tuple[Path, str]:
    """The instance computed the other way, with another kernel if one is given, and its note."""
    model = load(instance.path)
    graph = model.graphs[0]
    (occurrence,) = recognise(graph)
    assert isinstance(occurrence.found, TransposedConvolution)
    if kernel is not None:
        occurrence = replace(occurrence, found=replace(occurrence.found, kernel=kernel))
    both = Samples(lambda _: list(before or samples), lambda _: list(samples))
    setting = Setting(lambda _: {}, model.opsets.get("", 0), Policy("lossy"), samples=both)
    fragment, note = build_fragment(graph, occurrence, way, setting)
    new, _ = apply(graph, [Patch(fragment, occurrence.nodes)])
    path = folder / f"rewritten{instance.path.suffix}"
    save(replace(model, graphs=(new,)), path)
    return path, note


def found_in(instance: Instance) -> TransposedConvolution:
    (occurrence,) = recognise(load(instance.path).graphs[0])
    assert isinstance(occurrence.found, TransposedConvolution)
    return occurrence.found


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
def test_bit_identical_on_integers_where_it_divides(
    resize: Resize, dialect: str, full: bool, tmp_path: Path
) -> None:
    make = onnx_instance if dialect == "onnx" else tflite_instance
    way = BY_NAME[f"{resize}-conv"]
    reference = next(w for w in _exact_ways() if w.name == "transpose-conv/zero-insert-conv")
    rng = np.random.default_rng(7)
    applied = seed = 0
    while applied < (ALL if full else SAMPLE):
        instance = make(tmp_path, seed)
        seed += 1
        if instance is None:
            continue
        t = found_in(instance)
        # A tent is dyadic, so that nothing is rounded, by these factors.
        if t.strides == (1, 1) or (resize == "bilinear" and 3 in t.strides):
            continue
        sizes = [
            int(size) - len(resize_fit.stretch(resize, factor)) + 1
            for size, factor in zip(t.kernel.shape[2:], t.strides, strict=True)
        ]
        if min(sizes) < 1:
            assert way.accepts(replace(t, kernel=np.ones_like(t.kernel))) is not None
            continue
        quotient = 16 * rng.integers(-3, 4, (*t.kernel.shape[:2], *sizes))
        kernel = resize_fit.product(quotient, resize, t.strides).astype(np.float32)
        assert way.accepts(replace(t, kernel=kernel)) is None
        result, _ = build(instance, way, tmp_path, kernel)
        found = run(result, instance.x)
        result, _ = build(instance, reference, tmp_path, kernel)
        assert np.array_equal(found, run(result, instance.x)), instance.label
        applied += 1


def _exact_ways() -> Sequence[Realisation[TransposedConvolution]]:
    from npulint.fixers.convolutions.transposed import REALISATIONS

    return REALISATIONS


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("factors", [(2, 2), (3, 3), (4, 2), (1, 2)])
@pytest.mark.parametrize("whole", [True, False])
def test_a_product_gives_its_kernel_back(
    resize: Resize, factors: tuple[int, int], whole: bool
) -> None:
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 4, 2, 3))
    if whole:
        kernel = np.round(kernel * 4) * factors[0] * factors[1]
    made = resize_fit.product(kernel, resize, factors)
    made = np.round(made) if whole else made
    for given in (made, made.astype(np.float32)):
        fit = resize_fit.divide(given, resize, factors)
        assert fit is not None
        assert np.allclose(fit.kernel, kernel, atol=1e-5)
        if whole:
            assert fit.residual == 0
            assert np.array_equal(fit.kernel, kernel)


@pytest.mark.parametrize("resize", RESIZES)
def test_one_off_does_not_divide(resize: Resize) -> None:
    rng = np.random.default_rng(1)
    made = resize_fit.product(4 * rng.integers(-900, 900, (2, 2, 3, 3)), resize, (2, 2))
    made[0, 0, 0, 0] += 1
    assert resize_fit.divide(made, resize, (2, 2)) is None
    assert resize_fit.divide(made * 1.1, resize, (2, 2)) is None


def test_the_bilinear_kernel_of_an_upsampling_layer_divides() -> None:
    # What FCN and others start their transposed convolutions of 4x4 at stride 2 from.
    one = np.array([1, 3, 3, 1]) / 4
    kernel = np.outer(one, one)[None, None]
    fit = resize_fit.divide(kernel, "nearest", (2, 2))
    assert fit is not None
    smooth = np.array([1, 2, 1]) / 4
    assert np.allclose(fit.kernel[0, 0], np.outer(smooth, smooth))


def test_a_random_kernel_is_left_two_thirds_off() -> None:
    # On white kernels of 2x2 the best 3x3 after a nearest resize leaves sqrt(1 - (3/4)^2).
    kernel = np.random.default_rng(2).normal(size=(64, 64, 2, 2))
    fit = resize_fit.fit(kernel, "nearest", (2, 2))
    assert fit.kernel.shape[2:] == (3, 3)
    assert fit.residual == pytest.approx(np.sqrt(7) / 4, abs=0.01)
    assert fit.residual == pytest.approx(0.66, abs=0.01)
    for trial in range(5):
        other = fit.kernel + np.random.default_rng(trial).normal(scale=1e-3, size=fit.kernel.shape)
        aim = np.zeros((64, 64, 4, 4))
        aim[:, :, 1:3, 1:3] = kernel
        off = np.linalg.norm(aim - resize_fit.product(other, "nearest", (2, 2)))
        assert off / np.linalg.norm(kernel) > fit.residual


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
def test_samples_help_where_neighbours_are_alike(
    resize: Resize, dialect: str, tmp_path: Path
) -> None:
    instance, images = correlated(dialect, tmp_path)
    expected = [run(instance.path, image) for image in images]

    def error(name: str) -> tuple[float, str]:
        path, note = build(instance, BY_NAME[name], tmp_path, samples=images)
        off = [run(path, image) - aim for image, aim in zip(images, expected, strict=True)]
        return float(np.linalg.norm(off) / np.linalg.norm(expected)), note

    fitted, said = error(f"{resize}-conv-fitted")
    calibrated, told = error(f"{resize}-conv-calibrated")
    assert calibrated < 0.999 * fitted
    measured = re.search(r"off by (\S+) where it was not", told)
    assert measured is not None
    assert calibrated * 0.99 < float(measured[1]) < calibrated * 1.2
    assert "fine-tune" in said
    assert "fine-tune" in told
    assert "fitted to 5 samples" in told


@pytest.mark.parametrize("resize", RESIZES)
def test_what_comes_in_otherwise_is_made_up_for(resize: Resize, tmp_path: Path) -> None:
    """Half as much and a bit more, as a replacement before it may make it, is taken back."""
    instance, images = correlated("onnx", tmp_path)
    way = BY_NAME[f"{resize}-conv-calibrated"]
    now = [(image / 2 + 1).astype(np.float32) for image in images]
    channels = found_in(instance).kernel.shape[:2]
    kernel = resize_fit.product(np.ones((*channels, 1, 1)), resize, (2, 2)).astype(np.float32)
    aim, _ = build(instance, BY_NAME[f"{resize}-conv"], tmp_path, kernel)
    wanted = [run(aim, image) for image in images]
    path, note = build(instance, way, tmp_path, kernel, samples=now, before=images)
    off = [run(path, image) - each for image, each in zip(now, wanted, strict=True)]
    size = float(np.linalg.norm(wanted))
    # Where zeros are padded, what is added to the rest of the image cannot be taken back.
    inside = (..., slice(4, -4), slice(4, -4)) if wanted[0].shape[2] > 8 else ...
    assert float(np.linalg.norm([each[inside] for each in off])) < 0.2 * size, note


def test_samples_help_with_an_image_that_was_not_among_them() -> None:
    rng = np.random.default_rng(5)
    kernel = rng.normal(size=(3, 4, 2, 2))
    start = resize_fit.fit(kernel, "bilinear", (2, 2))
    one = resize_fit.stretch("bilinear", 2)
    tent = np.broadcast_to(np.outer(one, one), (3, 1, 3, 3))

    def pair() -> tuple[Array, Array]:
        x = rng.normal(size=(1, 3, 32, 32))
        for _ in range(3):
            x = x + np.roll(x, 1, 2) + np.roll(x, 1, 3)
        large = resize_fit.transposed(x, tent, (2, 2), 3)
        first = start.offset[0] - 2
        reads = resize_fit.window(large, (first, first), (66, 66))
        return reads, resize_fit.transposed(x, kernel, (2, 2))

    found, _ = calibrate(start, np.zeros(4), [pair() for _ in range(3)], 1)
    reads, wanted = pair()

    def error(fit: resize_fit.Fit) -> float:
        made = resize_fit.transposed(reads, fit.kernel, (1, 1))
        made = resize_fit.window(made, (2, 2), (64, 64))
        if fit.bias is not None:
            made = made + fit.bias[:, None, None]
        return float(np.linalg.norm(made - wanted) / np.linalg.norm(wanted))

    assert error(found) < 0.97 * error(start)


def correlated(dialect: str, folder: Path) -> tuple[Instance, list[Array]]:
    """A random kernel at stride 2, and five images in which neighbours are alike."""
    make = onnx_instance if dialect == "onnx" else tflite_instance
    for seed in range(2000):
        instance = make(folder, seed)
        if instance is None:
            continue
        t = found_in(instance)
        plain = t.strides == (2, 2) and t.groups == 1 and t.activation == "NONE"
        if plain and min(t.kernel.shape[2:]) > 1 and min(t.sizes[2:]) > 3:
            axes = (2, 3) if dialect == "onnx" else (1, 2)
            rng = np.random.default_rng(3)
            noise = [rng.normal(size=instance.x.shape) for _ in range(5)]
            images = [
                (sum(np.roll(each, step, axes) for step in ((0, 0), (0, 1), (1, 0), (1, 1))) + 4)
                for each in noise
            ]
            return instance, [each.astype(np.float32) for each in images]
    raise AssertionError("no such instance is drawn")


def test_few_samples_of_many_channels_are_not_followed_blindly() -> None:
    # Two samples of 16 places give fewer equations than there are weights.
    rng = np.random.default_rng(6)
    kernel = rng.normal(size=(16, 2, 3, 3))
    start = resize_fit.Fit(kernel + 0.3 * rng.normal(size=kernel.shape), (0, 0), 0.3)

    def pair() -> tuple[Array, Array]:
        x = rng.normal(size=(1, 16, 6, 6))
        whole = resize_fit.transposed(x, kernel, (1, 1))
        return x, resize_fit.window(whole, (2, 2), (4, 4)) + rng.normal(size=(1, 2, 4, 4))

    found, error = calibrate(start, np.zeros(2), [pair() for _ in range(2)], 1)
    off = [float(np.linalg.norm(fit.kernel - kernel)) for fit in (found, start)]
    assert off[0] <= 1.05 * off[1]
    assert 0.2 < error < 1
    single, _ = calibrate(start, np.zeros(2), [pair()], 1)
    assert np.linalg.norm(single.kernel - kernel) <= 1.3 * off[1]


@pytest.mark.parametrize("groups", [1, 2])
def test_the_maths_of_samples(groups: int) -> None:
    # Where a kernel that serves exists, samples find it, whatever the start.
    rng = np.random.default_rng(4)
    kernel = rng.normal(size=(4, 3, 3, 3))
    bias = rng.normal(size=3 * groups)
    large = [rng.normal(size=(2, 4, 12, 10)) for _ in range(2)]

    def outputs(x: Array) -> Array:
        whole = resize_fit.transposed(x, kernel, (1, 1), groups)
        return resize_fit.window(whole, (2, 2), (10, 8)) + bias[:, None, None] + 0.5

    start = resize_fit.Fit(np.zeros_like(kernel), (0, 0), 1.0)
    found, error = calibrate(start, bias, [(x, outputs(x)) for x in large], groups)
    assert error < 1e-5
    assert np.allclose(found.kernel, kernel, atol=1e-4)
    assert found.bias is not None
    assert np.allclose(found.bias, bias + 0.5, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "kernel", "strides", "said"),
    [
        ("nearest-conv", [[1, 2], [3, 4]], (2, 2), "not divisible by the 2x2 kernel"),
        ("bilinear-conv", [[1, 1], [1, 1]], (2, 2), "not divisible by the 3x3 kernel"),
        ("nearest-conv", [[1, 1], [1, 1]], (1, 1), "nothing to resize"),
        ("nearest-conv-fitted", [[1, 1], [1, 1]], (2, 2), "the exact way serves"),
        ("nearest-conv-calibrated", [[1, 1], [1, 1]], (1, 1), "nothing to resize"),
        ("bilinear-conv-calibrated", [[[[1, 2]]]] * 500, (2, 2), "at most 4,096"),
    ],
)
def test_a_broken_precondition_is_refused_with_its_reason(
    name: str, kernel: object, strides: tuple[int, int], said: str, tmp_path: Path
) -> None:
    array = np.array(kernel, np.float32)
    array = array.reshape(-1, 1, *array.shape[-2:])
    t = replace(found_in(tflite_instance(tmp_path, 0)), kernel=array, strides=strides, groups=1)
    refusal = BY_NAME[name].accepts(t)
    assert refusal is not None
    assert said in refusal.reason

"""Ways that change the network: fitted to samples, or near by their algebra."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
import torch
from preparing.torch_instances import shaken
from torch import nn

from npulint.errors import UsageError
from npulint.fixers.norms.fitted import normalised
from npulint.fixers.record import Refusal
from npulint.fixers.torch import prepare
from npulint.preparing import torch_norms
from npulint.preparing.torch_fitting import _normalisation
from npulint.preparing.torch_places import weight_of
from npulint.preparing.torch_samples import Samples
from npulint.preparing.torch_ways import Site, Way, ways_of

IMAGE = (2, 6, 5, 7)


def _image(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """Numbers whose neighbours are alike, as those of photographs."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(shape, generator=generator, dtype=torch.float64)
    smooth = torch.nn.functional.avg_pool2d(drawn, 3, 1, 1)
    return smooth + 0.3 * torch.arange(shape[1], dtype=torch.float64)[:, None, None]


def _way(
    module: nn.Module, name: str, images: list[torch.Tensor], *, fits: bool = True
) -> tuple[Way, Samples]:
    """A way of a module that is given some images, the halves of which are samples."""
    samples = Samples(tuple((each,) for each in images[::2]), tuple((x,) for x in images[1::2]))
    given = (lambda: samples.given(module, "")) if fits else None
    site = Site(((tuple(images[0].shape),),), weight_of(module, images), given)
    found = ways_of(module)
    assert found is not None
    (way,) = (each for each in found(module, site) if each.name == name)
    return way, samples


def _made(way: Way) -> nn.Module:
    assert not isinstance(way.make, Refusal), way.make
    return way.make().eval()


def _off(module: nn.Module, new: nn.Module, samples: Samples) -> float:
    """How far a new module is off on samples held out, relative in RMS."""
    missing = energy = 0.0
    with torch.no_grad():
        for (image,) in samples.judging:
            wanted, found = module(image), new(image)
            assert wanted.shape == found.shape
            missing += float((wanted - found).square().sum())
            energy += float(wanted.square().sum())
    return (missing / energy) ** 0.5


NORMS = {
    "instance": nn.InstanceNorm2d(6, affine=True),
    "instance-bare": nn.InstanceNorm2d(6),
    "group": nn.GroupNorm(3, 6),
    "group-one": nn.GroupNorm(1, 6, affine=False),
    "layer-last": nn.LayerNorm(7),
    "layer-space": nn.LayerNorm((5, 7)),
    "layer-map": nn.LayerNorm((6, 5, 7)),
}


@pytest.mark.parametrize("name", NORMS)
def test_norms_are_what_the_catalogue_has(name: str) -> None:
    module = shaken(NORMS[name], len(name))
    image = _image(IMAGE, 1)
    norm = torch_norms.norm_of(module, IMAGE)
    assert isinstance(norm, torch_norms.Norm)
    with torch.no_grad():
        wanted = module(image).numpy()
    found = normalised(_normalisation(norm, IMAGE), image.numpy())
    assert np.abs(wanted - found).max() <= 1e-12 * np.abs(wanted).max()


@pytest.mark.parametrize("name", NORMS)
def test_fitted_norms_say_how_far_they_are_off(name: str) -> None:
    module = shaken(NORMS[name], len(name))
    way, samples = _way(module, "norm/calibrated", [_image(IMAGE, seed) for seed in range(6)])
    assert way.exactness == "calibrated"
    off = _off(module, _made(way), samples)
    said = re.search(r"off by ([0-9.e+-]+) of", way.note)
    assert said is not None
    assert float(said[1]) == pytest.approx(off, rel=1e-2)
    stripped, _ = _way(module, "norm/strip", [_image(IMAGE, 0)], fits=False)
    # A scale of each element, as two have, is none of each channel.
    better = off < _off(module, _made(stripped), samples)
    assert better or name in ("layer-space", "layer-map")


def test_a_norm_whose_statistics_do_not_change_is_its_scale_and_shift() -> None:
    module = shaken(nn.InstanceNorm2d(6, affine=True), 3)
    way, samples = _way(module, "norm/calibrated", [_image((1, 6, 5, 7), 1)] * 2)
    assert _off(module, _made(way), samples) < 1e-12


@pytest.mark.parametrize("seed", range(8))
def test_fitted_kernels_say_how_far_they_are_off(seed: int) -> None:
    draw = random.Random(seed)
    groups, stride = draw.choice((1, 2)), draw.choice((2, 2, 3))
    kernel = draw.randint(2, 5)
    module = shaken(
        nn.ConvTranspose2d(
            4, 6, kernel, stride, draw.randint(0, 1), draw.randint(0, 1), groups, seed % 2 == 0
        ),
        seed,
    )
    name = "transpose-conv/nearest-conv-calibrated"
    way, samples = _way(module, name, [_image((1, 4, 9, 8), each) for each in range(6)])
    off = _off(module, _made(way), samples)
    said = re.search(r"off by ([0-9.e+-]+) [(]relative", way.note)
    assert said is not None
    assert float(said[1]) == pytest.approx(off, rel=0.1)
    plain, _ = _way(module, "transpose-conv/nearest-conv-fitted", [samples.judging[0][0]])
    # It may be that kernel, where the samples tell nothing that holds for others.
    assert off <= _off(module, _made(plain), samples) * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_a_strided_convolution_over_means_where_its_kernel_is_constant(seed: int) -> None:
    draw = random.Random(seed)
    stride, groups = draw.choice((2, 3)), draw.choice((1, 2))
    blocks, padding = draw.randint(1, 2), draw.choice((0, 1)) * stride
    module = shaken(
        nn.Conv2d(4, 6, blocks * stride, stride, padding, groups=groups, bias=seed % 2 == 0), seed
    )
    with torch.no_grad():
        small = module.weight[:, :, ::stride, ::stride]
        module.weight.copy_(small.repeat_interleave(stride, 2).repeat_interleave(stride, 3))
    image = _image((2, 4, draw.randint(7, 11), draw.randint(7, 11)), seed)
    way, samples = _way(module, "conv/pooled", [image, image], fits=False)
    assert way.exactness == "lossy"
    assert not way.note
    assert _off(module, _made(way), samples) < 1e-12


@pytest.mark.parametrize("seed", range(12))
def test_any_strided_convolution_over_means_makes_as_much(seed: int) -> None:
    draw = random.Random(seed)
    module = shaken(
        nn.Conv2d(
            4, 6, (draw.randint(1, 5), draw.randint(1, 5)), (draw.randint(1, 3), 2),
            (draw.randint(0, 3), draw.randint(0, 3)), draw.choice((1, 2)), draw.choice((1, 2)),
        ),
        seed,
    )  # fmt: skip
    image = _image((1, 4, draw.randint(10, 14), draw.randint(10, 14)), seed)
    way, samples = _way(module, "conv/pooled", [image, image], fits=False)
    assert "leaves" in way.note
    assert _off(module, _made(way), samples) < 1


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_moved_resize_is_as_far_off_as_it_says(factor: int) -> None:
    module = nn.Upsample(scale_factor=factor, mode="bilinear").double()
    ramp = torch.arange(8, dtype=torch.float64).expand(1, 2, 6, 8)
    way, _ = _way(module, "resize/moved", [ramp, ramp], fits=False)
    inside = (..., slice(factor, -factor))
    shift = (_made(way)(ramp) - module(ramp))[inside]
    assert torch.allclose(shift, torch.full_like(shift, (factor - 1) / (2 * factor)), atol=1e-6)
    assert f"up to {(factor - 1) / (2 * factor):.3g} of a sample" in way.note


def test_a_network_is_fitted_and_measured_on_what_was_held_out() -> None:
    module = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.GroupNorm(2, 6))
    module = shaken(module, 5)
    samples = [_image((1, 3, 8, 8), seed).float() for seed in range(5)]
    prepared = prepare(
        module, ["nnapi-1.0"], input_shape=(1, 3, 8, 8), allow="calibrated", samples=iter(samples)
    )
    report = prepared.report
    assert [each.realisation for each in report.replacements] == ["norm/calibrated"]
    assert report.exactness == "calibrated"
    assert report.held_out is not None
    assert report.held_out.samples == 2
    errors = []
    with torch.no_grad():
        for image in (samples[1].double(), samples[3].double()):
            wanted, found = module(image), prepared.module(image)
            errors.append(float((wanted - found).abs().max() / (wanted.max() - wanted.min())))
    assert report.held_out.max_error == pytest.approx(max(errors), rel=1e-3)
    assert "on 2 samples held out" in str(report)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"allow": "calibrated"}, "give samples=, two or more"),
        ({"samples": [torch.zeros(1, 3, 8, 8)] * 2}, "exact ways need none"),
        ({"allow": "lossy", "samples": [torch.zeros(1, 3, 8, 8)]}, "samples: 1 given"),
        ({"allow": "lossy", "samples": torch.zeros(4, 3, 8, 8)}, "samples: give several"),
        ({"allow": "lossy", "samples": [torch.zeros(1, 3, 8, 8), 4]}, "samples: give a tensor"),
    ],
)
def test_wrong_samples_are_said_in_a_line(arguments, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        prepare(nn.Conv2d(3, 4, 3), ["nnapi-1.2"], input_shape=(1, 3, 8, 8), **arguments)

"""Every exact way is the module that it takes the place of, in float64."""

from __future__ import annotations

import pytest
import torch
from preparing import torch_instances as instances
from torch import nn

from npulint.fixers.record import Refusal
from npulint.preparing import torch_norms
from npulint.preparing.torch_places import weight_of
from npulint.preparing.torch_ways import Site, Way, ways_of

RELATIVE = 1e-12
"""Of the largest element: float64 rounds at 1e-16, and sums here have some hundred terms."""

BOUNDED = {"gelu/rational-erf": 1e-7}
"""Exact to a bound that the catalogue proves, of the size of float32's rounding."""


def _ways(module: nn.Module, image: torch.Tensor) -> list[Way]:
    found = ways_of(module)
    assert found is not None
    return list(found(module, Site(((tuple(image.shape),),), weight_of(module, (image,)))))


def _agree(module: nn.Module, image: torch.Tensor, ways: list[Way]) -> set[str]:
    """Compare every exact way that serves; hand back their names."""
    with torch.no_grad():
        wanted = module(image)
    held = set()
    for way in ways:
        if isinstance(way.make, Refusal) or way.exactness != "exact":
            continue
        made = way.make().eval()
        with torch.no_grad():
            found = made(image)
        assert found.shape == wanted.shape, way.name
        assert found.dtype == torch.float64, way.name
        bound = BOUNDED.get(way.name, RELATIVE) * max(float(wanted.abs().max()), 1.0)
        assert float((found - wanted).abs().max()) <= bound, way.name
        held.add(way.name)
    return held


def _image(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("seed", range(60))
def test_transposed_convolutions(seed: int) -> None:
    module, shape = instances.transposed(seed)
    image = _image(shape, seed)
    held = _agree(module, image, _ways(module, image))
    assert "transpose-conv/zero-insert-conv" in held
    assert ("transpose-conv/sub-pixel" in held) == (
        module.stride[0] == module.stride[1] and module.stride != (1, 1)
    )


@pytest.mark.parametrize("seed", range(60))
def test_convolutions(seed: int) -> None:
    module, shape = instances.convolution(seed)
    image = _image(shape, seed)
    held = _agree(module, image, _ways(module, image))
    assert ("conv/dense" in held) == (module.groups > 1) == ("conv/by-group" in held)
    assert ("conv/stuffed" in held) == (module.dilation != (1, 1))


CASES = {name: (module, shape) for name, module, shape in instances.others()}


@pytest.mark.parametrize("name", CASES)
def test_other_modules(name: str) -> None:
    module, shape = CASES[name]
    module = instances.shaken(module, len(name))
    image = _image(shape, len(name))
    assert _agree(module, image, _ways(module, image))


def test_gelu_is_within_its_bound() -> None:
    image = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    assert _agree(nn.GELU(), image, _ways(nn.GELU(), image)) == {"gelu/rational-erf"}


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_a_resize_whose_scale_gives_no_whole_size_stays(mode: str) -> None:
    # 2 * 2.25 is 4 samples, which lie 1/2.25 apart and not 1/2.
    image = _image((1, 3, 2, 2), 1)
    for again, refused in ((None, True), (True, False)):
        module = nn.Upsample(scale_factor=2.25, mode=mode, recompute_scale_factor=again)
        ways = _ways(module, image)
        assert all(isinstance(each.make, Refusal) for each in ways) is refused
        assert bool(_agree(module, image, ways)) is not refused


def test_a_softplus_that_is_straight_too_early_stays() -> None:
    (way,) = _ways(nn.Softplus(threshold=2), torch.zeros(1))
    assert isinstance(way.make, Refusal)


def test_a_transposed_convolution_divisible_by_a_box_is_a_resize() -> None:
    module = instances.shaken(nn.ConvTranspose2d(4, 6, 4, 2, 1, groups=2), 3)
    with torch.no_grad():
        small = torch.randn(4, 3, 3, 3, dtype=torch.float64)
        box = torch.zeros(4, 3, 4, 4, dtype=torch.float64)
        for row in (0, 1):
            for column in (0, 1):
                box[:, :, row : row + 3, column : column + 3] += small
        module.weight.copy_(box)
    image = _image((2, 4, 5, 6), 3)
    assert "transpose-conv/nearest-conv" in _agree(module, image, _ways(module, image))


@pytest.mark.parametrize("trained", [False, True])
def test_a_norm_of_the_users_own_is_read(trained: bool, exporter) -> None:
    module = instances.ChannelNorm(6).double()
    if trained:
        module = instances.shaken(module, 1)
    image = _image((2, 6, 5, 4), 2)
    (model,) = exporter.parts([module], [(tuple(image.shape),)])
    norm = torch_norms.read(module, model)
    assert isinstance(norm, torch_norms.Norm)
    assert norm.scale is module.weight
    assert norm.shift is module.bias
    ways = list(torch_norms.ways(norm, Site(((tuple(image.shape),),), module.weight)))
    assert _agree(module, image, ways) == {"norm/means", "norm/conv-centred"}

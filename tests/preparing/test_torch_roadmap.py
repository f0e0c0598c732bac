"""The transformations by name: what they change, what it costs, and what stays the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from preparing.torch_instances import ChannelNorm, shaken
from torch import nn

from npulint.cost import summarise
from npulint.errors import UsageError
from npulint.fixers.torch import Transformation, prepare
from npulint.preparing.sampling import bilinear_response
from npulint.preparing.torch_partial import PartialConvolution
from npulint.reference_models import define
from npulint.reference_models.torch_builder import build

SHAPE = (1, 8, 16, 24)


def _image(shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def _prepared(module: nn.Module, *steps: str | Transformation, shape: tuple[int, ...] = SHAPE):
    return prepare(module, ["tflite-gpu"], input_shape=shape, transformations=steps)


def _differs(one: nn.Module, other: nn.Module, image: torch.Tensor) -> float:
    with torch.no_grad():
        wanted, found = one(image), other(image)
    return float((wanted - found).abs().max()) / float(wanted.abs().max())


class Separable(nn.Module):
    """Two depthwise convolutions at two resolutions between whole ones."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(8, 8, 3, padding=1)
        self.fine = nn.Conv2d(8, 8, 5, padding=2, groups=8)
        self.down = nn.Conv2d(8, 16, 2, 2)
        self.coarse = nn.Conv2d(16, 16, 3, padding="same", groups=16, bias=False)
        self.mixed = nn.Conv2d(16, 16, 3, padding=1)
        self.point = nn.Conv2d(16, 32, 1)
        self.up = nn.PixelShuffle(2)
        self.last = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.down(torch.relu(self.fine(self.first(x))))
        return self.last(self.up(self.point(self.mixed(self.coarse(x)))))


def test_partial_convolutions_keep_the_kernels_of_what_they_see() -> None:
    module = shaken(Separable(), 1)
    prepared = _prepared(module, "partial-convolution")
    (made,) = prepared.report.transformations
    assert [each.path for each in made.changes] == ["fine", "coarse", "mixed"]
    assert made.kept.keys() == {"first", "last", "down"}
    assert "makes 16 channels of 8" in made.kept["down"] or "strides" in made.kept["down"]
    coarse = prepared.module.coarse
    assert isinstance(coarse, PartialConvolution)
    x = _image((1, 16, 6, 7))
    with torch.no_grad():
        wanted, found = module.coarse(x), coarse(x)
    assert torch.allclose(found[:, :4], wanted[:, :4], rtol=0, atol=1e-12)
    assert torch.equal(found[:, 4:], x[:, 4:])
    assert torch.equal(prepared.module.mixed.convolution.weight, module.mixed.weight[:4, :4])
    assert prepared.report.exactness == "lossy"


def test_wider_layers_compute_the_same_and_more_may_be_learnt() -> None:
    narrow = _prepared(shaken(Separable(), 2), "partial-convolution").module
    prepared = _prepared(narrow, "wider-cheap-layers:[cf]*")
    (made,) = prepared.report.transformations
    assert [each.path for each in made.changes] == ["fine", "coarse"]
    assert prepared.report.exactness == "exact"
    assert _differs(narrow, prepared.module, _image()) < 1e-14
    assert prepared.module.coarse.convolution.in_channels == 8
    assert made.after.parameters > made.before.parameters
    assert made.after.macs > made.before.macs


@pytest.mark.parametrize(
    ("size", "dilation", "widened"), [(2, 1, True), (4, 2, False), (3, 2, True)]
)
def test_channels_pass_by_where_a_tap_lies_on_the_sample(
    size: int, dilation: int, widened: bool
) -> None:
    middle = nn.Conv2d(8, 8, size, padding="same", dilation=dilation)
    module = shaken(nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), middle, nn.Conv2d(8, 8, 1)), 2)
    narrow = _prepared(module, "partial-convolution:1").module
    prepared = _prepared(narrow, "wider-middle-layers:1")
    (made,) = prepared.report.transformations
    assert bool(made.changes) is widened
    assert widened or "no tap" in made.kept["1"]
    assert _differs(narrow, prepared.module, _image()) < 1e-14


def test_cheap_layers_are_those_below_the_mean() -> None:
    narrow = _prepared(shaken(Separable(), 2), "partial-convolution").module
    (made,) = _prepared(narrow, "wider-cheap-layers").report.transformations
    # Whole they would multiply 8*8*25*16*24, 16*16*9*8*12 and the same again.
    assert [each.path for each in made.changes] == ["coarse", "mixed"]
    assert "not cheap" in made.kept["fine"]


def test_a_partial_depthwise_convolution_of_a_depthwise_one_loses_nothing() -> None:
    module = shaken(Separable(), 3)
    narrow = _prepared(module, "partial-convolution:coarse").module
    step = Transformation("partial-depthwise-convolution", where="coarse", threshold=4)
    prepared = _prepared(narrow, step)
    assert _differs(narrow, prepared.module, _image()) < 1e-14
    assert prepared.report.exactness == "exact"
    assert prepared.module.coarse.convolution.groups == 4
    direct = _prepared(module, step)
    assert _differs(direct.module, prepared.module, _image()) < 1e-14


def test_a_partial_depthwise_convolution_of_a_whole_one_says_what_it_loses() -> None:
    narrow = _prepared(shaken(Separable(), 3), "partial-convolution:mixed").module
    step = Transformation("partial-depthwise-convolution", threshold=4)
    (made,) = _prepared(narrow, step).report.transformations
    change = next(each for each in made.changes if each.path == "mixed")
    assert "left out" in change.note
    assert not change.exact
    (kept,) = _prepared(narrow, "partial-depthwise-convolution:mixed").report.transformations
    assert kept.kept == {"mixed": "it looks at 4 channels, fewer than 32"}


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "extra"),
    [(2, 2, 0, 0), (4, 2, 1, 0), (3, 2, 1, 1), (3, 3, 0, 0)],
)
def test_decoupled_upsampling(kernel: int, stride: int, padding: int, extra: int) -> None:
    module = shaken(nn.ConvTranspose2d(8, 4, kernel, stride, padding, extra), 4)
    prepared = _prepared(module, "decoupled-upsampling")
    (change,) = prepared.report.transformations[0].changes
    assert "leaves" in change.note
    with torch.no_grad():
        assert prepared.module(_image()).shape == module(_image()).shape
    taps = 1 if kernel <= stride else 3
    assert tuple(prepared.module.convolution.kernel_size) == (taps, taps)


@pytest.mark.parametrize("stride", [2, 3])
def test_upsampling_that_is_a_bilinear_resize_is_decoupled_without_loss(stride: int) -> None:
    one = bilinear_response(stride)
    kernel = np.zeros((3, 3, 3 * stride, 3 * stride))
    kernel[[0, 1, 2], [0, 1, 2]] = np.outer(one, one)
    module = nn.ConvTranspose2d(3, 3, 3 * stride, stride, stride, bias=False).double()
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(kernel))
    prepared = _prepared(module, "decoupled-upsampling", shape=(1, 3, 6, 5))
    image = _image((1, 3, 6, 5))
    with torch.no_grad():
        wanted, found = module(image), prepared.module(image)
    inside = (slice(None), slice(None), slice(stride, -stride), slice(stride, -stride))
    assert torch.allclose(wanted[inside], found[inside], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("kernel", "padding"), [(2, 0), (3, 1), (4, 1), (5, 2)])
@pytest.mark.parametrize("groups", [1, 8])
def test_decoupled_downsampling(kernel: int, padding: int, groups: int) -> None:
    module = shaken(nn.Conv2d(8, 16, kernel, 2, padding, groups=groups), 5)
    prepared = _prepared(module, "decoupled-downsampling")
    (change,) = prepared.report.transformations[0].changes
    assert change.made == "average pool + convolution"
    with torch.no_grad():
        assert prepared.module(_image()).shape == module(_image()).shape


def test_downsampling_that_is_a_mean_is_decoupled_without_loss() -> None:
    module = shaken(nn.Conv2d(8, 8, 2, 2), 6)
    with torch.no_grad():
        module.weight.copy_(module.weight.mean((2, 3), keepdim=True).expand_as(module.weight))
    prepared = _prepared(module, "decoupled-downsampling")
    assert _differs(module, prepared.module, _image()) < 1e-12


def test_what_is_not_half_as_large_stays() -> None:
    (made,) = _prepared(nn.Conv2d(8, 8, 3, 2), "decoupled-downsampling").report.transformations
    assert "does not lie" in made.kept[""]


def test_norms_are_stripped_to_their_scale_and_shift() -> None:
    module = nn.Sequential(
        nn.Conv2d(8, 6, 3), ChannelNorm(6), nn.InstanceNorm2d(6, affine=True), nn.GroupNorm(2, 6)
    )
    module = shaken(module, 7)
    prepared = _prepared(module, "strip-norms")
    (made,) = prepared.report.transformations
    assert [each.path for each in made.changes] == ["1", "2", "3"]
    wide = (1, -1, 1, 1)
    with torch.no_grad():
        wanted = module[0](_image())
        for norm in module[1:]:
            wanted = wanted * norm.weight.reshape(wide) + norm.bias.reshape(wide)
        found = prepared.module(_image())
    assert float((found - wanted).abs().max()) <= 1e-12 * float(wanted.abs().max())
    assert made.before.parameters == made.after.parameters
    # The convolution before them does what is left of them.
    assert all(isinstance(each, nn.Identity) for each in prepared.module[1:])
    assert "scale and shift of 1, 2, 3 are part of" in " ".join(prepared.report.notes)


class Normed(nn.Module):
    """Norms before a convolution, and where none can do what is left of them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.InstanceNorm2d(8, affine=True)
        self.bare = nn.Conv2d(8, 12, 3, groups=4, bias=False)
        self.side = nn.GroupNorm(3, 12)
        self.padded = nn.Conv2d(12, 8, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bare(self.first(x))
        return self.padded(self.side(x) + x)


def test_what_is_left_of_a_norm_is_folded_only_where_nothing_else_sees_it() -> None:
    module = shaken(Normed(), 9)
    prepared = _prepared(module, "strip-norms")
    wide = (1, -1, 1, 1)
    with torch.no_grad():
        x = _image() * module.first.weight.reshape(wide) + module.first.bias.reshape(wide)
        x = module.bare(x)
        x = x * module.side.weight.reshape(wide) + module.side.bias.reshape(wide) + x
        wanted, found = module.padded(x), prepared.module(_image())
    assert float((found - wanted).abs().max()) <= 1e-12 * float(wanted.abs().max())
    assert isinstance(prepared.module.first, nn.Identity)
    assert not isinstance(prepared.module.side, nn.Identity)
    assert prepared.module.bare.bias is not None


def test_steps_alone_ask_no_target() -> None:
    module = shaken(nn.Sequential(nn.Conv2d(8, 6, 3), nn.InstanceNorm2d(6, affine=True)), 7)
    steps = ("strip-norms:1", "strip-norms:decoder.*")
    report = prepare(module, input_shape=SHAPE, transformations=steps).report
    assert [each.path for each in report.transformations[0].changes] == ["1"]
    assert "strip-norms:decoder.*: no layer has such a path" in report.notes
    assert not report.before
    assert not report.replacements


def test_resize_convolution_keeps_what_a_resize_makes() -> None:
    module = shaken(nn.ConvTranspose2d(8, 4, 2, 2), 8)
    with torch.no_grad():
        module.weight.copy_(module.weight[:, :, :1, :1].expand_as(module.weight))
    prepared = _prepared(module, "resize-convolution")
    assert prepared.report.exactness == "exact"
    assert _differs(module, prepared.module, _image()) < 1e-6


def test_the_roadmap_of_the_paper_costs_what_its_networks_cost(exporter, full: bool) -> None:
    shape = (1, 3, 64, 64)
    reached = ((0, "pmrid_pconv"), (2, "pmrid_pconv_cheap")) if full else ((0, "pmrid_pconv"),)
    steps = ("partial-convolution", "wider-cheap-layers:encdec*", "wider-cheap-layers:dec[1-4]*")
    asked = steps[: reached[-1][0] + 1]
    report = _prepared(build(define("pmrid")), *asked, shape=shape).report
    for made, name in reached:
        other = exporter.whole(build(define(name)), (torch.zeros(shape),)).model
        assert report.transformations[made].after.macs == summarise(other).macs


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (("faster",), "transformation 'faster': give one of partial-convolution"),
        (("wider-middle-layers",), "name them"),
        ("strip-norms", "give a sequence of names"),
        ((Transformation("partial-convolution", divisor=1),), "divisor of 2 or more"),
    ],
)
def test_wrong_names_are_said_in_a_line(steps, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        prepare(nn.Conv2d(8, 8, 3), input_shape=SHAPE, transformations=steps)

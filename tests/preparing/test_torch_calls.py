"""Calls in a network's own code: the layers that they become, and what cannot be traced."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from preparing.torch_instances import shaken
from torch import nn

from npulint.fixers.torch import prepare
from npulint.preparing.torch_calls import call_of
from npulint.preparing.torch_tracing import as_module, trace

SHAPE = (1, 4, 6, 8)


class Own(nn.Module):
    """A module whose code is one call, with tensors for those that take some."""

    def __init__(self, call) -> None:
        super().__init__()
        self.call = call
        self.weight = nn.Parameter(torch.randn(4))
        self.bias = nn.Parameter(torch.randn(4))
        self.kernel = nn.Parameter(torch.randn(4, 2, 3, 3))
        self.register_buffer("blur", torch.randn(4, 1, 3, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.call(self, x)


CALLS = {
    "nearest": (nn.Upsample, lambda s, x: F.interpolate(x, scale_factor=2)),
    "bilinear": (nn.Upsample, lambda s, x: F.interpolate(x, (12, 24), mode="bilinear")),
    "corners": (nn.Upsample, lambda s, x: F.interpolate(x, None, 2, "bilinear", True)),
    "size-of-it": (nn.Upsample, lambda s, x: F.interpolate(x, size=(x.shape[2] * 2, x.size(3)))),
    "size-odd": (nn.Upsample, lambda s, x: F.interpolate(x, [x.shape[2] + 1, x.shape[3] + 3])),
    "shuffle": (nn.PixelShuffle, lambda s, x: F.pixel_shuffle(x, 2)),
    "unshuffle": (nn.PixelUnshuffle, lambda s, x: F.pixel_unshuffle(x, downscale_factor=2)),
    "gelu": (nn.GELU, lambda s, x: F.gelu(x)),
    "gelu-tanh": (nn.GELU, lambda s, x: F.gelu(x, approximate="tanh")),
    "silu": (nn.SiLU, lambda s, x: F.silu(x)),
    "silu-in-place": (nn.SiLU, lambda s, x: F.silu(x, inplace=True)),
    "hardswish": (nn.Hardswish, lambda s, x: F.hardswish(x)),
    "hardsigmoid": (nn.Hardsigmoid, lambda s, x: F.hardsigmoid(x)),
    "elu": (nn.ELU, lambda s, x: F.elu(x, 0.5)),
    "softplus": (nn.Softplus, lambda s, x: F.softplus(x, 1, threshold=5)),
    "leaky": (nn.LeakyReLU, lambda s, x: F.leaky_relu(x, 0.3)),
    "prelu": (nn.PReLU, lambda s, x: F.prelu(x, s.weight)),
    "sigmoid": (nn.Sigmoid, lambda s, x: torch.sigmoid(x)),
    "sigmoid-f": (nn.Sigmoid, lambda s, x: F.sigmoid(x)),
    "sigmoid-method": (nn.Sigmoid, lambda s, x: x.sigmoid()),
    "tanh": (nn.Tanh, lambda s, x: x.tanh()),
    "layer": (nn.LayerNorm, lambda s, x: F.layer_norm(x, (8,))),
    "layer-scaled": (
        nn.LayerNorm,
        lambda s, x: F.layer_norm(x.permute(0, 2, 3, 1), (4,), s.weight, s.bias, 1e-6),
    ),
    "layer-no-bias": (
        nn.LayerNorm, lambda s, x: F.layer_norm(x.transpose(1, 3), (4,), weight=s.weight),
    ),
    "instance": (nn.InstanceNorm2d, lambda s, x: F.instance_norm(x)),
    "instance-scaled": (
        nn.InstanceNorm2d, lambda s, x: F.instance_norm(x, weight=s.weight, bias=s.bias, eps=0.1),
    ),
    "group": (nn.GroupNorm, lambda s, x: F.group_norm(x, 2, s.weight, s.bias)),
    "average": (nn.AvgPool2d, lambda s, x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)),
    "adaptive": (nn.AdaptiveAvgPool2d, lambda s, x: F.adaptive_avg_pool2d(x, 1)),
    "mean": (nn.AdaptiveAvgPool2d, lambda s, x: x.mean((2, 3), keepdim=True)),
    "mean-torch": (nn.AdaptiveAvgPool2d, lambda s, x: torch.mean(x, [-1, -2], True)),
    "conv": (nn.Conv2d, lambda s, x: F.conv2d(x, s.kernel, s.weight, padding=1, groups=2)),
    "conv-buffer": (nn.Conv2d, lambda s, x: F.conv2d(x, s.blur, None, 2, 1, groups=4)),
    "transposed": (
        nn.ConvTranspose2d,
        lambda s, x: F.conv_transpose2d(x, s.kernel, stride=2, output_padding=1),
    ),
}  # fmt: skip
"""What a call becomes."""


def _always(_: nn.Module) -> bool:
    return True


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_its_layer(name: str) -> None:
    kind, call = CALLS[name]
    module = shaken(Own(call), len(name)).eval()
    traced = trace(module, (SHAPE,), _always)
    assert not isinstance(traced, str), traced
    held = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    found = [each for node in traced.graph.nodes if (each := call_of(node, traced, held))]
    (made,) = found
    assert type(made.layer) is kind
    image = torch.randn(SHAPE, dtype=torch.float64)
    with torch.no_grad():
        wanted = module(image.clone())
        source = {"layer-scaled": (0, 2, 3, 1), "layer-no-bias": (0, 3, 2, 1)}.get(name)
        assert torch.equal(made.layer(image.permute(source) if source else image), wanted)
    if made.weights:
        trained = [each.requires_grad for each in made.layer.parameters()]
        assert trained == [held[each].requires_grad for each in made.weights]


OTHERS = {
    "antialias": lambda s, x: F.interpolate(x, (3, 4), mode="bilinear", antialias=True),
    "flat": lambda s, x: F.interpolate(x.flatten(2), scale_factor=2),
    "computed-weight": lambda s, x: F.prelu(x, s.weight * 2),
    "computed-slope": lambda s, x: F.leaky_relu(x, 1.0 / x.shape[2]),
    "bias-only": lambda s, x: F.group_norm(x, 2, None, s.bias),
    "statistics": lambda s, x: F.instance_norm(x, s.weight, s.bias, use_input_stats=False),
    "no-keepdim": lambda s, x: x.mean((2, 3)),
    "channels": lambda s, x: x.mean(1, keepdim=True),
    "all": lambda s, x: x.mean(),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_no_layer_does_stays_a_call(name: str) -> None:
    module = Own(OTHERS[name]).eval()
    traced = trace(module, (SHAPE,), _always)
    assert not isinstance(traced, str), traced
    held = dict(module.named_parameters())
    assert not any(call_of(node, traced, held) for node in traced.graph.nodes)


def _by_elements(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return x if x.sum() > 0 else -x


def _by_mode(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return F.dropout(x, 0.5, module.training)


def _own_tensor(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return x + torch.rand(8)


def _counting(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    module.count = getattr(module, "count", 0) + 1
    return x


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (_by_elements, "decides by the elements of a tensor"),
        (_by_mode, "in training, its code is another"),
        (_own_tensor, "makes tensors of its own"),
        (_counting, "changes its attributes"),
    ],
)
def test_what_cannot_be_traced_is_said(call, said: str) -> None:
    module = Own(call)
    before = {name: id(each) for name, each in vars(module).items()}
    assert said in trace(module, (SHAPE,), _always)
    assert {name: id(each) for name, each in vars(module).items()} == before


class Sizes(nn.Module):
    """Code that decides by sizes in all the ways of Python."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)])
        self.spare = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor, skip: torch.Tensor | None = None) -> torch.Tensor:
        height = x.shape[2]
        if height % 4:
            x = F.pad(x, (0, 0, 0, int(4 - height % 4)))
        for place in range(len(x.shape) - 2):
            x = self.convs[place](x)
        if skip is not None:
            x = x + skip
        parts = [each * 2 for each in x.chunk(2, 1)]
        return torch.cat(parts, 1)[:, :, :height] / math.sqrt(x.shape[1])


def test_what_sizes_decide_is_held_to() -> None:
    module = shaken(Sizes(), 1)
    traced = trace(module, (SHAPE,), _always)
    assert not isinstance(traced, str), traced
    assert traced.decided
    made = as_module(module, traced.graph)
    assert list(made.state_dict()) == list(module.state_dict())
    again = copy.deepcopy(made)
    assert again.state_dict().keys() == module.state_dict().keys()
    for each in (made, again):
        for shape in (SHAPE, (3, 4, 10, 5)):
            image = torch.randn(shape, dtype=torch.float64)
            assert torch.equal(each(image), module(image))
        with pytest.raises(ValueError, match="prepared for sizes"):
            each(torch.randn((1, 4, 8, 8), dtype=torch.float64))


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)
        self.spare = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.conv(x)).reshape(x.shape[0], -1)


def test_a_traced_module_can_be_saved() -> None:
    module = Plain()
    traced = trace(module, (SHAPE,), _always)
    assert not isinstance(traced, str), traced
    made = pickle.loads(pickle.dumps(as_module(module, traced.graph)))
    assert made.state_dict().keys() == module.state_dict().keys()
    image = torch.randn((3, 4, 6, 8))
    assert torch.equal(made(image), module(image))


class Up(nn.Module):
    """Weights of its own, a size that is taken from elsewhere, and a layer that is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 4, 2, 2))
        self.spare = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        x = F.conv_transpose2d(x, self.weight, stride=2)
        x = F.interpolate(x, size=skip.shape[2:], mode="bilinear")
        return F.leaky_relu(x, 0.1) + skip


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 4, 3, 4, 1)
        self.side = nn.Conv2d(3, 4, 1)
        self.up = Up()
        self.head = nn.Conv2d(4, 12, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.up(self.down(x), self.side(x))
        return F.pixel_shuffle(self.head(x), 2)


IMAGE = (1, 3, 16, 24)


def test_calls_are_replaced_as_layers_are() -> None:
    module = shaken(Network(), 2)
    module.up.spare.train()
    names = set(module.state_dict())
    prepared = prepare(module, ["nnapi-1.2"], input_shape=IMAGE)
    new = prepared.module
    assert prepared.report.clean
    made = {each.paths: (each.what, each.realisation) for each in prepared.report.replacements}
    assert made["up.interpolate",][0] == "forward: interpolate"
    assert made["up.interpolate",][1].startswith("resize/")
    assert made["head", "pixel_shuffle"][1] == "shuffle/channel-order"
    assert len(made) == 2
    image = torch.randn(IMAGE, dtype=torch.float64)
    with torch.no_grad():
        wanted, found = module(image), new(image)
    assert float((wanted - found).abs().max()) <= 1e-12 * float(wanted.abs().max())
    # What nothing took the place of is a call again, with weights under their own names.
    assert {"up.weight", "up.spare.weight", "down.weight"} <= set(new.state_dict())
    assert names - set(new.state_dict()) == {"head.weight", "head.bias"}
    assert new.up.spare.training
    assert not new.up.training
    assert "torch.nn.functional.leaky_relu" in new.up.code
    assert "torch.conv_transpose2d" in new.up.code
    assert sum("GraphModule" in each for each in prepared.report.notes) == 2


def test_weights_of_a_call_go_to_what_takes_its_place() -> None:
    module = shaken(Network(), 3)
    prepared = prepare(module, ["nnapi-1.1"], input_shape=IMAGE)
    new = prepared.module
    assert "up.weight" not in new.state_dict()
    assert new.up.get_submodule("conv_transpose2d")[0].weight.requires_grad
    image = torch.randn((2, 3, 16, 24), dtype=torch.float64)
    wanted, found = module(image).detach(), new(image)
    assert float((wanted - found.detach()).abs().max()) <= 1e-12 * float(wanted.abs().max())
    found.sum().backward()
    assert all(
        each.grad is not None for name, each in new.named_parameters()
        if each.requires_grad and "spare" not in name
    )  # fmt: skip
    # The interpolation was by a whole factor, which other sizes keep.
    image = torch.randn((1, 3, 32, 16), dtype=torch.float64)
    with torch.no_grad():
        wanted, found = module(image), new(image)
    assert float((wanted - found).abs().max()) <= 1e-12 * float(wanted.abs().max())
    with pytest.raises(ValueError, match="prepared for sizes"):
        new(torch.randn((1, 3, 18, 24), dtype=torch.float64))


def test_a_network_of_which_no_call_is_replaced_is_the_users_own() -> None:
    module = shaken(Own(lambda s, x: F.elu(x, 0.5) * s.weight.sum()), 4)
    prepared = prepare(module, ["nnapi-1.1"], input_shape=SHAPE)
    assert type(prepared.module) is Own
    assert list(prepared.module.state_dict()) == list(module.state_dict())
    assert not prepared.report.replacements
    (left,) = prepared.report.left
    assert (left.paths, left.what) == (("",), "forward: elu")
    assert "alpha is 0.5" in left.lost[0].why


def test_why_calls_stay_is_said() -> None:
    module = Own(lambda s, x: F.pixel_shuffle(F.dropout(x, 0.5, s.training), 2))
    (left,) = prepare(module, ["nnapi-1.2"], input_shape=SHAPE).report.left
    assert "its calls were not made layers: in training, its code is another" in left.why


class Reading(nn.Module):
    """What the activation writes into is read again, or not."""

    def __init__(self, again: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)
        self.activation = nn.LeakyReLU(inplace=True)
        self.again = again

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        y = self.activation(x)
        return x + y if self.again else y


@pytest.mark.parametrize("again", [False, True])
def test_layers_that_write_into_what_they_are_given(again: bool) -> None:
    module = shaken(Reading(again), 5)
    prepared = prepare(module, ["nnapi-1.1"], input_shape=SHAPE)
    image = torch.randn(SHAPE, dtype=torch.float64)
    with torch.no_grad():
        wanted, found = module(image), prepared.module(image)
    assert float((wanted - found).abs().max()) <= 1e-12 * float(wanted.abs().max())
    assert bool(prepared.report.replacements) is not again
    assert all("inplace=False" in each.why for each in prepared.report.left) is again or not again

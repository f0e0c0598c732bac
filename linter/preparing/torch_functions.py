"""Activations and pools written out in plainer operators."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from npulint.fixers.pointwise.gelu import LOWER, REACH, UPPER
from npulint.fixers.record import Refusal
from npulint.preparing.torch_making import Maker, numbers
from npulint.preparing.torch_ways import Way

if TYPE_CHECKING:
    from npulint.preparing.torch_ways import Site, Ways


_STRAIGHT = 20
"""PyTorch's own threshold: from there on log(1 + e^x) is x to 2.1e-9, below float32's rounding."""


class Function(nn.Module):
    """A function of each element, by its name among the catalogue's realisations."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute it."""
        return _FUNCTIONS[self.name](x)

    def extra_repr(self) -> str:
        """Its name."""
        return self.name


class Slopes(nn.Module):
    """x where it is positive, else a slope times x, without an operator for that.

    Args:
        slope: One number, or one for each channel.
        largest: Whether the larger of x and its multiple is taken, which is the same for slopes
            from 0 to 1, rather than a difference of rectified parts.
    """

    def __init__(self, slope: nn.Parameter | float, *, largest: bool) -> None:
        super().__init__()
        self.slope = slope
        self.largest = largest

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute it; relu(x) - x is relu(-x), without rounding."""
        slope = self.slope
        if isinstance(slope, torch.Tensor) and slope.numel() > 1:
            slope = slope.reshape(-1, *(1,) * (x.dim() - 2))
        if self.largest:
            return torch.maximum(x, x * slope)
        positive = torch.relu(x)
        return positive - (positive - x) * slope

    def extra_repr(self) -> str:
        """How it computes."""
        return f"largest={self.largest}"


def _gelu(x: torch.Tensor) -> torch.Tensor:
    t = torch.clamp(x * (math.sqrt(0.5) / REACH), -1.0, 1.0)
    square = t * t
    return x * 0.5 * (t * _polynomial(square, UPPER) / _polynomial(square, LOWER) + 1.0)


def _polynomial(x: torch.Tensor, coefficients: tuple[float, ...]) -> torch.Tensor:
    value = x * coefficients[-1] + coefficients[-2]
    for item in reversed(coefficients[:-2]):
        value = value * x + item
    return value


def _inner(x: torch.Tensor, factor: float) -> torch.Tensor:
    """Factor * sqrt(2/pi) * (x + 0.044715 x^3)."""
    scale = factor * math.sqrt(2.0 / math.pi)
    return x * (x * x * (0.044715 * scale) + scale)


def _hard_gate(x: torch.Tensor) -> torch.Tensor:
    return torch.clamp(x + 3.0, 0.0, 6.0) * (1.0 / 6.0)


def _elu(x: torch.Tensor) -> torch.Tensor:
    positive = torch.relu(x)
    return positive + (torch.exp(x - positive) - 1.0)


def _softplus(x: torch.Tensor) -> torch.Tensor:
    positive = torch.relu(x)
    return positive + torch.log(torch.exp(x - positive - positive) + 1.0)


_FUNCTIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gelu/rational-erf": _gelu,
    "gelu/tanh": lambda x: x * 0.5 * (torch.tanh(_inner(x, 1.0)) + 1.0),
    "gelu/tanh-as-logistic": lambda x: x * torch.sigmoid(_inner(x, 2.0)),
    "gelu/logistic": lambda x: x * torch.sigmoid(x * 1.702),
    "gelu-tanh/tanh": lambda x: x * 0.5 * (torch.tanh(_inner(x, 1.0)) + 1.0),
    "gelu-tanh/logistic": lambda x: x * torch.sigmoid(_inner(x, 2.0)),
    "silu/logistic": lambda x: x * torch.sigmoid(x),
    "silu/tanh": lambda x: x * (torch.tanh(x * 0.5) * 0.5 + 0.5),
    "hard-swish/relu6": lambda x: x * _hard_gate(x),
    "hard-sigmoid/relu6": _hard_gate,
    "logistic/tanh": lambda x: torch.tanh(x * 0.5) * 0.5 + 0.5,
    "tanh/logistic": lambda x: torch.sigmoid(x * 2.0) * 2.0 - 1.0,
    "elu/exp": _elu,
    "softplus/exp-log": _softplus,
    "mean/means": lambda x: x.mean((2, 3), keepdim=True),
}
"""By the names that the catalogue has for them."""

_LOSSY = frozenset({"gelu/tanh", "gelu/tanh-as-logistic", "gelu/logistic"})


def _named(*names: str) -> Ways:
    def ways(module: nn.Module, site: Site) -> Iterator[Way]:
        del module, site
        for name in names:
            yield Way(name, partial(Function, name), "lossy" if name in _LOSSY else "exact")

    return ways


def _gelus(module: nn.Module, site: Site) -> Iterator[Way]:
    if module.approximate == "tanh":
        yield from _named("gelu-tanh/logistic", "gelu-tanh/tanh")(module, site)
        return
    names = "gelu/rational-erf", "gelu/tanh", "gelu/tanh-as-logistic", "gelu/logistic"
    yield from _named(*names)(module, site)


def _elus(module: nn.Module, site: Site) -> Iterator[Way]:
    if module.alpha != 1.0:
        yield Way("elu/exp", Refusal(f"its alpha is {module.alpha}, and only 1 is written out"))
        return
    yield from _named("elu/exp")(module, site)


def _softpluses(module: nn.Module, site: Site) -> Iterator[Way]:
    if module.beta != 1:
        yield Way("softplus/exp-log", Refusal(f"its beta is {module.beta}, and only 1 is"))
        return
    if module.threshold < _STRAIGHT:
        said = f"it is x itself from {module.threshold} on, where it differs from that as yet"
        yield Way("softplus/exp-log", Refusal(said))
        return
    yield from _named("softplus/exp-log")(module, site)


def _prelu(module: nn.Module, site: Site) -> Iterator[Way]:
    del site
    slope = numbers(module.weight)
    make = Maker(module.weight)
    if slope.min() >= 0 and slope.max() <= 1:
        note = "the same for slopes from 0 to 1, as its slopes are: training may move them"
        yield Way(
            "prelu/maximum",
            lambda: Slopes(make.parameter(slope), largest=True),
            note=note,
        )
    else:
        yield Way("prelu/maximum", Refusal("its slopes do not lie between 0 and 1"))
    yield Way("prelu/relu-difference", lambda: Slopes(make.parameter(slope), largest=False))


def _leaky(module: nn.Module, site: Site) -> Iterator[Way]:
    slope = float(module.negative_slope)
    yield Way("prelu/prelu", partial(_fixed_slopes, slope, site))
    if 0 <= slope <= 1:
        yield Way("prelu/maximum", lambda: Slopes(slope, largest=True))
    yield Way("prelu/relu-difference", lambda: Slopes(slope, largest=False))


def _fixed_slopes(slope: float, site: Site) -> nn.Module:
    made = nn.PReLU(site.image[1], device=site.like.device, dtype=site.like.dtype)
    with torch.no_grad():
        made.weight.fill_(slope)
    return made.requires_grad_(False)


def _means(module: nn.Module, site: Site) -> Iterator[Way]:
    if module.output_size not in (1, (1, 1)):
        yield Way("mean/means", Refusal(f"it makes {module.output_size} means, not one a channel"))
        return
    yield Way("mean/means", partial(Function, "mean/means"))
    if len(site.calls) > 1:
        yield Way("mean/average-pool", Refusal("it is called with maps of several sizes"))
        return
    yield Way("mean/average-pool", lambda: nn.AvgPool2d(tuple(site.image[2:])))


WAYS: Mapping[type[nn.Module], Ways] = {
    nn.GELU: _gelus,
    nn.SiLU: _named("silu/logistic", "silu/tanh"),
    nn.Hardswish: _named("hard-swish/relu6"),
    nn.Hardsigmoid: _named("hard-sigmoid/relu6"),
    nn.Sigmoid: _named("logistic/tanh"),
    nn.Tanh: _named("tanh/logistic"),
    nn.ELU: _elus,
    nn.Softplus: _softpluses,
    nn.PReLU: _prelu,
    nn.LeakyReLU: _leaky,
    nn.AdaptiveAvgPool2d: _means,
}

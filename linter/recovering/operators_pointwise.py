"""Functions of single elements, which mean the same in both dialects."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch.nn import functional

from npulint.recovering.operators_site import NoWayError

if TYPE_CHECKING:
    from npulint.recovering.operators_site import Compute, Site

Elementwise: TypeAlias = Callable[..., torch.Tensor]


def truncated(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A quotient; that of integers is cut off towards zero, as in C."""
    if x.is_floating_point() or y.is_floating_point():
        return x / y
    return torch.div(x, y, rounding_mode="trunc")


def prelu(x: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    """x, times a slope where it is negative."""
    return torch.where(x < 0, x * slope, x)


def hard_swish(x: torch.Tensor) -> torch.Tensor:
    """x, times a line from 0 to 1 between -3 and 3."""
    return x * torch.clamp(x / 6 + 0.5, 0, 1)


def square_difference(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The square of a difference."""
    return torch.square(x - y)


def power(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A power, of the type of its base."""
    return torch.pow(x, y.to(x.dtype))


def gelu(approximate: str) -> Elementwise:
    """X times the normal distribution up to x, or a curve close to that."""
    return lambda x: functional.gelu(x, approximate=approximate)


def elu(x: torch.Tensor, alpha: float = 1.0) -> torch.Tensor:
    """x, where it is negative an exponential that ends at -alpha."""
    return torch.where(x > 0, x, alpha * torch.expm1(torch.clamp(x, max=0)))


UNARY: Mapping[str, Elementwise] = MappingProxyType(
    {
        "abs": torch.abs, "acos": torch.acos, "acosh": torch.acosh, "asin": torch.asin,
        "asinh": torch.asinh, "atan": torch.atan, "atanh": torch.atanh, "ceil": torch.ceil,
        "cos": torch.cos, "cosh": torch.cosh, "erf": torch.erf, "exp": torch.exp,
        "floor": torch.floor, "hard_swish": hard_swish, "identity": lambda x: x,
        "is_nan": torch.isnan, "log": torch.log,
        "mish": functional.mish, "negative": torch.neg, "not": torch.logical_not,
        "reciprocal": torch.reciprocal, "relu": torch.relu, "round": torch.round,
        "rsqrt": torch.rsqrt, "sigmoid": torch.sigmoid, "sign": torch.sign, "sin": torch.sin,
        "sinh": torch.sinh, "softplus": lambda x: functional.softplus(x, threshold=math.inf),
        "softsign": functional.softsign, "sqrt": torch.sqrt, "square": torch.square,
        "tan": torch.tan, "tanh": torch.tanh,
    }
)  # fmt: skip
"""Functions of one element."""

BINARY: Mapping[str, Elementwise] = MappingProxyType(
    {
        "add": torch.add, "and": torch.logical_and, "divide": truncated, "equal": torch.eq,
        "floor_divide": lambda x, y: torch.div(x, y, rounding_mode="floor"),
        "floor_modulus": torch.remainder, "greater": torch.gt, "greater_equal": torch.ge,
        "less": torch.lt, "less_equal": torch.le, "maximum": torch.maximum,
        "minimum": torch.minimum, "modulus": torch.fmod, "multiply": torch.mul,
        "not_equal": torch.ne, "or": torch.logical_or, "power": power, "prelu": prelu,
        "square_difference": square_difference, "subtract": torch.sub, "xor": torch.logical_xor,
    }
)  # fmt: skip
"""Functions of two elements that broadcast to each other."""

ACTIVATIONS: Mapping[str, Elementwise] = MappingProxyType(
    {
        "NONE": lambda x: x,
        "RELU": torch.relu,
        "RELU_N1_TO_1": lambda x: torch.clamp(x, -1, 1),
        "RELU6": lambda x: torch.clamp(x, 0, 6),
        "TANH": torch.tanh,
    }
)
"""What TFLite fuses into other operators, by its names."""


def activated(site: Site, compute: Compute) -> Compute:
    """What a node of TFLite does, and after it the activation that is fused into it."""
    name = site.word("fused_activation_function", "NONE")
    if name not in ACTIVATIONS:
        raise NoWayError(f"the fused activation {name} is not computed")
    function = ACTIVATIONS[name]
    return compute if name == "NONE" else lambda operands: function(compute(operands))

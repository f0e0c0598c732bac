"""What works on each element by itself: activations, arithmetic and trained factors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from npulint.reference_models.layers.base import Elementary, OneResult, Shape

Function = Literal["relu", "tanh", "sigmoid", "gelu", "gelu_tanh", "silu", "hard_swish"]
"""Elementwise functions; `gelu` is the exact one by erf, `gelu_tanh` its usual approximation."""


@dataclass(frozen=True, slots=True)
class Activation(Elementary):
    """An elementwise function without weights."""

    function: Function


@dataclass(frozen=True, slots=True)
class LeakyRelu(Elementary):
    """A rectifier whose negative side has a fixed slope."""

    slope: float = 0.2


@dataclass(frozen=True, slots=True)
class PRelu(Elementary):
    """A rectifier whose negative side has one trainable slope a channel."""

    def weights(self, *inputs: Shape) -> Mapping[str, tuple[int, ...]]:
        """One slope a channel."""
        (image,) = inputs
        return {"slope": (image.channels,)}


@dataclass(frozen=True, slots=True)
class Scale(Elementary):
    """Multiplication by a constant."""

    factor: float


@dataclass(frozen=True, slots=True)
class Offset(Elementary):
    """Addition of a constant."""

    amount: float


@dataclass(frozen=True, slots=True)
class ChannelScale(Elementary):
    """One trainable factor a channel, as NAFNet's beta and gamma."""

    counted_by_thop: ClassVar[bool] = False

    def weights(self, *inputs: Shape) -> Mapping[str, tuple[int, ...]]:
        """One factor a channel."""
        (image,) = inputs
        return {"gain": (image.channels,)}


@dataclass(frozen=True, slots=True)
class Arithmetic(OneResult):
    """Two maps into one, element by element; an axis of length 1 is repeated."""

    operation: Literal["add", "subtract", "multiply"]

    def result(self, *inputs: Shape) -> Shape:
        """The longer of both along each axis.

        Raises:
            ValueError: The maps do not fit.
        """
        first, second = inputs
        if any(a != b and 1 not in (a, b) for a, b in zip(first, second, strict=True)):
            raise ValueError(f"{tuple(first)} and {tuple(second)} do not fit")
        return Shape(*map(max, first, second))

"""Normalizations, each with one trainable scale and shift a channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from npulint.reference_models.layers.base import Elementary, Shape


@dataclass(frozen=True, slots=True)
class InstanceNormalization(Elementary):
    """Each channel to mean 0 and variance 1 over the map."""

    epsilon: float = 1e-5

    def weights(self, *inputs: Shape) -> Mapping[str, tuple[int, ...]]:
        """One scale and one shift a channel."""
        (image,) = inputs
        return {"scale": (image.channels,), "shift": (image.channels,)}


@dataclass(frozen=True, slots=True)
class LayerNormalization(Elementary):
    """Each pixel to mean 0 and variance 1 over the channels."""

    epsilon: float = 1e-6

    counted_by_thop: ClassVar[bool] = False

    def weights(self, *inputs: Shape) -> Mapping[str, tuple[int, ...]]:
        """One scale and one shift a channel."""
        (image,) = inputs
        return {"scale": (image.channels,), "shift": (image.channels,)}


@dataclass(frozen=True, slots=True)
class BatchNormalization(Elementary):
    """Each channel by the mean and variance seen in training; exporters fold it."""

    epsilon: float = 1e-5

    def weights(self, *inputs: Shape) -> Mapping[str, tuple[int, ...]]:
        """One scale and one shift a channel."""
        (image,) = inputs
        return {"scale": (image.channels,), "shift": (image.channels,)}

    def statistics(self, *inputs: Shape) -> Mapping[str, tuple[int, ...]]:
        """What was seen in training."""
        (image,) = inputs
        return {"mean": (image.channels,), "variance": (image.channels,)}

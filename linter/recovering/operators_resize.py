"""Resampling along axes, by the coordinates of either dialect.

Coordinates are worked out in float32, as both runtimes do: which sample is the nearest to a
place half-way may hang on their rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

Places: TypeAlias = "npt.NDArray[np.floating[Any]]"
_HALF = np.float32(0.5)
Coordinates: TypeAlias = "Callable[[Places, int, int, np.float32], Places]"
"""Places in the input of the positions of the output, from the sizes of both and the scale."""


@dataclass(frozen=True, slots=True)
class Taps:
    """Which samples of an axis make each sample of the result, and with which weights.

    Attributes:
        indexes: `[taps, samples of the result]`.
        weights: Likewise; None where there is one tap, taken as it is.
    """

    indexes: npt.NDArray[np.int64]
    weights: Places | None = None


def _half_pixel(to: Places, _size: int, _made: int, scale: np.float32) -> Places:
    places: Places = (to + _HALF) / scale - _HALF
    return places


def _asymmetric(to: Places, _size: int, _made: int, scale: np.float32) -> Places:
    places: Places = to / scale
    return places


def _pytorch_half_pixel(to: Places, size: int, made: int, scale: np.float32) -> Places:
    return _half_pixel(to, size, made, scale) if made > 1 else np.zeros_like(to)


def _align_corners(to: Places, size: int, made: int, _scale: np.float32) -> Places:
    return to * np.float32(size - 1) / np.float32(made - 1) if made > 1 else np.zeros_like(to)


def _half_pixel_symmetric(to: Places, size: int, made: int, scale: np.float32) -> Places:
    adjustment = np.float32(made) / (scale * np.float32(size))
    offset = np.float32(size / 2) * (np.float32(1) - adjustment)
    places: Places = offset + _half_pixel(to, size, made, scale)
    return places


def _half_pixel_for_nearest(to: Places, _size: int, _made: int, scale: np.float32) -> Places:
    places: Places = (to + _HALF) / scale
    return places


COORDINATES: Mapping[str, Coordinates] = MappingProxyType(
    {
        "half_pixel": _half_pixel,
        "asymmetric": _asymmetric,
        "pytorch_half_pixel": _pytorch_half_pixel,
        "align_corners": _align_corners,
        "half_pixel_symmetric": _half_pixel_symmetric,
        "tf_half_pixel_for_nn": _half_pixel_for_nearest,
    }
)
"""ONNX's coordinate transformations (https://onnx.ai/onnx/operators/onnx__Resize.html)."""

ROUNDINGS: Mapping[str, Callable[[Places], Places]] = MappingProxyType(
    {
        "round_prefer_floor": lambda x: np.ceil(x - np.float32(0.5)),
        "round_prefer_ceil": lambda x: np.floor(x + np.float32(0.5)),
        "floor": np.floor,
        "ceil": np.ceil,
    }
)
"""How ONNX chooses the nearest sample."""


def positions(made: int) -> Places:
    """The positions of the result's samples."""
    return np.arange(made, dtype=np.float32)


def nearest(places: Places, size: int) -> Taps:
    """The samples at whole places; those beyond the border are the border's."""
    return Taps(np.clip(places.astype(np.int64), 0, size - 1)[np.newaxis])


def linear(places: Places, size: int) -> Taps:
    """The two samples around each place."""
    inside = np.clip(places, 0, size - 1)
    low = np.floor(inside)
    share = (inside - low).astype(np.float32)
    first = low.astype(np.int64)
    indexes = np.stack([first, np.minimum(first + 1, size - 1)])
    return Taps(indexes, np.stack([1 - share, share]))


def cubic(places: Places, size: int, coefficient: float, *, inside: bool = False) -> Taps:
    """The four samples around each place, by the cubic convolution of Keys.

    Args:
        places: Where.
        size: Samples along the axis.
        coefficient: Of the cubic.
        inside: Whether samples beyond the border are left out; else they are the border's.
    """
    a = coefficient
    low = np.floor(places)
    distances = np.abs(places - low - np.arange(-1, 3, dtype=np.float32)[:, np.newaxis])
    near = ((a + 2) * distances - (a + 3)) * distances * distances + 1
    far = ((a * distances - 5 * a) * distances + 8 * a) * distances - 4 * a
    weights = np.where(distances <= 1, near, far).astype(np.float32)
    indexes = low.astype(np.int64) + np.arange(-1, 3)[:, np.newaxis]
    if inside:
        weights = np.where((indexes >= 0) & (indexes < size), weights, np.float32(0))
        weights = weights / weights.sum(axis=0)
    return Taps(np.clip(indexes, 0, size - 1), weights)


def resampled(x: torch.Tensor, axis: int, taps: Taps) -> torch.Tensor:
    """A tensor resampled along one axis."""
    if taps.weights is None:
        return torch.index_select(x, axis, torch.from_numpy(taps.indexes[0]).to(x.device))
    made = None
    shape = [1] * x.ndim
    shape[axis] = -1
    for indexes, weights in zip(taps.indexes, taps.weights, strict=True):
        part = torch.index_select(x, axis, torch.from_numpy(indexes).to(x.device))
        part = part * torch.from_numpy(weights).to(x.device, x.dtype).reshape(shape)
        made = part if made is None else made + part
    return made

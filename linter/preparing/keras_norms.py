"""Normalisations of Keras out of means, or of 1x1 convolutions that take means over channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from npulint.fixers.norms.ways import centring
from npulint.fixers.record import Refusal
from npulint.preparing import keras_blocks as blocks
from npulint.preparing.keras_making import Way, held
from npulint.reference_models.keras_layers import keras

if TYPE_CHECKING:
    from npulint.preparing.keras_making import Parts

_STRIPPED = "the network computes something else without it: fine-tune it afterwards"


def affine(layer: Any, shape: tuple[int, ...]) -> Callable[[str], Parts] | Refusal:
    """What makes a norm's scale and shift alone, or why it is not read.

    Args:
        layer: A `LayerNormalization` or a `GroupNormalization`.
        shape: Of what it is called with.
    """
    axes = _axes(layer, len(shape))
    if getattr(layer, "rms_scaling", False):
        return Refusal("it scales what it reads and subtracts no mean")
    if type(layer) is keras.layers.GroupNormalization and axes != (len(shape) - 1,):
        return Refusal("its channels are not the last axis")
    sizes = tuple(size if axis in axes else 1 for axis, size in enumerate(shape))[min(axes) :]
    return partial(_affine, layer, sizes)


def _axes(layer: Any, rank: int) -> tuple[int, ...]:
    axis = (layer.axis,) if isinstance(layer.axis, int) else tuple(layer.axis)
    return tuple(sorted(each % rank for each in axis))


def _norm(layer: Any, shape: tuple[int, ...]) -> Iterator[Way]:
    kept = affine(layer, shape)
    if isinstance(kept, Refusal):
        yield Way("norm/means", kept)
        return
    axes, groups, channels = _axes(layer, len(shape)), 0, shape[-1]
    if type(layer) is keras.layers.GroupNormalization:
        # Means run over all between the batch and the group's channels, and over these.
        axes, groups = (1, 3), int(layer.groups)
    yield Way("norm/means", partial(_by_means, layer, axes, groups, kept))
    if axes == (3,) and len(shape) == 4:
        yield Way("norm/conv-centred", partial(_by_convolutions, layer, channels, kept))
    else:
        said = Refusal("it does not normalise a map along its channels alone")
        yield Way("norm/conv-centred", said)
    yield Way("norm/strip", kept, "lossy", _STRIPPED)


def _affine(layer: Any, sizes: tuple[int, ...], dtype: str) -> Parts:
    kept = [held(layer, "gamma"), held(layer, "beta")]
    scaled, shifted = (each is not None for each in kept)
    made = blocks.Affine(sizes, scaled=scaled, shifted=shifted, dtype=dtype)
    return ((made, [each.reshape(sizes) for each in kept if each is not None]),)


def _by_means(
    layer: Any, axes: tuple[int, ...], groups: int, kept: Callable[[str], Parts], dtype: str
) -> Parts:
    made = blocks.NormByMeans(layer.epsilon, axes=axes, groups=groups, dtype=dtype)
    return ((made, ()), *kept(dtype))


def _by_convolutions(layer: Any, channels: int, kept: Callable[[str], Parts], dtype: str) -> Parts:
    weights = [centring(channels)[None, None], np.full((1, 1, channels, 1), 1 / channels)]
    made = blocks.NormByConvolutions(layer.epsilon, dtype=dtype)
    return ((made, weights), *kept(dtype))


WAYS = {keras.layers.LayerNormalization: _norm, keras.layers.GroupNormalization: _norm}

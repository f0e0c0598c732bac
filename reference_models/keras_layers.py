"""Keras layers for what Keras has no layer for: [N, H, W, C] in and out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from npulint.reference_models.layers import Margins

# Triton, which some builds of PyTorch load when they export, and TensorFlow each bring an LLVM.
# In this order they bear each other; the other way round the process dies in Triton.
with contextlib.suppress(ImportError):
    import triton  # noqa: F401

import tensorflow as tf
from tensorflow import keras

# Whoever imports TensorFlow from here gets it in the order that works.
__all__ = [
    "Computation",
    "Computed",
    "keras",
    "local_means",
    "normalized",
    "padded",
    "resized",
    "tf",
]

Computation = Callable[..., Any]
"""From the inputs, then the weights, all of them tensors, to one result or a list of them."""


class Computed(keras.layers.Layer):
    """A layer that is a function of its inputs and trainable weights."""

    def __init__(
        self,
        name: str,
        compute: Computation,
        shapes: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
    ) -> None:
        super().__init__(name=name)
        self._compute = compute
        self._arrays = [self.add_weight(shape=shape, name=kind) for kind, shape in shapes.items()]

    def call(self, *inputs: Any) -> Any:
        """Compute it."""
        return self._compute(*inputs, *(tf.convert_to_tensor(array) for array in self._arrays))


def normalized(axes: tuple[int, ...], epsilon: float) -> Computation:
    """To mean 0 and variance 1 over some axes, written out since no TFLite operator does it."""

    def compute(image: Any, scale: Any, shift: Any) -> Any:
        centred = image - tf.reduce_mean(image, axes, keepdims=True)
        variance = tf.reduce_mean(centred * centred, axes, keepdims=True)
        return centred * tf.math.rsqrt(variance + epsilon) * scale + shift

    return compute


def padded(margins: Margins, mode: str) -> Computation:
    """With a border of zeros, of the mirror image or of the outermost pixels."""
    if mode == "replicate":
        return lambda image: _replicated(_replicated(image, 1, margins.rows), 2, margins.columns)
    borders = ((0, 0), *margins, (0, 0))
    return lambda image: tf.pad(image, borders, mode="REFLECT" if mode == "reflect" else "CONSTANT")


def _replicated(image: Any, axis: int, margin: tuple[int, int]) -> Any:
    """Pad by repeating: TFLite's MIRROR_PAD has no mode for it."""
    size = image.shape[axis]
    pieces = [
        _repeated(image[(slice(None),) * axis + (slice(place, place + 1),)], axis, times)
        for place, times in ((0, margin[0]), (size - 1, margin[1]))
    ]
    joined = [pieces[0], image, pieces[1]]
    present = [piece for piece in joined if piece is not None]
    return image if len(present) == 1 else tf.concat(present, axis)


def _repeated(image: Any, axis: int, times: int) -> Any:
    if times < 2:
        return image if times else None
    return tf.tile(image, [times if i == axis else 1 for i in range(4)])


def local_means(window: tuple[int, int], margins: Margins, form: str) -> Computation:
    """The mean of a window around each pixel, wholly inside the map."""
    pad = padded(margins, "replicate")
    if form == "avgpool":
        return lambda image: pad(tf.nn.avg_pool2d(image, window, 1, "VALID"))
    return lambda image: pad(_differences(image, *window))


def _differences(image: Any, height: int, width: int) -> Any:
    sums = tf.pad(tf.cumsum(tf.cumsum(image, 2), 1), ((0, 0), (1, 0), (1, 0), (0, 0)))
    first, second = sums[:, :-height, :-width], sums[:, :-height, width:]
    third, fourth = sums[:, height:, :-width], sums[:, height:, width:]
    return (fourth + first - second - third) / (height * width)


def resized(size: tuple[int, int], sampling: str) -> Computation:
    """Interpolated, with the sampling positions that the definition says."""
    if sampling == "nearest":
        return lambda image: tf.raw_ops.ResizeNearestNeighbor(images=image, size=size)
    half_pixel = sampling == "bilinear_half_pixel"
    return lambda image: tf.raw_ops.ResizeBilinear(
        images=image, size=size, half_pixel_centers=half_pixel
    )

"""Keras layers that replacements are made of, where Keras has none of its own: [N, H, W, C]."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from npulint.fixers.pointwise.gelu import LOWER, REACH, UPPER
from npulint.preparing.sampling import half_pixel_shares
from npulint.reference_models.keras_layers import keras, tf

_register = keras.utils.register_keras_serializable(package="npulint")


class SameSize(keras.layers.Layer):
    """A layer whose result has the shape of what it is called with."""

    def compute_output_shape(self, shape: Any) -> Any:
        """The same: in a network within a network Keras would run the layer to find out."""
        return shape


@_register
class DepthToSpace(keras.layers.Layer):
    """Pixels from channels, the place in the block at the slow end of the channels."""

    def __init__(self, block: int, **options: Any) -> None:
        super().__init__(**options)
        self.block = block

    def call(self, image: Any) -> Any:
        """By TensorFlow's own operator."""
        return tf.nn.depth_to_space(image, self.block)

    def get_config(self) -> dict[str, Any]:
        """What makes another one of it."""
        return {**super().get_config(), "block": self.block}


@_register
class DepthToSpaceByTransposes(DepthToSpace):
    """The same by one transposition of 4 dimensions."""

    def call(self, image: Any) -> Any:
        """[N*H, W, s, s*C] to [N*H, s, W, s*C]."""
        block = self.block
        height, width, channels = image.shape[1:]
        image = tf.reshape(image, [-1, width, block, channels // block])
        image = tf.transpose(image, [0, 2, 1, 3])
        return tf.reshape(image, [-1, height * block, width * block, channels // block**2])


@_register
class ZeroInsertion(keras.layers.Layer):
    """Zeros after each sample, by padding axes of size 1 that are made for it."""

    def __init__(self, rows: int, columns: int, **options: Any) -> None:
        super().__init__(**options)
        self.rows, self.columns = rows, columns

    def call(self, image: Any) -> Any:
        """[N, H, W, C] to [N, H*rows, W*columns, C]."""
        height, width, channels = image.shape[1:]
        if self.columns > 1:
            image = tf.reshape(image, [-1, width, 1, channels])
            image = tf.pad(image, [[0, 0], [0, 0], [0, self.columns - 1], [0, 0]])
        width *= self.columns
        if self.rows > 1:
            image = tf.reshape(image, [-1, height, 1, width * channels])
            image = tf.pad(image, [[0, 0], [0, 0], [0, self.rows - 1], [0, 0]])
        return tf.reshape(image, [-1, height * self.rows, width, channels])

    def get_config(self) -> dict[str, Any]:
        """What makes another one of it."""
        return {**super().get_config(), "rows": self.rows, "columns": self.columns}


@_register
class Repetition(keras.layers.Layer):
    """Nearest-neighbour enlargement by whole factors: samples joined with copies of themselves."""

    def __init__(self, rows: int, columns: int, **options: Any) -> None:
        super().__init__(**options)
        self.rows, self.columns = rows, columns

    def call(self, image: Any) -> Any:
        """[N, H, W, C] to [N, H*rows, W*columns, C], in 3 dimensions."""
        height, width, channels = image.shape[1:]
        if self.columns > 1:
            image = tf.concat([tf.reshape(image, [-1, 1, channels])] * self.columns, 1)
        width *= self.columns
        if self.rows > 1:
            image = tf.concat([tf.reshape(image, [-1, 1, width * channels])] * self.rows, 1)
        return tf.reshape(image, [-1, height * self.rows, width, channels])

    def get_config(self) -> dict[str, Any]:
        """What makes another one of it."""
        return {**super().get_config(), "rows": self.rows, "columns": self.columns}


@_register
class OldestResize(keras.layers.Layer):
    """TensorFlow's resize by whole factors in its oldest coordinates, where corners coincide.

    Args:
        rows: How many times as many rows there are.
        columns: How many times as many columns.
        mode: `nearest` or `bilinear`.
    """

    def __init__(self, rows: int, columns: int, mode: str, **options: Any) -> None:
        super().__init__(**options)
        self.rows, self.columns, self.mode = rows, columns, mode

    def call(self, image: Any) -> Any:
        """[N, H, W, C] to [N, H*rows, W*columns, C]; TensorFlow interpolates in float32."""
        size = [image.shape[1] * self.rows, image.shape[2] * self.columns]
        if self.mode == "nearest":
            return tf.raw_ops.ResizeNearestNeighbor(images=image, size=size)
        return tf.cast(tf.raw_ops.ResizeBilinear(images=image, size=size), image.dtype)

    def get_config(self) -> dict[str, Any]:
        """What makes another one of it."""
        own = {"rows": self.rows, "columns": self.columns, "mode": self.mode}
        return {**super().get_config(), **own}


@_register
class HalfPixelPhases(keras.layers.Layer):
    """The phases of a bilinear resize with half pixels, one depthwise convolution for each.

    Args:
        factor: How many times as many rows and columns the resize makes.
    """

    def __init__(self, factor: int, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def call(self, image: Any) -> Any:
        """[N, H, W, C] to [N, H, W, factor*factor*C], phases at the slow end of the channels."""
        image = tf.concat([image[:, :1], image, image[:, -1:]], 1)
        image = tf.concat([image[:, :, :1], image, image[:, :, -1:]], 2)
        shares = half_pixel_shares(self.factor)
        kernels = [
            np.tile(np.outer(row, column)[:, :, None, None], (1, 1, image.shape[-1], 1))
            for row in shares
            for column in shares
        ]
        return tf.concat(
            [
                tf.nn.depthwise_conv2d(
                    image, tf.constant(kernel, image.dtype), (1, 1, 1, 1), "VALID"
                )
                for kernel in kernels
            ],
            -1,
        )

    def get_config(self) -> dict[str, Any]:
        """What makes another one of it."""
        return {**super().get_config(), "factor": self.factor}


@_register
class Function(SameSize):
    """A function of each element, by its name among the catalogue's realisations."""

    def __init__(self, realisation: str, **options: Any) -> None:
        super().__init__(**options)
        self.realisation = realisation

    def call(self, x: Any) -> Any:
        """Compute it."""
        return FUNCTIONS[self.realisation](x)

    def get_config(self) -> dict[str, Any]:
        """What makes another one of it."""
        return {**super().get_config(), "realisation": self.realisation}


@_register
class Slopes(SameSize):
    """x where it is positive, else a slope times x, without an operator for that.

    Args:
        shape: Of the slopes; they broadcast to the map.
        largest: Whether the larger of x and its multiple is taken, which is the same for slopes
            from 0 to 1, rather than a difference of rectified parts.
    """

    def __init__(self, shape: tuple[int, ...], *, largest: bool, **options: Any) -> None:
        super().__init__(**options)
        self.shape, self.largest = tuple(shape), largest

    def build(self, _: Any) -> None:
        """Make the slopes."""
        self.slope = self.add_weight(shape=self.shape, name="slope")

    def call(self, x: Any) -> Any:
        """Compute it; relu(x) - x is relu(-x), without rounding."""
        if self.largest:
            return tf.maximum(x, x * self.slope)
        positive = tf.nn.relu(x)
        return positive - (positive - x) * self.slope

    def get_config(self) -> dict[str, Any]:
        """What makes another one of it."""
        return {**super().get_config(), "shape": self.shape, "largest": self.largest}


@_register
class NormByMeans(SameSize):
    """A normalisation by its definition, without scale and shift.

    Args:
        epsilon: Added to the variance.
        axes: What mean and variance run over; with groups, of `[N, H*W, groups, C/groups]`.
        groups: Groups of channels; 0 where there are none.
    """

    def __init__(
        self, epsilon: float, *, axes: tuple[int, ...] = (-1,), groups: int = 0, **options: Any
    ) -> None:
        super().__init__(**options)
        self.epsilon, self.axes, self.groups = epsilon, tuple(axes), groups

    def call(self, x: Any) -> Any:
        """Normalise."""
        shape = x.shape[1:]
        if self.groups:
            samples, channels = math.prod(shape[:-1]), shape[-1] // self.groups
            x = tf.reshape(x, [-1, samples, self.groups, channels])
        centred = x - tf.reduce_mean(x, self.axes, keepdims=True)
        variance = tf.reduce_mean(centred * centred, self.axes, keepdims=True)
        x = centred * tf.math.rsqrt(variance + self.epsilon)
        return tf.reshape(x, [-1, *shape]) if self.groups else x

    def get_config(self) -> dict[str, Any]:
        """What makes another one of it."""
        own = {"epsilon": self.epsilon, "axes": self.axes, "groups": self.groups}
        return {**super().get_config(), **own}


@_register
class NormByConvolutions(SameSize):
    """The same by 1x1 convolutions that take the means; their weights are not trained."""

    def __init__(self, epsilon: float, **options: Any) -> None:
        super().__init__(**options)
        self.epsilon = epsilon

    def build(self, shape: Any) -> None:
        """Make what centres, then what takes the mean."""
        count = shape[-1]
        fixed = {"trainable": False}
        self.centring = self.add_weight(shape=(1, 1, count, count), name="centring", **fixed)
        self.mean = self.add_weight(shape=(1, 1, count, 1), name="mean", **fixed)

    def call(self, x: Any) -> Any:
        """Normalise."""
        centred = tf.nn.conv2d(x, tf.convert_to_tensor(self.centring), 1, "VALID")
        mean = tf.convert_to_tensor(self.mean)
        variance = tf.nn.conv2d(centred * centred, mean, 1, "VALID")
        return centred * tf.math.rsqrt(variance + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """What makes another one of it."""
        return {**super().get_config(), "epsilon": self.epsilon}


@_register
class Affine(SameSize):
    """A factor and a summand, one for each channel or in another shape that broadcasts.

    Args:
        sizes: The shape of both.
        scaled: Whether there is a factor.
        shifted: Whether there is a summand.
    """

    def __init__(
        self, sizes: tuple[int, ...], *, scaled: bool, shifted: bool, **options: Any
    ) -> None:
        super().__init__(**options)
        self.sizes, self.scaled, self.shifted = tuple(sizes), scaled, shifted

    def build(self, _: Any) -> None:
        """Make what is multiplied by, then what is added."""
        self.scale = self.add_weight(shape=self.sizes, name="scale") if self.scaled else None
        self.shift = self.add_weight(shape=self.sizes, name="shift") if self.shifted else None

    def call(self, x: Any) -> Any:
        """Multiply and add."""
        if self.scale is not None:
            x = x * self.scale
        return x if self.shift is None else x + self.shift

    def get_config(self) -> dict[str, Any]:
        """What makes another one of it."""
        own = {"sizes": self.sizes, "scaled": self.scaled, "shifted": self.shifted}
        return {**super().get_config(), **own}


def _gelu(x: Any) -> Any:
    t = tf.clip_by_value(x * (math.sqrt(0.5) / REACH), -1.0, 1.0)
    square = t * t
    return x * 0.5 * (t * _polynomial(square, UPPER) / _polynomial(square, LOWER) + 1.0)


def _polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    value = x * coefficients[-1] + coefficients[-2]
    for item in reversed(coefficients[:-2]):
        value = value * x + item
    return value


def _inner(x: Any, factor: float) -> Any:
    """Factor * sqrt(2/pi) * (x + 0.044715 x^3)."""
    scale = factor * math.sqrt(2.0 / math.pi)
    return x * (x * x * (0.044715 * scale) + scale)


def _hard_gate(x: Any) -> Any:
    return tf.nn.relu6(x + 3.0) * (1.0 / 6.0)


FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "gelu/rational-erf": _gelu,
    "gelu/tanh": lambda x: x * 0.5 * (tf.tanh(_inner(x, 1.0)) + 1.0),
    "gelu/logistic": lambda x: x * tf.sigmoid(x * 1.702),
    "silu/logistic": lambda x: x * tf.sigmoid(x),
    "hard-swish/relu6": lambda x: x * _hard_gate(x),
    "hard-sigmoid/relu6": _hard_gate,
    "tanh/logistic": lambda x: tf.sigmoid(x * 2.0) * 2.0 - 1.0,
    "logistic/tanh": lambda x: tf.tanh(x * 0.5) * 0.5 + 0.5,
}
"""By the names that the catalogue has for them."""

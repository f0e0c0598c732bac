"""Keras layers that replacements are made of, where Keras has none of its own: [N, H, W, C]."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from npulint.fixers.pointwise.gelu import LOWER, REACH, UPPER
from npulint.reference_models.keras_layers import keras, tf

_register = keras.utils.register_keras_serializable(package="npulint")


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
class Function(keras.layers.Layer):
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
class Slopes(keras.layers.Layer):
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
class NormByMeans(keras.layers.Layer):
    """A normalisation over the channels by its definition, without scale and shift."""

    def __init__(self, epsilon: float, **options: Any) -> None:
        super().__init__(**options)
        self.epsilon = epsilon

    def call(self, x: Any) -> Any:
        """Normalise."""
        centred = x - tf.reduce_mean(x, -1, keepdims=True)
        variance = tf.reduce_mean(centred * centred, -1, keepdims=True)
        return centred * tf.math.rsqrt(variance + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """What makes another one of it."""
        return {**super().get_config(), "epsilon": self.epsilon}


@_register
class NormByConvolutions(keras.layers.Layer):
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
class Affine(keras.layers.Layer):
    """A factor and a summand for each channel."""

    def __init__(self, *, scaled: bool, shifted: bool, **options: Any) -> None:
        super().__init__(**options)
        self.scaled, self.shifted = scaled, shifted

    def build(self, shape: Any) -> None:
        """Make what is multiplied by, then what is added."""
        count = (shape[-1],)
        self.scale = self.add_weight(shape=count, name="scale") if self.scaled else None
        self.shift = self.add_weight(shape=count, name="shift") if self.shifted else None

    def call(self, x: Any) -> Any:
        """Multiply and add."""
        if self.scale is not None:
            x = x * self.scale
        return x if self.shift is None else x + self.shift

    def get_config(self) -> dict[str, Any]:
        """What makes another one of it."""
        return {**super().get_config(), "scaled": self.scaled, "shifted": self.shifted}


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

"""Reference networks in Keras: [N, H, W, C], with the weights that the PyTorch build has too."""

from __future__ import annotations

import contextlib
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from npulint.reference_models.layers import (
    Activation,
    Concatenation,
    Conv2D,
    DepthToSpace,
    Layer,
    MaxPool2D,
    PRelu,
    TransposedConv2D,
)
from npulint.reference_models.weights import weights

# Triton, which some builds of PyTorch load when they export, and TensorFlow each bring an LLVM.
# In this order they bear each other; the other way round the process dies in Triton.
with contextlib.suppress(ImportError):
    import triton  # noqa: F401

import tensorflow as tf
from tensorflow import keras

if TYPE_CHECKING:
    from npulint.reference_models.network import Network


def build(network: Network) -> keras.Model:
    """Build a network with its weights.

    Args:
        network: What to build.

    Returns:
        A functional model: [1, H, W, C] float32 to [1, H', W', C'].
    """
    image = keras.Input(batch_shape=(1, *network.image), name="input")
    results = [image]
    for step in network.steps:
        layer = _layer(step.layer, step.name)
        inputs = [results[i] for i in step.inputs]
        results.append(layer(inputs if len(inputs) > 1 else inputs[0]))
        # Keras lists a kernel before its bias, as we do, and gives a slope all three axes.
        pairs = zip(weights(step).values(), layer.weights, strict=True)
        layer.set_weights([array.reshape(weight.shape) for array, weight in pairs])
    return keras.Model(image, results[-1], name=network.name)


@singledispatch
def _layer(layer: Layer, name: str) -> Any:
    raise NotImplementedError(f"no Keras layer is registered for {layer}")


@_layer.register
def _(layer: Conv2D, name: str) -> Any:
    return keras.layers.Conv2D(
        layer.features, layer.kernel, strides=layer.stride, padding="same", name=name
    )


@_layer.register
def _(layer: TransposedConv2D, name: str) -> Any:
    return keras.layers.Conv2DTranspose(
        layer.features, layer.kernel, strides=layer.stride, padding="same", name=name
    )


@_layer.register
def _(layer: Activation, name: str) -> Any:
    return keras.layers.Activation(layer.function, name=name)


@_layer.register
def _(_: PRelu, name: str) -> Any:
    return keras.layers.PReLU(shared_axes=(1, 2), name=name)


@_layer.register
def _(layer: DepthToSpace, name: str) -> Any:
    return keras.layers.Lambda(lambda x: tf.nn.depth_to_space(x, layer.block), name=name)


@_layer.register
def _(layer: MaxPool2D, name: str) -> Any:
    return keras.layers.MaxPooling2D(layer.size, padding="same", name=name)


@_layer.register
def _(_: Concatenation, name: str) -> Any:
    return keras.layers.Concatenate(name=name)

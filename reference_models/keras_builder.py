"""Reference networks in Keras: [N, H, W, C], with the weights that the PyTorch build has too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from npulint.reference_models import layers
from npulint.reference_models.keras_layers import (
    Computation,
    Computed,
    keras,
    local_means,
    normalized,
    padded,
    resized,
    tf,
)
from npulint.reference_models.layers import Layer, Padding, Shape

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.reference_models.network import Network, Step


def build(network: Network, sizes: tuple[int | None, ...] | None = None) -> keras.Model:
    """Build a network with its weights.

    Args:
        network: What to build.
        sizes: Those of its input [N, H, W, C], None for one that is left open; one image of the
            network's own unless they are given.

    Returns:
        A functional model: [1, H, W, C] float32 to [1, H', W', C'].

    Raises:
        ValueError: What PyTorch's pixel shuffle shuffles is not a convolution's alone.
    """
    image = keras.Input(batch_shape=sizes or (1, *network.image), name="input")
    results = [image]
    shuffled = _shuffled(network)
    for step in network.steps:
        layer = _layer(step.layer, step.name, *step.input_shapes)
        inputs = [results[i] for i in step.inputs]
        block = shuffled.get(len(results), 1)
        result = layer(*inputs)
        results.extend(result if isinstance(result, (list, tuple)) else [result])
        _fill(layer, network.filling.arrays(step), block)
    return keras.Model(image, results[-1], name="net")


def _shuffled(network: Network) -> Mapping[int, int]:
    """The results that PyTorch's pixel shuffle takes, with its block size.

    TFLite has TensorFlow's order alone, so the convolution before has to bring its channels
    in that order.
    """
    produced: dict[int, Step] = {}
    shuffled: dict[int, int] = {}
    position = 1
    for step in network.steps:
        produced.update(dict.fromkeys(range(position, position + len(step.shapes)), step))
        position += len(step.shapes)
        if isinstance(step.layer, layers.DepthToSpace) and step.layer.order == "crd":
            shuffled[step.inputs[0]] = step.layer.block
    for taken in shuffled:
        users = sum(step.inputs.count(taken) for step in network.steps)
        if users != 1 or not isinstance(produced[taken].layer, layers.Conv2D):
            raise ValueError(f"{network.name}: a pixel shuffle needs a convolution of its own")
    return shuffled


def _fill(layer: Any, arrays: Mapping[str, npt.NDArray[np.float32]], block: int) -> None:
    """Give a Keras layer its weights; it lists them in our order."""
    if block > 1:
        arrays = {kind: _depth_first(array, block) for kind, array in arrays.items()}
    pairs = zip(arrays.values(), layer.weights, strict=True)
    # Keras gives a slope all three axes, and a depthwise kernel the other axis of length 1.
    layer.set_weights([array.reshape(weight.shape) for array, weight in pairs])


def _depth_first(array: npt.NDArray[np.float32], block: int) -> npt.NDArray[np.float32]:
    """Features in PyTorch's order of a pixel shuffle to TensorFlow's."""
    order = np.arange(array.shape[-1]).reshape(-1, block**2).T.ravel()
    return array[..., order]


@singledispatch
def _layer(layer: Layer, name: str, *inputs: Shape) -> Any:
    raise NotImplementedError(f"no Keras layer is registered for {layer}")


@_layer.register
def _(layer: layers.Conv2D, name: str, image: Shape) -> Any:
    padding = _padding(layer, image)
    options = {
        "strides": layer.stride,
        "padding": padding or "valid",
        "dilation_rate": layer.dilation,
        "use_bias": layer.bias,
        "name": name,
    }
    if 1 < layer.groups == image.channels == layer.features:
        convolution = keras.layers.DepthwiseConv2D(layer.window, **options)
    else:
        options["groups"] = layer.groups
        convolution = keras.layers.Conv2D(layer.features, layer.window, **options)
    if padding:
        return convolution
    border = keras.layers.ZeroPadding2D(layer.margins(image), name=f"{name}_border")
    return keras.Sequential([border, convolution], name=f"{name}_padded")


def _padding(layer: layers.Conv2D, image: Shape) -> Padding | None:
    """What Keras calls the padding here, where it has a name."""
    wanted = layer.margins(image)
    names: tuple[Padding, ...] = ("valid", "same")
    return next((n for n in names if replace(layer, padding=n).margins(image) == wanted), None)


@_layer.register
def _(layer: layers.TransposedConv2D, name: str, _: Shape) -> Any:
    return keras.layers.Conv2DTranspose(
        layer.features,
        layer.kernel,
        strides=layer.stride,
        padding="same",
        use_bias=layer.bias,
        name=name,
    )


_ACTIVATIONS: Mapping[layers.Function, Computation] = {
    "relu": tf.nn.relu,
    "tanh": tf.nn.tanh,
    "sigmoid": tf.nn.sigmoid,
    "gelu": lambda image: tf.nn.gelu(image, approximate=False),
    "gelu_tanh": lambda image: tf.nn.gelu(image, approximate=True),
    "silu": lambda image: image * tf.nn.sigmoid(image),
    "hard_swish": lambda image: image * tf.nn.relu6(image + 3) * (1 / 6),
}


@_layer.register
def _(layer: layers.Activation, name: str, _: Shape) -> Any:
    return keras.layers.Activation(_ACTIVATIONS[layer.function], name=name)


@_layer.register
def _(layer: layers.LeakyRelu, name: str, _: Shape) -> Any:
    return keras.layers.LeakyReLU(layer.slope, name=name)


@_layer.register
def _(_: layers.PRelu, name: str, __: Shape) -> Any:
    return keras.layers.PReLU(shared_axes=(1, 2), name=name)


@_layer.register
def _(layer: layers.Scale, name: str, _: Shape) -> Any:
    return Computed(name, lambda image: image * layer.factor)


@_layer.register
def _(layer: layers.Offset, name: str, _: Shape) -> Any:
    return Computed(name, lambda image: image + layer.amount)


@_layer.register
def _(layer: layers.ChannelScale, name: str, image: Shape) -> Any:
    return Computed(name, tf.multiply, layer.weights(image))


_ARITHMETIC = {"add": tf.add, "subtract": tf.subtract, "multiply": tf.multiply}


@_layer.register
def _(layer: layers.Arithmetic, name: str, *_: Shape) -> Any:
    return Computed(name, _ARITHMETIC[layer.operation])


@_layer.register
def _(layer: layers.MaxPool2D, name: str, _: Shape) -> Any:
    return keras.layers.MaxPooling2D(layer.size, layer.step, padding="same", name=name)


@_layer.register
def _(layer: layers.AveragePool2D, name: str, _: Shape) -> Any:
    return keras.layers.AveragePooling2D(layer.size, layer.step, padding="same", name=name)


@_layer.register
def _(_: layers.GlobalAveragePool, name: str, __: Shape) -> Any:
    return keras.layers.GlobalAveragePooling2D(keepdims=True, name=name)


@_layer.register
def _(layer: layers.LocalAveragePool, name: str, image: Shape) -> Any:
    if layer.covers(image):
        return keras.layers.GlobalAveragePooling2D(keepdims=True, name=name)
    return Computed(name, local_means(layer.window(image), layer.margins(image), layer.form))


@_layer.register
def _(layer: layers.Resize, name: str, image: Shape) -> Any:
    return Computed(name, resized(layer.result(image)[:2], layer.sampling))


@_layer.register
def _(layer: layers.DepthToSpace, name: str, _: Shape) -> Any:
    return Computed(name, lambda image: tf.nn.depth_to_space(image, layer.block))


@_layer.register
def _(layer: layers.SpaceToDepth, name: str, _: Shape) -> Any:
    return Computed(name, lambda image: tf.nn.space_to_depth(image, layer.block))


@_layer.register
def _(layer: layers.InstanceNormalization, name: str, image: Shape) -> Any:
    return Computed(name, normalized((1, 2), layer.epsilon), layer.weights(image))


@_layer.register
def _(layer: layers.LayerNormalization, name: str, image: Shape) -> Any:
    return Computed(name, normalized((3,), layer.epsilon), layer.weights(image))


@_layer.register
def _(layer: layers.BatchNormalization, name: str, _: Shape) -> Any:
    return keras.layers.BatchNormalization(epsilon=layer.epsilon, name=name)


@_layer.register
def _(_: layers.Concatenation, name: str, *__: Shape) -> Any:
    return Computed(name, lambda *images: tf.concat(images, 3))


@_layer.register
def _(layer: layers.Split, name: str, _: Shape) -> Any:
    # Equal parts are another operator than unequal ones.
    parts = len(layer.parts) if len(set(layer.parts)) == 1 else layer.parts
    return Computed(name, lambda image: tf.split(image, parts, 3))


@_layer.register
def _(layer: layers.Slice, name: str, _: Shape) -> Any:
    return Computed(name, lambda image: image[..., layer.start : layer.stop])


@_layer.register
def _(layer: layers.Pad, name: str, _: Shape) -> Any:
    return Computed(name, padded(layer.margins, layer.mode))


@_layer.register
def _(layer: layers.Crop, name: str, image: Shape) -> Any:
    (top, bottom), (left, right) = layer.margins
    rows, columns = slice(top, image.height - bottom), slice(left, image.width - right)
    return Computed(name, lambda x: x[:, rows, columns])

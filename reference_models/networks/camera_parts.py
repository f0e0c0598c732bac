"""What networks for camera pipelines have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import (
    Activation,
    Conv2D,
    GlobalAveragePool,
    InstanceNormalization,
    MaxPool2D,
    Offset,
    Scale,
)
from npulint.reference_models.networks.parts import ADD, MULTIPLY, RELU, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor

SIGMOID = Activation("sigmoid")

HALVE = MaxPool2D()


def coloured(net: Sketch, name: str, y: Tensor) -> Tensor:
    """Bring any numbers into what colours can be, and a little beyond: 0.58 * tanh(y) + 0.5."""
    y = net.add(f"{name}_tanh", Activation("tanh"), y)
    y = net.add(f"{name}_scale", Scale(0.58), y)
    return net.add(f"{name}_offset", Offset(0.5), y)


def channel_attention(net: Sketch, name: str, image: Tensor, reduction: int) -> Tensor:
    """Multiply each channel by a factor that is computed from the means of all."""
    channels = image.shape.channels
    y = net.add(f"{name}_pool", GlobalAveragePool(), image)
    y = followed(net, f"{name}_squeeze", Conv2D(channels // reduction, 1), RELU, y)
    y = followed(net, f"{name}_excite", Conv2D(channels, 1), SIGMOID, y)
    return net.add(f"{name}_scale", MULTIPLY, image, y)


def residual(net: Sketch, name: str, image: Tensor) -> Tensor:
    """Add two convolutions of 3x3, a rectifier between them, to their input."""
    features = image.shape.channels
    y = followed(net, f"{name}_conv0", Conv2D(features), RELU, image)
    y = net.add(f"{name}_conv1", Conv2D(features), y)
    return net.add(f"{name}_add", ADD, y, image)


def normalized_residual(net: Sketch, name: str, image: Tensor) -> Tensor:
    """DPED's block: both convolutions are normalized and rectified before they are added."""
    y = image
    for number in range(2):
        y = net.add(f"{name}_conv{number}", Conv2D(image.shape.channels), y)
        y = net.add(f"{name}_norm{number}", InstanceNormalization(1e-3), y)
        y = net.add(f"{name}_act{number}", RELU, y)
    return net.add(f"{name}_add", ADD, y, image)


def rectified(net: Sketch, name: str, y: Tensor, *features: int) -> Tensor:
    """Convolutions of 3x3 behind each other, a rectifier after each."""
    for number, width in enumerate(features):
        y = followed(net, f"{name}_conv{number}", Conv2D(width), RELU, y)
    return y

"""Reference networks in PyTorch: [N, C, H, W] inside, padded as TensorFlow pads.

A kind of layer becomes one module; the weights are those that the Keras build has too.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from npulint.reference_models.layers import (
    Activation,
    Concatenation,
    Conv2D,
    DepthToSpace,
    Layer,
    MaxPool2D,
    PRelu,
    Shape,
    TransposedConv2D,
)
from npulint.reference_models.weights import weights

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.reference_models.network import Network

# What to do with each of our kernel layouts to get PyTorch's.
_AXES: Mapping[type[Layer], tuple[int, int, int, int]] = {
    Conv2D: (3, 2, 0, 1),
    TransposedConv2D: (3, 2, 0, 1),
}


def build(network: Network) -> nn.Module:
    """Build a network with its weights.

    Args:
        network: What to build.

    Returns:
        A module in evaluation mode: [1, C, H, W] float32 to [1, C', H', W'].
    """
    return _Built(network).eval()


class _Built(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self._inputs = [step.inputs for step in network.steps]
        self._names = [step.name for step in network.steps]
        for step in network.steps:
            module = _module(step.layer, *step.input_shapes)
            self.add_module(step.name, module)
            arrays = weights(step)
            with torch.no_grad():
                for kind, parameter in _parameters(module).items():
                    parameter.copy_(torch.from_numpy(_arranged(step.layer, arrays[kind])))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        results = [image]
        for name, inputs in zip(self._names, self._inputs, strict=True):
            results.append(getattr(self, name)(*(results[i] for i in inputs)))
        return results[-1]


def _parameters(module: nn.Module) -> Mapping[str, torch.Tensor]:
    """The module's parameters by our names."""
    ours = {"bias": "bias", "weight": "slope" if isinstance(module, nn.PReLU) else "kernel"}
    return {ours[name.split(".")[-1]]: p for name, p in module.named_parameters()}


def _arranged(layer: Layer, array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if array.ndim != 4:
        return array
    return np.ascontiguousarray(array.transpose(_AXES[type(layer)]))


@singledispatch
def _module(layer: Layer, *inputs: Shape) -> nn.Module:
    raise NotImplementedError(f"no PyTorch module is registered for {layer}")


@_module.register
def _(layer: Conv2D, image: Shape) -> nn.Module:
    rows, columns = (_same(size, layer.kernel, layer.stride) for size in image[:2])
    even = rows[0] == rows[1] and columns[0] == columns[1]
    convolution = nn.Conv2d(
        image.channels,
        layer.features,
        layer.kernel,
        stride=layer.stride,
        padding=(rows[0], columns[0]) if even else 0,
    )
    return convolution if even else nn.Sequential(nn.ZeroPad2d((*columns, *rows)), convolution)


@_module.register
def _(layer: TransposedConv2D, image: Shape) -> nn.Module:
    excess = layer.kernel - layer.stride
    convolution = nn.ConvTranspose2d(
        image.channels,
        layer.features,
        layer.kernel,
        stride=layer.stride,
        padding=excess // 2,
    )
    # PyTorch takes equal padding only: the odd row and column come off afterwards.
    return nn.Sequential(convolution, nn.ZeroPad2d((0, -1, 0, -1))) if excess % 2 else convolution


@_module.register
def _(layer: Activation, _: Shape) -> nn.Module:
    return {"relu": nn.ReLU, "tanh": nn.Tanh}[layer.function]()


@_module.register
def _(_: PRelu, image: Shape) -> nn.Module:
    return nn.PReLU(image.channels)


@_module.register
def _(layer: DepthToSpace, _: Shape) -> nn.Module:
    return _DepthToSpace(layer.block)


@_module.register
def _(layer: MaxPool2D, image: Shape) -> nn.Module:
    rows, columns = (_same(size, layer.size, layer.size) for size in image[:2])
    pool = nn.MaxPool2d(layer.size)
    if not any((*rows, *columns)):
        return pool
    return nn.Sequential(nn.ConstantPad2d((*columns, *rows), -torch.inf), pool)


@_module.register
def _(_: Concatenation, *__: Shape) -> nn.Module:
    return _Concatenation()


class _Concatenation(nn.Module):
    def forward(self, *images: torch.Tensor) -> torch.Tensor:
        return torch.cat(images, dim=1)


class _DepthToSpace(nn.Module):
    """PyTorch's own pixel shuffle is the other order (CRD), so this one is spelt out."""

    def __init__(self, block: int) -> None:
        super().__init__()
        self.block = block

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        block = self.block
        batch, channels, height, width = image.shape
        features = channels // block**2
        shape = (batch, features, height * block, width * block)
        if torch.onnx.is_in_onnx_export():
            return torch.onnx.ops.symbolic(
                "DepthToSpace",
                (image,),
                {"blocksize": block, "mode": "DCR"},
                dtype=image.dtype,
                shape=shape,
            )
        blocks = image.reshape(batch, block, block, features, height, width)
        return blocks.permute(0, 3, 4, 1, 5, 2).reshape(shape)


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """What TensorFlow's SAME adds before and after a dimension."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2

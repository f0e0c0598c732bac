"""Reference networks in PyTorch: [N, C, H, W] inside, padded as their definitions say.

A kind of layer becomes one module; the weights are those that the Keras build has too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial, singledispatch
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from npulint.reference_models import layers
from npulint.reference_models import torch_modules as modules
from npulint.reference_models.layers import Layer, Margins, Shape

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.reference_models.network import Network

# What PyTorch calls the weights that we call otherwise.
_NORMALIZATION = {
    "weight": "scale",
    "bias": "shift",
    "running_mean": "mean",
    "running_var": "variance",
}
_NAMES: Mapping[type[nn.Module], Mapping[str, str]] = {
    nn.Conv2d: {"weight": "kernel", "bias": "bias"},
    nn.ConvTranspose2d: {"weight": "kernel", "bias": "bias"},
    nn.PReLU: {"weight": "slope"},
    nn.InstanceNorm2d: _NORMALIZATION,
    nn.BatchNorm2d: _NORMALIZATION,
    modules.ChannelScale: {"gain": "gain"},
    modules.LayerNormalization: {"scale": "scale", "shift": "shift"},
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
            arrays = dict(network.filling.arrays(step))
            with torch.no_grad():
                for kind, tensor in _stored(module):
                    array = torch.from_numpy(_arranged(arrays.pop(kind)))
                    tensor.copy_(array.reshape(tensor.shape))
            assert not arrays, f"{step.name}: {sorted(arrays)} found no place"

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        results = [image]
        for name, inputs in zip(self._names, self._inputs, strict=True):
            result = getattr(self, name)(*(results[i] for i in inputs))
            results.extend(result if isinstance(result, tuple) else (result,))
        return results[-1]


def read(module: nn.Module, network: Network) -> dict[str, npt.NDArray[np.float32]]:
    """Take the weights out of a module, whatever became of them.

    Args:
        module: What `build` made.
        network: What it was made from.

    Returns:
        Arrays in the layouts that `Layer.weights` states, by layer and weight: `conv1/kernel`.
    """
    found = {}
    for step in network.steps:
        shapes = {**step.weights, **step.statistics}
        for kind, tensor in _stored(getattr(module, step.name)):
            array = tensor.detach().cpu().numpy()
            if len(shapes[kind]) == 4:
                array = array.transpose(2, 3, 1, 0)
            found[f"{step.name}/{kind}"] = np.ascontiguousarray(array.reshape(shapes[kind]))
    return found


def _stored(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """The module's weights and statistics by our names."""
    for part in module.modules():
        for theirs, ours in _NAMES.get(type(part), {}).items():
            tensor = getattr(part, theirs, None)
            if tensor is not None:
                yield ours, tensor


def _arranged(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Kernels [kH, kW, A, B] to [B, A, kH, kW], which suits transposed convolutions as well."""
    return array if array.ndim != 4 else np.ascontiguousarray(array.transpose(3, 2, 0, 1))


@singledispatch
def _module(layer: Layer, *inputs: Shape) -> nn.Module:
    raise NotImplementedError(f"no PyTorch module is registered for {layer}")


@_module.register
def _(layer: layers.Conv2D, image: Shape) -> nn.Module:
    margins = layer.margins(image)
    even = _even(margins)
    convolution = nn.Conv2d(
        image.channels,
        layer.features,
        layer.window,
        stride=layer.stride,
        padding=(margins.rows[0], margins.columns[0]) if even else 0,
        dilation=layer.dilation,
        groups=layer.groups,
        bias=layer.bias,
    )
    return convolution if even else nn.Sequential(nn.ZeroPad2d(_border(margins)), convolution)


@_module.register
def _(layer: layers.TransposedConv2D, image: Shape) -> nn.Module:
    excess = layer.kernel - layer.stride
    convolution = nn.ConvTranspose2d(
        image.channels,
        layer.features,
        layer.kernel,
        stride=layer.stride,
        padding=max(excess // 2, 0),
        output_padding=max(-excess, 0),
        bias=layer.bias,
    )
    # PyTorch takes equal padding only: the odd row and column come off afterwards.
    odd = excess > 0 and excess % 2
    return nn.Sequential(convolution, modules.Crop(_ODD)) if odd else convolution


_ODD = Margins((0, 1), (0, 1))

_ACTIVATIONS: Mapping[layers.Function, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "gelu_tanh": partial(nn.GELU, approximate="tanh"),
    "silu": nn.SiLU,
    "hard_swish": nn.Hardswish,
}


@_module.register
def _(layer: layers.Activation, _: Shape) -> nn.Module:
    return _ACTIVATIONS[layer.function]()


@_module.register
def _(layer: layers.LeakyRelu, _: Shape) -> nn.Module:
    return nn.LeakyReLU(layer.slope)


@_module.register
def _(_: layers.PRelu, image: Shape) -> nn.Module:
    return nn.PReLU(image.channels)


@_module.register
def _(layer: layers.Scale, _: Shape) -> nn.Module:
    return modules.Scale(layer.factor)


@_module.register
def _(layer: layers.Offset, _: Shape) -> nn.Module:
    return modules.Offset(layer.amount)


@_module.register
def _(_: layers.ChannelScale, image: Shape) -> nn.Module:
    return modules.ChannelScale(image.channels)


@_module.register
def _(layer: layers.Arithmetic, *_: Shape) -> nn.Module:
    return modules.Arithmetic(layer.operation)


@_module.register
def _(layer: layers.MaxPool2D, image: Shape) -> nn.Module:
    margins = layer.margins(image)
    return nn.MaxPool2d(
        layer.size,
        layer.step,
        padding=(margins.rows[0], margins.columns[0]),
        ceil_mode=_rounds_up(layer, margins),
    )


@_module.register
def _(layer: layers.AveragePool2D, image: Shape) -> nn.Module:
    margins = layer.margins(image)
    return nn.AvgPool2d(
        layer.size,
        layer.step,
        padding=(margins.rows[0], margins.columns[0]),
        ceil_mode=_rounds_up(layer, margins),
        count_include_pad=False,
    )


@_module.register
def _(_: layers.GlobalAveragePool, __: Shape) -> nn.Module:
    return nn.AdaptiveAvgPool2d(1)


@_module.register
def _(layer: layers.LocalAveragePool, image: Shape) -> nn.Module:
    if layer.covers(image):
        return nn.AdaptiveAvgPool2d(1)
    return modules.LocalAveragePool(layer.window(image), layer.margins(image), layer.form)


@_module.register
def _(layer: layers.Resize, image: Shape) -> nn.Module:
    height, width, channels = layer.result(image)
    if layer.sampling == "bilinear":
        return modules.AsymmetricResize(channels, (height, width))
    mode = "nearest" if layer.sampling == "nearest" else "bilinear"
    return modules.Resize((height, width), mode)


@_module.register
def _(layer: layers.DepthToSpace, _: Shape) -> nn.Module:
    if layer.order == "crd":
        return nn.PixelShuffle(layer.block)
    return modules.DepthToSpace(layer.block)


@_module.register
def _(layer: layers.SpaceToDepth, _: Shape) -> nn.Module:
    return modules.SpaceToDepth(layer.block)


@_module.register
def _(layer: layers.InstanceNormalization, image: Shape) -> nn.Module:
    return nn.InstanceNorm2d(image.channels, layer.epsilon, affine=True)


@_module.register
def _(layer: layers.LayerNormalization, image: Shape) -> nn.Module:
    return modules.LayerNormalization(image.channels, layer.epsilon)


@_module.register
def _(layer: layers.BatchNormalization, image: Shape) -> nn.Module:
    return nn.BatchNorm2d(image.channels, layer.epsilon)


@_module.register
def _(_: layers.Concatenation, *__: Shape) -> nn.Module:
    return modules.Concatenation()


@_module.register
def _(layer: layers.Split, _: Shape) -> nn.Module:
    return modules.Split(layer.parts)


@_module.register
def _(layer: layers.Slice, _: Shape) -> nn.Module:
    return modules.Slice(layer.start, layer.stop)


@_module.register
def _(layer: layers.Pad, _: Shape) -> nn.Module:
    kinds = {"zero": nn.ZeroPad2d, "reflect": nn.ReflectionPad2d, "replicate": nn.ReplicationPad2d}
    return kinds[layer.mode](_border(layer.margins))


@_module.register
def _(layer: layers.Crop, _: Shape) -> nn.Module:
    return modules.Crop(layer.margins)


def _border(margins: Margins) -> tuple[int, int, int, int]:
    """Margins in PyTorch's order: left, right, top, bottom."""
    return (*margins.columns, *margins.rows)


def _even(margins: Margins) -> bool:
    return all(before == after for before, after in margins)


def _rounds_up(layer: layers.MaxPool2D | layers.AveragePool2D, margins: Margins) -> bool:
    """Whether the window also goes where it meets the border after the map only in part.

    PyTorch pads equally. Rounding the size up instead of down adds exactly the odd row and
    column that SAME has after the map, but only where the window moves by more than one.

    Raises:
        ValueError: PyTorch has no such pooling.
    """
    odd = not _even(margins)
    if odd and layer.step == 1:
        raise ValueError(f"PyTorch cannot pad {layer} by {tuple(margins)}")
    return odd

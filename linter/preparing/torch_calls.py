"""Calls in a network's own code as the layers of the same meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
import torch.nn.functional as F  # noqa: N812
from torch import fx, nn

if TYPE_CHECKING:
    from npulint.preparing.torch_tracing import Traced


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call, and the layer that does the same.

    Attributes:
        layer: The layer, with the tensors that the call had.
        image: What it is called with.
        size: What the call was told that the result's size be, where the layer is not told.
        weights: Names of the module's parameters and buffers that the layer has now.
    """

    layer: nn.Module
    image: fx.Node
    size: Any = None
    weights: tuple[str, ...] = ()


class _OtherwiseError(Exception):
    """No layer does what a call does."""


class _Given:
    """What a call is given, by the names of its parameters.

    Args:
        node: The call.
        names: Of its parameters, in order.
        traced: The code that it stands in.
        held: The parameters and buffers of the module that the code is of, by name, those that
            nothing else has or reads.
    """

    def __init__(
        self,
        node: fx.Node,
        names: tuple[str, ...],
        traced: Traced,
        held: Mapping[str, torch.Tensor],
    ) -> None:
        if len(node.args) > len(names):
            raise _OtherwiseError
        self._all = dict(zip(names, node.args, strict=False)) | dict(node.kwargs)
        if not self._all.keys() <= set(names):
            raise _OtherwiseError
        self._traced = traced
        self._held = held
        self.weights: list[str] = []
        self.image: Any = self._all.pop(names[0], None)
        shape = self.known(self.image)
        if not isinstance(self.image, fx.Node) or not isinstance(shape, torch.Tensor):
            raise _OtherwiseError
        self.shape = tuple(shape.shape)

    def __getitem__(self, name: str) -> Any:
        """A plain value."""
        found = self._all[name]
        if _computed(found):
            raise _OtherwiseError
        return found

    def get(self, name: str, default: Any = None) -> Any:
        """A plain value, or a default."""
        return self[name] if name in self._all else default

    def raw(self, name: str) -> Any:
        """Whatever was given, nodes among it."""
        return self._all.get(name)

    def known(self, given: Any) -> Any:
        """What something given comes to for the example."""
        try:
            return fx.node.map_arg(given, lambda each: self._traced.values[each])
        except KeyError as error:
            raise _OtherwiseError from error

    def tensor(self, name: str) -> torch.Tensor | None:
        """A parameter or buffer of the module, None where there is none."""
        found = self._all.get(name)
        if found is None:
            return None
        if not isinstance(found, fx.Node) or found.op != "get_attr":
            raise _OtherwiseError
        tensor = self._held.get(str(found.target))
        if tensor is None:
            raise _OtherwiseError
        self.weights.append(str(found.target))
        return tensor


_Make: TypeAlias = "Callable[[_Given], nn.Module]"


def call_of(node: fx.Node, traced: Traced, held: Mapping[str, torch.Tensor]) -> Call | None:
    """The layer that does what a node of a traced module does, None where there is none.

    Args:
        node: The node.
        traced: The module's code.
        held: The module's parameters and buffers, those that nothing else has or reads.
    """
    found = _METHODS.get(str(node.target)) if node.op == "call_method" else None
    if node.op == "call_function":
        found = _FUNCTIONS.get(node.target)
    if found is None:
        return None
    names, make = found
    try:
        given = _Given(node, names, traced, held)
        layer = make(given)
    except (_OtherwiseError, KeyError, TypeError, ValueError):
        return None
    size = given.raw("size") if isinstance(layer, nn.Upsample) else None
    size = size if _computed(size) else None
    return Call(layer, given.image, size, tuple(given.weights))


def _computed(given: Any) -> bool:
    """Whether anything in a value is known only when the code runs."""
    met: list[fx.Node] = []
    fx.node.map_arg(given, met.append)
    return bool(met)


def _with(module: nn.Module, **tensors: torch.Tensor | None) -> nn.Module:
    """A layer with tensors that are there, trained where they are."""
    for name, tensor in tensors.items():
        if tensor is not None:
            own = nn.Parameter(tensor.detach(), requires_grad=tensor.requires_grad)
            setattr(module, name, own)
    return module


def _plain(kind: type[nn.Module], *options: str) -> _Make:
    """A layer of the options that a call has by the same names."""

    def make(given: _Given) -> nn.Module:
        return kind(**{name: given[name] for name in options if given.raw(name) is not None})

    return make


def _map(given: _Given) -> tuple[int, ...]:
    if len(given.shape) != 4:
        raise _OtherwiseError
    return given.shape


def _interpolate(given: _Given) -> nn.Module:
    rows, columns = _map(given)[2:]
    if given.get("antialias"):
        raise _OtherwiseError
    mode, corners = given.get("mode", "nearest"), given.get("align_corners")
    size = given.raw("size")
    if not _computed(size):
        factor = given.get("scale_factor")
        again = given.get("recompute_scale_factor")
        return nn.Upsample(size, factor, mode, corners, again)
    wanted = tuple(int(each) for each in given.known(size))
    if len(wanted) != 2:
        raise _OtherwiseError
    if wanted[0] % rows or wanted[1] % columns:
        return nn.Upsample(wanted, None, mode, corners)
    factors = (float(wanted[0] // rows), float(wanted[1] // columns))
    return nn.Upsample(None, factors, mode, corners)


def _norm(given: _Given) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    weight, bias = given.tensor("weight"), given.tensor("bias")
    if (weight is None) != (bias is None):
        raise _OtherwiseError
    return weight, bias


def _layer_norm(given: _Given) -> nn.Module:
    weight, bias = given.tensor("weight"), given.tensor("bias")
    if weight is None and bias is not None:
        raise _OtherwiseError
    made = nn.LayerNorm(
        tuple(given["normalized_shape"]),
        given.get("eps", 1e-5),
        elementwise_affine=weight is not None,
        bias=bias is not None,
    )
    return _with(made, weight=weight, bias=bias)


def _instance_norm(given: _Given) -> nn.Module:
    if given.raw("running_mean") is not None or not given.get("use_input_stats", True):
        raise _OtherwiseError
    channels = _map(given)[1]
    weight, bias = _norm(given)
    made = nn.InstanceNorm2d(channels, given.get("eps", 1e-5), affine=weight is not None)
    return _with(made, weight=weight, bias=bias)


def _group_norm(given: _Given) -> nn.Module:
    channels = _map(given)[1]
    weight, bias = _norm(given)
    groups, epsilon = given["num_groups"], given.get("eps", 1e-5)
    made = nn.GroupNorm(groups, channels, epsilon, affine=weight is not None)
    return _with(made, weight=weight, bias=bias)


def _prelu(given: _Given) -> nn.Module:
    weight = given.tensor("weight")
    if weight is None:
        raise _OtherwiseError
    return _with(nn.PReLU(weight.numel()), weight=weight)


_SLIDING = ("stride", "padding", "output_padding", "dilation")


def _convolution(kind: type[nn.Module]) -> _Make:
    def make(given: _Given) -> nn.Module:
        weight, bias = given.tensor("weight"), given.tensor("bias")
        if weight is None or weight.dim() != 4:
            raise _OtherwiseError
        groups = given.get("groups", 1)
        sides = (weight.shape[0], weight.shape[1] * groups)
        inputs, outputs = sides if kind is nn.ConvTranspose2d else sides[::-1]
        options = {name: given[name] for name in _SLIDING if given.raw(name) is not None}
        window = tuple(weight.shape[2:])
        made = nn.utils.skip_init(
            kind, inputs, outputs, window, groups=groups, bias=bias is not None, **options
        )
        return _with(made, weight=weight, bias=bias)

    return make


def _average(given: _Given) -> nn.Module:
    _map(given)
    names = (
        "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override",
    )  # fmt: skip
    return _plain(nn.AvgPool2d, *names)(given)


def _adaptive(given: _Given) -> nn.Module:
    _map(given)
    return nn.AdaptiveAvgPool2d(given["output_size"])


def _mean(given: _Given) -> nn.Module:
    axes = given["dim"]
    axes = {axis % 4 for axis in ((axes,) if isinstance(axes, int) else axes)}
    if len(_map(given)) != 4 or axes != {2, 3} or not given.get("keepdim"):
        raise _OtherwiseError
    return nn.AdaptiveAvgPool2d(1)


_RECTIFIED = ("input", "inplace")
_SIGMOID = (("input",), _plain(nn.Sigmoid))
_TANH = (("input",), _plain(nn.Tanh))
_MEAN = (("input", "dim", "keepdim"), _mean)
_SHUFFLE = (("input", "upscale_factor"), _plain(nn.PixelShuffle, "upscale_factor"))
_UNSHUFFLE = (("input", "downscale_factor"), _plain(nn.PixelUnshuffle, "downscale_factor"))

_FUNCTIONS: Mapping[Any, tuple[tuple[str, ...], _Make]] = {
    F.interpolate: (
        (
            "input", "size", "scale_factor", "mode", "align_corners", "recompute_scale_factor",
            "antialias",
        ),
        _interpolate,
    ),
    F.pixel_shuffle: _SHUFFLE,
    F.pixel_unshuffle: _UNSHUFFLE,
    F.gelu: (("input", "approximate"), _plain(nn.GELU, "approximate")),
    F.silu: (_RECTIFIED, _plain(nn.SiLU, "inplace")),
    F.hardswish: (_RECTIFIED, _plain(nn.Hardswish, "inplace")),
    F.hardsigmoid: (_RECTIFIED, _plain(nn.Hardsigmoid, "inplace")),
    F.elu: (("input", "alpha", "inplace"), _plain(nn.ELU, "alpha", "inplace")),
    F.softplus: (("input", "beta", "threshold"), _plain(nn.Softplus, "beta", "threshold")),
    F.leaky_relu: (
        ("input", "negative_slope", "inplace"), _plain(nn.LeakyReLU, "negative_slope", "inplace"),
    ),
    F.prelu: (("input", "weight"), _prelu),
    torch.sigmoid: _SIGMOID,
    torch.tanh: _TANH,
    torch.mean: _MEAN,
    F.layer_norm: (("input", "normalized_shape", "weight", "bias", "eps"), _layer_norm),
    F.instance_norm: (
        (
            "input", "running_mean", "running_var", "weight", "bias", "use_input_stats",
            "momentum", "eps",
        ),
        _instance_norm,
    ),
    F.group_norm: (("input", "num_groups", "weight", "bias", "eps"), _group_norm),
    F.avg_pool2d: (
        (
            "input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad",
            "divisor_override",
        ),
        _average,
    ),
    F.adaptive_avg_pool2d: (("input", "output_size"), _adaptive),
    F.conv2d: (
        ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
        _convolution(nn.Conv2d),
    ),
    F.conv_transpose2d: (
        (
            "input", "weight", "bias", "stride", "padding", "output_padding", "groups",
            "dilation",
        ),
        _convolution(nn.ConvTranspose2d),
    ),
}  # fmt: skip
"""By function: the names of its parameters, and what makes the layer."""

_METHODS: Mapping[str, tuple[tuple[str, ...], _Make]] = {
    "sigmoid": _SIGMOID,
    "tanh": _TANH,
    "mean": _MEAN,
}
"""By the name of a tensor's method."""

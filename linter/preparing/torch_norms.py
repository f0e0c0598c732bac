"""Normalisations out of means, or of 1x1 convolutions that take means over the channels.

A norm that is a module of the user's own is recognised by what it exports to, with the reader that
`fix` has for graphs: whatever its code looks like, a module whose nodes come out as
`scale * (x - mean) / sqrt(variance + epsilon) + shift` is a normalisation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from npulint.fixers.norms.families import recognise
from npulint.fixers.norms.reading import Normalisation
from npulint.fixers.norms.ways import centring
from npulint.fixers.record import Refusal
from npulint.preparing.torch_fitting import fitted_norm
from npulint.preparing.torch_making import Maker, Numbers, fixed, numbers
from npulint.preparing.torch_ways import Way

if TYPE_CHECKING:
    from npulint.model import Model
    from npulint.preparing.torch_exporting import Exporter, Shapes
    from npulint.preparing.torch_ways import Site, Ways

_STRIPPED = "the network computes something else without it: fine-tune it afterwards"


@dataclass(frozen=True, slots=True, eq=False)
class Norm:
    """scale * (x - mean) / sqrt(variance + epsilon) + shift.

    Attributes:
        axes: What mean and variance run over, of the input as it is; for groups, of the input in
            the shape `[N, groups, C/groups, ...]`.
        groups: Groups of channels; 0 where there are none.
        scale: The parameter, None where it is 1.
        shift: Likewise, None where it is 0.
        shape: In which scale and shift broadcast to the input.
        epsilon: Added to the variance.
    """

    axes: tuple[int, ...]
    groups: int
    scale: torch.Tensor | None
    shift: torch.Tensor | None
    shape: tuple[int, ...]
    epsilon: float


class Affine(nn.Module):
    """A factor and a summand for each channel: what is left of a norm that is stripped."""

    def __init__(self, norm: Norm) -> None:
        super().__init__()
        self.scale = _kept(norm.scale, norm.shape)
        self.shift = _kept(norm.shift, norm.shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply and add."""
        if self.scale is not None:
            x = x * self.scale
        return x if self.shift is None else x + self.shift


class NormByMeans(nn.Module):
    """A normalisation by its definition: means, products, a root and a quotient."""

    def __init__(self, norm: Norm) -> None:
        super().__init__()
        self.axes, self.groups, self.epsilon = list(norm.axes), norm.groups, norm.epsilon
        self.affine = Affine(norm)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise."""
        shape = x.shape
        if self.groups:
            x = x.reshape(shape[0], self.groups, shape[1] // self.groups, -1)
        centred = x - x.mean(self.axes, keepdim=True)
        variance = (centred * centred).mean(self.axes, keepdim=True)
        x = (centred / torch.sqrt(variance + self.epsilon)).reshape(shape)
        result: torch.Tensor = self.affine(x)
        return result


class NormByConvolutions(nn.Module):
    """A normalisation over the channels of `[N, C, H, W]`, by convolutions that take means."""

    def __init__(self, norm: Norm, channels: int, maker: Maker) -> None:
        super().__init__()
        mean = np.full((1, channels, 1, 1), 1 / channels)
        self.centring = fixed(maker.conv(centring(channels)[:, :, None, None], None))
        self.variance = fixed(maker.conv(mean, np.array([norm.epsilon])))
        self.affine = Affine(norm)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise."""
        centred = self.centring(x)
        raised = self.variance(centred * centred)
        result: torch.Tensor = self.affine(centred / torch.sqrt(raised))
        return result


def _kept(held: torch.Tensor | None, shape: tuple[int, ...]) -> nn.Parameter | None:
    if held is None:
        return None
    return nn.Parameter(held.detach().clone().reshape(shape), requires_grad=held.requires_grad)


def ways(norm: Norm, site: Site) -> Iterator[Way]:
    """The ways to compute a normalisation."""
    yield Way("norm/means", partial(NormByMeans, norm))
    channels = site.image[1]
    if norm.axes == (1,) and not norm.groups and len(site.image) == 4:
        made = partial(NormByConvolutions, norm, channels, Maker(site.like))
        yield Way("norm/conv-centred", made)
    else:
        said = Refusal("it does not normalise a map along its channels alone")
        yield Way("norm/conv-centred", said)
    if site.given is not None:
        yield fitted_norm(norm, site.image, site.given(), partial(_fitted, norm, site))
    yield Way("norm/strip", partial(Affine, norm), "lossy", _STRIPPED)


def _fitted(norm: Norm, site: Site, scale: Numbers, shift: Numbers, axis: int) -> Affine:
    """A scale and a shift along one axis, trained unless the norm's own were not."""
    held = [each for each in (norm.scale, norm.shift) if each is not None]
    trained = all(each.requires_grad for each in held)
    sizes = [1] * len(site.image)
    sizes[axis] = -1
    maker = Maker(site.like)
    factors, summands = (maker.tensor(each).requires_grad_(trained) for each in (scale, shift))
    return Affine(Norm((), 0, factors, summands, tuple(sizes), 0.0))


def norm_of(module: nn.Module, image: Sequence[int]) -> Norm | Refusal | None:
    """One of PyTorch's own normalisations as a record, None for another class.

    Args:
        module: The module.
        image: The shape of its input.
    """
    wide = (1, -1, *(1,) * (len(image) - 2))
    if type(module) is nn.InstanceNorm2d:
        if module.track_running_stats:
            return Refusal("it normalises by statistics that it keeps")
        return Norm((2, 3), 0, module.weight, module.bias, wide, module.eps)
    if type(module) is nn.GroupNorm:
        return Norm((2, 3), module.num_groups, module.weight, module.bias, wide, module.eps)
    if type(module) is nn.LayerNorm:
        count = len(module.normalized_shape)
        axes = tuple(range(len(image) - count, len(image)))
        shape = tuple(module.normalized_shape)
        return Norm(axes, 0, module.weight, module.bias, shape, module.eps)
    return None


def read(module: nn.Module, model: Model) -> Norm | Refusal | None:
    """What a module of the user's own normalises, None where it is something else.

    Args:
        module: A module without modules in it.
        model: What it exports to.
    """
    graph = model.graphs[0]
    found = [each for each in recognise(graph) if each.results == tuple(graph.outputs)]
    if len(found) != 1 or len(graph.inputs) != 1:
        return None
    norm = found[0].found
    if isinstance(norm, Refusal):
        return norm
    if not isinstance(norm, Normalisation) or norm.source != graph.inputs[0]:
        return None
    if set(norm.nodes) != {node.index for node in graph.nodes} or norm.kind not in _READ:
        return None
    channels = norm.shape[norm.channel_axis]
    held = _Held(module, channels)
    scale, shift = held.find(norm.scale, 1.0), held.find(norm.shift, 0.0)
    if isinstance(scale, Refusal) or isinstance(shift, Refusal):
        return Refusal("its scale or shift is computed of its parameters, and not one of them")
    shape = [1] * len(norm.shape)
    shape[norm.channel_axis] = -1
    epsilon = _epsilon(module, norm.epsilon)
    return Norm(_READ[norm.kind](norm), 0, scale, shift, tuple(shape), epsilon)


def read_all(
    exporter: Exporter, modules: Sequence[tuple[nn.Module, Shapes]]
) -> dict[int, Norm | Refusal | None]:
    """What modules of the user's own normalise, by their identity, all exported in one go.

    Args:
        exporter: Exports them.
        modules: The modules, and the shapes of what they are called with.
    """
    own = [(module, shapes) for module, shapes in modules if _is_own(module)]
    models = exporter.parts([module for module, _ in own], [shapes for _, shapes in own])
    return {
        id(module): None if isinstance(model, str) else read(module, model)
        for (module, _), model in zip(own, models, strict=True)
    }


def _is_own(module: nn.Module) -> bool:
    """Whether it is a class of the user's own, without modules in it."""
    own = not type(module).__module__.startswith(("torch.", "npulint.preparing."))
    return own and next(module.children(), None) is None


_READ = {"layer": lambda norm: norm.axes, "instance": lambda norm: norm.axes}
"""Kinds that a module of the user's own may have."""


class _Held:
    """The tensors of a module, each of which is one thing only."""

    def __init__(self, module: nn.Module, channels: int) -> None:
        held = (*module.parameters(), *module.buffers())
        self._left = [each for each in held if each.numel() == channels]
        self._channels = channels

    def find(self, array: Numbers | None, neutral: float) -> torch.Tensor | Refusal | None:
        """The tensor that holds some numbers; None where there need be none."""
        wanted = np.full(self._channels, neutral) if array is None else array.ravel()
        for place, tensor in enumerate(self._left):
            found = numbers(tensor).ravel().astype(np.float32)
            if np.array_equal(found, wanted.astype(np.float32)):
                return self._left.pop(place)
        return None if array is None else Refusal("no tensor holds it")


def _epsilon(module: nn.Module, read: float) -> float:
    """The number that a module keeps for its epsilon, of which a file has the float32 only."""
    for held in vars(module).values():
        if isinstance(held, float) and np.float32(held) == np.float32(read):
            return held
    return read


def _own(module: nn.Module, site: Site) -> Iterator[Way]:
    norm = norm_of(module, site.image)
    if isinstance(norm, Norm):
        yield from ways(norm, site)
    elif norm is not None:
        yield Way("norm/means", norm)


WAYS: Mapping[type[nn.Module], Ways] = {
    nn.InstanceNorm2d: _own,
    nn.GroupNorm: _own,
    nn.LayerNorm: _own,
}

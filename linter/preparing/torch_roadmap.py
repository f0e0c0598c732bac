"""The transformations by name, on PyTorch modules: each with what it changed, and what it left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from torch import nn

from npulint.fixers.convolutions import resize_fit
from npulint.fixers.convolutions.transposed_reading import as_convolution
from npulint.fixers.record import Refusal
from npulint.preparing import torch_norms
from npulint.preparing.geometry import passes
from npulint.preparing.records import Change, Transformed
from npulint.preparing.sampling import after_pooling, before_bilinear
from npulint.preparing.torch_convs import bias_of
from npulint.preparing.torch_making import Maker, chain, numbers
from npulint.preparing.torch_partial import (
    PartialConvolution,
    depthwise,
    partial,
    seen_by,
    unsuited,
    wider,
)
from npulint.preparing.torch_places import objection, paths_of, replace, shared_tensors
from npulint.preparing.torch_transposed import kernel_of, resized
from npulint.preparing.transformations import SOURCES, Transformation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npulint.preparing.torch_workshop import Study, Workshop


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """What a module becomes."""

    module: nn.Module
    words: str
    note: str = ""
    exact: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Met:
    """A module that a transformation comes to.

    Attributes:
        step: The transformation.
        path: Where the module stands.
        image: The shape of its input.
        ends: The first and the last convolution, by their paths.
        mean: The mean of what partial convolutions would multiply if they were whole.
        norms: What modules of the user's own normalise, by their identity.
    """

    step: Transformation
    path: str
    image: tuple[int, ...]
    ends: tuple[str, str]
    mean: float
    norms: Mapping[int, torch_norms.Norm | Refusal | None]


_Place: TypeAlias = "tuple[str, nn.Module, tuple[int, ...]]"
"""A path, the module there, and the shape of what it is called with."""

_Answer: TypeAlias = "_Made | str | None"
"""What a module becomes; why it stays; None where it is not of the kind."""


def transform(
    work: Workshop, first: Study, steps: Sequence[Transformation]
) -> tuple[tuple[Transformed, ...], Study]:
    """Apply transformations in their order.

    Args:
        work: The network; it is changed.
        first: What it is as it stands.
        steps: What is asked for.

    Returns:
        What each did, and what the network is then.
    """
    done = []
    study = first
    for step in steps:
        before = work.cost(study)
        if not any(step.means(path) for path in study.calls.shapes):
            work.notes[f"{step.name}:{step.where}: no layer has such a path"] = None
        changes, kept = _applied(work, study, step)
        study = work.study() if changes else study
        made = Transformed(step.name, SOURCES[step.name], changes, kept, before, work.cost(study))
        done.append(made)
    return tuple(done), study


def _applied(
    work: Workshop, study: Study, step: Transformation
) -> tuple[tuple[Change, ...], Mapping[str, str]]:
    shared = shared_tensors(work.new)
    places = list(_places(work, study))
    whole = [path for path, module, _ in places if type(module) is nn.Conv2d]
    ends = (whole[0], whole[-1]) if whole else ("", "")
    mean = _mean(places)
    norms: Mapping[int, torch_norms.Norm | Refusal | None] = {}
    if step.name == "strip-norms":
        norms = torch_norms.read_all(
            work.exporter, [(module, (image,)) for _, module, image in places]
        )
    changes: list[Change] = []
    kept: dict[str, str] = {}
    for path, module, image in places:
        if not step.means(path):
            continue
        met = _Met(step, path, image, ends, mean, norms)
        found = _STEPS[step.name](module, met)
        refusal = "" if found is None or isinstance(found, str) else objection(module, shared)
        if isinstance(found, str) or refusal:
            kept[path] = refusal or str(found)
        elif found is not None:
            named = ", ".join(paths_of(work.new, module))
            what = type(module).__name__
            changes.append(Change(named, what, found.words, found.note, found.exact))
            work.new = replace(work.new, module, found.module)
    return tuple(changes), kept


def _places(work: Workshop, study: Study) -> Iterator[_Place]:
    """The modules in the order in which they run, partial convolutions as one."""
    inside: tuple[str, ...] = ()
    for path, calls in study.calls.shapes.items():
        if path.startswith(inside) or not calls or not calls[0]:
            continue
        module = work.new.get_submodule(path)
        if isinstance(module, PartialConvolution):
            inside = (*inside, f"{path}.")
        yield path, module, calls[0][0]


def _mean(places: Sequence[_Place]) -> float:
    """What partial convolutions would multiply on the average if they were whole."""
    found = [
        _whole(module, image) for _, module, image in places
        if isinstance(module, PartialConvolution)
    ]  # fmt: skip
    return sum(found) / len(found) if found else 0.0


def _whole(module: Any, image: tuple[int, ...]) -> float:
    """Multiply-accumulates of a convolution of all channels at its place, as the paper counts."""
    rows, columns = module.convolution.kernel_size
    return float(image[-1] * image[-2] * module.channels**2 * rows * columns)


def _partial(module: Any, met: _Met) -> _Answer:
    if type(module) is not nn.Conv2d or module.kernel_size == (1, 1):
        return None
    if met.path in met.ends:
        return "it is the first or the last convolution, which the paper leaves whole"
    why = unsuited(module)
    seen = seen_by(met.step, module.in_channels)
    if why or not seen:
        return why or f"{module.in_channels} channels have no {met.step.divisor}th part"
    note = f"{seen} of {module.in_channels} channels keep their kernels, the others pass by"
    return _Made(partial(module, seen, depthwise=False), f"partial convolution of {seen}", note)


def _wider(module: Any, met: _Met) -> _Answer:
    if not isinstance(module, PartialConvolution):
        return None
    seen = module.channels // 2
    old: Any = module.convolution
    if old.in_channels >= seen:
        return f"it looks at {old.in_channels} of {module.channels} channels as it is"
    named = met.step.where != "*"
    if not named and _whole(module, met.image) >= met.mean:
        return "it is not cheap: whole, it would multiply as much as the others on the average"
    if not passes(old.kernel_size, old.dilation):
        return "no tap of its window lies on the sample itself, so that channels cannot pass by"
    words = f"partial convolution of {seen}"
    note = f"{seen - old.in_channels} more channels are looked at, as they pass by at first"
    return _Made(wider(module, seen), words, note, exact=True)


def _depthwise(module: Any, met: _Met) -> _Answer:
    if isinstance(module, PartialConvolution):
        old: Any = module.convolution
        if old.groups > 1:
            return None
        if old.in_channels < met.step.threshold:
            return f"it looks at {old.in_channels} channels, fewer than {met.step.threshold}"
        made, residual = depthwise(module)
        note = f"{residual:.2g} of the kernel is left out (relative RMS)" if residual else ""
        words = f"partial depthwise convolution of {old.in_channels}"
        return _Made(made, words, note, exact=not residual)
    if type(module) is not nn.Conv2d or module.groups == 1 or module.groups < module.in_channels:
        return None
    why = unsuited(module)
    seen = seen_by(met.step, module.in_channels)
    if not why and seen < met.step.threshold:
        why = f"it would look at {seen} channels, fewer than {met.step.threshold}"
    if why:
        return why
    note = f"{seen} of {module.in_channels} channels keep their kernels, the others pass by"
    words = f"partial depthwise convolution of {seen}"
    return _Made(partial(module, seen, depthwise=True), words, note)


def _upsampled(module: Any, met: _Met) -> _Answer:
    if type(module) is not nn.ConvTranspose2d:
        return None
    strides = (int(module.stride[0]), int(module.stride[1]))
    kernel = kernel_of(module)
    if min(strides) < 2:
        return f"its strides are {strides}: it does not upsample along both axes"
    for axis in (0, 1):
        grown = int(kernel.shape[2 + axis]) + int(module.output_padding[axis])
        if grown - 2 * int(module.padding[axis]) != strides[axis]:
            return "its result is not as many times as large as its strides say"
    found = before_bilinear(kernel, strides, (int(module.padding[0]), int(module.padding[1])))
    padding = (found.kernel.shape[2] // 2, found.kernel.shape[3] // 2)
    convolution = Maker(module.weight, module.bias).conv(
        as_convolution(found.kernel, module.groups), bias_of(module), module.groups,
        padding=padding,
    )  # fmt: skip
    factors = (float(strides[0]), float(strides[1]))
    made = chain(
        convolution=convolution, enlarge=nn.Upsample(scale_factor=factors, mode="bilinear")
    )
    size = "x".join(map(str, found.kernel.shape[2:]))
    return _Made(made, f"{size} convolution + bilinear resize", _residual(found.residual))


def _downsampled(module: Any, met: _Met) -> _Answer:
    if type(module) is not nn.Conv2d or tuple(module.stride) == (1, 1):
        return None
    if tuple(module.stride) != (2, 2) or tuple(module.dilation) != (1, 1):
        return f"strides {tuple(module.stride)} and dilation are not those of halving"
    if isinstance(module.padding, str) or module.padding_mode != "zeros":
        return "its border is padded in another way than by zeros"
    if met.image[-1] % 2 or met.image[-2] % 2:
        return f"its map of {met.image[-2]}x{met.image[-1]} has no half"
    found = after_pooling(numbers(module.weight), tuple(module.padding))
    if found is None:
        return f"a window of {module.kernel_size} does not lie in that of the pool"
    padding = (found.kernel.shape[2] // 2, found.kernel.shape[3] // 2)
    convolution = Maker(module.weight, module.bias).conv(
        found.kernel, bias_of(module), module.groups, padding=padding
    )
    made = chain(pool=nn.AvgPool2d(2), convolution=convolution)
    return _Made(made, "average pool + convolution", _residual(found.residual))


def _residual(left: float) -> str:
    return f"its kernel leaves {left:.2g} of the original one (relative RMS)"


def _resized(module: Any, met: _Met) -> _Answer:
    del met
    if type(module) is not nn.ConvTranspose2d:
        return None
    strides = (int(module.stride[0]), int(module.stride[1]))
    if strides == (1, 1):
        return "its strides are 1: there is nothing to resize"
    found = resize_fit.fit(kernel_of(module), "nearest", strides)
    exact = found.residual < resize_fit.EXACT
    words = "nearest resize + convolution"
    return _Made(resized(module, found), words, _residual(found.residual), exact)


def _stripped(module: Any, met: _Met) -> _Answer:
    norm = torch_norms.norm_of(module, met.image)
    if norm is None:
        norm = met.norms.get(id(module))
    if norm is None:
        return None
    if isinstance(norm, Refusal):
        return norm.reason
    return _Made(torch_norms.Affine(norm), "its scale and shift")


_STEPS: Mapping[str, Callable[[Any, _Met], _Answer]] = {
    "partial-convolution": _partial,
    "wider-middle-layers": _wider,
    "wider-cheap-layers": _wider,
    "decoupled-upsampling": _upsampled,
    "decoupled-downsampling": _downsampled,
    "partial-depthwise-convolution": _depthwise,
    "resize-convolution": _resized,
    "strip-norms": _stripped,
}

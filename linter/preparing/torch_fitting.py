"""Norms and transposed convolutions fitted to samples, by the catalogue's own mathematics."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from npulint.fixers.convolutions import resize_fit
from npulint.fixers.convolutions.resize_conv import fits_samples, pairs
from npulint.fixers.convolutions.resize_samples import calibrate
from npulint.fixers.convolutions.transposed_reading import TransposedConvolution
from npulint.fixers.norms.fitted import TUNE, fit, normalised
from npulint.fixers.norms.reading import Normalisation
from npulint.preparing.torch_making import numbers
from npulint.preparing.torch_ways import Way

if TYPE_CHECKING:
    from torch import nn

    from npulint.fixers.convolutions.resize_fit import Fit
    from npulint.preparing.torch_making import Numbers
    from npulint.preparing.torch_norms import Norm
    from npulint.preparing.torch_samples import Given


def fitted_norm(
    norm: Norm,
    image: Sequence[int],
    given: Given,
    make: Callable[[Numbers, Numbers, int], nn.Module],
) -> Way:
    """One scale and one shift a channel, by least squares.

    Args:
        norm: The norm.
        image: Shape of what it is given.
        given: What it is given on the samples.
        make: Makes the module of scale, shift and the axis that they lie along.
    """
    fitting, judging = given
    n = _normalisation(norm, image)
    scale, shift, _ = fit(n, fitting, fitting)
    sizes = [1] * len(image)
    sizes[n.channel_axis] = -1
    error = _relative(
        (normalised(n, each), each * scale.reshape(sizes) + shift.reshape(sizes))
        for each in judging
    )
    note = (
        f"fitted to {len(fitting)} calls; where it was not fitted it is off by {error:.3g} of its "
        f"results' root mean square; {TUNE}"
    )
    return Way("norm/calibrated", partial(make, scale, shift, n.channel_axis), "calibrated", note)


def fitted_kernel(
    module: nn.Module, kernel: Numbers, given: Given, make: Callable[[Fit], nn.Module]
) -> Way:
    """The kernel and bias behind a nearest resize, by the normal equations of the samples.

    Args:
        module: A transposed convolution.
        kernel: Its kernel, holes of a dilation filled with zeros.
        given: What it is given on the samples.
        make: Makes the module of a fit.
    """
    name = "transpose-conv/nearest-conv-calibrated"
    fitting, judging = given
    bias = None if module.bias is None else numbers(module.bias).astype(np.float64)
    records = [_record(module, kernel, bias, each.shape) for each in fitting]
    refusal = fits_samples("nearest", records[0])
    if refusal is not None:
        return Way(name, refusal, "calibrated")
    start = resize_fit.fit(kernel, "nearest", records[0].strides)
    first = np.zeros(int(module.out_channels)) if bias is None else bias
    met = (
        pair
        for record, each in zip(records, fitting, strict=True)
        for pair in pairs(record, "nearest", start, [(each, each)])
    )
    found, _ = calibrate(start, first, met, module.groups)
    error = _relative(
        (wanted, _made(found, large, module.groups, wanted.shape))
        for each in judging
        for large, wanted in pairs(
            _record(module, kernel, bias, each.shape), "nearest", start, [(each, each)]
        )
    )
    note = (
        f"fitted to {len(fitting)} calls; where it was not fitted its output is off by {error:.2g} "
        f"(relative RMS; {start.residual:.2g} of the kernel without samples): fine-tune the "
        "network afterwards"
    )
    return Way(name, partial(make, found), "calibrated", note)


def _made(found: Fit, large: Numbers, groups: int, shape: Sequence[int]) -> Numbers:
    """What the convolution of a fit makes of what it reads."""
    rows, columns = (int(size) - 1 for size in found.kernel.shape[2:])
    whole = resize_fit.transposed(large, found.kernel, (1, 1), groups)
    made = resize_fit.window(whole, (rows, columns), (int(shape[2]), int(shape[3])))
    return made if found.bias is None else made + found.bias[:, None, None]


def _relative(both: Iterable[tuple[Numbers, Numbers]]) -> float:
    """How far what is made is off what is wanted, relative in RMS."""
    missing = energy = 0.0
    for wanted, made in both:
        missing += float(np.square(wanted - made).sum())
        energy += float(np.square(wanted).sum())
    return math.sqrt(missing / energy) if energy else 0.0


def _normalisation(norm: Norm, image: Sequence[int]) -> Normalisation:
    """A norm of a module as the catalogue has norms of files."""
    kind: Literal["layer", "instance", "group"] = "layer"
    axes, channel = norm.axes, 1
    if norm.groups:
        kind, axes = "group", tuple(range(1, len(image)))
    elif 1 not in axes and norm.shape[:1] == (1,):
        kind = "instance"
    elif 1 not in axes:
        channel = axes[-1]
    scale, shift = (
        None if each is None else _along(numbers(each), norm.shape)
        for each in (norm.scale, norm.shift)
    )
    return Normalisation(
        nodes=(), source=-1, result=-1, shape=tuple(image), axes=axes, groups=max(norm.groups, 1),
        channel_axis=channel, scale=scale, shift=shift, epsilon=norm.epsilon, kind=kind, form="",
    )  # fmt: skip


def _along(held: Numbers, shape: tuple[int, ...]) -> Numbers:
    """Scale or shift as `[C]` where it runs along channels, else of the shape of its axes."""
    return held.reshape(-1) if shape[:1] == (1,) else held.reshape(shape)


def _record(
    module: nn.Module, kernel: Numbers, bias: Numbers | None, image: Sequence[int]
) -> TransposedConvolution:
    """A transposed convolution of a module as the catalogue has those of files."""
    rows, columns = (
        (int(image[2 + axis]) - 1) * int(module.stride[axis])
        + int(kernel.shape[2 + axis])
        - 2 * int(module.padding[axis])
        + int(module.output_padding[axis])
        for axis in (0, 1)
    )
    return TransposedConvolution(
        source=-1, result=-1, sizes=(int(image[0]), int(image[1]), int(image[2]), int(image[3])),
        kernel=kernel, bias=bias, strides=(int(module.stride[0]), int(module.stride[1])),
        before=(int(module.padding[0]), int(module.padding[1])), output=(rows, columns),
        groups=int(module.groups), activation="NONE",
    )  # fmt: skip

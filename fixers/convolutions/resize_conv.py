"""A resize and a convolution in place of a transposed convolution: exact, calibrated or lossy.

This is what papers on phones do, who then train the network again. It is the same function only
where the kernel is divisible by that of the resize; elsewhere the nearest kernel is fitted, and
how far it is off is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.building.builder import Feature, Margins
from npulint.fixers.convolutions import resize_fit
from npulint.fixers.convolutions.resize_fit import Fit, Floats, Resize
from npulint.fixers.convolutions.resize_samples import calibrate, too_many
from npulint.fixers.convolutions.transposed_reading import TransposedConvolution, as_convolution
from npulint.fixers.record import Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder, Sizes
    from npulint.fixers.record import Exactness

_T: TypeAlias = TransposedConvolution

_LONGEST = 256
"""Samples of a kernel or a stride that equations are solved for; their cost grows with the cube."""


@lru_cache(maxsize=2)
def _quotient(t: _T, resize: Resize) -> Fit | None:
    """Asked for by every way in turn, of an instance that is known by its identity."""
    return resize_fit.divide(t.kernel, resize, t.strides)


def _unfit(t: _T) -> Refusal | None:
    """Why no kernel is sought, None where one is."""
    if t.strides == (1, 1):
        return Refusal("the strides are 1: there is nothing to resize")
    if max(*t.strides, *t.kernel.shape[2:]) > _LONGEST:
        return Refusal(f"no kernel is sought where one, or a stride, is longer than {_LONGEST}")
    return None


def _exactly(resize: Resize, t: _T) -> Refusal | None:
    refusal = _unfit(t)
    if refusal is not None:
        return refusal
    if _quotient(t, resize) is None:
        rows, columns = (resize_fit.reach(resize, factor) for factor in t.strides)
        return Refusal(f"the kernel is not divisible by the {rows}x{columns} kernel of the resize")
    return None


def _nearly(resize: Resize, t: _T) -> Refusal | None:
    refusal = _unfit(t)
    if refusal is not None:
        return refusal
    if _quotient(t, resize) is not None:
        return Refusal("the kernel is divisible by that of the resize: the exact way serves")
    return None


def fits_samples(resize: Resize, t: _T) -> Refusal | None:
    """Why no kernel is fitted to samples, None where one is."""
    window = resize_fit.fitted_sizes(t.kernel, resize, t.strides)
    unknowns = int(t.kernel.shape[0]) // t.groups * window[0] * window[1]
    return too_many(unknowns, t.groups) or _nearly(resize, t)


def _exact(resize: Resize, builder: Builder, t: _T) -> list[int]:
    found = _quotient(t, resize)
    if found is None:
        raise AssertionError("only built after `_exactly`")
    return _build(builder, t, resize, found)


def _fitted(resize: Resize, builder: Builder, t: _T) -> list[int]:
    found = resize_fit.fit(t.kernel, resize, t.strides)
    builder.note = (
        f"its kernel leaves {found.residual:.2g} of the original one (relative RMS): fine-tune "
        "the network afterwards"
    )
    return _build(builder, t, resize, found)


def _calibrated(resize: Resize, builder: Builder, t: _T) -> list[int]:
    start = resize_fit.fit(t.kernel, resize, t.strides)
    bias = np.zeros(t.kernel.shape[1] * t.groups) if t.bias is None else t.bias.astype(np.float64)
    if builder.samples is None:
        # Asked about only: what is fitted is of the same form.
        return _build(builder, t, resize, replace(start, bias=bias))
    both = list(zip(builder.samples.before(t.source), builder.samples.now(t.source), strict=False))
    planes = (tuple(builder.planes(x).astype(np.float64) for x in pair) for pair in both)
    found, error = calibrate(start, bias, pairs(t, resize, start, planes), t.groups)
    builder.note = (
        f"fitted to {len(both)} samples; its output is off by {error:.2g} where it was not "
        f"fitted (relative RMS; {start.residual:.2g} of the kernel without samples): fine-tune "
        "the network afterwards"
    )
    return _build(builder, t, resize, found)


def pairs(
    t: _T, resize: Resize, fit: Fit, samples: Iterable[tuple[Floats, ...]]
) -> Iterator[tuple[Floats, Floats]]:
    """For each sample what the new convolution reads, and what the old one made.

    Of what a sample came to before the old one read that, and the new one reads what it is now.
    """
    kernel = t.kernel.astype(np.float64)
    bias = 0.0 if t.bias is None else t.bias.astype(np.float64)[:, None, None]
    rows, columns = (resize_fit.stretch(resize, factor) for factor in t.strides)
    for before, x in samples:
        channels = x.shape[1]
        each = np.broadcast_to(np.outer(rows, columns), (channels, 1, len(rows), len(columns)))
        large = resize_fit.transposed(x, each, t.strides, channels)
        start = _start(t, fit)
        size = t.output[0] + fit.kernel.shape[2] - 1, t.output[1] + fit.kernel.shape[3] - 1
        whole = resize_fit.transposed(before, kernel, t.strides, t.groups)
        wanted = resize_fit.window(whole, t.before, t.output) + bias
        yield resize_fit.window(large, start, size), wanted


def _start(t: _T, fit: Fit) -> tuple[int, int]:
    """The first sample of the resized input that the convolution reads."""
    rows, columns = (
        t.before[axis] + fit.offset[axis] - (int(fit.kernel.shape[2 + axis]) - 1) for axis in (0, 1)
    )
    return rows, columns


def _build(builder: Builder, t: _T, resize: Resize, fit: Fit) -> list[int]:
    """Resize, pad or crop to what the convolution reads, convolve with the kernel flipped."""
    x = Feature(t.source, t.sizes)
    lead = 0
    if resize == "bilinear":
        # A zero all around: the tent goes down to it, where a resize would repeat the border.
        x = builder.margins(x, Margins(1, 1, 1, 1))
        lead = 1
        large = builder.interpolate(x, t.strides)
    else:
        large = builder.enlarge(x, t.strides)
    kernel = fit.kernel.astype(t.kernel.dtype)
    reads = builder.margins(large, _margins(t, fit, large.sizes, lead))
    bias = t.bias if fit.bias is None else fit.bias.astype(t.kernel.dtype)
    made = builder.conv(reads, as_convolution(kernel[:, :, ::-1, ::-1], t.groups), bias, t.groups)
    return [builder.activate(made, t.activation).value]


def _margins(t: _T, fit: Fit, large: Sizes, lead: int) -> Margins:
    """What is added around the resized input, or cut away.

    A bilinear resize of an input with a zero before it starts `lead` samples before the tent.
    """
    sides = []
    for axis, start in enumerate(_start(t, fit)):
        before = -(start + lead)
        reach = t.output[axis] + int(fit.kernel.shape[2 + axis]) - 1
        sides += [before, reach - before - large[2 + axis]]
    return Margins(*sides)


_ARGUMENTS: dict[Exactness, str] = {
    "exact": (
        "a {resize} resize by s is the transposed convolution with a {shape}, so where that "
        "divides the kernel the quotient, as a convolution after the resize, makes the same"
    ),
    "calibrated": (
        "the kernel and bias after a {resize} resize that come nearest to the original output on "
        "the user's samples, by least squares; the network changes"
    ),
    "lossy": (
        "the kernel after a {resize} resize whose product with the resize's own {shape} comes "
        "nearest to the original one, by least squares; the network changes"
    ),
}


def _way(resize: Resize, exactness: Exactness) -> Realisation[TransposedConvolution]:
    accepts, build, suffix = {
        "exact": (_exactly, _exact, ""),
        "calibrated": (fits_samples, _calibrated, "-calibrated"),
        "lossy": (_nearly, _fitted, "-fitted"),
    }[exactness]
    op = "RESIZE_NEAREST_NEIGHBOR" if resize == "nearest" else "RESIZE_BILINEAR"
    shape = "box of s x s ones" if resize == "nearest" else "tent"
    return Realisation(
        name=f"transpose-conv/{resize}-conv{suffix}",
        uses=(op, "PAD", "STRIDED_SLICE", "CONV_2D"),
        exactness=exactness,
        argument=_ARGUMENTS[exactness].format(resize=resize, shape=shape),
        accepts=partial(accepts, resize),
        build=partial(build, resize),
    )


_RESIZES: tuple[Resize, ...] = ("nearest", "bilinear")
_EXACTNESSES: tuple[Exactness, ...] = ("exact", "calibrated", "lossy")

WAYS: tuple[Realisation[TransposedConvolution], ...] = tuple(
    _way(resize, exactness) for exactness in _EXACTNESSES for resize in _RESIZES
)
"""From the strictest."""

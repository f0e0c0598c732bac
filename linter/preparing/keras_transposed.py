"""Transposed convolutions of Keras out of plainer layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from npulint.fixers.convolutions import resize_fit
from npulint.fixers.convolutions.transposed import phase_kernel
from npulint.fixers.convolutions.transposed_reading import as_convolution
from npulint.fixers.record import Refusal
from npulint.preparing import geometry
from npulint.preparing import keras_blocks as blocks
from npulint.preparing.keras_making import SHUFFLES, Way, activated, conv, held, margins
from npulint.reference_models.keras_layers import keras

if TYPE_CHECKING:
    from npulint.fixers.convolutions.resize_fit import Fit
    from npulint.preparing.keras_making import Numbers, Parts

_SIDE = 3
"""Side of the one window that every target was seen to take."""


@dataclass(frozen=True, slots=True, eq=False)
class Transposed:
    """A transposed convolution, along H and W.

    Attributes:
        layer: The layer.
        kernel: `[Cin, Cout, kH, kW]`.
        bias: `[Cout]` or None.
        strides: Along H and W.
        before: Samples of the full result that are cut away at the top and at the left.
        behind: Samples that are kept behind the block of the last input sample.
    """

    layer: Any
    kernel: Numbers
    bias: Numbers | None
    strides: tuple[int, int]
    before: tuple[int, int]
    behind: tuple[int, int]

    @property
    def window(self) -> tuple[int, int]:
        """Of the kernel."""
        return int(self.kernel.shape[2]), int(self.kernel.shape[3])


def transposed_of(layer: Any) -> Transposed | Refusal:
    """A `Conv2DTranspose` as a record, or why it is not read."""
    refusal = _unread(layer)
    if refusal is not None:
        return refusal
    kernel = np.asarray(layer.kernel).transpose(3, 2, 0, 1)
    strides = (int(layer.strides[0]), int(layer.strides[1]))
    excess = [max(k - s, 0) for k, s in zip(kernel.shape[2:], strides, strict=True)]
    same = layer.padding == "same"
    before = (excess[0] // 2, excess[1] // 2) if same else (0, 0)
    behind = before if same else (excess[0], excess[1])
    return Transposed(layer, kernel, held(layer, "bias"), strides, before, behind)


def _transposed(layer: Any, shape: tuple[int, ...]) -> Iterator[Way]:
    del shape
    t = transposed_of(layer)
    if isinstance(t, Refusal):
        yield Way("transpose-conv/sub-pixel", t)
        return
    strides = t.strides
    square = _square(strides)
    taps = (-(-t.window[0] // strides[0]), -(-t.window[1] // strides[0]))
    for suffix, shuffle in SHUFFLES.items():
        plain = square or partial(_sub_pixel, t, taps, shuffle)
        yield Way(f"transpose-conv/sub-pixel{suffix}", plain)
        wide = square or _small(taps) or partial(_sub_pixel, t, (_SIDE, _SIDE), shuffle)
        yield Way(f"transpose-conv/sub-pixel-3x3{suffix}", wide)
    yield Way("transpose-conv/zero-insert-conv", partial(_zero_inserted, t, t.window))
    padded = _small(t.window) or partial(_zero_inserted, t, (_SIDE, _SIDE))
    yield Way("transpose-conv/zero-insert-conv-3x3", padded)
    yield from _resized(t)


def _unread(layer: Any) -> Refusal | None:
    if layer.data_format != "channels_last":
        return Refusal("its channels come first")
    if getattr(layer, "output_padding", None) is not None:
        return Refusal("it has an output padding of its own")
    if tuple(layer.dilation_rate) != (1, 1):
        return Refusal("it is dilated")
    return None


def _square(strides: tuple[int, int]) -> Refusal | None:
    if strides[0] != strides[1]:
        return Refusal(f"strides {strides} differ, and depth to space has one block size")
    return Refusal("the strides are 1: there is nothing to spread") if strides == (1, 1) else None


def _small(sizes: tuple[int, int]) -> Refusal | None:
    if max(sizes) > _SIDE or sizes == (_SIDE, _SIDE):
        return Refusal(f"{sizes[0]}x{sizes[1]} taps do not pad up to {_SIDE}x{_SIDE}")
    return None


def _sub_pixel(t: Transposed, taps: tuple[int, int], shuffle: Any, dtype: str) -> Parts:
    stride = t.strides[0]
    rows, columns = (
        geometry.phases(t.before[axis], t.behind[axis], stride, taps[axis]) for axis in (0, 1)
    )
    bias = None if t.bias is None else np.tile(t.bias, stride * stride)
    return (
        *margins(rows[0], columns[0], dtype),
        conv(phase_kernel(t.kernel, stride, taps), bias, dtype),
        (shuffle(stride, dtype=dtype), ()),
        *margins(rows[1], columns[1], dtype),
        *activated(t.layer, dtype),
    )


def _zero_inserted(t: Transposed, window: tuple[int, int], dtype: str) -> Parts:
    kernel = np.zeros((*t.kernel.shape[:2], *window), t.kernel.dtype)
    kernel[:, :, : t.window[0], : t.window[1]] = t.kernel
    rows, columns = (
        geometry.spread(t.before[axis], t.behind[axis], window[axis]) for axis in (0, 1)
    )
    spread = () if t.strides == (1, 1) else ((blocks.ZeroInsertion(*t.strides, dtype=dtype), ()),)
    return (
        *spread,
        *margins(rows, columns, dtype),
        conv(as_convolution(kernel[:, :, ::-1, ::-1], 1), t.bias, dtype),
        *activated(t.layer, dtype),
    )


def _resized(t: Transposed) -> Iterator[Way]:
    name = "transpose-conv/nearest-conv"
    if t.strides == (1, 1):
        return
    found = resize_fit.divide(t.kernel, "nearest", t.strides)
    if found is not None:
        yield Way(name, partial(enlarged, t, found))
        return
    rows, columns = t.strides
    yield Way(name, Refusal(f"the kernel is not divisible by a {rows}x{columns} box of ones"))
    fit = resize_fit.fit(t.kernel, "nearest", t.strides)
    note = (
        f"its kernel leaves {fit.residual:.2g} of the original one (relative RMS): fine-tune the "
        "network afterwards"
    )
    yield Way(f"{name}-fitted", partial(enlarged, t, fit), "lossy", note)


def enlarged(t: Transposed, fit: Fit, dtype: str) -> Parts:
    """A nearest-neighbour resize by the strides, then the convolution of a fit."""
    rows, columns = (
        geometry.resized(
            t.before[axis], t.behind[axis], int(fit.kernel.shape[2 + axis]), fit.offset[axis]
        )
        for axis in (0, 1)
    )
    return (
        (keras.layers.UpSampling2D(t.strides, dtype=dtype), ()),
        *margins(rows, columns, dtype),
        conv(as_convolution(fit.kernel[:, :, ::-1, ::-1], 1), t.bias, dtype),
        *activated(t.layer, dtype),
    )


def spread_after(t: Transposed, kernel: Numbers, dtype: str) -> Parts:
    """A convolution at the input's resolution by an odd window, then a bilinear resize."""
    enlarge = keras.layers.UpSampling2D(t.strides, interpolation="bilinear", dtype=dtype)
    return (
        conv(as_convolution(kernel, 1), t.bias, dtype, padding="same"),
        (enlarge, ()),
        *activated(t.layer, dtype),
    )


WAYS = {keras.layers.Conv2DTranspose: _transposed}

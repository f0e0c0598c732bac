"""What may take the place of a Keras layer: one list of ways for each class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from npulint.fixers.building.windows import dense, stuffed
from npulint.fixers.convolutions import resize_fit
from npulint.fixers.convolutions.transposed import phase_kernel
from npulint.fixers.convolutions.transposed_reading import as_convolution
from npulint.fixers.norms.ways import centring
from npulint.fixers.record import Refusal
from npulint.preparing import geometry
from npulint.preparing import keras_blocks as blocks
from npulint.reference_models.keras_layers import keras

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.fixers.convolutions.resize_fit import Fit
    from npulint.fixers.record import Exactness

    Numbers: TypeAlias = npt.NDArray[Any]

_SIDE = 3
"""Side of the one window that every target was seen to take."""

Parts: TypeAlias = "Sequence[tuple[Any, Sequence[Numbers]]]"
"""Layers after one another, each with its weights."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do what a layer does.

    Attributes:
        name: The realisation, by the catalogue's name, and others that it needs.
        make: Makes the layers of some type of numbers, or why the way does not serve.
        exactness: How exact it is.
        note: What it has to say of itself.
    """

    name: str
    make: Callable[[str], Parts] | Refusal
    exactness: Exactness = "exact"
    note: str = ""


def ways_of(layer: Any, shape: tuple[int, ...]) -> list[Way] | None:
    """The ways of a layer that is called with a map of some shape, None for other classes.

    A subclass may compute anything: the class itself counts.
    """
    found = _WAYS.get(type(layer))
    return None if found is None else list(found(layer, shape))


def _held(layer: Any, name: str) -> Numbers | None:
    weight = getattr(layer, name, None)
    return None if weight is None else np.asarray(weight)


def _conv(
    kernel: Numbers, bias: Numbers | None, dtype: str, **options: Any
) -> tuple[Any, list[Numbers]]:
    """A convolution by a kernel `[Cout, Cin/groups, kH, kW]`, with its weights."""
    made = keras.layers.Conv2D(
        len(kernel), kernel.shape[2:], use_bias=bias is not None, dtype=dtype, **options
    )
    weights = [np.ascontiguousarray(kernel.transpose(2, 3, 1, 0))]
    return made, weights if bias is None else [*weights, bias]


def _margins(rows: tuple[int, int], columns: tuple[int, int], dtype: str) -> Parts:
    """Zeros around a map, or samples cut away where a count is negative; nothing for none."""
    cut = tuple(tuple(max(-side, 0) for side in each) for each in (rows, columns))
    added = tuple(tuple(max(side, 0) for side in each) for each in (rows, columns))
    parts: list[tuple[Any, Sequence[Numbers]]] = []
    if any(map(any, cut)):
        parts.append((keras.layers.Cropping2D(cut, dtype=dtype), ()))
    if any(map(any, added)):
        parts.append((keras.layers.ZeroPadding2D(added, dtype=dtype), ()))
    return parts


def _activated(layer: Any, dtype: str) -> Parts:
    """The function that a layer applies to what it makes."""
    function = layer.activation
    if function is keras.activations.linear:
        return ()
    return ((keras.layers.Activation(function, dtype=dtype), ()),)


@dataclass(frozen=True, slots=True, eq=False)
class _Transposed:
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


def _transposed(layer: Any, shape: tuple[int, ...]) -> Iterator[Way]:
    del shape
    refusal = _unread(layer)
    if refusal is not None:
        yield Way("transpose-conv/sub-pixel", refusal)
        return
    kernel = np.asarray(layer.kernel).transpose(3, 2, 0, 1)
    strides = (int(layer.strides[0]), int(layer.strides[1]))
    excess = [max(k - s, 0) for k, s in zip(kernel.shape[2:], strides, strict=True)]
    same = layer.padding == "same"
    before = (excess[0] // 2, excess[1] // 2) if same else (0, 0)
    behind = before if same else (excess[0], excess[1])
    t = _Transposed(layer, kernel, _held(layer, "bias"), strides, before, behind)
    square = _square(strides)
    taps = (-(-t.window[0] // strides[0]), -(-t.window[1] // strides[0]))
    for suffix, shuffle in _SHUFFLES.items():
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


_SHUFFLES: Mapping[str, Any] = {
    "": blocks.DepthToSpace,
    " + shuffle/transposes": blocks.DepthToSpaceByTransposes,
}


def _sub_pixel(t: _Transposed, taps: tuple[int, int], shuffle: Any, dtype: str) -> Parts:
    stride = t.strides[0]
    rows, columns = (
        geometry.phases(t.before[axis], t.behind[axis], stride, taps[axis]) for axis in (0, 1)
    )
    bias = None if t.bias is None else np.tile(t.bias, stride * stride)
    return (
        *_margins(rows[0], columns[0], dtype),
        _conv(phase_kernel(t.kernel, stride, taps), bias, dtype),
        (shuffle(stride, dtype=dtype), ()),
        *_margins(rows[1], columns[1], dtype),
        *_activated(t.layer, dtype),
    )


def _zero_inserted(t: _Transposed, window: tuple[int, int], dtype: str) -> Parts:
    kernel = np.zeros((*t.kernel.shape[:2], *window), t.kernel.dtype)
    kernel[:, :, : t.window[0], : t.window[1]] = t.kernel
    rows, columns = (
        geometry.spread(t.before[axis], t.behind[axis], window[axis]) for axis in (0, 1)
    )
    spread = () if t.strides == (1, 1) else ((blocks.ZeroInsertion(*t.strides, dtype=dtype), ()),)
    return (
        *spread,
        *_margins(rows, columns, dtype),
        _conv(as_convolution(kernel[:, :, ::-1, ::-1], 1), t.bias, dtype),
        *_activated(t.layer, dtype),
    )


def _resized(t: _Transposed) -> Iterator[Way]:
    name = "transpose-conv/nearest-conv"
    if t.strides == (1, 1):
        return
    found = resize_fit.divide(t.kernel, "nearest", t.strides)
    if found is not None:
        yield Way(name, partial(_enlarged, t, found))
        return
    rows, columns = t.strides
    yield Way(name, Refusal(f"the kernel is not divisible by a {rows}x{columns} box of ones"))
    fit = resize_fit.fit(t.kernel, "nearest", t.strides)
    note = (
        f"its kernel leaves {fit.residual:.2g} of the original one (relative RMS): fine-tune the "
        "network afterwards"
    )
    yield Way(f"{name}-fitted", partial(_enlarged, t, fit), "lossy", note)


def _enlarged(t: _Transposed, fit: Fit, dtype: str) -> Parts:
    rows, columns = (
        geometry.resized(
            t.before[axis], t.behind[axis], int(fit.kernel.shape[2 + axis]), fit.offset[axis]
        )
        for axis in (0, 1)
    )
    return (
        (keras.layers.UpSampling2D(t.strides, dtype=dtype), ()),
        *_margins(rows, columns, dtype),
        _conv(as_convolution(fit.kernel[:, :, ::-1, ::-1], 1), t.bias, dtype),
        *_activated(t.layer, dtype),
    )


def _convolution(layer: Any, shape: tuple[int, ...]) -> Iterator[Way]:
    del shape
    kernel = np.asarray(layer.kernel).transpose(3, 2, 0, 1)
    dilation = (int(layer.dilation_rate[0]), int(layer.dilation_rate[1]))
    if layer.groups > 1:
        whole = dense(kernel, layer.groups)
        yield Way("conv/dense", partial(_other, layer, whole, {"dilation_rate": dilation}))
    if dilation != (1, 1):
        spaced = {"groups": layer.groups}
        yield Way("conv/stuffed", partial(_other, layer, stuffed(kernel, dilation), spaced))
    if layer.groups == 1 and kernel.shape[2:] == (1, 1):
        if layer.padding == "same" and tuple(layer.strides) == (1, 1):
            wide = np.pad(kernel, ((0, 0), (0, 0), (1, 1), (1, 1)))
            yield Way("conv/3x3", partial(_other, layer, wide, {}))
        else:
            yield Way("conv/3x3", Refusal("its window of 1x1 moves in strides, or has no border"))


def _other(layer: Any, kernel: Numbers, options: Mapping[str, Any], dtype: str) -> Parts:
    """A convolution with another kernel, and all else of a layer."""
    made = _conv(
        kernel, _held(layer, "bias"), dtype, strides=layer.strides, padding=layer.padding,
        activation=layer.activation, **options,
    )  # fmt: skip
    return (made,)


def _functions(*names: str) -> Iterator[Way]:
    for name in names:
        lossy = name in ("gelu/tanh", "gelu/logistic")
        yield Way(name, partial(_function, name), "lossy" if lossy else "exact")


def _function(name: str, dtype: str) -> Parts:
    return ((blocks.Function(name, dtype=dtype), ()),)


_NAMED: Mapping[str, tuple[str, ...]] = {
    "gelu": ("gelu/rational-erf", "gelu/tanh", "gelu/logistic"),
    "silu": ("silu/logistic",),
    "hard_silu": ("hard-swish/relu6",),
    "hard_sigmoid": ("hard-sigmoid/relu6",),
    "tanh": ("tanh/logistic",),
    "sigmoid": ("logistic/tanh",),
}
"""Ways by the names of Keras's activations; its `gelu` is the exact one unless told otherwise."""


def _activation(layer: Any, shape: tuple[int, ...]) -> Iterator[Way]:
    del shape
    name = next((n for n in _NAMED if layer.activation is getattr(keras.activations, n)), "")
    yield from _functions(*_NAMED.get(name, ()))


def _slopes(layer: Any, shape: tuple[int, ...]) -> Iterator[Way]:
    del shape
    trained = type(layer) is keras.layers.PReLU
    if trained:
        slope = np.asarray(layer.alpha)
    else:
        # TensorFlow keeps it as a float32, whatever it computes in.
        slope = np.full((1, 1, 1), np.float32(layer.negative_slope), np.float64)
    if slope.min() >= 0 and slope.max() <= 1:
        note = "the same for slopes from 0 to 1, as its slopes are: training may move them"
        yield Way("prelu/maximum", partial(_rectified, slope, True, trained), note=note)
    else:
        yield Way("prelu/maximum", Refusal("its slopes do not lie between 0 and 1"))
    yield Way("prelu/relu-difference", partial(_rectified, slope, False, trained))


def _rectified(slope: Numbers, largest: bool, trained: bool, dtype: str) -> Parts:
    made = blocks.Slopes(slope.shape, largest=largest, trainable=trained, dtype=dtype)
    return ((made, (slope,)),)


def _norm(layer: Any, shape: tuple[int, ...]) -> Iterator[Way]:
    axis = layer.axis if isinstance(layer.axis, int) else tuple(layer.axis)
    if axis not in (-1, len(shape) - 1, (-1,), (len(shape) - 1,)):
        yield Way("norm/means", Refusal("it does not normalise along the channels alone"))
        return
    yield Way("norm/means", partial(_by_means, layer))
    if len(shape) == 4:
        yield Way("norm/conv-centred", partial(_by_convolutions, layer, shape[-1]))
    note = "the network computes something else without it: fine-tune it afterwards"
    yield Way("norm/strip", partial(_affine, layer), "lossy", note)


def _affine(layer: Any, dtype: str) -> Parts:
    held = [_held(layer, "gamma"), _held(layer, "beta")]
    made = blocks.Affine(scaled=held[0] is not None, shifted=held[1] is not None, dtype=dtype)
    return ((made, [each for each in held if each is not None]),)


def _by_means(layer: Any, dtype: str) -> Parts:
    return ((blocks.NormByMeans(layer.epsilon, dtype=dtype), ()), *_affine(layer, dtype))


def _by_convolutions(layer: Any, channels: int, dtype: str) -> Parts:
    weights = [centring(channels)[None, None], np.full((1, 1, channels, 1), 1 / channels)]
    made = blocks.NormByConvolutions(layer.epsilon, dtype=dtype)
    return ((made, weights), *_affine(layer, dtype))


_WAYS: Mapping[type[Any], Callable[[Any, tuple[int, ...]], Iterator[Way]]] = {
    keras.layers.Conv2DTranspose: _transposed,
    keras.layers.Conv2D: _convolution,
    keras.layers.Activation: _activation,
    keras.layers.PReLU: _slopes,
    keras.layers.LeakyReLU: _slopes,
    keras.layers.LayerNormalization: _norm,
}

"""What may take the place of a Keras layer: one list of ways for each class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from npulint.fixers.building.windows import dense, stuffed
from npulint.fixers.record import Refusal
from npulint.preparing import keras_blocks as blocks
from npulint.preparing import keras_norms, keras_resizes, keras_transposed
from npulint.preparing.keras_making import Way, conv, held
from npulint.reference_models.keras_layers import keras

if TYPE_CHECKING:
    from npulint.preparing.keras_making import Numbers, Parts


def ways_of(layer: Any, shape: tuple[int, ...]) -> list[Way] | None:
    """The ways of a layer that is called with a map of some shape, None for other classes.

    A subclass may compute anything: the class itself counts.
    """
    found = _WAYS.get(type(layer))
    return None if found is None else list(found(layer, shape))


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
    made = conv(
        kernel, held(layer, "bias"), dtype, strides=layer.strides, padding=layer.padding,
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


_WAYS: Mapping[type[Any], Callable[[Any, tuple[int, ...]], Iterator[Way]]] = {
    **keras_transposed.WAYS,
    **keras_norms.WAYS,
    **keras_resizes.WAYS,
    keras.layers.Conv2D: _convolution,
    keras.layers.Activation: _activation,
    keras.layers.PReLU: _slopes,
    keras.layers.LeakyReLU: _slopes,
}

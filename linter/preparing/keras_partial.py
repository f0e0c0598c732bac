"""Partial convolutions in Keras: some of the channels look around, the others pass by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from npulint.fixers.building.windows import dense
from npulint.preparing import geometry
from npulint.preparing.keras_blocks import SameSize
from npulint.preparing.keras_making import conv
from npulint.reference_models.keras_layers import keras, tf

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.preparing.keras_making import Parts

    Numbers: TypeAlias = npt.NDArray[Any]

CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
"""The classes that are convolved by; a subclass may compute anything."""


@keras.utils.register_keras_serializable(package="npulint")
class PartialConvolution(SameSize):
    """A convolution of the first channels; the others are joined to what it makes as they are.

    Args:
        seen: How many channels it looks at, and makes.
        kernel_size: Of the window.
        depthwise: Whether each channel is looked at by itself.
        use_bias: Whether something is added to the channels that are seen.
        dilation_rate: Of the window.
        activation: Of all channels, as it was behind the whole convolution.
    """

    def __init__(  # noqa: PLR0913 - as Keras's own convolutions have them
        self,
        seen: int,
        kernel_size: tuple[int, int],
        *,
        depthwise: bool = False,
        use_bias: bool = True,
        dilation_rate: tuple[int, int] = (1, 1),
        activation: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.seen, self.depthwise, self.use_bias = seen, depthwise, use_bias
        self.kernel_size, self.dilation_rate = tuple(kernel_size), tuple(dilation_rate)
        self.activation = keras.activations.get(activation)

    def build(self, shape: Any) -> None:
        """Make the kernel, `[kH, kW, seen, seen]` or, depthwise, `[kH, kW, seen, 1]`."""
        self.channels = int(shape[-1])
        outputs = 1 if self.depthwise else self.seen
        self.kernel = self.add_weight(shape=(*self.kernel_size, self.seen, outputs), name="kernel")
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.seen,), initializer="zeros", name="bias")

    def call(self, image: Any) -> Any:
        """[N, H, W, C] to the same."""
        first, rest = image[..., : self.seen], image[..., self.seen :]
        kernel = tf.convert_to_tensor(self.kernel)
        if self.depthwise:
            first = tf.nn.depthwise_conv2d(
                first, kernel, (1, 1, 1, 1), "SAME", dilations=self.dilation_rate
            )
        else:
            first = tf.nn.conv2d(first, kernel, 1, "SAME", dilations=self.dilation_rate)
        if self.bias is not None:
            first = first + self.bias
        return self.activation(tf.concat([first, rest], -1))

    def get_config(self) -> dict[str, Any]:
        """What makes another one of it."""
        return {
            **super().get_config(),
            "seen": self.seen,
            "kernel_size": self.kernel_size,
            "depthwise": self.depthwise,
            "use_bias": self.use_bias,
            "dilation_rate": self.dilation_rate,
            "activation": keras.activations.serialize(self.activation),
        }


def kernel_of(layer: Any) -> Numbers:
    """The kernel of a convolution, `[Cout, Cin/groups, kH, kW]`."""
    stored = np.asarray(layer.kernel)
    rows, columns, inputs, outputs = stored.shape
    kernel: Numbers = stored.transpose(3, 2, 0, 1)
    if type(layer) is keras.layers.DepthwiseConv2D:
        kernel = stored.transpose(2, 3, 0, 1).reshape(inputs * outputs, 1, rows, columns)
    return kernel


def groups_of(layer: Any, channels: int) -> int:
    """Groups of channels of a convolution."""
    return channels if type(layer) is keras.layers.DepthwiseConv2D else int(layer.groups)


def bias_of(layer: Any) -> Numbers | None:
    """What a layer adds to its channels, None where that is nothing."""
    return None if layer.bias is None else np.asarray(layer.bias)


def unsuited(layer: Any, channels: int) -> str:
    """Why a convolution cannot become a partial one, empty where it can."""
    kernel, groups = kernel_of(layer), groups_of(layer, channels)
    if layer.data_format != "channels_last":
        return "its channels come first"
    if tuple(layer.strides) != (1, 1):
        return f"its strides are {tuple(layer.strides)}: a partial convolution keeps the size"
    if len(kernel) != channels:
        return f"it makes {len(kernel)} channels of {channels}"
    if kernel.shape[2:] == (1, 1):
        return "it looks at one sample, and mixes channels only"
    if groups not in (1, channels):
        return f"it has {groups} groups"
    return "" if layer.padding == "same" else "it changes the size of its map"


def partial(layer: Any, seen: int, channels: int, *, depthwise: bool, dtype: str) -> Parts:
    """The partial convolution that has the first channels' own kernels.

    Args:
        layer: A convolution that is not `unsuited`.
        seen: How many channels it looks at.
        channels: Of the map.
        depthwise: Whether each of those that are seen is looked at by itself.
        dtype: Type of the numbers.
    """
    kernel = kernel_of(layer)
    if groups_of(layer, channels) > 1:
        kernel = kernel[:seen] if depthwise else dense(kernel[:seen], seen)
    else:
        kernel = kernel[:seen, :seen]
        kernel = diagonal(kernel)[0] if depthwise else kernel
    bias = bias_of(layer)
    return _like(layer, kernel, None if bias is None else bias[:seen], depthwise, dtype)


def wider(layer: PartialConvolution, seen: int, dtype: str) -> Parts:
    """The same function looking at more channels: those that are new pass by through a one."""
    kernel, bias = _held(layer), bias_of(layer)
    count, inputs, *window = kernel.shape
    grown = np.zeros((seen, 1 if layer.depthwise else seen, *window), kernel.dtype)
    grown[:count, :inputs] = kernel
    # Of an even number of borders' samples, the one that is too many lies behind.
    middle = tuple((size - 1) // 2 for size in window)
    for place in range(count, seen):
        grown[place, 0 if layer.depthwise else place, middle[0], middle[1]] = 1
    if bias is not None:
        bias = np.concatenate([bias, np.zeros(seen - count, bias.dtype)])
    return _like(layer, grown, bias, layer.depthwise, dtype)


def passes(layer: PartialConvolution) -> bool:
    """Whether one tap of its window lies on the sample itself."""
    return geometry.passes(layer.kernel_size, layer.dilation_rate)


def left_out(layer: PartialConvolution) -> float:
    """What is left out of its kernel where each channel is looked at by itself."""
    return diagonal(_held(layer))[1]


def depthwise(layer: PartialConvolution, dtype: str) -> Parts:
    """Each channel by itself."""
    return _like(layer, diagonal(_held(layer))[0], bias_of(layer), True, dtype)


def diagonal(kernel: Numbers) -> tuple[Numbers, float]:
    """`[C, C, kH, kW]` -> `[C, 1, kH, kW]`, and what is left out, relative in RMS."""
    places = np.arange(len(kernel))
    kept: Numbers = kernel[places, places][:, None]
    rest = kernel.astype(np.float64)
    whole = float(np.linalg.norm(rest))
    rest[places, places] = 0
    return kept, float(np.linalg.norm(rest)) / whole if whole else 0.0


def _held(layer: PartialConvolution) -> Numbers:
    """The kernel of a partial convolution, `[seen, seen or 1, kH, kW]`."""
    order = (2, 3, 0, 1) if layer.depthwise else (3, 2, 0, 1)
    kernel: Numbers = np.asarray(layer.kernel).transpose(order)
    return kernel


def _like(layer: Any, kernel: Numbers, bias: Numbers | None, alone: bool, dtype: str) -> Parts:
    window = (int(kernel.shape[2]), int(kernel.shape[3]))
    made = PartialConvolution(
        len(kernel), window, depthwise=alone, use_bias=bias is not None,
        dilation_rate=layer.dilation_rate, activation=layer.activation, dtype=dtype,
    )  # fmt: skip
    stored = np.ascontiguousarray(kernel.transpose((2, 3, 0, 1) if alone else (2, 3, 1, 0)))
    return ((made, [stored] if bias is None else [stored, bias]),)


def halved(layer: Any, kernel: Numbers, groups: int, dtype: str) -> Parts:
    """An average pool of 2x2 and a convolution of stride 1 by an odd window."""
    pool = keras.layers.AveragePooling2D(2, dtype=dtype)
    bias, window = bias_of(layer), kernel.shape[2:]
    options = {"padding": "same", "activation": layer.activation, "dtype": dtype}
    if type(layer) is not keras.layers.DepthwiseConv2D:
        return (pool, ()), conv(kernel, bias, groups=groups, **options)
    made = keras.layers.DepthwiseConv2D(
        window, depth_multiplier=layer.depth_multiplier, use_bias=bias is not None, **options
    )
    stored = kernel.reshape(groups, -1, *window).transpose(2, 3, 0, 1)
    return (pool, ()), (made, [stored] if bias is None else [stored, bias])

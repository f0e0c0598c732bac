"""Ways to compute a normalisation without the operators that a target lacks for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.building.bounds import identity, zeros
from npulint.fixers.building.formula import Formula, formula
from npulint.fixers.norms.reading import Normalisation
from npulint.fixers.record import Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array, Builder

_N: TypeAlias = Normalisation
_Centre: TypeAlias = "Callable[[Formula, int, int], int]"

SHORTEST = 1e-6
"""A TFLite kernel divides by no less than this where it normalises to unit length.

Source: google-ai-edge/LiteRT tflite/kernels/internal/reference/l2normalization.h 29-51 @f6745779.
"""


def _any_layout(n: _N) -> Refusal | None:
    if n.kind == "group" and _split(n) is None:
        return Refusal("its groups of channels do not lie beside the axes that go with them")
    return None


def _centring(n: _N) -> Refusal | None:
    if n.kind == "rms":
        return Refusal("it subtracts no mean")
    return _any_layout(n)


def _one_axis(n: _N) -> Refusal | None:
    if n.kind not in {"layer", "rms"} or n.axes != (n.channel_axis,):
        return Refusal("it does not normalise along the channels alone")
    return None


def _raised(n: _N) -> Refusal | None:
    if n.epsilon <= 0:
        return Refusal("its epsilon is 0: where all channels agree, nothing keeps the root from 0")
    return _one_axis(n)


def _long_enough(n: _N) -> Refusal | None:
    refusal = _raised(n)
    if refusal is None and math.sqrt(n.shape[n.channel_axis] * n.epsilon) < SHORTEST:
        return Refusal(f"channels x epsilon is below {SHORTEST:g}^2, where kernels clamp lengths")
    return refusal


def built(build: Callable[[Builder, _N], int]) -> Callable[[Builder, _N], list[int]]:
    """The whole of a way: up to the activation."""

    def whole(builder: Builder, n: _N) -> list[int]:
        made = build(builder, n)
        if n.activation == "NONE":
            return [made]
        last = builder.nodes[-1]
        if last.outputs == (made,) and "fused_activation_function" in last.attributes:
            builder.set_attributes({"fused_activation_function": n.activation})
            return [made]
        return [builder.value_node(n.activation, (made,), n.shape)]

    return whole


def _with(build: Callable[[Formula, _N], int]) -> Callable[[Builder, _N], list[int]]:
    return built(lambda builder, n: build(formula(builder, n.source), n))


def affine_axes(n: _N) -> tuple[int, ...]:
    """The axes that scale and shift lie along."""
    held = n.scale if n.scale is not None else n.shift
    return n.axes if held is not None and held.ndim > 1 else (n.channel_axis,)


def _subtracted(a: Formula, x: int, mean: int) -> int:
    return a.binary("sub", x, mean)


def _added(a: Formula, x: int, mean: int) -> int:
    return a.binary("add", x, a.binary("mul", mean, a.number(-1.0, mean)))


def _by_means(a: Formula, n: _N, centre: _Centre = _subtracted) -> int:
    split = _split(n)
    shape, axes = (n.shape, n.axes) if split is None else split
    x = a.reshape(n.source, shape)
    centred = x if n.kind == "rms" else centre(a, x, a.mean(x, axes))
    variance = a.mean(a.binary("mul", centred, centred), axes)
    raised = a.binary("add", variance, a.number(n.epsilon, variance))
    normal = a.reshape(a.over_root(centred, raised), n.shape)
    return a.scale_shift(normal, n.scale, n.shift, affine_axes(n))


def _split(n: _N) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Four dimensions of which some are exactly one group, and which; None without groups."""
    if n.kind != "group" or n.axes != tuple(range(1, len(n.shape))):
        return None
    channels = n.shape[n.channel_axis]
    places = math.prod(n.shape[1:]) // channels
    if n.channel_axis == 1:
        return (n.shape[0], n.groups, channels // n.groups, places), (2, 3)
    if n.channel_axis == len(n.shape) - 1:
        return (n.shape[0], places, n.groups, channels // n.groups), (1, 3)
    return None


def _by_convolutions(a: Formula, n: _N) -> int:
    channels = n.shape[n.channel_axis]
    x, order = a.as_map(n.source, n.channel_axis)
    centred = x if n.kind == "rms" else a.mix(x, centring(channels), None)
    squares = a.binary("mul", centred, centred)
    raised = a.mix(squares, np.full((1, channels), 1 / channels), np.array([n.epsilon]))
    return _finished(a, n, a.over_root(centred, raised), order)


def _by_local_response(a: Formula, n: _N) -> int:
    channels = n.shape[n.channel_axis]
    x, order = a.as_map(n.source, n.channel_axis)
    centred = x if n.kind == "rms" else a.mix(x, centring(channels), None)
    normal = a.local_response(centred, channels - 1, 1 / channels, 0.5, n.epsilon)
    return _finished(a, n, normal, order)


def _by_length(a: Formula, n: _N) -> int:
    """The centring convolution makes the constant channel, the last one scales and drops it."""
    channels = n.shape[n.channel_axis]
    x, order = a.as_map(n.source, n.channel_axis)
    matrix = identity(channels, np.float64) if n.kind == "rms" else centring(channels)
    matrix = np.concatenate([matrix, np.zeros((1, channels))])
    bias = np.zeros(channels + 1)
    bias[-1] = math.sqrt(channels * n.epsilon)
    unit = a.unit_length(a.mix(x, matrix, bias))
    back = zeros((channels, channels + 1), np.float64)
    scale = np.ones(channels) if n.scale is None else n.scale.astype(float)
    back[:, :channels] = np.diag(scale * math.sqrt(channels))
    return a.from_map(a.mix(unit, back, n.shift), order, n.shape)


def centring(channels: int) -> Array:
    """`I - 1/C`, which takes the channels' mean from each."""
    return identity(channels, np.float64) - 1 / channels


def _finished(a: Formula, n: _N, normal: int, order: tuple[int, ...]) -> int:
    """Scale and shift the map's channels and store it as it was."""
    axis = a.channel_axis(4)
    return a.from_map(a.scale_shift(normal, n.scale, n.shift, (axis,)), order, n.shape)


EXACT: tuple[Realisation[Normalisation], ...] = (
    Realisation(
        name="norm/means",
        uses=("MEAN", "SUB", "MUL", "ADD", "RSQRT", "RESHAPE"),
        exactness="exact",
        argument=(
            "it is the definition: the mean, the mean of the squares of what differs from it, "
            "and a division by the root of that and epsilon; groups are split off by a reshape"
        ),
        accepts=_any_layout,
        build=_with(_by_means),
    ),
    Realisation(
        name="norm/means-added",
        uses=("MEAN", "MUL", "ADD", "RSQRT", "RESHAPE"),
        exactness="exact",
        argument="as by means, with the mean times -1 added in the place of a difference",
        accepts=_centring,
        build=_with(lambda a, n: _by_means(a, n, _added)),
    ),
    Realisation(
        name="norm/conv-centred",
        uses=("CONV_2D", "MUL", "RSQRT", "ADD", "TRANSPOSE", "RESHAPE"),
        exactness="exact",
        argument=(
            "a 1x1 convolution with I - 1/C takes the channels' mean away, and one with 1/C and "
            "epsilon as its bias takes the mean of the squares; along the channels alone"
        ),
        accepts=_one_axis,
        build=_with(_by_convolutions),
    ),
    Realisation(
        name="norm/local-response",
        uses=("CONV_2D", "LOCAL_RESPONSE_NORMALIZATION", "MUL", "ADD", "TRANSPOSE", "RESHAPE"),
        exactness="exact",
        argument=(
            "local response normalisation with beta 1/2, alpha 1/C, bias epsilon and a radius of "
            "C - 1, whose window holds all channels wherever it stands, divides by the root of "
            "their mean square and epsilon, and a 1x1 convolution with I - 1/C centres before "
            "it; along the channels alone, epsilon above 0"
        ),
        accepts=_raised,
        build=_with(_by_local_response),
    ),
    Realisation(
        name="norm/unit-length",
        uses=("CONV_2D", "L2_NORMALIZATION", "TRANSPOSE", "RESHAPE"),
        exactness="exact",
        argument=(
            "with one more channel that is always sqrt(C*epsilon), made by the convolution that "
            "centres, the channels' length is sqrt(C*(variance + epsilon)), so unit length times "
            "sqrt(C) is the norm; kernels divide by no less than 1e-6, and that channel alone is "
            "as long where C*epsilon >= 1e-12; along the channels alone"
        ),
        accepts=_long_enough,
        build=_with(_by_length),
    ),
)
"""The same function; only rounding differs."""

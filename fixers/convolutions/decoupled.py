"""A strided convolution as an average pool and a convolution of stride 1: another function.

Papers on phones decouple downsampling so, and train again. Blocks of samples are averaged first, so
that of a kernel only the sum over each block survives: that is the nearest one by least squares,
and the same function where the kernel is constant over every block. On samples another one may be
nearer, whose blocks are no noise. All is computed in float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from npulint.fixers.building.bounds import zeros
from npulint.fixers.building.builder import Feature, Margins
from npulint.fixers.building.formula import formula
from npulint.fixers.building.windows import Convolution, Sliding, stuffed, windows
from npulint.fixers.convolutions.resize_fit import Fit, window
from npulint.fixers.convolutions.resize_samples import calibrate, too_many
from npulint.fixers.convolutions.transposed_reading import as_convolution
from npulint.fixers.record import Realisation, Refusal

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.fixers.building.builder import Array, Builder

Floats: TypeAlias = "npt.NDArray[np.float64]"

_NOTHING_LEFT = 1e-6
"""Largest relative residual that counts as none: kernels are stored in float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """A kernel over averaged blocks in the place of one over samples.

    Attributes:
        kernel: `[Cout, Cin/groups, blocks along H, blocks along W]`.
        before: Blocks along H and W that the first window has before the first sample.
        residual: What is left of the original kernel, relative in RMS: the error of the output
            on white noise, away from the borders.
    """

    kernel: Floats
    before: tuple[int, int]
    residual: float


def pool(kernel: npt.NDArray[Any], strides: tuple[int, int], before: tuple[int, int]) -> Pooled:
    """The kernel that comes nearest after blocks as large as the strides are averaged.

    Args:
        kernel: `[Cout, Cin/groups, kH, kW]`, without dilation.
        strides: Along H and W.
        before: Samples of padding before the first one along H and W.
    """
    blocks = [-(-each // stride) for each, stride in zip(before, strides, strict=True)]
    # The window starts so many samples into its first block.
    inside = [
        count * stride - each for count, stride, each in zip(blocks, strides, before, strict=True)
    ]
    counts = [
        -(-(start + size) // stride)
        for start, size, stride in zip(inside, kernel.shape[2:], strides, strict=True)
    ]
    outputs, inputs, height, width = kernel.shape
    whole = zeros((outputs, inputs, counts[0] * strides[0], counts[1] * strides[1]), np.float64)
    whole[:, :, inside[0] : inside[0] + height, inside[1] : inside[1] + width] = kernel
    sums = whole.reshape(outputs, inputs, counts[0], strides[0], counts[1], strides[1])
    found: Floats = sums.sum(axis=(3, 5))
    energy = float((kernel.astype(np.float64) ** 2).sum())
    kept = float((found * found).sum()) / math.prod(strides)
    residual = math.sqrt(max(1 - kept / energy, 0.0)) if energy else 0.0
    return Pooled(found, (blocks[0], blocks[1]), residual)


def _pooled(c: Convolution) -> Pooled:
    return pool(stuffed(c.kernel, c.dilations), c.strides, (c.pads[0], c.pads[2]))


def _strided(c: Convolution) -> Refusal | None:
    if c.strides == (1, 1):
        return Refusal("its stride is 1: there is nothing to pool")
    return None


def _decoupled(builder: Builder, c: Convolution) -> list[int]:
    found = _pooled(c)
    if found.residual > _NOTHING_LEFT:
        builder.note = (
            f"its kernel leaves {found.residual:.2g} of the original one (relative RMS): fine-tune "
            "the network afterwards"
        )
    return _build(builder, c, found, c.bias)


def _calibrated(builder: Builder, c: Convolution) -> list[int]:
    found = _pooled(c)
    bias = np.zeros(c.output[1]) if c.bias is None else c.bias.astype(np.float64)
    if builder.samples is None:
        # Asked about only: what is fitted is of the same form.
        return _build(builder, c, found, bias.astype(c.kernel.dtype))
    both = list(zip(builder.samples.before(c.source), builder.samples.now(c.source), strict=False))
    planes = (tuple(builder.planes(x).astype(np.float64) for x in pair) for pair in both)
    # Turned around and by inputs first, as the kernels are that fits are made of.
    turned = as_convolution(found.kernel, c.groups)[:, :, ::-1, ::-1].astype(np.float64)
    start = Fit(turned, (0, 0), found.residual)
    fitted, error = calibrate(start, bias, _pairs(c, found, planes), c.groups)
    builder.note = (
        f"fitted to {len(both)} samples; its output is off by {error:.2g} where it was not "
        f"fitted (relative RMS; {found.residual:.2g} of the kernel without samples): fine-tune "
        "the network afterwards"
    )
    kernel = as_convolution(fitted.kernel[:, :, ::-1, ::-1], c.groups).astype(np.float64)
    shifted = bias if fitted.bias is None else fitted.bias
    return _build(builder, c, replace(found, kernel=kernel), shifted.astype(c.kernel.dtype))


def _pairs(
    c: Convolution, found: Pooled, samples: Iterable[tuple[Floats, ...]]
) -> Iterator[tuple[Floats, Floats]]:
    """For each sample the averages that the new convolution reads, and what the old one made."""
    kernel = stuffed(c.kernel, c.dilations).astype(np.float64)
    bias = 0.0 if c.bias is None else c.bias.astype(np.float64)[:, None, None]
    rows, columns = c.output[2:]
    before = -found.before[0], -found.before[1]
    size = rows + found.kernel.shape[2] - 1, columns + found.kernel.shape[3] - 1
    for was, now in samples:
        yield window(_averaged(now, c.strides), before, size), convolved(c, kernel, was) + bias


def _averaged(x: Floats, strides: tuple[int, int]) -> Floats:
    """Means of blocks as large as the strides, zeros filling up the last ones."""
    batch, channels, *sizes = x.shape
    blocks = [-(-size // stride) for size, stride in zip(sizes, strides, strict=True)]
    filled = window(x, (0, 0), (blocks[0] * strides[0], blocks[1] * strides[1]))
    split = filled.reshape(batch, channels, blocks[0], strides[0], blocks[1], strides[1])
    means: Floats = split.mean(axis=(3, 5))
    return means


def convolved(c: Convolution, kernel: Floats, x: Floats) -> Floats:
    """A convolution by its kernel without dilation, of `[N, Cin, H, W]`, without the bias."""
    outputs, each, height, width = kernel.shape
    rows, columns = c.output[2:]
    reach = (rows - 1) * c.strides[0] + height, (columns - 1) * c.strides[1] + width
    large = window(x, (-c.pads[0], -c.pads[2]), reach)
    split = large.reshape(len(x), c.groups, each, *reach)
    parts = kernel.reshape(c.groups, outputs // c.groups, each, height, width)
    made = np.zeros((len(x), c.groups, outputs // c.groups, rows, columns))
    for row in range(height):
        for column in range(width):
            down = slice(row, row + (rows - 1) * c.strides[0] + 1, c.strides[0])
            across = slice(column, column + (columns - 1) * c.strides[1] + 1, c.strides[1])
            taps = parts[..., row, column]
            made += np.einsum("ngihw,goi->ngohw", split[..., down, across], taps, optimize=True)
    return made.reshape(len(x), outputs, rows, columns)


def _build(builder: Builder, c: Convolution, found: Pooled, bias: Array | None) -> list[int]:
    height, width = c.sizes[2:]
    # Zeros up to whole blocks are what the convolution's own padding has there.
    rest = Margins(0, -height % c.strides[0], 0, -width % c.strides[1])
    whole = builder.margins(Feature(c.source, c.sizes), rest)
    a = formula(builder, whole.value)
    rows, columns = (
        size // stride for size, stride in zip(whole.sizes[2:], c.strides, strict=True)
    )
    means = Feature(a.average(whole.value, c.strides), (*c.sizes[:2], rows, columns))
    sides = Margins(*_sides(c, found, (rows, columns)))
    reads = builder.cut_margins(means, sides.cut) if any(sides.cut.sides) else means
    kernel = found.kernel.astype(c.kernel.dtype)
    how = Sliding(pads=sides.added.sides, groups=c.groups, activation=c.activation)
    return [windows(builder).conv(reads, kernel, bias, how).value]


def _sides(c: Convolution, found: Pooled, blocks: tuple[int, int]) -> list[int]:
    """What windows read around the blocks: top, bottom, left, right; less than 0 is cut away."""
    sides = []
    for axis in (0, 1):
        before, count = found.before[axis], int(found.kernel.shape[2 + axis])
        sides += [before, c.output[2 + axis] - 1 + count - before - blocks[axis]]
    return sides


def _to_samples(c: Convolution) -> Refusal | None:
    refusal = _strided(c)
    if refusal is not None:
        return refusal
    blocks = math.prod(_pooled(c).kernel.shape[1:])
    return too_many(blocks, c.groups)


_USES = ("AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "PAD", "STRIDED_SLICE")

CALIBRATED: Realisation[Convolution] = Realisation(
    name="conv/pooled-calibrated",
    uses=_USES,
    exactness="calibrated",
    argument=(
        "blocks as large as the strides are averaged, and a convolution of stride 1 has the kernel "
        "and bias that come nearest to the original output on the user's samples, by least "
        "squares; the network changes"
    ),
    accepts=_to_samples,
    build=_calibrated,
)

WAY: Realisation[Convolution] = Realisation(
    name="conv/pooled",
    uses=_USES,
    exactness="lossy",
    argument=(
        "blocks as large as the strides are averaged, and a convolution of stride 1 has for each "
        "of them the sum of the weights that fall into it, the nearest kernel by least squares; "
        "the network changes"
    ),
    accepts=_strided,
    build=_decoupled,
)
"""Lossy, but where the kernel is constant over every block."""

"""A strided convolution as an average pool and a convolution of stride 1: another function.

Papers on phones decouple downsampling so, and train again. Blocks of samples are averaged first, so
that of a kernel only the sum over each block survives: that is the nearest one by least squares,
and the same function where the kernel is constant over every block. All is computed in float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from npulint.fixers.building.bounds import zeros
from npulint.fixers.building.builder import Feature, Margins
from npulint.fixers.building.formula import formula
from npulint.fixers.building.windows import Convolution, Sliding, stuffed, windows
from npulint.fixers.record import Realisation, Refusal

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.fixers.building.builder import Builder

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
    return [windows(builder).conv(reads, kernel, c.bias, how).value]


def _sides(c: Convolution, found: Pooled, blocks: tuple[int, int]) -> list[int]:
    """What windows read around the blocks: top, bottom, left, right; less than 0 is cut away."""
    sides = []
    for axis in (0, 1):
        before, count = found.before[axis], int(found.kernel.shape[2 + axis])
        sides += [before, c.output[2 + axis] - 1 + count - before - blocks[axis]]
    return sides


WAY: Realisation[Convolution] = Realisation(
    name="conv/pooled",
    uses=("AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "PAD", "STRIDED_SLICE"),
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

"""Where the samples of a transposed convolution lie, along one axis, in whichever framework.

The full result of n samples is `(n - 1) * stride + kernel` long. What is kept of it begins `before`
samples into it and ends `behind` samples after the block of the last input sample, fewer where that
is negative.
"""

from __future__ import annotations

from collections.abc import Iterable


def phases(
    before: int, behind: int, stride: int, taps: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """For kernels of some taps a phase: margins before the convolution, and behind the shuffle.

    Only the phases' samples from the first to the last that any result needs are made.
    """
    first, last = before // stride, -(-behind // stride)
    return (taps - 1 - first, last), (-(before % stride), behind - last * stride)


def spread(before: int, behind: int, window: int) -> tuple[int, int]:
    """For zeros after each sample: margins before the convolution by a kernel of some window."""
    return window - 1 - before, behind


def resized(before: int, behind: int, window: int, offset: int) -> tuple[int, int]:
    """For a nearest resize: margins before the convolution by a fitted kernel.

    Args:
        before: See above.
        behind: See above.
        window: Of the fitted kernel.
        offset: Where the original kernel starts in the product of both.
    """
    return window - 1 - before - offset, behind + offset


def passes(window: Iterable[int], dilation: Iterable[int]) -> bool:
    """Whether a tap of a window that keeps a map's size lies on the sample itself.

    Of an even number of samples at the border, the one that is too many lies behind.
    """
    return all(
        (size - 1) * step // 2 == (size - 1) // 2 * step
        for size, step in zip(window, dilation, strict=True)
    )

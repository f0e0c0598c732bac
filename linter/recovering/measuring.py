"""How near outputs are to what is wanted, whoever computed them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from npulint.recovering.records import Quality
from npulint.verification import metrics
from npulint.verification.halves import mean, near
from npulint.verification.truth import decibel

if TYPE_CHECKING:
    from npulint.recovering.examples import Arrays, Example
    from npulint.runtimes import Array


def quality(
    examples: Sequence[Example], made: Sequence[Arrays], peak: float | None, *, last: bool
) -> Quality:
    """Compare outputs with the original's and with the truth.

    Args:
        examples: The samples.
        made: What a network makes of each.
        peak: What PSNR to the truth is relative to; None without one.
        last: Whether channels come last where shapes leave it open.
    """
    rows = list(zip(examples, made, strict=True))
    to_original = [_worst(each.wanted, outputs) for each, outputs in rows]
    ssims = [_ssim(each.wanted, outputs, None, last=last) for each, outputs in rows]
    if peak is None:
        return Quality(mean(to_original), min(to_original), _mean(ssims))
    truths = [(each.truth or (), outputs) for each, outputs in rows]
    return Quality(
        mean(to_original),
        min(to_original),
        _mean(ssims),
        *to_truth(truths, peak, last=last),
    )


def psnr(examples: Sequence[Example], made: Sequence[Arrays], peak: float | None) -> float:
    """The mean PSNR of outputs in dB: to the truth where there is one, else to the original's.

    Args:
        examples: The samples.
        made: What a network makes of each.
        peak: What PSNR to the truth is relative to; None without one.
    """
    rows = list(zip(examples, made, strict=True))
    if peak is None:
        return mean([_worst(each.wanted, outputs) for each, outputs in rows])
    return mean([_off_truth(each.truth or (), outputs, peak) for each, outputs in rows])


def to_truth(
    rows: Sequence[tuple[Arrays, Arrays]], peak: float, *, last: bool
) -> tuple[float, float | None]:
    """PSNR and SSIM of outputs to the truth: for each sample the truth, and the outputs."""
    decibels = [_off_truth(truth, outputs, peak) for truth, outputs in rows]
    return mean(decibels), _mean([_ssim(*row, peak, last=last) for row in rows])


def _worst(wanted: Arrays, made: Arrays) -> float:
    return min(near(one, other) for one, other in zip(wanted, made, strict=True))


def _off_truth(truth: Arrays, made: Arrays, peak: float) -> float:
    return min(decibel(peak, one, other) for one, other in zip(truth, made, strict=True))


def _ssim(wanted: Arrays, made: Arrays, peak: float | None, *, last: bool) -> float | None:
    """That of the output furthest off; None where none is an image."""
    found = [_ssim_of(one, other, peak, last=last) for one, other in zip(wanted, made, strict=True)]
    return min((each for each in found if each is not None), default=None)


def _ssim_of(wanted: Array, made: Array, peak: float | None, *, last: bool) -> float | None:
    axis = metrics.channel_axis(wanted.shape, last=last)
    if axis is None or wanted.dtype.kind != "f":
        return None
    span = float(np.ptp(wanted)) if peak is None else peak
    return metrics.ssim(wanted, made, axis, span)


def _mean(found: Sequence[float | None]) -> float | None:
    known = [each for each in found if each is not None]
    return fmean(known) if known and len(known) == len(found) else None

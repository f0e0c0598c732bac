"""The report of a recovery as text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from npulint.recovering.records import SAME

if TYPE_CHECKING:
    from npulint.recovering.records import Course, End, Parts, RecoverReport

_SHOWN = 3
"""Names that are listed one by one."""

_ENDS: Mapping[End, str] = MappingProxyType(
    {
        "steps": "all steps were done",
        "patience": "nothing more was gained",
        "minutes": "the time was up",
        "interrupted": "it was interrupted",
        "diverged": "its numbers grew without bound again and again: try a lower rate",
    }
)


def told(report: RecoverReport) -> Iterator[str]:
    """What was trained on what, how it went, and what it is worth."""
    trained = report.course.start < SAME
    yield (
        f"{report.rewritten}: {report.weights:,} weights {'trained' if trained else 'to train'} "
        f"towards {report.original} by {' + '.join(report.loss)} on {report.device}"
    )
    yield from (f"  {line}" for line in _parts(report.parts, trained=trained))
    yield from (f"  {line}" for line in _course(report.course))
    before, after = report.before, report.after
    where = "in PyTorch"
    if report.runtime is not None and report.runtime_before is not None:
        before, after = report.runtime_before, report.runtime_after or report.runtime_before
        where = f"in {report.runtime}"
    yield f"  {where}, near the original: {_change(before.psnr, after.psnr)}" + (
        f", at worst {_change(before.lowest, after.lowest)}{_ssim(before.ssim, after.ssim)}"
    )
    if report.reference is not None and before.to_truth is not None and after.to_truth is not None:
        yield (
            f"  {where}, near the truth: {_change(before.to_truth, after.to_truth)}"
            f"{_ssim(before.ssim_to_truth, after.ssim_to_truth)}; the original "
            f"{decibels(report.reference[0])}{_ssim(report.reference[1])}"
        )
    if report.runtime is not None and report.runtime_after is not None:
        yield (
            f"  the same in PyTorch: {_change(report.before.psnr, report.after.psnr)} near the "
            "original; both agree within rounding"
        )
    yield from _outcome(report)


def _parts(parts: Parts, *, trained: bool) -> Iterator[str]:
    yield (
        f"{_count(parts.training)} {'trained' if trained else 'to train'} on "
        f"({_listed(parts.training)}); figures are of "
        f"{_count(parts.reporting)} held out ({_listed(parts.reporting)})"
    )
    if parts.apart:
        yield f"the best step was chosen by {_count(parts.choosing)} ({_listed(parts.choosing)})"
    else:
        yield (
            "the best step was chosen by the samples that these figures are of, which makes them "
            "look better than they are: give six samples or more"
        )


def _course(course: Course) -> Iterator[str]:
    if course.start >= SAME:
        yield "it computes the same already: nothing was trained"
        return
    steps = "1 step" if course.steps == 1 else f"{course.steps:,} steps"
    yield f"{steps}, of which step {course.best:,} was best: {_ENDS[course.end]}"
    for step in course.setbacks:
        yield f"at step {step:,} its numbers grew without bound: back to the best, at half the rate"


def _outcome(report: RecoverReport) -> Iterator[str]:
    if not report.gained:
        kept = "the weights stay as they were" if report.runtime is None else "nothing is written"
        yield f"  nothing was gained on the samples that report: {kept}"
        return
    if report.reached is not None:
        yield f"  the bounds asked for are {'kept' if report.reached else 'not reached'}"
    if report.written is not None:
        yield f"  written to {report.written}"


def _change(before: float, after: float) -> str:
    if math.isfinite(before) and math.isfinite(after):
        return f"{decibels(before)} -> {decibels(after)} ({after - before:+.2f})"
    return f"{decibels(before)} -> {decibels(after)}"


def decibels(number: float) -> str:
    """A PSNR in words."""
    return f"{number:.2f} dB" if math.isfinite(number) else "equal" if number > 0 else "no PSNR"


def _ssim(*numbers: float | None) -> str:
    known = [f"{number:.4f}" for number in numbers if number is not None]
    return f", SSIM {' -> '.join(known)}" if known else ""


def _count(names: Sequence[str]) -> str:
    return f"{len(names)} sample{'' if len(names) == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more

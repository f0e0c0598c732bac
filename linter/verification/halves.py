"""Samples in two halves: one to fit to, and one to measure on what was fitted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from npulint.errors import UsageError
from npulint.verification import metrics
from npulint.verification.bench import Bench
from npulint.verification.calibration import read_named
from npulint.verification.records import Settings
from npulint.verification.truth import Truth, holds_truth, read_truth

if TYPE_CHECKING:
    from npulint.model import Model
    from npulint.runtimes import Array
    from npulint.verification.sample_files import Named


@dataclass(frozen=True, slots=True)
class Halves:
    """Every other sample, in order of name.

    Attributes:
        fitting: What is fitted to: the first, the third ...
        judging: What measures.
        truth: What outputs should be on all of them; None where nobody says.
    """

    fitting: tuple[Named, ...] = ()
    judging: tuple[Named, ...] = ()
    truth: Truth | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """How near a rewritten model is on one half; PSNR in dB, the mean over its samples.

    Attributes:
        names: The samples.
        psnr: Of the rewritten model's outputs to the original's, whose range is the peak.
        original: Of the original's outputs to the truth; None where there is none.
        rewritten: Of the rewritten model's outputs to the truth.
    """

    names: tuple[str, ...]
    psnr: float
    original: float | None = None
    rewritten: float | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """Both halves, and what PSNR to the truth is relative to."""

    fitting: Score
    held_out: Score
    peak: float | None = None


def read_halves(samples: Path, truth: Path | None, model: Model, *, fits: bool) -> Halves:
    """Read samples and what outputs should be on them.

    Args:
        samples: A folder, or an `.npz` file.
        truth: Likewise; None where the file of the samples may say it.
        model: The model.
        fits: Whether anything may be fitted, which takes a sample more than it is measured on.

    Raises:
        UsageError: Something cannot be read, or does not fit.
    """
    found = read_named(samples, model)
    if fits and len(found) < 2:
        raise UsageError(
            f"{samples}: holds one sample; give two or more: every other one is fitted to, and "
            "what that came to is measured on the rest"
        )
    if truth is None and holds_truth(samples, model):
        truth = samples
    fitting = tuple(found[::2])
    return Halves(
        fitting,
        tuple(found[1::2]) or fitting,
        None if truth is None else read_truth(truth, model, found),
    )


def score(
    original: Path,
    rewritten: Path,
    halves: Halves,
    progress: Callable[[str], None] | None = None,
) -> Scores:
    """Run both models on both halves.

    Raises:
        RunnerError: A runtime refuses a model.
    """
    with Bench(original, rewritten, Settings()) as bench:
        fitting, judging = (
            _score(bench, half, halves.truth, progress) for half in (halves.fitting, halves.judging)
        )
    return Scores(fitting, judging, None if halves.truth is None else halves.truth.peak)


def _score(
    bench: Bench,
    samples: Sequence[Named],
    truth: Truth | None,
    progress: Callable[[str], None] | None,
) -> Score:
    to_original, before, after = [], [], []
    for sample in samples:
        if progress is not None:
            progress(sample.name)
        refused = bench.run([sample.arrays[pair.a.name] for pair in bench.inputs])
        for word in refused:
            if word is not None:
                raise UsageError(f"{sample.name}: does not run: {word}")
        one, other = _outputs(bench, 0), _outputs(bench, 1)
        to_original.append(min(near(one[name], other[name]) for name in one))
        if truth is not None:
            before.append(truth.psnr(sample, one))
            after.append(truth.psnr(sample, other))
    names = tuple(sample.name for sample in samples)
    if truth is None:
        return Score(names, mean(to_original))
    return Score(names, mean(to_original), mean(before), mean(after))


def mean(decibels: Sequence[float]) -> float:
    """The mean over samples: one sample whose outputs are no numbers is enough to spoil all."""
    return -math.inf if -math.inf in decibels else fmean(decibels)


def near(one: Array, other: Array) -> float:
    """PSNR of an output to that of a reference; -infinite where it is no number."""
    found = metrics.measure(one, other)
    return -math.inf if found.mismatched and not found.exact else found.psnr


def _outputs(bench: Bench, which: int) -> dict[str, Array]:
    """What a model put out, by the names that the original has for it."""
    return {
        pair.a.name: bench.runners[which].fetch((pair.a, pair.b)[which].key)
        for pair in bench.outputs
    }

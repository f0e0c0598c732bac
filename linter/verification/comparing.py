"""Both models on every sample, and every output measured."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from npulint.errors import UsageError
from npulint.runtimes import Array, RunnerError
from npulint.verification import metrics, pairing
from npulint.verification.bench import Bench
from npulint.verification.records import (
    MAX_ERROR,
    Comparison,
    Difference,
    Output,
    Pair,
    Sample,
    Settings,
)
from npulint.verification.regions import regions_on
from npulint.verification.samples import Recipe, nudge, recipes

Progress: TypeAlias = "Callable[[str, int, int], None]"


def compare(
    a: Path,
    b: Path,
    settings: Settings,
    *,
    regions: bool | Collection[str] = False,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two models; see `npulint.verify`."""
    _check_bounds(settings)
    with Bench(a, b, settings) as bench:
        plan = recipes(bench.inputs, settings)
        pairs = list(bench.outputs)
        samples: list[Sample] = []
        table: list[list[Difference | None]] = []
        for done, recipe in enumerate(plan):
            if progress is not None:
                progress(recipe.name, done, len(plan))
            given = recipe.make(bench.inputs)
            refused = bench.run(given)
            samples.append(Sample(recipe.name, recipe.kind, recipe.shapes, *refused))
            if not samples[-1].compared:
                table.append([None] * len(pairs))
                continue
            row = _measure(bench, pairs, recipe, settings)
            table.append(_with_unrest(bench, given, pairs, row, settings))
        _see_that_some_ran(a, b, samples)
        outputs = tuple(
            _judge(pair, [row[place] for row in table], settings)
            for place, pair in enumerate(pairs)
        )
        found = Comparison(
            a=a,
            b=b,
            runtimes=(bench.runners[0].runtime, bench.runners[1].runtime),
            seed=settings.seed,
            error_bound=settings.error_bound,
            min_psnr=settings.min_psnr,
            inputs=bench.inputs,
            samples=tuple(samples),
            outputs=outputs,
        )
    if not regions:
        return found
    names = None if isinstance(regions, bool) else regions
    try:
        values = regions_on(a, b, settings, plan[_worst(found)], names)
    except RunnerError:
        # Values on the way take memory that the outputs alone did not. The answer stands
        # without those that were only asked for beside it.
        if names is None:
            raise
        return found
    return replace(found, regions=values)


def _check_bounds(settings: Settings) -> None:
    bounds = {"--max-error": settings.max_error, "--min-psnr": settings.min_psnr}
    for name, bound in bounds.items():
        # Written so that a NaN is refused too.
        if bound is not None and not bound >= 0:
            raise UsageError(f"{name} {bound}: give a number from 0")
    if settings.runs is not None and settings.runs < 0:
        raise UsageError(f"--runs {settings.runs}: give a number from 0")
    if settings.seed < 0:
        raise UsageError(f"--seed {settings.seed}: give a number from 0")
    if not settings.timeout > 0:
        raise UsageError(f"--timeout {settings.timeout}: give a number of seconds above 0")


def _measure(
    bench: Bench, pairs: list[Pair], recipe: Recipe, settings: Settings
) -> list[Difference | None]:
    """Every output of the last run; those whose layout is seen for the first time learn it."""
    row: list[Difference | None] = []
    for place, pair in enumerate(list(pairs)):
        one = bench.runners[0].fetch(pair.a.key)
        other = bench.runners[1].fetch(pair.b.key)
        order = pair.layout or bench.layout_of(pair, one, other, settings)
        pairs[place] = replace(pair, layout=order)
        if one.ndim == other.ndim:
            other = pairing.to_a(other, order)
        row.append(_difference(bench, one, other, with_ssim=recipe.kind != "edge"))
    return row


def _difference(bench: Bench, one: Array, other: Array, *, with_ssim: bool) -> Difference:
    found = metrics.measure(one, other)
    axis = metrics.channel_axis(one.shape, last=bench.dialects[0] == "tflite")
    if not with_ssim or axis is None or one.shape != other.shape:
        return found
    return replace(found, ssim=metrics.ssim(one, other, axis, found.range))


def _with_unrest(
    bench: Bench,
    given: Sequence[Array],
    pairs: Sequence[Pair],
    row: list[Difference | None],
    settings: Settings,
) -> list[Difference | None]:
    """Beside what is too far from A by the usual bound: how far A is from itself.

    A bound that the caller has set is kept to the letter.
    """
    usual = settings.max_error is None and settings.error_bound is not None
    if not usual or all(each is None or each.within(MAX_ERROR, None) for each in row):
        return row
    before = [bench.runners[0].fetch(pair.a.key) for pair in pairs]
    nudged = [nudge(array, place) for place, array in enumerate(given)]
    if bench.run_first(nudged) is not None:
        return row
    measured: list[Difference | None] = []
    for pair, old, each in zip(pairs, before, row, strict=True):
        moved = metrics.measure(old, bench.runners[0].fetch(pair.a.key))
        unrest = 0.0 if moved.mismatched else moved.max_absolute
        measured.append(None if each is None else replace(each, unrest=unrest))
    return measured


def _judge(pair: Pair, differences: Sequence[Difference | None], settings: Settings) -> Output:
    """Sum up one output, now that its largest magnitude in any run is known."""
    there = [each for each in differences if each is not None]
    floor = metrics.RELATIVE_TO_ALL * max(each.magnitude for each in there)
    ranged = tuple(
        None if each is None else replace(each, range=max(each.range, floor))
        for each in differences
    )
    bounds = settings.error_bound, settings.min_psnr
    empty = not any(each.finite for each in there)
    telling = [each for each in ranged if each is not None and not each.is_moot]
    # Where a model amplifies rounding on some inputs, others have to show what it computes.
    plain = any(replace(each, unrest=0.0).within(*bounds) for each in telling)
    moot = len(telling) < len(there)
    same = not empty and (plain or not moot) and all(each.within(*bounds) for each in telling)
    return Output(pair, ranged, same, empty)


def _see_that_some_ran(a: Path, b: Path, samples: Sequence[Sample]) -> None:
    """Refuse to judge where one of the models never ran.

    Raises:
        RunnerError: A model was refused on every sample.
    """
    for path, words in (
        (a, [sample.refused_by_a for sample in samples]),
        (b, [sample.refused_by_b for sample in samples]),
    ):
        if all(word is not None for word in words):
            raise RunnerError(
                path, f"did not run on any sample; give --inputs or --input-shape: {words[0]}"
            )
    if not any(sample.compared for sample in samples):
        raise RunnerError(a, "and the other model ran on no sample in common")


def _worst(found: Comparison) -> int:
    """The sample on which outputs are furthest apart."""

    def badness(place: int) -> tuple[bool, int, float]:
        each = [output.differences[place] for output in found.outputs]
        there = [difference for difference in each if difference is not None]
        mismatched = sum(difference.mismatched for difference in there)
        error = max((difference.max_relative for difference in there), default=0.0)
        return bool(there), mismatched, error

    return max(range(len(found.samples)), key=badness)

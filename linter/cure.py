"""`fix`: rewrite what the chosen targets refuse, and write nothing that is not proved."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.blame import blamed, lifts_doubts, with_reason
from npulint.budget import (
    MOST_TRIED,
    candidates,
    in_order,
    kept_some,
    measured,
    stricter,
    to_tune,
    too_far,
)
from npulint.cure_records import FixResult, Wish
from npulint.engine import check
from npulint.errors import UsageError
from npulint.fixers.record import CRITERIA, EXACTNESSES, Exactness, Policy
from npulint.formats import load, save
from npulint.model import Model
from npulint.rewriting import Rewrite, rewrite
from npulint.sizing.filling import completed
from npulint.sizing.walk import resized
from npulint.sizing.wishes import newly_fixed
from npulint.worth import better, objection

__all__ = ["FixResult", "Wish", "fix"]

if TYPE_CHECKING:
    from npulint.finding import ModelResult
    from npulint.fixers.building.builder import Array
    from npulint.fixers.choice import Choice
    from npulint.verification import Comparison
    from npulint.verification.halves import Halves, Scores


_BLAMED = 4
"""Realisations that one model may be too sensitive for before all is given up."""


def fix(  # noqa: PLR0913 - one parameter an option
    model: Model | str | Path,
    targets: Sequence[str] = (),
    wish: Wish | None = None,
    progress: Callable[[str], None] | None = None,
    *,
    output: Path | str | None = None,
    allow: Exactness | None = None,
) -> FixResult:
    """Rewrite a model so that more of it is taken by the chosen targets.

    The rewritten model is written to a temporary file, read back, checked on every target and run
    against the original; it is written to its place only when it is better on some target, worse
    on none, and computes the same within the bounds. Where realisations that are not exact
    exceed them, the model is rewritten with more exact ones alone.

    Args:
        model: The model or its file.
        targets: Names of targets and devices, or files; the default set when empty.
        wish: What is asked for; the defaults where it is None.
        progress: Called with what is done next.
        output: Where to write, instead of the wish's.
        allow: The least exact realisations that may be used, instead of the wish's.

    Returns:
        What came of it.

    Raises:
        NpulintError: The model cannot be read, a target is not known, the samples do not fit,
            the runtimes to compare with are not installed, or the result cannot be written.
    """
    wish = wish or Wish()
    wish = replace(wish, output=output or wish.output, allow=allow or wish.allow)
    unknown = [each for each in wish.order if each not in CRITERIA]
    if unknown or len(set(wish.order)) < len(wish.order):
        raise UsageError(f"order {wish.order!r}: give each of {', '.join(CRITERIA)} once at most")
    if wish.allow not in EXACTNESSES:
        raise UsageError(f"allow {wish.allow!r}: give one of {', '.join(EXACTNESSES)}")
    say = progress or _silence
    say("checking")
    as_given = load(model) if isinstance(model, (str, Path)) else model
    original = completed(resized(as_given, wish.input_shapes))
    before = _checked(original, targets)
    work = _Work(
        original,
        before,
        targets,
        wish,
        say,
        _halves(original, wish, say),
        newly_fixed(as_given, original),
    )
    with tempfile.TemporaryDirectory(prefix="npulint-") as folder:
        return _attempt(work, Path(folder), Policy(wish.allow, wish.order))


@dataclass(frozen=True, slots=True)
class _Work:
    """What does not change from one attempt to the next."""

    original: Model
    before: ModelResult
    targets: Sequence[str]
    wish: Wish
    say: Callable[[str], None]
    halves: Halves | None = None
    input_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def fitting(self) -> list[list[Array]]:
        """The samples that are fitted to: for each an array for each input."""
        if self.halves is None or self.wish.allow == "exact":
            return []
        return [[*each.arrays.values()] for each in self.halves.fitting]


def _attempt(work: _Work, folder: Path, policy: Policy) -> FixResult:
    """Rewrite with all that the policy has, and where that does not do with less."""
    work.say("choosing realisations")
    asked = [result.device or result.target for result in work.before.targets]
    try:
        made = rewrite(
            work.original,
            asked,
            policy,
            work.fitting,
            lambda done, total: work.say(f"choosing realisations: {done:,} of {total:,} places"),
        )
    except Exception:
        _run_alone(work)
        raise
    if made.model is work.original and not work.input_shapes:
        return _clean(work, made)
    trial = folder / f"rewritten{work.before.path.suffix or '.' + work.original.dialect}"
    work.say("writing a trial")
    save(made.model, trial)
    after = _checked(load(trial), work.targets)
    if not made.realised and not work.input_shapes and not better(work.before, after):
        return _clean(work, made)
    result = FixResult(work.before, after, made.choices, None, None, input_shapes=work.input_shapes)
    comparison = _compare(work, trial, result)
    held_back = objection(work.before, after, comparison, complete=work.wish.require_complete)
    again = _with_less(work, folder, policy, replace(result, held_back=held_back), comparison)
    if again is not None:
        return again
    result = replace(result, comparison=comparison, held_back=held_back)
    result = replace(result, scores=_scores(work, trial, result))
    if work.wish.output is None or held_back:
        return result
    work.say("writing")
    save(made.model, work.wish.output)
    return replace(result, written=Path(work.wish.output))


def _run_alone(work: _Work) -> None:
    """Run the model as it is: a damaged file may say anything, and its runtime says what is wrong.

    Raises:
        RunnerError: The runtime refuses it.
    """
    from npulint.verification import verify

    path = work.original.path
    sizes = {name: [shape] for name, shape in work.input_shapes.items()}
    verify(path, path, runs=1, edge=False, input_shapes=sizes)


def _with_less(
    work: _Work, folder: Path, policy: Policy, result: FixResult, comparison: Comparison
) -> FixResult | None:
    """Another attempt with fewer ways, where what stands against this one hangs on some."""
    if not comparison.same and result.exactness != "exact":
        return _within_bounds(work, folder, policy, result, comparison)
    culprit = blamed(result.choices, comparison)
    if culprit and len(policy.without) < _BLAMED:
        said = f"{culprit} puts this model too far off"
        less = replace(policy, without=policy.without | {culprit})
    elif result.held_back and comparison.same and policy.doubt and lifts_doubts(result.choices):
        said = f"doubts are not lifted here, or {result.held_back}"
        less = replace(policy, doubt=0)
    else:
        return None
    found = _attempt(work, folder, less)
    return replace(found, given_up=(said, *found.given_up))


def _within_bounds(
    work: _Work, folder: Path, policy: Policy, result: FixResult, comparison: Comparison
) -> FixResult:
    """Fewer places realised inexactly, or all of them more exactly, as the bounds ask."""
    ordered = in_order(result.choices, comparison)
    if policy.inexact_for is None and len(ordered) > 1:
        names = _within(work, folder, policy, ordered)
        found = _attempt(work, folder, replace(policy, inexact_for=names)) if names else None
        if found is not None and found.exactness != "exact" and not found.held_back:
            kept = [each for each in ordered if not names.isdisjoint(each.results)]
            left = [each for each in ordered if names.isdisjoint(each.results)]
            said = kept_some(kept, left, measured(comparison), result.exactness)
            return replace(found, given_up=(f"{said}; {to_tune(work.original, left)}",))
    allow = stricter(result.exactness)
    said = too_far(comparison, result.exactness)
    found = _attempt(work, folder, replace(policy, allow=allow, inexact_for=None))
    lost = tuple(with_reason(each, allow, said) for each in found.choices)
    advice = f"{said} ({candidates(ordered)}); {to_tune(work.original, ordered)}"
    return replace(found, choices=lost, given_up=(advice, *found.given_up))


def _within(work: _Work, folder: Path, policy: Policy, ordered: Sequence[Choice]) -> frozenset[str]:
    """Take places in turn, and keep each with which the outputs stay within the bounds.

    Returns:
        The names of the values that the places kept make.
    """
    asked = [result.device or result.target for result in work.before.targets]
    trial = folder / f"some{work.before.path.suffix or '.' + work.original.dialect}"
    kept: frozenset[str] = frozenset()
    for number, each in enumerate(ordered[:MOST_TRIED]):
        work.say(f"within the bounds: place {number + 1} of {min(len(ordered), MOST_TRIED)}")
        more = kept | {*each.results}
        made = rewrite(work.original, asked, replace(policy, inexact_for=more), work.fitting)
        save(made.model, trial)
        tried = FixResult(work.before, None, made.choices, None, None)
        if _compare(work, trial, tried).same:
            kept = more
    return kept


def _clean(work: _Work, made: Rewrite) -> FixResult:
    """What comes of a model in which nothing is to be rewritten."""
    result = FixResult(work.before, None, made.choices, None, None)
    if work.wish.require_complete and not result.complete:
        return result
    return replace(result, written=_copy(work.original, work.wish))


def _silence(_: str) -> None:
    return None


def _checked(model: Model, targets: Sequence[str]) -> ModelResult:
    return check(model, targets=targets, remedies=False).models[0]


def _halves(model: Model, wish: Wish, say: Callable[[str], None]) -> Halves | None:
    """The user's samples, None where there are none."""
    if wish.calibration is None:
        if wish.truth is not None:
            raise UsageError(
                f"--truth {wish.truth}: says what outputs should be on samples of the inputs: give "
                "those with --calibration"
            )
        return None
    from npulint.verification.halves import read_halves

    say("reading samples")
    truth = None if wish.truth is None else Path(wish.truth)
    return read_halves(Path(wish.calibration), truth, model, fits=wish.allow != "exact")


def _scores(work: _Work, trial: Path, result: FixResult) -> Scores | None:
    """Both models on the user's samples, where they differ or there is a truth to compare with."""
    if work.halves is None or (result.exactness == "exact" and work.halves.truth is None):
        return None
    from npulint.verification.halves import score

    return score(
        work.original.path, trial, work.halves, lambda name: work.say(f"scoring on {name}")
    )


def _copy(model: Model, wish: Wish) -> Path | None:
    if wish.output is None or not wish.copy_if_clean:
        return None
    save(model, wish.output)
    return Path(wish.output)


def _compare(work: _Work, trial: Path, result: FixResult) -> Comparison:
    """Run both models; on random and extreme inputs too unless the function is another one."""
    from npulint.verification import verify

    def progress(name: str, done: int, total: int) -> None:
        work.say(f"running both models: {name} ({done + 1} of {total})")

    made: Collection[str] = {name for each in result.choices for name in each.results}
    given = [each.arrays for each in work.halves.judging] if work.halves else []
    only = bool(given) and result.exactness != "exact"
    return verify(
        work.original.path,
        trial,
        inputs=given,
        runs=0 if only else None if not given else 3,
        edge=not only,
        input_shapes={name: [shape] for name, shape in work.input_shapes.items()},
        max_error=work.wish.max_error,
        min_psnr=work.wish.min_psnr,
        regions=made,
        progress=progress,
    )

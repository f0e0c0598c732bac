"""`fix`: rewrite what the chosen targets refuse, and write nothing that is not proved."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.blame import blamed, lifts_doubts, too_far, with_reason
from npulint.engine import check
from npulint.errors import UsageError
from npulint.fixers.record import CRITERIA, EXACTNESSES, Criterion, Exactness, Policy
from npulint.formats import load, save
from npulint.model import Model
from npulint.rewriting import Rewrite, rewrite
from npulint.sizing.filling import completed
from npulint.sizing.walk import resized
from npulint.sizing.wishes import newly_fixed
from npulint.worth import better, objection

if TYPE_CHECKING:
    from npulint.finding import ModelResult
    from npulint.fixers.building.builder import Activations
    from npulint.fixers.choice import Choice
    from npulint.sizing.wishes import InputShapes
    from npulint.verification import Comparison
    from npulint.verification.calibration import Sample


_BLAMED = 4
"""Realisations that one model may be too sensitive for before all is given up."""


@dataclass(frozen=True)
class FixResult:
    """What a rewrite came to.

    Attributes:
        before: The model as it was, on each target.
        after: The rewritten model, read back from the file it was written to; None where there
            is nothing to rewrite.
        choices: What was decided about each place that some target does not take and of which
            the catalogue speaks.
        comparison: The rewritten model against the original, both run.
        written: Where the result is; None where nothing was written.
        held_back: Why nothing was written although something was rewritten; empty otherwise.
        given_up: Inexact rewrites that were tried first and changed too much, a sentence each.
        input_shapes: Sizes, by name, of the inputs that the file leaves open and that are fixed
            now.
    """

    before: ModelResult
    after: ModelResult | None
    choices: tuple[Choice, ...]
    comparison: Comparison | None
    written: Path | None
    held_back: str = ""
    given_up: tuple[str, ...] = ()
    input_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def result(self) -> ModelResult:
        """The model as it is now."""
        return self.after or self.before

    @property
    def complete(self) -> bool:
        """Whether no target refuses anything any more."""
        return not any(
            verdict.status == "unsupported"
            for target in self.result.targets
            for verdicts in target.verdicts
            for verdict in verdicts
        )

    @property
    def exactness(self) -> Exactness:
        """That of the least exact realisation that was used."""
        used = (choice.chosen for choice in self.choices)
        return max(
            (each.exactness for each in used if each), key=EXACTNESSES.index, default="exact"
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a rewrite.

    Attributes:
        output: Where to write; None to write nothing.
        require_complete: Whether to write only what no target refuses anything of.
        copy_if_clean: Whether to write the model as it is where there is nothing to rewrite.
        max_error: Largest share of an output's range by which the models may differ; 1e-4
            unless this or `min_psnr` is set.
        min_psnr: Least peak signal-to-noise ratio of an output, in dB.
        allow: The least exact realisations that may be used, within these bounds.
        calibration: A folder or an `.npz` file with samples of the model's inputs. Half of them
            are fitted to, and the other half measures what that came to.
        order: What counts first when several realisations serve the targets alike.
        input_shapes: Sizes to fix inputs at that the file leaves open, by their names, the empty
            name standing for the only input.
    """

    output: Path | str | None = None
    require_complete: bool = False
    copy_if_clean: bool = False
    max_error: float | None = None
    min_psnr: float | None = None
    allow: Exactness = "exact"
    calibration: Path | str | None = None
    order: tuple[Criterion, ...] = CRITERIA
    input_shapes: InputShapes = field(default_factory=dict)


def fix(  # noqa: PLR0913 - one parameter an option
    model: Model | str | Path,
    targets: Sequence[str] = (),
    wish: Wish = Wish(),
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
        wish: What is asked for.
        progress: Called with what is done next.
        output: Where to write, instead of the wish's.
        allow: The least exact realisations that may be used, instead of the wish's.

    Returns:
        What came of it.

    Raises:
        NpulintError: The model cannot be read, a target is not known, the samples do not fit,
            the runtimes to compare with are not installed, or the result cannot be written.
    """
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
        _samples(original, wish, say),
        newly_fixed(as_given, original),
    )
    with tempfile.TemporaryDirectory(prefix="npulint-") as folder:
        return _attempt(work, Path(folder), Policy(wish.allow, wish.order))


@dataclass(frozen=True, slots=True)
class _Samples:
    """Those that are fitted to, and those that measure."""

    fitting: Sequence[Sample] = ()
    judging: Sequence[Sample] = ()
    activations: Activations | None = None


@dataclass(frozen=True, slots=True)
class _Work:
    """What does not change from one attempt to the next."""

    original: Model
    before: ModelResult
    targets: Sequence[str]
    wish: Wish
    say: Callable[[str], None]
    samples: _Samples = field(default_factory=_Samples)
    input_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def _attempt(work: _Work, folder: Path, policy: Policy) -> FixResult:
    """Rewrite with all that the policy has, and where that does not do with less."""
    work.say("choosing realisations")
    asked = [result.device or result.target for result in work.before.targets]
    try:
        made = rewrite(
            work.original,
            asked,
            policy,
            work.samples.activations,
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
        stricter = EXACTNESSES[EXACTNESSES.index(result.exactness) - 1]
        said = too_far(comparison, result.exactness)
        found = _attempt(work, folder, replace(policy, allow=stricter))
        lost = tuple(with_reason(each, stricter, said) for each in found.choices)
        return replace(found, choices=lost, given_up=(said, *found.given_up))
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


def _samples(model: Model, wish: Wish, say: Callable[[str], None]) -> _Samples:
    """The user's samples, none where none are given."""
    if wish.calibration is None:
        return _Samples()
    from npulint.verification.calibration import activations, read_samples

    say("reading samples")
    found = read_samples(Path(wish.calibration), model)
    fitting = found[::2]
    return _Samples(fitting, found[1::2] or found, activations(model, fitting))


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
    given = work.samples.judging
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

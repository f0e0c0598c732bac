"""The linter itself: models and targets in, one report out."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npulint.asking import Asking
from npulint.cost import node_macs, summarise
from npulint.errors import ModelFileError, UsageError
from npulint.finding import ModelResult, Report, TargetResult
from npulint.formats import load
from npulint.judging import judge_model, tables
from npulint.model import Model
from npulint.opsets.profile import Device
from npulint.opsets.table import Target
from npulint.rules import run_rules
from npulint.rules.demands import Demands
from npulint.sizing.filling import completed
from npulint.today import today
from npulint.workers import spread_prepared

if TYPE_CHECKING:
    from npulint.asking import Question
    from npulint.config.applying import Accounts
    from npulint.config.settings import Section
    from npulint.finding import Finding
    from npulint.sizing.wishes import InputShapes


def check(  # noqa: PLR0913 - one parameter an option
    models: Model | str | Path | Iterable[Model | str | Path],
    targets: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
    *,
    input_shapes: InputShapes | None = None,
    remedies: bool = True,
    accounts: Accounts | None = None,
    jobs: int = 1,
) -> Report:
    """Ask each target about each model.

    Args:
        models: Loaded models, or paths of model files, or a mixture.
        targets: Names of targets and devices, or paths of table and profile files; those of the
            settings when empty, and the default set where these name none.
        progress: Called with each path before it is looked at.
        input_shapes: Sizes to ask about, by the names of inputs, the empty name standing for the
            only one: for files that leave them open. Those of the settings when there are none.
        remedies: Whether to look up what would cure what is refused, which takes longer than all
            the rest on a small model.
        accounts: Settings, and what is accepted by them; every rule runs and nothing is accepted
            when None.
        jobs: How many processes share the work; models that are loaded already stay in this one.

    Returns:
        A report with one result a model. A file that cannot be read, or has no such inputs,
        becomes a result with `error` set and does not disturb the others.

    Raises:
        TargetError: A target is not known.
        TableError: A table file or a profile is faulty.
    """
    given = [models] if isinstance(models, (Model, str, Path)) else list(models)
    settings = None if accounts is None else accounts.settings
    asking = Asking(targets, settings, input_shapes or {})
    manner = _Manner(today() if accounts is None else accounts.today, remedies)
    results = []
    for result in _results(given, asking, manner, jobs, progress):
        results.append(result if accounts is None else accounts.settle(result))
    return Report(
        models=tuple(results),
        notes=asking.notes(),
        findings=() if accounts is None else accounts.close(),
    )


@dataclass(frozen=True, slots=True)
class _Manner:
    """How every model of a run is looked at.

    Attributes:
        day: The day.
        remedies: Whether to look up what would cure what is refused.
    """

    day: date
    remedies: bool


def _results(
    given: Sequence[Model | str | Path],
    asking: Asking,
    manner: _Manner,
    jobs: int,
    progress: Callable[[str], None] | None,
) -> Iterator[ModelResult]:
    """What is made of each model, in their order."""

    def step(item: Model | str | Path) -> None:
        if progress is not None:
            progress(str(_path(item)))

    if jobs == 1 or any(isinstance(item, Model) for item in given):
        for item in given:
            step(item)
            yield _check_one(item, asking.about(_path(item)), manner)
        return
    # Tables are full of functions and do not travel: each process loads its own.
    sent = spread_prepared(
        asking.travelling(partial(_remote, manner)), given, jobs=jobs, progress=step
    )
    for item, parcel in zip(given, sent, strict=True):
        yield _unpacked(parcel, asking.about(_path(item)))


def _path(item: Model | str | Path) -> Path:
    return Path(item.path if isinstance(item, Model) else item)


@dataclass(frozen=True)
class _Parcel:
    """A result on its way from another process: without the tables that it was made by.

    Attributes:
        result: The result, without what the targets make of the model.
        targets: The fields of that, target by target, but for those that hold tables.
    """

    result: ModelResult
    targets: tuple[dict[str, Any], ...]


_TABLES = frozenset({"target", "device"})


def _remote(manner: _Manner, asking: Asking) -> Callable[[Model | str | Path], _Parcel]:
    """What another process does with each model."""

    def work(item: Model | str | Path) -> _Parcel:
        result = _check_one(item, asking.about(_path(item)), manner)
        names = [each.name for each in fields(TargetResult) if each.name not in _TABLES]
        told = tuple({name: getattr(each, name) for name in names} for each in result.targets)
        return _Parcel(replace(result, targets=()), told)

    return work


def _unpacked(parcel: _Parcel, question: Question) -> ModelResult:
    """A result as it was in the process that made it."""
    model = parcel.result.model
    if model is None:
        return parcel.result
    pairs = zip(question.asked(model), parcel.targets, strict=True)
    return replace(
        parcel.result,
        targets=tuple(TargetResult(**tables(model, asked), **told) for asked, told in pairs),
    )


def _check_one(item: Model | str | Path, question: Question, manner: _Manner) -> ModelResult:
    with _gc_paused():
        try:
            model = item if isinstance(item, Model) else load(Path(item))
            if question.shapes:
                from npulint.sizing.walk import resized

                model = resized(model, question.shapes)
            model = completed(model)
        except ModelFileError as error:
            return ModelResult(path=Path(str(item)), error=_without_path(error))
        except UsageError as error:
            path = item.path if isinstance(item, Model) else Path(item)
            return ModelResult(path=path, error=question.in_its_words(str(error)))
        macs = tuple(node_macs(graph) for graph in model.graphs)
        asked = question.asked(model)
        judged = tuple(judge_model(model, target, macs) for target in asked)
        if manner.remedies:
            judged = _with_remedies(model, asked, judged)
        return ModelResult(
            path=model.path,
            model=model,
            summary=summarise(model),
            targets=judged,
            findings=_found(model, judged, question.section, manner.day),
        )


def _with_remedies(
    model: Model, asked: Sequence[Target | Device], results: tuple[TargetResult, ...]
) -> tuple[TargetResult, ...]:
    """The results with what would cure what is refused, if anything is."""
    refusing = [each for each in results if each.refuses]
    if not refusing:
        return results
    from npulint.remedies import remedies

    names = {each.target.name for each in refusing}
    found = remedies(model, refusing, [each for each in asked if each.name in names])
    return tuple(replace(each, remedies=found.get(each.target.name, {})) for each in results)


def _found(
    model: Model, judged: Sequence[TargetResult], section: Section | None, day: date
) -> tuple[Finding, ...]:
    if section is None:
        return run_rules(model, judged, today=day)
    demands = Demands(section.min_coverage, known=bool(section.require_known_coverage))
    return run_rules(model, judged, section.wants, demands, today=day)


def _without_path(error: ModelFileError) -> str:
    return str(error).removeprefix(f"{error.path}: ")


@contextmanager
def _gc_paused() -> Iterator[None]:
    """Pause the cyclic collector: a model of 50,000 nodes makes no garbage worth its scans."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

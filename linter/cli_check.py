"""`npulint check`: lint models, and fail where too much is found."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from npulint.cli_settings import Wanted, accounts_for, check_options
from npulint.errors import UsageError
from npulint.terminal import (
    EXIT_BAD_INPUT,
    EXIT_FINDINGS,
    EXIT_OK,
    MODEL,
    deliver,
    forms_option,
    input_shapes_option,
    layout_for,
    looked_at,
    no_color_option,
    outputs_option,
    progress,
    say_unreadable,
    targets_option,
    verbose_option,
)

if TYPE_CHECKING:
    from npulint.config.applying import Accounts
    from npulint.finding import FailOn, Report
    from npulint.recall import Answer, Question
    from npulint.reports.wrapping import Layout


@click.command()
@click.argument("models", nargs=-1, required=True, type=MODEL)
@targets_option
@input_shapes_option
@forms_option
@outputs_option
@check_options
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many processes share the work.",
)
@click.option(
    "--no-cache", is_flag=True, help="Lint even what is as it was when it was linted before."
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing; only the exit code counts.")
@verbose_option
@no_color_option
def check(  # noqa: PLR0913, PLR0917 - one parameter an option
    models: tuple[Path, ...],
    targets: tuple[str, ...],
    shapes: dict[str, tuple[int, ...]],
    forms: tuple[str, ...],
    outputs: tuple[Path, ...],
    jobs: int,
    no_cache: bool,
    quiet: bool,
    verbose: bool,
    no_color: bool,
    **options: Any,
) -> int:
    """Lint model files, and the model files inside folders."""
    from npulint.searching import find_models

    run = _Run(
        paths=find_models(models),
        within=tuple(filter(os.path.isdir, models)),
        targets=targets,
        shapes=shapes,
        forms=forms,
        outputs=outputs,
        wanted=Wanted(**options),
        quiet=quiet,
        verbose=verbose,
        no_color=no_color,
    )
    _see_that_nothing_is_written_twice(run)
    question = None if no_cache else _question(run)
    answer = None if question is None else question.answer()
    if answer is None:
        answer = _answer(run, jobs, question)
    deliver(answer.out, None)
    return answer.code


@dataclass(frozen=True, slots=True)
class _Run:
    """What is to be done, as the command line has it."""

    paths: tuple[Path, ...]
    within: tuple[Path, ...]
    targets: tuple[str, ...]
    shapes: dict[str, tuple[int, ...]]
    forms: tuple[str, ...]
    outputs: tuple[Path, ...]
    wanted: Wanted
    quiet: bool
    verbose: bool
    no_color: bool

    def layout(self, output: Path | None) -> Layout:
        """How text is drawn there."""
        return layout_for(output, verbose=self.verbose, no_color=self.no_color)


def _see_that_nothing_is_written_twice(run: _Run) -> None:
    """Refuse a baseline and a report in one file, and a baseline on standard output.

    Raises:
        UsageError: That is wanted.
    """
    baseline = run.wanted.write_baseline
    if baseline is None:
        return
    if baseline == Path("-"):
        raise UsageError("--write-baseline -: a baseline is a file: name one")
    if any(each.resolve() == baseline.resolve() for each in run.outputs):
        raise UsageError(f"-o and --write-baseline both name {baseline}: one would overwrite it")


def _question(run: _Run) -> Question | None:
    """The run as something that may have been answered before; None where it also writes files."""
    if run.outputs or run.wanted.write_baseline is not None:
        return None
    from npulint.recall import Question
    from npulint.today import today

    wishes = {each.name: str(getattr(run, each.name)) for each in fields(run)}
    return Question({**wishes, "layout": str(run.layout(None))}, run.paths, today())


def _answer(run: _Run, jobs: int, question: Question | None) -> Answer:
    """Lint, write what is to be written, and say what is to be printed."""
    from npulint.engine import check as lint
    from npulint.recall import Answer
    from npulint.reports.forms import pair

    drawings = pair(run.forms, run.outputs) if run.forms or run.outputs else (("text", None),)
    if ("html", None) in drawings and not run.quiet and _on_terminal():
        raise UsageError("--format html is for a browser: name a file, -o report.html, or a pipe")
    accounts = accounts_for(run.wanted, run.targets, within=run.within)
    fail_on = (accounts.settings.of(None).fail_on if accounts else None) or "error"
    told = not run.quiet or bool(run.outputs) or accounts is not None
    with progress(len(run.paths)) as step:
        report = lint(
            run.paths,
            run.targets,
            step,
            input_shapes=run.shapes,
            remedies=told,
            accounts=accounts,
            jobs=jobs,
        )
    say_unreadable(report)
    if run.wanted.write_baseline is not None and accounts is not None:
        report = _write_baseline(report, accounts, run.wanted.write_baseline)
    # All are drawn before any is written: what cannot be drawn leaves nothing behind.
    drawn = [(_draw(report, form, output, fail_on, run), output) for form, output in drawings]
    printed = ""
    for text, output in drawn:
        if output is None:
            printed += "" if run.quiet else text
        else:
            deliver(text, output, looked_at(report))
    failing = EXIT_FINDINGS if report.fails(fail_on) else EXIT_OK
    answer = Answer(printed, EXIT_BAD_INPUT if report.failed else failing)
    if question is not None and not report.failed:
        _keep(question, answer, report, accounts, run.targets)
    return answer


def _on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _keep(
    question: Question,
    answer: Answer,
    report: Report,
    accounts: Accounts | None,
    targets: Sequence[str],
) -> None:
    """Remember an answer with all the files that it hangs on."""
    from npulint.recall import mark, marks_of

    settings = None if accounts is None else accounts.settings
    configured = () if settings is None else settings.names()
    if any(Path(name).is_file() for name in (*targets, *configured)):
        return  # a table in the making, which may lean on others
    marks = [
        found
        for result in report.models
        if result.model is not None
        for found in marks_of(result.model, weighed=any(each.refuses for each in result.targets))
    ]
    if settings is not None:
        marks += [mark(path) for path in (settings.path, settings.baseline) if path is not None]
    marks += map(mark, _brought((*targets, *configured)))
    question.keep(answer, marks)


def _brought(names: Iterable[str]) -> Iterator[Path]:
    """The tables of installed packages that are asked, which may change where they lie."""
    from npulint import opsets

    for name in names:
        tables = () if opsets.is_device(name) else opsets.tables_of(name)
        yield from (table.path for table in tables if table.package != opsets.OWN)


def _write_baseline(report: Report, accounts: Accounts, path: Path) -> Report:
    """Accept what was found, or let go of what is gone.

    Returns:
        The report with what is accepted now, and with what was written as a note.

    Raises:
        NpulintError: It cannot be written there, or something else is there.
    """
    from npulint.config import baseline
    from npulint.output import refuse_replacing, write_whole
    from npulint.reports.wording import plural

    if report.failed:
        note = f"{path} was not written, because not every model could be read"
        return replace(report, notes=(*report.notes, note))
    if path.exists():
        baseline.load(path)  # nothing else is ever replaced
    refuse_replacing(path, looked_at(report))
    if accounts.settings.renewing and accounts.register is not None:
        kept, dropped = accounts.register.renewed(), accounts.register.dropped
        note = f"{path}: {plural(dropped, 'accepted finding')} dropped, nothing was added"
    else:
        kept = baseline.of_report(report, path)
        report = baseline.accept(report)
        models = plural(len(kept.entries), "model")
        note = f"{path}: {plural(kept.count, 'finding')} of {models} accepted from now on"
    write_whole(path, kept.render())
    return replace(report, notes=(*report.notes, note))


def _draw(report: Report, form: str, output: Path | None, fail_on: FailOn, run: _Run) -> str:
    from npulint.reports.forms import draw

    if form == "text" and output is None:
        # On a terminal the unreadable files have had their line on standard error already.
        readable = tuple(result for result in report.models if result.error is None)
        if not readable:
            return ""
        report = replace(report, models=readable)
    return draw(report, form, run.layout(output), fail_on)

"""`npulint check`: lint models, and fail where too much is found."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
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


@click.command()
@click.argument("models", nargs=-1, required=True, type=MODEL)
@targets_option
@input_shapes_option
@forms_option
@outputs_option
@check_options
@click.option("-q", "--quiet", is_flag=True, help="Print nothing; only the exit code counts.")
@verbose_option
@no_color_option
def check(  # noqa: PLR0913, PLR0917 - one parameter an option
    models: tuple[Path, ...],
    targets: tuple[str, ...],
    shapes: dict[str, tuple[int, ...]],
    forms: tuple[str, ...],
    outputs: tuple[Path, ...],
    quiet: bool,
    verbose: bool,
    no_color: bool,
    **options: Any,
) -> int:
    """Lint model files, and the model files inside folders."""
    from npulint.engine import check as run
    from npulint.engine import find_models
    from npulint.reports.forms import pair

    drawings = pair(forms, outputs) if forms or outputs else (("text", None),)
    if ("html", None) in drawings and not quiet and sys.stdout is not None and sys.stdout.isatty():
        raise UsageError("--format html is for a browser: name a file, -o report.html, or a pipe")
    wanted = Wanted(**options)
    accounts = accounts_for(wanted, targets, within=list(filter(os.path.isdir, models)))
    fail_on = (accounts.settings.of(None).fail_on if accounts else None) or "error"
    paths = find_models(models)
    told = not quiet or bool(outputs) or accounts is not None
    with progress(len(paths)) as step:
        report = run(paths, targets, step, input_shapes=shapes, remedies=told, accounts=accounts)
    say_unreadable(report)
    if wanted.write_baseline is not None and accounts is not None:
        report = _write_baseline(report, accounts, wanted.write_baseline)
    # All are drawn before any is written: what cannot be drawn leaves nothing behind.
    drawn = [
        (_draw(report, form, output, fail_on, verbose=verbose, no_color=no_color), output)
        for form, output in drawings
        if output is not None or not quiet
    ]
    for text, output in drawn:
        deliver(text, output, looked_at(report))
    if report.failed:
        return EXIT_BAD_INPUT
    return EXIT_FINDINGS if report.fails(fail_on) else EXIT_OK


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


def _draw(  # noqa: PLR0913 - what, where to, and how
    report: Report,
    form: str,
    output: Path | None,
    fail_on: FailOn,
    *,
    verbose: bool,
    no_color: bool,
) -> str:
    from npulint.reports.forms import draw

    layout = layout_for(output, verbose=verbose, no_color=no_color)
    if form == "text" and output is None:
        # On a terminal the unreadable files have had their line on standard error already.
        readable = tuple(result for result in report.models if result.error is None)
        if not readable:
            return ""
        report = replace(report, models=readable)
    return draw(report, form, layout, fail_on)

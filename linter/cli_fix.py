"""`npulint fix`: rewrite what the chosen targets refuse."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from npulint.cli_settings import (
    asked_as_configured,
    config_option,
    shapes_of,
    targets_of,
    whom_to_ask,
)
from npulint.errors import NpulintError, UsageError
from npulint.output import see_place
from npulint.terminal import (
    EXIT_BAD_INPUT,
    EXIT_FINDINGS,
    EXIT_OK,
    MODEL,
    calibration_option,
    deliver,
    format_option,
    input_shapes_option,
    layout_for,
    no_color_option,
    one_line,
    targets_option,
    truth_option,
    verbose_option,
)

if TYPE_CHECKING:
    from npulint.cure import FixResult, Wish
    from npulint.fixers.record import Criterion, Exactness
    from npulint.reports.cure_json import Told
    from npulint.reports.wrapping import Layout


def _order(_: click.Context, __: click.Parameter, given: str | None) -> tuple[Criterion, ...]:
    """What counts, the weightiest first: what was named, and then the rest."""
    from npulint.fixers.record import CRITERIA

    named = [each.strip() for each in given.split(",")] if given is not None else []
    for each in named:
        if each not in CRITERIA or named.count(each) > 1:
            raise click.BadParameter(f"{each!r}: name each of {', '.join(CRITERIA)} at most once")
    return (
        *(each for name in named for each in CRITERIA if each == name),
        *(each for each in CRITERIA if each not in named),
    )


@click.command()
@click.argument("models", nargs=-1, required=True, type=MODEL, metavar="MODEL...")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the rewritten model to this file, of the same format.",
)
@click.option(
    "--in-place", is_flag=True, help="Rewrite each model where it is, whole or not at all."
)
@targets_option
@input_shapes_option
@config_option
@click.option(
    "--allow",
    type=click.Choice(["exact", "calibrated", "lossy"]),
    default="exact",
    show_default=True,
    help="The least exact realisations that may be used, within the bounds below.",
)
@click.option(
    "--prefer",
    metavar="WHAT[,WHAT]...",
    callback=_order,
    help="What counts first among realisations that serve alike: partitions, error, macs, bytes; "
    "what is not named comes after, in this order.",
)
@calibration_option("half are fitted to, half measure")
@truth_option
@click.option(
    "--max-error",
    type=float,
    help="Largest share of an output's range by which the models may differ.  "
    "[default: 1e-4, unless --min-psnr is given]",
)
@click.option("--min-psnr", type=float, metavar="DB", help="Least PSNR of an output.")
@click.option("--dry-run", is_flag=True, help="Choose, build, check and run, but write nothing.")
@click.option(
    "--diff", is_flag=True, help="Show the nodes that go and come; without -o, write nothing."
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every choice, the ways that lost and the proof as JSON to this file.",
)
@click.option(
    "--require-complete", is_flag=True, help="Write only what no target refuses anything of."
)
@click.option(
    "--copy-if-clean", is_flag=True, help="Write the model as it is where nothing needs a cure."
)
@format_option
@click.option("-q", "--quiet", is_flag=True, help="Print nothing; only the exit code counts.")
@verbose_option
@no_color_option
def fix(  # noqa: PLR0913, PLR0917 - one parameter an option
    models: tuple[Path, ...],
    output: Path | None,
    in_place: bool,
    targets: tuple[str, ...],
    shapes: dict[str, tuple[int, ...]],
    config: Path | None,
    allow: Exactness,
    prefer: tuple[Criterion, ...],
    calibration: Path | None,
    truth: Path | None,
    max_error: float | None,
    min_psnr: float | None,
    dry_run: bool,
    diff: bool,
    report: Path | None,
    require_complete: bool,
    copy_if_clean: bool,
    form: Literal["text", "json"],
    quiet: bool,
    verbose: bool,
    no_color: bool,
) -> int:
    """Rewrite what the chosen targets refuse, and prove it by running both models.

    The result is written only where it is better on some target, worse on none, and computes
    the same within the bounds. Exit code 0: nothing is refused any more, 1: something stays
    refused or nothing could be written, 2: a model or an option is bad.
    """
    from npulint.cure import Wish
    from npulint.reports import cure_json

    if report is not None:
        _see_that_it_is_no_model(report, models)
        see_place(report)
    try:
        _see_where_to_write(models, output, _Manner(in_place, dry_run, diff))
    except UsageError as error:
        if report is not None:
            told = [cure_json.Told(model, error=str(error)) for model in models]
            deliver(cure_json.render_json(told), report, models=models)
        raise
    wish = Wish(
        output=None if dry_run else output,
        require_complete=require_complete,
        copy_if_clean=copy_if_clean,
        max_error=max_error,
        min_psnr=min_psnr,
        allow=allow,
        calibration=calibration,
        truth=truth,
        order=prefer,
    )
    asking = whom_to_ask(config)
    told = []
    with _progress() as step:
        for model in models:
            own = replace(wish, output=model) if in_place and not dry_run else wish
            own = replace(own, input_shapes=shapes or shapes_of(asking, model))
            named = targets or targets_of(asking, model)
            told.append(_attempt(model, named, own, step, diff=diff))
    for each in told:
        if each.error is not None:
            click.echo(f"npulint: {one_line(each.error)}", err=True)
    if report is not None:
        deliver(cure_json.render_json(told), report, models=models)
    if not quiet:
        layout = layout_for(None, verbose=verbose, no_color=no_color)
        notes = () if targets else asked_as_configured(asking, models)
        text = cure_json.render_json(told) if form == "json" else _text(told, layout, notes)
        deliver(text, None)
    return max(_exit_code(each.result) for each in told)


@dataclass(frozen=True, slots=True)
class _Manner:
    """What is to be done with a result."""

    in_place: bool
    dry_run: bool
    diff: bool


def _see_where_to_write(models: Sequence[Path], output: Path | None, manner: _Manner) -> None:
    """Refuse what would write nowhere, twice, or over a model unasked.

    Raises:
        UsageError: The options do not go together.
    """
    if manner.in_place and output is not None:
        raise UsageError("--in-place rewrites each model where it is: leave -o out")
    if not manner.in_place and len(models) > 1:
        raise UsageError("several models are rewritten with --in-place only; else name one")
    if output is None:
        if not (manner.in_place or manner.dry_run or manner.diff):
            raise UsageError(
                "say where to write with -o FILE or --in-place, or --dry-run to write nothing"
            )
        return
    (model,) = models
    if output.suffix.lower() != model.suffix.lower():
        raise UsageError(f"{output}: the format stays as it is: name a {model.suffix} file")
    if _same_file(output, model):
        raise UsageError(f"{output}: is the model itself: use --in-place to rewrite it there")


def _see_that_it_is_no_model(report: Path, models: Sequence[Path]) -> None:
    """Refuse a report in the place of a model before anything is done.

    Raises:
        UsageError: It would be.
    """
    if report.suffix.lower() in {".tflite", ".onnx"} or any(
        _same_file(report, model) for model in models
    ):
        raise UsageError(f"--report {report}: is a model's name, not a report's")


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False  # one of the two is not there


def _attempt(
    model: Path,
    targets: Sequence[str],
    wish: Wish,
    step: Callable[[str], None] | None,
    *,
    diff: bool,
) -> Told:
    """One model; what is wrong with it does not stop the others."""
    from npulint.cure import fix as run
    from npulint.reports.cure_json import Told
    from npulint.reports.node_diff import node_diff

    def say(what: str) -> None:
        if step is not None:
            step(f"{model.name}: {what}")

    try:
        result = run(model, targets, wish, progress=say)
    except NpulintError as error:
        return Told(model, error=str(error))
    old, new = result.before.model, result.result.model
    if not diff or old is None or new is None:
        return Told(model, result)
    names = str(model), str(wish.output or f"{model} (rewritten)")
    return Told(model, result, diff=node_diff(old, new, names))


def _text(told: Sequence[Told], layout: Layout, notes: Sequence[str]) -> str:
    from npulint.reports.cure import render_text
    from npulint.reports.wrapping import wrapped

    drawn = [render_text(each.result, layout, each.diff or ()) for each in told if each.result]
    said = [f"{wrapped(f'note: {note}', layout, '', '      ')}\n" for note in notes if drawn]
    return "\n".join([*drawn, *said])


def _exit_code(result: FixResult | None) -> int:
    if result is None:
        return EXIT_BAD_INPUT
    return EXIT_OK if result.complete and not result.held_back else EXIT_FINDINGS


@contextmanager
def _progress() -> Iterator[Callable[[str], None] | None]:
    """What is done next, on a terminal; nothing in a pipe."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status("") as status:
        yield lambda what: status.update(escape(what))

"""`npulint fix`: rewrite what the chosen targets refuse."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from npulint.errors import UsageError
from npulint.terminal import (
    EXIT_FINDINGS,
    EXIT_OK,
    MODEL,
    deliver,
    format_option,
    layout_for,
    no_color_option,
    targets_option,
    verbose_option,
)

if TYPE_CHECKING:
    from npulint.cure import FixResult


@click.command()
@click.argument("model", type=MODEL)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the rewritten model to this file, of the same format.",
)
@targets_option
@click.option("--dry-run", is_flag=True, help="Choose, build, check and run, but write nothing.")
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
@click.option(
    "--max-error",
    type=float,
    help="Largest share of an output's range by which the models may differ.  [default: 1e-4]",
)
@format_option
@verbose_option
@no_color_option
def fix(  # noqa: PLR0913, PLR0917 - one parameter an option
    model: Path,
    output: Path | None,
    targets: tuple[str, ...],
    dry_run: bool,
    report: Path | None,
    require_complete: bool,
    copy_if_clean: bool,
    max_error: float | None,
    form: Literal["text", "json"],
    verbose: bool,
    no_color: bool,
) -> int:
    """Rewrite what the chosen targets refuse, exactly, and prove it by running both models.

    The result is written only where it is better on some target, worse on none, and computes
    the same. Exit code 0: nothing is refused any more, 1: something stays refused or nothing
    could be written.
    """
    from npulint.cure import Wish
    from npulint.cure import fix as run
    from npulint.reports import cure as drawing

    if output is None and not dry_run:
        raise UsageError("say where to write with -o FILE, or --dry-run to write nothing")
    if output is not None and output.suffix.lower() != model.suffix.lower():
        raise UsageError(f"{output}: the format stays as it is: name a {model.suffix} file")
    wish = Wish(
        output=None if dry_run else output,
        require_complete=require_complete,
        copy_if_clean=copy_if_clean,
        max_error=max_error,
    )
    with _progress() as step:
        result = run(model, targets, wish, progress=step)
    if report is not None:
        deliver(drawing.render_json(result), report, models=(model,))
    layout = layout_for(None, verbose=verbose, no_color=no_color)
    text = drawing.render_json(result) if form == "json" else drawing.render_text(result, layout)
    deliver(text, None)
    return _exit_code(result)


def _exit_code(result: FixResult) -> int:
    return EXIT_OK if result.complete and not result.held_back else EXIT_FINDINGS


@contextmanager
def _progress() -> Iterator[Callable[[str], None] | None]:
    """What is done next, on a terminal; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield status.update

"""`npulint matrix`: models by targets, as they are and as `fix` would make them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from npulint.cli_settings import config_option, shapes_of, targets_of, whom_to_ask
from npulint.terminal import (
    EXIT_BAD_INPUT,
    EXIT_OK,
    MODEL,
    deliver,
    format_option,
    input_shapes_option,
    layout_for,
    looked_at,
    no_color_option,
    output_option,
    progress,
    say_unreadable,
    targets_option,
)

if TYPE_CHECKING:
    from npulint.config.applying import Accounts
    from npulint.finding import Report


@click.command()
@click.argument("models", nargs=-1, required=True, type=MODEL)
@targets_option
@input_shapes_option
@config_option
@click.option(
    "--fixed", is_flag=True, help="Show beside it what `fix` makes of each for all these targets."
)
@format_option
@output_option
@no_color_option
def matrix(  # noqa: PLR0913, PLR0917 - one parameter an option
    models: tuple[Path, ...],
    targets: tuple[str, ...],
    shapes: dict[str, tuple[int, ...]],
    config: Path | None,
    fixed: bool,
    form: Literal["text", "json"],
    output: Path | None,
    no_color: bool,
) -> int:
    """Show how much of each model each target takes."""
    from npulint.engine import check as run
    from npulint.reports import matrix as drawing
    from npulint.searching import find_models

    asking = whom_to_ask(config)
    paths = find_models(models)
    with progress(len(paths)) as step:
        report = run(paths, targets, step, input_shapes=shapes, accounts=asking)
    say_unreadable(report)
    after = _rewritten(report, targets, shapes, asking) if fixed else None
    if form == "json":
        text = drawing.render_json(report, after)
    else:
        layout = layout_for(output, verbose=False, no_color=no_color)
        text = drawing.render_text(report, layout, after)
    deliver(text, output, looked_at(report))
    return EXIT_BAD_INPUT if report.failed else EXIT_OK


def _rewritten(
    report: Report,
    targets: tuple[str, ...],
    shapes: dict[str, tuple[int, ...]],
    asking: Accounts | None,
) -> Report:
    """The readable models of a report as `fix` would write them."""
    from npulint.cure import Wish
    from npulint.cure import fix as cure

    readable = [each.path for each in report.models if each.error is None]
    rewritten = []
    with progress(len(readable)) as step:
        for path in readable:
            if step is not None:
                step(f"rewriting {path}")
            wish = Wish(input_shapes=shapes or shapes_of(asking, path))
            found = cure(path, targets or targets_of(asking, path), wish)
            kept = found.before if found.held_back else found.result
            rewritten.append(replace(kept, path=path))
    return replace(report, models=tuple(rewritten))

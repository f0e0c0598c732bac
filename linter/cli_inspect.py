"""`npulint inspect`: what a model is made of, and what 8 bits would cost it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from npulint.errors import UsageError
from npulint.terminal import (
    EXIT_OK,
    MODEL,
    calibration_option,
    deliver,
    format_option,
    input_shapes_option,
    layout_for,
    no_color_option,
    output_option,
    steps_progress,
    truth_option,
    verbose_option,
)

if TYPE_CHECKING:
    from npulint.model import Model
    from npulint.quantising import Sensitivity


@click.command()
@click.argument("model", type=MODEL)
@input_shapes_option
@click.option(
    "--quantize",
    type=click.Choice(["int8"]),
    help="Quantise it by the real converter and tell what that costs; takes --calibration.",
)
@calibration_option("half tell ranges, half measure")
@truth_option
@click.option(
    "--tries",
    type=click.IntRange(0),
    default=8,
    show_default=True,
    help="How many layers to leave in floating point, one after the other.",
)
@format_option
@output_option
@verbose_option
@no_color_option
def inspect(  # noqa: PLR0913, PLR0917 - one parameter an option
    model: Path,
    shapes: dict[str, tuple[int, ...]],
    quantize: Literal["int8"] | None,
    calibration: Path | None,
    truth: Path | None,
    tries: int,
    form: Literal["text", "json"],
    output: Path | None,
    verbose: bool,
    no_color: bool,
) -> int:
    """Show a model's operators, parameters, MACs, activation memory, shapes and quantisation.

    With --quantize, also what 8 bits cost it, and which layers hurt.
    """
    from npulint.formats import load
    from npulint.reports import inspection
    from npulint.sizing.filling import completed
    from npulint.sizing.walk import resized

    if quantize is None and (calibration or truth):
        raise UsageError("--calibration and --truth go with --quantize int8")
    given = load(model)
    loaded = completed(resized(given, shapes))
    found = inspection.inspect(loaded)
    cost = None if quantize is None else _cost(given, calibration, truth, tries)
    if form == "json":
        text = inspection.render_json(found, cost)
    else:
        layout = layout_for(output, verbose=verbose, no_color=no_color)
        text = inspection.render_text(found, layout, cost)
    deliver(text, output, [loaded])
    return EXIT_OK


def _cost(model: Model, calibration: Path | None, truth: Path | None, tries: int) -> Sensitivity:
    """Quantise, with a bar on a terminal."""
    if calibration is None:
        raise UsageError(
            "--quantize int8: ranges are read from samples of the inputs: give --calibration "
            "FOLDER|FILE.npz"
        )
    from npulint.quantising import STEPS, sensitivity

    with steps_progress("8 bits:", STEPS + tries) as step:
        done = [0]

        def say(what: str) -> None:
            step(min(done[0], STEPS + tries), what)
            done[0] += 1

        return sensitivity(model, calibration, truth, tries, say)

"""`npulint host`: the real compilers of accelerators, asked on this computer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from npulint.cli_running import form_of, form_option, see_report, timeout_option
from npulint.errors import NpulintError
from npulint.host.chips import CHIPS
from npulint.terminal import (
    EXIT_FINDINGS,
    EXIT_OK,
    MODEL,
    activity,
    deliver,
    input_shapes_option,
    layout_for,
    no_color_option,
    output_option,
)

if TYPE_CHECKING:
    from npulint.host import Answer


@click.group()
def host() -> None:
    """The real compilers of accelerators, asked on this computer: no phone is needed."""


@host.command()
@click.argument("model", type=MODEL)
@click.option(
    "--on",
    "chips",
    type=click.Choice(list(CHIPS)),
    multiple=True,
    required=True,
    help="What to compile for; repeatable.",
)
@input_shapes_option
@click.option(
    "--inputs",
    metavar="FILE.npz",
    type=click.Path(path_type=Path),
    help="Run the emulator on these arrays, named as the model's inputs.  [default: random]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of random inputs.")
@click.option(
    "--emulate/--no-emulate",
    default=True,
    help="Run what was compiled, and the CPU beside it.  [default: emulate; only .onnx can be]",
)
@click.option(
    "--max-error",
    type=click.FloatRange(min=0),
    help="Largest share of an output's range that the emulator may be off.  [default: any]",
)
@timeout_option("compiling and emulating a model")
@form_option
@output_option
@click.option("-v", "--verbose", is_flag=True, help="List every node and every piece.")
@no_color_option
def run(  # noqa: PLR0913, PLR0917 - one parameter an option
    model: Path,
    chips: tuple[str, ...],
    shapes: dict[str, tuple[int, ...]],
    inputs: Path | None,
    seed: int,
    emulate: bool,
    max_error: float | None,
    timeout: float,
    form: Literal["text", "json"] | None,
    output: Path | None,
    verbose: bool,
    no_color: bool,
) -> int:
    """Have a model compiled for Qualcomm's HTP, and run it on the emulator.

    Exit code 0: all of it is taken and compiled, 1: something stays on the CPU, fails or is off by
    more than --max-error, 2: bad input, or the packages of `npulint[qnn]` are missing.
    """
    from npulint.host import ask
    from npulint.reports import host as drawing

    see_report(output, model, inputs)
    form = form_of(form, output)
    answers = []
    try:
        for chip in dict.fromkeys(chips):
            with activity(f"compiling {model.name} for {chip}"):
                answers.append(
                    ask(
                        model,
                        chip,
                        input_shapes=shapes,
                        inputs=inputs,
                        seed=seed,
                        run=emulate,
                        timeout=timeout,
                    )
                )
    except NpulintError as error:
        if form == "json":
            deliver(drawing.render_json_error(model, str(error)), output, [model])
        raise
    if form == "json":
        text = drawing.render_json(model, answers)
    else:
        text = drawing.render_text(answers, layout_for(output, verbose=verbose, no_color=no_color))
    deliver(text, output, [model])
    good = all(answer.whole and _is_near(answer, max_error) for answer in answers)
    return EXIT_OK if good else EXIT_FINDINGS


def _is_near(answer: Answer, max_error: float | None) -> bool:
    """Whether the emulator is as near as asked; what was not measured is not."""
    if max_error is None:
        return True
    found = answer.numbers
    return found is not None and all(each.within(max_error, None) for _, each in found.outputs)

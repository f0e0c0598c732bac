"""`npulint models train`: weights for reference networks, small and soon made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from npulint import completing
from npulint.terminal import EXIT_OK, steps_progress

if TYPE_CHECKING:
    from npulint.reference_models.training.fitting import Progress


@click.command()
@click.argument("name", shell_complete=completing.trainable)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of weights, .safetensors; its record (.json) is written beside it.  "
    "[default: NAME.safetensors]",
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Stop after so long; --resume goes on.",
)
@click.option(
    "--steps",
    type=click.IntRange(1),
    help="So many steps instead of the recipe's: more of them do better.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="For weights and batches."
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint beside the output.")
def train(  # noqa: PLR0913, PLR0917 - one parameter an option
    name: str,
    output: Path | None,
    minutes: float | None,
    steps: int | None,
    seed: int,
    resume: bool,
) -> int:
    """Train a network by its recipe, on photographs out of packages and drawn scenes.

    On a graphics card if there is one, else on the processor. Writes the weights and a record of
    how they came to be and what they are worth on photographs that were held out.
    """
    from npulint.reference_models.training.recipes import recipe_of
    from npulint.reference_models.training.session import train as run

    recipe = replace(recipe_of(name), seed=seed)
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    with steps_progress(name, recipe.steps) as step:

        def watch(progress: Progress) -> None:
            last = progress.curve[-1] if progress.curve else None
            step(progress.step, f"{last['validation_psnr']:.2f} dB" if last else "")

        outcome = run(
            recipe,
            output or Path(f"{name}.safetensors"),
            minutes=minutes,
            resume=resume,
            watch=watch,
        )
    quality, done = outcome.photographs, outcome.progress
    click.echo(
        f"{name}: {done.step} of {outcome.steps} steps in {done.minutes:.1f} minutes; photographs "
        f"held out: PSNR {quality.psnr_in:.2f} -> {quality.psnr_out:.2f} dB, "
        f"SSIM {quality.ssim_in:.3f} -> {quality.ssim_out:.3f}; weights in {outcome.weights}"
    )
    return EXIT_OK

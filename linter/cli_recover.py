"""`npulint recover`: train a rewritten file until it computes what the original does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from npulint.errors import UsageError
from npulint.output import refuse_replacing, see_place
from npulint.terminal import (
    EXIT_FINDINGS,
    EXIT_INTERRUPTED,
    EXIT_OK,
    MODEL,
    deliver,
    format_option,
    layout_for,
    no_color_option,
    steps_progress,
    truth_option,
)

if TYPE_CHECKING:
    from npulint.recovering.files import Wish
    from npulint.recovering.recipe import Device
    from npulint.recovering.records import RecoverReport


@click.command()
@click.argument("original", type=MODEL)
@click.argument("rewritten", type=MODEL)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FOLDER|FILE.npz",
    help="Samples of the original's inputs: every other one is trained on, the rest measure. "
    "Images, or .npy and .npz with a batch axis.",
)
@truth_option
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the trained model to this file, of the rewritten one's format.",
)
@click.option("--dry-run", is_flag=True, help="Train and measure, but write nothing.")
@click.option(
    "--loss",
    "losses",
    multiple=True,
    metavar="KIND[:WEIGHT]",
    help="A part of the loss: charbonnier, frequency or psnr; repeatable.  [default: charbonnier, "
    "and frequency:0.1 for images]",
)
@click.option(
    "--truth-weight",
    type=float,
    metavar="SHARE",
    default=0.5,
    show_default=True,
    help="Share of the loss that is towards the truth, where there is one.",
)
@click.option("--steps", type=int, default=1000, show_default=True, help="Batches at most.")
@click.option("--batch", type=int, default=4, show_default=True, help="Samples in a batch.")
@click.option("--rate", type=float, default=1e-3, show_default=True, help="Adam's highest rate.")
@click.option(
    "--patch",
    type=int,
    metavar="SIDE",
    help="Train on squares cut out of the samples at random, for networks of any size.",
)
@click.option(
    "--flip", is_flag=True, help="Turn and mirror samples at random; not for mosaics of a sensor."
)
@click.option("--minutes", type=float, help="Stop training after so long.")
@click.option(
    "--patience",
    type=int,
    default=8,
    show_default=True,
    help="Stop after so many measurements without a gain; there are 20 at most.",
)
@click.option(
    "--average",
    type=float,
    metavar="SHARE",
    default=0.99,
    show_default=True,
    help="What the moving average of the weights keeps at each step.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="What batches are drawn from.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to train; auto takes a graphics card if there is one.",
)
@click.option(
    "--max-error",
    type=float,
    help="Largest share of an output's range by which it may differ from the original, or the "
    "exit code is 1.",
)
@click.option(
    "--min-psnr",
    type=float,
    metavar="DB",
    help="Least PSNR of an output to the original's, or the exit code is 1.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write how it went and what it is worth as JSON to this file.",
)
@format_option
@click.option("-q", "--quiet", is_flag=True, help="Print nothing; only the exit code counts.")
@no_color_option
def recover(  # noqa: PLR0913, PLR0917 - one parameter an option
    original: Path,
    rewritten: Path,
    data: Path,
    truth: Path | None,
    output: Path | None,
    dry_run: bool,
    losses: tuple[str, ...],
    truth_weight: float,
    steps: int,
    batch: int,
    rate: float,
    patch: int | None,
    flip: bool,
    minutes: float | None,
    patience: int,
    average: float,
    seed: int,
    device: Device,
    max_error: float | None,
    min_psnr: float | None,
    report: Path | None,
    form: Literal["text", "json"],
    quiet: bool,
    no_color: bool,
) -> int:
    """Train the weights of a rewritten model until it computes what the original does.

    The original is the teacher; --truth adds what the outputs should be. Nodes stay as they are,
    so that what targets take of the rewritten model they take afterwards. The result is written
    only where it is nearer, on samples held out and run in the model's own runtime. Exit code 0:
    written, within the bounds, 1: nothing was gained, or a bound is not reached, 2: a model, a
    sample or an option is bad.
    """
    from npulint.recovering.recipe import Recipe, read_term
    from npulint.reference_models.frameworks import need
    from npulint.reports import recovery

    if report is not None:
        given = [original, rewritten, data, *([truth] if truth is not None else [])]
        see_place(_new(report, given))
    recipe = Recipe(
        losses=tuple(map(read_term, losses)),
        truth_weight=truth_weight,
        steps=steps,
        batch=batch,
        rate=rate,
        patch=patch,
        flip=flip,
        minutes=minutes,
        patience=patience,
        average=average,
        seed=seed,
        device=device,
    )
    if output is None and not dry_run:
        raise UsageError("say where to write with -o FILE, or --dry-run to write nothing")
    need("torch", "training")
    from npulint.recovering.files import Wish

    found = _run(
        Wish(
            original,
            rewritten,
            data,
            truth=truth,
            output=None if dry_run else output,
            recipe=recipe,
            max_error=max_error,
            min_psnr=min_psnr,
        )
    )
    if report is not None:
        deliver(recovery.render_json(found), report)
    if not quiet:
        layout = layout_for(None, verbose=False, no_color=no_color)
        as_json = form == "json"
        deliver(
            recovery.render_json(found) if as_json else recovery.render_text(found, layout), None
        )
    return _exit_code(found)


def _new(report: Path, given: Iterable[Path]) -> Path:
    """Refuse a report in the place of a model or of what was given before anything is done.

    Raises:
        UsageError: It would be.
    """
    if report.suffix.lower() in {".tflite", ".onnx"}:
        raise UsageError(f"--report {report}: is a model's name, not a report's")
    refuse_replacing(report, given)
    return report


def _run(wish: Wish) -> RecoverReport:
    """Train, with a bar on a terminal."""
    from npulint.recovering.files import recover as run

    with steps_progress("recover:", wish.recipe.steps) as step:

        def say(what: str) -> None:
            step(0, what)

        def watch(done: int, best: float) -> None:
            step(done, f"{best:.2f} dB")

        return run(wish, say, watch)


def _exit_code(found: RecoverReport) -> int:
    if found.course.end == "interrupted":
        return EXIT_INTERRUPTED
    return EXIT_OK if found.gained and found.reached is not False else EXIT_FINDINGS

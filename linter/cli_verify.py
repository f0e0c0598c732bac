"""`npulint verify`: are the two models the same function?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from npulint.cli_running import form_of, form_option, timeout_option
from npulint.errors import NpulintError, UsageError
from npulint.terminal import (
    EXIT_FINDINGS,
    EXIT_OK,
    MODEL,
    deliver,
    layout_for,
    no_color_option,
    output_option,
)

if TYPE_CHECKING:
    from npulint.verification.records import ChannelOrder


@click.command()
@click.argument("a", type=MODEL)
@click.argument("b", type=MODEL)
@click.option(
    "--inputs",
    multiple=True,
    metavar="FILE.npz",
    type=click.Path(path_type=Path),
    help="Run on these arrays, named and laid out as A's inputs; repeatable.",
)
@click.option("--runs", type=int, help="Sets of random inputs.  [default: 3; 0 with --inputs]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the random inputs.")
@click.option(
    "--edge/--no-edge",
    default=None,
    help="Run zeros, ones, extremes and an alternating pattern.  [default: without --inputs]",
)
@click.option(
    "--input-shape",
    "shapes",
    multiple=True,
    metavar="NAME=1x3x64x64",
    help="Size of an input of A; given several times, each is run.",
)
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="A_NAME=B_NAME",
    help="Pair this input or output of A with that of B; repeatable.",
)
@click.option(
    "--layout",
    "layouts",
    multiple=True,
    metavar="NAME=LAYOUT",
    help="Order of axes in A and B where shapes leave it open: same, nchw-nhwc or nhwc-nchw.",
)
@click.option(
    "--max-error",
    type=float,
    help="Largest share of an output's range that counts as the same.  "
    "[default: 1e-4, unless --min-psnr is given]",
)
@click.option("--min-psnr", type=float, metavar="DB", help="Least PSNR that counts as the same.")
@click.option(
    "--regions",
    is_flag=True,
    help="Find the first intermediate value that differs, of those that both name alike.",
)
@timeout_option("loading a model, or one run,")
@form_option
@output_option
@click.option("-v", "--verbose", is_flag=True, help="One line a sample.")
@no_color_option
def verify(  # noqa: PLR0913, PLR0917 - one parameter an option
    a: Path,
    b: Path,
    inputs: tuple[Path, ...],
    runs: int | None,
    seed: int,
    edge: bool | None,
    shapes: tuple[str, ...],
    mapping: tuple[str, ...],
    layouts: tuple[str, ...],
    max_error: float | None,
    min_psnr: float | None,
    regions: bool,
    timeout: float,
    form: Literal["text", "json"] | None,
    output: Path | None,
    verbose: bool,
    no_color: bool,
) -> int:
    """Run two models on the same inputs and compare what they put out.

    A is the reference. Both may be .onnx or .tflite, the one or the other. Exit code 0: the
    same, 1: they differ, 2: they could not be compared.
    """
    from npulint.reports import comparison as drawing
    from npulint.verification import verify as run

    form = form_of(form, output)
    try:
        with _progress() as step:
            found = run(
                a,
                b,
                inputs=inputs,
                runs=runs,
                edge=edge,
                seed=seed,
                input_shapes=_shapes(shapes),
                mapping=dict(_split(each, "--map", "A_NAME=B_NAME") for each in mapping),
                layouts=dict(_layout(each) for each in layouts),
                max_error=max_error,
                min_psnr=min_psnr,
                regions=regions,
                timeout=timeout,
                progress=step,
            )
    except NpulintError as error:
        if form == "json":
            deliver(drawing.render_json_error(a, b, str(error)), output)
        raise
    if form == "json":
        text = drawing.render_json(found)
    else:
        text = drawing.render_text(found, layout_for(output, verbose=verbose, no_color=no_color))
    deliver(text, output)
    return EXIT_OK if found.same else EXIT_FINDINGS


def _split(given: str, option: str, form: str) -> tuple[str, str]:
    """Both sides of the last `=`: names in files may hold one themselves."""
    name, sign, value = given.rpartition("=")
    if not sign or not name or not value:
        raise UsageError(f"{option} {given}: give {form}")
    return name, value


def _shapes(given: tuple[str, ...]) -> dict[str, list[tuple[int, ...]]]:
    found: dict[str, list[tuple[int, ...]]] = {}
    for each in given:
        name, value = _split(each, "--input-shape", "NAME=1x3x64x64")
        sizes = value.split("x")
        if not all(size.isascii() and size.isdigit() and int(size) > 0 for size in sizes):
            raise UsageError(f"--input-shape {each}: give sizes from 1, as in NAME=1x3x64x64")
        found.setdefault(name, []).append(tuple(map(int, sizes)))
    return found


def _layout(given: str) -> tuple[str, ChannelOrder]:
    from npulint.verification.records import CHANNEL_ORDERS

    name, value = _split(given, "--layout", f"NAME={'|'.join(CHANNEL_ORDERS)}")
    for order in CHANNEL_ORDERS:
        if value == order:
            return name, order
    raise UsageError(f"--layout {given}: give one of {', '.join(CHANNEL_ORDERS)}")


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None] | None]:
    """A progress line on a terminal; nothing in a pipe."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("loading", total=None)

        def step(name: str, done: int, total: int) -> None:
            bar.update(task, description=name, completed=done, total=total)

        yield step

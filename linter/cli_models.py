"""`npulint models`: the reference networks, listed, built and validated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import click

from npulint import completing
from npulint.terminal import (
    EXIT_FINDINGS,
    EXIT_OK,
    activity,
    deliver,
    format_option,
    layout_for,
    no_color_option,
    output_option,
    progress,
    targets_option,
)

if TYPE_CHECKING:
    from npulint.reference_models.network import Network
    from npulint.reference_models.recipe import Exporter, Quantisation

_QUANTISATIONS = ("none", "float16", "dynamic", "int8", "int16x8")


def _size(_: click.Context, __: click.Parameter, given: str | None) -> tuple[int, int] | None:
    """Read `HxW`, two whole numbers above zero."""
    if given is None:
        return None
    height, _cross, width = given.partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise click.BadParameter(f"{given!r} is not a size; one is written as 544x960")
    return int(height), int(width)


_size_option = click.option(
    "--size", metavar="HxW", callback=_size, help="Height and width of the input."
)
_opset_option = click.option("--opset", type=int, help="Opset of .onnx files; 18 at first.")
_exporter_option = click.option(
    "--exporter",
    type=click.Choice(["dynamo", "torchscript"]),
    default="dynamo",
    show_default=True,
    help="Which of PyTorch's exporters writes .onnx files.",
)
_fresh_option = click.option("--fresh", is_flag=True, help="Export even what is in the cache.")
_jobs_option = click.option(
    "-j", "--jobs", type=click.IntRange(1), default=1, help="How many processes share the work."
)
_modes_option = click.option(
    "--quantize",
    "modes",
    type=click.Choice(_QUANTISATIONS),
    multiple=True,
    default=["none"],
    show_default=True,
    help="What TFLiteConverter does to the numbers; repeatable.",
)


@contextmanager
def _networks_progress(total: int) -> Iterator[Callable[[Network], None] | None]:
    """The progress line over several networks."""
    with progress(total) as step:
        yield None if step is None else lambda network: step(network.name)


@click.group()
def models() -> None:
    """The reference networks of mobile image restoration: list, build, validate."""


@models.command("list")
@format_option
@output_option
@click.option("-v", "--verbose", is_flag=True, help="Say where each network's layers are read.")
@no_color_option
def list_(form: Literal["text", "json"], output: Path | None, verbose: bool, no_color: bool) -> int:
    """List the networks: what, from where, input, parameters, multiply-accumulates."""
    from npulint.reference_models.catalogue import CATALOGUE, define
    from npulint.reports import networks as drawing

    rows = ((definition, define(name)) for name, definition in CATALOGUE.items())
    if form == "json":
        text = drawing.list_json(rows)
    else:
        text = drawing.list_text(rows, layout_for(output, verbose=verbose, no_color=no_color))
    deliver(text, output)
    return EXIT_OK


@models.command()
@click.argument("name", shell_complete=completing.networks)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write, .onnx or .tflite; it appears whole or not at all.",
)
@_size_option
@click.option(
    "--quantize",
    type=click.Choice(_QUANTISATIONS),
    default="none",
    show_default=True,
    help="What TFLiteConverter does to the numbers.",
)
@_opset_option
@_exporter_option
@_fresh_option
def build(  # noqa: PLR0913, PLR0917 - one parameter an option
    name: str,
    output: Path,
    size: tuple[int, int] | None,
    quantize: Quantisation,
    opset: int | None,
    exporter: Exporter,
    fresh: bool,
) -> int:
    """Build a network with its framework and write it as the framework's exporter does."""
    from npulint.output import write_whole
    from npulint.reference_models.catalogue import define
    from npulint.reference_models.recipe import DEFAULT_OPSET, Recipe, format_of
    from npulint.reference_models.trial import exported

    recipe = Recipe(format_of(output), quantize, exporter, opset or DEFAULT_OPSET)
    network = define(name, size)
    with activity(f"{name} as {recipe}"):
        write_whole(output, exported(network, recipe, fresh=fresh).demanded(name))
    return EXIT_OK


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completing.networks)
@targets_option
@_size_option
@_modes_option
@_opset_option
@_exporter_option
@_fresh_option
@_jobs_option
@format_option
@output_option
@no_color_option
def validate(  # noqa: PLR0913, PLR0917 - one parameter an option
    names: tuple[str, ...],
    targets: tuple[str, ...],
    size: tuple[int, int] | None,
    modes: tuple[Quantisation, ...],
    opset: int | None,
    exporter: Exporter,
    fresh: bool,
    jobs: int,
    form: Literal["text", "json"],
    output: Path | None,
    no_color: bool,
) -> int:
    """Build networks small, in both formats, run them, and ask targets about them.

    Exit code 1 where an exporter refuses a network or two files of one compute different things.
    """
    from npulint.engine import check
    from npulint.reference_models.catalogue import CATALOGUE, define
    from npulint.reference_models.recipe import DEFAULT_OPSET, Recipe
    from npulint.reference_models.trial import small, try_all
    from npulint.reports import networks as drawing

    recipes = [
        Recipe("onnx", "none", exporter, opset or DEFAULT_OPSET),
        *(Recipe("tflite", mode) for mode in dict.fromkeys(modes)),
    ]
    networks = [define(name, size or small(name)) for name in dict.fromkeys(names) or CATALOGUE]
    with TemporaryDirectory() as folder:
        with _networks_progress(len(networks)) as step:
            trials = try_all(networks, recipes, Path(folder), fresh=fresh, jobs=jobs, progress=step)
        paths = [trial.path for trial in trials if trial.path is not None]
        report = check(paths, targets=targets, remedies=False)
        judged = {result.path: result for result in report.models}
        if form == "json":
            text = drawing.trials_json(trials, judged)
        else:
            layout = layout_for(output, verbose=False, no_color=no_color)
            text = drawing.trials_text(trials, judged, layout)
    deliver(text, output)
    return EXIT_FINDINGS if any(trial.fails for trial in trials) else EXIT_OK


@models.command("map")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completing.networks)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write into.",
)
@targets_option
@_size_option
@_modes_option
@_opset_option
@_exporter_option
@_fresh_option
@_jobs_option
def map_(  # noqa: PLR0913, PLR0917 - one parameter an option
    names: tuple[str, ...],
    output: Path,
    targets: tuple[str, ...],
    size: tuple[int, int] | None,
    modes: tuple[Quantisation, ...],
    opset: int | None,
    exporter: Exporter,
    fresh: bool,
    jobs: int,
) -> int:
    """Draw the portability map: every network, at its published size, on every target.

    Without -t: on all targets that take TFLite models, and all devices. Writes a picture (SVG), a
    page for browsers, a page in Markdown, and the data (JSON).
    """
    from npulint.explore import explore
    from npulint.output import write_all
    from npulint.reference_models.catalogue import CATALOGUE, define
    from npulint.reference_models.recipe import DEFAULT_OPSET, Recipe
    from npulint.reports.portability_html import drawings

    recipes = [
        *(Recipe("tflite", mode) for mode in dict.fromkeys(modes)),
        Recipe("onnx", "none", exporter, opset or DEFAULT_OPSET),
    ]
    networks = [define(name, size) for name in dict.fromkeys(names) or CATALOGUE]
    with _networks_progress(len(networks)) as step:
        drawn = explore(networks, recipes, targets, fresh=fresh, jobs=jobs, progress=step)
    files = drawings(drawn)
    write_all(output, files)
    click.echo(f"{', '.join(files)} in {output}")
    return EXIT_OK

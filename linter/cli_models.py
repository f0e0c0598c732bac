"""`npulint models`: the reference networks, listed, built and validated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from npulint import completing
from npulint.cli_networks import (
    QUANTISATIONS,
    exporter_option,
    fresh_option,
    jobs_option,
    modes_option,
    networks_progress,
    opset_option,
    size_option,
)
from npulint.terminal import (
    EXIT_OK,
    activity,
    deliver,
    format_option,
    layout_for,
    no_color_option,
    output_option,
    targets_option,
)

if TYPE_CHECKING:
    from npulint.reference_models.network import Network
    from npulint.reference_models.recipe import Exporter, Quantisation


@click.group()
def models() -> None:
    """The reference networks of mobile image restoration: list, build, validate."""


@models.command("list")
@format_option
@output_option
@click.option("-v", "--verbose", is_flag=True, help="Say where each network's layers are read.")
@no_color_option
def list_(form: Literal["text", "json"], output: Path | None, verbose: bool, no_color: bool) -> int:
    """List the networks: what, from where, input, parameters, multiply-accumulates, training."""
    from npulint.reference_models import trained
    from npulint.reference_models.catalogue import CATALOGUE, NARROW, define
    from npulint.reports import networks as drawing

    known = [*CATALOGUE.values(), *NARROW.values()]
    sources = list(dict.fromkeys(definition.source for definition in known))
    known.sort(key=lambda definition: sources.index(definition.source))
    rows = ((definition, define(definition.name)) for definition in known)
    records = {name: trained.record(name) for name in trained.names()}
    if form == "json":
        text = drawing.list_json(rows, records)
    else:
        layout = layout_for(output, verbose=verbose, no_color=no_color)
        text = drawing.list_text(rows, records, layout)
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
@size_option
@click.option(
    "--quantize",
    type=click.Choice(QUANTISATIONS),
    default="none",
    show_default=True,
    help="What TFLiteConverter does to the numbers.",
)
@click.option("--trained", is_flag=True, help="With the trained weights that npulint ships.")
@click.option(
    "--weights",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With the weights in this file, as `npulint models train` writes it.",
)
@opset_option
@exporter_option
@fresh_option
def build(  # noqa: PLR0913, PLR0917 - one parameter an option
    name: str,
    output: Path,
    size: tuple[int, int] | None,
    quantize: Quantisation,
    trained: bool,
    weights: Path | None,
    opset: int | None,
    exporter: Exporter,
    fresh: bool,
) -> int:
    """Build a network with its framework and write it as the framework's exporter does.

    Its weights are random unless trained ones are asked for.
    """
    from npulint.output import write_whole
    from npulint.reference_models.catalogue import define
    from npulint.reference_models.recipe import DEFAULT_OPSET, Recipe, format_of
    from npulint.reference_models.trial import exported

    recipe = Recipe(format_of(output), quantize, exporter, opset or DEFAULT_OPSET)
    network = define(name, size)
    if trained or weights is not None:
        network = _filled(network, weights, trained=trained)
    with activity(f"{name} as {recipe}"):
        write_whole(output, exported(network, recipe, fresh=fresh).demanded(name))
    return EXIT_OK


def _filled(network: Network, weights: Path | None, *, trained: bool) -> Network:
    """The network with trained weights, from a file or those that come with npulint."""
    from npulint.reference_models.trained import filled, from_file, shipped

    if weights is None:
        return filled(network, shipped(network.name))
    if trained:
        raise click.UsageError("--trained and --weights both say where the weights are from")
    return filled(network, from_file(weights))


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
@size_option
@modes_option
@opset_option
@exporter_option
@fresh_option
@jobs_option
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
    with networks_progress(len(networks)) as step:
        drawn = explore(networks, recipes, targets, fresh=fresh, jobs=jobs, progress=step)
    files = drawings(drawn)
    write_all(output, files)
    click.echo(f"{', '.join(files)} in {output}")
    return EXIT_OK

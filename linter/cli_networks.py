"""Options that commands about reference networks share, and their progress line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from npulint.terminal import progress

if TYPE_CHECKING:
    from npulint.reference_models.network import Network

QUANTISATIONS = ("none", "float16", "dynamic", "int8", "int16x8")


def _size(_: click.Context, __: click.Parameter, given: str | None) -> tuple[int, int] | None:
    """Read `HxW`, two whole numbers above zero."""
    if given is None:
        return None
    height, _cross, width = given.partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise click.BadParameter(f"{given!r} is not a size; one is written as 544x960")
    return int(height), int(width)


size_option = click.option(
    "--size", metavar="HxW", callback=_size, help="Height and width of the input."
)
opset_option = click.option("--opset", type=int, help="Opset of .onnx files; 18 at first.")
exporter_option = click.option(
    "--exporter",
    type=click.Choice(["dynamo", "torchscript"]),
    default="dynamo",
    show_default=True,
    help="Which of PyTorch's exporters writes .onnx files.",
)
fresh_option = click.option("--fresh", is_flag=True, help="Export even what is in the cache.")
jobs_option = click.option(
    "-j", "--jobs", type=click.IntRange(1), default=1, help="How many processes share the work."
)
modes_option = click.option(
    "--quantize",
    "modes",
    type=click.Choice(QUANTISATIONS),
    multiple=True,
    default=["none"],
    show_default=True,
    help="What TFLiteConverter does to the numbers; repeatable.",
)


@contextmanager
def networks_progress(total: int) -> Iterator[Callable[[Network], None] | None]:
    """The progress line over several networks."""
    with progress(total) as step:
        yield None if step is None else lambda network: step(network.name)

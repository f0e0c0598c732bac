"""`npulint models validate`: reference networks built, run, asked about, and taken full circle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import click

from npulint import completing
from npulint.cli_networks import (
    exporter_option,
    fresh_option,
    jobs_option,
    modes_option,
    networks_progress,
    opset_option,
    size_option,
)
from npulint.cli_running import adb_options, form_of, form_option, see_report
from npulint.host.chips import CHIPS
from npulint.terminal import (
    EXIT_FINDINGS,
    EXIT_OK,
    activity,
    deliver,
    layout_for,
    no_color_option,
    output_option,
    targets_option,
)

if TYPE_CHECKING:
    from npulint.device.circle import Circle
    from npulint.device.runs import Request
    from npulint.reference_models.network import Network
    from npulint.reference_models.recipe import Exporter, Quantisation, Recipe
    from npulint.reference_models.training.measuring import Worth


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completing.networks)
@targets_option
@size_option
@modes_option
@opset_option
@exporter_option
@fresh_option
@jobs_option
@form_option
@output_option
@click.option(
    "--circle",
    is_flag=True,
    help="Also rewrite each file for the targets, check it again and run both.",
)
@click.option(
    "--on",
    "chips",
    type=click.Choice(list(CHIPS)),
    multiple=True,
    help="In the circle: ask this chip's compiler here; repeatable.",
)
@click.option(
    "--benchmark",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="In the circle: run on the phone that is attached, by this benchmark_model.",
)
@adb_options
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
    form: Literal["text", "json"] | None,
    output: Path | None,
    circle: bool,
    chips: tuple[str, ...],
    benchmark: Path | None,
    adb: Path | None,
    adb_port: int | None,
    no_color: bool,
) -> int:
    """Build networks small, in both formats, run them, and ask targets about them.

    With --circle each file is also rewritten, checked again, and run before and after: here, by the
    compilers of --on and on the phone of --benchmark. Networks for which trained weights are
    shipped are run with them on photographs that were held out. Exit code 1 where an exporter
    refuses a network or two files of one compute different things.
    """
    from npulint.engine import check
    from npulint.reference_models.catalogue import CATALOGUE, define
    from npulint.reference_models.recipe import DEFAULT_OPSET, Recipe
    from npulint.reference_models.trial import small, try_all
    from npulint.reports import networks as drawing
    from npulint.reports.circle import circle_json, circles_text
    from npulint.reports.training import worth_text

    see_report(output, benchmark)
    recipes = [
        Recipe("onnx", "none", exporter, opset or DEFAULT_OPSET),
        *(Recipe("tflite", mode) for mode in dict.fromkeys(modes)),
    ]
    networks = [define(name, size or small(name)) for name in dict.fromkeys(names) or CATALOGUE]
    with TemporaryDirectory() as folder:
        with networks_progress(len(networks)) as step:
            trials = try_all(networks, recipes, Path(folder), fresh=fresh, jobs=jobs, progress=step)
        paths = [trial.path for trial in trials if trial.path is not None]
        report = check(paths, targets=targets, remedies=False)
        judged = {result.path: result for result in report.models}
        circles: list[Circle] = []
        if circle or chips or benchmark is not None:
            phone = None if benchmark is None else _phone(benchmark, adb, adb_port)
            circles = _circles(paths, targets, Path(folder), chips, phone)
        restored, missing = _worth(networks, recipes, Path(folder), fresh=fresh)
        if form_of(form, output) == "json":
            by_path = {c.path: circle_json(c) for c in circles}
            text = drawing.trials_json(trials, judged, by_path, restored)
        else:
            layout = layout_for(output, verbose=False, no_color=no_color)
            text = drawing.trials_text(trials, judged, layout) + circles_text(circles, layout)
            text += worth_text(restored, missing, layout)
    deliver(text, output)
    return EXIT_FINDINGS if any(trial.fails for trial in trials) else EXIT_OK


def _worth(
    networks: Sequence[Network], recipes: Sequence[Recipe], folder: Path, *, fresh: bool
) -> tuple[list[Worth], str | None]:
    """How well trained networks restore photographs, or why that cannot be measured here."""
    from npulint.errors import MissingExtraError
    from npulint.reference_models.trained import names
    from npulint.reference_models.training.worth import worth

    found: list[Worth] = []
    try:
        for name in (each.name for each in networks if each.name in names()):
            with activity(f"{name}: restoring photographs"):
                found += worth(name, recipes, folder, fresh=fresh)
    except MissingExtraError as error:
        return [], str(error)
    return found, None


def _phone(benchmark: Path, adb: Path | None, port: int | None) -> Request:
    """How a phone is asked, whatever the model."""
    from npulint.device.backends import Backend
    from npulint.device.runs import Request

    backends = (Backend("cpu"), Backend("nnapi"), Backend("gpu"))
    return Request(Path(), benchmark, backends, adb=adb, port=port)


def _circles(
    paths: Sequence[Path],
    targets: Sequence[str],
    folder: Path,
    chips: Sequence[str],
    phone: Request | None,
) -> list[Circle]:
    """Each file taken full circle."""
    from npulint.device.circle import go_round

    found = []
    for path in paths:
        with activity(f"{path.name}: rewriting and running"):
            found.append(go_round(path, targets, folder, chips=chips, phone=phone))
    return found

"""`npulint device`: phones over adb, and logs of what ran on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from npulint.errors import NpulintError, UsageError
from npulint.terminal import (
    EXIT_BAD_INPUT,
    EXIT_FINDINGS,
    EXIT_OK,
    MODEL,
    activity,
    deliver,
    format_option,
    layout_for,
    no_color_option,
    one_line,
    output_option,
)

if TYPE_CHECKING:
    from npulint.device import Log


@click.group()
def device() -> None:
    """Phones: what ran on them, and where."""


@device.command("import")
@click.argument("logs", type=MODEL, nargs=-1, required=True, metavar="LOG...")
@format_option
@output_option
@click.option("-v", "--verbose", is_flag=True, help="List every row of profiles and tables.")
@no_color_option
def import_logs(
    logs: tuple[Path, ...],
    form: Literal["text", "json"],
    output: Path | None,
    verbose: bool,
    no_color: bool,
) -> int:
    """Read logs of runs that were made elsewhere: latency, memory, who ran what, what was refused.

    Logs of benchmark_model and its operator profiles, of logcat (lines of NNAPI and TFLite), of
    LiteRT's compilers and ONNX Runtime, and tables of models and runtimes, such as those kept of
    AI Benchmark. Exit code 0: all were read, 1: a run failed or broke off, 2: a log could not be
    read.
    """
    from npulint.device import read_log
    from npulint.reports import device as drawing
    from npulint.reports import device_json

    found: list[Log] = []
    told: list[Log | tuple[Path, str]] = []
    for path in logs:
        try:
            with activity(f"reading {path.name}"):
                log = read_log(path)
        except NpulintError as error:
            click.echo(f"npulint: {one_line(str(error))}", err=True)
            told.append((path, str(error)))
        else:
            found.append(log)
            told.append(log)
    if form == "json":
        text = device_json.render_logs(told)
    else:
        layout = layout_for(output, verbose=verbose, no_color=no_color)
        text = drawing.render_logs(found, layout)
    deliver(text, output, logs)
    if len(found) < len(told):
        return EXIT_BAD_INPUT
    return EXIT_FINDINGS if any(log.failed for log in found) else EXIT_OK


@device.command()
@click.argument("file", type=MODEL, required=False)
@click.option("--psnr", type=float, metavar="DB", help="The model's PSNR.")
@click.option("--runtime", type=float, metavar="MS", help="Its runtime.  [default: of FILE]")
@format_option
@output_option
def score(
    file: Path | None,
    psnr: float | None,
    runtime: float | None,
    form: Literal["text", "json"],
    output: Path | None,
) -> int:
    """Score models as the Mobile AI 2021 challenge on learned smartphone ISPs did.

    FILE is a table with models, runtimes and PSNR; or a log of benchmark_model, with --psnr.
    Without a file: --psnr and --runtime.
    """
    from npulint.device.score import score as score_one
    from npulint.device.score import score_file
    from npulint.reports import device_score as drawing

    if file is not None:
        if runtime is not None:
            raise UsageError("--runtime: FILE tells the runtime; give one of the two")
        scored = score_file(file, psnr)
    elif psnr is None or runtime is None:
        raise UsageError("nothing to score: give FILE, or --psnr and --runtime")
    else:
        scored = [score_one("the model", psnr, runtime / 1000)]
    text = drawing.render_json(scored) if form == "json" else drawing.render_text(scored)
    deliver(text, output, [] if file is None else [file])
    return EXIT_OK

"""`npulint device`: logs of what ran on phones. `npulint.cli_phone` adds what needs a phone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from npulint.cli_running import form_of, form_option
from npulint.errors import NpulintError, UsageError
from npulint.terminal import (
    EXIT_BAD_INPUT,
    EXIT_FINDINGS,
    EXIT_OK,
    MODEL,
    activity,
    deliver,
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
@form_option
@output_option
@click.option("-v", "--verbose", is_flag=True, help="List every row of profiles and tables.")
@no_color_option
def import_logs(
    logs: tuple[Path, ...],
    form: Literal["text", "json"] | None,
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
    if form_of(form, output) == "json":
        text = device_json.render_logs(told)
    else:
        layout = layout_for(output, verbose=verbose, no_color=no_color)
        text = drawing.render_logs(found, layout)
    deliver(text, output, logs)
    if len(found) < len(told):
        return EXIT_BAD_INPUT
    return EXIT_FINDINGS if any(log.failed for log in found) else EXIT_OK


@device.command("audit")
@click.argument("report", type=MODEL)
@click.argument("logs", type=MODEL, nargs=-1, required=True, metavar="LOG...")
@click.option(
    "-t", "--target", metavar="NAME", help="Whose predictions.  [default: the report's only ones]"
)
@click.option("--model", metavar="PATH", help="Of which model.  [default: the report's only one]")
@click.option(
    "--backend",
    "backends",
    multiple=True,
    metavar="NAME",
    help="Which runs of a report count; repeatable.  [default: those that the target is about]",
)
@click.option(
    "--observations",
    metavar="FILE.yaml",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what ran on the CPU unforeseen, for a device profile to include.",
)
@form_option
@output_option
@click.option("-v", "--verbose", is_flag=True, help="Count each operator apart.")
@no_color_option
def audit_runs(  # noqa: PLR0913, PLR0917 - one parameter an option
    report: Path,
    logs: tuple[Path, ...],
    target: str | None,
    model: str | None,
    backends: tuple[str, ...],
    observations: Path | None,
    form: Literal["text", "json"] | None,
    output: Path | None,
    verbose: bool,
    no_color: bool,
) -> int:
    """Hold the predictions of a JSON report of `npulint check` against what ran.

    Each LOG is a JSON report of `npulint device run` or `npulint host run`, or a log; all logs
    together are of one run. Exit code 0: no prediction was wrong, 1: one was, 2: bad input, or
    there is nothing to compare.
    """
    from npulint.device import observations as writing
    from npulint.device.audit import audit
    from npulint.output import refuse_replacing, write_whole
    from npulint.reports import device_audit as drawing

    found = audit(report, logs, target=target, model=model, backends=backends)
    written = None if observations is None else writing.render(found)
    if observations is not None:
        refuse_replacing(observations, [report, *logs])
        if written is not None:
            write_whole(observations, written)
    if form_of(form, output) == "json":
        text = drawing.render_json(found, None if written is None else str(observations))
    else:
        layout = layout_for(output, verbose=verbose, no_color=no_color)
        text = drawing.render_text(found, layout)
    deliver(text, output, [report, *logs])
    if observations is not None:
        said = f"written to {observations}" if written is not None else "nothing to observe"
        click.echo(f"npulint: observations: {one_line(said)}", err=True)
    return EXIT_FINDINGS if found.wrong else EXIT_OK


@device.command()
@click.argument("file", type=MODEL, required=False)
@click.option("--psnr", type=float, metavar="DB", help="The model's PSNR.")
@click.option("--runtime", type=float, metavar="MS", help="Its runtime.  [default: of FILE]")
@form_option
@output_option
def score(
    file: Path | None,
    psnr: float | None,
    runtime: float | None,
    form: Literal["text", "json"] | None,
    output: Path | None,
) -> int:
    """Score models as the Mobile AI 2021 challenge on learned smartphone ISPs did.

    FILE is a table with models, runtimes and PSNR; or a log of benchmark_model, with --psnr.
    Without a file: --psnr and --runtime.
    """
    from npulint.device.score import score as score_one
    from npulint.device.score import score_file
    from npulint.reports import device_score as drawing
    from npulint.reports.wording import plural

    if file is not None:
        if runtime is not None:
            raise UsageError("--runtime: FILE tells the runtime; give one of the two")
        scored, left_out = score_file(file, psnr)
        if left_out:
            rows = plural(left_out, "row")
            click.echo(
                f"npulint: {file}: {rows} without a model, a runtime or a PSNR that can be read, "
                "left out",
                err=True,
            )
    elif psnr is None or runtime is None:
        raise UsageError("nothing to score: give FILE, or --psnr and --runtime")
    else:
        scored = [score_one("the model", psnr, runtime / 1000)]
    draw = drawing.render_json if form_of(form, output) == "json" else drawing.render_text
    deliver(draw(scored), output, [] if file is None else [file])
    return EXIT_OK

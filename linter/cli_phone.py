"""`npulint device list` and `npulint device run`: phones over adb."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from npulint.cli_running import adb_options, form_of, form_option, see_report, timeout_option
from npulint.errors import NpulintError
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


@click.command("list")
@adb_options
@form_option
@output_option
@no_color_option
def list_phones(
    adb: Path | None,
    adb_port: int | None,
    form: Literal["text", "json"] | None,
    output: Path | None,
    no_color: bool,
) -> int:
    """List the phones that adb sees, and what they are.

    Exit code 0: one can be used, 1: none can, 2: adb is missing or does not work.
    """
    from npulint.device.adb import Adb
    from npulint.device.phones import survey
    from npulint.reports import device_json
    from npulint.reports import device_run as drawing

    with Adb(adb, adb_port) as program:
        phones = survey(program)
    if form_of(form, output) == "json":
        text = device_json.render_list(phones)
    else:
        text = drawing.render_list(phones, layout_for(output, verbose=False, no_color=no_color))
    deliver(text, output)
    return EXIT_OK if any(facts is not None for _, facts in phones) else EXIT_FINDINGS


@click.command("run")
@click.argument("model", type=MODEL)
@click.option(
    "--benchmark",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="TFLite's benchmark_model for Android, in the phone's machine code.",
)
@click.option(
    "--backend",
    "named",
    metavar="cpu|nnapi[:ACCELERATOR]|gpu|hexagon[:FOLDER]|external:LIBRARY",
    multiple=True,
    help="What to run it by; repeatable. nnapi alone: each accelerator that the phone names.  "
    "[default: cpu, nnapi and gpu]",
)
@click.option("--serial", metavar="S", help="Which phone.  [default: the only one]")
@adb_options
@click.option(
    "--runs",
    type=click.IntRange(1, 1_000_000),
    default=50,
    show_default=True,
    help="Inferences to time.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="Threads on the CPU.",
)
@click.option(
    "--inputs",
    metavar="FILE.npz",
    type=click.Path(path_type=Path),
    help="Run on these arrays, named as the model's inputs, and compare outputs with this "
    "computer's.",
)
@click.option("--fp16", is_flag=True, help="Let NNAPI compute float32 in float16.")
@timeout_option("one run")
@form_option
@output_option
@click.option("-v", "--verbose", is_flag=True, help="List every row of profiles.")
@no_color_option
def run_on_phone(  # noqa: PLR0913, PLR0917 - one parameter an option
    model: Path,
    benchmark: Path,
    named: tuple[str, ...],
    serial: str | None,
    adb: Path | None,
    adb_port: int | None,
    runs: int,
    threads: int,
    inputs: Path | None,
    fp16: bool,
    timeout: float,
    form: Literal["text", "json"] | None,
    output: Path | None,
    verbose: bool,
    no_color: bool,
) -> int:
    """Run a .tflite model on a phone: latency, memory, who ran what, and whether outputs agree.

    Each backend runs twice: timed, and with the profiler and NNAPI's log on. The phone is left as
    it was. Exit code 0: all ran, 1: a backend failed or took too long, 2: bad input, or the phone
    cannot be used or went away.
    """
    from npulint.device.backends import parse_backend
    from npulint.device.running import run_model
    from npulint.device.runs import Request
    from npulint.reports import device_json
    from npulint.reports import device_run as drawing

    see_report(output, model, benchmark, inputs)
    request = Request(
        model=model,
        benchmark=benchmark,
        backends=tuple(map(parse_backend, named or ("cpu", "nnapi", "gpu"))),
        serial=serial,
        adb=adb,
        port=adb_port,
        runs=runs,
        threads=threads,
        inputs=inputs,
        fp16=fp16,
        timeout=timeout,
    )
    try:
        with activity(f"running {model.name} on a phone"):
            found = run_model(request)
    except NpulintError as error:
        if form_of(form, output) == "json":
            deliver(device_json.render_run_error(model, str(error)), output, [model])
        raise
    if form_of(form, output) == "json":
        text = device_json.render_run(found)
    else:
        layout = layout_for(output, verbose=verbose, no_color=no_color)
        text = drawing.render_run(found, layout)
    deliver(text, output, [model])
    for sentence in (*found.left, *([found.error] if found.error is not None else [])):
        click.echo(f"npulint: {one_line(sentence)}", err=True)
    if found.error is not None:
        return EXIT_BAD_INPUT
    good = not found.left and all(each.outcome == "ran" for each in found.runs)
    return EXIT_OK if good else EXIT_FINDINGS

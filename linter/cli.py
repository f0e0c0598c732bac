"""The command line: reads options, calls the engine, prints, and chooses the exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import click

import npulint
from npulint import completing
from npulint.cli_check import check
from npulint.cli_completion import completion
from npulint.cli_config import show
from npulint.cli_device import device
from npulint.cli_fix import fix
from npulint.cli_host import host
from npulint.cli_inspect import inspect
from npulint.cli_matrix import matrix
from npulint.cli_models import models
from npulint.cli_phone import list_phones, run_on_phone
from npulint.cli_recover import recover
from npulint.cli_settings import asked_as_configured, config_option, targets_of, whom_to_ask
from npulint.cli_train import train
from npulint.cli_validate import validate
from npulint.cli_verify import verify
from npulint.errors import NpulintError
from npulint.terminal import (
    EXIT_BAD_INPUT,
    EXIT_FINDINGS,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_OUR_FAULT,
    MODEL,
    deliver,
    format_option,
    input_shapes_option,
    layout_for,
    looked_at,
    no_color_option,
    one_line,
    output_option,
    say_unreadable,
    targets_option,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(npulint.__version__, prog_name="npulint")
def cli() -> None:
    """Will this model run on the phone's accelerator, why not, and what cures it?"""


cli.add_command(completion)
cli.add_command(check)
cli.add_command(show)
cli.add_command(device)
models.add_command(train)
models.add_command(validate)
device.add_command(list_phones)
device.add_command(run_on_phone)
cli.add_command(fix)
cli.add_command(host)
cli.add_command(inspect)
cli.add_command(matrix)
cli.add_command(models)
cli.add_command(recover)
cli.add_command(verify)


@cli.command()
@click.argument("old", type=MODEL)
@click.argument("new", type=MODEL)
@targets_option
@input_shapes_option
@config_option
@format_option
@output_option
@no_color_option
def diff(  # noqa: PLR0913, PLR0917 - one parameter an option
    old: Path,
    new: Path,
    targets: tuple[str, ...],
    shapes: dict[str, tuple[int, ...]],
    config: Path | None,
    form: Literal["text", "json"],
    output: Path | None,
    no_color: bool,
) -> int:
    """Show what a new version of a model makes better or worse; exit code 1 where worse."""
    from npulint.engine import check as run
    from npulint.reports import change as drawing

    asking = whom_to_ask(config)
    # Both are asked the same, or nothing could be compared.
    named = targets or targets_of(asking, new) or targets_of(asking, old)
    report = run([old, new], named, input_shapes=shapes, remedies=False, accounts=asking)
    say_unreadable(report)
    if report.failed:
        return EXIT_BAD_INPUT
    notes = () if targets else asked_as_configured(asking, [new] if named else ())
    change = replace(drawing.compare(*report.models), notes=(*notes, *report.notes))
    if form == "json":
        text = drawing.render_json(change)
    else:
        text = drawing.render_text(change, layout_for(output, verbose=False, no_color=no_color))
    deliver(text, output, looked_at(report))
    return EXIT_FINDINGS if change.worse else EXIT_OK


@cli.group(invoke_without_command=True)
@format_option
@output_option
@click.option("-v", "--verbose", is_flag=True, help="Tell the file and the package of each table.")
@no_color_option
@click.pass_context
def targets(
    context: click.Context,
    form: Literal["text", "json"],
    output: Path | None,
    verbose: bool,
    no_color: bool,
) -> int:
    """List the targets and devices that `--target` takes.

    Tables, profiles and packages at fault are named on standard error; the exit code is 2 then.
    """
    if context.invoked_subcommand is not None:
        return EXIT_OK
    from npulint import opsets
    from npulint.reports import catalogue

    survey = opsets.survey()
    devices, unreadable = opsets.survey_devices()
    faults = [*(fault.sentence for fault in survey.faults), *map(str, unreadable)]
    for fault in faults:
        click.echo(f"npulint: {one_line(fault)}", err=True)
    if form == "json":
        text = catalogue.targets_json(survey, devices)
    else:
        layout = layout_for(output, verbose=verbose, no_color=no_color)
        text = catalogue.targets_text(survey, devices, layout)
    deliver(text, output)
    return EXIT_BAD_INPUT if faults else EXIT_OK


@targets.command("diff")
@click.argument("one", shell_complete=completing.targets)
@click.argument("other", shell_complete=completing.targets)
@output_option
@no_color_option
def targets_diff(one: str, other: str, output: Path | None, no_color: bool) -> int:
    """Show what one target or device takes and the other refuses."""
    from npulint.reports import catalogue

    layout = layout_for(output, verbose=True, no_color=no_color)
    deliver(catalogue.targets_diff(one, other, layout), output)
    return EXIT_OK


@cli.command()
@click.argument(
    "subject", metavar="CODE|TARGET|DEVICE|TARGET:OPERATOR", shell_complete=completing.subjects
)
@output_option
@no_color_option
def explain(subject: str, output: Path | None, no_color: bool) -> int:
    """Explain a rule, a realisation, a target, a device, or an operator there (TARGET:OP)."""
    from npulint.reports import catalogue

    layout = layout_for(output, verbose=True, no_color=no_color)
    deliver(catalogue.explain(subject, layout), output)
    return EXIT_OK


@cli.command()
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write into.",
)
@targets_option
def docs(output: Path, targets: tuple[str, ...]) -> int:
    """Write pages (Markdown) of all that tables, device profiles and rules say, with sources.

    With -t: of those targets and devices only.
    """
    from npulint.output import write_all
    from npulint.reports.documentation import documentation

    pages = documentation(targets)
    write_all(output, pages)
    click.echo(f"{len(pages)} pages in {output}")
    return EXIT_OK


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: What follows the command's name; `sys.argv` when None.

    Returns:
        The exit code of the contract: 0 fine, 1 findings, 2 bad input, 3 our fault,
        130 interrupted.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        outcome = cli.main(args=given, prog_name="npulint", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        return EXIT_BAD_INPUT
    except click.ClickException as error:
        click.echo(f"npulint: {one_line(error.format_message())}", err=True)
        return EXIT_BAD_INPUT
    except NpulintError as error:
        click.echo(f"npulint: {one_line(str(error))}", err=True)
        return EXIT_BAD_INPUT
    except (KeyboardInterrupt, click.Abort) as stop:
        click.echo("npulint: interrupted", err=True)
        # What could not be put back, from whoever was interrupted.
        for sentence in (stop.__cause__ or stop).args:
            click.echo(f"npulint: {one_line(str(sentence))}", err=True)
        return EXIT_INTERRUPTED
    except Exception as error:
        return _our_fault(error, verbose="-v" in given or "--verbose" in given)
    return outcome if isinstance(outcome, int) else EXIT_OK


def _our_fault(error: Exception, *, verbose: bool) -> int:
    if verbose:
        import traceback

        traceback.print_exception(error)
    what = f"{type(error).__name__}: {one_line(str(error))}"
    ask = f"this is a fault of npulint {npulint.__version__}, please report it"
    click.echo(f"npulint: {ask}: {what}{'' if verbose else ' (-v shows where)'}", err=True)
    return EXIT_OUR_FAULT

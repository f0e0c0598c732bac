"""Options that commands share which run models, here or on phones, or read what was run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])

form_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    help="How to draw the result.  [default: json where -o ends in .json, else text]",
)


def form_of(form: Literal["text", "json"] | None, output: Path | None) -> Literal["text", "json"]:
    """How to draw a result: as asked, or as the file's name has it."""
    if form is not None:
        return form
    return "json" if output is not None and output.suffix.lower() == ".json" else "text"


def see_report(output: Path | None, *given: Path | None) -> None:
    """See that a report can be written, before much work is done for it.

    Args:
        output: Where it is to go; None for the terminal.
        given: Files that the command is given, which it must not replace.

    Raises:
        UsageError: It cannot be written, or would replace one of these.
    """
    from npulint.output import refuse_replacing, see_place

    if output is not None:
        refuse_replacing(output, [path for path in given if path is not None])
    see_place(output)


def timeout_option(what: str) -> Callable[[_Command], _Command]:
    """An option that bounds how long something may take.

    Args:
        what: What it is, as the subject of a sentence.
    """
    return click.option(
        "--timeout",
        type=float,
        default=600,
        show_default=True,
        metavar="SECONDS",
        help=f"How long {what} may take.",
    )


_OPTIONS = (
    click.option(
        "--adb",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="The adb program.  [default: the one that the system finds]",
    ),
    click.option(
        "--adb-port",
        metavar="N",
        type=click.IntRange(1, 65535),
        help="Port of adb's server.  [default: adb's own choice]",
    ),
)


def adb_options(command: _Command) -> _Command:
    """Options of commands that speak to adb."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command

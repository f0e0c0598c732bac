"""Options of commands that speak to phones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])

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

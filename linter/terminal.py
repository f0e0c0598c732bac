"""What all commands share: common options, exit codes, and how results reach the user."""

from __future__ import annotations

import codecs
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from npulint import completing
from npulint.errors import UsageError
from npulint.reports.forms import ENDINGS

if TYPE_CHECKING:
    from rich.console import Console

    from npulint.finding import Report
    from npulint.model import Model
    from npulint.reports.wrapping import Layout

_Command = TypeVar("_Command", bound=Callable[..., Any])

EXIT_OK = 0
EXIT_FINDINGS = 1
EXIT_BAD_INPUT = 2
EXIT_OUR_FAULT = 3
EXIT_INTERRUPTED = 130


class _Given(click.Path):
    """A path to read from. Whether it can be read is seen, and said, when it is read."""

    def __init__(self) -> None:
        super().__init__(readable=False, path_type=Path)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        """Refuse the empty path, which would stand for the working folder."""
        if value == "":
            self.fail("a path is empty; name a file", param, ctx)
        return super().convert(value, param, ctx)


class _Report(click.Path):
    """A path to write a report to."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, readable=False, path_type=Path)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        """Refuse names of models: what stands there may be one, and a report never is."""
        if os.fspath(value).lower().endswith((".tflite", ".onnx")):
            self.fail(f"{os.fspath(value)!r} is a model's name, not a report's", param, ctx)
        return super().convert(value, param, ctx)


MODEL = _Given()
"""The type of an argument that names a model file."""

targets_option = click.option(
    "-t",
    "--target",
    "targets",
    multiple=True,
    metavar="NAME|FILE",
    shell_complete=completing.targets,
    help="Target or device to ask, or its file; repeatable. `npulint targets` lists the names.",
)
output_option = click.option(
    "-o",
    "--output",
    type=_Report(),
    help="Write to this file instead of the terminal.",
)
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to draw the result.",
)
forms_option = click.option(
    "--format",
    "forms",
    type=click.Choice(list(ENDINGS)),
    multiple=True,
    help="How to draw the result; repeatable, with an -o each.  [default: by the ending of -o, "
    "else text]",
)
outputs_option = click.option(
    "-o",
    "--output",
    "outputs",
    type=_Report(),
    multiple=True,
    help="Write to this file instead of the terminal (`-`); repeatable.",
)
input_shapes_option = click.option(
    "--input-shape",
    "shapes",
    multiple=True,
    metavar="[NAME=]1x3x720x1280",
    callback=lambda _, __, given: _shapes(given),
    help="Sizes of an input that the file leaves open; repeatable. Without a name: of the only "
    "input.",
)


def calibration_option(what_for: str) -> Callable[[_Command], _Command]:
    """Samples of the inputs; the help says what they are for."""
    return click.option(
        "--calibration",
        type=click.Path(path_type=Path),
        metavar="FOLDER|FILE.npz",
        help=f"Samples of the inputs: {what_for}. Images, or .npy and .npz with a batch axis.",
    )


truth_option = click.option(
    "--truth",
    type=click.Path(path_type=Path),
    metavar="FOLDER|FILE.npz",
    help="What the outputs should be on these samples, by the samples' names.",
)
verbose_option = click.option(
    "-v", "--verbose", is_flag=True, help="List every node and every source."
)
no_color_option = click.option("--no-color", is_flag=True, help="No colours.")


_PLAIN = {"×": "x", "·": "-"}
"""What stands for the reports' own characters where an encoding does not have them."""


def _shapes(given: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """The sizes of inputs by their names.

    Raises:
        UsageError: They are written otherwise, or an input is named twice.
    """
    from npulint.sizing.wishes import read_wish

    found: dict[str, tuple[int, ...]] = {}
    for each in given:
        name, sizes = read_wish(each)
        if name in found:
            raise UsageError(f"--input-shape {each}: this input has its sizes already")
        found[name] = sizes
    return found


def one_line(message: str) -> str:
    """An error's text on one line, safe to print."""
    from npulint.reports.wording import printable

    return printable(" ".join(message.split()))


def deliver(text: str, output: Path | None, models: Iterable[Model | Path] = ()) -> None:
    """Bring a result to where the user wants it: a file, or standard output.

    Args:
        text: The result.
        output: The file; standard output when None.
        models: What was looked at. Neither these nor the files of their weights are replaced.

    Raises:
        UsageError: The result cannot be written there.
    """
    if output is None:
        _print(text)
        return
    from npulint.output import refuse_replacing, write_whole

    refuse_replacing(output, models)
    write_whole(output, text)


def _print(text: str) -> None:
    """Print, and let the exit code stand when the reader has gone (`npulint check ... | head`)."""
    if sys.stdout is None:  # closed by the caller
        return
    try:
        click.echo(_encodable(text), nl=False)
        sys.stdout.flush()
    except OSError as error:
        # Keeps the interpreter from complaining once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise UsageError(f"standard output: cannot be written: {error.strerror}") from error


def _encodable(text: str) -> str:
    """The text in characters that standard output has."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        codecs.register_error("plain", _plainer)
        return text.encode(encoding, "plain").decode(encoding)
    return text


def _plainer(error: UnicodeError) -> tuple[str | bytes, int]:
    """What stands for characters that an encoding does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    shown = (_PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode() for c in missing)
    return "".join(shown), error.end


def layout_for(output: Path | None, *, verbose: bool, no_color: bool) -> Layout:
    """How to draw text for a file, a pipe or the terminal that is there."""
    from npulint.reports.style import Style
    from npulint.reports.wrapping import Layout

    terminal = output is None and sys.stdout is not None and sys.stdout.isatty()
    colour = terminal and not no_color and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size((100, 24)).columns if terminal else 100
    return Layout(width=width, style=Style(colour=colour), verbose=verbose)


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None] | None]:
    """A progress line on a terminal when there are several things to do; nothing in a pipe.

    Args:
        total: How many there are.

    Yields:
        What to call with a path or another name before each of them.
    """
    if total < 2 or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with _console() as console:
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=console,
            transient=True,
        )
        with bar:
            task = bar.add_task("starting", total=total)
            first = [True]

            def step(name: str) -> None:
                bar.update(task, description=Path(name).name, advance=0 if first.pop() else 1)
                first.append(False)

            yield step


@contextmanager
def steps_progress(what: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """A progress bar on a terminal over many small steps; nothing in a pipe.

    Args:
        what: What is being done.
        total: How many steps there are.

    Yields:
        What to call with the number of steps that are done and what there is to say of them.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda done, note: None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    with _console() as console:
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        with bar:
            task = bar.add_task(what, total=total)
            yield lambda done, note: bar.update(task, completed=done, description=f"{what} {note}")


@contextmanager
def activity(what: str) -> Iterator[None]:
    """A sign of life on a terminal while something takes its time; nothing in a pipe.

    Args:
        what: What is being done.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    with _console() as console:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            bar.add_task(what, total=None)
            yield


@contextmanager
def _console() -> Iterator[Console]:
    """Standard error under a number of its own, since frameworks at work are kept off the other."""
    from rich.console import Console

    with os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8") as stream:
        yield Console(file=stream)


def say_unreadable(report: Report) -> None:
    """One line on standard error for each file that could not be read."""
    for result in report.models:
        if result.error is not None:
            click.echo(f"npulint: {one_line(f'{result.path}: {result.error}')}", err=True)


def looked_at(report: Report) -> list[Model | Path]:
    """The models of a report, whose files no result may overwrite."""
    return [result.model or result.path for result in report.models]

"""Options that say what is wanted, and the configuration that says it otherwise."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from npulint import completing
from npulint.config.discovery import discover
from npulint.errors import UsageError

if TYPE_CHECKING:
    from npulint.config.applying import Accounts
    from npulint.config.settings import Section, Settings
    from npulint.finding import FailOn
    from npulint.rules.demands import Measure
    from npulint.sizing.wishes import InputShapes

_Command = TypeVar("_Command", bound=Callable[..., Any])

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Configuration.  [default: the nearest npulint.toml, or pyproject.toml with a "
    "tool.npulint, from the working folder upwards]",
)

_CHECK_OPTIONS = (
    config_option,
    click.option(
        "--select",
        multiple=True,
        metavar="CODES",
        shell_complete=completing.rules,
        help="Rules to run, by code, beginning of a code (NPU7), name or family; repeatable, or "
        "with commas.",
    ),
    click.option(
        "--ignore",
        multiple=True,
        metavar="CODES",
        shell_complete=completing.rules,
        help="Rules not to run, named likewise.",
    ),
    click.option(
        "--fail-on",
        type=click.Choice(["error", "warning", "info", "never"]),
        help="Mildest severity that makes the exit code 1.  [default: error]",
    ),
    click.option(
        "--min-coverage",
        multiple=True,
        metavar="TARGET=PERCENT",
        help="Least share of the nodes that a target must take for certain, of the MACs with "
        "TARGET:macs=PERCENT; repeatable.",
    ),
    click.option(
        "--require-known-coverage",
        is_flag=True,
        help="Let a share that is not known count as too small.",
    ),
    click.option(
        "--baseline",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Accept the findings that this file lists.",
    ),
    click.option(
        "--write-baseline",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Accept all findings by writing them to this file; where it is the baseline already, "
        "only drop from it what is gone.",
    ),
)


def check_options(command: _Command) -> _Command:
    """Give a command the options of a `Wanted`."""
    for option in reversed(_CHECK_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says, as it stands there; the fields are named after the options."""

    config: Path | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: FailOn | None = None
    min_coverage: tuple[str, ...] = ()
    require_known_coverage: bool = False
    baseline: Path | None = None
    write_baseline: Path | None = None


def accounts_for(
    wanted: Wanted, targets: Sequence[str] = (), within: Sequence[Path] = ()
) -> Accounts | None:
    """The settings that hold, ready for one run; None where nobody has said anything.

    Args:
        wanted: What the command line says.
        targets: The targets that it names.
        within: Folders all of whose models are to be looked at.

    Raises:
        NpulintError: An option or the configuration says something that npulint does not know,
            or the baseline cannot be read.
    """
    settings = settings_for(wanted, targets)
    if settings is None:
        return None
    from npulint.config.applying import Accounts
    from npulint.today import today

    return Accounts(settings, today(), within)


def targets_of(asking: Accounts | None, model: Path) -> tuple[str, ...]:
    """The targets that the configuration names for one model; empty where it names none."""
    return () if asking is None else asking.settings.of(model).targets or ()


def shapes_of(asking: Accounts | None, model: Path) -> InputShapes:
    """The sizes of inputs that the configuration states for one model."""
    return {} if asking is None else asking.settings.of(model).input_shapes or {}


def asked_as_configured(asking: Accounts | None, models: Sequence[Path]) -> tuple[str, ...]:
    """What to tell the user of targets that the configuration names, in a sentence at most."""
    if asking is None:
        return ()
    from npulint.asking import Asking

    whom = Asking((), asking.settings, {})
    for model in models:
        whom.about(model)
    return whom.notes()


def whom_to_ask(config: Path | None) -> Accounts | None:
    """The configuration as far as it says whom to ask; None where nobody has said anything."""
    settings = settings_for(Wanted(config))
    if settings is None:
        return None
    from npulint.config.applying import Accounts
    from npulint.today import today

    return Accounts(settings.asking_only(), today())


def settings_for(wanted: Wanted, targets: Sequence[str] = ()) -> Settings | None:
    """The settings that hold; None where nobody has said anything, and nothing is loaded then."""
    path = wanted.config or found_configuration()
    if path is None and wanted == Wanted():
        return None
    from npulint.config.settings import Settings

    settings = Settings()
    if path is not None:
        from npulint.config.reading import load

        settings = load(path)
    settings = replace(settings, given=_section(wanted))
    _see_that_all_are_asked(settings, targets)
    return _with_baseline(settings, wanted)


def found_configuration() -> Path | None:
    """The configuration that holds in the working folder, as seen from there."""
    path = discover(Path.cwd())
    return None if path is None else Path(os.path.relpath(path))


def _section(wanted: Wanted) -> Section:
    """What the command line wants of all models."""
    from npulint.config.settings import Section

    return Section(
        select=_rules("--select", wanted.select),
        ignore=_rules("--ignore", wanted.ignore),
        fail_on=wanted.fail_on,
        min_coverage=dict(map(_minimum, wanted.min_coverage)),
        require_known_coverage=wanted.require_known_coverage or None,
    )


def _rules(option: str, given: Sequence[str]) -> tuple[str, ...] | None:
    from npulint.config.selection import complaint

    words = tuple(word.strip() for each in given for word in each.split(","))
    if "" in words:
        raise UsageError(f"{option}: a rule is empty; name codes, names or families, with commas")
    for word in words:
        said = complaint(word)
        if said is not None:
            raise UsageError(f"{option}: {said}")
    return words or None


def _minimum(given: str) -> tuple[tuple[str, Measure], float]:
    """`TARGET=PERCENT` or `TARGET:macs=PERCENT`."""
    from npulint import opsets
    from npulint.rules.demands import MEASURES

    place, _, number = given.rpartition("=")
    name, _, word = place.rpartition(":")
    measure = next((each for each in MEASURES if each == word), None)
    if measure is None:
        name, measure = place, "nodes"
    try:
        percent = float(number.removesuffix("%"))
    except ValueError:
        percent = -1
    if not name or not 0 <= percent <= 100:
        raise UsageError(
            f"--min-coverage {given}: expected TARGET=PERCENT, or TARGET:macs=PERCENT, with a "
            "percentage from 0 to 100"
        )
    return (opsets.find(name).name, measure), percent


def _see_that_all_are_asked(settings: Settings, named: Sequence[str]) -> None:
    """Refuse to demand a share of a target that nobody asks, which would always be met.

    Raises:
        UsageError: The command line demands one.
    """
    from npulint import opsets
    from npulint.asking import DEFAULT_TARGETS

    demanded = [name for name, _ in settings.given.min_coverage]
    if not demanded:
        return
    sections = [settings.everywhere, *(each.section for each in settings.paths)]
    configured = [name for each in sections for name in each.targets or ()]
    asked = {opsets.find(name).name for name in named or configured}
    for name in demanded:
        if name not in (asked or DEFAULT_TARGETS):
            raise UsageError(f"--min-coverage {name}: this target is not asked: name it with -t")


def _with_baseline(settings: Settings, wanted: Wanted) -> Settings:
    path = wanted.baseline or settings.baseline
    if path is None or not _same(path, wanted.write_baseline):
        return replace(settings, baseline=path)
    if not path.exists():  # the first one: there is nothing yet that it accepts
        return replace(settings, baseline=None)
    return replace(settings, baseline=path, renewing=True)


def _same(path: Path, other: Path | None) -> bool:
    return other is not None and path.resolve() == other.resolve()

"""Words that a shell completes: what npulint knows by name, looked up only when asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem


def targets(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of targets and devices that begin so, and files: a table may be one."""
    from npulint import opsets

    found = _items((*opsets.targets(), *opsets.devices()), begun)
    return [*found, *_files(begun)]


def subjects(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """What `npulint explain` takes: rules, realisations, targets, devices, TARGET:OPERATOR."""
    from npulint import opsets
    from npulint.errors import NpulintError
    from npulint.fixers.catalogue import FAMILIES
    from npulint.opsets.profile import Device
    from npulint.rules import RULES

    name, colon, _op = begun.partition(":")
    if colon:
        try:
            found = opsets.find(name)
        except NpulintError:
            return []
        target = found.start.target if isinstance(found, Device) else found
        return _items((f"{name}:{op}" for side in target.sides for op in side.entries), begun)
    names = [word for rule in RULES for word in (rule.code, rule.name)]
    names += [way.name for family in FAMILIES for way in family.ways]
    return _items((*names, *opsets.targets(), *opsets.devices()), begun)


def rules(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Codes, names and families of rules that begin so."""
    from npulint.rules import RULES

    words = [word for rule in RULES for word in (rule.code, rule.name, rule.family)]
    return _items(dict.fromkeys(words), begun)


def networks(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of reference networks that begin so."""
    from npulint.reference_models.catalogue import CATALOGUE, NARROW

    return _items([*CATALOGUE, *NARROW], begun)


def trainable(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of reference networks that begin so and can be trained."""
    from npulint.reference_models.training.recipes import RECIPES

    return _items(RECIPES, begun)


def _items(words: Iterable[str], begun: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(word) for word in words if word.lower().startswith(begun.lower())]


def _files(begun: str) -> list[CompletionItem]:
    """Lets the shell complete a path by itself."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(begun, type="file")]

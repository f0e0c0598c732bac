"""Which realisations a model does not bear, and what is said of doing without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from npulint.fixers.record import EXACTNESSES

if TYPE_CHECKING:
    from npulint.fixers.choice import Choice
    from npulint.fixers.record import Exactness
    from npulint.verification import Comparison

_NOISE = 1e-6
"""Share of a value's range that differs wherever anything is computed in another order."""


def blamed(choices: Sequence[Choice], comparison: Comparison) -> str:
    """The realisation at which the difference grows most on the way to what is too far off.

    The first value that is beyond the bound need not be where it comes from: what passes on a
    difference adds a little of its own. Empty where no realisation is known there.
    """
    regions = comparison.regions
    if comparison.same or regions is None or regions.first is None:
        return ""
    made = {name: each.realisation for each in choices for name in each.results}
    found, steepest, before = "", 0.0, _NOISE
    for value in regions.values:
        growth = value.difference.max_relative / before
        if growth > steepest and made.get(value.name):
            found, steepest = made[value.name] or "", growth
        if value is regions.first:
            break
        before = max(before, value.difference.max_relative)
    return found.partition(" + ")[0]


def lifts_doubts(choices: Sequence[Choice]) -> bool:
    """Whether anything was realised that no target refuses."""
    return any(
        each.realisation is not None and "unsupported" not in each.before.values()
        for each in choices
    )


def with_reason(choice: Choice, allowed: Exactness, said: str) -> Choice:
    """A choice in which the ways that are no longer allowed lost for the reason that they did."""
    over = EXACTNESSES.index(allowed)
    alternatives = tuple(
        replace(each, lost=said)
        if EXACTNESSES.index(each.exactness) > over and "--allow" in each.lost
        else each
        for each in choice.alternatives
    )
    return replace(choice, alternatives=alternatives)

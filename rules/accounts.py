"""Accounts: whether what the user demands is met, and whether what was accepted still holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from npulint.finding import Finding
from npulint.rules.demands import Measure
from npulint.rules.record import Rule, run_rule, target_rule

if TYPE_CHECKING:
    from npulint.rules.books import Acceptance, OnRun
    from npulint.rules.view import OnTarget

_NOUNS: dict[Measure, str] = {"nodes": "nodes", "macs": "multiply-accumulates"}


@target_rule("NPU901", "coverage-below-minimum", "error", since="0.1.0")
def coverage_below_minimum(here: OnTarget) -> Iterator[Finding]:
    """Finds models of which a target takes less than the share that is demanded.

    Why it matters: a network is planned for an accelerator. A share that shrinks unseen from one
    training or export to the next is a network that moves to the CPU.

    Example: `--min-coverage nnapi-1.2=95`, and 49 of 53 nodes are handed over, which is 92.4 %.

    What to do: cure what the other findings name, or demand what is true. The minimums stand on
    the command line or under `min-coverage` of the configuration.

    Limits: counted is what is handed over for certain. Where the share is not known (it is not
    known how the target cuts, or what an operator takes), and what is certain is too little, the
    finding says that it cannot be told; with `require-known-coverage` that is too little. A model
    without a node, or without a multiply-accumulate, lacks nothing.
    """
    for measure, noun in _NOUNS.items():
        percent = here.demands.minimums.get((here.target.name, measure))
        if percent is None:
            continue
        share = _share(here, measure)
        demanded = f"at least {percent:g} % of the {noun} must be handed over"
        if share is None:
            why = f"{demanded}; it is not known how many some operators take"
            yield from _untold(here, why, measure)
        elif share.reaches(share.most, percent) is False:
            found = share.shown(share.most, percent)
            yield here.whole(f"{demanded}; found {found}", key=measure)
        elif share.reaches(share.least, percent) is False:
            found = share.shown(share.least, percent)
            why = f"{demanded}; found {found} for certain, and more may be{_why_not_known(here)}"
            yield from _untold(here, why, measure)


@run_rule("NPU902", "expired-suppression", "warning", since="0.1.0")
def expired_suppression(here: OnRun) -> Iterator[Finding]:
    """Finds suppressions whose day has passed.

    Why it matters: a suppression with a date is a promise to look again. From the day after it,
    the findings count again.

    Example: a suppression with `until = 2026-06-30` in July.

    What to do: cure what it was about and take it out, or look again and give it another day and a
    reason that is true today.

    Limits: only suppressions of models that were looked at are named.
    """
    for each in here.books.expired:
        still = f"{each.findings} finding{'' if each.findings == 1 else 's'}"
        why = f"accepted until {each.until} and no longer; it matches {still}"
        yield here.finding(f"{_said(each)}: {why}", _key(each), each.file, each.line)


@run_rule("NPU903", "unused-suppression", "info", since="0.1.0")
def unused_suppression(here: OnRun) -> Iterator[Finding]:
    """Finds suppressions that match nothing.

    Why it matters: what is accepted and no longer there hides the next thing that matches.

    Example: a suppression of `refused-operator` for `RESIZE_BILINEAR`, after the network was
    changed to nearest neighbours.

    What to do: take it out. Where it ought to match, compare its place with what the finding says
    in the JSON report: operator, target, fingerprint.

    Limits: named only where all of which the suppression speaks was looked at: its rule ran, its
    target was asked, and its file, or the folder in which its glob lies, was checked. A
    suppression without a file speaks of all models below the configuration's folder.
    """
    for each in here.books.unused:
        yield here.finding(f"{_said(each)}: matches nothing", _key(each), each.file, each.line)


@run_rule("NPU904", "stale-baseline", "info", since="0.1.0")
def stale_baseline(here: OnRun) -> Iterator[Finding]:
    """Finds baselines that accept what is no longer found.

    Why it matters: what is cured may come back unseen as long as the baseline accepts it.

    Example: a model was exported again without its transposed convolutions, and the baseline
    still accepts all four.

    What to do: write the baseline again over itself (`--baseline FILE --write-baseline FILE`),
    which only drops what is gone. With `ratchet = true` in the configuration this is an error, so
    that what was won is kept.

    Limits: findings of rules that did not run, of targets that were not asked and of models that
    were not looked at are not gone, unless the model's file is.
    """
    for each in here.books.gone:
        many = each.findings != 1
        what = f"{each.findings} accepted finding{'s' if many else ''} of {each.model}"
        of = ", ".join(each.codes)
        state = f"{'are' if many else 'is'} gone"
        why = ", and so is the file" if each.missing else ""
        found = here.finding(
            f"{what} ({of}) {state}{why}: write the baseline again to keep it so",
            each.model,
            here.books.baseline,
        )
        yield replace(found, severity="error") if here.books.ratchet else found


@dataclass(frozen=True, slots=True)
class _Share:
    """A share in whole numbers, so that no rounding decides."""

    least: int
    most: int
    total: int

    def reaches(self, part: int, percent: float) -> bool:
        return part * 100 >= Fraction(str(percent)) * self.total

    def shown(self, part: int, percent: float) -> str:
        """Part of the total, rounded so that what is too little never looks like enough."""
        shown = f"{part / self.total * 100:.1f}"
        if float(shown) >= percent:
            shown = f"less than {percent:g}"
        return f"{part:,} of {self.total:,}, which is {shown} %"


def _share(here: OnTarget, measure: Measure) -> _Share | None:
    """What is handed over for certain and at most; None where the counts are not known."""
    least = most = total = 0
    for facts, delegation in zip(here.facts.graphs, here.result.delegations, strict=True):
        counts = facts.macs if measure == "macs" else (1,) * len(facts.graph.nodes)
        for count, delegated in zip(counts, delegation.delegated, strict=True):
            if count is None:
                return None
            least += count if delegated is True else 0
            most += count if delegated is not False else 0
            total += count
    return _Share(least, most, total)


def _untold(here: OnTarget, why: str, measure: Measure) -> Iterator[Finding]:
    """What cannot be told is information, unless the user demands that it be known."""
    if here.demands.known:
        yield here.whole(f"{why}, and what is not known does not count", key=measure)
    else:
        yield replace(here.whole(why, key=measure), severity="info", unknown=True)


def _why_not_known(here: OnTarget) -> str:
    if here.target.partitioning is None:
        return ": it is not known how the runtime cuts this model"
    doubts = {part.doubt for part in here.result.delegations if part.doubt}
    return f": {'; '.join(sorted(doubts))}" if doubts else ""


def _key(acceptance: Acceptance) -> str:
    return f"{acceptance.what}\x1f{acceptance.reason}"


def _said(acceptance: Acceptance) -> str:
    return f"{acceptance.what} ({acceptance.reason})"


RULES: tuple[Rule, ...] = (
    coverage_below_minimum,
    expired_suppression,
    unused_suppression,
    stale_baseline,
)

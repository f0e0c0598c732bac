"""Settings applied to results: severities, suppressions, the baseline, and what they come to."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.config import baseline, globs
from npulint.finding import Finding, ModelResult, Silenced
from npulint.rules import RULES, find_rule, run_accounts
from npulint.rules.books import Acceptance, Books, Gone

if TYPE_CHECKING:
    from npulint.config.baseline import Accepted
    from npulint.config.settings import Section, Settings, Suppression


class Accounts:
    """Keeps account, over one run and no more, of what is found and what of it is accepted.

    Args:
        settings: What the user wants.
        today: The day by which suppressions hold.
        within: Folders all of whose models are to be looked at.

    Raises:
        ConfigError: The baseline cannot be read.
    """

    def __init__(self, settings: Settings, today: date, within: Iterable[Path] = ()) -> None:
        self.settings = settings
        self.today = today
        self.within = tuple(Path(os.path.abspath(each)) for each in within)  # noqa: PTH100
        path = settings.baseline
        self.register = None if path is None else baseline.Register(baseline.load(path))
        self._matched: Counter[Suppression] = Counter()
        self._met: list[tuple[ModelResult, Section]] = []

    def settle(self, result: ModelResult) -> ModelResult:
        """One model's result with severities as wished and without what is accepted."""
        section = self.settings.of(result.path)
        self._met.append((result, section))
        found = tuple(_weighed(result.findings, section))
        result = replace(result, findings=found, fail_on=section.fail_on)
        result = self._suppress(result)
        if self.register is None:
            return result
        allowed = self.register.allowance(result)
        kept: list[Finding] = []
        silenced = list(result.silenced)
        for each in result.findings:
            if allowed[each.fingerprint] > 0 and baseline.may_accept(each):
                allowed[each.fingerprint] -= 1
                silenced.append(Silenced(each, "baseline"))
            else:
                kept.append(each)
        result = replace(result, findings=tuple(kept), silenced=tuple(silenced))
        asked = {each.target.name for each in result.targets}
        self.register.settle(result, lambda accepted: _could_be_found(accepted, section, asked))
        return result

    def close(self) -> tuple[Finding, ...]:
        """What the run shows of what is accepted, after all models."""
        expired, unused = [], []
        for each in self.settings.suppressions:
            spoken_of = [met for met in self._met if self._speaks_of(each, met[0])]
            if each.holds(self.today):
                looked = self._all_looked_at(each, spoken_of)
                unused += [self._shown(each)] if looked and not self._matched[each] else []
            elif any(result.error is None for result, _ in spoken_of):
                expired.append(self._shown(each))
        books = Books(
            expired=tuple(expired),
            unused=tuple(unused),
            gone=self._gone(),
            baseline=self.settings.baseline,
            ratchet=self.settings.ratchet,
        )
        section = self.settings.of(None)
        found = run_accounts(books, section.wants)
        return tuple(_weighed(found, section, keep=self.settings.ratchet))

    def _suppress(self, result: ModelResult) -> ModelResult:
        by_rule: dict[str, list[Suppression]] = {}
        for each in self.settings.suppressions:
            if self._speaks_of(each, result):
                by_rule.setdefault(each.rule, []).append(each)
        kept: list[Finding] = []
        silenced: list[Silenced] = []
        for finding in result.findings:
            of_rule = by_rule.get(finding.code, ())
            meant = [each for each in of_rule if _is_of(each, finding, result)]
            self._matched.update(meant)
            by = next((each for each in meant if each.holds(self.today)), None)
            if by is None:
                kept.append(finding)
            else:
                until = None if by.until is None else by.until.isoformat()
                silenced.append(Silenced(finding, "suppression", by.reason, until))
        return replace(result, findings=tuple(kept), silenced=tuple(silenced))

    def _speaks_of(self, suppression: Suppression, result: ModelResult) -> bool:
        path = globs.relative(result.path, self.settings.folder)
        return suppression.file is None or globs.matches(path, suppression.file)

    def _all_looked_at(
        self, suppression: Suppression, spoken_of: Sequence[tuple[ModelResult, Section]]
    ) -> bool:
        """Whether a suppression would have matched by now if it matched anything."""
        if not any(_asks(suppression, *met) for met in spoken_of):
            return False
        if any(result.error is not None for result, _ in spoken_of):
            return False
        if suppression.file is not None and globs.is_literal(suppression.file):
            return True
        folder = self.settings.folder / globs.fixed_folder(suppression.file or "")
        return any(each == folder or each in folder.parents for each in self.within)

    def _shown(self, suppression: Suppression) -> Acceptance:
        return Acceptance(
            what=_in_words(suppression),
            file=suppression.written_in,
            line=suppression.line,
            reason=suppression.reason,
            until=None if suppression.until is None else suppression.until.isoformat(),
            findings=self._matched[suppression],
        )

    def _gone(self) -> tuple[Gone, ...]:
        """What of the baseline is gone, and is not about to be taken out of it."""
        if self.register is None:
            return ()
        missing = self.register.close()
        gone = sorted(self.register.gone.items())
        return (
            ()
            if self.settings.renewing
            else tuple(
                Gone(
                    model,
                    sum(each.count for each in those),
                    tuple(sorted({each.code for each in those})),
                    missing=model in missing,
                )
                for model, those in gone
            )
        )


def _weighed(
    findings: Iterable[Finding], section: Section, *, keep: bool = False
) -> Iterable[Finding]:
    """Findings as grave as the user wants them; what cannot be told stays information."""
    rules = {rule.code: (rule.severity, section.severity_of(rule)) for rule in RULES}
    for each in findings:
        own, wished = rules[each.code]
        if wished == own or each.unknown or (keep and each.severity != own):
            yield each
        else:
            yield replace(each, severity=wished)


def _is_of(suppression: Suppression, finding: Finding, result: ModelResult) -> bool:
    """Whether a finding is at the place that a suppression of its rule names."""
    if suppression.target not in (None, finding.target):
        return False
    if suppression.fingerprint not in (None, finding.fingerprint):
        return False
    if suppression.operator not in (None, finding.op):
        return False
    if suppression.node is None:
        return True
    if result.model is None or finding.graph is None or finding.index is None:
        return False
    node = result.model.graphs[finding.graph].nodes[finding.index]
    return fnmatchcase(node.name, suppression.node)


def _asks(suppression: Suppression, result: ModelResult, section: Section) -> bool:
    """Whether what a suppression accepts could have been found in a model."""
    rule = find_rule(suppression.rule)
    asked = {each.target.name for each in result.targets}
    return (
        rule is not None
        and section.wants(rule)
        and (suppression.target is None or suppression.target in asked)
    )


def _could_be_found(accepted: Accepted, section: Section, asked: set[str]) -> bool:
    """Whether this run could have found again what was accepted; a rule that is gone cannot."""
    rule = find_rule(accepted.code)
    if rule is None:
        return True
    return section.wants(rule) and (accepted.target is None or accepted.target in asked)


def _in_words(suppression: Suppression) -> str:
    rule = find_rule(suppression.rule)
    said = [rule.name if rule is not None else suppression.rule]
    said += [f"of {suppression.operator}"] if suppression.operator else []
    said += [f"at {suppression.node}"] if suppression.node else []
    said += [f"on {suppression.target}"] if suppression.target else []
    said += [f"in {suppression.file}"] if suppression.file else []
    said += [f"({suppression.fingerprint})"] if suppression.fingerprint else []
    return " ".join(said)

"""What a user wants, as it stands after everything has been read: frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.config import globs, selection
from npulint.rules.demands import Minimums

if TYPE_CHECKING:
    from npulint.finding import FailOn, Severity
    from npulint.rules.record import Rule
    from npulint.sizing.wishes import InputShapes

FAIL_ON: tuple[FailOn, ...] = ("error", "warning", "info", "never")


@dataclass(frozen=True, slots=True)
class Section:
    """What may be wanted of all models or of some; None where nothing is said.

    Attributes:
        targets: Targets and devices to ask.
        select: Words for the rules to run.
        ignore: Words for the rules not to run.
        fail_on: The mildest severity that fails a run.
        severity: Other severities by words for rules; in layers, those that win first.
        min_coverage: The least share that a target must take.
        require_known_coverage: Whether a share that is not known counts as too small.
        input_shapes: Sizes of inputs that files leave open, by their names.
    """

    targets: tuple[str, ...] | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    fail_on: FailOn | None = None
    severity: tuple[Mapping[str, Severity], ...] = ()
    min_coverage: Minimums = field(default_factory=dict)
    require_known_coverage: bool | None = None
    input_shapes: InputShapes | None = None

    def under(self, upper: Section) -> Section:
        """This section with all that another says over it."""
        plain = {
            each.name: getattr(upper, each.name)
            if getattr(upper, each.name) is not None
            else getattr(self, each.name)
            for each in fields(self)
        }
        plain["severity"] = (*upper.severity, *self.severity)
        plain["min_coverage"] = {**self.min_coverage, **upper.min_coverage}
        return Section(**plain)

    def wants(self, rule: Rule) -> bool:
        """Whether a rule is to run."""
        return selection.wanted(rule, self.select, self.ignore)

    def severity_of(self, rule: Rule) -> Severity:
        """How grave a rule's findings are."""
        return selection.severity_of(rule, self.severity)


@dataclass(frozen=True, slots=True)
class PathSection:
    """What is wanted of the models of some paths.

    Attributes:
        files: Globs of the models, from the folder of the configuration on.
        section: What is wanted of them.
    """

    files: tuple[str, ...]
    section: Section


@dataclass(frozen=True, slots=True)
class Suppression:
    """Findings that somebody has accepted, with why.

    Attributes:
        rule: Code of the rule.
        reason: Why they are accepted.
        written_in: The configuration in which that is written.
        line: The line there.
        file: Glob of models, None for all.
        operator: Operator of the node, None for any.
        node: Glob of the node's name, None for any.
        target: Name of the target, None for any.
        fingerprint: Fingerprint of the finding, None for any.
        until: The last day on which it holds, None for ever.
    """

    rule: str
    reason: str
    written_in: Path
    line: int | None
    file: str | None = None
    operator: str | None = None
    node: str | None = None
    target: str | None = None
    fingerprint: str | None = None
    until: date | None = None

    def holds(self, today: date) -> bool:
        """Whether it still holds on a day."""
        return self.until is None or today <= self.until


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a configuration and a command line say.

    Attributes:
        path: The configuration; None where there is none.
        folder: Where globs start from: the folder of the configuration, or the working folder.
        everywhere: What is wanted of all models.
        paths: What is wanted of some models, where the last one that says something wins.
        given: What the command line says, which wins over all.
        suppressions: Findings that are accepted, one by one or by place.
        baseline: File of findings that are accepted as they were found.
        ratchet: Whether findings of the baseline that are gone are errors until it is renewed.
        renewing: Whether the baseline is about to be written again, without what is gone.
    """

    path: Path | None = None
    folder: Path = field(default_factory=Path.cwd)
    everywhere: Section = field(default_factory=Section)
    paths: tuple[PathSection, ...] = ()
    given: Section = field(default_factory=Section)
    suppressions: tuple[Suppression, ...] = ()
    baseline: Path | None = None
    ratchet: bool = False
    renewing: bool = False

    def names(self) -> tuple[str, ...]:
        """The targets that are named, for whichever models."""
        sections = (self.everywhere, *(each.section for each in self.paths), self.given)
        return tuple(name for section in sections for name in section.targets or ())

    def asking_only(self) -> Settings:
        """These settings as far as they say whom to ask, and about which files."""
        return Settings(
            path=self.path,
            folder=self.folder,
            everywhere=_asking(self.everywhere),
            paths=tuple(PathSection(each.files, _asking(each.section)) for each in self.paths),
        )

    def of(self, model: Path | None) -> Section:
        """What is wanted of one model; of the run as a whole for None."""
        found = self.everywhere
        if model is not None:
            path = globs.relative(model, self.folder)
            for each in self.paths:
                if any(globs.matches(path, glob) for glob in each.files):
                    found = found.under(each.section)
        if self.given.select is not None:
            # What is asked for by name is not held back by what is ignored otherwise. A selection
            # is of what to look for in models, so that it brings back no account.
            kept = filter(selection.means_accounts, found.ignore or ())
            found = found.under(Section(ignore=tuple(kept)))
        return found.under(self.given)


def _asking(section: Section) -> Section:
    return Section(targets=section.targets, input_shapes=section.input_shapes)

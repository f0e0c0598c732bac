"""What a run shows of suppressions and of the baseline, and the pen for findings about that."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.finding import Finding
from npulint.rules.identity import fingerprint

if TYPE_CHECKING:
    from npulint.rules.record import Rule


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A suppression, and what this run shows of it.

    Attributes:
        what: What it accepts, in words.
        file: The configuration in which it is written.
        line: The line there.
        reason: Why it was accepted.
        until: The last day on which it holds, `YYYY-MM-DD`; None for ever.
        findings: How many findings it is about.
    """

    what: str
    file: Path
    line: int | None
    reason: str
    until: str | None
    findings: int


@dataclass(frozen=True, slots=True)
class Gone:
    """Findings of the baseline that are no longer found.

    Attributes:
        model: The model, as the baseline names it.
        findings: How many.
        codes: Of which rules.
        missing: Whether the model itself is gone.
    """

    model: str
    findings: int
    codes: tuple[str, ...]
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Books:
    """What a run shows of what the user has accepted.

    Attributes:
        expired: Suppressions that no longer hold, of models that were looked at.
        unused: Suppressions that hold and match nothing, although all of which they speak was
            looked at.
        gone: Findings of the baseline that are no longer found.
        baseline: The baseline's file; None where there is none.
        ratchet: Whether what is gone must be taken out of the baseline.
    """

    expired: tuple[Acceptance, ...] = ()
    unused: tuple[Acceptance, ...] = ()
    gone: tuple[Gone, ...] = ()
    baseline: Path | None = None
    ratchet: bool = False


class OnRun:
    """A whole run as a rule sees it.

    Attributes:
        rule: The rule that looks.
        books: What the run shows.
    """

    def __init__(self, rule: Rule, books: Books) -> None:
        self.rule = rule
        self.books = books

    def finding(self, why: str, key: str, file: Path | None, line: int | None = None) -> Finding:
        """A finding about the run.

        Args:
            why: What is wrong, as a sentence.
            key: What tells it from other findings of the rule.
            file: The file that it is about.
            line: The line there.
        """
        place = "" if file is None else file.name if line is None else f"{file.name}:{line}"
        return Finding(
            code=self.rule.code,
            rule=self.rule.name,
            severity=self.rule.severity,
            message=f"{place}: {why}" if place else why,
            fingerprint=fingerprint(self.rule.code, key),
            file=file,
            line=line,
        )

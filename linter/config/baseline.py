"""The baseline: findings that are accepted as they were found, model by model, in a JSON file."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npulint.config.globs import relative
from npulint.config.selection import ACCOUNTS
from npulint.errors import ConfigError
from npulint.finding import Silenced
from npulint.opsets.document import DocumentError, Part
from npulint.rules.record import FAMILIES

if TYPE_CHECKING:
    from npulint.finding import Finding, ModelResult, Report

FORM = "npulint_baseline"
"""The key that tells a baseline from other JSON, with the version of its form."""

VERSION = 1

_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Accepted:
    """Findings of one identity that are accepted.

    Attributes:
        fingerprint: Their identity.
        code: The rule's code.
        target: The target that they are about, None for the model itself.
        op: The operator, for whoever reads the file.
        count: How many.
    """

    fingerprint: str
    code: str
    target: str | None
    op: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What is accepted of one model.

    Attributes:
        digest: The model's digest, by which it is known again under another name.
        findings: What is accepted.
    """

    digest: str
    findings: tuple[Accepted, ...]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is accepted.

    Attributes:
        path: The file.
        entries: By the path of the model from the file's folder on.
    """

    path: Path
    entries: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many findings are accepted."""
        return sum(each.count for entry in self.entries.values() for each in entry.findings)

    def key(self, model: Path) -> str:
        """What a model is called here."""
        return relative(model, self.path.absolute().parent)

    def missing(self) -> Iterator[str]:
        """Models that are no longer where they were."""
        folder = self.path.absolute().parent
        yield from (key for key in self.entries if not os.path.lexists(folder / key))

    def render(self) -> str:
        """The file's content: a line a finding, in a stable order."""
        lines = ["{", f' "{FORM}": {VERSION},', ' "models": {']
        for number, (key, entry) in enumerate(sorted(self.entries.items())):
            lines.append(f"  {json.dumps(key)}: {{")
            lines.append(f'   "digest": {json.dumps(entry.digest)},')
            lines.append('   "findings": [')
            rows = [json.dumps(_row(each)) for each in entry.findings]
            lines += [f"    {row}," for row in rows[:-1]] + [f"    {row}" for row in rows[-1:]]
            lines += ["   ]", "  }," if number < len(self.entries) - 1 else "  }"]
        return "\n".join([*lines, " }", "}"]) + "\n"


class _TwiceError(ValueError):
    """A key that stands twice in one object, as after a badly resolved merge."""


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, whose keys must differ."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(repr(key))
        found[key] = value
    return found


def load(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        ConfigError: The file cannot be read or is not a baseline of this form.
    """
    try:
        document = Part(json.loads(path.read_bytes(), object_pairs_hook=_once))
    except OSError as error:
        raise ConfigError(path, f"the baseline cannot be read: {error.strerror}") from None
    except _TwiceError as error:
        raise ConfigError(path, f"{error} stands in it twice: which holds is not known") from None
    except (ValueError, RecursionError):
        raise ConfigError(path, _foreign("it is not JSON")) from None
    try:
        if FORM not in document:
            raise ConfigError(path, _foreign(f"there is no {FORM!r} in it"))
        document.words((FORM, "models"))
        version = document.at(FORM).integer()
        if version != VERSION:
            said = f"is of form {version}; this npulint reads form {VERSION}"
            raise ConfigError(path, f"the baseline {said}")
        models = document.at("models")
        return Baseline(path, {key: _entry(models.at(key)) for key in models.words()})
    except DocumentError as fault:
        where = "/".join(map(str, fault.path)) or "the top"
        raise ConfigError(path, _foreign(f"at {where}: {fault.message}")) from None


def of_report(report: Report, path: Path) -> Baseline:
    """A baseline that accepts all findings of a report that no suppression silences."""
    empty = Baseline(path)
    entries = {}
    for result in report.models:
        accepted = tuple(_accepted(_current(result)))
        if accepted and result.model is not None:
            entries[empty.key(result.path)] = Entry(result.model.digest, accepted)
    return replace(empty, entries=entries)


def accept(report: Report) -> Report:
    """A report whose findings about models have just become a baseline."""
    return replace(report, models=tuple(map(_accept, report.models)))


def may_accept(finding: Finding) -> bool:
    """Whether a baseline takes a finding: none about what the user himself demands."""
    return FAMILIES[finding.code[3]] != ACCOUNTS


class Register:
    """A baseline at work: which of its entries each model has, and what is left of them.

    Attributes:
        baseline: The baseline.
        remaining: What it accepts without what is gone, as far as models were looked at.
        gone: What is gone, by the baseline's name of the model.
    """

    def __init__(self, baseline: Baseline) -> None:
        self.baseline = baseline
        self.remaining = dict(baseline.entries)
        self.gone: dict[str, tuple[Accepted, ...]] = {}
        self._missing = set(baseline.missing())

    def allowance(self, result: ModelResult) -> Counter[str]:
        """How many findings of each identity are accepted of a model."""
        key = self._entry_of(result)
        entry = self.baseline.entries.get(key or "")
        return Counter({each.fingerprint: each.count for each in entry.findings} if entry else {})

    def settle(self, result: ModelResult, ran: Callable[[Accepted], bool]) -> None:
        """Put down what is left and what is gone of a model's entry.

        Args:
            result: The model with all its findings, those that are silenced too.
            ran: Whether a run could have found something again.
        """
        key = self._entry_of(result)
        if key is None or result.model is None:
            return
        silenced = (each.finding for each in result.silenced)
        found = Counter(each.fingerprint for each in (*result.findings, *silenced))
        left, gone = [], []
        for each in self.baseline.entries[key].findings:
            still = min(each.count, found[each.fingerprint]) if ran(each) else each.count
            left += [replace(each, count=still)] if still else []
            gone += [replace(each, count=each.count - still)] if still < each.count else []
        del self.remaining[key]
        self._missing.discard(key)
        if left:
            self.remaining[self.baseline.key(result.path)] = Entry(result.model.digest, tuple(left))
        if gone:
            self.gone[key] = tuple(gone)

    def close(self) -> tuple[str, ...]:
        """Put down the models that are no longer there and were not met under another name.

        Returns:
            Those models.
        """
        lost = tuple(sorted(self._missing))
        for key in lost:
            self.gone[key] = self.remaining.pop(key).findings
        return lost

    @property
    def dropped(self) -> int:
        """How many findings are gone."""
        return sum(each.count for those in self.gone.values() for each in those)

    def renewed(self) -> Baseline:
        """The baseline without what is gone."""
        return replace(self.baseline, entries=self.remaining)

    def _entry_of(self, result: ModelResult) -> str | None:
        """The key of a model's entry: its own, or that of a file that is gone and is this one.

        A model is known again by its digest, or else by its file's name where only one that is
        gone has it.
        """
        own = self.baseline.key(result.path)
        if own in self.baseline.entries or result.model is None:
            return own if own in self.remaining else None
        lost = sorted(self._missing)
        entries = self.baseline.entries
        same = [key for key in lost if entries[key].digest == result.model.digest]
        named = [key for key in lost if Path(key).name == result.path.name]
        if same:
            return same[0]
        return named[0] if len(named) == 1 else None


def _current(result: ModelResult) -> Iterable[Finding]:
    before = (each.finding for each in result.silenced if each.by == "baseline")
    return filter(may_accept, (*result.findings, *before))


def _accepted(findings: Iterable[Finding]) -> Iterator[Accepted]:
    kinds: dict[str, Finding] = {}
    counts: Counter[str] = Counter()
    for each in findings:
        kinds.setdefault(each.fingerprint, each)
        counts[each.fingerprint] += 1
    rows = (
        Accepted(key, each.code, each.target, each.op, counts[key]) for key, each in kinds.items()
    )
    yield from sorted(rows, key=lambda row: (row.code, row.target or "", row.fingerprint))


def _accept(result: ModelResult) -> ModelResult:
    taken = tuple(Silenced(each, "baseline") for each in result.findings if may_accept(each))
    kept = tuple(each for each in result.findings if not may_accept(each))
    return replace(result, findings=kept, silenced=(*result.silenced, *taken))


def _row(accepted: Accepted) -> dict[str, Any]:
    return {
        "fingerprint": accepted.fingerprint,
        "code": accepted.code,
        "target": accepted.target,
        "op": accepted.op,
        "count": accepted.count,
    }


def _entry(part: Part) -> Entry:
    part.words(("digest", "findings"))
    findings = tuple(map(_read, part.at("findings").each()))
    if len({each.fingerprint for each in findings}) < len(findings):
        raise part.error("a fingerprint stands there twice", "findings")
    return Entry(part.text_at("digest"), findings)


def _read(part: Part) -> Accepted:
    part.words(("fingerprint", "code", "target", "op", "count"))
    identity = part.text_at("fingerprint")
    if not _FINGERPRINT.fullmatch(identity):
        raise part.error(f"expected 16 hexadecimal digits, found {identity!r}", "fingerprint")
    count = part.at("count").integer()
    if count < 1:
        raise part.error(f"expected 1 or more, found {count}", "count")
    target, op = _named(part, "target"), _named(part, "op")
    return Accepted(identity, part.text_at("code"), target, op, count)


def _named(part: Part, key: str) -> str | None:
    return None if part.at(key).data is None else part.text_at(key)


def _foreign(why: str) -> str:
    return f"not a baseline of npulint ({why}): `--write-baseline` writes one to another file"

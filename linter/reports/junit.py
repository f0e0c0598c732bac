"""The report as JUnit XML, the form in which build servers take test results.

Each model is a test suite. Each rule that looked at it is a test case, once for every target, so
that the names stay the same from build to build: it fails with what it found at or above the
severity that fails a run, and passes with what is milder as its output.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import junitparser

from npulint.finding import fails
from npulint.reports.grouping import grouped
from npulint.reports.wording import printable
from npulint.rules import RULES

if TYPE_CHECKING:
    from npulint.finding import FailOn, Finding, ModelResult, Report, Silenced
    from npulint.rules.record import Rule


def render(report: Report, fail_on: FailOn) -> str:
    """Draw a report as JUnit XML, ending in a newline."""
    document = junitparser.JUnitXml("npulint")
    for result in report.models:
        suite = junitparser.TestSuite(printable(str(result.path)))
        suite.add_testcases(list(_cases(result, result.fail_on or fail_on)))
        suite.update_statistics()
        document.append(suite)
    if report.findings:
        suite = junitparser.TestSuite("npulint")
        suite.add_testcases(list(_about_the_run(report, fail_on)))
        suite.update_statistics()
        document.append(suite)
    text: str = document.tostring().decode("utf-8")
    return text.rstrip("\n") + "\n"


def _cases(result: ModelResult, fail_on: FailOn) -> Iterator[Any]:
    if result.error is not None:
        yield _case("npulint", "read", [junitparser.Error(printable(result.error), "unreadable")])
        return
    yield _case("npulint", "read", [])
    found: dict[tuple[str, str | None], list[Finding]] = {}
    accepted: dict[tuple[str, str | None], list[Silenced]] = {}
    for finding in result.findings:
        found.setdefault((finding.code, finding.target), []).append(finding)
    for each in result.silenced:
        accepted.setdefault((each.finding.code, each.finding.target), []).append(each)
    asked: list[str | None] = [None, *(each.target.name for each in result.targets)]
    for about in asked:
        scope = "model" if about is None else "target"
        for rule in RULES:
            key = rule.code, about
            if rule.scope == scope or key in found or key in accepted:
                yield _of_rule(rule, about, found.get(key, ()), accepted.get(key, ()), fail_on)


def _about_the_run(report: Report, fail_on: FailOn) -> Iterator[Any]:
    """What was found of suppressions and the baseline."""
    for rule in RULES:
        found = [each for each in report.findings if each.code == rule.code]
        if rule.scope == "run":
            yield _of_rule(rule, "run", found, (), fail_on)


def _of_rule(
    rule: Rule,
    about: str | None,
    found: Sequence[Finding],
    accepted: Sequence[Silenced],
    fail_on: FailOn,
) -> Any:
    bad = [each for each in found if fails(each, fail_on)]
    mild = [each for each in found if not fails(each, fail_on)]
    outcome = []
    if bad:
        failure = junitparser.Failure(_headline(bad), rule.code)
        failure.text = _listed(bad)
        outcome.append(failure)
    elif accepted:
        reasons = dict.fromkeys(each.reason or "accepted by the baseline" for each in accepted)
        outcome.append(junitparser.Skipped(printable("; ".join(reasons))))
    case = _case(f"npulint.{about or 'model'}", f"{rule.code} {rule.name}", outcome)
    if mild:
        case.system_out = _listed(mild)
    return case


def _case(classname: str, name: str, outcome: list[Any]) -> Any:
    case = junitparser.TestCase(printable(name), printable(classname), 0)
    if outcome:
        case.result = outcome
    return case


def _headline(found: Sequence[Finding]) -> str:
    first = grouped(found)[0].first
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return printable(first.message) + more


def _listed(found: Sequence[Finding]) -> str:
    """One line for each thing found, with its place and the sources of what shows it."""
    lines = []
    for group in grouped(found):
        where = group.where()
        lines.append(f"{group.first.severity}: {group.first.message}{where and f' ({where})'}")
        lines += [f"  [{each.source}]" for each in group.first.evidence]
        lines += [f"  npulint explain {name}" for name in group.first.fixes]
    return "\n".join(map(printable, lines)) + "\n"

"""JUnit XML: valid by Jenkins' schema, read by parsers of others, and true to the report."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
import xunitparserx
from junit2htmlreport.parser import Junit
from lxml import etree
from made import hostile, real
from tools import JUNIT_SCHEMA, needed

from npulint.finding import Report
from npulint.reports.junit import render
from npulint.rules import RULES

REPORTS = {"real": real, "hostile": hostile}


@pytest.fixture(scope="module", params=REPORTS)
def report(request: pytest.FixtureRequest) -> Report:
    return REPORTS[request.param]()


def test_the_schema_of_the_xunit_plugin_accepts_it(report: Report) -> None:
    schema = etree.XMLSchema(etree.parse(needed(JUNIT_SCHEMA)))
    schema.assertValid(etree.fromstring(render(report, "error").encode()))


def test_other_parsers_count_the_same(report: Report, tmp_path: Path) -> None:
    text = render(report, "error")
    _, counted = xunitparserx.parse(StringIO(text))
    path = tmp_path / "junit.xml"
    path.write_text(text, encoding="utf-8")
    suites = Junit(str(path)).suites
    failing = {(r.path, f.target, f.code) for r in report.models for f in r.findings
               if f.severity == "error"}  # fmt: skip
    assert len(counted.failures) == len(failing)
    assert len(counted.errors) == sum(r.error is not None for r in report.models)
    assert [suite.name for suite in suites]
    assert sum(len(suite.all()) for suite in suites) == counted.testsRun


def test_names_stay_whether_or_not_something_is_found() -> None:
    def names(report: Report) -> set[tuple[str, str]]:
        cases = etree.fromstring(render(report, "error").encode()).iter("testcase")
        return {(case.get("classname"), case.get("name")) for case in cases}

    found = names(real("nnapi-1.1"))
    assert found == names(real("nnapi-1.1"))
    expected = {f"{rule.code} {rule.name}" for rule in RULES if rule.scope == "target"}
    assert {name for about, name in found if about == "npulint.nnapi-1.1"} == expected


def test_the_threshold_decides_what_fails() -> None:
    report = real("nnapi-1.1")

    def failing(threshold: str) -> int:
        document = etree.fromstring(render(report, threshold).encode())  # type: ignore[arg-type]
        return sum(1 for _ in document.iter("failure"))

    assert failing("never") == 0 < failing("error") < failing("warning")


def test_what_is_accepted_is_skipped_with_its_reason() -> None:
    from dataclasses import replace

    report = hostile()
    only = replace(report.models[0], findings=())
    document = etree.fromstring(render(Report((only,)), "error").encode())
    (skipped,) = document.iter("skipped")
    assert "\\u202e" in skipped.get("message")

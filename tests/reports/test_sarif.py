"""SARIF: valid by the official schema and the SDK's validator, and true to the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from made import hostile, real
from tools import SARIF_SCHEMA, needed, validate_sarif

from npulint.finding import Report
from npulint.reports.sarif import render
from npulint.rules import find_rule

REPORTS = {"real": real, "hostile": hostile}


@pytest.fixture(scope="module", params=REPORTS)
def report(request: pytest.FixtureRequest) -> Report:
    return REPORTS[request.param]()


@pytest.fixture
def log(report: Report) -> Any:
    return json.loads(render(report, "error"))


def test_the_official_schema_accepts_it(log: Any) -> None:
    schema = json.loads(needed(SARIF_SCHEMA).read_text(encoding="utf-8-sig"))
    jsonschema.Draft202012Validator(schema).validate(log)


def test_the_validator_of_the_sdk_has_nothing_to_say(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "log.sarif"
    path.write_text(render(report, "error"), encoding="utf-8")
    # npulint has no address of its own to give.
    assert [line for line in validate_sarif(path) if "'informationUri'" not in line] == []


def test_every_finding_is_a_result_of_its_rule(report: Report, log: Any) -> None:
    (run,) = log["runs"]
    findings = list(report.all_findings())
    silenced = [s for r in report.models for s in r.silenced]
    open_results = [r for r in run["results"] if not r["suppressions"]]
    assert [r["partialFingerprints"]["npulint/v1"] for r in open_results] == [
        f.fingerprint for f in findings
    ]
    assert len(run["results"]) == len(findings) + len(silenced)
    for result in run["results"]:
        descriptor = run["tool"]["driver"]["rules"][result["ruleIndex"]]
        assert descriptor["id"] == result["ruleId"]
        rule = find_rule(result["ruleId"])
        assert rule is not None
        assert descriptor["help"]["text"] == rule.page
        assert f"# {rule.code}: {rule.name}" in descriptor["help"]["markdown"]
        assert (result["level"] == "none") is (result["kind"] == "open")


def test_what_could_not_be_read_is_told(log: Any) -> None:
    (invocation,) = log["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    assert "made.py" in notification["message"]["text"]


def test_cures_and_acceptance_are_told() -> None:
    results = json.loads(render(hostile(), "error"))["runs"][0]["results"]
    first, unsure, accepted, _ = results
    assert "npulint explain transpose-conv/sub-pixel" in first["fixes"][0]["description"]["text"]
    assert first["suppressions"] == unsure["suppressions"] == []
    assert accepted["suppressions"][0]["justification"].endswith("(until 2030-01-01)")


def test_paths_below_the_working_folder_are_relative(monkeypatch: pytest.MonkeyPatch) -> None:
    report = real()
    monkeypatch.chdir(report.models[0].path.parent)
    run = json.loads(render(report, "error"))["runs"][0]
    assert run["artifacts"][0]["location"] == {
        "uri": "unet_small.tflite",
        "uriBaseId": "%SRCROOT%",
    }
    monkeypatch.chdir("/")
    monkeypatch.chdir(Path(__file__).parent)
    run = json.loads(render(report, "error"))["runs"][0]
    assert run["artifacts"][0]["location"]["uri"].startswith("file:///")

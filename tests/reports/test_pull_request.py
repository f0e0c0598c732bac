"""The Markdown of a pull request: what a reader of GitHub's Markdown makes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from made import hostile, real
from markdown_it import MarkdownIt

from npulint.finding import Finding, ModelResult, Report
from npulint.reports.pull_request import render

READER = MarkdownIt("commonmark").enable("table")


def test_each_model_has_its_section_and_table() -> None:
    report = real()
    html = READER.render(render(report, "error"))
    assert html.count("<h3>") == len(report.models)
    assert html.count("<table>") == 3  # both models, and the overview
    assert "<td>73.6 %</td>" in html


def test_what_fails_is_outside_the_fold() -> None:
    text = render(real("nnapi-1.1"), "error")
    outside = text.partition("<details>")[0]
    assert "**error** NPU101" in outside
    assert "**warning**" not in outside
    assert "**warning** NPU204" in text
    assert "**warning** NPU204" in render(real("nnapi-1.1"), "warning").partition("<details>")[0]


def test_hostile_text_makes_no_markup() -> None:
    html = READER.render(render(hostile(), "error"))
    assert "<script" not in html
    assert "\x1b" not in html
    assert "\u202e" not in html


def test_a_comment_stays_within_what_github_takes() -> None:
    finding = Finding("NPU101", "refused-operator", "error", "x" * 900)
    findings = tuple(replace(finding, message=f"{n} {finding.message}") for n in range(30))
    report = Report(tuple(ModelResult(Path(f"{n}.onnx"), findings=findings) for n in range(40)))
    many = replace(report, models=real("nnapi-1.1").models[:1] * 200)
    for each in (report, many):
        text = render(each, "error")
        assert len(text) <= 65_536
    assert "would not fit into a comment" in render(many, "error").splitlines()[-1]


def test_everything_accepted_is_well() -> None:
    text = render(Report((ModelResult(Path("m.onnx")),)), "error")
    assert ":white_check_mark: **1 model**: 0 errors, 0 warnings" in text

"""What grows old: counted from a day that is given, and never from a clock of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from graph_text import model

import npulint
from npulint.errors import UsageError
from npulint.finding import TargetResult
from npulint.rules import run_rules

SIMPLE = """
    x: float32[1,8]
    RELU (x) -> y
    y: float32[1,8]
"""


def dated(day: str) -> TargetResult:
    (result,) = npulint.check(model(SIMPLE), ["nnapi-1.2"]).models
    (asked,) = result.targets
    return replace(asked, target=replace(asked.target, date=day))


@pytest.mark.parametrize(
    ("source", "today", "aged"),
    [
        ("2026-03-01", date(2028, 3, 1), False),
        ("2026-03-01", date(2028, 3, 2), True),
        ("2026-02-28", date(2028, 2, 29), False),
        ("2026-03", date(2028, 3, 31), False),
        ("2026-03", date(2028, 4, 1), True),
        ("2026-12", date(2028, 12, 31), False),
        ("2026", date(2028, 12, 31), False),
        ("2026", date(2029, 1, 1), True),
    ],
)
def test_a_source_is_old_after_two_years(source: str, today: date, aged: bool) -> None:
    found = run_rules(model(SIMPLE), [dated(source)], today=today)
    assert [each.code for each in found if each.code == "NPU505"] == ["NPU505"] * aged


def test_without_a_day_nothing_is_old_or_recent() -> None:
    found = run_rules(model(SIMPLE), [dated("1999-01-01")])
    assert not {each.code for each in found} & {"NPU504", "NPU505"}


def test_the_day_of_a_report_can_be_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    for year, aged in ((2026, False), (2036, True)):
        seconds = (date(year, 12, 1) - date(1970, 1, 1)).days * 86_400
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(seconds))
        (result,) = npulint.check(model(SIMPLE), ["nnapi-1.2"]).models
        assert any(each.code == "NPU505" for each in result.findings) is aged
    for wrong in ("yesterday", str(10**20)):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", wrong)
        with pytest.raises(UsageError, match="expected seconds since 1970"):
            npulint.check(model(SIMPLE), ["nnapi-1.2"])


def test_releases_are_in_order_and_agree_with_files_of_the_converter() -> None:
    from npulint.operators import releases

    folder = Path(__file__).parents[2] / "reference_models" / "exports"
    for path in folder.glob("*.tflite"):
        loaded = npulint.load(path)
        oldest = releases.oldest_runtime(loaded)
        assert oldest is not None
        assert releases.written(oldest[0]) == loaded.minimum_runtime
    assert releases.published((2, 16, 0)) == "2024-03-09", "2.16.1 was the first of its kind"
    assert releases.published((99,)) is None
    days = [releases.published(release) for release in ((1, 14, 0), (2, 3, 0), (2, 21, 0))]
    assert days == sorted(filter(None, days))

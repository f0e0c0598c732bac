"""How much of each sweep a test run takes: a sample, or with `--full` everything."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("sample", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("full", max_examples=2000, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full",
        action="store_true",
        default=bool(os.environ.get("NPULINT_FULL")),
        help="run every sweep in full instead of a sample (also: NPULINT_FULL=1)",
    )


TODAY = "1796083200"
"""2026-12-01, the day of every test: no report hangs on when it is drawn."""


@pytest.fixture(scope="session", autouse=True)
def nothing_remembered(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Exports of reference networks are kept from run to run; answers of the linter never are.

    A file stands where their folder would be. Tests of what is remembered have one of their own.
    """
    from npulint.reference_models import cache

    os.environ["NPULINT_CACHE"] = str(cache.folder())
    blocked = tmp_path_factory.mktemp("cache") / "npulint"
    blocked.write_text("", encoding="utf-8")
    os.environ["XDG_CACHE_HOME"] = str(blocked.parent)


def pytest_configure(config: pytest.Config) -> None:
    os.environ["SOURCE_DATE_EPOCH"] = TODAY
    full = bool(config.getoption("--full"))
    settings.load_profile("full" if full else "sample")


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether this run takes every case of a sweep."""
    return bool(request.config.getoption("--full"))

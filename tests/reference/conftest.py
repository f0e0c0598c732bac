"""Which networks a sweep over all of them takes."""

from __future__ import annotations

import pytest
from sample import SAMPLE

from npulint.reference_models import CATALOGUE


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give tests that take `swept` a sample of the networks' names, or with `--full` all."""
    if "swept" in metafunc.fixturenames:
        full = metafunc.config.getoption("--full")
        metafunc.parametrize("swept", CATALOGUE if full else SAMPLE)

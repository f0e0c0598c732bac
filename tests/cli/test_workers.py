"""Work that several processes share: in order, prepared once each, and what a death says."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

import pytest

from npulint.errors import NpulintError
from npulint.workers import spread, spread_prepared


def prepared(factor: int) -> Callable[[int], tuple[int, int]]:
    mark = os.getpid()
    return lambda item: (item * factor, mark)


def dying(item: int) -> int:
    if item == 3:
        os._exit(1)
    return item


@pytest.mark.parametrize("jobs", [1, 2])
def test_in_order_and_told(jobs: int) -> None:
    steps: list[int] = []
    found = list(spread(abs, [-3, 1, -2], jobs=jobs, progress=steps.append))
    assert found == [3, 1, 2]
    assert steps == [-3, 1, -2]


def test_what_is_prepared_need_not_travel() -> None:
    found = list(spread_prepared(partial(prepared, 10), range(8), jobs=2))
    assert [number for number, _ in found] == list(range(0, 80, 10))
    assert os.getpid() not in {process for _, process in found}


def test_a_process_that_dies_is_one_clear_line() -> None:
    with pytest.raises(NpulintError, match="try again with --jobs 1"):
        list(spread(dying, range(6), jobs=2))

"""Work that several processes share."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(
    task: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    jobs: int = 1,
    progress: Callable[[Item], None] | None = None,
) -> Iterator[Result]:
    """Do something with each item, and yield the results in the items' order.

    Args:
        task: What to do; where processes share the work, it and its results must travel.
        items: What to do it with.
        jobs: How many processes share the work.
        progress: Called with each item when its turn comes.
    """
    with ExitStack() as stack:
        results: Iterator[Result] = map(task, items)
        if jobs > 1 and len(items) > 1:
            # Fresh processes: frameworks do not survive being forked.
            context = multiprocessing.get_context("spawn")
            pool = ProcessPoolExecutor(min(jobs, len(items)), mp_context=context)
            stack.callback(pool.shutdown, cancel_futures=True)
            results = pool.map(task, items)
        for item in items:
            if progress is not None:
                progress(item)
            yield next(results)

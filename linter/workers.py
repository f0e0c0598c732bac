"""Work that several processes share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from npulint.errors import NpulintError

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

    Raises:
        NpulintError: A process ended in the middle of its work.
    """
    yield from spread_prepared(_Ready(task), items, jobs=jobs, progress=progress)


class _Ready:
    """A task that needs no preparation, in a form that travels."""

    def __init__(self, task: Callable[[Item], Result]) -> None:
        self._task = task

    def __call__(self) -> Callable[[Any], Any]:
        return self._task


def spread_prepared(
    prepare: Callable[[], Callable[[Item], Result]],
    items: Sequence[Item],
    *,
    jobs: int = 1,
    progress: Callable[[Item], None] | None = None,
) -> Iterator[Result]:
    """As `spread`, with a task that each process prepares once.

    Args:
        prepare: Makes what is to be done; it travels where processes share the work, and what
            it makes need not.
        items: What to do it with.
        jobs: How many processes share the work.
        progress: Called with each item when its turn comes.

    Raises:
        NpulintError: A process ended in the middle of its work.
    """
    if jobs > 1 and len(items) > 1:
        yield from _shared(prepare, items, min(jobs, len(items)), progress)
        return
    task = prepare()
    for item in items:
        if progress is not None:
            progress(item)
        yield task(item)


def _shared(
    prepare: Callable[[], Callable[[Item], Result]],
    items: Sequence[Item],
    jobs: int,
    progress: Callable[[Item], None] | None,
) -> Iterator[Result]:
    # What one process alone never needs takes a while to import.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    # Fresh processes: frameworks do not survive being forked.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(prepare,))
    try:
        results = pool.map(_work, items)
        for item in items:
            if progress is not None:
                progress(item)
            yield next(results)
    except BrokenProcessPool as error:
        raise NpulintError(
            "a process that shared the work ended in the middle of it, perhaps for want of "
            "memory: try again with --jobs 1"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_task: Callable[[Any], Any] | None = None
"""What this process does with each item, where it is one of several that share work."""


def _begin(prepare: Callable[[], Callable[[Any], Any]]) -> None:
    global _task  # noqa: PLW0603 - the only way into a worker process
    _task = prepare()


def _work(item: Any) -> Any:
    if _task is None:
        raise RuntimeError("a worker was not prepared")
    return _task(item)

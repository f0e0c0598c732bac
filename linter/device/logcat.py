"""Android's log taken apart: whose line is it, and how often was it said?

Formats are those of `logcat -v` (platform/system/logging liblog/logger_write and logprint.cpp,
`android_log_formatLogLine`), with the modifiers `year`, `zone`, `usec`, `epoch`, `monotonic` and
`uid`, and those in which Android Studio saves what it shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a log.

    Attributes:
        message: What was said.
        process: Who said it, None where that is not told.
        thread: In which thread, None where that is not told.
        tag: Under which tag, None for lines that are not logcat's.
        times: How often: the logger leaves out repetitions.
        lost: How many lines the logger says it dropped here; then there is no message.
    """

    message: str
    process: int | None = None
    thread: int | None = None
    tag: str | None = None
    times: int = 1
    lost: int = 0


_STAMP = r"(?:(?:\d{4}-)?\d\d-\d\d\s+\d\d:\d\d:\d\d\.\d{3,9}(?:\s+[+-]\d{4})?|\s*\d{1,12}\.\d{3,9})"
_LEVEL = r"[VDIWEFAS]"
_TAG = r"(?P<tag>\S(?:.{0,126}?\S)?|)\s*"
_ENDS = r":(?: (?P<message>.*)|)$"

_FORMATS = tuple(
    re.compile(form)
    for form in (
        # threadtime, what `adb logcat` prints unless it is told otherwise
        rf"{_STAMP}\s+(?:\w+\s+)?(?P<pid>\d{{1,9}})\s+(?P<tid>\d{{1,9}})\s+{_LEVEL}\s+{_TAG}{_ENDS}",
        # Android Studio until 2021
        rf"{_STAMP}\s+(?P<pid>\d{{1,9}})-(?P<tid>\d{{1,9}})/\S+\s+{_LEVEL}/{_TAG}{_ENDS}",
        # Android Studio since 2022
        rf"{_STAMP}\s+(?P<pid>\d{{1,9}})-(?P<tid>\d{{1,9}})\s+(?P<tag>\S+)\s+\S+\s+{_LEVEL}(?:  "
        r"(?P<message>.*)|)$",
        # time and brief
        rf"(?:{_STAMP}\s+)?{_LEVEL}/{_TAG}\(\s*(?:\w+:\s*)?(?P<pid>\d{{1,9}})\){_ENDS}",
        # process
        rf"{_LEVEL}\(\s*(?:\w+:\s*)?(?P<pid>\d{{1,9}})\) (?P<message>.*)  \((?P<tag>[^()]*)\)$",
        # thread
        rf"{_LEVEL}\(\s*(?:\w+:\s*)?(?P<pid>\d{{1,9}}):\s*(?P<tid>\d{{1,9}})\) (?P<message>.*)$",
        # tag
        rf"{_LEVEL}/(?P<tag>[\w.$-]{{1,127}})\s*{_ENDS}",
    )
)
_LONG = re.compile(
    rf"\[ {_STAMP}\s+(?:\w+:\s*)?(?P<pid>\d{{1,9}}):\s*(?P<tid>\d{{1,9}})\s+{_LEVEL}/"
    r"(?P<tag>.{0,127}?)\s*\]$"
)
_MARK = re.compile(r"-+ (?:beginning of|switch to) \w+$")
_LEFT_OUT = re.compile(r"uid=\S.*\b(identical|expire) (\d{1,9}) lines?$")


def entries(lines: Iterable[str]) -> Iterator[Entry]:
    """Take a log apart, logcat's or another's.

    Repetitions that the logger left out (`chatty ... identical 4 lines`) are said once more, with
    how often; what it dropped is told by entries without a message.

    Args:
        lines: The lines, from the first to the last.
    """
    last: dict[tuple[int | None, int | None], Entry] = {}
    block: Entry | None = None
    for line in lines:
        if head := _LONG.match(line):
            block = _entry(head, "")
            continue
        if block is not None:
            if line:
                yield from _told(replace(block, message=line), last)
            continue
        if _MARK.match(line):
            yield Entry("")
            continue
        yield from _told(_taken_apart(line), last)


def _taken_apart(line: str) -> Entry:
    for form in _FORMATS:
        if found := form.match(line):
            return _entry(found, found["message"] or "")
    return Entry(line)


def _entry(found: re.Match[str], message: str) -> Entry:
    parts = found.groupdict()
    process, thread = parts.get("pid"), parts.get("tid")
    return Entry(
        message,
        None if process is None else int(process),
        None if thread is None else int(thread),
        parts.get("tag") or "",
    )


def _told(entry: Entry, last: dict[tuple[int | None, int | None], Entry]) -> Iterator[Entry]:
    """An entry, or what the logger's own remark stands for."""
    who = (entry.process, entry.thread)
    left_out = _LEFT_OUT.match(entry.message) if entry.tag == "chatty" else None
    if left_out is None:
        last[who] = entry
        yield entry
    elif left_out[1] == "identical" and who in last:
        yield replace(last[who], times=int(left_out[2]))
    else:
        yield Entry("", *who, tag="chatty", lost=int(left_out[2]))

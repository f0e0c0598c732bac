"""What an earlier run said, for a run whose files and wishes are as they were.

An answer is known by all that it hangs on apart from the files that were read: the command's
options, the working folder, npulint and the packages beside it, the configurations that may
apply, the day. The files are known by size and time stamp. One whose time stamp alone has changed,
as in a fresh clone, is read again, without its weights, and known by its digest.

Nothing here imports what linting needs, so that an answer costs next to nothing.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import npulint
from npulint import caches

if TYPE_CHECKING:
    from npulint.model import Model

LIMIT = 64 * 2**20
"""Bytes that all answers together may take."""

_SETTLED_NS = 2 * 10**9
"""A file that was written less than this before the answer may change without a new time stamp:
file systems count in steps of up to two seconds (FAT)."""

_CONFIGURATIONS = ("npulint.toml", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run said.

    Attributes:
        out: What it printed.
        code: Its exit code.
    """

    out: str
    code: int


@dataclass(frozen=True, slots=True)
class Mark:
    """By what a file is known again.

    Attributes:
        path: The file, absolute.
        size: Its bytes.
        stamp: When it was changed, in nanoseconds.
        digest: The digest of a model, `WEIGHTS`, or empty for a file that is known by its time
            stamp alone.
    """

    path: str
    size: int
    stamp: int
    digest: str = ""


WEIGHTS = "weights"
"""The mark of a file of weights beside a model. What is read of it, small tensors, is part of the
model's digest; of the rest no answer hangs on more than the size."""


def mark(path: Path, digest: str = "") -> Mark | None:
    """Look at a file; None where it is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return Mark(str(path.absolute()), status.st_size, status.st_mtime_ns, digest)


def marks_of(model: Model, *, weighed: bool = False) -> Iterator[Mark | None]:
    """The marks of a model's file and of those of its weights.

    Args:
        model: The model.
        weighed: Whether weights had a say: some cures of refused nodes hang on what kernels hold.
            Such a model is known by its time stamp alone.
    """
    for path in sorted(model.files):
        if weighed:
            yield mark(path)
        else:
            yield mark(path, model.digest if path == model.path else WEIGHTS)


class Question:
    """One run, as far as it hangs on anything but the contents of its files."""

    def __init__(
        self, wishes: Mapping[str, object], models: Sequence[Path], today: datetime.date
    ) -> None:
        """Take down a question.

        Args:
            wishes: The options and all else that shapes the answer, in plain words and numbers.
            models: The files that are asked about.
            today: The day: what is accepted until some day, and the age of tables, hang on it.
        """
        self._asked = time.time_ns()
        state = hashlib.sha256()
        parts = (
            json.dumps(dict(wishes), sort_keys=True, default=str),
            json.dumps([os.fspath(path) for path in models]),
            str(Path.cwd()),
            today.isoformat(),
            *_installation(),
            *map(repr, _configurations()),
        )
        for part in parts:
            state.update(part.encode(errors="surrogateescape") + b"\0")
        self._place = caches.folder("answers") / f"{state.hexdigest()[:40]}.json"

    def answer(self) -> Answer | None:
        """What was said before, where every file is as it was."""
        content = caches.find(self._place)
        if content is None:
            return None
        try:
            kept = json.loads(content)
            marks = [Mark(*each) for each in kept["files"]]
            found = Answer(kept["out"], kept["code"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return None  # not ours, or of another version
        if not (isinstance(found.out, str) and type(found.code) is int and all(map(_sound, marks))):
            return None
        fresh = _all_same(marks)
        if fresh is None:
            return None
        if fresh != marks:
            self._write(found, fresh)
        return found

    def keep(self, answer: Answer, files: Iterable[Mark | None]) -> None:
        """Keep what was said, unless a file that it hangs on is gone or too young to be known.

        One that changed after the question may have been read before that.
        """
        marks = list(files)
        if any(each is None or self._asked - each.stamp < _SETTLED_NS for each in marks):
            return
        self._write(answer, [each for each in marks if each is not None])

    def _write(self, answer: Answer, marks: Sequence[Mark]) -> None:
        entry = {
            "files": [(each.path, each.size, each.stamp, each.digest) for each in marks],
            "out": answer.out,
            "code": answer.code,
        }
        caches.keep(self._place, json.dumps(entry).encode(), LIMIT)


def _sound(known: Mark) -> bool:
    """Whether a mark that was read has the form of one."""
    return (
        isinstance(known.path, str)
        and isinstance(known.digest, str)
        and isinstance(known.size, int)
        and isinstance(known.stamp, int)
    )


def _all_same(marks: Sequence[Mark]) -> list[Mark] | None:
    """The files' marks of now, where all are still what they were."""
    fresh = []
    for known in marks:
        now = mark(Path(known.path), known.digest)
        if now is None or now.size != known.size:
            return None
        fresh.append(now)
    pairs = list(zip(marks, fresh, strict=True))
    # Nobody notes which model a file of weights belongs to: all are looked at again.
    weights = any(k.digest == WEIGHTS and k.stamp != now.stamp for k, now in pairs)
    for known, now in pairs:
        doubtful = weights or now.stamp != known.stamp
        if doubtful and known.digest != WEIGHTS and not _same(known, now):
            return None
    return fresh


def _same(known: Mark, now: Mark) -> bool:
    """Whether a file of which the time stamp says nothing is still what it was."""
    if not known.digest:
        return known.stamp == now.stamp
    if time.time_ns() - now.stamp < _SETTLED_NS:
        return False
    from npulint.errors import ModelFileError
    from npulint.formats import load

    try:
        return load(Path(known.path)).digest == known.digest
    except ModelFileError:
        return False


def _installation() -> Iterator[str]:
    """Npulint as it is installed, and the packages beside it, which may bring targets."""
    yield npulint.__version__
    yield sys.version
    for name in ("npulint", "npulint.opsets", "npulint.rules", "npulint.fixers"):
        found_at = find_spec(name)
        for folder in () if found_at is None else found_at.submodule_search_locations or ():
            yield str(_newest(Path(folder)))
    for place in sys.path:
        yield repr(mark(Path(place)) if place else None)


def _newest(folder: Path) -> int:
    """The newest time stamp below a folder."""
    newest = 0
    for place, _, names in os.walk(folder):
        for name in names:
            if not name.endswith(".pyc"):
                newest = max(newest, os.stat(os.path.join(place, name)).st_mtime_ns)  # noqa: PTH116, PTH118
    return newest


def _configurations() -> Iterator[Mark | None]:
    """Every file from the working folder upwards that a configuration is, or would be, found in."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        for name in _CONFIGURATIONS:
            yield mark(folder / name)

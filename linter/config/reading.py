"""Reading a configuration strictly: every slip is named with its line and what was meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar, cast

from npulint import opsets
from npulint.config import selection, toml
from npulint.config.globs import relative
from npulint.config.settings import (
    FAIL_ON,
    PathSection,
    Section,
    Settings,
    Suppression,
)
from npulint.errors import TargetError, UsageError
from npulint.finding import SEVERITIES, FailOn, Severity
from npulint.opsets.document import DocumentError, Part
from npulint.rules import find_rule
from npulint.rules.demands import MEASURES, Measure, Minimums
from npulint.sizing.wishes import InputShapes, read_wish

SECTION_KEYS = (
    "targets", "select", "ignore", "severity", "fail-on", "min-coverage", "require-known-coverage",
    "input-shapes",
)  # fmt: skip
TOP_KEYS = (*SECTION_KEYS, "baseline", "ratchet", "paths", "suppressions")
PLACE_KEYS = ("file", "operator", "node", "target", "fingerprint")
SUPPRESSION_KEYS = ("rule", "reason", "until", *PLACE_KEYS)

_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

T = TypeVar("T")


def load(path: Path) -> Settings:
    """Read a configuration.

    Args:
        path: An `npulint.toml`, or a `pyproject.toml` with a `tool.npulint`.

    Raises:
        ConfigError: The file cannot be read, or says something that npulint does not know.
        TableError: It names a table of the user's own that is at fault.
    """
    document = toml.read(path)
    try:
        return _Reader(document).settings()
    except DocumentError as fault:
        raise document.error(fault) from None


class _Reader:
    """Makes settings of a document."""

    def __init__(self, document: toml.Document) -> None:
        self.document = document
        self.folder = document.path.absolute().parent

    def settings(self) -> Settings:
        top = self.document.part
        top.words(TOP_KEYS)
        return Settings(
            path=self.document.path,
            folder=self.folder,
            everywhere=self.section(top),
            paths=tuple(map(self.path_section, top.list_at("paths"))),
            suppressions=tuple(map(self.suppression, top.list_at("suppressions"))),
            baseline=_optional(top, "baseline", lambda part: self.folder / part.text()),
            ratchet=bool(_optional(top, "ratchet", Part.boolean)),
        )

    def section(self, part: Part) -> Section:
        return Section(
            targets=_optional(part, "targets", self.targets),
            select=_optional(part, "select", _rules),
            ignore=_optional(part, "ignore", _rules),
            fail_on=_optional(part, "fail-on", _fail_on),
            severity=(_severities(part.at("severity")),) if "severity" in part else (),
            min_coverage=_optional(part, "min-coverage", self.minimums) or {},
            require_known_coverage=_optional(part, "require-known-coverage", Part.boolean),
            input_shapes=_optional(part, "input-shapes", _shapes),
        )

    def path_section(self, part: Part) -> PathSection:
        said = part.words(("files", *SECTION_KEYS))
        files = _globs(part.at("files"))
        if len(said) == 1:
            raise part.error(f"says nothing about these files: {_one_of(SECTION_KEYS)} is expected")
        return PathSection(files, self.section(part))

    def suppression(self, part: Part) -> Suppression:
        said = part.words(SUPPRESSION_KEYS)
        rule = find_rule(part.text_at("rule"))
        if rule is None:
            raise part.error(_unknown_rule(part.text_at("rule")), "rule")
        if rule.scope == "run":
            raise part.error(f"{rule.name} is no finding about a model: 'ignore' it", "rule")
        if "reason" not in said:
            raise part.error("missing key 'reason': why are these findings accepted?")
        if not any(key in PLACE_KEYS for key in said):
            raise part.error(
                f"names no place: {_one_of(PLACE_KEYS)} is expected; 'ignore' leaves a rule out "
                "everywhere"
            )
        return Suppression(
            rule=rule.code,
            reason=" ".join(part.text_at("reason").split()),
            written_in=self.document.path,
            line=self.document.line(part.path),
            file=_optional(part, "file", _glob),
            operator=_optional(part, "operator", Part.text),
            node=_optional(part, "node", Part.text),
            target=_optional(part, "target", lambda target: self.target(target)[1]),
            fingerprint=_optional(part, "fingerprint", _fingerprint),
            until=_optional(part, "until", _date),
        )

    def targets(self, part: Part) -> tuple[str, ...]:
        named = tuple(self.target(each)[0] for each in part.each())
        if not named:
            raise part.error("is empty: leave 'targets' out to ask the default ones")
        return named

    def target(self, part: Part) -> tuple[str, str]:
        """How a target or a device is asked for, and its name in a report."""
        return self.found(part, part.text())

    def found(self, part: Part, said: str) -> tuple[str, str]:
        file, mark, variant = said.partition("#")
        if file.endswith((".yaml", ".yml")):
            path = self.folder / file
            if not path.is_file():
                raise part.error(f"there is no file {file} beside {self.document.path.name}")
            said = f"{relative(path, Path.cwd())}{mark}{variant}"
        try:
            return said, opsets.find(said).name
        except TargetError as error:
            raise part.error(str(error)) from None

    def minimums(self, part: Part) -> Minimums:
        for key in part.words():
            below = part.at(key)
            if isinstance(below.data, dict) and not below.words():
                raise below.error("is empty: expected a percentage from 0 to 100")
            if isinstance(below.data, dict) and not set(below.data) & {*MEASURES}:
                self.see_that_it_is_quoted(below, key)
        return {
            (self.found(part.at(key), key)[1], measure): percent
            for key in part.words()
            for measure, percent in _percents(part.at(key))
        }

    @staticmethod
    def see_that_it_is_quoted(part: Part, key: str) -> None:
        """Name the slip of `nnapi-1.2 = 95`, which TOML reads as `2` in `nnapi-1`."""
        for word in part.words():
            with suppress(TargetError):
                name = opsets.find(f"{key}.{word}").name
                raise part.error(f'a name with a dot needs quotes: "{name}"', word)


def _optional(part: Part, key: str, make: Callable[[Part], T]) -> T | None:
    """What is made of a key, None where it is left out."""
    return make(part.at(key)) if key in part else None


def _one_of(words: tuple[str, ...]) -> str:
    return f"one of {', '.join(repr(word) for word in words)}"


def _rules(part: Part) -> tuple[str, ...]:
    words = []
    for each in part.each():
        complaint = selection.complaint(each.text())
        if complaint is not None:
            raise each.error(complaint)
        words.append(each.text())
    return tuple(words)


def _unknown_rule(word: str) -> str:
    said = selection.complaint(word)
    return said or f"{word!r} is several rules: name one by its code or its name"


def _severities(part: Part) -> Mapping[str, Severity]:
    found: dict[str, Severity] = {}
    for word in part.words():
        complaint = selection.complaint(word)
        if complaint is not None:
            raise part.error(complaint, word)
        found[word] = cast(Severity, part.at(word).choice(*reversed(SEVERITIES)))
    return found


def _fail_on(part: Part) -> FailOn:
    return cast(FailOn, part.choice(*FAIL_ON))


def _percents(part: Part) -> Iterator[tuple[Measure, float]]:
    """`95`, which is of nodes, or `{nodes = 95, macs = 99}`."""
    if not isinstance(part.data, dict):
        yield "nodes", _percent(part)
        return
    for measure in part.words(MEASURES):
        yield cast(Measure, measure), _percent(part.at(measure))


def _percent(part: Part) -> float:
    number = part.data
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 <= number <= 100:
        raise part.error(f"expected a percentage from 0 to 100, found {part.kind}")
    return number


def _shapes(part: Part) -> InputShapes:
    return {name: _sizes(part.at(name)) for name in part.words()}


def _sizes(part: Part) -> tuple[int, ...]:
    """`[1, 3, 720, 1280]` or `"1x3x720x1280"`."""
    try:
        sizes = [each.integer() for each in part.each()] if isinstance(part.data, list) else None
        return read_wish(part.text() if sizes is None else "x".join(map(str, sizes)))[1]
    except UsageError:
        expected = "sizes from 1 on, as [1, 3, 720, 1280] or '1x3x720x1280'"
        raise part.error(f"expected {expected}, found {part.data!r}") from None


def _globs(part: Part) -> tuple[str, ...]:
    """One glob or a list of them."""
    if isinstance(part.data, str):
        return (_glob(part),)
    globs = tuple(map(_glob, part.each()))
    if not globs:
        raise part.error("is empty: expected globs of model files")
    return globs


def _glob(part: Part) -> str:
    glob = part.text()
    if "\\" in glob:
        raise part.error(f"{glob!r}: write paths with '/', on every system")
    if glob.startswith("/") or ".." in glob.split("/"):
        raise part.error(f"{glob!r}: globs start from the configuration's folder and stay below it")
    return glob


def _fingerprint(part: Part) -> str:
    text = part.text()
    if not _FINGERPRINT.fullmatch(text):
        raise part.error(f"expected 16 hexadecimal digits as in the JSON report, found {text!r}")
    return text


def _date(part: Part) -> date:
    """A date, as TOML writes it or as a text."""
    found = part.data
    if isinstance(found, date) and not isinstance(found, datetime):
        return found
    if isinstance(found, str) and _DATE.fullmatch(found):
        try:
            return date.fromisoformat(found)
        except ValueError as error:
            raise part.error(f"no such date: {found} ({error})") from None
    raise part.error(f"expected a date as 2027-03-31, found {found!s}")

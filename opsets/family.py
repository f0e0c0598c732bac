"""From a table's plain data to its targets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Literal, cast

from npulint.model import Dialect
from npulint.opsets.conditions import EXTRAS, WORDS
from npulint.opsets.cutting import count, named_operators, read_partitioning
from npulint.opsets.document import Part, nearest
from npulint.opsets.entries import RULE_KEYS, Family, build_advice, build_entry, build_witnesses
from npulint.opsets.measures import Fact
from npulint.opsets.names import TITLES, check_attributes, operator_names
from npulint.opsets.relations import RELATIONS
from npulint.opsets.table import (
    Alignment,
    Default,
    Entry,
    Opsets,
    Setting,
    Target,
)

_KEYS = (
    "family", "title", "dialect", "date", "sources", "settings", "levels", "kinds", "variants",
    "otherwise", "partitioning", "alignment", "cautions", "limits", "operators", "agreement",
    "witnesses", "opsets",
)  # fmt: skip
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_FILE = re.compile(r"[\w.-]+/[\w.-]+ \S.*")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_RESERVED = frozenset({*WORDS, *EXTRAS, *RELATIONS, *RULE_KEYS})


class Entries(Mapping[str, Entry]):
    """A target's entries, each built when it is first asked for: most checks need a few."""

    def __init__(self, parts: Mapping[str, Part], family: Family, settings: Mapping[str, Setting]):
        self._parts = parts
        self._family = family
        self._settings = settings
        self._built: dict[str, Entry] = {}

    def __getitem__(self, op: str) -> Entry:
        entry = self._built.get(op)
        if entry is None:
            entry = build_entry(self._parts[op], op, self._family, self._settings)
            self._built[op] = entry
        return entry

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __contains__(self, op: object) -> bool:
        return op in self._parts


def variant_names(document: Part) -> tuple[str, ...]:
    """The names of a table's targets; the family's own where it has but one."""
    if "variants" not in document:
        return (document.text_at("family"),)
    names = tuple(part.text_at("name") for part in document.list_at("variants"))
    if not names:
        raise document.error("expected at least one target", "variants")
    return names


def build_target(document: Part, name: str) -> Target:
    """Build one target of a table.

    Args:
        document: The table's data.
        name: One of `variant_names`.

    Raises:
        DocumentError: The data is not a table of the language.
    """
    document.words(_KEYS)
    title, settings = _variant(document, name)
    family = _family(document)
    return Target(
        name=name,
        family=document.text_at("family"),
        title=title,
        dialect=cast(Dialect, document.at("dialect").choice("tflite", "onnx")),
        date=read_date(document.at("date")),
        level=int(settings.get("level", 0)),
        accelerator=bool(settings.get("accelerator", False)),
        settings=settings,
        entries=Entries(_by_operator(document), family, settings),
        otherwise=_default(document.at("otherwise"), family) if "otherwise" in document else None,
        partitioning=read_partitioning(document, family),
        alignment=_alignment(document, family),
        cautions=build_advice(document, family, settings),
        limits=tuple(item.text() for item in document.list_at("limits")),
        opsets=_opsets(document, family),
        sources={short: " ".join(filter(None, ends)) for short, ends in family.sources.items()},
    )


def check_document(document: Part) -> None:
    """Build everything that a table says, so that no fault in it waits for its first use.

    Raises:
        DocumentError: The data is not a table of the language.
    """
    names = variant_names(document)
    _check_names(document)
    for position, name in enumerate(names):
        if name in names[:position]:
            raise document.error(f"target {name!r} is named twice", "variants", position)
        target = build_target(document, name)
        for op in target.entries:
            target.entries[op]


def _check_names(document: Part) -> None:
    """Hold the names that a table gives, or takes for known, against those that there are.

    Settings have names of their own, those of targets can be typed, and operators are the
    dialect's or said to be custom.
    """
    reserved = {*_RESERVED, "operator"} if "witnesses" in document else _RESERVED
    for setting in document.map_at("settings", Part.text):
        if setting in reserved:
            raise document.error(f"{setting} is a word of the language", "settings", setting)
    named = [part.at("name") for part in document.list_at("variants")]
    for part in (document.at("family"), *named):
        if not _NAME.fullmatch(part.text()):
            hint = "expected letters, digits and . _ + -"
            raise part.error(f"{part.data!r} cannot be the name of a target: {hint}")
    dialect = cast(Dialect, document.at("dialect").choice("tflite", "onnx"))
    own = operator_names(dialect)
    for entry in document.list_at("operators"):
        custom = "custom" in entry and entry.at("custom").boolean()
        for op in _names(entry):
            if not custom and op.text() not in own:
                raise op.error(
                    f"{TITLES[dialect]} has no operator {op.data!r}: {nearest(op.text(), own)} "
                    "One of an application's own needs custom: true"
                )
    cut = document.at("partitioning") if "partitioning" in document else None
    for op in () if cut is None else named_operators(cut):
        if op.text() not in own:
            hint = nearest(op.text(), own)
            raise op.error(f"{TITLES[dialect]} has no operator {op.data!r}: {hint}")
    for key in ("operators", "witnesses", "cautions"):
        if key in document:
            check_attributes(document.at(key), dialect)


def _variant(document: Part, name: str) -> tuple[str, dict[str, Setting]]:
    declared = tuple(document.map_at("settings", Part.text))
    for part in document.list_at("variants"):
        part.words(("name", "title", "settings"))
        if part.text_at("name") == name:
            settings = part.map_at("settings", _setting)
            for key, kind in (("level", int), ("accelerator", bool)):
                if key in settings and type(settings[key]) is not kind:
                    wanted = "a whole number" if kind is int else "true or false"
                    raise part.at("settings").error(f"{key} is {wanted}", key)
            if tuple(sorted(settings)) != tuple(sorted(declared)):
                raise part.error(f"expected a value for each of the settings: {declared}")
            return part.text_at("title"), settings
    return document.text_at("title"), {}


def _setting(part: Part) -> Setting:
    if not isinstance(part.data, (int, str)):
        raise part.error("a setting is a whole number, true, false or a text")
    return part.data


def _family(document: Part) -> Family:
    titles: dict[Fact, str] = {}
    for level, title in document.map_at("levels", Part.text).items():
        if not (level.isascii() and level.isdigit()):
            raise document.error(f"a level is a number, found {level!r}", "levels", level)
        titles[int(level)] = title
    witnesses, agreement = build_witnesses(document)
    wordings = document.map_at("settings", Part.text)
    return Family(
        sources=document.map_at("sources", read_source),
        kinds=document.map_at("kinds", Part.text),
        wordings={**wordings, "operator": "the operator"} if witnesses else wordings,
        titles=titles,
        witnesses=witnesses,
        agreement=agreement,
    )


def read_source(part: Part) -> tuple[str, str]:
    """What stands before and after the place within a source."""
    if "file" in part:
        part.words(("file", "commit"))
        file, commit = part.text_at("file"), part.text_at("commit")
        if not _FILE.fullmatch(file):
            raise part.error(f"expected OWNER/REPOSITORY PATH, found {file!r}", "file")
        if not _COMMIT.fullmatch(commit):
            raise part.error(f"expected 7 to 40 digits of a commit, found {commit!r}", "commit")
        return file, f"@{commit}"
    part.words(("page", "date"))
    return part.text_at("page"), f"({read_date(part.at('date'))})" if "date" in part else ""


def read_date(part: Part) -> str:
    """A day of the calendar as `YYYY-MM-DD`."""
    text = part.text()
    try:
        known = _DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        known = False
    if not known:
        raise part.error(f"expected a date as 'YYYY-MM-DD', found {text!r}")
    return text


def _default(part: Part, family: Family) -> Default:
    part.words(("verdict", "say", "source", "kind"))
    verdict = part.at("verdict").choice("unsupported", "unknown")
    return Default(
        verdict=cast(Literal["unsupported", "unknown"], verdict),
        say=part.text_at("say"),
        source=family.cite(part.at("source")),
        kind=part.text_at("kind", ""),
    )


def _opsets(document: Part, family: Family) -> Opsets | None:
    if "opsets" not in document:
        return None
    part = document.at("opsets")
    part.words(Opsets.__dataclass_fields__)
    if document.text_at("dialect") != "onnx":
        raise document.error("opsets are those of ONNX, and this table is of tflite", "opsets")
    oldest, newest = (count(part.at(k)) if k in part else None for k in ("oldest", "newest"))
    if oldest is None and newest is None:
        raise part.error("expected oldest, newest or both")
    if oldest is not None and newest is not None and oldest > newest:
        raise part.error(f"the oldest opset, {oldest}, is above the newest, {newest}")
    return Opsets(oldest, newest, family.cite(part.at("source")))


def _alignment(document: Part, family: Family) -> Alignment | None:
    if "alignment" not in document:
        return None
    part = document.at("alignment")
    part.words(Alignment.__dataclass_fields__)
    channels = part.at("channels").integer()
    if channels < 2:
        raise part.error(f"expected a number of channels from 2, found {channels}", "channels")
    return Alignment(channels, part.text_at("say"), family.cite(part.at("source")))


def _by_operator(document: Part) -> dict[str, Part]:
    parts: dict[str, Part] = {}
    for part in document.at("operators").each():
        for op in _names(part):
            if op.text() in parts:
                raise op.error(f"{op.data} has two entries; write all conditions into one")
            parts[op.text()] = part
    if not parts:
        raise document.error("expected at least one operator", "operators")
    return parts


def _names(entry: Part) -> tuple[Part, ...]:
    """The operators that an entry is for."""
    names = entry.at("op")
    parts = (names,) if isinstance(names.data, str) else tuple(names.each())
    if not parts:
        raise names.error("expected at least one operator")
    return parts

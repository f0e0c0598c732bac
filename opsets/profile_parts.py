"""The parts of a profile, made of its plain data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

from npulint.errors import TargetError
from npulint.opsets.document import Part, nearest
from npulint.opsets.entries import Family, caution_kind
from npulint.opsets.names import check_attributes
from npulint.opsets.profile import (
    Known,
    Measurement,
    ModelCaution,
    Observation,
    Outcome,
    ReferenceCpu,
    Remark,
    Setting,
    Start,
)
from npulint.opsets.registry import load_target
from npulint.opsets.sightings import all_op_names, circumstance, pattern
from npulint.opsets.table import Target

_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_SIGHTING = ("outcome", "kind", "say", "source")
_RESULTS = ("ms", "failed", "mb")


class Maker:
    """Makes the parts of a profile, which share its sources.

    Each method raises a `DocumentError` for what is not of the language.
    """

    def __init__(self, family: Family) -> None:
        self.family = family

    def remark(self, part: Part) -> Remark:
        """One thing to know."""
        part.words(("say", "source"))
        return Remark(part.text_at("say"), self.family.cite(part.at("source")))

    def start(self, part: Part) -> Start:
        """The path that verdicts start from."""
        part.words(("target", "known", "say", "source"))
        name = part.at("target")
        try:
            target = load_target(name.text())
        except TargetError as error:
            raise name.error(str(error)) from None
        known = cast(Known, part.at("known").choice("stated", "deduced", "assumed"))
        return Start(target, known, part.text_at("say"), self.family.cite(part.at("source")))

    def reference_cpu(self, document: Part) -> ReferenceCpu | None:
        """Whether NNAPI's CPU implementation was allowed; None where the profile does not say."""
        if "reference_cpu" not in document:
            return None
        part = document.at("reference_cpu")
        part.words(("setting", "say", "source"))
        setting = cast(Setting, part.at("setting").choice("allowed", "disallowed", "unknown"))
        return ReferenceCpu(setting, part.text_at("say"), self.family.cite(part.at("source")))

    def observed(self, document: Part) -> Iterator[Observation]:
        """What was seen of operators, each with a name of its own."""
        seen: dict[str, int] = {}
        for part in document.list_at("observed"):
            meant = pattern(part, _SIGHTING)
            name = "-".join(filter(None, (*meant.ops, meant.type)))
            count = seen[name] = seen.get(name, 0) + 1
            outcome = cast(Outcome, part.at("outcome").choice("cpu", "may", "caution"))
            if outcome != "caution" and "kind" in part:
                raise part.error("only a caution has a kind", "kind")
            yield Observation(
                identity=f"{name}-{count}" if count > 1 else name,
                pattern=meant,
                outcome=outcome,
                say=part.text_at("say"),
                source=self.family.cite(part.at("source")),
                kind=caution_kind(part) if outcome == "caution" else None,
            )

    def caution(self, part: Part) -> ModelCaution:
        """A warning about whole models."""
        part.words(("kind", "say", "when", "source"))
        when = circumstance(part.at("when")) if "when" in part else None
        source = self.family.cite(part.at("source"))
        return ModelCaution(caution_kind(part), part.text_at("say"), when, source)

    def measured(self, document: Part) -> Iterator[Measurement]:
        """The published numbers."""
        for group in document.list_at("measured"):
            group.words(("by", "pixels", "source", "rows"))
            pixels = group.at("pixels").integer() if "pixels" in group else None
            if pixels is not None and pixels < 1:
                raise group.error("expected a number above 0", "pixels")
            by, source = group.text_at("by"), self.family.cite(group.at("source"))
            for row in group.at("rows").each():
                yield self._row(row, by, pixels, source)

    def _row(self, row: Part, by: str, pixels: int | None, source: str) -> Measurement:
        row.words(("network", "type", "note", "fell", *_RESULTS))
        if not any(key in row for key in _RESULTS):
            raise row.error(f"expected a result: one of {', '.join(_RESULTS)}")
        if "ms" in row and "failed" in row:
            raise row.error("a run that failed has no latency")
        if "fell" in row and "note" not in row:
            raise row.error("expected the footnote that names what fell: note", "fell")
        return Measurement(
            network=row.text_at("network"),
            type=row.text_at("type"),
            by=by,
            pixels=pixels,
            milliseconds=_number(row, "ms"),
            failed=row.text_at("failed", ""),
            megabytes=_number(row, "mb"),
            fell=row.text_at("fell", ""),
            note=row.text_at("note", ""),
            source=source,
        )


def read_date(part: Part) -> str:
    """As much of a date as the sources give."""
    text = part.text()
    if not _DATE.fullmatch(text):
        raise part.error(f"expected a date as 'YYYY', 'YYYY-MM' or 'YYYY-MM-DD', found {text!r}")
    return text


def _number(row: Part, key: str) -> float | None:
    if key not in row:
        return None
    number = row.at(key).data
    if isinstance(number, bool) or not isinstance(number, (int, float)) or number <= 0:
        raise row.error("expected a number above 0", key)
    return number


def check_operators(part: Part, target: Target) -> None:
    """Hold the names of operators and of their attributes against a device's path.

    Raises:
        DocumentError: The path's table knows no such operator, or it has no such attribute.
    """
    known = target.entries
    for op in all_op_names(part):
        if op.data not in known:
            raise op.error(f"unknown operator {op.data!r}: {nearest(str(op.data), known)}")
    check_attributes(part, target.dialect)

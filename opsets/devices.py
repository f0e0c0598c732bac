"""Device profiles: which there are, and how a profile is read from its YAML file, strictly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from npulint.errors import TableError, TargetError, UnknownTargetError
from npulint.opsets.document import Part, nearest
from npulint.opsets.entries import Family, caution_kind
from npulint.opsets.family import read_source
from npulint.opsets.loader import parse, read_bytes, read_shipped, read_table
from npulint.opsets.names import check_attributes
from npulint.opsets.profile import (
    Device,
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
from npulint.opsets.registry import load_target, targets, unknown
from npulint.opsets.sightings import all_op_names, circumstance, pattern
from npulint.opsets.table import Target

FOLDER = Path(__file__).with_name("devices")

_KEYS = (
    "device", "title", "chip", "date", "sources", "path", "offers", "drivers", "reference_cpu",
    "software", "observed", "cautions", "findings", "measured", "limits",
)  # fmt: skip
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_SIGHTING = ("outcome", "kind", "say", "source")
_RESULTS = ("ms", "failed", "mb")

_loaded: dict[str, Device] = {}


def devices() -> tuple[str, ...]:
    """The names of all devices of the shipped profiles."""
    return tuple(path.stem for path in shipped_profiles())


def shipped_profiles() -> tuple[Path, ...]:
    """The package's own profiles, each named after its device."""
    return tuple(sorted(FOLDER.glob("*.yaml")))


def survey_devices() -> tuple[tuple[Device, ...], tuple[TableError, ...]]:
    """All shipped devices that can be read, and what is wrong with the others."""
    found: list[Device] = []
    faults: list[TableError] = []
    for name in devices():
        try:
            found.append(load_device(name))
        except TableError as error:
            faults.append(error)
    return tuple(found), tuple(faults)


def load_device(name: str | Path) -> Device:
    """Load one device profile.

    Args:
        name: A name of `devices`, or the path of a YAML profile.

    Returns:
        The device; asking twice for a shipped one gives the same object.

    Raises:
        TargetError: Nobody has that name.
        TableError: The profile is at fault.
    """
    text = str(name)
    if text in _loaded:
        return _loaded[text]
    if text.endswith((".yaml", ".yml")):
        return build_device(read_table(Path(text), check_profile).document)
    path = FOLDER / f"{text}.yaml"
    if not _NAME.fullmatch(text) or not path.is_file():
        raise TargetError(f"unknown device {text!r}: {nearest(text, devices())}")
    return _loaded.setdefault(text, build_device(read_shipped(path, check_profile)))


def find(name: str | Path) -> Target | Device:
    """Load what a user names: a target, a device, or a file that holds one of them.

    Raises:
        TargetError: Nobody has that name.
        TableError: A table or a profile is at fault.
    """
    if is_device(name):
        return load_device(name)
    try:
        return load_target(name)
    except UnknownTargetError:
        raise unknown(str(name), "target or device", (*targets(), *devices())) from None


def is_device(name: str | Path) -> bool:
    """Whether a name is a device's, or a file's that holds a profile.

    Raises:
        TableError: The file cannot be read.
    """
    text = str(name)
    if text.endswith((".yaml", ".yml")):
        return _is_profile(Path(text))
    return _NAME.fullmatch(text) is not None and (FOLDER / f"{text}.yaml").is_file()


def build_device(document: Part) -> Device:
    """Build the device of a profile.

    Raises:
        DocumentError: The data is not a profile of the language.
    """
    document.words(_KEYS)
    maker = _Maker(Family(document.map_at("sources", read_source), {}, {}, {}))
    name = document.text_at("device")
    if not _NAME.fullmatch(name):
        raise document.error(f"expected a name such as pixel-4, found {name!r}", "device")
    return Device(
        name=name,
        title=document.text_at("title"),
        chip=document.text_at("chip"),
        date=_date(document.at("date")),
        start=maker.start(document.at("path")),
        offers=document.map_at("offers", maker.remark),
        drivers=tuple(item.text() for item in document.list_at("drivers")),
        reference_cpu=maker.reference_cpu(document),
        software=tuple(map(maker.remark, document.list_at("software"))),
        observed=tuple(maker.observed(document)),
        cautions=tuple(map(maker.caution, document.list_at("cautions"))),
        findings=tuple(map(maker.remark, document.list_at("findings"))),
        measured=tuple(maker.measured(document)),
        limits=tuple(item.text() for item in document.list_at("limits")),
        sources={
            short: " ".join(filter(None, ends)) for short, ends in maker.family.sources.items()
        },
    )


def check_profile(document: Part) -> None:
    """Build all that a profile says and hold its names against the tables.

    Raises:
        DocumentError: The data is not a profile, or names an operator or a target that no
            table knows.
    """
    path = build_device(document).start.target
    known = path.entries
    for key in ("observed", "cautions"):
        below = document.at(key) if key in document else Part([])
        for op in all_op_names(below):
            if op.data not in known:
                raise op.error(f"unknown operator {op.data!r}: {nearest(str(op.data), known)}")
        check_attributes(below, path.dialect)
    names = targets()
    for other in document.at("offers").words() if "offers" in document else ():
        if other not in names:
            hint = nearest(other, names)
            raise document.error(f"unknown target {other!r}: {hint}", "offers", other)


class _Maker:
    """Makes the parts of a profile, which share its sources."""

    def __init__(self, family: Family) -> None:
        self.family = family

    def remark(self, part: Part) -> Remark:
        part.words(("say", "source"))
        return Remark(part.text_at("say"), self.family.cite(part.at("source")))

    def start(self, part: Part) -> Start:
        part.words(("target", "known", "say", "source"))
        name = part.at("target")
        try:
            target = load_target(name.text())
        except TargetError as error:
            raise name.error(str(error)) from None
        known = cast(Known, part.at("known").choice("stated", "deduced", "assumed"))
        return Start(target, known, part.text_at("say"), self.family.cite(part.at("source")))

    def reference_cpu(self, document: Part) -> ReferenceCpu | None:
        if "reference_cpu" not in document:
            return None
        part = document.at("reference_cpu")
        part.words(("setting", "say", "source"))
        setting = cast(Setting, part.at("setting").choice("allowed", "disallowed", "unknown"))
        return ReferenceCpu(setting, part.text_at("say"), self.family.cite(part.at("source")))

    def observed(self, document: Part) -> Iterator[Observation]:
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
        part.words(("kind", "say", "when", "source"))
        when = circumstance(part.at("when")) if "when" in part else None
        source = self.family.cite(part.at("source"))
        return ModelCaution(caution_kind(part), part.text_at("say"), when, source)

    def measured(self, document: Part) -> Iterator[Measurement]:
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


def _date(part: Part) -> str:
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


def _is_profile(path: Path) -> bool:
    return "device" in parse(path, read_bytes(path)).document

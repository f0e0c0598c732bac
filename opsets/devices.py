"""Device profiles: which there are, and how a profile is read from its YAML file, strictly."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from npulint.errors import TableError, TargetError, UnknownTargetError
from npulint.opsets.document import Part, nearest
from npulint.opsets.entries import Family
from npulint.opsets.family import read_source
from npulint.opsets.inclusions import read_included
from npulint.opsets.loader import Source, parse, read_bytes, read_shipped, read_table
from npulint.opsets.profile import Device
from npulint.opsets.profile_parts import Maker, check_operators, read_date
from npulint.opsets.registry import load_target, targets, unknown
from npulint.opsets.table import Target

FOLDER = Path(__file__).with_name("devices")

_KEYS = (
    "device", "title", "chip", "date", "sources", "path", "offers", "drivers", "reference_cpu",
    "software", "observed", "include", "cautions", "findings", "measured", "limits",
)  # fmt: skip
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

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
        return _with_included(read_table(Path(text), check_profile))
    path = FOLDER / f"{text}.yaml"
    if not _NAME.fullmatch(text) or not path.is_file():
        raise TargetError(f"unknown device {text!r}: {nearest(text, devices())}")
    return _loaded.setdefault(text, build_device(read_shipped(path, check_shipped)))


def _with_included(source: Source) -> Device:
    """A device with what the files say that its profile includes.

    Raises:
        TableError: One of these is at fault, or cannot be read.
    """
    device = build_device(source.document)
    for part in source.document.list_at("include"):
        more = read_included(source.path.parent / part.text(), device.start.target)
        device = replace(
            device,
            observed=(*device.observed, *more.observed),
            date=max(device.date, more.date),
            sources={**device.sources, **more.sources},
        )
    return device


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
    maker = Maker(Family(document.map_at("sources", read_source), {}, {}, {}))
    name = document.text_at("device")
    if not _NAME.fullmatch(name):
        raise document.error(f"expected a name such as pixel-4, found {name!r}", "device")
    return Device(
        name=name,
        title=document.text_at("title"),
        chip=document.text_at("chip"),
        date=read_date(document.at("date")),
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


def check_shipped(document: Part) -> None:
    """Check one of the package's own profiles, which stand alone: they are kept compiled.

    Raises:
        DocumentError: The data is not a profile, or includes another file.
    """
    if "include" in document:
        raise document.error(
            "a shipped profile says all itself: write it under observed", "include"
        )
    check_profile(document)


def check_profile(document: Part) -> None:
    """Build all that a profile says and hold its names against the tables.

    Raises:
        DocumentError: The data is not a profile, or names an operator or a target that no
            table knows.
    """
    path = build_device(document).start.target
    for key in ("observed", "cautions"):
        check_operators(document.at(key) if key in document else Part([]), path)
    for file in document.list_at("include"):
        file.text()
    names = targets()
    for other in document.at("offers").words() if "offers" in document else ():
        if other not in names:
            hint = nearest(other, names)
            raise document.error(f"unknown target {other!r}: {hint}", "offers", other)


def _is_profile(path: Path) -> bool:
    document = parse(path, read_bytes(path)).document
    if "observations" in document:
        raise TableError(path, "holds observations alone: a device profile takes them by `include`")
    return "device" in document

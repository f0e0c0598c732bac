"""Runtime: what a model asks of the TFLite that loads it, and how old what is known of it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from npulint.finding import Evidence, Finding
from npulint.operators import releases
from npulint.rules.record import Rule, model_rule, target_rule

if TYPE_CHECKING:
    from npulint.model import Node
    from npulint.rules.view import OnModel, OnTarget

_YEARS = 2
"""Age from which what is known of a runtime or a phone counts as old: Android has one platform
release a year, so two of them have passed by it."""


@target_rule("NPU501", "unobserved-runtime", "info", since="0.1.0")
def unobserved_runtime(here: OnTarget) -> Iterator[Finding]:
    """Finds models that need a newer TFLite than the phone was observed with.

    Why it matters: what a study saw on a phone, it saw with the runtime of its time. One that
    cannot load the model says nothing about how a newer one, with a newer delegate, cuts it.

    Example: a `TRANSPOSE_CONV` with a bias has version 3, which TFLite has since 2.3.0 of July
    2020; the study of `pixel-4` is of April 2020.

    What to do: read what was observed as what the driver did, and measure again on the phone. Or
    write the lower version, where the operator allows it (NPU108).

    Limits: no profile states its TFLite version, so the day of the study bounds it from above.
    """
    device, found = here.device, releases.oldest_runtime(here.model)
    if device is None or found is None or not (device.observed or device.measured):
        return
    release, node = found
    day = releases.published(release)
    if day is None or day[: len(device.date)] > device.date:
        when = "is not published yet" if day is None else f"was published on {day}"
        yield here.at(
            node,
            f"version {node.version} needs TFLite {releases.written(release)}, which {when}; what "
            f"was observed here is of {device.date}, so it was seen with an older runtime",
            evidence=_listed(node),
        )


@model_rule("NPU502", "understated-runtime", "warning", since="0.1.0")
def understated_runtime(here: OnModel) -> Iterator[Finding]:
    """Finds models whose `min_runtime_version` is lower than what their operators need.

    Why it matters: applications and stores decide by that field which phones get the model. One
    with a runtime in between refuses to load it.

    Example: TFLiteConverter writes the field before its quantiser for 16-bit activations raises
    the versions of operators: the file says 1.14.0, and a `LEAKY_RELU` of version 2 needs 2.3.0.

    What to do: write the field again, or lower the versions where the options allow it.

    Limits: a model without the field claims nothing and is not reported.
    """
    found, stated = releases.oldest_runtime(here.model), here.model.minimum_runtime
    if found is None or stated is None:
        return
    release, node = found
    claimed = releases.read(stated)
    if claimed is None:
        yield from here.unsure([node], f"min_runtime_version is {stated!r}, which is no release")
    elif claimed < release:
        yield here.at(
            node,
            f"version {node.version} needs TFLite {releases.written(release)}, and the file says "
            f"that {stated} is enough",
            evidence=_listed(node),
        )


@model_rule("NPU503", "unheard-version", "warning", since="0.1.0")
def unheard_version(here: OnModel) -> Iterator[Finding]:
    """Finds operators of a version that no TFLite knows.

    Why it matters: a runtime refuses the whole file for one such operator, on the CPU too.

    Example: a `CONV_2D` of version 9, where the newest is 8: a converter newer than this npulint,
    or a field that some tool has written wrongly.

    What to do: export with a released converter, or update npulint if the version is real.

    Limits: known are the operators and versions that TFLite's own list had in August 2026.
    """
    groups: dict[tuple[int, str, int], list[Node]] = {}
    for graph in here.model.graphs if here.model.dialect == "tflite" else ():
        for node in graph.nodes:
            newest = None if node.custom else releases.newest_version(node.op)
            if newest is not None and node.version > newest:
                groups.setdefault((graph.index, node.op, node.version), []).append(node)
    for (_, op, version), nodes in groups.items():
        yield here.at(
            nodes[0],
            f"version {version} is written, and the newest that TFLite knows is "
            f"{releases.newest_version(op)}",
            others=(node.index for node in nodes),
            evidence=_listed(nodes[0]),
        )


@model_rule("NPU504", "recent-runtime", "info", since="0.1.0")
def recent_runtime(here: OnModel) -> Iterator[Finding]:
    """Finds models that only a TFLite of the last two years can load.

    Why it matters: the runtime comes with the application or with the phone's system, and both
    may be older. They refuse the whole file then.

    Example: a `PAD` of booleans has version 5, which TFLite has since 2.20.0 of August 2025.

    What to do: ship that runtime with the application, or export without what raises the
    version.

    Limits: two years are two platform releases of Android. A release counts from the day on
    which TensorFlow of that number was published.
    """
    found, today = releases.oldest_runtime(here.model), here.facts.today
    if found is None or today is None:
        return
    release, node = found
    day = releases.published(release)
    if day is None or date.fromisoformat(day) > _years_before(today):
        when = "not published yet" if day is None else f"of {day}"
        yield here.at(
            node,
            f"version {node.version} needs TFLite {releases.written(release)} ({when}) or newer",
            evidence=_listed(node),
        )


@target_rule("NPU505", "aged-source", "info", since="0.1.0")
def aged_source(here: OnTarget) -> Iterator[Finding]:
    """Finds targets and phones whose newest source is more than two years old.

    Why it matters: delegates and drivers change with the runtime and with each system update.
    What was read or seen long ago may have been mended, or broken, since.

    Example: `pixel-4`, of which a study of April 2020 is known.

    What to do: look for a newer table or write one (`-t FILE`); measure on the phone.

    Limits: two years are two platform releases of Android. A date of a year or a month only
    counts as its end.
    """
    newest, today = here.target.date, here.facts.today
    if today is not None and _latest(newest) < _years_before(today):
        what = "table" if here.device is None else "profile"
        yield here.whole(f"the newest source of this {what} is of {newest}")


def _listed(node: Node) -> Iterator[Evidence]:
    release = releases.first_release(node)
    known = "is not listed" if release is None else f"needs TFLite {releases.written(release)}"
    yield Evidence(f"{node.op} version {node.version} {known}", releases.SOURCE)
    day = None if release is None else releases.published(release)
    if release is not None and day is not None:
        yield Evidence(f"TFLite {releases.written(release)} is of {day}", releases.DAYS)


def _latest(text: str) -> date:
    """The last day of a date that may be a year or a month only."""
    year, *rest = map(int, text.split("-"))
    if len(rest) == 2:
        return date(year, *rest)
    month = rest[0] if rest else 12
    return date.fromordinal(date(year + month // 12, month % 12 + 1, 1).toordinal() - 1)


def _years_before(day: date) -> date:
    """The same day some years ago; the 29th of February counts as the 28th."""
    return day.replace(year=day.year - _YEARS, day=min(day.day, 28) if day.month == 2 else day.day)


RULES: tuple[Rule, ...] = (
    unobserved_runtime,
    understated_runtime,
    unheard_version,
    recent_runtime,
    aged_source,
)

"""What a device profile is made of: a phone or a chip, its path, and what was observed on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from npulint.opsets.circumstances import Circumstance
    from npulint.opsets.situations import Pattern
    from npulint.opsets.table import CautionKind, Target

Outcome: TypeAlias = Literal["cpu", "may", "caution"]
"""What becomes of an operator: it runs on the CPU, it may, or it only deserves a warning."""

Setting: TypeAlias = Literal["allowed", "disallowed", "unknown"]
Known: TypeAlias = Literal["stated", "deduced", "assumed"]


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to know, as a sentence, and where it is written down."""

    say: str
    source: str


@dataclass(frozen=True, slots=True)
class Start:
    """The path that a device's verdicts start from.

    Attributes:
        target: The target that is asked first.
        known: Whether the source states the path, it follows from what the source states, or
            it is assumed.
        say: Why this path, in a sentence.
        source: What the sentence rests on.
    """

    target: Target
    known: Known
    say: str
    source: str


@dataclass(frozen=True, slots=True)
class ReferenceCpu:
    """Whether the runtime was allowed its own CPU implementation when the device was observed.

    Where it was, an operator that the driver refuses stays with the runtime and costs no place
    among the pieces that a delegate hands over; where it was not, it goes back to the application.
    """

    setting: Setting
    say: str
    source: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of some operators.

    Attributes:
        identity: Stable name within the profile (`CONCATENATION-float`).
        pattern: The operators and the situation.
        outcome: What becomes of them.
        say: What was seen, as a sentence.
        source: Table and footnote.
        kind: What a warning is about; None where the outcome is none.
    """

    identity: str
    pattern: Pattern
    outcome: Outcome
    say: str
    source: str
    kind: CautionKind | None = None


@dataclass(frozen=True, slots=True)
class ModelCaution:
    """A caution about whole models on a device.

    Attributes:
        kind: Whether they are slow, wrong or risky there.
        say: The caution as a sentence.
        when: The models that it is about; None for all.
        source: Where it is written down.
    """

    kind: CautionKind
    say: str
    when: Circumstance | None
    source: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """One published number, or a published failure.

    Attributes:
        network: What was run, in the source's words.
        type: Its numbers' kind (`float`, `8-bit PTQ`).
        by: How it was run, and at which size.
        pixels: Height times width of the images, as the source gives them; None where it does not.
        milliseconds: The latency; None where it failed or only memory was measured.
        failed: The failure in the source's words, empty for none.
        megabytes: Memory at the peak; None where it was not measured.
        fell: What ran on the CPU according to the source, empty where it names nothing.
        note: The table's footnote on it, empty for none.
        source: The table.
    """

    network: str
    type: str
    by: str
    pixels: int | None
    milliseconds: float | None
    failed: str
    megabytes: float | None
    fell: str
    note: str
    source: str


@dataclass(frozen=True, slots=True)
class Device:
    """A phone, or a chip that stands for the phones that have it.

    Attributes:
        name: Stable name (`pixel-4`).
        title: Name for people.
        chip: Its chip.
        date: When the newest observation was published: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
        start: The path that its verdicts start from.
        offers: Other targets that its software offers, each with a remark on it.
        drivers: What its NNAPI runtime lists, empty where nobody says.
        reference_cpu: Whether NNAPI's CPU implementation was allowed.
        software: Versions and settings of what ran on it.
        observed: What was seen of operators.
        cautions: Warnings about whole models.
        findings: What else its sources found.
        measured: The published numbers.
        limits: What the profile cannot know, as sentences.
        sources: Every source by its short name.
    """

    name: str
    title: str
    chip: str
    date: str
    start: Start
    offers: Mapping[str, Remark]
    drivers: tuple[str, ...]
    reference_cpu: ReferenceCpu | None
    software: tuple[Remark, ...]
    observed: tuple[Observation, ...]
    cautions: tuple[ModelCaution, ...]
    findings: tuple[Remark, ...]
    measured: tuple[Measurement, ...]
    limits: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)

"""What became of a network that was prepared: what was replaced, by what, and what was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from npulint.fixers.record import Exactness
    from npulint.verdict import Status

Module = TypeVar("Module")


@dataclass(frozen=True, slots=True)
class Said:
    """What a target says of some nodes, taken together.

    Attributes:
        status: What becomes of them: that of the node that gets least far.
        reason: Why, in the words of its table; empty where they are taken.
        source: Where that is written down.
    """

    status: Status
    reason: str = ""
    source: str = ""


Opinions: TypeAlias = "Mapping[str, Said]"
"""By the target's name."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a network, or a part of it, costs.

    Attributes:
        parameters: Trainable scalars.
        macs: Multiply-accumulates of one inference at the sizes asked about; None where unknown.
    """

    parameters: int
    macs: int | None


@dataclass(frozen=True, slots=True)
class Lost:
    """A way that was not taken, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Replacement:
    """One layer, or a pattern of several, that was replaced.

    Attributes:
        paths: Where it stands; several where one layer is used in several places.
        what: Its class, or the classes of the pattern.
        realisation: What took its place, by the catalogue's names.
        exactness: How exact that is.
        before: What each target says of what the layer exports to.
        after: What it says of what its replacement exports to.
        cost_before: Of the layer.
        cost_after: Of its replacement.
        note: What the realisation has to say of itself, such as the residual of a fit.
        lost: The other ways, and why they were not taken.
    """

    paths: tuple[str, ...]
    what: str
    realisation: str
    exactness: Exactness
    before: Opinions
    after: Opinions
    cost_before: Cost
    cost_after: Cost
    note: str = ""
    lost: tuple[Lost, ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """Layers of one class that some target does not take, and that stay for the same reason.

    Attributes:
        paths: The layers; an empty one for what the network's own code computes.
        what: Its class.
        ops: The operators that it exports to and that are not taken, each once.
        said: What the targets say of them.
        why: Why nothing takes its place.
        lost: The ways that were weighed.
    """

    paths: tuple[str, ...]
    what: str
    ops: tuple[str, ...]
    said: Opinions
    why: str
    lost: tuple[Lost, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One layer that a transformation changed.

    Attributes:
        path: Where it stands.
        what: What was there, in words.
        made: What is there now, in words.
        note: What the change has to say of itself, such as the residual of a fit.
        exact: Whether the network computes the same with it.
    """

    path: str
    what: str
    made: str
    note: str = ""
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Transformed:
    """What a named transformation did.

    Attributes:
        name: Its name.
        source: The paper that names it.
        changes: What it changed, in the order in which it runs.
        kept: What it left although it is of its kind, by path, and why.
        before: What the network cost.
        after: What it costs.
    """

    name: str
    source: str
    changes: tuple[Change, ...]
    kept: Mapping[str, str]
    before: Cost
    after: Cost


@dataclass(frozen=True, slots=True)
class Standing:
    """How a whole network stands with a target.

    Attributes:
        nodes: Nodes that it exports to.
        refused: Of those that the target refuses.
        unknown: Of those that it is not known to take.
    """

    nodes: int
    refused: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Measured:
    """How far the outputs of a prepared network are off on samples that nothing was fitted to.

    Attributes:
        samples: How many there are.
        max_error: The largest error, as a share of an output's range.
        psnr: The least of all outputs, in dB; its peak is the range of the original's output.
    """

    samples: int
    max_error: float
    psnr: float


@dataclass(frozen=True, slots=True)
class PrepareReport:
    """What came of preparing a network.

    Attributes:
        transformations: What was asked for by name, in order.
        replacements: What was replaced because some target does not take it.
        left: What some target still does not take.
        before: How the network stood with each target.
        after: How it stands now.
        cost_before: What it cost.
        cost_after: What it costs.
        notes: What else is to be known, a sentence each.
        held_out: How far its outputs are off on samples; None where none were given.
    """

    transformations: tuple[Transformed, ...]
    replacements: tuple[Replacement, ...]
    left: tuple[Left, ...]
    before: Mapping[str, Standing]
    after: Mapping[str, Standing]
    cost_before: Cost
    cost_after: Cost
    notes: tuple[str, ...] = field(default=())
    held_out: Measured | None = None

    @property
    def clean(self) -> bool:
        """Whether no target refuses anything any more; what is unknown is not counted as taken."""
        return not any(each.refused for each in self.after.values())

    @property
    def exactness(self) -> Exactness:
        """That of the least exact change."""
        from npulint.fixers.record import EXACTNESSES

        if any(not change.exact for each in self.transformations for change in each.changes):
            return "lossy"
        used = (each.exactness for each in self.replacements)
        return max(used, key=EXACTNESSES.index, default="exact")

    def text(self) -> str:
        """The report as lines of text."""
        from npulint.preparing.telling import told

        return told(self)

    def __str__(self) -> str:
        return self.text()


@dataclass(frozen=True, slots=True)
class Prepared(Generic[Module]):
    """A network that was prepared.

    Attributes:
        module: A new network; the one that was given is as it was.
        report: What was done.
    """

    module: Module
    report: PrepareReport

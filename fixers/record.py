"""What a realisation is, where it applies, and what is asked of a choice between several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph

Exactness: TypeAlias = Literal["exact", "calibrated", "lossy"]
"""From the strictest: the same function; one fitted to samples; another one."""

EXACTNESSES: tuple[Exactness, ...] = ("exact", "calibrated", "lossy")

Criterion: TypeAlias = Literal["partitions", "error", "macs", "bytes"]

CRITERIA: tuple[Criterion, ...] = ("partitions", "error", "macs", "bytes")
"""What a way costs, the weightiest first."""

Bindings = TypeVar("Bindings")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a realisation, or the whole catalogue, does not apply."""

    reason: str


TIMES_ZERO = "an infinite element becomes NaN in results that have the weight 0 for it"
"""The limits of what multiplies by weights of 0."""

OF_DIFFERENCE = "infinity becomes NaN, as the difference of infinity and infinity"
"""The limits of what takes a value away from what is left of it above 0."""

BY_QUOTIENTS = (
    "a factor of 0 needs a division that makes infinity of 1 / 0, as IEEE 754 has it; one of "
    "2^-128 or less in size counts as 0, its reciprocal being infinite, and one beyond 2^126 "
    "loses digits, its reciprocal being subnormal; in float16 these are 2^-16 and 2^14, and where "
    "subnormal numbers count as 0 the product of such a one is infinite"
)
"""The limits of what multiplies by dividing by a reciprocal."""


def always(_: object) -> Refusal | None:
    """What `accepts` of a way that serves every instance."""
    return None


@dataclass(frozen=True, slots=True)
class Realisation(Generic[Bindings]):
    """One way to compute an operator, or a pattern of several, out of others.

    Attributes:
        name: Stable name, `operator/way` (`transpose-conv/sub-pixel`).
        uses: TFLite names of the operators that it is built of.
        exactness: `exact` where the function is the same and only rounding differs.
        argument: The algebra in one sentence, with its preconditions.
        accepts: Says why the way does not serve an instance, None where it does.
        build: Adds the nodes and hands back the positions of the results, in their order.
        limits: For which inputs, such as infinite ones, it makes something else although it is
            exact; empty where there are none.
        partial: Whether it is also worth taking where it leaves something refused, but less.
    """

    name: str
    uses: tuple[str, ...]
    exactness: Exactness
    argument: str
    accepts: Callable[[Bindings], Refusal | None]
    build: Callable[[Builder, Bindings], Sequence[int]]
    limits: str = ""
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Occurrence(Generic[Bindings]):
    """Where a graph has what a family of realisations speaks of.

    Attributes:
        op: What was met, for people: an operator's name or the pattern's.
        nodes: Positions of the nodes that are replaced, ascending.
        results: Positions of the values that whoever reads the nodes expects.
        found: What they compute, or why that cannot be rewritten.
    """

    op: str
    nodes: tuple[int, ...]
    results: tuple[int, ...]
    found: Bindings | Refusal


@dataclass(frozen=True, slots=True)
class Family(Generic[Bindings]):
    """All ways to compute one thing, and the reader that finds it.

    Attributes:
        name: Stable name, the first half of its realisations' names.
        recognise: Finds every occurrence in a graph of either dialect.
        ways: The realisations.
    """

    name: str
    recognise: Callable[[Graph], Iterator[Occurrence[Bindings]]]
    ways: tuple[Realisation[Bindings], ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a choice goes by.

    Attributes:
        allow: The least exact realisations that may be used.
        order: What counts first when several ways serve the targets alike.
        doubt: To how many times its multiply-accumulates something may grow that no target
            refuses, and that some target only may not take; 0 to leave all such as it is. A
            window of 2x2 written as one of 3x3 grows by 9/4.
        without: Realisations that are not used, by their names.
        inexact_for: Names of the values that realisations which are not exact may make; None
            for all.
    """

    allow: Exactness = "exact"
    order: tuple[Criterion, ...] = CRITERIA
    doubt: float = 9 / 4
    without: frozenset[str] = frozenset()
    inexact_for: frozenset[str] | None = None

    def allows(self, exactness: Exactness) -> bool:
        """Whether realisations of some exactness may be used."""
        return EXACTNESSES.index(exactness) <= EXACTNESSES.index(self.allow)

    def bears(self, results: Iterable[str]) -> bool:
        """Whether realisations that are not exact may make some values."""
        return self.inexact_for is None or not self.inexact_for.isdisjoint(results)

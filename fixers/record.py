"""What a realisation is: a frozen record around a match and a build."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    from npulint.fixers.builder import Builder, Feature

Exactness: TypeAlias = Literal["exact", "calibrated", "lossy"]

Bindings = TypeVar("Bindings")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a realisation, or the whole catalogue, does not apply to a node."""

    reason: str


@dataclass(frozen=True, slots=True)
class Realisation(Generic[Bindings]):
    """One way to compute an operator out of others.

    Attributes:
        name: Stable name, `operator/way` (`transpose-conv/sub-pixel`).
        uses: TFLite names of the operators that it is built of.
        exactness: `exact` where the function is the same and only rounding differs.
        argument: The algebra in one sentence, with its preconditions.
        accepts: Says why the way does not serve an instance, None where it does.
        build: Adds the nodes and hands back the result.
    """

    name: str
    uses: tuple[str, ...]
    exactness: Exactness
    argument: str
    accepts: Callable[[Bindings], Refusal | None]
    build: Callable[[Builder, Feature, Bindings], Feature]

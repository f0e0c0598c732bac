"""What a user demands of targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Measure: TypeAlias = Literal["nodes", "macs"]
MEASURES: tuple[Measure, ...] = ("nodes", "macs")
"""What a share may be of."""

Minimums: TypeAlias = Mapping[tuple[str, Measure], float]
"""The least share in per cent, by the target's name and by what it is a share of."""


@dataclass(frozen=True, slots=True)
class Demands:
    """The shares of a model that targets must take.

    Attributes:
        minimums: The least shares.
        known: Whether a share that is not known counts as too small.
    """

    minimums: Minimums = field(default_factory=dict)
    known: bool = False


NONE = Demands()
"""Nothing is demanded."""

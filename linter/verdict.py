"""What a target makes of one node: supported, unsupported or unknown, and every reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Status: TypeAlias = Literal["supported", "unsupported", "unknown"]
Validation: TypeAlias = Literal["accepted", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One condition that failed, or that could not be decided.

    Attributes:
        constraint: Stable identity of the condition within its table (`TRANSPOSE_CONV/since`).
        message: A sentence: the condition, the value found and what is accepted.
        source: Where the condition is written down.
        kind: The runtime's own name for the failure, where its code has one.
    """

    constraint: str
    message: str
    source: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Caution:
    """Supported, but slow, wrong or risky there."""

    message: str
    source: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One node on one target.

    Attributes:
        status: What will happen to the node.
        validation: What the runtime's own check says; differs from `status` where a check
            accepts what cannot be built.
        reasons: Every failing condition when refused; every undecided one when unknown.
        cautions: Warnings that hold although the node is taken.
    """

    status: Status
    validation: Validation
    reasons: tuple[Reason, ...] = ()
    cautions: tuple[Caution, ...] = ()

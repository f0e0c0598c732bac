"""Whether a rewritten model is worth writing: better somewhere, and worse nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.cost import node_macs

if TYPE_CHECKING:
    from npulint.finding import ModelResult, TargetResult
    from npulint.model import Model
    from npulint.verification import Comparison

_MACS_SLACK = 1.01
"""By how much the arithmetic on the CPU may grow unmentioned: a border padded, a row more."""


def objection(
    before: ModelResult, after: ModelResult, comparison: Comparison, *, complete: bool
) -> str:
    """Why a result is not to be written, empty where it is.

    Args:
        before: The model as it was.
        after: The rewritten one.
        comparison: What both compute.
        complete: Whether it must be such that nothing is refused any more.
    """
    if not comparison.same:
        return "the rewritten model does not compute the same (see the comparison)"
    for old, new in zip(before.targets, after.targets, strict=True):
        if _refused(new) > _refused(old):
            return f"more is refused on {new.target.name} than before"
        if _more_pieces(old, new):
            return f"it is cut into more pieces on {new.target.name}, and no more of it runs there"
        if _macs_left(after.model, new) > _MACS_SLACK * _macs_left(before.model, old):
            return f"more of the arithmetic stays on the CPU of {new.target.name} than before"
    if complete and any(_refused(each) for each in after.targets):
        return "something stays refused, and a complete cure was required"
    return ""


def better(before: ModelResult, after: ModelResult) -> bool:
    """Whether clean-ups alone made more of the model run on some target."""
    return any(
        _refused(new) < _refused(old) or len(new.partitions) < len(old.partitions)
        for old, new in zip(before.targets, after.targets, strict=True)
    )


def _more_pieces(old: TargetResult, new: TargetResult) -> bool:
    """Whether there are more borders to cross, for nothing."""
    runs = [sum(piece.runs_on != "cpu" for piece in each.partitions) for each in (old, new)]
    ahead = (
        (new.coverage.nodes or 0) > (old.coverage.nodes or 0)
        or (new.coverage.macs or 0) > (old.coverage.macs or 0)
        or _refused(new) < _refused(old)
    )
    return runs[1] > runs[0] and not ahead


def _macs_left(model: Model | None, result: TargetResult) -> int:
    """Multiply-accumulates that stay on the CPU for certain."""
    return sum(
        count or 0
        for graph, delegation in zip(model.graphs if model else (), result.delegations, strict=True)
        for count, delegated in zip(node_macs(graph), delegation.delegated, strict=True)
        if delegated is False
    )


def _refused(result: TargetResult) -> int:
    """Nodes that a target does not take for certain."""
    return sum(v.status == "unsupported" for graph in result.verdicts for v in graph)

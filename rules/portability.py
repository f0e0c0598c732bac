"""Portability: what a target refuses, cannot be decided, or is never handed over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from npulint.finding import Evidence, Finding
from npulint.rules.record import Rule, target_rule

if TYPE_CHECKING:
    from npulint.model import Node
    from npulint.rules.view import OnTarget
    from npulint.verdict import Verdict


@target_rule("NPU101", "refused-operator", "error", since="0.1.0")
def refused_operator(here: OnTarget) -> Iterator[Finding]:
    """Finds operators that the target refuses.

    Why it matters: a refused operator runs on the CPU. Its neighbours are cut apart, each cut
    copies activations between the accelerator and the CPU, and one such operator at full
    resolution can make a network many times slower than the accelerator is.

    Example: `TRANSPOSE_CONV` on `nnapi-1.1`, because NNAPI has it from 1.2 on.

    What to do: read the conditions in the finding, or `npulint explain TARGET:OPERATOR` for all
    of them. Often a single attribute, a missing bias or an operator version is at fault.

    Limits: the delegate's own check is what is judged. A driver behind it may refuse more.
    """
    for node, verdict in _nodes(here):
        if verdict.status == "unsupported":
            why = "; ".join(reason.message for reason in verdict.reasons)
            yield here.at(node, why, evidence=_evidence(verdict))


@target_rule("NPU102", "undecided-operator", "warning", since="0.1.0")
def undecided_operator(here: OnTarget) -> Iterator[Finding]:
    """Finds operators whose fate on the target cannot be decided from the file.

    Why it matters: an unknown is not a yes. It may run on the accelerator or fall back.

    Example: an ONNX operator for which no conversion to TFLite is known, or a tensor of unknown
    rank where a condition asks for the rank.

    What to do: export with fixed shapes, or replace the operator by one that the converter
    knows; then the answer is definite.

    Limits: none of these is ever counted as supported.
    """
    for node, verdict in _nodes(here):
        if verdict.status == "unknown":
            why = "; ".join(reason.message for reason in verdict.reasons) or "nothing is known"
            yield here.at(node, why, evidence=_evidence(verdict))


@target_rule("NPU103", "undelegated-model", "error", since="0.1.0")
def undelegated_model(here: OnTarget) -> Iterator[Finding]:
    """Finds models of which the runtime hands over nothing at all, whatever the operators are.

    Why it matters: each operator may be fine by itself and still everything runs on the CPU.

    Example: a tensor whose size is only known while running. The NNAPI delegate takes no graph
    that holds one.

    What to do: export with fixed sizes; the finding names the node at which it begins.

    Limits: only conditions that the file alone decides are checked, not the phone's set-up.
    """
    for graph, delegation in zip(here.model.graphs, here.result.delegations, strict=True):
        if delegation.why_not:
            obstacle = delegation.obstacle
            shown = () if obstacle is None else (Evidence(obstacle.message, obstacle.source),)
            why = f"nothing is handed over: {delegation.why_not}"
            yield here.whole(why, graph=graph, evidence=shown)


def _nodes(here: OnTarget) -> Iterator[tuple[Node, Verdict]]:
    for graph, verdicts in zip(here.model.graphs, here.result.verdicts, strict=True):
        yield from zip(graph.nodes, verdicts, strict=True)


def _evidence(verdict: Verdict) -> Iterator[Evidence]:
    return (Evidence(reason.message, reason.source) for reason in verdict.reasons)


RULES: tuple[Rule, ...] = (refused_operator, undecided_operator, undelegated_model)

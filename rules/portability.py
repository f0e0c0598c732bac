"""Portability: what a target refuses, cannot be decided, or is never handed over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from npulint.finding import Finding
from npulint.rules.identity import Fingerprints, fingerprint
from npulint.rules.record import Rule, rule

if TYPE_CHECKING:
    from npulint.finding import TargetResult
    from npulint.model import Model, Node
    from npulint.verdict import Verdict


@rule("NPU101", "refused-operator", "error", since="0.1.0")
def refused_operator(this: Rule, model: Model, result: TargetResult) -> Iterator[Finding]:
    """Finds operators that the target refuses.

    Why it matters: a refused operator runs on the CPU. Its neighbours are cut apart, each cut
    copies activations between the accelerator and the CPU, and one such operator at full
    resolution can make a network many times slower than the accelerator is.

    Example: `TRANSPOSE_CONV` on `nnapi-1.1`, because NNAPI has it from 1.2 on.

    What to do: read the conditions in the finding, or `npulint explain TARGET:OPERATOR` for all
    of them. Often a single attribute, a missing bias or an operator version is at fault.

    Limits: the delegate's own check is what is judged. A driver behind it may refuse more.
    """
    for node, verdict, fingerprints in _nodes(this, model, result):
        if verdict.status == "unsupported":
            why = "; ".join(reason.message for reason in verdict.reasons)
            yield _finding(this, result, node, why, fingerprints)


@rule("NPU102", "undecided-operator", "warning", since="0.1.0")
def undecided_operator(this: Rule, model: Model, result: TargetResult) -> Iterator[Finding]:
    """Finds operators whose fate on the target cannot be decided from the file.

    Why it matters: an unknown is not a yes. It may run on the accelerator or fall back.

    Example: an ONNX operator for which no conversion to TFLite is known, or a tensor of unknown
    rank where a condition asks for the rank.

    What to do: export with fixed shapes, or replace the operator by one that the converter
    knows; then the answer is definite.

    Limits: none of these is ever counted as supported.
    """
    for node, verdict, fingerprints in _nodes(this, model, result):
        if verdict.status == "unknown":
            why = "; ".join(reason.message for reason in verdict.reasons) or "nothing is known"
            yield _finding(this, result, node, why, fingerprints)


@rule("NPU103", "undelegated-model", "error", since="0.1.0")
def undelegated_model(this: Rule, model: Model, result: TargetResult) -> Iterator[Finding]:
    """Finds models of which the runtime hands over nothing at all, whatever the operators are.

    Why it matters: each operator may be fine by itself and still everything runs on the CPU.

    Example: a tensor whose size is only known while running. The NNAPI delegate takes no graph
    that holds one.

    What to do: export with fixed sizes; the finding names the node at which it begins.

    Limits: only conditions that the file alone decides are checked, not the phone's set-up.
    """
    for graph, delegation in zip(model.graphs, result.delegations, strict=True):
        if delegation.why_not:
            yield Finding(
                code=this.code,
                rule=this.name,
                severity=this.severity,
                message=f"nothing is handed over: {delegation.why_not}",
                target=result.target.name,
                graph=graph.index,
                fingerprint=fingerprint(this.code, result.target.name, str(graph.index)),
            )


@rule("NPU104", "left-behind-operator", "warning", since="0.1.0")
def left_behind_operator(this: Rule, model: Model, result: TargetResult) -> Iterator[Finding]:
    """Finds operators that are accepted and still run on the CPU, because of a limit on pieces.

    Why it matters: the runtime hands over only its few largest pieces. A graph that refused
    operators cut into more pieces loses the smaller ones although every operator in them is
    accepted.

    Example: the NNAPI delegate hands over 3 pieces unless the application asks for more; a
    network with a refused operator at each of five levels loses two or three pieces.

    What to do: cure the refused operators that cut the pieces apart.

    Limits: where pieces of equal size compete, which of them survives depends on the C++
    library that the runtime was built with; the finding says so.
    """
    for graph, delegation in zip(model.graphs, result.delegations, strict=True):
        if delegation.why_not:
            continue
        fingerprints = Fingerprints(graph, this.code, result.target.name)
        for piece in delegation.partitions:
            if piece.runs_on == "cpu" or piece.handed_over:
                continue
            for index in sorted(piece.nodes):
                node = graph.nodes[index]
                why = (
                    f"accepted, but its piece of {len(piece.nodes)} nodes is not handed over: "
                    f"{_limit(result)}"
                )
                yield _finding(this, result, node, why, fingerprints)


def _limit(result: TargetResult) -> str:
    limits = result.target.partitioning
    said = []
    if limits is None:
        return "how the runtime cuts is not known"
    if limits.max_partitions:
        said.append(f"at most {limits.max_partitions} pieces are, the largest first")
    if limits.min_nodes > 1:
        said.append(f"a piece needs at least {limits.min_nodes} nodes")
    return " and ".join(said) or "the runtime keeps it"


def _nodes(
    this: Rule, model: Model, result: TargetResult
) -> Iterator[tuple[Node, Verdict, Fingerprints]]:
    for graph, verdicts in zip(model.graphs, result.verdicts, strict=True):
        fingerprints = Fingerprints(graph, this.code, result.target.name)
        for node, verdict in zip(graph.nodes, verdicts, strict=True):
            yield node, verdict, fingerprints


def _finding(
    this: Rule, result: TargetResult, node: Node, why: str, fingerprints: Fingerprints
) -> Finding:
    return Finding(
        code=this.code,
        rule=this.name,
        severity=this.severity,
        message=f"{node.op}: {why}",
        target=result.target.name,
        graph=node.graph,
        index=node.index,
        op=node.op,
        fingerprint=fingerprints.of(node),
    )


RULES: tuple[Rule, ...] = (
    refused_operator,
    undecided_operator,
    undelegated_model,
    left_behind_operator,
)

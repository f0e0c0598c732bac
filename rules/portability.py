"""Portability: what a target refuses, what falls back all the same, and what it takes badly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from npulint.finding import Evidence, Finding
from npulint.partition import CPU
from npulint.rules.record import Rule, target_rule
from npulint.rules.words import plural

if TYPE_CHECKING:
    from npulint.model import Graph
    from npulint.opsets.table import CautionKind, Partitioning
    from npulint.partition import Delegation
    from npulint.rules.view import OnTarget
    from npulint.verdict import Reason, Verdict


@target_rule("NPU101", "refused-operator", "error", since="0.1.0")
def refused_operator(here: OnTarget) -> Iterator[Finding]:
    """Finds operators that the runtime's own check refuses.

    Why it matters: a refused operator runs on the CPU. Its neighbours are cut apart, each cut
    copies activations between the accelerator and the CPU, and one such operator at full
    resolution can make a network many times slower than the accelerator is.

    Example: `TRANSPOSE_CONV` on `nnapi-1.1`, because NNAPI has it from 1.2 on.

    What to do: read the conditions in the finding, or `npulint explain TARGET:OPERATOR` for all
    of them. Often a single attribute, a missing bias or an operator version is at fault: NPU108
    to NPU111 say so where it is. `npulint fix` rewrites what it knows another way for.

    Limits: what is accepted and still runs on the CPU is found by NPU104. A driver behind the
    check may refuse more.
    """
    for node, verdict in here.verdicts():
        if verdict.status == "unsupported" and verdict.validation == "refused":
            yield here.at(
                node,
                _joined(verdict.reasons),
                evidence=_evidence(verdict.reasons),
                fixes=here.fixes(node),
            )


@target_rule("NPU102", "undecided-operator", "warning", since="0.1.0")
def undecided_operator(here: OnTarget) -> Iterator[Finding]:
    """Finds operators whose fate on the target the table cannot decide from the file.

    Why it matters: an unknown is not a yes. It may run on the accelerator or fall back.

    Example: an ONNX operator for which no conversion to TFLite is known, or a tensor of unknown
    rank where a condition asks for the rank.

    What to do: export with fixed shapes, or replace the operator by one that the converter
    knows; then the answer is definite.

    Limits: none of these is ever counted as supported.
    """
    for node, verdict in here.verdicts():
        if verdict.status == "unknown" and not _only_seen(here, verdict):
            why = _joined(verdict.reasons) or "nothing is known"
            yield here.at(node, why, evidence=_evidence(verdict.reasons))


@target_rule("NPU103", "undelegated-model", "error", since="0.1.0")
def undelegated_model(here: OnTarget) -> Iterator[Finding]:
    """Finds models of which the runtime hands over nothing at all, whatever the operators are.

    Why it matters: each operator may be fine by itself and still everything runs on the CPU.

    Example: a tensor whose size is only known while running. The NNAPI delegate takes no graph
    that holds one.

    What to do: export with fixed sizes; the finding names the node at which it begins.

    Limits: only conditions that the file alone decides are checked, not the phone's set-up.
    """
    for graph, _, delegation in here.graphs():
        if delegation.why_not:
            obstacle = delegation.obstacle
            shown = () if obstacle is None else (Evidence(obstacle.message, obstacle.source),)
            why = f"nothing is handed over: {delegation.why_not}"
            yield here.whole(why, graph=graph, evidence=shown)


@target_rule("NPU104", "hidden-fallback", "error", since="0.1.0")
def hidden_fallback(here: OnTarget) -> Iterator[Finding]:
    """Finds operators that the runtime's check accepts and that run on the CPU all the same.

    Why it matters: the converter, the check and the log of the delegate all say yes. Only the
    phone's own log, or the latency, shows that the operator is not where it was meant to be.

    Example: `TRANSPOSE_CONV` on `pixel-4`: the NNAPI delegate accepts it, and the driver left it
    to NNAPI's CPU reference in each network that was run. Or `SIN` on `neuron`, which is checked
    and never built, so that the whole delegation fails.

    What to do: treat it as refused. Replace the operator by others (`npulint fix` does where it
    knows a way), or choose a path that takes it.

    Limits: on a phone only what was observed in a published study is known. Other versions of
    its system may do better or worse.
    """
    for node, verdict in here.verdicts():
        if verdict.status == "unsupported" and verdict.validation != "refused":
            accepted = "accepted by the check, and " if verdict.validation == "accepted" else ""
            why = "; ".join(
                reason.message
                if _seen(here, reason)
                else f"{accepted}cannot be built: {reason.message}"
                for reason in verdict.reasons
            )
            evidence = _evidence(verdict.reasons)
            yield here.at(node, why, evidence=evidence, fixes=here.fixes(node))


@target_rule("NPU105", "possible-fallback", "warning", since="0.1.0")
def possible_fallback(here: OnTarget) -> Iterator[Finding]:
    """Finds accepted operators of which it is in doubt whether the accelerator gets them.

    Why it matters: two phones, or two builds of one runtime, may answer differently. A latency
    measured on one of them says nothing about the other.

    Example: a `CONCATENATION` on `pixel-4`, which fell back in some of the networks that were
    run and in others not; or pieces of equal size of which one too many is there.

    What to do: look at the phone's log (`npulint device run`). Where pieces compete, cure what
    cuts them apart; where the whole delegation is in doubt, the finding says what may take it
    back.

    Limits: where nobody knows how a runtime cuts, all that it accepts is in doubt. That is said
    once a graph, as information.
    """
    yield from _seen_to_fall(here)
    for graph, verdicts, delegation in here.graphs():
        taken = [index for index, v in enumerate(verdicts) if v.status == "supported"]
        doubtful = [index for index in taken if delegation.delegated[index] is None]
        if not doubtful:
            continue
        limits = here.target.partitioning
        if limits is None:
            name = here.target.name
            why = f"how {name} cuts a graph into pieces is not known"
            yield from here.unsure((graph.nodes[index] for index in doubtful), why)
        elif delegation.doubt is not None:
            yield here.whole(
                f"the delegation may be taken back: {delegation.doubt}",
                graph=graph,
                evidence=(Evidence(delegation.doubt, limits.source),),
                others=doubtful,
            )
        else:
            yield from _competing(here, graph, delegation, limits)


@target_rule("NPU106", "slow-operator", "warning", since="0.1.0")
def slow_operator(here: OnTarget) -> Iterator[Finding]:
    """Finds what the accelerator takes and is known to run slowly.

    Why it matters: a share of 100 % handed over is not yet a fast network. Some operators are
    claimed and then taken apart, run on a slower back end, or run inefficiently.

    Example: a dilated `DEPTHWISE_CONV_2D` on `hexagon-nn`, which the delegate builds from three
    operators; an instance norm at full resolution on `mate30-pro-5g`.

    What to do: read the source for how bad it was there, measure it on the phone, and look
    whether another form of the operator avoids it.

    Limits: only what somebody has written down is known. What is said of all models of a target
    stands in its section of the report and not here.
    """
    return _badly_taken(here, "slow", "taken, but slow: ")


@target_rule("NPU107", "wrong-result", "error", since="0.1.0")
def wrong_result(here: OnTarget) -> Iterator[Finding]:
    """Finds what the accelerator takes and computes otherwise than the model says.

    Why it matters: nothing fails, nothing is logged, and the numbers are wrong.

    Example: a `STRIDED_SLICE` with an ellipsis on `nnapi-1.2`: the delegate neither tests nor
    passes on the mask, so another slice is taken.

    What to do: export the operator without the option that is overlooked (usually another
    operator in front of it says the same), and compare outputs on the phone.

    Limits: what follows from a runtime's code is an error. What was only seen in another network
    on a phone is a warning, since its cause may not be in this one.
    """
    return _badly_taken(here, "wrong", "taken, and computed otherwise: ")


def _seen_to_fall(here: OnTarget) -> Iterator[Finding]:
    """Nodes whose like was seen on the CPU, but not always or not for certain."""
    for node, verdict in here.verdicts():
        if verdict.status == "unknown" and _only_seen(here, verdict):
            yield here.at(node, _joined(verdict.reasons), evidence=_evidence(verdict.reasons))


def _competing(
    here: OnTarget, graph: Graph, delegation: Delegation, limits: Partitioning
) -> Iterator[Finding]:
    """Pieces of one size, of which the runtime's limit leaves some behind."""
    tied = [
        piece
        for piece in delegation.partitions
        if piece.runs_on != CPU and all(delegation.delegated[i] is None for i in piece.nodes)
    ]
    if tied:
        yield here.whole(
            f"{len(tied)} pieces of {plural(len(tied[0].nodes), 'node')} compete for the last of "
            f"{limits.max_partitions} places; which of them get one hangs on the C++ library that "
            "the runtime was built with",
            graph=graph,
            evidence=(Evidence(f"at most {limits.max_partitions} pieces", limits.source),),
            others=(index for piece in tied for index in piece.nodes),
        )


def _badly_taken(here: OnTarget, kind: CautionKind, prefix: str) -> Iterator[Finding]:
    """Cautions of one kind about what is, or may be, handed over."""
    for graph, verdicts, delegation in here.graphs():
        for node, verdict, fate in zip(graph.nodes, verdicts, delegation.delegated, strict=True):
            for caution in verdict.cautions:
                if caution.kind == kind and fate is not False:
                    shown = (Evidence(caution.message, caution.source),)
                    yield here.at(node, prefix + caution.message, evidence=shown)
    for caution in here.result.cautions:
        if caution.kind == kind and not caution.general:
            shown = (Evidence(caution.message, caution.source),)
            found = here.whole(caution.message, key=caution.message, evidence=shown)
            yield replace(found, severity="warning")


def _only_seen(here: OnTarget, verdict: Verdict) -> bool:
    """Whether the table decides, and only what was observed leaves a doubt."""
    return bool(verdict.reasons) and all(_seen(here, reason) for reason in verdict.reasons)


def _seen(here: OnTarget, reason: Reason) -> bool:
    """Whether a reason was observed on the device that is asked."""
    return here.device is not None and reason.constraint.startswith(f"{here.device.name}/")


def _joined(reasons: Iterable[Reason]) -> str:
    return "; ".join(reason.message for reason in reasons)


def _evidence(reasons: Iterable[Reason]) -> Iterator[Evidence]:
    return (Evidence(reason.message, reason.source) for reason in reasons)


RULES: tuple[Rule, ...] = (
    refused_operator,
    undecided_operator,
    undelegated_model,
    hidden_fallback,
    possible_fallback,
    slow_operator,
    wrong_result,
)

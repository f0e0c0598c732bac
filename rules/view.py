"""What a rule is given: a model, facts about it, and the pen that writes findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from npulint.finding import Evidence, Finding
from npulint.rules.identity import Fingerprints, fingerprint

if TYPE_CHECKING:
    from npulint.finding import TargetResult
    from npulint.model import Graph, Model, Node
    from npulint.opsets.profile import Device
    from npulint.opsets.table import Target
    from npulint.partition import Delegation
    from npulint.rules.demands import Demands
    from npulint.rules.facts import Facts
    from npulint.rules.record import Rule
    from npulint.verdict import Verdict


class OnModel:
    """A model as a rule sees it.

    Attributes:
        rule: The rule that looks.
        model: The model.
        facts: What several rules ask of it.
    """

    def __init__(self, rule: Rule, facts: Facts) -> None:
        self.rule = rule
        self.model: Model = facts.model
        self.facts = facts
        self._fingerprints: dict[int, Fingerprints] = {}

    @property
    def _about(self) -> str | None:
        """The target that findings are about."""
        return None

    def at(
        self,
        node: Node,
        why: str,
        *,
        evidence: Iterable[Evidence] = (),
        others: Iterable[int] = (),
        fixes: Iterable[str] | None = None,
    ) -> Finding:
        """A finding about a node. Nodes must come in execution order, graph by graph.

        Args:
            node: The node.
            why: What is wrong with it: goes on after the operator's name and a colon.
            evidence: What shows it, each with its source.
            others: Further nodes of the same graph that it takes to make the matter.
            fixes: Names in the catalogue of what may cure it; the rule's own if None.
        """
        return self._finding(
            f"{node.op}: {why.removeprefix(f'{node.op}: ')}",
            self._prints(self.model.graphs[node.graph]).of(node),
            graph=node.graph,
            index=node.index,
            op=node.op,
            nodes=tuple(sorted({node.index, *others})),
            evidence=tuple(evidence),
            fixes=self.rule.fixes if fixes is None else tuple(fixes),
        )

    def whole(
        self,
        why: str,
        *,
        graph: Graph | None = None,
        key: str = "",
        evidence: Iterable[Evidence] = (),
        others: Iterable[int] = (),
    ) -> Finding:
        """A finding about the model, or about one of its graphs.

        Args:
            why: What is wrong, as a sentence.
            graph: The graph; None for the model.
            key: What tells it from other findings of the rule about the same thing; stable over
                re-exports.
            evidence: What shows it, each with its source.
            others: Nodes of the graph that it is about.
        """
        place = "" if graph is None else str(graph.index)
        return self._finding(
            why,
            fingerprint(self.rule.code, self._about or "", place, key),
            graph=None if graph is None else graph.index,
            nodes=tuple(sorted(set(others))),
            evidence=tuple(evidence),
            fixes=self.rule.fixes,
        )

    def doubt(self, why: str) -> Finding:
        """What cannot be told of the model: information, whatever the rule's severity.

        Args:
            why: What cannot be told and why, as a sentence.
        """
        return Finding(
            code=self.rule.code,
            rule=self.rule.name,
            severity="info",
            message=why,
            target=self._about,
            fingerprint=fingerprint(self.rule.code, self._about or "", "unknown", why),
            unknown=True,
        )

    def unsure(self, nodes: Iterable[Node], why: str) -> Iterable[Finding]:
        """What cannot be told of some nodes, as one finding a graph; nothing for no nodes.

        It is information whatever the rule's severity: an unknown is neither a yes nor a no.

        Args:
            nodes: The nodes of which it cannot be told.
            why: What is not known, as half a sentence (`the size of its input is not known`).
        """
        graphs: dict[int, list[Node]] = {}
        for node in nodes:
            graphs.setdefault(node.graph, []).append(node)
        for number, those in graphs.items():
            ops = ", ".join(sorted({node.op for node in those}))
            yield Finding(
                code=self.rule.code,
                rule=self.rule.name,
                severity="info",
                message=f"cannot be told of {len(those)} nodes ({ops}): {why}"
                if len(those) > 1
                else f"cannot be told of {ops}: {why}",
                target=self._about,
                graph=number,
                index=those[0].index,
                op=those[0].op,
                fingerprint=fingerprint(
                    self.rule.code, self._about or "", str(number), "unknown", why
                ),
                nodes=tuple(sorted(node.index for node in those)),
                unknown=True,
            )

    def _finding(  # noqa: PLR0913 - one parameter a field
        self,
        message: str,
        identity: str,
        *,
        graph: int | None = None,
        index: int | None = None,
        op: str | None = None,
        nodes: tuple[int, ...] = (),
        evidence: tuple[Evidence, ...] = (),
        fixes: tuple[str, ...] = (),
    ) -> Finding:
        return Finding(
            code=self.rule.code,
            rule=self.rule.name,
            severity=self.rule.severity,
            message=message,
            target=self._about,
            graph=graph,
            index=index,
            op=op,
            fingerprint=identity,
            fixes=fixes,
            nodes=nodes,
            evidence=evidence,
        )

    def _prints(self, graph: Graph) -> Fingerprints:
        known = self._fingerprints.get(graph.index)
        if known is None:
            context = [self.rule.code, *([self._about] if self._about else [])]
            known = self._fingerprints[graph.index] = Fingerprints(graph, *context)
        return known


class OnTarget(OnModel):
    """What one target makes of a model, as a rule sees it.

    Attributes:
        result: What the target makes of it: verdicts, pieces, coverage.
        demands: What the user demands of it.
    """

    def __init__(self, rule: Rule, facts: Facts, result: TargetResult, demands: Demands) -> None:
        super().__init__(rule, facts)
        self.result = result
        self.demands = demands

    @property
    def target(self) -> Target:
        """The target, under the device's name where a device was asked."""
        return self.result.target

    @property
    def device(self) -> Device | None:
        """The device that was asked, None for a target."""
        return self.result.device

    def graphs(self) -> Iterator[tuple[Graph, Sequence[Verdict], Delegation]]:
        """Each graph with the verdicts on its nodes and with what is handed over of it."""
        result = self.result
        yield from zip(self.model.graphs, result.verdicts, result.delegations, strict=True)

    def verdicts(self) -> Iterator[tuple[Node, Verdict]]:
        """Each node of each graph with the verdict on it."""
        for graph, verdicts, _ in self.graphs():
            yield from zip(graph.nodes, verdicts, strict=True)

    def fixes(self, node: Node) -> tuple[str, ...]:
        """Names of what in the catalogue would make the target take a node."""
        return tuple(each.name for each in self.result.remedies.get((node.graph, node.index), ()))

    @property
    def _about(self) -> str | None:
        return self.result.target.name

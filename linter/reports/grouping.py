"""Findings put together as people read them: one entry for what is said in the same words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.finding import SEVERITIES
from npulint.reports.wording import ranges

if TYPE_CHECKING:
    from npulint.finding import Finding


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one rule that say the same, of one model.

    Attributes:
        findings: They, in the report's order.
        targets: The targets that they are about, in that order; empty for the model itself.
    """

    findings: tuple[Finding, ...]
    targets: tuple[str, ...]

    @property
    def first(self) -> Finding:
        """One of them: code, rule, severity, message and fixes are those of all."""
        return self.findings[0]

    def where(self, limit: int | None = None) -> str:
        """`nodes 3, 7-9`, and of which graph where it is not the main one; empty for no node.

        Args:
            limit: How many entries of a list of nodes to show; None for all.
        """
        nodes: dict[int, set[int]] = {}
        for each in self.findings:
            if each.graph is not None and each.nodes:
                nodes.setdefault(each.graph, set()).update(each.nodes)
        said = []
        for graph, indexes in sorted(nodes.items()):
            noun = "node" if len(indexes) == 1 else "nodes"
            text = f"{noun} {ranges(indexes, limit)}"
            said.append(f"{text} of graph {graph}" if graph else text)
        return "; ".join(said)


def grouped(findings: Iterable[Finding]) -> tuple[Group, ...]:
    """Put findings together that differ in node and target only, the gravest first."""
    alike: dict[tuple[str, str, str, bool], list[Finding]] = {}
    for each in findings:
        key = (each.severity, each.code, each.message, each.unknown)
        alike.setdefault(key, []).append(each)
    groups = [
        Group(tuple(those), tuple(dict.fromkeys(each.target for each in those if each.target)))
        for those in alike.values()
    ]
    return tuple(sorted(groups, key=lambda group: -SEVERITIES.index(group.first.severity)))

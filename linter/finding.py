"""What a run of the linter says: findings, per-target results, and the report that holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from npulint.cost import Summary
    from npulint.joins import Join
    from npulint.model import Dialect, Model
    from npulint.opsets.profile import Device
    from npulint.opsets.table import Target
    from npulint.partition import Delegation, Partition
    from npulint.verdict import Caution, Verdict

Severity: TypeAlias = Literal["error", "warning", "info"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")
"""From the mildest to the gravest."""

FailOn: TypeAlias = Literal["error", "warning", "info", "never"]
"""The mildest severity that fails a run."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows that a finding is right: a sentence and where it is written down."""

    message: str
    source: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule has to say.

    Attributes:
        code: The rule's stable code (`NPU101`).
        rule: The rule's name, which names the offence.
        severity: How grave it is.
        message: One sentence.
        target: The target it is about, None for the model itself.
        graph: Graph index of the node it is about, if it is about one.
        index: Node index, likewise.
        op: Operator name, likewise.
        fingerprint: Stable over re-exports: does not hang on indexes or exporter-made names.
        fixes: Names in the catalogue of what may cure it.
        nodes: Positions of all nodes that it is about, ascending; `index` is one of them.
        evidence: What shows it, each with its source.
        unknown: Whether the rule cannot tell, and says why. Such a finding is information.
        file: The configuration or the baseline, for a finding that is about that and no model.
        line: The line of that file.
    """

    code: str
    rule: str
    severity: Severity
    message: str
    target: str | None = None
    graph: int | None = None
    index: int | None = None
    op: str | None = None
    fingerprint: str = ""
    fixes: tuple[str, ...] = ()
    nodes: tuple[int, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    unknown: bool = False
    file: Path | None = None
    line: int | None = None


def fails(finding: Finding, fail_on: FailOn) -> bool:
    """Whether a finding fails a run. What is unknown is information and counts as such."""
    if fail_on == "never":
        return False
    return SEVERITIES.index(finding.severity) >= SEVERITIES.index(fail_on)


@dataclass(frozen=True, slots=True)
class Silenced:
    """A finding that the user has accepted.

    Attributes:
        finding: What was found.
        by: Who silences it: a suppression of the configuration, or the baseline.
        reason: Why, in the user's words; empty for the baseline.
        until: The last day on which that holds, `YYYY-MM-DD`; None for ever.
    """

    finding: Finding
    by: Literal["suppression", "baseline"]
    reason: str = ""
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """Shares of a model, from 0 to 1, that the runtime hands to the accelerator for certain.

    Attributes:
        nodes: Share of nodes.
        macs: Share of multiply-accumulates; None where they are unknown or there are none.
    """

    nodes: float
    macs: float | None


@dataclass(frozen=True, slots=True)
class Remedy:
    """A realisation that would make a target take a node that it refuses.

    Attributes:
        name: Its name in the catalogue (`transpose-conv/sub-pixel`).
        exactness: `exact`, or `lossy` for one that changes what the network computes.
        moves: Whether it only moves values and computes nothing.
    """

    name: str
    exactness: Literal["exact", "calibrated", "lossy"]
    moves: bool = False


@dataclass(frozen=True)
class TargetResult:
    """What one target makes of one model.

    Attributes:
        target: The target that was asked.
        via: By which conversion a model of another dialect was judged, else None.
        verdicts: One verdict a node, graph by graph.
        delegations: What the runtime hands over, graph by graph.
        coverage: Over all graphs.
        cautions: The target's own warnings, as far as they concern this model.
        joins: For each graph that is cut into several pieces, what would join them.
        device: The device that was asked, None for a target; `target` is then its path under the
            device's name.
        remedies: What would cure nodes that do not run on the accelerator, by graph and position;
            empty where that was not asked.
    """

    target: Target
    via: str | None
    verdicts: tuple[tuple[Verdict, ...], ...]
    delegations: tuple[Delegation, ...]
    coverage: Coverage
    cautions: tuple[Caution, ...] = ()
    joins: tuple[Join, ...] = ()
    device: Device | None = None
    remedies: Mapping[tuple[int, int], tuple[Remedy, ...]] = field(default_factory=dict)

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """The pieces of all graphs, in the order in which they run."""
        return tuple(piece for part in self.delegations for piece in part.partitions)

    @property
    def node_share(self) -> float | None:
        """The share of nodes that is handed over, None where there is no node."""
        return self.coverage.nodes if any(self.verdicts) else None

    @property
    def refuses(self) -> bool:
        """Whether it refuses any node."""
        return any(each.status == "unsupported" for graph in self.verdicts for each in graph)

    @property
    def in_doubt(self) -> bool:
        """Whether the runtime may take everything back that it has handed over."""
        return any(part.doubt is not None for part in self.delegations)


@dataclass(frozen=True)
class ModelResult:
    """One model file: what was read, what each target makes of it, and the findings.

    Attributes:
        path: The file as the user named it.
        error: Why it could not be read, in one sentence; everything else is empty then.
        findings: What the rules say and nobody has silenced.
        silenced: What they say and the user has accepted.
        fail_on: The mildest severity of its findings that fails a run, where that is another than
            for the rest of the run.
    """

    path: Path
    error: str | None = None
    model: Model | None = None
    summary: Summary | None = None
    targets: tuple[TargetResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    silenced: tuple[Silenced, ...] = ()
    fail_on: FailOn | None = None

    @property
    def dialect(self) -> Dialect | None:
        """The dialect of the model, None when it could not be read."""
        return None if self.model is None else self.model.dialect


@dataclass(frozen=True)
class Report:
    """The outcome of one run over one or more model files.

    Attributes:
        models: One result a file, in the order given.
        notes: What the user should know about the run itself (which targets were assumed).
        findings: What the run shows of what the user has accepted: findings about suppressions and
            the baseline, and about no model.
    """

    models: tuple[ModelResult, ...]
    notes: tuple[str, ...] = field(default=())
    findings: tuple[Finding, ...] = ()

    def worst(self) -> Severity | None:
        """The gravest severity among all findings, None when there is none."""
        found = {each.severity for each in self.all_findings()}
        return next((severity for severity in reversed(SEVERITIES) if severity in found), None)

    def fails(self, fail_on: FailOn) -> bool:
        """Whether a finding fails the run; `fail_on` holds where a model has none of its own."""
        return any(fails(each, fail_on) for each in self.findings) or any(
            fails(each, result.fail_on or fail_on)
            for result in self.models
            for each in result.findings
        )

    def all_findings(self) -> Iterator[Finding]:
        """What nobody has silenced, of all models and then of the run."""
        for result in self.models:
            yield from result.findings
        yield from self.findings

    @property
    def failed(self) -> bool:
        """Whether any file could not be read."""
        return any(result.error is not None for result in self.models)

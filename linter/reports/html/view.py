"""What the page shows, as plain values that its templates only have to write down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING

from npulint.reports.html import figures
from npulint.reports.html.gather import Gathered, gather
from npulint.reports.html.view_findings import Entry, RuleView, by_rule, rule_views, silenced
from npulint.reports.html.view_targets import Bar, TargetView, bar, target_view
from npulint.reports.wording import count, of_unit, plural, printable, share, size

if TYPE_CHECKING:
    from npulint.finding import Finding, ModelResult, Report
    from npulint.model import Graph
    from npulint.reports.html.standing import Standing

_UNFOLDED = 3
"""Models up to which all stand open."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One target's ribbon in both widths.

    Attributes:
        number: The target's position.
        name: Its name.
        said: What it comes to, for those who do not see it.
        ribbons: The ribbon by the width's name.
    """

    number: int
    name: str
    said: str
    ribbons: dict[figures.Scale, figures.Ribbon]


@dataclass(frozen=True, slots=True)
class GraphView:
    """The figure of one graph.

    Attributes:
        number: The graph's position.
        title: What it is called, empty where the model has no other.
        nodes: Number of nodes.
        scales: The widths that can be shown.
        curves: The memory curve by the width's name; empty where it is not known.
        lanes: The targets' ribbons.
        unknown_macs: How many nodes have an unknown number of multiply-accumulates.
    """

    number: int
    title: str
    nodes: int
    scales: tuple[figures.Scale, ...]
    curves: dict[figures.Scale, figures.Curve]
    lanes: tuple[Lane, ...]
    unknown_macs: int

    @property
    def crowded(self) -> bool:
        """Whether some ribbon has more runs than there is room for."""
        return any(lane.ribbons["nodes"].shares for lane in self.lanes)


@dataclass(frozen=True, slots=True)
class Cell:
    """What a target makes of a model, in the overview."""

    bar: Bar
    nodes: str
    pieces: str
    errors: int


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model.

    Attributes:
        number: Its position in the report.
        name: Its file's name.
        path: Its path as the user named it.
        error: Why it could not be read, None where it could.
        figures: Its figures with their names.
        targets: What each target makes of it.
        graphs: The figures of its graphs.
        rules: Its findings, rule by rule.
        silenced: Findings that the user has accepted.
        errors: How many findings are errors.
        warnings: How many are warnings.
        infos: How many are information.
        via: By which conversions it was judged.
    """

    number: int
    name: str
    path: str
    error: str | None = None
    figures: tuple[tuple[str, str], ...] = ()
    targets: tuple[TargetView, ...] = ()
    graphs: tuple[GraphView, ...] = ()
    rules: tuple[RuleView, ...] = ()
    silenced: tuple[Entry, ...] = ()
    errors: int = 0
    warnings: int = 0
    infos: int = 0
    via: tuple[str, ...] = ()
    nodes: int = 0


class Page:
    """The whole report.

    Attributes:
        report: What was found.
        gathered: Of each model what several parts ask, None for one that could not be read.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.gathered = tuple(map(gather, report.models))

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """The names of all targets, in the order in which they come."""
        results = (each for model in self.report.models for each in model.targets)
        return tuple(dict.fromkeys(printable(each.target.name) for each in results))

    @cached_property
    def models(self) -> tuple[ModelView, ...]:
        """Every model, in the report's order."""
        return tuple(
            _unreadable(number, result)
            if gathered is None
            else _Model(number, gathered, self.targets).view()
            for number, (result, gathered) in enumerate(
                zip(self.report.models, self.gathered, strict=True)
            )
        )

    @cached_property
    def rules(self) -> tuple[tuple[str, str], ...]:
        """Code and name of every rule that found something."""
        found = {(rule.code, rule.name) for model in self.models for rule in model.rules}
        return tuple(sorted(found))

    @cached_property
    def closing(self) -> str:
        """How much there is, in one line."""
        said = [
            plural(len(self.models), "model"),
            plural(len(self.targets), "target"),
            *(
                plural(sum(each.severity == noun for each in self.report.all_findings()), noun)
                for noun in ("error", "warning")
            ),
        ]
        unread = sum(model.error is not None for model in self.models)
        return " · ".join([*said, f"{unread} unreadable"] if unread else said)

    @cached_property
    def title(self) -> str:
        """What the window is called."""
        if len(self.models) == 1:
            return f"{self.models[0].name} · npulint"
        return f"{plural(len(self.models), 'model')} · npulint"

    @property
    def folded(self) -> bool:
        """Whether each model is opened by the reader: of many, few are looked at."""
        return len(self.models) > _UNFOLDED

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about the run."""
        return tuple(map(printable, self.report.notes))

    @property
    def about_the_run(self) -> tuple[Finding, ...]:
        """What is found of suppressions and the baseline."""
        return self.report.findings

    def cell(self, model: ModelView, target: str) -> Cell | None:
        """What a target makes of a model; None where it was not asked."""
        found = next((each for each in model.targets if each.name == target), None)
        if found is None:
            return None
        return Cell(found.bar, found.nodes, found.pieces, found.errors)


def _unreadable(number: int, result: ModelResult) -> ModelView:
    name, path = _named(result)
    return ModelView(number, name, path, printable(result.error or ""))


def _named(result: ModelResult) -> tuple[str, str]:
    path = str(result.path)
    return printable(PurePath(path).name or path), printable(path)


class _Model:
    def __init__(self, number: int, gathered: Gathered, targets: Sequence[str]) -> None:
        self.number = number
        self.gathered = gathered
        self.targets = targets

    def view(self) -> ModelView:
        result = self.gathered.result
        name, path = _named(result)
        severities = Counter(each.severity for each in result.findings)
        vias = dict.fromkeys(each.via for each in result.targets if each.via)
        return ModelView(
            self.number,
            name,
            path,
            figures=tuple(self._figures()),
            targets=tuple(
                target_view(self.gathered, number, self.targets)
                for number in range(len(result.targets))
            ),
            graphs=tuple(self._graph(graph) for graph in self.gathered.model.graphs),
            rules=rule_views(by_rule(result.findings), self.gathered, self.targets),
            silenced=silenced(self.gathered, self.targets),
            errors=severities["error"],
            warnings=severities["warning"],
            infos=severities["info"],
            via=tuple(map(printable, vias)),
            nodes=self.gathered.summary.nodes,
        )

    def _figures(self) -> Iterator[tuple[str, str]]:
        model, summary = self.gathered.model, self.gathered.summary
        yield "format", "TFLite" if model.dialect == "tflite" else "ONNX"
        yield "nodes", count(summary.nodes)
        yield "parameters", count(summary.parameters)
        yield "multiply-accumulates", of_unit(summary.macs, "MAC")
        yield "peak activations", size(summary.peak_activation_bytes)
        yield "weights", size(summary.weight_bytes)
        yield "file", size(model.size)

    def _graph(self, graph: Graph) -> GraphView:
        macs = self.gathered.macs[graph.index]
        alive = self.gathered.alive[graph.index]
        scales: tuple[figures.Scale, ...] = ("nodes", "macs") if any(macs) else ("nodes",)
        places = {scale: figures.edges(macs, scale) for scale in scales}
        drawn = alive if graph.nodes else None
        return GraphView(
            graph.index,
            self._title(graph),
            len(graph.nodes),
            scales,
            {} if drawn is None else {s: figures.curve(drawn, places[s]) for s in scales},
            tuple(
                self._lane(number, graph.index, places)
                for number in range(len(self.gathered.targets))
            ),
            sum(each is None for each in macs),
        )

    def _title(self, graph: Graph) -> str:
        if len(self.gathered.model.graphs) == 1:
            return ""
        return f"graph {graph.index}: {printable(graph.name) or graph.kind}"

    def _lane(self, number: int, graph: int, places: dict[figures.Scale, tuple[int, ...]]) -> Lane:
        target = self.gathered.targets[number]
        who, pieces = target.who[graph], target.pieces[graph]
        refused = [verdict.status == "unsupported" for verdict in target.result.verdicts[graph]]
        return Lane(
            number,
            printable(target.result.target.name),
            _said(who),
            {scale: figures.ribbon(who, pieces, refused, edges) for scale, edges in places.items()},
        )


def _said(who: Sequence[Standing]) -> str:
    """Shares of nodes in words: `accelerator 92.5 %, CPU 7.5 %`."""
    return ", ".join(f"{part.label} {share(part.share)}" for part in bar(who).parts)

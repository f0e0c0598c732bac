"""What a new version of a model makes better or worse, on each target."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from npulint.reports.matrix import pieces
from npulint.reports.wording import columns, of_unit, printable, share, size
from npulint.reports.wrapping import wrapped

if TYPE_CHECKING:
    from npulint.cost import Summary
    from npulint.finding import ModelResult, TargetResult
    from npulint.reports.wrapping import Layout


@dataclass(frozen=True, slots=True)
class Line:
    """One figure before and after.

    Attributes:
        what: Name of the figure.
        before: As people read it.
        after: Likewise.
        gain: Above zero where it became better, below where worse, 0 where equal or where
            neither is known to be better.
    """

    what: str
    before: str
    after: str
    gain: float = 0

    @property
    def changed(self) -> bool:
        """Whether the figure moved at all."""
        return self.before != self.after or self.gain != 0


@dataclass(frozen=True, slots=True)
class Change:
    """Two versions of a model: the model's own figures, and those on each target.

    Attributes:
        old: The file of the old version.
        new: The file of the new one.
        figures: Figures of the model itself.
        targets: Figures on each target, by its name.
        notes: What the user should know about the run itself.
    """

    old: str
    new: str
    figures: tuple[Line, ...]
    targets: tuple[tuple[str, tuple[Line, ...]], ...]
    notes: tuple[str, ...] = ()

    @property
    def worse(self) -> bool:
        """Whether anything became worse on any target."""
        return any(line.gain < 0 for _, lines in self.targets for line in lines)


def compare(old: ModelResult, new: ModelResult) -> Change:
    """Compare two results, target by target, for the targets that both were asked about."""
    before = {each.target.name: each for each in old.targets}
    targets = []
    for after in new.targets:
        name = after.target.name
        if name in before:
            cut = after.target.partitioning is not None
            lines = [*_handed_over(before[name], after)] if cut else []
            for status, word in (("unsupported", "refused"), ("unknown", "unknown")):
                lines += _operators(word, _count(old, name, status), _count(new, name, status))
            targets.append((name, tuple(lines)))
    figures = _figures(old.summary, new.summary) if old.summary and new.summary else ()
    return Change(str(old.path), str(new.path), tuple(figures), tuple(targets))


def _figures(old: Summary, new: Summary) -> Iterator[Line]:
    yield Line("nodes", f"{old.nodes:,}", f"{new.nodes:,}")
    yield Line("parameters", f"{old.parameters:,}", f"{new.parameters:,}")
    yield Line("MACs", of_unit(old.macs, "MAC"), of_unit(new.macs, "MAC"))
    yield Line("peak", size(old.peak_activation_bytes), size(new.peak_activation_bytes))
    yield Line("weights", size(old.weight_bytes), size(new.weight_bytes))


def _handed_over(old: TargetResult, new: TargetResult) -> Iterator[Line]:
    gain = new.coverage.nodes - old.coverage.nodes
    yield Line("nodes handed over", share(old.node_share), share(new.node_share), gain)
    before, after = old.coverage.macs, new.coverage.macs
    gain = 0 if before is None or after is None else after - before
    yield Line("MACs handed over", share(before), share(after), gain)
    # A piece less is a gain only where no less is handed over; a piece more is a loss only where
    # no more is.
    fewer = pieces(old) - pieces(new)
    more = new.coverage.nodes - old.coverage.nodes
    telling = fewer * more >= 0
    yield Line("pieces", str(pieces(old)), str(pieces(new)), fewer if telling else 0)


def _operators(word: str, before: Counter[str], after: Counter[str]) -> Iterator[Line]:
    """How often each operator was met; more of one is no loss where others make up for it."""
    made_up = after.total() <= before.total()
    for op in sorted(before.keys() | after.keys()):
        if before[op] != after[op]:
            gain = before[op] - after[op]
            name = f"{word} {printable(op)}"
            yield Line(name, str(before[op]), str(after[op]), 0 if gain < 0 and made_up else gain)


def _count(result: ModelResult, target: str, status: str) -> Counter[str]:
    """How often each operator got a verdict on a target."""
    graphs = result.model.graphs if result.model else ()
    verdicts = next(each.verdicts for each in result.targets if each.target.name == target)
    return Counter(
        node.op
        for graph, judged in zip(graphs, verdicts, strict=True)
        for node, verdict in zip(graph.nodes, judged, strict=True)
        if verdict.status == status
    )


def render_text(change: Change, layout: Layout) -> str:
    """Draw what moved, ending in a newline."""
    lines = [f"{printable(change.old)} -> {printable(change.new)}"]
    lines += _table(change.figures, layout)
    for name, moved in change.targets:
        lines += ["", layout.style.bold(f"  {name}")]
        lines += _table([line for line in moved if line.changed], layout) or ["    no change"]
    lines += ["", *(wrapped(f"note: {note}", layout, "", "      ") for note in change.notes)]
    lines.append(_closing(change, layout))
    return "\n".join(lines) + "\n"


def _table(lines: Sequence[Line], layout: Layout) -> list[str]:
    rows = [(line.what, line.before, "->", line.after, _word(line)) for line in lines]
    drawn = columns(rows, indent="    ")
    return [
        layout.style.error(text) if line.gain < 0 else text
        for text, line in zip(drawn, lines, strict=True)
    ]


def _word(line: Line) -> str:
    if line.gain == 0:
        return ""
    return "better" if line.gain > 0 else "worse"


def _closing(change: Change, layout: Layout) -> str:
    gains = [line.gain for _, lines in change.targets for line in lines]
    if change.worse:
        return layout.style.error("worse on some target")
    return layout.style.good("better, and worse nowhere" if any(gains) else "no change on targets")


def render_json(change: Change) -> str:
    """Draw a change as one JSON object, ending in a newline."""
    document: dict[str, Any] = {
        "old": change.old,
        "new": change.new,
        "worse": change.worse,
        "notes": list(change.notes),
        "figures": [_document(line) for line in change.figures],
        "targets": {name: [_document(line) for line in lines] for name, lines in change.targets},
    }
    return json.dumps(document) + "\n"


def _document(line: Line) -> dict[str, Any]:
    return {"what": line.what, "before": line.before, "after": line.after, "gain": line.gain}

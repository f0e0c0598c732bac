"""Predictions held against what ran: how often is a yes right, and how much is found?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.device.evidence import gather
from npulint.device.predictions import Prediction, choose, read_predictions
from npulint.errors import UsageError

if TYPE_CHECKING:
    from npulint.device.placing import Place
    from npulint.device.predictions import Predicted, Says


@dataclass(frozen=True, slots=True)
class Tally:
    """How many nodes were predicted and observed how.

    Attributes:
        true_yes: Predicted and seen on the accelerator.
        false_yes: Predicted there, and seen on the CPU.
        false_no: Predicted on the CPU, and seen on the accelerator.
        true_no: Predicted and seen on the CPU.
        abstained: Seen somewhere, and not predicted.
        unobserved: Of which no run shows who ran them.
    """

    true_yes: int = 0
    false_yes: int = 0
    false_no: int = 0
    true_no: int = 0
    abstained: int = 0
    unobserved: int = 0

    @property
    def compared(self) -> int:
        """Nodes of which both are known."""
        return self.true_yes + self.false_yes + self.false_no + self.true_no

    @property
    def precision(self) -> float | None:
        """The share of yes that was right; None without a yes that could be checked."""
        return _share(self.true_yes, self.false_yes)

    @property
    def recall(self) -> float | None:
        """The share of what ran on the accelerator that was predicted; None without any."""
        return _share(self.true_yes, self.false_no)

    @property
    def false_yes_rate(self) -> float | None:
        """The share of yes that was wrong."""
        return _share(self.false_yes, self.true_yes)


@dataclass(frozen=True, slots=True)
class Held:
    """One node's prediction beside one run.

    Attributes:
        node: The node.
        says: What was predicted of what the run shows: that it is accepted, for a compiler; that
            it runs there, for a phone.
        on: Who ran it, or would.
        run: Which run, by its place.
    """

    node: Predicted
    says: Says
    on: Place
    run: int

    @property
    def wrong(self) -> bool:
        """Whether the prediction was wrong."""
        return (self.says, self.on) in {("yes", "cpu"), ("no", "accelerator")}


@dataclass(frozen=True, slots=True)
class Audit:
    """Predictions beside runs.

    Attributes:
        prediction: What was predicted.
        runs: What was run, in words.
        held: Every node beside every run.
    """

    prediction: Prediction
    runs: tuple[str, ...]
    held: tuple[Held, ...]

    @property
    def wrong(self) -> list[Held]:
        """Where the prediction was wrong, in order."""
        return [each for each in self.held if each.wrong]

    def tally(self, held: Iterable[Held] | None = None) -> Tally:
        """Count some of the nodes; all where none are given."""
        counts = dict.fromkeys(_NAMES.values(), 0) | {"abstained": 0, "unobserved": 0}
        for each in self.held if held is None else held:
            counts[_name(each)] += 1
        return Tally(**counts)

    def by_operator(self) -> dict[str, Tally]:
        """Count operators apart, by their names."""
        groups: dict[str, list[Held]] = {}
        for each in self.held:
            groups.setdefault(each.node.op, []).append(each)
        return {op: self.tally(groups[op]) for op in sorted(groups)}


def audit(
    report: Path,
    logs: Sequence[Path],
    *,
    target: str | None = None,
    model: str | None = None,
    backends: Sequence[str] = (),
) -> Audit:
    """Hold a report's predictions against runs.

    Args:
        report: A JSON report of `npulint check`.
        logs: Reports of `device run` and `host run`, and logs.
        target: The target whose predictions are meant; None for the only one.
        model: The model; None for the only one.
        backends: Which runs of reports count; empty for those that the target is about.

    Raises:
        UsageError: A file cannot be read or does not fit, or no run shows who ran anything.
    """
    prediction = choose(read_predictions(report), report, target, model)
    found = gather(logs, prediction, backends)
    nodes = {(node.graph, node.index): node for node in prediction.nodes}
    held = []
    for run, evidence in enumerate(found):
        for seen in evidence.nodes:
            node = nodes[seen.graph, seen.index]
            says = node.accepted if evidence.compiled else node.says
            held.append(Held(node, says, seen.on, run))
    told = Audit(prediction, tuple(each.what for each in found), tuple(held))
    if all(each.on == "unknown" for each in held):
        raise UsageError(f"{'; '.join(told.runs)}: nothing there proves who ran a node")
    if not told.tally().compared:
        raise UsageError(f"{report}: predicts nothing of the nodes that were seen")
    return told


_NAMES = {
    ("yes", "accelerator"): "true_yes",
    ("yes", "cpu"): "false_yes",
    ("no", "accelerator"): "false_no",
    ("no", "cpu"): "true_no",
}


def _name(held: Held) -> str:
    if held.on == "unknown":
        return "unobserved"
    return _NAMES.get((held.says, held.on), "abstained")


def _share(right: int, wrong: int) -> float | None:
    return right / (right + wrong) if right + wrong else None

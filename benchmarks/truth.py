"""How far npulint's predictions agree with what the delegates' own code answered.

    python benchmarks/truth.py FOLDER                   # every target that is known
    python benchmarks/truth.py FOLDER -t nnapi-1.2      # one of them
    python benchmarks/truth.py tests/truth --page docs/accuracy.md

FOLDER holds `expected.json` and `models/NAME.tflite`. For each target the table says how many
nodes were judged, the share that agrees, how many were wrongly accepted (false yes) and wrongly
refused (false no) or left unknown, and on how many models the pieces, the nodes handed over
because of float16 weights, and the refusal of the whole model differ. Below it stands every
disagreement. Exit code: 0 when all agree, 1 when not, 2 when the folder cannot be used.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from npulint.bodies import Bodies
from npulint.errors import NpulintError, UsageError
from npulint.formats import load
from npulint.model import Graph, Model
from npulint.opsets import load_target, targets
from npulint.opsets.table import Target
from npulint.output import write_whole
from npulint.partition import CPU, Delegation, delegate
from npulint.pieces import cut
from npulint.verdict import Verdict, judge_graph

COLUMNS = ("target", "nodes", "agree", "yes!", "no!", "unknown", "pieces", "float16", "whole")
LEGEND = (
    "yes!: wrongly accepted   no!: wrongly refused   pieces, float16, whole: models that differ"
)


@dataclass
class Tally:
    """What came out for one target, over all models."""

    target: str
    nodes: int = 0
    yes: int = 0
    false_yes: int = 0
    false_no: int = 0
    unknown: int = 0
    pieces: int = 0
    float16: int = 0
    whole: int = 0
    lines: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """Nodes on which the two disagree."""
        return self.false_yes + self.false_no + self.unknown

    def row(self) -> tuple[str, ...]:
        """The figures as text, in the order of `COLUMNS`."""
        share = 100 * (1 - self.wrong / self.nodes) if self.nodes else 100.0
        counts = (self.false_yes, self.false_no, self.unknown, self.pieces, self.float16)
        # Cut, not rounded: 100.00 % is said only of complete agreement.
        agree = f"{int(share * 100) / 100:.2f} %"
        return (self.target, f"{self.nodes}", agree, *(f"{n}" for n in (*counts, self.whole)))


def measure(folder: Path, wanted: Sequence[str] = ()) -> tuple[list[Tally], list[str]]:
    """Compare our predictions with a folder of truth.

    Args:
        folder: Holds `expected.json` and `models`.
        wanted: Names of the targets to compare; all that are known when empty.

    Returns:
        One tally a target, and the names of the targets in the folder that are not judged.

    Raises:
        UsageError: The folder is not of that form.
        NpulintError: A model cannot be read.
    """
    expected = _read(folder)
    named = sorted({name for answer in expected.values() for name in answer["targets"]})
    known = set(targets())
    chosen = [name for name in named if name in known and (not wanted or name in wanted)]
    tallies = {name: Tally(name) for name in chosen}
    for name, answer in sorted(expected.items()):
        model = load(folder / "models" / f"{name}.tflite")
        for target in chosen:
            if target in answer["targets"]:
                _compare(name, model, answer, load_target(target), tallies[target])
    return list(tallies.values()), [name for name in named if name not in known]


def _read(folder: Path) -> dict[str, Any]:
    path = folder / "expected.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["models"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: no answers to compare with ({error})") from None
    return content


def _compare(name: str, model: Model, answer: Any, target: Target, tally: Tally) -> None:
    """Compare one model on one target, and count."""
    graph = model.graphs[0]
    said = answer["targets"][target.name]
    verdicts = judge_graph(graph, target)
    checked = by_check_alone(target)
    seen = judge_graph(graph, checked)
    result = delegate(graph, seen, checked, bodies=Bodies(model.graphs))
    for line in _nodes(graph, verdicts, said, tally):
        tally.lines.append(f"{name}: {line}")
    for column, line in _whole(graph, seen, result, answer, said):
        setattr(tally, column, getattr(tally, column) + 1)
        tally.lines.append(f"{name}: {line}")


def by_check_alone(target: Target) -> Target:
    """The target as its delegate's own check has it.

    The answers come from delegates whose accelerator takes whatever they add to its model, so
    what building a node demands beyond the check never comes up in them.
    """
    entries = {op: replace(entry, build=()) for op, entry in target.entries.items()}
    return replace(target, entries=entries)


def _nodes(graph: Graph, verdicts: Sequence[Verdict], said: Any, tally: Tally) -> Iterator[str]:
    accepted = set(said["accepted"])
    for node, verdict in zip(graph.nodes, verdicts, strict=True):
        tally.nodes += 1
        ours, truth = verdict.validation, "accepted" if node.index in accepted else "refused"
        tally.yes += ours == "accepted"
        if ours == truth:
            continue
        if ours == "unknown":
            tally.unknown += 1
        elif ours == "accepted":
            tally.false_yes += 1
        else:
            tally.false_no += 1
        why = "; ".join(reason.message for reason in verdict.reasons) or "no reason"
        kinds = ", ".join(said["refused"].get(str(node.index), ()))
        yield (
            f"node {node.index} {node.op} v{node.version}: we say {ours} ({why}), "
            f"the delegate {truth}{f' ({kinds})' if kinds else ''}"
        )


def _whole(
    graph: Graph, verdicts: Sequence[Verdict], result: Delegation, answer: Any, said: Any
) -> Iterator[tuple[str, str]]:
    """What differs about the model as a whole: a column of the table, and a line."""
    sizes = _sizes(graph, verdicts, result, float16="delegated_fp16" in said)
    if sizes != said["partitions"]:
        yield "pieces", f"pieces of {sizes} nodes, the delegate cuts {said['partitions']}"
    if "delegated_fp16" in said:
        kept = {i for piece in result.partitions if piece.runs_on == CPU for i in piece.nodes}
        taken = [node.index for node in graph.nodes if node.index not in kept]
        if taken != sorted(said["delegated_fp16"]):
            yield (
                "float16",
                f"float16 weights: we hand over {taken}, the delegate {said['delegated_fp16']}",
            )
    ours = None if result.obstacle is None else result.obstacle.kind
    truth = None if answer["delegated_at_all"] else answer["why_not"]
    if ours != truth:
        why = result.why_not or "handed over"
        yield "whole", f"the whole model: we say {ours} ({why}), the runtime {truth}"


def _sizes(
    graph: Graph, verdicts: Sequence[Verdict], result: Delegation, *, float16: bool
) -> list[int]:
    """Nodes of each piece before limits, cut from the verdicts on the file as it stands.

    A delegate that looks through float16 weights cuts from other verdicts in the end.
    """
    if not float16:
        return [len(piece.nodes) for piece in result.partitions if piece.runs_on != CPU]
    accepted = [verdict.validation == "accepted" for verdict in verdicts]
    return [len(piece.nodes) for piece in cut(graph, accepted) if piece.handed]


def show(tallies: Sequence[Tally], foreign: Sequence[str]) -> str:
    """The table, and every disagreement below it."""
    rows = [COLUMNS, *(tally.row() for tally in tallies)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    ]
    lines.append(LEGEND)
    if foreign:
        lines.append(f"not judged, no table knows them: {', '.join(foreign)}")
    for tally in tallies:
        if tally.lines:
            lines += ["", tally.target, *(f"  {line}" for line in tally.lines)]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="holds expected.json and models/")
    parser.add_argument("-t", "--target", action="append", default=[], help="only this target")
    parser.add_argument("--page", type=Path, help="write a page of the documentation")
    given = parser.parse_args(arguments)
    try:
        unknown = sorted(set(given.target) - set(targets()))
        if unknown:
            raise UsageError(f"no table knows the target {', '.join(unknown)}")
        tallies, foreign = measure(given.folder, given.target)
        if given.page is not None:
            from truth_page import page

            write_whole(given.page, page(tallies, len(_read(given.folder))))
    except NpulintError as error:
        print(f"truth: {error}", file=sys.stderr)
        return 2
    print(show(tallies, foreign))
    return 1 if any(tally.lines for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())

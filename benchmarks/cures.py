"""What `npulint fix` makes of the reference networks, for each set of targets.

    python benchmarks/cures.py -o docs/cures.md --keep cures.jsonl     # all of them
    python benchmarks/cures.py unet_small pmrid -t neuron              # some, for one target

Each network is built small, in both formats, and rewritten for each set of targets (names joined
by `+`) by exact realisations only. The table says how many nodes stay on the CPU for certain or
perhaps, before and after; below it stands everything that stays, with the condition that each
candidate realisation failed. Networks that are built once are kept in the cache, and with
`--keep` finished rows in a file: what was stopped goes on where it was, as long as neither the
code nor a table has changed. All of them take more than an hour of one core; `--finished` draws
the page of what there is. Exit code: 0 when every rewritten model computes the same as before, 1
when one does not.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent))

from code_state import digest
from kept import Kept

from npulint.cure import FixResult, fix
from npulint.engine import check
from npulint.finding import ModelResult, TargetResult
from npulint.formats import load
from npulint.model import Model
from npulint.output import write_whole
from npulint.reference_models.catalogue import CATALOGUE, define
from npulint.reference_models.recipe import Recipe
from npulint.reference_models.trial import TOLERANCE, exported, small
from npulint.workers import spread

SETS = (
    "mate30-pro-5g",
    "reno3-5g",
    "pixel-4",
    "mate30-pro-5g+reno3-5g+pixel-4",
    "nnapi-1.1",
    "nnapi-1.2",
    "neuron",
    "hiai",
    "tflite-gpu",
)
FORMATS = ("tflite", "onnx")
NETWORKS = tuple(CATALOGUE)


@dataclass(frozen=True)
class Left:
    """Nodes of one operator that stay, and why each way does not serve them."""

    op: str
    status: str
    count: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """One file on one set of targets.

    Attributes:
        before: Nodes that some target refuses, and nodes that none refuses and some is in doubt of.
        after: The same of the rewritten model.
        growth: Multiply-accumulates after, in parts of those before.
        error: Largest difference from the original, in parts of the output's range, on samples
            on which the original does not amplify its own rounding.
        problem: Why nothing was written although something was rewritten.
        left: What stays.
    """

    before: tuple[int, int]
    after: tuple[int, int]
    growth: float = 1.0
    error: float = 0.0
    problem: str = ""
    left: tuple[Left, ...] = ()

    def text(self) -> str:
        """The cell of the table."""
        if self.problem:
            return "held back"
        said = [f"{self.before[0]} → {self.after[0]}"] if self.before[0] else []
        if self.before[1] or self.after[1]:
            said.append(f"doubts {self.before[1]} → {self.after[1]}")
        if self.growth > 1.005:
            said.append(f"{self.growth:.2f}x MACs")
        return ", ".join(said) or "takes it"


@dataclass(frozen=True)
class Row:
    """One network in one format: what became of it for each set of targets."""

    network: str
    form: str
    cells: dict[str, Cell]


UNTOUCHED = Cell((0, 0), (0, 0))


def cure(model: Model, targets: Sequence[str]) -> Cell:
    """Rewrite one model and say what stays."""
    result = fix(model, targets)
    final = result.before if result.held_back else result.result
    before, after = _count(result.before.targets), _count(final.targets)
    old, new = (_macs(each) for each in (result.before, final))
    return Cell(
        before,
        after,
        growth=new / old if old else 1.0,
        error=_error(result),
        problem=result.held_back,
        left=tuple(_left(result, final)),
    )


def _open_nodes(targets: Sequence[TargetResult]) -> dict[tuple[int, int], str]:
    """Worst status of each node that some target does not take."""
    found: dict[tuple[int, int], str] = {}
    for target in targets:
        for graph, verdicts in enumerate(target.verdicts):
            for index, verdict in enumerate(verdicts):
                if verdict.status == "unsupported":
                    found[graph, index] = "refused"
                elif verdict.status == "unknown":
                    found.setdefault((graph, index), "may fall back")
    return found


def _count(targets: Sequence[TargetResult]) -> tuple[int, int]:
    states = [*_open_nodes(targets).values()]
    return states.count("refused"), states.count("may fall back")


def _left(result: FixResult, final: ModelResult) -> Iterator[Left]:
    """What stays, with the ways that were weighed for it."""
    ways: dict[str, dict[str, str]] = {}
    for choice in result.choices:
        if choice.realisation is None:
            reasons = ways.setdefault(choice.op, {})
            if not choice.alternatives:
                reasons.setdefault("", choice.why)
            for each in choice.alternatives:
                reasons.setdefault(each.name, f"{each.name}: {each.lost}")
    unknown = {"": result.held_back or "the catalogue has no realisation of it"}
    graphs = final.model.graphs if final.model else ()
    met = Counter(
        (graphs[graph].nodes[index].op, status)
        for (graph, index), status in _open_nodes(final.targets).items()
    )
    for (op, status), count in met.most_common():
        yield Left(op, status, count, tuple(ways.get(op, unknown).values()))


def _macs(result: ModelResult) -> int:
    return (result.summary.macs if result.summary else None) or 0


def _error(result: FixResult) -> float:
    """Of the samples that tell something: on some a model amplifies its own rounding."""
    outputs = result.comparison.outputs if result.comparison else ()
    found = (d for each in outputs for d in each.differences if d and not d.is_moot)
    return max((each.max_relative for each in found), default=0.0)


def row(pair: tuple[str, str], sets: Sequence[str]) -> Row:
    """One network in one format on every set of targets; what takes it whole is not asked again."""
    name, form = pair
    recipe = Recipe("onnx" if form == "onnx" else "tflite", "none")
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.{form}"
        path.write_bytes(exported(define(name, small(name)), recipe).demanded(name))
        model = load(path)
        asked = {each: each.split("+") for each in sets}
        alone = [*dict.fromkeys(one for each in asked.values() for one in each)]
        judged = dict(zip(alone, check(model, targets=alone).models[0].targets, strict=True))
        cells = {}
        for each, targets in asked.items():
            whole = _count([judged[one] for one in targets]) == (0, 0)
            cells[each] = UNTOUCHED if whole else cure(model, targets)
        return Row(name, form, cells)


def kept_rows(path: Path | None, sets: Sequence[str]) -> Kept[Row, tuple[str, str]]:
    """Rows that were finished before for these targets."""
    return Kept(path, Row, lambda made: (made.network, made.form), digest(__file__, tuple(sets)))


def render(rows: Sequence[Row], asked: Sequence[str], sets: Sequence[str], command: str) -> str:
    """The page."""
    missing = [name for name in asked if name not in {row.network for row in rows}]
    lines = [
        "# What `npulint fix` cures",
        "",
        f"Made by `{command}`. Reference networks at a small size, float32, exact realisations",
        "only. A cell says how many nodes some target of the column refuses, before and after; of",
        'how many it is in doubt ("may fall back"), which is lifted where that is cheap; and how',
        "many more multiply-accumulates the cure costs. `takes it`: there is nothing to cure.",
        "Every rewritten model was run against its original.",
        "",
        *([f"Not run yet: {', '.join(missing)}.", ""] if missing else []),
        *_summary(rows, sets),
        *_errors(rows),
        "| network | format | " + " | ".join(each.replace("+", " + ") for each in sets) + " |",
        "|---" * (2 + len(sets)) + "|",
    ]
    lines += [
        f"| {row.network} | {row.form} | "
        + " | ".join(row.cells[each].text() for each in sets)
        + " |"
        for row in rows
    ]
    lines += ["", "## What stays, and why", ""]
    stays = [line for each in sets for line in _stays(each, rows)]
    lines += stays or ["Nothing."]
    return "\n".join(lines).rstrip() + "\n"


_STATES = ("take it", "cured", "doubts stay", "something stays refused", "held back")
"""What becomes of a cell, the best first."""


def state(cell: Cell) -> str:
    """One of `_STATES`."""
    if cell.problem:
        return "held back"
    if cell.after[0]:
        return "something stays refused"
    if cell.after[1]:
        return "doubts stay"
    return "cured" if any(cell.before) else "take it"


def _summary(rows: Sequence[Row], sets: Sequence[str]) -> Iterator[str]:
    """A table of how many cells of each column came to what."""
    yield f"| of {len(rows)} files each | " + " | ".join(_STATES) + " | largest difference |"
    yield "|---" * (2 + len(_STATES)) + "|"
    whole = [cell for row in rows for cell in row.cells.values()]
    columns = {each.replace("+", " + "): [row.cells[each] for row in rows] for each in sets}
    for each, cells in [*columns.items(), (f"all {len(whole)} cells", whole)]:
        met = Counter(map(state, cells))
        counts = " | ".join(str(met[one]) for one in _STATES)
        yield f"| {each} | {counts} | {max((c.error for c in cells), default=0.0):.1g} |"
    yield ""


def _errors(rows: Sequence[Row]) -> Iterator[str]:
    """Where the difference is more than the bound that asks no questions."""
    over = [
        f"{row.network}.{row.form} for {each.replace('+', ' + ')} ({cell.error:.1g})"
        for row in rows
        for each, cell in row.cells.items()
        if cell.error > TOLERANCE
    ]
    yield "Differences are parts of an output's range, on samples on which the original does not"
    yield "move by more than a thousandth of it when its own inputs are rounded otherwise."
    if over:
        yield f"Beyond {TOLERANCE:g}, where rounding the inputs moves the original itself by a"
        yield f"quarter of the difference or more: {', '.join(over)}."
    else:
        yield f"None is beyond {TOLERANCE:g}."
    yield ""


def _stays(asked: str, rows: Sequence[Row]) -> Iterator[str]:
    groups: dict[tuple[str, str, tuple[str, ...]], list[tuple[str, int]]] = {}
    for row in rows:
        file, cell = f"{row.network}.{row.form}", row.cells[asked]
        for left in cell.left:
            where = groups.setdefault((left.op, left.status, left.reasons), [])
            where.append((file, left.count))
        if cell.problem:
            groups.setdefault((file, "held back", (cell.problem,)), [])
    if not groups:
        return
    yield f"### {asked.replace('+', ' + ')}"
    yield ""
    for (op, status, reasons), where in groups.items():
        places = ", ".join(f"{file} ×{count}" for file, count in where)
        yield f"- `{op}` {status}{': ' + places if places else ''}"
        yield from (f"    - {reason}" for reason in reasons)
    yield ""


def _command(asked: argparse.Namespace) -> str:
    """What makes the page, without what only says how."""
    words = ["python benchmarks/cures.py", *asked.names]
    words += [word for each in asked.targets or () for word in ("-t", each)]
    words += ["-o", str(asked.output)] if asked.output else []
    return " ".join(words)


def _say(pair: tuple[str, str]) -> None:
    print(*pair, sep=".", file=sys.stderr)


def main(arguments: Sequence[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks; all of them")
    parser.add_argument("-t", "--targets", action="append", metavar="A+B", help="a set of targets")
    parser.add_argument("-o", "--output", type=Path, help="where the page goes")
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="FILE", help="finished rows, to go on from")
    parser.add_argument("--finished", action="store_true", help="run nothing, draw what is kept")
    asked = parser.parse_args(arguments)
    sets = tuple(asked.targets or SETS)
    names = tuple(dict.fromkeys(asked.names)) or NETWORKS
    pairs = [(name, form) for name in names for form in FORMATS]
    kept = kept_rows(asked.keep, sets)
    missing = [] if asked.finished else [pair for pair in pairs if kept.find(pair) is None]
    task = partial(row, sets=sets)
    for made in spread(task, missing, jobs=asked.jobs, progress=_say):
        kept.add(made)
    rows = [found for found in map(kept.find, pairs) if found is not None]
    page = render(rows, names, sets, _command(asked))
    if asked.output is None:
        sys.stdout.write(page)
    else:
        write_whole(asked.output, page.encode())
    return int(any(cell.problem for row in rows for cell in row.cells.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

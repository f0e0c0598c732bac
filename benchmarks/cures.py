"""What `npulint fix` makes of the reference networks, for each set of targets.

    python benchmarks/cures.py -o docs/cures.md               # one network of each structure
    python benchmarks/cures.py unet_small pmrid -t neuron     # some of them, for one target

Each network is built small, in both formats, and rewritten for each set of targets (names joined
by `+`) by exact realisations only. The table says how many nodes stay on the CPU for certain or
perhaps, before and after; below it stands everything that stays, with the condition that each
candidate realisation failed. Networks that are built once are kept in the cache. Exit code: 0
when every rewritten model computes the same as before, 1 when one does not.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from npulint.cure import FixResult, fix
from npulint.finding import ModelResult
from npulint.output import write_whole
from npulint.reference_models.catalogue import define
from npulint.reference_models.recipe import Recipe
from npulint.reference_models.trial import exported, small

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
NETWORKS = (
    "unet_transposeconv_relu", "unet_transposeconv_prelu", "unet_depthtospace_relu",
    "unet_resizebilinear_prelu", "unet_small", "edsr", "rdn", "dbpn", "sgn", "pmrid",
    "pmrid_pconv", "pmrid_pdwconv", "pmrid_upsampling", "pmrid_mofa", "nafnet_tiny", "nafnet_mofa",
    "nafnetlocal_16_18_sa", "smallnet", "csanet", "tuned_unet", "punet", "punet_instancenorm",
    "enerzai", "enerzai_esrgan", "isp_forever", "noahtcv", "acvlab", "cvml", "eds_fpie",
    "pynet_v2_mobile", "pynet_v2_nonorm", "fsrcnn", "dped", "microisp",
)  # fmt: skip
"""One of each structure: pruned, widened and resized ones have the same operators."""


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


Row = tuple[str, str, dict[str, Cell]]


def cure(path: Path, targets: Sequence[str]) -> Cell:
    """Rewrite one file and say what stays."""
    with TemporaryDirectory() as folder:
        from npulint.cure import Wish

        result = fix(path, targets, Wish(output=Path(folder) / f"cured{path.suffix}"))
    final = result.before if result.held_back else result.result
    before, after = _count(result.before), _count(final)
    old, new = (_macs(each) for each in (result.before, final))
    return Cell(
        before,
        after,
        growth=new / old if old else 1.0,
        error=_error(result),
        problem=result.held_back,
        left=tuple(_left(result, final)),
    )


def _open_nodes(result: ModelResult) -> dict[tuple[int, int], tuple[str, str]]:
    """Operator and worst status of each node that some target does not take."""
    found: dict[tuple[int, int], tuple[str, str]] = {}
    if result.model is None:
        return found
    for target in result.targets:
        for graph, verdicts in zip(result.model.graphs, target.verdicts, strict=True):
            for node, verdict in zip(graph.nodes, verdicts, strict=True):
                key = graph.index, node.index
                if verdict.status == "unsupported":
                    found[key] = node.op, "refused"
                elif verdict.status == "unknown":
                    found.setdefault(key, (node.op, "may fall back"))
    return found


def _count(result: ModelResult) -> tuple[int, int]:
    states = [status for _, status in _open_nodes(result).values()]
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
    for (op, status), count in Counter(_open_nodes(final).values()).most_common():
        yield Left(op, status, count, tuple(ways.get(op, unknown).values()))


def _macs(result: ModelResult) -> int:
    return (result.summary.macs if result.summary else None) or 0


def _error(result: FixResult) -> float:
    """Of the samples that tell something: on some a model amplifies its own rounding."""
    outputs = result.comparison.outputs if result.comparison else ()
    found = (d for each in outputs for d in each.differences if d and not d.is_moot)
    return max((each.max_relative for each in found), default=0.0)


def row(name: str, form: str, sets: Sequence[str]) -> Row:
    """One network in one format on every set of targets."""
    recipe = Recipe("onnx" if form == "onnx" else "tflite", "none")
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.{form}"
        path.write_bytes(exported(define(name, small(name)), recipe).demanded(name))
        return name, form, {each: cure(path, each.split("+")) for each in sets}


def render(rows: Sequence[Row], sets: Sequence[str], command: str) -> str:
    """The page."""
    error = max((each.error for *_, cells in rows for each in cells.values()), default=0.0)
    lines = [
        "# What `npulint fix` cures",
        "",
        f"Made by `{command}`. Reference networks at a small size, float32, exact realisations",
        "only: nodes that some target of the column refuses, before and after; nodes of which it",
        'is in doubt ("may fall back"), which are lifted where that is cheap; and how many more',
        "multiply-accumulates the cure costs. Every rewritten model was run against its",
        f"original; the largest difference seen here is {error:.1g} of an output's range (where",
        "more than 1e-4, the original itself moves as far when its inputs are rounded otherwise;",
        "samples on which it moves by more than a thousandth of the range are not in this figure).",
        "",
        "| network | format | " + " | ".join(each.replace("+", " + ") for each in sets) + " |",
        "|---" * (2 + len(sets)) + "|",
    ]
    lines += [
        f"| {name} | {form} | " + " | ".join(cells[each].text() for each in sets) + " |"
        for name, form, cells in rows
    ]
    total = len(rows) * len(sets)
    refused = sum(any(e.status == "refused" for e in c.left) for *_, m in rows for c in m.values())
    kept = sum(bool(c.left) for *_, m in rows for c in m.values())
    lines += [
        "",
        f"{total} cells; something stays refused in {refused}, and stays undecided in "
        f"{kept - refused} more.",
        "",
        "## What stays, and why",
        "",
    ]
    for each in sets:
        lines += _stays(each, rows)
    return "\n".join(lines).rstrip() + "\n"


def _stays(asked: str, rows: Sequence[Row]) -> Iterator[str]:
    groups: dict[tuple[str, str, tuple[str, ...]], list[tuple[str, int]]] = {}
    for name, form, cells in rows:
        for left in cells[asked].left:
            where = groups.setdefault((left.op, left.status, left.reasons), [])
            where.append((f"{name}.{form}", left.count))
        if cells[asked].problem:
            groups.setdefault((f"{name}.{form}", "held back", (cells[asked].problem,)), [])
    if not groups:
        return
    yield f"### {asked.replace('+', ' + ')}"
    yield ""
    for (op, status, reasons), where in groups.items():
        places = ", ".join(f"{file} ×{count}" for file, count in where)
        yield f"- `{op}` {status}{': ' + places if places else ''}"
        yield from (f"    - {reason}" for reason in reasons)
    yield ""


def main(arguments: Sequence[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks; one of each structure")
    parser.add_argument("-t", "--targets", action="append", metavar="A+B", help="a set of targets")
    parser.add_argument("-o", "--output", type=Path, help="where the page goes")
    parser.add_argument("-j", "--jobs", type=int, default=1)
    asked = parser.parse_args(arguments)
    sets = tuple(asked.targets or SETS)
    names = asked.names or NETWORKS
    pairs = [(name, form) for name in names for form in FORMATS]
    with ProcessPoolExecutor(asked.jobs) as pool:
        rows = list(pool.map(partial(row, sets=sets), *zip(*pairs, strict=True)))
    page = render(rows, sets, "python benchmarks/cures.py " + " ".join(arguments))
    if asked.output is None:
        sys.stdout.write(page)
    else:
        write_whole(asked.output, page.encode())
    return int(any(cell.problem for *_, cells in rows for cell in cells.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

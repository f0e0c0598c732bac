"""The reference networks on Qualcomm's HTP, as they are and as `npulint fix` rewrites them.

    python benchmarks/qnn_cures.py -o docs/qnn-cures.md --keep qnn_cures.jsonl
    python benchmarks/qnn_cures.py --keep qnn_cures.jsonl csanet pmrid_up

Each network is built small, in float32, as `.onnx`, rewritten for the chip by exact realisations,
and both models are handed to the real compiler and its emulator, on the same inputs. Where the
table finds nothing to cure for the chip, the model is rewritten for NNAPI 1.1 and the chip
together, so that what phones without an HTP need is seen to do no harm on it. With `--keep`
finished rows stay in a file, and what was stopped goes on where it was as long as neither the code
nor a table has changed; `--finished` draws the page of what there is. Exit code: 1 where the
compiler does not take a rewritten model whole.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent))

from code_state import digest
from kept import Kept
from qnn_networks import network

from npulint.cure import fix
from npulint.finding import TargetResult
from npulint.host import ask
from npulint.host.records import Answer
from npulint.output import write_whole
from npulint.reference_models.catalogue import CATALOGUE

CHIP = "qnn-htp-v73"
BESIDE = "nnapi-1.1"
"""Whose refusals are cured too where the chip has none: an old phone's, which are many."""

GOOD = ("taken", "merged", "boundary")


@dataclass(frozen=True)
class Compiled:
    """What the compiler and its emulator made of one model.

    Attributes:
        nodes: How many the model has.
        whole: Whether all of it was compiled, for this chip.
        kept: What stays on the CPU or failed, with the reason, a sentence each.
        error: The largest difference of the emulator from the CPU, as a share of the output's
            range; None where it was not run.
        psnr: The least peak signal-to-noise ratio of an output to the CPU's, in dB.
        seconds: How long the emulator took.
    """

    nodes: int
    whole: bool
    kept: tuple[str, ...]
    error: float | None
    psnr: float | None
    seconds: float | None


@dataclass(frozen=True)
class Row:
    """One network.

    Attributes:
        name: Its name.
        doubts: Nodes that the table refuses and nodes of which it does not know, in the original.
        original: The model as it is.
        asked: The targets it was rewritten for; empty where there was nothing to rewrite.
        left: The same as `doubts` of the rewritten model, for the chip.
        rewritten: The rewritten model; None where there is none.
        apart: The largest difference of the rewritten model from the original on the CPU, as a
            share of the output's range.
        held_back: Why nothing was written although something was rewritten.
        versions: Packages and libraries.
        date: The day.
    """

    name: str
    doubts: tuple[int, int]
    original: Compiled
    asked: tuple[str, ...]
    left: tuple[int, int]
    rewritten: Compiled | None
    apart: float | None
    held_back: str
    versions: Mapping[str, str]
    date: str


def row(name: str) -> Row:
    """Compile and run a network as it is, rewrite it, and do so again."""
    with TemporaryDirectory(prefix="qnn-cures-") as folder:
        path = Path(folder) / f"{name}.onnx"
        path.write_bytes(network(name, "onnx").content)
        before = ask(path, CHIP)
        target = Path(folder) / "rewritten.onnx"
        asked: tuple[str, ...] = (CHIP,)
        fixed = fix(path, asked, output=target)
        doubts = _doubts(fixed.before.targets)
        if fixed.written is None and not fixed.held_back:
            asked = (CHIP, BESIDE)
            fixed = fix(path, asked, output=target)
        after = None if fixed.written is None else ask(fixed.written, CHIP)
        compared = () if fixed.comparison is None else fixed.comparison.outputs
        # On some samples a model amplifies its own rounding: they tell nothing.
        told = (d for each in compared for d in each.differences if d and not d.is_moot)
        found = [difference.max_relative for difference in told]
        return Row(
            name,
            doubts,
            _compiled(before),
            asked if after is not None or fixed.held_back else (),
            _doubts(fixed.result.targets),
            None if after is None else _compiled(after),
            max(found, default=None),
            fixed.held_back,
            dict(before.versions),
            datetime.now(timezone.utc).date().isoformat(),
        )


def _doubts(targets: Sequence[TargetResult]) -> tuple[int, int]:
    """Nodes that the chip refuses, and nodes of which its table does not know."""
    met = Counter(
        verdict.status
        for each in targets
        if each.target.name == CHIP
        for verdicts in each.verdicts
        for verdict in verdicts
    )
    return met["unsupported"], met["unknown"]


def _compiled(answer: Answer) -> Compiled:
    kept = Counter(
        f"`{node.op}` {node.status}: {' '.join(node.reasons) or 'without a word'}"
        for node in answer.nodes
        if node.status not in GOOD
    )
    stray = Counter(f"`{each.op}`, put in by the runtime: {each.reason}" for each in answer.strays)
    said = [f"{count} × {words}" for words, count in (kept + stray).most_common()]
    outputs = () if answer.numbers is None else [each for _, each in answer.numbers.outputs]
    return Compiled(
        len(answer.nodes),
        answer.whole,
        (*said, *([answer.fault] if answer.fault else [])),
        max((_finite(each.max_relative) for each in outputs), default=None),
        min((_finite(each.psnr) for each in outputs), default=None),
        None if answer.numbers is None else answer.numbers.seconds,
    )


def _finite(value: float) -> float:
    """A number that JSON has; so large an error stands for all that is no number."""
    return value if math.isfinite(value) else sys.float_info.max


def render(rows: Sequence[Row], asked: Sequence[str], command: str) -> str:
    """The page."""
    done = {row.name for row in rows}
    missing = [name for name in asked if name not in done]
    versions = sorted({f"{name} {number}" for row in rows for name, number in row.versions.items()})
    days = sorted({row.date for row in rows})
    both = [row for row in rows if row.rewritten and row.rewritten.error is not None]
    lines = [
        "# The reference networks on the HTP, as they are and rewritten",
        "",
        f"Made by `{command}`.",
        "Each network at a small size, float32, `.onnx`, handed to the compiler for",
        f"{CHIP} and run by its emulator on random inputs, as it is and as `npulint fix`",
        "rewrites it with exact realisations; where the table finds nothing to cure for the chip,",
        f"for {CHIP} and {BESIDE} together. *table* counts the nodes that the table refuses",
        "and those of which it does not know. *off* is the emulator's largest difference from the",
        "CPU in parts of the output's range, beside its PSNR: the HTP computes in float16. *apart*",
        "is how far the rewritten model is from the original where both run on the CPU.",
        "",
        f"{', '.join(versions)}; {' to '.join(days[:: max(len(days) - 1, 1)])}.",
        "",
        f"- networks: {len(rows)} of {len(asked)}",
        f"- the compiler takes whole as they are: {sum(row.original.whole for row in rows)}",
        "- rewritten: "
        f"{sum(row.rewritten is not None for row in rows)}; of these taken whole: "
        f"{sum(row.rewritten is not None and row.rewritten.whole for row in rows)}",
        f"- emulator's outputs of both, the original and the rewritten: {len(both)}",
        *([f"- not run yet: {', '.join(missing)}"] if missing else []),
        "",
        "| network | nodes | table | compiler | off | rewritten for | nodes | table | compiler |"
        " off | apart |",
        "|---" * 11 + "|",
        *map(_line, rows),
        "",
        "## What stays off the HTP",
        "",
        *(list(_exceptions(rows)) or ["Nothing."]),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _line(made: Row) -> str:
    first = made.original
    cells = [made.name, str(first.nodes), _counts(made.doubts), _taken(first), _off(first)]
    again = made.rewritten
    if again is None:
        cells += [made.held_back or "nothing to rewrite", "", "", "", "", ""]
    else:
        apart = "" if made.apart is None else f"{made.apart:.1g}"
        cells += [" + ".join(made.asked), str(again.nodes), _counts(made.left)]
        cells += [_taken(again), _off(again), apart]
    return "| " + " | ".join(cells) + " |"


def _counts(doubts: tuple[int, int]) -> str:
    refused, unknown = doubts
    said = [f"{refused} refused"] * bool(refused) + [f"{unknown} unknown"] * bool(unknown)
    return ", ".join(said) or "takes it"


def _taken(made: Compiled) -> str:
    return "whole" if made.whole else "not whole"


def _off(made: Compiled) -> str:
    if made.error is None or made.psnr is None:
        return "not run"
    if made.error == sys.float_info.max:
        return "no numbers"
    return f"{made.error:.1g} ({made.psnr:.0f} dB)"


def _exceptions(rows: Sequence[Row]) -> Iterator[str]:
    for made in rows:
        models = [("as it is", made.original), ("rewritten", made.rewritten)]
        for which, model in models:
            if model is not None and not model.whole:
                yield f"- {made.name}, {which}"
                yield from (f"    - {reason}" for reason in model.kept)


def kept_rows(path: Path) -> Kept[Row, str]:
    """Rows that were finished before."""
    return Kept(path, Row, attrgetter("name"), digest(__file__, CHIP))


def main(arguments: Sequence[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks; all of them")
    parser.add_argument("-o", "--output", type=Path, help="where the page goes")
    parser.add_argument("--keep", type=Path, required=True, help="finished rows, to go on from")
    parser.add_argument("--finished", action="store_true", help="run nothing, draw what is kept")
    given = parser.parse_args(arguments)
    kept = kept_rows(given.keep)
    names = tuple(dict.fromkeys(given.names)) or tuple(CATALOGUE)
    for name in names:
        if kept.find(name) is None and not given.finished:
            kept.add(row(name))
            print(name, file=sys.stderr)
    rows = [found for found in map(kept.find, names) if found is not None]
    page = render(rows, names, "python benchmarks/qnn_cures.py -o docs/qnn-cures.md --keep FILE")
    if given.output is None:
        sys.stdout.write(page)
    else:
        write_whole(given.output, page.encode())
    return int(any(made.rewritten is not None and not made.rewritten.whole for made in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

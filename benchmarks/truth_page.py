"""The page of `benchmarks/truth.py`: how often a yes is wrong, target by target."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from qnn_audit import AUDITED
from qnn_audit_page import totals

if TYPE_CHECKING:
    from truth import Tally

_PAGE = """\
# How often a yes is wrong

Made by `python benchmarks/truth.py tests/truth --page docs/accuracy.md`: npulint's verdicts beside
what the delegates' own, unmodified code answered for the same nodes, run on a computer
(google-ai-edge/LiteRT f6745779 for NNAPI, Hexagon and the GPU;
MediaTek-NeuroPilot/tflite-neuron-delegate 0a1ab0f for Neuron). {models} models with {nodes:,}
nodes: single operators, blocks and whole networks.

A false yes is a node that npulint calls accepted and the delegate refuses; its share is that of all
yes that were said. A false no is the reverse. Both are about the delegate's own check: a driver may
refuse what passes that, and what a phone made of a model is told by
[`npulint device audit`](phones.md). The tables were written from the sources, but these models were
there to test them with: other models may find what these do not.

## Delegates

| target | yes | false yes | share | no | false no | left unknown | cut otherwise |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""

_COMPILER = """\
## Qualcomm's HTP

These tables are made of answers of Qualcomm's own compiler, and answers of it stand beside them
here: to single operators that were [held out](qnn-agreement.md), of which nothing was learnt, and
to the reference networks, [node by node](qnn-audit.md). A false yes is a node that npulint calls
supported and the compiler does not take.

| target | models | answers | yes | false yes | share | no | false no | left unknown |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
"""

_PHONES = """\
## Phones

No phone's log has been at hand for this page: nothing above is proved of any driver."""


def page(tallies: Sequence[Tally], models: int) -> str:
    """The figures as a page of the documentation, and those of Qualcomm's compiler that are kept.

    Args:
        tallies: One for each target.
        models: How many models were asked about.
    """
    rows = []
    for tally in tallies:
        no = tally.nodes - tally.yes - tally.unknown
        share = f"{100 * tally.false_yes / tally.yes:.2f} %" if tally.yes else "-"
        cut_otherwise = tally.pieces + tally.float16 + tally.whole
        cells = (
            tally.yes,
            tally.false_yes,
            share,
            no,
            tally.false_no,
            tally.unknown,
            cut_otherwise,
        )
        rows.append(f"| {tally.target} | {' | '.join(map(str, cells))} |")
    head = _PAGE.format(models=models, nodes=max((t.nodes for t in tallies), default=0))
    return "\n".join([head.rstrip(), *rows, "", *_compiler()]) + "\n"


def _compiler() -> Iterator[str]:
    yield _COMPILER.rstrip()
    kept = json.loads(AUDITED.read_text(encoding="utf-8"))
    for row in kept["held_out"]:
        numbers = (row["yes"], row["false_yes"], row["no"], row["false_no"], row["not_said"])
        yield f"| {row['target']} | .{row['format']} | held out | {_cells(*numbers)} |"
    for (form, chip), (networks, tally) in totals(kept["rows"]).items():
        yes, no = tally.true_yes + tally.false_yes, tally.true_no + tally.false_no
        told = _cells(yes, tally.false_yes, no, tally.false_no, tally.abstained)
        yield f"| {chip} | .{form} | {networks} networks | {told} |"
    yield ""
    yield _PHONES


def _cells(yes: int, false_yes: int, no: int, false_no: int, unknown: int) -> str:
    """Figures as cells of a table."""
    share = f"{100 * false_yes / yes:.2f} %" if yes else "-"
    return " | ".join(map(str, (yes, false_yes, share, no, false_no, unknown)))

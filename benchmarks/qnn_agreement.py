"""How well the tables of the HTP agree with the compiler that they speak of.

    python benchmarks/qnn_agreement.py                              # draw the page of what is kept
    python benchmarks/qnn_agreement.py --held held-out.jsonl ...    # take in answers held out
    python benchmarks/qnn_agreement.py --networks networks.jsonl    # compare the networks anew

Single operators are compared with the answers that the tables were made of and with answers that
were held out: cases that another seed drew, asked after the tables had been made. The reference
networks (`benchmarks/qnn_networks.py`) are compared node by node. What is compared is kept in
`benchmarks/observations`; the page is `docs/qnn-agreement.md`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

sys.path.insert(0, str(Path(__file__).parent))

from qnn_answers import (
    DIALECTS,
    Answer,
    Case,
    Evidence,
    read_condensed,
    read_lines,
    write_condensed,
)
from qnn_pages import render
from qnn_tables import KEPT, ROOT, kept, table_of

from npulint.model import Dialect
from npulint.opsets.registry import open_table
from npulint.opsets.table import Target
from npulint.verdict import Status, Verdict, judge

Outcome: TypeAlias = Literal["agree", "false yes", "false no", "unknown"]

PAGE = ROOT / "docs" / "qnn-agreement.md"
NETWORKS = KEPT / "qnn-htp-networks.json"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A verdict beside the answer."""

    case: Case
    arch: int
    answer: Answer
    verdict: Verdict

    @property
    def outcome(self) -> Outcome:
        """How they compare. What is not compiled is no, whoever says so."""
        return outcome_of(self.verdict.status, self.answer.label == "taken")


def outcome_of(status: Status, is_taken: bool) -> Outcome:
    """How a verdict compares with what the compiler did."""
    if status == "unknown":
        return "unknown"
    if (status == "supported") == is_taken:
        return "agree"
    return "false no" if is_taken else "false yes"


def compare(cases: Iterable[Case], targets: Mapping[int, Target]) -> Iterator[Comparison]:
    """Judge every case for every chip that answered it."""
    for case in cases:
        for arch, answer in case.answers.items():
            yield Comparison(case, arch, answer, judge(case.operation, targets[arch]))


@cache
def targets_of(dialect: Dialect) -> dict[int, Target]:
    """The targets of a table by their architectures."""
    targets = open_table(table_of(dialect)).targets()
    return {int(target.settings["arch"]): target for target in targets}


def held(dialect: Dialect) -> Path:
    """Where the condensed answers that were held out lie."""
    return KEPT / f"qnn-htp-{dialect}-held.jsonl.gz"


def main(arguments: Sequence[str] | None = None) -> int:
    """Take in answers where some are given, and draw the page."""
    given = _arguments(arguments)
    for path in given.held:
        evidence = read_lines([path])
        write_condensed(evidence, held(DIALECTS[evidence.front_end]))
    if given.networks is not None:
        from qnn_nodes import compare_networks

        NETWORKS.write_text(compare_networks(given.networks), encoding="utf-8")
    page = draw()
    given.output.write_text(page, encoding="utf-8")
    print(f"{given.output}: {len(page.splitlines())} lines")
    return 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--held", type=Path, action="append", default=[], help="answers of another seed"
    )
    parser.add_argument("--networks", type=Path, help="what qnn_networks.py kept")
    parser.add_argument("-o", "--output", type=Path, default=PAGE)
    return parser.parse_args(arguments)


def draw() -> str:
    """The page, of what is kept."""
    sets: list[tuple[str, Evidence, list[Comparison]]] = []
    for dialect in DIALECTS.values():
        targets = targets_of(dialect) if table_of(dialect).exists() else {}
        for title, path in (("made of", kept(dialect)), ("held out", held(dialect))):
            if path.exists():
                evidence = read_condensed(path)
                sets.append((title, evidence, list(compare(evidence.cases, targets))))
    networks = json.loads(NETWORKS.read_text(encoding="utf-8")) if NETWORKS.exists() else {}
    digests = {
        end: hashlib.sha256(table_of(dialect).read_bytes()).hexdigest()
        for end, dialect in DIALECTS.items()
    }
    return render(sets, networks, digests)


if __name__ == "__main__":
    raise SystemExit(main())

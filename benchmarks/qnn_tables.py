"""Make the tables of Qualcomm's HTP out of what its compiler answered.

    python benchmarks/qnn_tables.py sweep.jsonl more.jsonl    # take in answers, write the tables
    python benchmarks/qnn_tables.py                           # write them from what is kept
    python benchmarks/qnn_tables.py --check                   # only say whether they are as written

Answers come from `benchmarks/qnn_sweep.py`. They are condensed and kept in
`benchmarks/observations`, so that the tables can be made again without the compiler; taken in, they
replace what was kept of their front end. What was read in a front end's own code stands in
`benchmarks/qnn-htp-*.frame.yaml` by hand; the answers are held against it, and one that contradicts
is an error (exit code 1).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from qnn_answers import DIALECTS, read_condensed, read_lines, write_condensed
from qnn_making import make_table

from npulint.model import Dialect
from npulint.opsets.loader import compile_table
from npulint.output import write_whole

ROOT = Path(__file__).resolve().parent.parent
KEPT = Path(__file__).parent / "observations"


def kept(dialect: Dialect) -> Path:
    """Where the condensed answers of a dialect's front end lie."""
    return KEPT / f"qnn-htp-{dialect}.jsonl.gz"


def frame_of(dialect: Dialect) -> Path:
    """What is written by hand of a dialect's table."""
    return Path(__file__).parent / f"qnn-htp-{dialect}.frame.yaml"


def table_of(dialect: Dialect) -> Path:
    """The table."""
    return ROOT / "opsets" / f"qnn-htp-{dialect}.yaml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Take in answers where some are given, and write what changes."""
    given = _arguments(arguments)
    by_end: dict[Dialect, list[Path]] = {}
    for path in given.lines:
        by_end.setdefault(_dialect_of(path), []).append(path)
    for dialect, paths in by_end.items():
        KEPT.mkdir(exist_ok=True)
        write_condensed(read_lines(paths), kept(dialect))
    code = 0
    for dialect in DIALECTS.values():
        if kept(dialect).exists():
            code = max(code, _make(dialect, check=given.check))
    return code


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("lines", nargs="*", type=Path, help="results of benchmarks/qnn_sweep.py")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where it would")
    return parser.parse_args(arguments)


def _dialect_of(path: Path) -> Dialect:
    with path.open(encoding="utf-8") as lines:
        return DIALECTS[next(json.loads(line) for line in lines)["front_end"]]


def _make(dialect: Dialect, *, check: bool) -> int:
    evidence = read_condensed(kept(dialect))
    text, contradictions = make_table(evidence, frame_of(dialect))
    for each in contradictions:
        print(f"contradiction: {each}")
    path = table_of(dialect)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    cases = f"{len(evidence.cases)} cases, {', '.join(evidence.versions)}"
    if text == before:
        print(f"{path.name}: as it was ({cases})")
        return 1 if contradictions else 0
    for line in changes(before, text):
        print(f"{path.name}: {line}")
    if check:
        print(f"{path.name}: not what the command makes of {kept(dialect).name} ({cases})")
        return 1
    write_whole(path, text)
    write_whole(path.with_suffix(".json"), compile_table(path))
    print(f"{path.name}: written ({cases})")
    return 1 if contradictions else 0


def changes(before: str, after: str) -> Iterator[str]:
    """What is new, gone or other, operator by operator."""
    old, new = _operators(before), _operators(after)
    for op in sorted({*old, *new}):
        if op not in old:
            yield f"new: {op}"
        elif op not in new:
            yield f"gone: {op}"
        elif old[op] != new[op]:
            was, now = set(old[op].splitlines()), set(new[op].splitlines())
            yield f"other: {op} ({len(now - was)} lines new, {len(was - now)} gone)"


def _operators(text: str) -> dict[str, str]:
    _, _, body = text.partition("\noperators:\n")
    parts = (part for part in body.split("  - op: ") if part.strip())
    return {part.partition("\n")[0]: part.rstrip() for part in parts}


if __name__ == "__main__":
    raise SystemExit(main())

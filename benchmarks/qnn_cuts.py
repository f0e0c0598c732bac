"""How LiteRT cuts small models for Qualcomm's plugin: ask it, and write down the pieces.

    python benchmarks/qnn_cuts.py               # ask, and write benchmarks/observations
    python benchmarks/qnn_cuts.py --check       # ask, and only say what differs from what is kept

Models are rows (see `qnn_cut_models.py`): written ones for what the cutting might depend on, and
drawn ones. Each is partitioned and compiled for one chip. `tests/partition/test_plugin_cuts.py`
holds what npulint predicts to what is kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from qnn_cut_models import drawn, write

from npulint.errors import NpulintError
from npulint.host import ask
from npulint.output import write_whole

CHIP = "qnn-htp-v73"
KEPT = Path(__file__).parent / "observations" / "qnn-htp-cuts.json"
TIMEOUT = 120.0

WRITTEN = (
    # Chains: nothing refused, all refused, refused at the ends and between.
    "RELU x > a; ABS a > b; TANH b > y",
    "ATAN2 x x > y",
    "ATAN2 x x > a; ATAN2 a a > y",
    "ATAN2 x x > a; RELU a > b; ABS b > y",
    "RELU x > a; ABS a > b; ATAN2 b b > y",
    "RELU x > a; ATAN2 a a > b; ABS b > y",
    "ATAN2 x x > a; RELU a > b; ATAN2 b b > y",
    "RELU x > a; ATAN2 a a > b; ATAN2 b b > c; ABS c > y",
    "RELU x > a; ATAN2 a a > b; ABS b > c; ATAN2 c c > d; TANH d > e; ATAN2 e e > f; NEG f > y",
    # A diamond with a refused node on one side, in each order that the file may have.
    "RELU x > a; ATAN2 a a > b; ABS a > c; ADD b c > y",
    "RELU x > a; ABS a > c; ATAN2 a a > b; ADD b c > y",
    "ATAN2 x x > b; RELU x > a; ABS a > c; ADD b c > y",
    "RELU x > a; ABS a > b; TANH b > c; ATAN2 a a > d; NEG d > e; ADD c e > y",
    "RELU x > a; ATAN2 a a > d; NEG d > e; ABS a > b; TANH b > c; ADD c e > y",
    "RELU x > a; NEG a > b; ATAN2 b b > c; ABS a > d; TANH d > e; ATAN2 e e > f; ADD c f > y",
    # Diamonds in diamonds; a skip around everything.
    "RELU x > a; ATAN2 a a > b; ADD a b > c; ABS c > d; ATAN2 d d > e; ADD d e > f; ADD a f > y",
    "RELU x > a; ABS a > b; ADD a b > c; ATAN2 c c > d; ADD a d > y",
    # Forks and several outputs; an output that is read as well.
    "RELU x > a; ABS a > y; ATAN2 a a > z; NEG a > v",
    "RELU x > a*; ATAN2 a a > b*; ABS b > c*; TANH c > y",
    "RELU x > a; ATAN2 a a > y; ATAN2 a a > z",
    # Components that have nothing to do with each other: beside each other, and interleaved.
    "RELU x > a; ABS a > y; NEG u > b; TANH b > z",
    "RELU x > a; NEG u > b; ABS a > y; TANH b > z",
    "RELU x > a; ABS a > y; ATAN2 v v > w; NEG u > b; TANH b > z",
    "RELU x > a; NEG u > b; ATAN2 a b > c; ABS c > y",
    "ATAN2 x x > a; NEG u > b; ABS b > z; ATAN2 a a > c; RELU c > y",
    # Several results of one node, and joins.
    "SPLIT axis x > a b; ATAN2 a a > c; RELU b > d; CONCATENATION c d > y",
    "SPLIT axis x > a b; RELU b > d; ATAN2 a a > c; CONCATENATION c d > y",
    "SPLIT axis x > a b; RELU a > c; ABS b > d; CONCATENATION c d > e; ATAN2 e e > y",
    # Stored operands; a piece that has nothing else, by itself and beside others.
    "ADD x s > a; ATAN2 a t > b; MUL b t > y",
    "ADD s t > a; ATAN2 a x > b; RELU b > y",
    "ATAN2 x x > b; ADD s t > a; ATAN2 a b > y",
    "ADD s t > a; RELU x > b; ATAN2 a b > y",
    "RELU x > b; ADD s t > a; ATAN2 a b > y",
    "ATAN2 t t > a; ADD a x > y",
    # Weights of float16, which a node turns into float32: that node may be alone in its piece.
    "DEQUANTIZE h > w; MUL x w > a; ATAN2 a a > b; RELU b > y",
    "DEQUANTIZE h > w; ATAN2 x w > a; RELU a > y",
    "ATAN2 x x > a; DEQUANTIZE h > w; MUL a w > y",
    # Nodes that nobody reads.
    "RELU x > a-; ABS x > y",
    "RELU x > y; ATAN2 x x > a-; ABS x > z",
    "RELU x > a-; ATAN2 x x > b; ABS b > y",
    # Custom operators.
    "RELU x > a; !Mine a > b; ABS b > y",
    "!Mine x > a; !Mine a > y",
    # Control flow: each graph is cut by itself, and what runs them stays.
    "RELU x > a; IF[1,2] bool a > b; ABS b > y | NEG x > y | RELU x > a; ATAN2 a a > b; ABS b > y",
    "RELU x > a; WHILE[1,2] a > b; ABS b > y"
    " | !Mine x > bool | RELU x > a; ATAN2 a a > b; ABS b > y",
    "WHILE[1,2] x > y | !Mine x > bool | RELU x > a; ABS a > y",
    # Several graphs that nothing runs, one of which is named as TFLite keeps from delegates.
    "RELU x > a; ATAN2 a a > b; ABS b > y | NEG x > y | ATAN2 x x > y",
    "ATAN2 x x > y | NEG x > a; ATAN2 a a > b; ABS b > y",
    "RELU x > y | VALIDATION:main: RELU x > a; ATAN2 a a > b; ABS b > y",
    # Types that the plugin cannot convert, anywhere in the model.
    "RELU x > a; !Mine a > string; !Mine string > c; ABS c > y",
    "RELU x > y | !Mine x > string",
)
"""What the cutting might depend on."""


def cases() -> Iterator[str]:
    """All models, as rows."""
    yield from WRITTEN
    yield from (drawn(seed) for seed in range(48))
    yield from (drawn(seed, least=24, most=48) for seed in range(48, 56))
    yield from (f"{drawn(seed)} | {drawn(seed + 1)}" for seed in range(56, 64, 2))


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask about all models."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where it would")
    given = parser.parse_args(arguments)
    seen: list[dict[str, Any]] = []
    versions: dict[str, str] = {}
    with TemporaryDirectory(prefix="qnn-cuts-") as folder:
        for text in cases():
            row, told = observed(text, Path(folder))
            seen.append(row)
            versions |= told
    if given.check:
        kept = {row["model"]: row for row in read()}
        for row in seen:
            if kept.get(row["model"]) != row:
                print(f"other: {row}")
        return int(any(kept.get(row["model"]) != row for row in seen))
    body = ",\n  ".join(json.dumps(row) for row in seen)
    head = {
        "chip": CHIP,
        "versions": versions,
        "date": datetime.now(timezone.utc).date().isoformat(),
    }
    write_whole(KEPT, f'{json.dumps(head)[:-1]}, "rows": [\n  {body}\n]}}\n')
    print(f"{KEPT.name}: {len(seen)} models, {sum(len(row['pieces']) for row in seen)} pieces")
    return 0


def observed(text: str, folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """What becomes of a model: its pieces, nodes as graph and position; and who was asked."""
    path = folder / "model.tflite"
    path.write_bytes(write(text))
    answer = ask(path, CHIP, timeout=TIMEOUT)
    pieces = [[list(node) for node in piece.nodes] for piece in answer.pieces]
    row = {"model": text, "outcome": answer.outcome, "pieces": pieces}
    return row, dict(answer.versions)


def read() -> list[dict[str, Any]]:
    """What is kept."""
    rows: list[dict[str, Any]] = json.loads(KEPT.read_text(encoding="utf-8"))["rows"]
    return rows


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except NpulintError as error:
        raise SystemExit(str(error)) from error

"""What LiteRT's XNNPACK delegate says of thousands of single operators.

    python benchmarks/xnnpack_sweep.py -o tests/truth/xnnpack.jsonl

The cases are those of `qnn_tflite_sweep.py`: with standard sizes, with sizes that another seed
draws, and quantised ones whose outputs have scales that no converter gives them. One line of JSON
a case: its name, family, seed and stretch; of each output its shape and what it lies between, by
which the model can be written again without running it; and which of its nodes the delegate takes.
After them come whole models: those of tests/truth and the exported reference networks.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from qnn_cases import Array, Case
from qnn_tflite.catalogue import CATALOGUE
from qnn_tflite.kinds import types_of
from qnn_tflite.writing import write
from qnn_tflite_sweep import prepare, results, run_all

from npulint.host.process import carry_out

ROOT = Path(__file__).parents[1]
WORKER = Path(__file__).with_name("xnnpack_worker.py")
TIMEOUT = 120.0
BATCH = 100


@dataclass(frozen=True)
class Run:
    """Which cases are asked about.

    Attributes:
        seed: 0 for standard sizes; another draws them.
        most: Cases a family and kind.
        stretch: What the scales of outputs are multiplied by; of quantised cases only.
    """

    seed: int
    most: int
    stretch: float = 1.0


RUNS = (Run(0, 4), Run(1, 3), Run(0, 2, 0.3), Run(0, 2, 3000.0))
"""By the first the table was written, the others were asked about when it stood."""


def ask(models: Sequence[Path], folder: Path) -> list[dict[str, Any]]:
    """What the delegate says of each model; where one ends the process, the next begins another."""
    told = [path.with_suffix(".told.json") for path in models]
    rest = list(zip(models, told, strict=True))
    while rest:
        listing = folder / "models.txt"
        listing.write_text("\n".join(str(model) for model, _ in rest), encoding="utf-8")
        carry_out([sys.executable, str(WORKER), str(listing)], folder, TIMEOUT)
        done = next((at for at, (_, each) in enumerate(rest) if not each.exists()), None)
        if done is None:
            break
        rest[done][1].write_text(json.dumps({"fault": "it ends the process"}), encoding="utf-8")
        rest = rest[done + 1 :]
    return [json.loads(each.read_text(encoding="utf-8")) for each in told]


def written(case: Case, outputs: Sequence[Sequence[Any]], stretch: float = 1.0) -> bytes:
    """The model of a case, by what a line tells of its outputs."""
    return write(case, [_between(*each) for each in outputs], stretch=stretch)


def _between(shape: Sequence[int], low: float, high: float) -> Array:
    """An array of a shape whose elements go from one number to another."""
    array = np.full(shape, low, np.float64)
    array.reshape(-1)[-1:] = high
    return array


def _told(array: Array) -> list[Any]:
    if not array.size:
        return [list(array.shape), 0.0, 0.0]
    return [list(array.shape), float(np.float32(array.min())), float(np.float32(array.max()))]


def lines(cases: Sequence[tuple[str, Case]], run: Run) -> Iterator[dict[str, Any]]:
    """A line for each case that LiteRT's own kernels can run."""
    with TemporaryDirectory(prefix="xnnpack-") as temporary:
        folder = Path(temporary)
        places = [folder / str(number) for number in range(len(cases))]
        for place, (_, case) in zip(places, cases, strict=True):
            place.mkdir()
            prepare(case, run.seed, place)
        run_all(places, folder)
        kept = []
        for place, (family, case) in zip(places, cases, strict=True):
            if "fault" not in json.loads((place / "told.json").read_text(encoding="utf-8")):
                outputs = list(map(_told, results(place)))
                (place / "case.tflite").write_bytes(written(case, outputs, run.stretch))
                kept.append((place / "case.tflite", family, case, outputs))
        answers = ask([path for path, *_ in kept], folder)
        for (_, family, case, outputs), answer in zip(kept, answers, strict=True):
            if "fault" not in answer:
                yield {
                    "case": case.name,
                    "family": family,
                    "seed": run.seed,
                    "stretch": run.stretch,
                    "outputs": outputs,
                    **answer,
                }


def graphs() -> list[Path]:
    """The whole models that are asked about."""
    folders = ("tests/truth/models", "tests/truth/xnnpack_models", "reference_models/exports")
    return sorted(path for folder in folders for path in (ROOT / folder).glob("*.tflite"))


def of_graphs(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """A line for each whole model that LiteRT's own kernels can run."""
    with TemporaryDirectory(prefix="xnnpack-") as temporary:
        folder = Path(temporary)
        copies = [folder / f"{number}.tflite" for number in range(len(paths))]
        for path, copy in zip(paths, copies, strict=True):
            copy.write_bytes(path.read_bytes())
        for path, answer in zip(paths, ask(copies, folder), strict=True):
            if "fault" not in answer:
                yield {"graph": path.relative_to(ROOT).as_posix(), **answer}


def drawn(run: Run, families: Sequence[str]) -> list[tuple[str, Case]]:
    """The cases of a run, each with its family."""
    cases = CATALOGUE.named(families, run.seed, run.most)
    if run.stretch == 1.0:
        return cases
    return [(family, case) for family, case in cases if types_of(case.kind).quantised]


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask about everything, and write down the answers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("-o", "--output", type=Path, required=True, help="JSON lines")
    add("--op", action="append", default=[], choices=list(CATALOGUE.families), help="default: all")
    given = parser.parse_args(arguments)
    with given.output.open("w", encoding="utf-8") as stream:

        def keep(line: dict[str, Any]) -> None:
            stream.write(json.dumps(line, separators=(",", ":")) + "\n")

        keep({"runtime": f"ai-edge-litert {version('ai-edge-litert')}"})
        for run in RUNS:
            cases = drawn(run, given.op)
            for start in range(0, len(cases), BATCH):
                for line in lines(cases[start : start + BATCH], run):
                    keep(line)
                print(f"{run}: {min(start + BATCH, len(cases))} of {len(cases)}", flush=True)
        for line in of_graphs([] if given.op else graphs()):
            keep(line)


if __name__ == "__main__":
    main()

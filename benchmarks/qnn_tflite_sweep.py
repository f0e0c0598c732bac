"""What LiteRT's Qualcomm plugin says of thousands of single operators, chip by chip.

    python benchmarks/qnn_tflite_sweep.py -o sweep.jsonl --on qnn-htp-v73 --total 1500
    python benchmarks/qnn_tflite_sweep.py -o held-out.jsonl --seed 1 --total 600 \
        --without sweep.jsonl

Lines are those of `qnn_sweep.py`, without numbers: there is no emulator for these models. What
shapes and ranges outputs have is found by running each case in float32 on LiteRT's own kernels,
or in its own type where that is no real one; this is done in a process of its own, since kernels
end it where they find what they cannot take.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from qnn_cases import REAL, Case, Operand, inputs
from qnn_lines import Line, Sweep
from qnn_tflite import kinds
from qnn_tflite.catalogue import CATALOGUE
from qnn_tflite.writing import write

from npulint.errors import NpulintError
from npulint.formats import load
from npulint.host.chips import Chip
from npulint.host.process import carry_out
from npulint.host.qnn_plugin import ask_plugin
from npulint.runtimes import Array

TIMEOUT = 60.0
"""Seconds for a case, and for what each has to do on the CPU."""

WORKER = Path(__file__).with_name("qnn_tflite_worker.py")

SWEEP = Sweep("litert", ("ai-edge-litert", "onnxruntime-qnn"), CATALOGUE, kinds.types_of)


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask what has not been asked."""
    SWEEP.run((__doc__ or "").splitlines()[0], _batch, arguments)


def _batch(cases: Sequence[Case], chip: Chip, seed: int, folder: Path) -> tuple[list[Line], int]:
    for place, case in enumerate(cases):
        own = folder / str(place)
        own.mkdir()
        prepare(case, seed, own)
    run_all([folder / str(place) for place in range(len(cases))], folder)
    lines = []
    for place, case in enumerate(cases):
        own = folder / str(place)
        lines.append(SWEEP.line(case, chip, seed, _facts(case, chip, own)))
    return lines, len(cases)


def prepare(case: Case, seed: int, folder: Path) -> None:
    """Write what the CPU is to run, and what on."""
    plain = replace(case, operands=tuple(map(_closed, case.operands)))
    if case.kind in {*kinds.KINDS, *REAL}:
        plain = replace(plain, kind="float32")
    arrays = inputs(plain, seed)
    if case.op in {"QUANTIZE", "DEQUANTIZE"}:
        # Their results are what goes in, but for rounding.
        np.savez(folder / "outputs.npz", *arrays)
        (folder / "told.json").write_text("{}", encoding="utf-8")
        return
    (folder / "plain.tflite").write_bytes(write(plain, None))
    np.savez(folder / "inputs.npz", *arrays)


def _closed(operand: Operand) -> Operand:
    """An operand whose sizes that the model does not state are 1, as files have them."""
    sizes = [1 if axis in operand.open else size for axis, size in enumerate(operand.shape)]
    return replace(operand, shape=tuple(sizes), open=())


def run_all(folders: Sequence[Path], folder: Path) -> None:
    """Run each on the CPU; where one ends the process, the next begins another."""
    rest = [each for each in folders if not (each / "told.json").exists()]
    while rest:
        listing = folder / "listing.txt"
        listing.write_text("\n".join(map(str, rest)), encoding="utf-8")
        carry_out([sys.executable, str(WORKER), str(listing)], folder, TIMEOUT)
        done = next((at for at, each in enumerate(rest) if not (each / "told.json").exists()), None)
        if done is None:
            return
        told = {"fault": "LiteRT's kernels ended the process"}
        (rest[done] / "told.json").write_text(json.dumps(told), encoding="utf-8")
        rest = rest[done + 1 :]


def _facts(case: Case, chip: Chip, folder: Path) -> Line:
    """What becomes of one case."""
    told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    if "fault" in told:
        return {"status": "invalid", "reasons": [told["fault"]]}
    path = folder / "case.tflite"
    path.write_bytes(write(case, results(folder)))
    asked = folder / "asked"
    asked.mkdir()
    answer = ask_plugin(load(path), chip, TIMEOUT, asked)
    node = next(each for each in reversed(answer.nodes) if each.op == case.op)
    return {
        "status": node.status,
        "reasons": list(node.reasons),
        "strays": [f"{each.op}: {each.reason}" for each in answer.strays],
        "outcome": answer.outcome,
        "fault": answer.fault,
        "proven": answer.context is not None and answer.context.proven,
        "qnn": answer.versions.get("QNN"),
    }


def results(folder: Path) -> list[Array]:
    """What the CPU put out in a folder."""
    with np.load(folder / "outputs.npz") as stored:
        return [stored[f"arr_{place}"] for place in range(len(stored.files))]


if __name__ == "__main__":
    try:
        main()
    except NpulintError as error:
        raise SystemExit(str(error)) from error

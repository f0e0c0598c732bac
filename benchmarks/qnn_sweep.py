"""What Qualcomm's HTP compiler says of thousands of single operators, chip by chip.

    python benchmarks/qnn_sweep.py -o sweep.jsonl
    python benchmarks/qnn_sweep.py -o sweep.jsonl --on qnn-htp-v73 --op Resize --op Conv --most 20
    python benchmarks/qnn_sweep.py -o held-out.jsonl --seed 1 --total 600 --without sweep.jsonl

Each line of the result is one case on one chip: what became of the operator and why, whether it
could be compiled, how far the emulator is from the CPU, with which versions, on which day. A run
takes up where another was stopped: what the file holds of the same versions is not asked again.
Cases share a process until one of them ends it; that one is told of, and a new process goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from onnx import TensorProto, shape_inference
from onnxruntime.capi import onnxruntime_pybind11_state as native

sys.path.insert(0, str(Path(__file__).parent))

import qnn_families
from qnn_cases import QUANTISED, Case, inputs, types_of
from qnn_lines import Line, Sweep, finite
from qnn_models import build, unstated

from npulint.errors import NpulintError
from npulint.formats import load
from npulint.host.chips import Chip
from npulint.host.marks import write_marked
from npulint.host.process import Ended, carry_out
from npulint.host.qnn_provider import MODEL, read_answer, write_request
from npulint.runtimes import Array
from npulint.runtimes.onnx_engine import FAULTS, open_session
from npulint.verification.metrics import measure

TIMEOUT = 20.0
"""Seconds for a case of a batch, which has as many times that as it has cases."""

WORKER = Path(__file__).with_name("qnn_sweep_worker.py")

SWEEP = Sweep("onnx-runtime", ("onnxruntime", "onnxruntime-qnn"), qnn_families.CATALOGUE, types_of)


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask what has not been asked."""
    SWEEP.run((__doc__ or "").splitlines()[0], _batch, arguments)


def _batch(cases: Sequence[Case], chip: Chip, seed: int, folder: Path) -> tuple[list[Line], int]:
    """Ask about some cases in one process.

    Returns:
        The lines of those that were asked, and how many of the cases are done with.
    """
    invalid: dict[int, Line] = {}
    for place, case in enumerate(cases):
        try:
            _prepare(case, chip, seed, folder / str(place))
        except (*FAULTS, shape_inference.InferenceError) as error:
            # A combination that makes no sense, or that the CPU cannot run either.
            invalid[place] = {"status": "invalid", "reasons": [" ".join(str(error).split())[:300]]}
    valid = [place for place in range(len(cases)) if place not in invalid]
    listing = folder / "listing.txt"
    listing.write_text("\n".join(str(folder / str(place)) for place in valid), encoding="utf-8")
    timeout = TIMEOUT * max(len(valid), 1)
    ended = carry_out([sys.executable, str(WORKER), str(listing)], folder, timeout)
    lines = []
    for place, case in enumerate(cases):
        own = folder / str(place)
        if place in invalid:
            lines.append(SWEEP.line(case, chip, seed, invalid[place]))
        elif (own / "begun").exists():
            lines.append(SWEEP.line(case, chip, seed, _facts(case, chip, own, ended, timeout)))
        elif place == valid[0]:
            raise SystemExit(f"the worker ended before its first case: {ended.err[-1:]}")
        else:
            return lines, place
    return lines, len(cases)


def _prepare(case: Case, chip: Chip, seed: int, folder: Path) -> None:
    """Write the model, its inputs and the request into a folder of its own."""
    folder.mkdir()
    plain = folder / "plain.onnx"
    runs = write_model(case, seed, plain)
    write_marked(load(plain), folder / MODEL)
    write_request(chip, folder, inputs(case, seed) if runs else None)


def write_model(case: Case, seed: int, path: Path) -> bool:
    """Write the model of a case, and see what the CPU makes of it.

    Returns:
        Whether the CPU runs it; not where it has no kernel for this type.

    Raises:
        InferenceError: The operator does not take these operands.
        Exception: Another of `FAULTS`, where the CPU refuses them.
    """
    arrays = inputs(case, seed)
    results = None
    if case.kind in QUANTISED:
        path.write_bytes(build(replace(case, kind="float32")).SerializeToString())
        results = _run(path, arrays)
    model = build(case, results)
    path.write_bytes(model.SerializeToString())
    ends = [*model.graph.input, *model.graph.output]
    try:
        if any(end.type.tensor_type.elem_type == TensorProto.BFLOAT16 for end in ends):
            # Numbers that numpy does not have: only whether the model is a model.
            open_session(str(path), ())
            return False
        found = _run(path, arrays)
    except native.NotImplemented:
        return False
    if unstated(model) and not results:
        path.write_bytes(build(case, found).SerializeToString())
    return True


def _run(path: Path, arrays: Sequence[Array]) -> list[Array]:
    session = open_session(str(path), ())
    session.run(arrays)
    return [session.fetch(slot.key) for slot in session.outputs]


def _facts(case: Case, chip: Chip, folder: Path, ended: Ended, timeout: float) -> Line:
    """What is known of one case, from what the worker left in its folder."""
    log = tuple((folder / "log.txt").read_text(errors="replace").splitlines())
    done = (folder / "done").exists()
    own = Ended(0, late=False, out=(), err=log) if done else replace(ended, err=log)
    answer, emulated = read_answer(load(folder / MODEL), chip, folder, own, timeout)
    node = next(each for each in answer.nodes if each.op == case.op)
    line = {
        "status": node.status,
        "reasons": list(node.reasons),
        "strays": [f"{each.op}: {each.reason}" for each in answer.strays],
        "outcome": answer.outcome,
        "fault": answer.fault,
        "proven": answer.context is not None and answer.context.proven,
        "qnn": answer.versions.get("QNN"),
    }
    return (
        line if emulated is None else {**line, **_numbers(folder, list(emulated.outputs.values()))}
    )


def _numbers(folder: Path, found: Sequence[Array]) -> Line:
    """How far the emulator is from the CPU."""
    with np.load(folder / "reference.npz") as stored:
        pairs = [(stored[f"arr_{place}"], each) for place, each in enumerate(found)]
    measured = [measure(one, other) for one, other in pairs]
    return {
        "max_relative": finite(max(each.max_relative for each in measured)),
        "psnr": finite(min(each.psnr for each in measured)),
        "mismatched": sum(each.mismatched for each in measured),
    }


if __name__ == "__main__":
    try:
        main()
    except NpulintError as error:
        raise SystemExit(str(error)) from error

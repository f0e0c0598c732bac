"""What Qualcomm's HTP compiler says of thousands of single operators, chip by chip.

    python benchmarks/qnn_sweep.py -o sweep.jsonl
    python benchmarks/qnn_sweep.py -o sweep.jsonl --on qnn-htp-v73 --op Resize --op Conv --most 20

Each line of the result is one case on one chip: what became of the operator and why, whether it
could be compiled, how far the emulator is from the CPU, with which versions, on which day. A run
takes up where another was stopped: what the file holds of the same versions is not asked again.
Cases share a process until one of them ends it; that one is told of, and a new process goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from onnx import shape_inference
from onnxruntime.capi import onnxruntime_pybind11_state as native

sys.path.insert(0, str(Path(__file__).parent))

import qnn_families
from qnn_cases import QUANTISED, Case, build, inputs

from npulint.errors import NpulintError
from npulint.formats import load
from npulint.host.chips import CHIPS, Chip
from npulint.host.marks import write_marked
from npulint.host.process import Ended, carry_out
from npulint.host.qnn_provider import MODEL, read_answer, write_request
from npulint.runtimes import Array
from npulint.runtimes.onnx_engine import FAULTS, open_session
from npulint.verification.metrics import measure

PACKAGES = ("onnxruntime", "onnxruntime-qnn")
BATCH = 40
TIMEOUT = 20.0
"""Seconds for a case of a batch, which has as many times that as it has cases."""

WORKER = Path(__file__).with_name("qnn_sweep_worker.py")

Line = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask what has not been asked, and write down each batch of answers when it is there."""
    given = _arguments(arguments)
    asked = _asked(given.output)
    cases = list(_sampled(tuple(given.op), given.most, given.seed))
    for name in given.on:
        chip = CHIPS[name]
        rest = [case for case in cases if _key(case.name, chip) not in asked]
        print(f"{name}: {len(rest)} of {len(cases)} cases to ask", flush=True)
        while rest:
            with TemporaryDirectory(prefix="qnn-sweep-") as folder:
                lines, count = _batch(rest[:BATCH], chip, given.seed, Path(folder))
            rest = rest[count:]
            with given.output.open("a", encoding="utf-8") as stream:
                stream.writelines(json.dumps(line, allow_nan=False) + "\n" for line in lines)
            print(f"  {len(rest)} left", flush=True)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True, help="JSON lines")
    parser.add_argument("--on", action="append", choices=list(CHIPS), help="default: all")
    parser.add_argument(
        "--op",
        action="append",
        default=[],
        choices=list(qnn_families.FAMILIES),
        help="default: all",
    )
    parser.add_argument("--most", type=int, help="cases an operator and kind, drawn by the seed")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    given.on = given.on or list(CHIPS)
    return given


def _versions() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES}


def _key(case: str, chip: Chip) -> tuple[str, str]:
    return case, chip.name


def _asked(path: Path) -> set[tuple[str, str]]:
    """What a file holds of the versions that are installed; a line that broke off counts not."""
    if not path.exists():
        return set()
    text = path.read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        text = text[: text.rfind("\n") + 1]
        path.write_text(text, encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    now = _versions()
    return {
        (line["case"], line["target"])
        for line in lines
        if {name: line["versions"].get(name) for name in PACKAGES} == now
    }


def _sampled(ops: tuple[str, ...], most: int | None, seed: int) -> Iterator[Case]:
    """All cases, or at most so many of each operator and kind, the same for the same seed."""
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in qnn_families.cases(ops):
        groups.setdefault((case.op, case.kind), []).append(case)
    for (op, kind), members in groups.items():
        if most is not None and len(members) > most:
            yield from random.Random(f"{seed} {op} {kind}").sample(members, most)
        else:
            yield from members


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
            lines.append(_line(case, chip, invalid[place]))
        elif (own / "begun").exists():
            lines.append(_line(case, chip, _facts(case, chip, own, ended, timeout)))
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
    path.write_bytes(build(case, results).SerializeToString())
    try:
        _run(path, arrays)
    except native.NotImplemented:
        return False
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
        "max_relative": _finite(max(each.max_relative for each in measured)),
        "psnr": _finite(min(each.psnr for each in measured)),
        "mismatched": sum(each.mismatched for each in measured),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _line(case: Case, chip: Chip, facts: Line) -> Line:
    return {
        "case": case.name,
        "op": case.op,
        "opset": case.opset,
        "kind": case.kind,
        "attributes": dict(case.attributes),
        "target": chip.name,
        **facts,
        "versions": _versions(),
        "date": datetime.now(timezone.utc).date().isoformat(),
    }


if __name__ == "__main__":
    try:
        main()
    except NpulintError as error:
        raise SystemExit(str(error)) from error

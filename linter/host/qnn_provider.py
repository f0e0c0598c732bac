"""ONNX models: what ONNX Runtime's QNN provider and Qualcomm's HTP compiler make of them.

The provider asks the compiler about each node, cuts the graph, and has each piece compiled for
the chip; the emulator of the same library then runs it. All of that is in one worker process.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from npulint.errors import NpulintError, UsageError
from npulint.host.context import read_back
from npulint.host.marks import marks, unmarked, write_marked
from npulint.host.numbers import Sample, Wanted, differences, make_sample
from npulint.host.process import Ended, carry_out
from npulint.host.provider_nodes import BOUNDARY, UNSAID, node_answers, pieces_of
from npulint.host.qnn_provider_log import ProviderLog, read_log
from npulint.host.qnn_provider_told import Told, read_told
from npulint.host.records import Answer, Numbers, Outcome, Stray
from npulint.runtimes import Array, Runner

if TYPE_CHECKING:
    from npulint.host.chips import Chip
    from npulint.host.records import Identity
    from npulint.model import Model

WORKER = "npulint.host.qnn_provider_worker"
"""Import path of the module whose `main` does the work."""

MODEL = "model.onnx"
"""Name of the marked copy in the worker's folder."""

_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from importlib import import_module; import_module(sys.argv[2]).main(sys.argv[3])"
)
_NAME = "ONNX Runtime's QNN provider"
_TRACE = "qnn_op_trace.json"
_LAYOUT = "was not selected"
"""Ends a session of which a node was refused after its layout had been changed for it."""


@dataclass(frozen=True, slots=True)
class Emulated:
    """What the emulator put out.

    Attributes:
        outputs: By name.
        seconds: How long it took.
    """

    outputs: Mapping[str, Array]
    seconds: float


def ask_provider(
    model: Model, chip: Chip, wanted: Wanted | None, timeout: float, folder: Path
) -> Answer:
    """Have an ONNX model checked, cut, compiled and run on the emulator.

    Args:
        model: The model.
        chip: What to compile it for.
        wanted: What to run it on; None for not at all.
        timeout: Seconds that the worker may take, and each step of the reference.
        folder: An empty temporary folder.

    Raises:
        ModelFileError: ONNX Runtime refuses the model, whoever is to run it.
        UsageError: The inputs given do not fit the model.
    """
    write_marked(model, folder / MODEL)
    # The reference comes first: a model that the CPU does not load says nothing about the HTP.
    with Runner(model.path, "onnx", timeout=timeout) as reference:
        sample, unmeasured = _sample(model, reference, wanted)
        request = write_request(chip, folder, None if sample is None else sample.arrays)
        ended = carry_out(_command(request), folder, timeout)
        answer, found = read_answer(model, chip, folder, ended, timeout)
        if sample is None or found is None:
            return replace(answer, unmeasured=unmeasured or answer.unmeasured)
        return _measured(answer, reference, sample, found)


def _sample(
    model: Model, reference: Runner, wanted: Wanted | None
) -> tuple[Sample | None, str | None]:
    """Inputs, or why there are none."""
    if wanted is None:
        return None, "not asked for"
    try:
        return make_sample(model, reference, wanted), None
    except UsageError as error:
        if wanted.inputs is not None:
            raise
        return None, str(error)


def write_request(chip: Chip, folder: Path, inputs: Sequence[Array] | None) -> Path:
    """Write what the worker is to do with the marked model in a folder.

    Args:
        chip: What to compile for.
        folder: It has the model as `MODEL`, and takes what the worker leaves.
        inputs: What to run it on, in order; None for not at all.

    Returns:
        The request, for the worker's `main`.
    """
    stored = folder / "inputs.npz"
    if inputs is not None:
        np.savez(stored, *inputs)
    request = {
        "model": str(folder / MODEL),
        "soc_model": chip.soc_model,
        "context": str(folder / "context.onnx"),
        "trace": str(folder),
        "inputs": None if inputs is None else str(stored),
        "outputs": str(folder / "outputs.npz"),
        "told": str(folder / "told.jsonl"),
    }
    path = folder / "request.json"
    path.write_text(json.dumps(request), encoding="utf-8")
    return path


def _command(request: Path) -> list[str]:
    if not sys.executable or getattr(sys, "frozen", False):
        raise UsageError("compilers work in a process of their own, which takes a Python to start")
    return [sys.executable, "-c", _START, json.dumps(sys.path), WORKER, str(request)]


def read_answer(
    model: Model, chip: Chip, folder: Path, ended: Ended, timeout: float
) -> tuple[Answer, Emulated | None]:
    """Read what the worker left in a folder.

    Args:
        model: The model.
        chip: What it was compiled for.
        folder: The folder of the request.
        ended: How the worker ended, and what it printed.
        timeout: The seconds that it had.

    Returns:
        The answer, and what the emulator put out; None where it did not, and the answer says why.
    """
    told = read_told(folder / "told.jsonl")
    answer = _answer(model, chip, folder, told, ended, timeout)
    if told.ran is None:
        return replace(answer, unmeasured=_not_run(told, ended, timeout)), None
    with np.load(folder / "outputs.npz") as stored:
        found = {name: stored[f"arr_{place}"] for place, name in enumerate(told.ran)}
    return answer, Emulated(found, told.seconds)


def _answer(  # noqa: PLR0913, PLR0917 - all that is known
    model: Model, chip: Chip, folder: Path, told: Told, ended: Ended, timeout: float
) -> Answer:
    log = read_log(ended.err)
    trace = _read_trace(folder / _TRACE)
    reasons = {node: unmarked(text, model) for node, text in _reasons(trace, log).items()}
    contexts = sorted(folder.glob("*.bin"))
    pieces = pieces_of(told.assignment, log, died=not ended.late)
    versions = dict(told.versions)
    if log.build is not None:
        versions["QNN"] = log.build
    return Answer(
        path=model.path,
        chip=chip,
        front_end="onnxruntime-qnn",
        nodes=tuple(node_answers(model, told.assignment, log, pieces, reasons)),
        pieces=pieces,
        outcome=_outcome(told, log, ended),
        strays=tuple(_strays(told, trace)),
        fault=_fault(told, ended, timeout),
        context=read_back(contexts, chip) if contexts else None,
        versions=versions,
    )


@dataclass(frozen=True, slots=True)
class _Unsupported:
    """A node that was refused, as the trace tells it."""

    name: str
    op: str
    reason: str


def _read_trace(path: Path) -> list[_Unsupported]:
    """What was refused, and why; nothing where no session came to be."""
    if not path.exists():
        return []
    document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return [
        _Unsupported(each["node_name"], each["op_type"], each["reason"])
        for each in document["unsupported_nodes"]
    ]


def _strays(told: Told, trace: Iterable[_Unsupported]) -> Iterator[Stray]:
    """What ONNX Runtime put in itself and keeps, but for quantisations at the model's ends."""
    reasons = {(each.name, each.op): each.reason for each in trace}
    for name, op in told.strays:
        reason = reasons.get((name, op), UNSAID)
        if not reason.startswith(BOUNDARY):
            yield Stray(op, reason)


def _reasons(trace: Iterable[_Unsupported], log: ProviderLog) -> Mapping[Identity, str]:
    """Why nodes were refused: what the trace says where there is one, else the log."""
    found = dict(log.refused)
    for each in trace:
        found.update(dict.fromkeys(marks(each.name), each.reason))
    for node, code in log.codes.items():
        if node in found:
            # The provider passes on no more of what the HTP library's own check says.
            found[node] = f"{found[node]} The HTP library's own check: error {code}."
    return found


def _outcome(told: Told, log: ProviderLog, ended: Ended) -> Outcome:
    if told.assignment is not None:
        return "compiled" if log.pieces else "nothing"
    return "unknown" if ended.late else "failed"


def _fault(told: Told, ended: Ended, timeout: float) -> str | None:
    """What went wrong, None where nothing did."""
    if told.refused is not None:
        words = " ".join(told.refused.split())
        if _LAYOUT in words:
            return f"{words} (a node was refused after its layout had been changed)"
        return words
    for began, reason in (
        ("it runs in pieces, but cannot be written as a compiled model", told.unwritten),
        ("the emulator refuses to run it", told.run_refused),
    ):
        if reason is not None and told.assignment is not None:
            return f"{began}: {' '.join(reason.split())}"
    obituary = ended.obituary(_NAME, timeout)
    if told.assignment is None:
        doing = "before the model was compiled"
        if obituary is None:
            obituary = f"{_NAME} ended with exit code {ended.code}"
        return f"{obituary} {doing}{_last_words(ended)}"
    if ended.late or (obituary is None and ended.code == 0):
        return None
    died = obituary or f"{_NAME} ended with exit code {ended.code}"
    return f"{died} {'while it ran the model' if told.running else 'after the model was compiled'}"


def _last_words(ended: Ended) -> str:
    last = next((line for line in reversed(ended.err) if line.strip()), "")
    return f": {' '.join(last.split())[:300]}" if last else ""


def _not_run(told: Told, ended: Ended, timeout: float) -> str:
    """Why there is nothing to compare."""
    if told.assignment is None:
        return "the model was not compiled"
    if not told.running:
        return "nothing of the model is on the HTP"
    if ended.late:
        return f"the emulator was not done after {timeout:g} s"
    return "the emulator failed"


def _measured(answer: Answer, reference: Runner, sample: Sample, found: Emulated) -> Answer:
    """The answer with the emulator's outputs held against the CPU's."""
    try:
        listed = differences(reference, sample, found.outputs)
    except NpulintError as error:
        reason = f"the CPU gives nothing to compare with: {error}"
        return replace(answer, unmeasured=reason)
    return replace(answer, numbers=Numbers(sample.name, tuple(listed), found.seconds))

"""A model run on a phone, one backend after the other, and what was seen of it."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.device import backends, heat, outputs
from npulint.device.adb import Adb, Handset, PhoneError
from npulint.device.backends import Backend
from npulint.device.benchmark import BROKEN_OFF
from npulint.device.importing import read_text
from npulint.device.phones import attached, choose, facts
from npulint.device.placing import merged, place
from npulint.device.records import REFERENCE, Log, Session
from npulint.device.runs import BackendRun, PhoneRun, Request
from npulint.device.workspace import Workspace, orderly
from npulint.errors import UsageError
from npulint.formats import load

if TYPE_CHECKING:
    from npulint.device.outputs import Expected
    from npulint.model import Model

_PROFILED = 5
"""Runs with the profiler on: enough to see who runs what, and apart from those that are timed."""

_EVENTS = 4
"""Rows that a node may have in a profile, delegates' own steps among them."""

_DIED = 128
"""What a shell adds to the number of the signal that ended a program."""

_KILLED = 9

_NO_PROGRAM = frozenset({126, 127})
"""Exit codes of a shell that cannot run a file."""


@dataclass(slots=True)
class _Bench:
    """A model that is on a phone, with all that it needs there, and what was seen of it."""

    request: Request
    model: Model
    handset: Handset
    workspace: Workspace
    local: Path
    expected: Expected | None
    program: str = ""
    graph: str = ""
    inputs: list[str] = field(default_factory=list)
    found: list[BackendRun] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    error: str | None = None


def run_model(request: Request) -> PhoneRun:
    """Run a model on a phone.

    Args:
        request: What to run.

    Raises:
        ModelFileError: The file is no model.
        PhoneError: There is no phone to run it on, or it cannot be used at all.
        UsageError: A file is missing, or does not fit.
    """
    model = load(request.model)
    _check(request, model)
    expected = None
    if request.inputs is not None:
        expected = outputs.expect(model, request.inputs, request.timeout)
    with Adb(request.adb, request.port) as adb, tempfile.TemporaryDirectory() as name:
        handset = Handset(adb, choose(attached(adb), request.serial).serial)
        told = facts(handset)
        workspace = Workspace(handset)
        bench = _Bench(request, model, handset, workspace, Path(name), expected)
        try:
            with orderly(), workspace:
                _run_all(bench)
        except KeyboardInterrupt as stop:
            # Whoever tells of the interruption tells of this too.
            raise KeyboardInterrupt(*workspace.left) from stop
    return PhoneRun(
        request.model,
        handset.serial,
        told,
        tuple(bench.found),
        tuple(bench.remarks),
        tuple(workspace.left),
        bench.error,
        None if expected is None else (expected.name, expected.runtime),
    )


def _check(request: Request, model: Model) -> None:
    if model.dialect != "tflite":
        raise UsageError(f"{request.model}: benchmark_model runs .tflite models only")
    if not request.benchmark.is_file():
        raise UsageError(
            f"{request.benchmark}: there is no such program; --benchmark names TFLite's "
            "benchmark_model for Android, in the phone's machine code"
        )
    if not request.timeout > 0:
        raise UsageError(f"a time-out of {request.timeout:g} s: give one above 0")
    for backend in request.backends:
        backend.libraries()


def _run_all(bench: _Bench) -> None:
    """Run every backend, as far as the phone lets it."""
    try:
        _set_up(bench)
        for backend in _expanded(bench):
            _run_backend(bench, backend)
    except PhoneError as error:
        bench.error = str(error)


def _set_up(bench: _Bench) -> None:
    """Send everything that runs need."""
    request, workspace = bench.request, bench.workspace
    bench.program = workspace.push(request.benchmark, "benchmark_model", runs=True)
    bench.graph = workspace.push(request.model, "model.tflite")
    for library in dict.fromkeys(path for each in request.backends for path in each.libraries()):
        workspace.push(library, library.name)
    if bench.expected is not None:
        for path in outputs.write_inputs(bench.expected, bench.local):
            bench.inputs.append(workspace.push(path, path.name))


def _expanded(bench: _Bench) -> Iterator[Backend]:
    """The backends that are asked for, NNAPI once for each accelerator that the phone names."""
    for backend in backends.distinct(bench.request.backends):
        if backend.kind != "nnapi" or backend.argument:
            yield backend
            continue
        said, _ = bench.workspace.run(
            [bench.program, f"--graph={bench.graph}", *backends.probing()], bench.request.timeout
        )
        log = read_text(said.out, "probe")
        named = [name for session in log.sessions for name in session.accelerators]
        accelerators = [name for name in dict.fromkeys(named) if name != REFERENCE]
        if not accelerators:
            bench.remarks.append(
                "the phone names no NNAPI accelerator (Android 10 and later do), so NNAPI chose "
                "by itself, and who ran what is not proved"
            )
            yield backend
        for name in accelerators:
            yield replace(backend, argument=name)


def _run_backend(bench: _Bench, backend: Backend) -> None:
    """Time the model, then run it again to see who runs what. What was seen before a fault stays.

    Raises:
        PhoneError: The phone went away.
    """
    request = bench.request
    folder = bench.workspace.folder
    common = [
        bench.program,
        f"--graph={bench.graph}",
        f"--num_threads={request.threads}",
        *backends.options(backend, folder, fp16=request.fp16),
    ]
    environment = {"LD_LIBRARY_PATH": folder} if backend.libraries() else {}
    timing = [*common, f"--num_runs={request.runs}"]
    found = BackendRun(backend, "ran", command=shlex.join(timing), before=heat.feel(bench.handset))
    said, _ = bench.workspace.run(timing, request.timeout, environment)
    timed = _session(read_text(said.out, "timed"))
    found = replace(found, timed=timed)
    if said.late:
        fault = f"took longer than {request.timeout:g} s, and was ended"
        unfinished = "the run was not finished"
        found = replace(found, outcome="late", fault=fault, uncompared=unfinished)
    elif (failed := _fault(said.code, timed, said.out)) is not None:
        found = replace(found, outcome="failed", fault=failed)
    bench.found.append(found)
    bench.found[-1] = found = replace(found, after=heat.feel(bench.handset))
    if not said.late:
        bench.found[-1] = _look(bench, found, common, environment)


def _look(
    bench: _Bench, found: BackendRun, common: Sequence[str], environment: Mapping[str, str]
) -> BackendRun:
    """Run a model once more, with the profiler and NNAPI's log on."""
    workspace, request = bench.workspace, bench.request
    runs = min(request.runs, _PROFILED)
    rows = _EVENTS * (len(bench.model.graphs[0].nodes) + 8) * (runs + 2)
    watched = [
        *common,
        f"--num_runs={runs}",
        "--min_secs=0",
        "--warmup_min_secs=0",
        "--enable_op_profiling=true",
        f"--max_profiling_buffer_entries={rows}",
    ]
    if found.backend.kind != "cpu":
        # XNNPACK would take what the delegate leaves, and the profile would not name that.
        watched.append("--use_xnnpack=false")
    if bench.expected is not None:
        # What another backend has put out is not this one's.
        workspace.remove(outputs.OUTPUT)
        watched += outputs.input_options(bench.expected, bench.inputs, workspace.folder)
    if found.backend.kind == "nnapi":
        with workspace.telling() as tells:
            said, process = workspace.run(watched, request.timeout, environment)
            text = workspace.log_of(process) if tells and process is not None else ""
    else:
        (said, _), tells, text = workspace.run(watched, request.timeout, environment), False, ""
    log = read_text(f"{said.out}\n", "watched")
    logged = read_text(text, "logcat")
    seen = merged(_session(log), logged.sessions)
    ops = [node.op for node in bench.model.graphs[0].nodes]
    found = replace(
        found,
        seen=seen,
        nodes=place(ops, seen, complete=not logged.lost),
        lost=logged.lost,
        logged=tells and bool(logged.sessions),
    )
    return _compared(bench, found, ran=not said.late and said.code == 0)


def _compared(bench: _Bench, found: BackendRun, *, ran: bool) -> BackendRun:
    """Hold outputs against this computer's."""
    if bench.expected is None:
        return found
    if not ran or found.outcome != "ran":
        return replace(found, uncompared="the run was not finished")
    local = bench.local / outputs.OUTPUT
    local.unlink(missing_ok=True)
    try:
        bench.workspace.pull(outputs.OUTPUT, local)
    except PhoneError as error:
        if not _MISSING.search(str(error)):
            raise
        why = "this benchmark_model writes no outputs (it does not know --output_filepath)"
        return replace(found, uncompared=why)
    compared = outputs.compare(bench.expected, local)
    if isinstance(compared, str):
        return replace(found, uncompared=compared)
    return replace(found, outputs=compared, uncompared=None)


_MISSING = re.compile(r"No such file|does not exist")


def _session(log: Log) -> Session:
    """What one run told."""
    return log.sessions[-1] if log.sessions else Session()


def _fault(code: int, session: Session, said: str) -> str | None:
    """Why a run failed, None where it did not."""
    if code > _DIED:
        killed = ", as Android ends what takes too much memory" if code == _DIED + _KILLED else ""
        return f"benchmark_model died of signal {code - _DIED}{killed}"
    told = [fault for fault in session.faults if fault != BROKEN_OFF]
    if told:
        return told[0]
    lines = [line.strip() for line in said.split("\n") if line.strip()]
    last = lines[-1] if lines else "silent"
    if code in _NO_PROGRAM:
        return (
            f"the phone cannot run this benchmark_model, which must be Android's in the phone's "
            f"machine code: {last}"
        )
    if code != 0:
        return f"benchmark_model ended with exit code {code}: {last}"
    if session.latency.inference is None:
        return f"benchmark_model told {'no latency' if lines else 'nothing at all'}"
    return None

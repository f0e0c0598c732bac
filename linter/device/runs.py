"""A model run on a phone: what was asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from npulint.device.heat import Heat

if TYPE_CHECKING:
    from npulint.device.backends import Backend
    from npulint.device.phones import Facts
    from npulint.device.placing import PlacedNode
    from npulint.device.records import Session
    from npulint.verification.records import Difference

TIMEOUT = 600.0
"""Seconds that one run of benchmark_model may take."""

RUNS, THREADS = 50, 4

Outcome: TypeAlias = Literal["ran", "failed", "late"]
"""What became of a backend: it ran; it failed; it took too long."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to run, and how.

    Attributes:
        model: A TFLite model.
        benchmark: benchmark_model for the phone.
        backends: What to run it by.
        serial: The phone's serial number, None for the only one.
        adb: The adb program, None for the one that the system finds.
        port: The port of adb's server, None for its own choice.
        runs: Inferences that are timed.
        threads: Threads on the CPU.
        inputs: An .npz file of inputs, for outputs to be compared; None for no comparison.
        fp16: Whether NNAPI may compute float32 in float16.
        timeout: Seconds that one run may take.
    """

    model: Path
    benchmark: Path
    backends: tuple[Backend, ...]
    serial: str | None = None
    adb: Path | None = None
    port: int | None = None
    runs: int = RUNS
    threads: int = THREADS
    inputs: Path | None = None
    fp16: bool = False
    timeout: float = TIMEOUT


@dataclass(frozen=True, slots=True)
class BackendRun:
    """What one backend made of the model.

    Attributes:
        backend: The backend.
        outcome: What became of it.
        fault: What went wrong, None where nothing did.
        command: The command that was timed, as the phone's shell was given it.
        timed: What that run told: latency and memory.
        seen: What a second, profiled run and NNAPI's log of it told: time by operator, who took
            what and refused what.
        nodes: Who ran each node of the main graph.
        before: How warm the phone was before.
        after: How warm it was after.
        outputs: Differences of outputs from this computer's, by name; None where they were not
            compared.
        uncompared: Why they were not, None where they were.
        lost: Lines that the phone's logger dropped of NNAPI's log.
        logged: Whether NNAPI's log was there.
    """

    backend: Backend
    outcome: Outcome
    fault: str | None = None
    command: str = ""
    timed: Session | None = None
    seen: Session | None = None
    nodes: tuple[PlacedNode, ...] = ()
    before: Heat = field(default_factory=Heat)
    after: Heat = field(default_factory=Heat)
    outputs: Mapping[str, Difference] | None = None
    uncompared: str | None = "no --inputs were given"
    lost: int = 0
    logged: bool = False


@dataclass(frozen=True, slots=True)
class PhoneRun:
    """What a phone made of a model.

    Attributes:
        path: The model.
        serial: The phone's serial number.
        facts: What it says of itself.
        runs: One for each backend.
        remarks: What else there is to know.
        left: What could not be taken back from the phone.
        error: Why not all was run, None where it was.
        reference: What outputs were compared with: inputs, and runtime.
    """

    path: Path
    serial: str
    facts: Facts
    runs: tuple[BackendRun, ...]
    remarks: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    error: str | None = None
    reference: tuple[str, str] | None = None

"""What logs tell: plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

Format: TypeAlias = Literal[
    "benchmark_model",
    "op-profile",
    "litert-benchmark",
    "nnapi",
    "tflite",
    "litert-compiler",
    "onnxruntime",
    "onnxruntime-profile",
    "results",
]
"""Whose lines a log has; they may come by way of logcat.

`benchmark_model`: settings, latency and memory. `op-profile`: time by operator.
`litert-benchmark`: LiteRT's own tool of that kind. `nnapi`: the runtime's choice of devices.
`tflite`: delegates. `litert-compiler`: LiteRT's compiler plugins. `onnxruntime`: its execution
providers. `onnxruntime-profile`: what its profiler writes. `results`: a table of models and
latencies.
"""


Applied: TypeAlias = Literal["whole", "partly", "not"]
"""How much of a model a delegate executes, as benchmark_model says it."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Latency of some runs, in microseconds. None for what the tool did not print.

    Attributes:
        runs: How many.
        first: The first.
        last: The last.
        minimum: The shortest.
        maximum: The longest.
        average: Their mean.
        deviation: Their standard deviation.
        median: Their median.
        p5: The 5th percentile.
        p95: The 95th percentile.
    """

    runs: int | None
    first: float | None = None
    last: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    average: float | None = None
    deviation: float | None = None
    median: float | None = None
    p5: float | None = None
    p95: float | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a session took, in microseconds.

    Attributes:
        initialisation: Loading the model and applying delegates.
        first: The first inference.
        warm_up: Inferences before those that count.
        inference: The inferences that count.
    """

    initialisation: float | None = None
    first: float | None = None
    warm_up: Statistics | None = None
    inference: Statistics | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What benchmark_model says of memory, in its MB.

    Attributes:
        kind: `delta` is what was added since the tool began, `peak` the largest of the process.
        initialisation: After the model was loaded; None where that is not told.
        overall: In the end.
    """

    kind: Literal["delta", "peak"]
    initialisation: float | None
    overall: float


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """One row of an operator profile.

    Attributes:
        op: The operator, or a delegate's kernel.
        first: Its first run in ms.
        average: Its mean in ms.
        share: Its part of the whole, 0 to 1.
        kilobytes: Memory that it took, in the tool's KB.
        calls: How often it ran in one inference.
        name: The profile's name for it: of its outputs, mostly.
        node: Its position in the graph as the runtime numbers it, where the name ends in one. A
            delegate's kernels come after all nodes of the file.
        inside: Whether it is a step within a delegate, which has a row of its own or none.
    """

    op: str
    first: float
    average: float
    share: float
    kilobytes: float
    calls: int
    name: str
    node: int | None
    inside: bool


@dataclass(frozen=True, slots=True)
class Delegation:
    """What a runtime handed to a delegate, a provider or a compiler.

    Attributes:
        to: Its name.
        taken: Nodes handed over.
        total: Nodes there were, None where that is not told.
        pieces: How many pieces they make, None where that is not told.
        graph: Index of the graph, None where that is not told: of the main graph, mostly.
    """

    to: str
    taken: int
    total: int | None
    pieces: int | None
    graph: int | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A device that NNAPI chose for an operation.

    Attributes:
        op: NNAPI's name for the operation.
        operation: Its number in NNAPI's model (Android 13), which is not the node's in the file.
        device: The device's name; None where the log has its number only (Android 9).
        number: The device's number.
    """

    op: str
    operation: int | None
    device: str | None
    number: int

    @property
    def on_cpu(self) -> bool | None:
        """Whether that is NNAPI's own CPU implementation.

        None where it cannot be told, and for what NNAPI takes apart itself (control flow).
        """
        return None if self.device is None or self.number < 0 else self.device == REFERENCE


REFERENCE = "nnapi-reference"
"""What NNAPI calls its own CPU implementation."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An operator that somebody would not take.

    Attributes:
        by: Who: a device, a delegate, a provider or a compiler.
        op: The operator, in their words.
        number: Its number in their own count, where they say it.
        name: Its name, where they say it.
        reason: Why, empty where they do not say.
    """

    by: str
    op: str
    number: int | None = None
    name: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An operator that somebody would take: as yet a promise."""

    by: str
    op: str
    number: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """Nodes that ONNX Runtime placed on one execution provider, once the graph was cut.

    Attributes:
        on: The provider.
        count: How many.
        nodes: Operators and names of those that are listed.
    """

    on: str
    count: int
    nodes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """One row of a table of results.

    Attributes:
        model: What was run.
        latency: Mean latency in microseconds.
        deviation: Its standard deviation, None where the table has none.
        initialisation: Time to load the model, None where the table has none.
        psnr: Fidelity in dB, None where the table has none.
        others: The other columns as they stand.
    """

    model: str
    latency: float
    deviation: float | None = None
    initialisation: float | None = None
    psnr: float | None = None
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Session:
    """What one run of one process tells; filled while its lines are read.

    Attributes:
        process: Its number, where logcat tells it.
        formats: Whose lines it has.
        settings: Options of benchmark_model or litert-benchmark as it prints them.
        latency: How long it took.
        memory: What is said of memory, the best kind last.
        profile: Time by operator.
        accelerators: NNAPI devices that the phone names.
        delegations: What was handed over, and how often that is told.
        applied: What benchmark_model says of each delegate that it was told to apply: all of the
            model is executed by it (`whole`), some (`partly`), nothing (`not`).
        choices: NNAPI's choices and how often each was made.
        steps: Devices of NNAPI's execution steps, each with how many there are.
        only: The device that NNAPI chose for whole graphs, each once.
        fallbacks: What NNAPI says of falling back to its CPU.
        refusals: Operators that were refused, and how often.
        acceptances: Operators that would be taken, and how often.
        placed: Where ONNX Runtime placed nodes.
        results: Rows of a table.
        faults: What failed, in the tool's words.
    """

    process: int | None = None
    formats: dict[Format, None] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    latency: Latency = field(default_factory=Latency)
    memory: list[Memory] = field(default_factory=list)
    profile: list[ProfileRow] = field(default_factory=list)
    accelerators: list[str] = field(default_factory=list)
    delegations: dict[Delegation, int] = field(default_factory=dict)
    applied: dict[str, Applied] = field(default_factory=dict)
    choices: dict[Choice, int] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    only: dict[str, None] = field(default_factory=dict)
    fallbacks: dict[str, int] = field(default_factory=dict)
    refusals: dict[Refusal, int] = field(default_factory=dict)
    acceptances: dict[Acceptance, int] = field(default_factory=dict)
    placed: list[Placed] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def model(self) -> str | None:
        """The model as benchmark_model calls it."""
        return self.settings.get("Graph")


@dataclass(frozen=True, slots=True)
class Log:
    """What a log tells.

    Attributes:
        path: The file.
        lines: How many it has.
        unknown: Those that are of no format read here, of other programs mostly.
        lost: Lines that Android's logger says it dropped.
        sessions: What its processes tell, in order.
    """

    path: Path
    lines: int
    unknown: int
    lost: int
    sessions: tuple[Session, ...]

    @property
    def failed(self) -> bool:
        """Whether a run in it failed or broke off."""
        return any(session.faults for session in self.sessions)

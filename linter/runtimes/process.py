"""The near end of a worker process: start it, ask it, and outlive it."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Timer
from typing import IO, TYPE_CHECKING

from npulint.errors import MissingExtraError, ModelFileError, NpulintError, UsageError
from npulint.runtimes.wire import Array, Key, Message, Slot, WireError, receive, send

if TYPE_CHECKING:
    from types import TracebackType

    from npulint.model import Dialect

TIMEOUT = 600.0
"""Seconds that loading a model, or running it once, may take."""

ENGINES: dict[Dialect, str] = {
    "onnx": "npulint.runtimes.onnx_engine",
    "tflite": "npulint.runtimes.litert_engine",
}

_NAMES: dict[Dialect, str] = {"onnx": "onnxruntime", "tflite": "LiteRT"}

_PACKAGES: dict[Dialect, tuple[str, ...]] = {
    "onnx": ("onnxruntime",),
    "tflite": ("ai_edge_litert", "tensorflow"),
}

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "ORT_DISABLE_TELEMETRY": "1"}
"""Variables for runtimes: no chatter, and nothing sent home. onnxruntime 1.32 for Linux reports to
Microsoft, and leaves a file in the temporary folder, unless it is told not to before it is loaded
(microsoft/onnxruntime docs/Privacy.md, "Disabling Telemetry")."""

_LEAST_MEMORY = 4 << 30
_GRACE = 10
"""Seconds for a worker that no longer answers to be gone."""

_SENTENCE = 400
"""Characters of a runtime's own words that are passed on."""

# The worker finds packages where this process finds them, whatever started it.
_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from npulint.runtimes.worker import main; main(sys.argv[2], int(sys.argv[3]))"
)


class RunnerError(ModelFileError):
    """A model that its runtime refuses, or that takes the runtime down."""


class RefusedInputsError(NpulintError):
    """One request that the runtime refuses in so many words; others may go well."""


class Runner:
    """A model loaded into a runtime, in a process of its own. Use it as a context manager.

    Attributes:
        path: The model file.
        runtime: Name and version of the runtime.
        inputs: What `run` takes, in this order.
        outputs: What can be fetched after a run.
    """

    def __init__(
        self,
        path: Path,
        dialect: Dialect,
        *,
        watch: Sequence[Key] = (),
        timeout: float = TIMEOUT,
        memory: int | None = None,
    ) -> None:
        """Start a worker and load the model.

        Args:
            path: A model file.
            dialect: Which runtime it is for.
            watch: Further tensors that will be fetched: names (ONNX) or indexes (TFLite).
            timeout: Seconds that any one request may take.
            memory: Bytes of address space for the worker; None for half of the machine's
                memory, at least 4 GiB. No bound on systems that have none.

        Raises:
            MissingExtraError: The runtime is not installed.
            RunnerError: The runtime refuses the model, dies of it, or takes too long.
        """
        require(dialect)
        self.path = path
        self._name = _NAMES[dialect]
        self._timeout = timeout
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._process = _start(ENGINES[dialect], memory, self._errors)
        try:
            told = self._ask({"do": "open", "path": os.fspath(path), "watch": list(watch)}, "load")
        except BaseException:
            self.close()
            raise
        if told["error"] is not None:
            self.close()
            raise RunnerError(path, f"{self._name} refuses this model: {_sentence(told['error'])}")
        self.runtime: str = told["runtime"]
        self.inputs = tuple(_slot(each) for each in told["inputs"])
        self.outputs = tuple(_slot(each) for each in told["outputs"])

    def run(self, arrays: Sequence[Array]) -> None:
        """Run the model once.

        Args:
            arrays: One for each input, in order.

        Raises:
            RefusedInputsError: The runtime refuses these inputs.
            RunnerError: The runtime died, or took too long.
        """
        self._request({"do": "run"}, "run", arrays)

    def fetch(self, key: Key) -> Array:
        """An output of the last run, or another watched tensor.

        Raises:
            RefusedInputsError: It is no tensor of numbers.
            RunnerError: The runtime died, or took too long.
        """
        (array,) = self._request({"do": "fetch", "key": key}, "read")
        return array

    def close(self) -> None:
        """End the worker."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                _close(stream)

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _request(self, message: Message, verb: str, arrays: Sequence[Array] = ()) -> list[Array]:
        told = self._ask(message, verb, arrays)
        if told["error"] is not None:
            raise RefusedInputsError(f"{self._name}: {_sentence(told['error'])}")
        received: list[Array] = told["received"]
        return received

    def _ask(self, message: Message, verb: str, arrays: Sequence[Array] = ()) -> Message:
        """Send a request and wait for the answer, for as long as it may take."""
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise RunnerError(self.path, f"{self._name} cannot be spoken to")
        late = Event()

        def end() -> None:
            late.set()
            self._process.kill()

        watchdog = Timer(self._timeout, end)
        watchdog.daemon = True
        watchdog.start()
        try:
            send(requests, message, arrays)
            told, received = receive(answers)
        except (OSError, ValueError, WireError) as error:
            raise RunnerError(self.path, self._obituary(verb, late=late.is_set())) from error
        finally:
            watchdog.cancel()
        return {**told, "received": received}

    def _obituary(self, verb: str, *, late: bool) -> str:
        """How the worker came to its end, in one sentence."""
        doing = {"load": "loading it", "run": "running it", "read": "handing a tensor over"}[verb]
        if late:
            return f"{self._name} took longer than {self._timeout:g} s for {doing}, and was ended"
        try:
            code = self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        how = _signal_name(-code) if code < 0 else f"exit code {code}"
        last = self._last_words()
        return f"{self._name} died ({how}) while {doing}{': ' + last if last else ''}"

    def _last_words(self) -> str:
        """The last line that the worker printed."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").splitlines()
        return _sentence(next((line for line in reversed(lines) if line.strip()), ""))


def require(dialect: Dialect) -> None:
    """See that a runtime for a dialect is installed.

    Raises:
        MissingExtraError: It is not.
    """
    if not any(importlib.util.find_spec(package) for package in _PACKAGES[dialect]):
        needs = " or ".join(package.replace("_", "-") for package in _PACKAGES[dialect])
        raise MissingExtraError(
            f"running .{dialect} models needs {needs}, which is not installed; install "
            "npulint[verify]"
        )


def _start(engine: str, memory: int | None, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    # A frozen program's executable is that program, which must not be started again.
    if not sys.executable or getattr(sys, "frozen", False):
        raise UsageError("models are run in a process of their own, which takes a Python to start")
    bound = _half_of_the_machine() if memory is None else memory
    return subprocess.Popen(
        [sys.executable, "-c", _START, json.dumps(sys.path), engine, str(bound)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**os.environ, **QUIET},
    )


def _half_of_the_machine() -> int:
    """Bytes of memory that a worker may take: the two of a comparison share the machine."""
    try:
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0
    return max(_LEAST_MEMORY, physical // 2)


def _slot(told: Message) -> Slot:
    return Slot(told["key"], told["name"], told["dtype"], tuple(told["shape"]))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _sentence(words: str) -> str:
    line = "".join(c if c.isprintable() else " " for c in " ".join(words.split()))
    return line if len(line) <= _SENTENCE else f"{line[:_SENTENCE]} ..."


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except OSError:
        # What was still to be written to a worker that has gone.
        return

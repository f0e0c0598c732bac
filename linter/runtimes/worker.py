"""The process in which a runtime works: it answers one request after the other until told to end.

Requests: `open` (path, watch), `run` (arrays), `fetch` (key). An answer has `error` set where the
runtime refused. The runtime's own printing goes to standard error, never between the answers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from typing import IO, Any, Protocol

from npulint.runtimes.wire import NUMBERS, Array, Key, Message, Slot, WireError, receive, send


class Session(Protocol):
    """A model loaded into a runtime."""

    runtime: str
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]

    def run(self, arrays: Sequence[Array]) -> None:
        """Run once, on one array for each input."""

    def fetch(self, key: Key) -> Array:
        """An output of the last run, or another tensor that is watched."""


class Engine(Protocol):
    """A module that drives one runtime."""

    FAULTS: tuple[type[Exception], ...]

    def open_session(self, path: str, watch: Sequence[Key]) -> Session:
        """Load a model; tensors named in `watch` can be fetched like outputs."""


def main(engine: str, memory: int) -> None:
    """Serve until standard input ends.

    Args:
        engine: Import path of the module that drives the runtime.
        memory: Bytes of address space that this process may take; 0 for no bound.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit(memory)
    driver: Any = import_module(engine)
    serve(driver, sys.stdin.buffer, answers)


def serve(engine: Engine, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until they end."""
    sessions: list[Session] = []
    faults: tuple[type[Exception], ...] = (*engine.FAULTS, MemoryError)
    while True:
        try:
            request, arrays = receive(requests)
        except WireError:
            return
        try:
            message, results = _answer(engine, sessions, request, arrays)
        except faults as error:
            message, results = {"error": str(error) or type(error).__name__}, []
        send(answers, message, results)


def _answer(
    engine: Engine, sessions: list[Session], request: Message, arrays: list[Array]
) -> tuple[Message, list[Array]]:
    if request["do"] == "open":
        session = engine.open_session(request["path"], request["watch"])
        sessions.append(session)
        slots = {"inputs": session.inputs, "outputs": session.outputs}
        listed = {name: [asdict(slot) for slot in each] for name, each in slots.items()}
        return {"error": None, "runtime": session.runtime, **listed}, []
    if request["do"] == "run":
        sessions[0].run(arrays)
        return {"error": None}, []
    found = sessions[0].fetch(request["key"])
    kind = getattr(getattr(found, "dtype", None), "kind", None)
    if kind is None or kind not in NUMBERS:
        return {"error": f"{request['key']} is no tensor of numbers that numpy has a type for"}, []
    return {"error": None}, [found]


def _limit(memory: int) -> None:
    """Bound memory where the system can, and leave no core file."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if memory:
        bound = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_AS, (bound, hard))

"""Engines that misbehave, for worker processes: what is opened says how."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from npulint.runtimes.wire import Array, Key, Slot

FAULTS: tuple[type[Exception], ...] = (RuntimeError,)


class Session:
    runtime = "a misbehaving runtime"
    inputs = (Slot("x", "x", "float32", (1, 2)),)
    outputs = (Slot("y", "y", "float32", (1, 2)),)

    def __init__(self, manner: str) -> None:
        self._manner = manner

    def run(self, arrays: Sequence[Array]) -> None:
        if self._manner == "dies":
            print("assertion failed: width > 0", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGSEGV)
        if self._manner == "hangs":
            time.sleep(60)
        if self._manner == "exits":
            sys.exit(7)
        if self._manner == "prints":
            os.write(1, b"a line in the way\n")
            print("and another", flush=True)

    def fetch(self, key: Key) -> Array:
        if self._manner == "words":
            return np.array(["a word"])
        return np.zeros((1, 2), np.float32)


def open_session(path: str, watch: Sequence[Key]) -> Session:
    manner = Path(path).stem
    if manner == "dies_early":
        os.kill(os.getpid(), signal.SIGKILL)
    if manner == "refuses":
        raise RuntimeError("no kernel for\n  FANCY_OP")
    return Session(manner)

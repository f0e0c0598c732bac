"""Models run for real on this computer, each in a process of its own.

`Runner` is the door: it starts a worker process, which loads onnxruntime or LiteRT, and speaks
with it. A runtime that crashes, hangs or eats memory takes its worker down and nothing else.
"""

from __future__ import annotations

from npulint.runtimes.process import RefusedInputsError, Runner, RunnerError
from npulint.runtimes.wire import Array, Key, Slot

__all__ = ["Array", "Key", "RefusedInputsError", "Runner", "RunnerError", "Slot"]

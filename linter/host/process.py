"""One program in a process of its own: started, waited for, outlived, and told of."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from npulint.runtimes.process import QUIET

_GRACE = 10
"""Seconds for what was killed to be gone."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program came to its end, and what it printed.

    Attributes:
        code: Its exit code; negative for the signal that ended it.
        late: Whether it was ended because it took too long.
        out: Lines of its standard output.
        err: Lines of its standard error.
    """

    code: int
    late: bool
    out: tuple[str, ...]
    err: tuple[str, ...]

    def obituary(self, name: str, timeout: float) -> str | None:
        """In one sentence how it died, None where it ended by itself with an exit code.

        Args:
            name: What to call it.
            timeout: The seconds that it had.
        """
        if self.late:
            return f"{name} took longer than {timeout:g} s and was ended"
        if self.code < 0:
            return f"{name} died ({_signal_name(-self.code)})"
        return None


def carry_out(
    command: Sequence[str],
    folder: Path,
    timeout: float,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a program to its end, or to that of its time.

    It runs in a session of its own, so that whatever it starts ends with it, and what it leaves in
    its temporary folder goes with `folder`. No bound is put
    on its memory: compilers answer a lack of it as they answer what they cannot compile.

    Args:
        command: Program and arguments.
        folder: A temporary folder, in which it works and leaves what it prints.
        timeout: Seconds that it may take.
        environment: Variables beside those of this process.

    Raises:
        OSError: It cannot be started.
    """
    out, err = folder / "stdout.txt", folder / "stderr.txt"
    with out.open("wb") as out_stream, err.open("wb") as err_stream:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **QUIET, "TMPDIR": str(folder), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=out_stream,
            stderr=err_stream,
            start_new_session=True,
        )
        late = False
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            _end(process)
    return Ended(process.returncode, late, _lines(out), _lines(err))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(_GRACE)


def _lines(path: Path) -> tuple[str, ...]:
    text = path.read_bytes().decode(errors="replace")
    return tuple(_COLOUR.sub("", text).splitlines())


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

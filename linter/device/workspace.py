"""A folder on a phone that is made, used and removed, whatever happens in between."""

from __future__ import annotations

import re
import secrets
import shlex
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.device.adb import Handset, PhoneError, PhoneGoneError, Said
from npulint.reports.wording import size

if TYPE_CHECKING:
    from types import TracebackType

PARENT = "/data/local/tmp"
"""Where adb's user may write and run programs."""

TRIES = 3
"""How often a file is sent before a phone that goes away is given up."""

VLOG = "debug.nn.vlog"
"""The property that makes NNAPI log its choices."""

_COPYING = 600.0
_ENDED = "npulint-ended:"
_NUMBER = re.compile(r"\d+")


class Workspace:
    """A folder of its own on a phone. Use it as a context manager.

    Attributes:
        folder: Its path on the phone.
        left: What could not be taken back in the end, as sentences.
    """

    def __init__(self, handset: Handset) -> None:
        self._handset = handset
        self.folder = f"{PARENT}/npulint-{secrets.token_hex(4)}"
        self.left: list[str] = []
        self._vlog: str | None = None
        self._running = False
        self._waited = False

    def __enter__(self) -> Workspace:
        """Make the folder.

        Raises:
            PhoneError: The phone does not let it be made.
        """
        try:
            self._must(f"mkdir {self.folder}", "cannot make a folder")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def push(self, local: Path, name: str, *, runs: bool = False) -> str:
        """Send a file, again where the phone went away and came back.

        Args:
            local: The file.
            name: Its name on the phone.
            runs: Whether it is a program.

        Returns:
            Its path on the phone.

        Raises:
            PhoneError: It does not fit, or does not get there.
        """
        remote = f"{self.folder}/{name}"
        self._see_room(local)
        for attempt in range(1, TRIES + 1):
            try:
                self._handset.push(local, remote, _COPYING)
                break
            except PhoneGoneError:
                if attempt == TRIES or not self._handset.come_back():
                    raise
        if runs:
            self._must(f"chmod 755 {shlex.quote(remote)}", f"cannot make {name} a program")
        return remote

    def run(
        self, arguments: Sequence[str], timeout: float, environment: Mapping[str, str] | None = None
    ) -> tuple[Said, int | None]:
        """Run a program in the folder; its output and errors are one stream.

        Returns:
            What it came to, and its process number where that is known.

        Raises:
            PhoneError: The phone cannot be spoken to.
        """
        given = "".join(
            f"export {name}={shlex.quote(value)}; " for name, value in (environment or {}).items()
        )
        inner = f"echo $$ > {self.folder}/pid; {given}exec {shlex.join(arguments)}"
        # Its own end is told by the phone itself: a connection that is cut ends adb with 1 too.
        command = (
            f"cd {self.folder} && {{ sh -c {shlex.quote(inner)} 2>&1; code=$?; echo; "
            f"echo {_ENDED}$code; }}"
        )
        self._running = True
        said = self._handset.command(command, timeout)
        process = self._process()
        if said.late:
            self._end()
            return said, process
        out, ended, code = said.out.rpartition(f"\n{_ENDED}")
        if not ended or not _NUMBER.fullmatch(code.strip()):
            raise PhoneGoneError(
                f"{self._handset.serial}: went away, or was unplugged, while {arguments[0]} ran"
            )
        self._running = False
        # Its number may soon be another program's. What it said is worth more than this.
        with suppress(PhoneError):
            self._handset.shell(f"rm -f {self.folder}/pid")
        return Said(int(code), late=False, out=out, err=said.err), process

    def remove(self, name: str) -> None:
        """Remove a file, where it is there.

        Raises:
            PhoneError: The phone cannot be spoken to.
        """
        self._handset.shell(f"rm -f {self.folder}/{shlex.quote(name)}")

    def pull(self, name: str, local: Path) -> None:
        """Fetch a file.

        Raises:
            PhoneError: It does not get here.
        """
        self._handset.pull(f"{self.folder}/{name}", local, _COPYING)

    @contextmanager
    def telling(self) -> Iterator[bool]:
        """Have NNAPI log its choices, and put the setting back as it was.

        Yields:
            Whether the phone lets it.
        """
        before = self._handset.shell(f"getprop {VLOG}").out.strip()
        self._vlog = before
        try:
            self._handset.shell(f"setprop {VLOG} 1")
            yield self._handset.shell(f"getprop {VLOG}").out.strip() == "1"
        finally:
            with unhurried():
                self._restore()

    def log_of(self, process: int) -> str:
        """What a process has logged.

        Raises:
            PhoneError: The phone cannot be spoken to.
        """
        return self._handset.shell(f"logcat -d -v threadtime --pid={process}", _COPYING).out

    def close(self) -> None:
        """End what runs, put settings back and remove the folder; tell what could not be."""
        with unhurried():
            self._end()
            self._restore()
            self._try(f"rm -rf {self.folder}", f"the folder {self.folder}")

    def _see_room(self, local: Path) -> None:
        needed = local.stat().st_size
        with suppress(PhoneGoneError):
            said = self._handset.shell(f"df -k {PARENT}")
            columns = said.out.split("\n")[-1].split()
            free = columns[3] if len(columns) > 3 else ""
            if _NUMBER.fullmatch(free) and int(free) * 1024 < needed:
                raise PhoneError(
                    f"{self._handset.serial}: is full: {local.name} takes {size(needed)} and "
                    f"{size(int(free) * 1024)} are free in {PARENT}"
                )

    def _process(self) -> int | None:
        with suppress(PhoneError):
            said = self._handset.shell(f"cat {self.folder}/pid")
            if _NUMBER.fullmatch(said.out.strip()):
                return int(said.out)
        return None

    def _end(self) -> None:
        """End the program that was started last, where it still runs."""
        if not self._running:
            return
        file = f"{self.folder}/pid"
        command = f"if [ -f {file} ]; then kill -9 $(cat {file}); rm -f {file}; fi; true"
        self._running = not self._try(command, "a program that may still run")

    def _restore(self) -> None:
        if self._vlog is not None:
            value = shlex.quote(self._vlog)
            if self._try(f"setprop {VLOG} {value}", f"the setting {VLOG}=1"):
                self._vlog = None

    def _must(self, command: str, what: str) -> None:
        said = self._handset.shell(command)
        if said.code != 0:
            told = (said.out.strip() or said.err.strip() or f"exit code {said.code}").split("\n")
            raise PhoneError(f"{self._handset.serial}: {what} on it: {told[-1]}")

    def _try(self, command: str, what: str) -> bool:
        """Run a command of which the failure is only told; whether it went well."""
        good = self._succeeds(command)
        sentence = f"left on {self._handset.serial}: {what}"
        if good and sentence in self.left:
            self.left.remove(sentence)
        elif not good and sentence not in self.left:
            self.left.append(sentence)
        return good

    def _succeeds(self, command: str) -> bool:
        """Whether a command succeeds; a phone that went away is waited for, once."""
        try:
            return self._handset.shell(command).code == 0
        except PhoneGoneError:
            if self._waited:
                return False
            self._waited = True
            return self._handset.come_back() and self._succeeds(command)
        except PhoneError:
            return False


@contextmanager
def unhurried() -> Iterator[None]:
    """No interruption while something is put back: a second Ctrl-C would leave it as it is."""
    with _answered(signal.SIG_IGN, signal.SIGINT, signal.SIGTERM):
        yield


@contextmanager
def orderly() -> Iterator[None]:
    """A request to end (SIGTERM) is an interruption like Ctrl-C, so that all is put back."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with _answered(interrupt, signal.SIGTERM):
        yield


@contextmanager
def _answered(handler: Callable[..., None] | signal.Handlers, *signals: int) -> Iterator[None]:
    """Signals are answered in some way for a while; those of the main thread alone can be."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, handler) for each in signals}
    try:
        yield
    finally:
        for each, earlier in before.items():
            signal.signal(each, signal.SIG_DFL if earlier is None else earlier)

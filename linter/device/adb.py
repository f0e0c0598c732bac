"""The adb program, driven: every call has an end, and every failure a sentence."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.errors import NpulintError
from npulint.host.process import Ended, carry_out

if TYPE_CHECKING:
    from types import TracebackType

QUICK = 30.0
"""Seconds that a phone may take to answer what it has at hand."""

RETURN = 30.0
"""Seconds that a phone which went away has to come back."""

_STARTING = 60.0


class PhoneError(NpulintError):
    """A phone, or adb, that does not do as it is asked."""


class PhoneGoneError(PhoneError):
    """A phone that no longer answers; it may come back."""


_GONE = re.compile(
    r"device offline|device '[^']*' not found|no devices/emulators found|device not found"
    r"|couldn't read from device|failed to read copy response|error: closed|protocol fault"
    r"|connection reset|Connection reset|Broken pipe|read failed|device still connecting"
)
_SENTENCES = (
    (
        re.compile(r"device unauthorized|vendor keys|confirmation dialog"),
        "does not trust this computer: unlock it and allow USB debugging when it asks",
    ),
    (
        re.compile(r"insufficient permissions|no permissions"),
        "may not be used by this user: add the udev rules of Android's USB devices, or join the "
        "group that they name",
    ),
    (
        re.compile(r"No space left on device|ENOSPC|Not enough space"),
        "is full: free some storage on it",
    ),
    (
        re.compile(r"Read-only file system|Permission denied"),
        "does not let adb write to its folder for temporary files",
    ),
)


_PROGRESS = re.compile(r"^\[ *\d+%\] .*$", re.MULTILINE)
"""How far adb has come with a copy."""

_OWN = re.compile(r"^(?:error|adb): ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Said:
    """What a command on the phone came to.

    Attributes:
        code: Its exit code.
        late: Whether it was given up because it took too long.
        out: What it printed.
        err: What it printed as errors, or adb did.
    """

    code: int
    late: bool
    out: str
    err: str


class Adb:
    """One adb program and the server that it speaks to. Use it as a context manager."""

    def __init__(self, binary: Path | None = None, port: int | None = None) -> None:
        """Find adb and have its server run.

        Args:
            binary: The program; None for the one that the system finds.
            port: The server's port; None for adb's own choice.

        Raises:
            PhoneError: There is no adb, or its server does not start.
        """
        self._binary = _find(binary)
        self._server = [] if port is None else ["-P", str(port)]
        self._folder = tempfile.TemporaryDirectory(prefix="npulint-adb-")
        try:
            self._start()
        except BaseException:
            self._folder.cleanup()
            raise

    def _start(self) -> None:
        started = self.call(["start-server"], _STARTING)
        if started.late or started.code != 0:
            raise PhoneError(f"adb's server does not start: {_last_line(started)}")

    def call(self, arguments: Sequence[str], timeout: float) -> Said:
        """Run adb with these arguments.

        Raises:
            PhoneError: The program cannot be run.
        """
        command = [str(self._binary), *self._server, *arguments]
        # The server outlives this call, and so must the folder for its own log.
        lasting = {"TMPDIR": tempfile.gettempdir()}
        try:
            ended = carry_out(command, Path(self._folder.name), timeout, lasting)
        except OSError as error:
            raise PhoneError(
                f"{self._binary}: cannot be run: {error.strerror or error}; name another by --adb"
            ) from error
        return _said(ended)

    def close(self) -> None:
        """Leave; the server stays, as adb's users expect."""
        self._folder.cleanup()

    def __enter__(self) -> Adb:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Handset:
    """One phone, by its serial number.

    Attributes:
        serial: The number, or the address of a phone that is reached over a network.
    """

    def __init__(self, adb: Adb, serial: str) -> None:
        self._adb = adb
        self.serial = serial

    def shell(self, command: str, timeout: float = QUICK) -> Said:
        """Run a command on the phone and hand back what came of it, its exit code included.

        Raises:
            PhoneError: The phone cannot be spoken to, or takes too long.
        """
        said = self.command(command, timeout)
        if said.late:
            raise PhoneGoneError(f"{self.serial}: did not answer for {timeout:g} s")
        return said

    def command(self, command: str, timeout: float) -> Said:
        """The same of a command that may take too long.

        Raises:
            PhoneError: The phone cannot be spoken to.
        """
        said = self._adb.call(["-s", self.serial, "shell", command], timeout)
        # adb's own failures are on standard error, and end with 1 as a command may.
        if not said.late and said.code != 0 and _OWN.search(said.err):
            raise self._fault(said, "does not answer")
        return said

    def push(self, local: Path, remote: str, timeout: float) -> None:
        """Copy a file to the phone.

        Raises:
            PhoneError: It does not get there.
        """
        # adb runs in a folder of its own, from which a path may lead elsewhere.
        source = str(local.absolute())
        said = self._adb.call(["-s", self.serial, "push", source, remote], timeout)
        if said.late:
            raise PhoneGoneError(
                f"{self.serial}: took longer than {timeout:g} s to take {local.name}"
            )
        if said.code != 0:
            raise self._fault(said, f"does not take {local.name}")

    def pull(self, remote: str, local: Path, timeout: float) -> None:
        """Copy a file from the phone.

        Raises:
            PhoneError: It does not get here.
        """
        said = self._adb.call(["-s", self.serial, "pull", remote, str(local.absolute())], timeout)
        if said.late or said.code != 0:
            raise self._fault(said, f"does not hand over {Path(remote).name}")

    def come_back(self) -> bool:
        """Give a phone that went away the time to return; whether it did."""
        if ":" in self.serial:
            # Reached over a network: adb keeps the dead connection until it is told to drop it.
            self._adb.call(["disconnect", self.serial], QUICK)
            self._adb.call(["connect", self.serial], QUICK)
        said = self._adb.call(["-s", self.serial, "wait-for-device"], RETURN)
        return not said.late and said.code == 0

    def _fault(self, said: Said, what: str) -> PhoneError:
        text = _PROGRESS.sub("", f"{said.err}\n{said.out}")
        for form, sentence in _SENTENCES:
            if form.search(text):
                return PhoneError(f"{self.serial}: {sentence}")
        # Cut off in the middle of a copy, adb ends without a word.
        if said.late or not text.strip() or _GONE.search(text):
            return PhoneGoneError(f"{self.serial}: went away, or was unplugged ({what})")
        return PhoneError(f"{self.serial}: {what}: {_last_line(said)}")


def _find(binary: Path | None) -> Path:
    if binary is not None:
        if not binary.is_file():
            raise PhoneError(f"{binary}: there is no such program; --adb names the adb program")
        return binary.resolve()
    found = shutil.which("adb")
    if found is None:
        raise PhoneError(
            "adb is not installed here: install Android's platform tools (Debian: apt-get install "
            "adb), or name the program by --adb FILE"
        )
    return Path(found)


def _said(ended: Ended) -> Said:
    return Said(ended.code, ended.late, "\n".join(ended.out), "\n".join(ended.err))


def _last_line(said: Said) -> str:
    lines = [line for text in (said.out, said.err) for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"exit code {said.code}, and not a word"

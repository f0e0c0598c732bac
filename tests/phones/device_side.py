"""A phone for tests: the device side of adb's protocol, on loopback.

It answers the real adb server: connection with and without authorisation, shell v2 with separate
streams and exit codes, sync (stat, push, pull). Commands are run by this computer's shell in a
folder that stands for `/data/local/tmp`, where what was pushed is run for real. It proves
transport, quoting, exit codes and cleaning up, and nothing about an accelerator.

Format of messages: platform/packages/modules/adb protocol.txt, SYNC.TXT and shell_protocol.h.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import Literal

CNXN, AUTH, OPEN, OKAY, WRTE, CLSE = (
    int.from_bytes(name, "little")
    for name in (b"CNXN", b"AUTH", b"OPEN", b"OKAY", b"WRTE", b"CLSE")
)
VERSION = 0x01000000
LARGEST = 1 << 16
TMP = "/data/local/tmp"
BANNER = (
    "device::ro.product.name=teapot;ro.product.model=Teapot 4;ro.product.device=teapot;"
    "features=shell_v2,stat_v2,cmd"
)
_TOKEN, _SIGNATURE, _KEY = 1, 2, 3


@dataclass
class Phone:
    """A phone that listens on a port of its own.

    Attributes:
        folder: What stands for `/data/local/tmp`, and beside it what stands for the rest.
        trust: Whether it asks who is there: never; and accepts any key; and accepts none.
        room: Bytes that fit on it, None for any number.
        drop_at: Bytes pushed after which it goes away, None for never.
        drop_pull_at: Bytes pulled after which it goes away, None for never.
        comes_back: Whether it may be connected to again after it has gone.
        leaves_at: Part of a command at which it goes away, empty for none.
        benchmark: The benchmark_model that is to be sent to it.
    """

    folder: Path
    trust: Literal["open", "asks", "refuses"] = "open"
    room: int | None = None
    drop_at: int | None = None
    drop_pull_at: int | None = None
    comes_back: bool = False
    leaves_at: str = ""
    benchmark: Path = Path()

    def __post_init__(self) -> None:
        self.pushed = 0
        self.tmp = self.folder / "tmp"
        self.tmp.mkdir(parents=True)
        self.connections: list[_Connection] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.serial = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                stream, _ = self._listener.accept()
                connection = _Connection(self, stream)
                self.connections.append(connection)
                threading.Thread(target=connection.serve, daemon=True).start()

    def go_away(self) -> None:
        """Be unplugged."""
        if not self.comes_back:
            self._stop_listening()
        for connection in self.connections:
            connection.close()

    def close(self) -> None:
        self._stop_listening()
        self.go_away()

    def _stop_listening(self) -> None:
        with suppress(OSError):
            # Closed alone, it would still accept once: a thread waits for that.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def here(self, path: str) -> str:
        """A path, or a command, of the phone on this computer."""
        return path.replace(TMP, str(self.tmp))


class _Connection:
    def __init__(self, phone: Phone, stream: socket.socket) -> None:
        self.phone = phone
        self._socket = stream
        self._lock = threading.Lock()
        self._streams: dict[int, _Stream] = {}
        self._next = 1

    def serve(self) -> None:
        with suppress(OSError, EOFError):
            while True:
                command, one, two, data = self._receive()
                self._take(command, one, two, data)
        self.close()

    def _take(self, command: int, one: int, two: int, data: bytes) -> None:
        if command == CNXN and self.phone.trust != "open":
            self.send(AUTH, _TOKEN, 0, bytes(20))
        elif command == AUTH and one == _SIGNATURE:
            # Nobody's signature is known yet: the key itself is asked for.
            self.send(AUTH, _TOKEN, 0, bytes(20))
        elif command == CNXN or (command == AUTH and self.phone.trust == "asks"):
            self.send(CNXN, VERSION, LARGEST, BANNER.encode())
        elif command == OPEN:
            self._open(one, data.rstrip(b"\0").decode())
        elif command in {OKAY, WRTE, CLSE} and two in self._streams:
            stream = self._streams[two]
            if command == WRTE:
                self.send(OKAY, stream.own, stream.other)
                stream.inbox.put(data)
            elif command == OKAY:
                stream.ready.set()
            else:
                stream.end()

    def _open(self, other: int, service: str) -> None:
        stream = _Stream(self, self._next, other)
        self._streams[self._next] = stream
        self._next += 1
        self.send(OKAY, stream.own, other)
        if service.startswith("shell,v2"):
            work, argument = _shell, service.split(":", 1)[1]
        elif service == "sync:":
            work, argument = _sync, ""
        else:
            stream.close()
            return
        threading.Thread(target=stream.work, args=(work, argument), daemon=True).start()

    def send(self, command: int, one: int, two: int, data: bytes = b"") -> None:
        head = struct.pack("<6I", command, one, two, len(data), sum(data), command ^ 0xFFFFFFFF)
        with self._lock:
            self._socket.sendall(head + data)

    def _receive(self) -> tuple[int, int, int, bytes]:
        command, one, two, length, _, _ = struct.unpack("<6I", self._exactly(24))
        return command, one, two, self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def start(self, command: str) -> subprocess.Popen[bytes]:
        tools = f"{self.phone.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.Popen(
            ["/bin/sh", "-c", self.phone.here(command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": tools, "PHONE": str(self.phone.folder)},
            cwd=self.phone.folder,
            start_new_session=True,
        )

    def close(self) -> None:
        """Be cut off; what runs on the phone goes on, as it does without a terminal."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for stream in list(self._streams.values()):
            stream.end()


class _Stream:
    def __init__(self, connection: _Connection, own: int, other: int) -> None:
        self.connection = connection
        self.own, self.other = own, other
        self.inbox: Queue[bytes | None] = Queue()
        self.ready = threading.Event()
        self.over = False
        self._rest = b""

    def work(self, work: object, argument: str) -> None:
        assert callable(work)
        with suppress(OSError, EOFError):
            work(self, argument)
        self.close()

    def write(self, data: bytes) -> None:
        """Send, and wait until it is taken."""
        for start in range(0, len(data), LARGEST):
            if self.over:
                raise EOFError
            self.ready.clear()
            self.connection.send(WRTE, self.own, self.other, data[start : start + LARGEST])
            self.ready.wait()

    def read(self, count: int) -> bytes:
        while len(self._rest) < count:
            part = self.inbox.get()
            if part is None:
                raise EOFError
            self._rest += part
        data, self._rest = self._rest[:count], self._rest[count:]
        return data

    def end(self) -> None:
        self.over = True
        self.inbox.put(None)
        self.ready.set()

    def close(self) -> None:
        with suppress(OSError):
            self.connection.send(CLSE, self.own, self.other)


def _shell(stream: _Stream, command: str) -> None:
    """Shell v2: packets of a kind (1 output, 2 errors, 3 exit code), a length and data."""
    phone = stream.connection.phone
    if phone.leaves_at and phone.leaves_at in command:
        phone.leaves_at = ""
        phone.go_away()
        raise EOFError
    child = stream.connection.start(command)
    lock = threading.Lock()

    def forward(kind: int, pipe: object) -> None:
        descriptor = pipe.fileno()  # type: ignore[attr-defined]
        with suppress(OSError, EOFError):
            while data := os.read(descriptor, 4096):
                with lock:
                    stream.write(struct.pack("<BI", kind, len(data)) + data)

    threads = [
        threading.Thread(target=forward, args=pair, daemon=True)
        for pair in ((1, child.stdout), (2, child.stderr))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    code = child.wait()
    stream.write(struct.pack("<BIB", 3, 1, code if code >= 0 else 128 - code))


def _sync(stream: _Stream, _: str) -> None:
    while True:
        name, length = struct.unpack("<4sI", stream.read(8))
        path = stream.read(length).decode()
        if name == b"QUIT":
            return
        if name in {b"STAT", b"STA2", b"LST2"}:
            stream.write(_stat(name, Path(stream.connection.phone.here(path))))
        elif name == b"SEND":
            _receive_file(stream, path)
        elif name == b"RECV":
            _send_file(stream, stream.connection.phone, path)
        else:
            _fail(stream, f"unknown request {name!r}")


def _stat(name: bytes, path: Path) -> bytes:
    try:
        found = path.stat()
    except OSError as error:
        if name == b"STAT":
            return struct.pack("<4s3I", name, 0, 0, 0)
        return struct.pack("<4sI2Q4IQ3q", name, error.errno or 5, *(0,) * 10)
    if name == b"STAT":
        return struct.pack("<4s3I", name, found.st_mode, found.st_size, int(found.st_mtime))
    times = (int(found.st_atime), int(found.st_mtime), int(found.st_ctime))
    return struct.pack(
        "<4sI2Q4IQ3q", name, 0, found.st_dev, found.st_ino, found.st_mode, found.st_nlink,
        found.st_uid, found.st_gid, found.st_size, *times,
    )  # fmt: skip


def _receive_file(stream: _Stream, target: str) -> None:
    phone = stream.connection.phone
    name, _, mode = target.rpartition(",")
    path = Path(phone.here(name))
    fault = "" if path.parent.is_dir() else "couldn't create file: No such file or directory"
    content = b""
    for data in _chunks(stream):
        phone.pushed += len(data)
        if phone.drop_at is not None and phone.pushed > phone.drop_at:
            phone.drop_at = None
            phone.go_away()
            raise EOFError
        if phone.room is not None and phone.pushed > phone.room:
            fault = fault or "couldn't write: No space left on device"
        content += data
    if fault:
        _fail(stream, fault)
        return
    path.write_bytes(content)
    path.chmod(stat.S_IMODE(int(mode, 0)))
    stream.write(struct.pack("<4sI", b"OKAY", 0))


def _chunks(stream: _Stream) -> Iterator[bytes]:
    while True:
        name, length = struct.unpack("<4sI", stream.read(8))
        if name == b"DONE":
            return
        yield stream.read(length)


def _send_file(stream: _Stream, phone: Phone, name: str) -> None:
    try:
        content = Path(phone.here(name)).read_bytes()
    except OSError as error:
        _fail(stream, f"couldn't open: {error.strerror}")
        return
    for start in range(0, len(content), LARGEST):
        if phone.drop_pull_at is not None and start >= phone.drop_pull_at:
            phone.drop_pull_at = None
            phone.go_away()
            raise EOFError
        part = content[start : start + LARGEST]
        stream.write(struct.pack("<4sI", b"DATA", len(part)) + part)
    stream.write(struct.pack("<4sI", b"DONE", 0))


def _fail(stream: _Stream, words: str) -> None:
    stream.write(struct.pack("<4sI", b"FAIL", len(words)) + words.encode())

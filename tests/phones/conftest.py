from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from npulint.formats import load
from tests.cli.support import SMALLNET_TFLITE, Runner
from tests.phones.device_side import Phone
from tests.phones.handheld import furnish

ADB = shutil.which("adb")


@pytest.fixture
def npulint(capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(capsys)


class Lab:
    """The real adb, a server of its own, and phones on loopback."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.options = ["--adb-port", str(port)]
        self.phones: list[Phone] = []

    def adb(self, *arguments: str) -> str:
        assert ADB is not None, "the tests need adb (Debian: apt-get install adb)"
        command = [ADB, "-P", str(self.port), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout + done.stderr

    def phone(self, **how: object) -> Phone:
        """A phone that is attached, with tools and a benchmark_model to send to it."""
        phone = Phone(self.folder / f"phone{len(self.phones)}", **how)  # type: ignore[arg-type]
        self.phones.append(phone)
        ops = [node.op for node in load(SMALLNET_TFLITE).graphs[0].nodes]
        phone.benchmark = furnish(phone, ops)
        self.adb("connect", phone.serial)
        return phone


@pytest.fixture(scope="session")
def adb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server of adb's own on a free port, with keys of its own; ended with the tests."""
    home = tmp_path_factory.mktemp("adb")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    before = {name: os.environ.get(name) for name in ("HOME", "ANDROID_SERIAL")}
    os.environ["HOME"] = str(home)
    os.environ.pop("ANDROID_SERIAL", None)
    try:
        assert ADB is not None, "the tests need adb (Debian: apt-get install adb)"
        subprocess.run(
            [ADB, "-P", str(port), "start-server"], check=True, capture_output=True, timeout=60
        )
        yield port
    finally:
        subprocess.run([ADB or "adb", "-P", str(port), "kill-server"], check=False, timeout=60)
        for name, value in before.items():
            if value is not None:
                os.environ[name] = value


@pytest.fixture
def lab(adb_server: int, tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path, adb_server)
    yield made
    for phone in made.phones:
        made.adb("disconnect", phone.serial)
        phone.close()

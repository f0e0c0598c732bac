"""Terminals of all sorts, streams that are closed or full, and users who interrupt."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.robustness.driving import TARGETS
from tests.robustness.mutants import EXPORTS, TRUTH

TFLITE, ONNX = EXPORTS / "unet_small.tflite", EXPORTS / "smallnet.onnx"
NPULINT = [sys.executable, "-W", "error", "-m", "npulint"]
COMMANDS = {
    "check": ["check", TFLITE, ONNX, "-t", "nnapi-1.1", "-t", "tflite-gpu", "-v"],
    "json": ["check", TFLITE, ONNX, "-t", "nnapi-1.1", "--format", "json"],
    "inspect": ["inspect", TFLITE, "-v"],
    "matrix": ["matrix", TFLITE, ONNX],
    "diff": ["diff", TFLITE, ONNX],
    "targets": ["targets", "-v"],
    "targets diff": ["targets", "diff", "nnapi-1.1", "nnapi-1.3"],
    "explain": ["explain", "nnapi-1.2:CONV_2D"],
    "explain device": ["explain", "pixel-4"],
    "models": ["models", "list"],
    "help": ["check", "--help"],
}


def run(
    *arguments: object, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*NPULINT, *map(str, arguments)],
        capture_output=True, check=False, timeout=120, env={**os.environ, **(env or {})},
    )  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_nothing_warns(command: list[object]) -> None:
    """Each warning would be an error here, in the command's own process."""
    done = run(*command)
    assert done.returncode in (0, 1)
    assert done.stderr == b""
    assert done.stdout


ENCODINGS: dict[str, tuple[dict[str, str], str]] = {
    "ascii": ({"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}, "ascii"),
    "C": ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "ascii"),
    "Western Windows": ({"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}, "cp1252"),
    "Japanese Windows": ({"PYTHONIOENCODING": "cp932", "PYTHONUTF8": "0"}, "cp932"),
    "DOS": ({"PYTHONIOENCODING": "cp437", "PYTHONUTF8": "0"}, "cp437"),
    "UTF-8": ({"PYTHONUTF8": "1"}, "utf-8"),
}


@pytest.mark.parametrize(("env", "encoding"), ENCODINGS.values(), ids=ENCODINGS)
def test_encodings(tmp_path: Path, env: dict[str, str], encoding: str) -> None:
    path = tmp_path / "模型 ×.tflite"
    path.write_bytes(TFLITE.read_bytes())
    done = run("check", path, "-t", "nnapi-1.1", env=env)
    assert (done.returncode, done.stderr) == (1, b"")
    shown = done.stdout.decode(encoding)
    times = "x" if encoding in ("ascii", "cp437") else "×"
    dot = "-" if encoding in ("ascii", "cp932") else "·"
    assert f"TRANSPOSE_CONV {times}" in shown
    assert f"tflite {dot} " in shown
    report = run("check", path, "-t", "nnapi-1.1", "--format", "json", env=env)
    found = json.loads(report.stdout.decode("ascii"))["models"][0]["path"]
    # In the C locale a path is bytes, which Python carries in half characters.
    assert found.encode(errors="surrogateescape").decode() == str(path)


def in_terminal(width: int, *arguments: object, env: dict[str, str] | None = None) -> str:
    """What a command shows on a terminal of so many columns, on both of its streams."""
    primary, secondary = pty.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
    command = [*NPULINT, *map(str, arguments)]
    with subprocess.Popen(
        command, stdout=secondary, stderr=secondary, env={**environment, "TERM": "xterm"}
        | (env or {}),
    ) as process:  # fmt: skip
        os.close(secondary)
        shown = bytearray()
        while True:
            try:
                part = os.read(primary, 1 << 16)
            except OSError:  # how Linux says that the other end has closed
                break
            if not part:
                break
            shown += part
    os.close(primary)
    assert process.returncode in (0, 1), shown.decode()
    return shown.decode()


@pytest.mark.parametrize("width", [0, 1, 20, 80, 500])
@pytest.mark.parametrize("name", ["check", "inspect", "matrix", "diff", "explain"])
def test_widths(width: int, name: str) -> None:
    shown = in_terminal(width, *COMMANDS[name])
    assert "Traceback" not in shown
    words = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).split()
    wide = run(*COMMANDS[name]).stdout.decode().split()
    assert set(wide) <= set(words), "what a wide terminal shows, a narrow one shows too"


def test_colours() -> None:
    check = ["check", TFLITE, "-t", "nnapi-1.1"]
    assert "\x1b[31m" in in_terminal(80, *check)
    for plain in (
        in_terminal(80, *check, "--no-color"),
        in_terminal(80, *check, env={"NO_COLOR": "1"}),
        run(*check).stdout.decode(),
    ):
        assert "\x1b" not in plain


CLOSED = {"stdout": "{} >&-", "stderr": "{} 2>&-", "both": "{} >&- 2>&-", "stdin": "{} <&-"}


@pytest.mark.parametrize("shell", CLOSED.values(), ids=CLOSED)
def test_closed_streams(shell: str) -> None:
    command = f'"{sys.executable}" -m npulint check "{TFLITE}" "{ONNX}" -t nnapi-1.1'
    done = subprocess.run(
        ["sh", "-c", shell.format(command)], capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 1
    assert done.stderr == b""


def test_a_full_standard_output() -> None:
    if sys.platform != "linux":
        return  # the device that is always full is Linux'
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*NPULINT, "check", str(TFLITE), "-t", "nnapi-1.1"],
            stdout=full, stderr=subprocess.PIPE, check=False, timeout=120,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.decode() == (
        "npulint: standard output: cannot be written: No space left on device\n"
    )


_READY = (
    "import sys; from npulint.cli import main; print('ready', file=sys.stderr, flush=True);"
    "sys.exit(main(sys.argv[1:]))"
)


@pytest.mark.parametrize("more", [[], ["--format", "json"], ["-o", "report.txt"]])
@pytest.mark.parametrize("after", [0.0, 0.5, 1.5])
def test_an_interruption(tmp_path: Path, after: float, more: list[str]) -> None:
    """Ctrl-C at some moment of a long check: exit code 130, one line and no file."""
    models = [str(path) for path in sorted(TRUTH.glob("*.tflite"))]
    every = [part for name in TARGETS for part in ("-t", name)]
    with subprocess.Popen(
        [sys.executable, "-c", _READY, "check", *models, *every, *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert process.stderr.readline() == b"ready\n"
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.decode().strip() == "npulint: interrupted"
    assert out == b""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("take", [0, 1, 5_000])
def test_a_reader_that_has_enough(take: int) -> None:
    with subprocess.Popen(
        [*NPULINT, "check", str(TRUTH), "-t", "nnapi-1.0", "-v"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(take)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1

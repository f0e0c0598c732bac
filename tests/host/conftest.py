"""Qualcomm's packages are for Python 3.11 and newer, on Linux and x86-64: see pyproject.toml."""

from __future__ import annotations

import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.support import Runner

COMPILER = (
    sys.version_info >= (3, 11) and sys.platform == "linux" and platform.machine() == "x86_64"
)

NEED_IT = (
    "test_asking.py",
    "test_command.py",
    "test_ends.py",
    "test_plugin_pieces.py",
    "test_qnn_cures.py",
    "test_sweep.py",
)
collect_ignore = [] if COMPILER else [*NEED_IT, "test_tflite_sweep.py"]


@pytest.fixture
def npulint(capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(capsys)


@pytest.fixture
def nothing_left(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Temporary files go to a folder of their own, which must be empty in the end."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    yield
    assert list(Path(folder).iterdir()) == []

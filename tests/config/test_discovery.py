"""Which configuration holds, and that none costs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from npulint.config.discovery import discover

OURS = "[tool.npulint]\nratchet = true\n"


def put(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a" / "b").mkdir(parents=True)
    return tmp_path


def test_the_nearest_upwards(repository: Path) -> None:
    top = put(repository / "npulint.toml")
    assert discover(repository / "a" / "b") == top
    nearer = put(repository / "a" / "pyproject.toml", OURS)
    assert discover(repository / "a" / "b") == nearer
    assert discover(repository) == top


def test_our_own_file_comes_before_the_projects(repository: Path) -> None:
    put(repository / "pyproject.toml", OURS)
    own = put(repository / "npulint.toml")
    assert discover(repository) == own


@pytest.mark.parametrize(
    "text",
    ["", "[project]\nname = 'npulint'\n", "[tool.npulinter]\n", "tool = 'npulint'\n"],
)
def test_a_project_that_says_nothing_to_us_is_passed_over(repository: Path, text: str) -> None:
    top = put(repository / "npulint.toml")
    put(repository / "a" / "pyproject.toml", text)
    assert discover(repository / "a") == top


@pytest.mark.parametrize(
    "text", ["[tool]\nnpulint = {}\n", "[ tool . 'npulint' ]\n", "tool.npulint.ratchet = true\n"]
)
def test_however_it_is_written(repository: Path, text: str) -> None:
    assert discover(repository / "a") is None
    there = put(repository / "a" / "pyproject.toml", text)
    assert discover(repository / "a" / "b") == there


def test_a_project_that_cannot_be_read_may_speak_of_us(repository: Path) -> None:
    there = put(repository / "pyproject.toml", "[tool.npulint\n")
    assert discover(repository) == there


def test_not_beyond_the_repository(tmp_path: Path) -> None:
    put(tmp_path / "npulint.toml")
    (tmp_path / "inner" / "deep").mkdir(parents=True)
    assert discover(tmp_path / "inner" / "deep") == tmp_path / "npulint.toml"
    put(tmp_path / "inner" / ".git", "gitdir: elsewhere\n")
    assert discover(tmp_path / "inner" / "deep") is None


def test_folders_are_no_configuration(repository: Path) -> None:
    (repository / "a" / "npulint.toml").mkdir()
    assert discover(repository / "a") is None


def test_without_a_configuration_nothing_is_loaded(repository: Path) -> None:
    put(repository / "pyproject.toml", "[project]\nname = 'x'\n")
    code = (
        "import sys; from npulint.cli_settings import Wanted, settings_for;"
        "assert settings_for(Wanted()) is None;"
        "print(*sorted(n for n in sys.modules if n.startswith('npulint.config')), 'tomllib' in "
        "sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["npulint.config", "npulint.config.discovery", "False"]

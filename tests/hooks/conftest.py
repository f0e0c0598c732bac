"""A repository that offers the hooks as they are now, and a fresh one that uses them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
EXPORTS = ROOT / "reference_models" / "exports"

_CONFIGURATION = """\
repos:
  - repo: {repository}
    rev: {revision}
    hooks:
      - id: npulint-check
        args: [--target, nnapi-1.1]
      - id: npulint-fix
        args: [--target, nnapi-1.1]
        stages: [manual]
"""


@dataclass(frozen=True)
class Repository:
    """A git repository and the environment in which its commands run."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, *command: str, code: int | None = 0) -> str:
        """What a command says on both streams; it must end with `code` unless that is None."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert code is None or done.returncode == code, done.stdout
        return done.stdout

    def git(self, *arguments: str, code: int | None = 0) -> str:
        return self.run("git", *arguments, code=code)

    def pre_commit(self, *arguments: str, code: int | None = 0) -> str:
        return self.run(sys.executable, "-m", "pre_commit", *arguments, code=code)

    def add(self, source: Path | str, name: str) -> Path:
        """Bring a file in, copied or written, and stage it."""
        path = self.folder / name
        if isinstance(source, Path):
            shutil.copyfile(source, path)
        else:
            path.write_text(source, encoding="utf-8")
        self.git("add", name)
        return path

    def commit(self, code: int = 0) -> str:
        return self.git("commit", "--message", "change", code=code)


def _environment(home: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    who = {f"GIT_{part}_NAME": "tester" for part in ("AUTHOR", "COMMITTER")}
    where = {f"GIT_{part}_EMAIL": "tester@example.org" for part in ("AUTHOR", "COMMITTER")}
    return {
        **kept, **who, **where,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "PRE_COMMIT_HOME": str(home),
        "PRE_COMMIT_COLOR": "never",
        "XDG_CACHE_HOME": str(home / "cache"),
    }  # fmt: skip


@pytest.fixture(scope="session")
def offered(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """This project as it stands in the working tree, committed somewhere else."""
    folder = tmp_path_factory.mktemp("offered")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        # Tests and pages are no part of what a hook installs.
        if not name.startswith(("tests/", "docs/", "benchmarks/")) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    repository = Repository(folder, _environment(tmp_path_factory.mktemp("pre-commit")))
    repository.git("init", "--quiet")
    repository.git("add", "--all")
    repository.commit()
    return repository


@pytest.fixture
def user(offered: Repository, tmp_path: Path) -> Repository:
    """A fresh repository with the hook in place and nothing in it."""
    repository = Repository(tmp_path, offered.environment)
    repository.git("init", "--quiet")
    revision = offered.git("rev-parse", "HEAD").strip()
    configuration = _CONFIGURATION.format(repository=offered.folder, revision=revision)
    repository.add(configuration, ".pre-commit-config.yaml")
    repository.commit()
    repository.pre_commit("install")
    return repository

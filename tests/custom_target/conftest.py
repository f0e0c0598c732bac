from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.support import Runner
from tests.custom_target.packages import ACME, MODULE, Install


@pytest.fixture
def npulint(capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(capsys)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a distribution on the search path as an installer would, and gives its tables' folder.

    Its module is called after it, so that several tests do not share one.
    """
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def install(name: str, module: str = MODULE, table: str | None = None) -> Path:
        package = site / name.replace("-", "_")
        tables = package / "tables"
        tables.mkdir(parents=True)
        (package / "__init__.py").write_text(module, encoding="utf-8")
        text = ACME.read_text(encoding="utf-8") if table is None else table
        if text:
            (tables / "acme.yaml").write_text(text, encoding="utf-8")
        info = site / f"{package.name}-1.5.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        entry = f"[npulint.targets]\nacme = {package.name}:EXTENSION\n"
        (info / "entry_points.txt").write_text(entry, encoding="utf-8")
        monkeypatch.delitem(sys.modules, package.name, raising=False)
        monkeypatch.syspath_prepend(site)  # once more, so that the new state is read
        return tables

    return install

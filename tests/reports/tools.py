"""Validators that come from elsewhere, kept in `build/tools` (`make tools` brings them)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parent.parent.parent / "build" / "tools"
SARIF_FOLDER = TOOLS / "node_modules" / "@microsoft" / "sarif-multitool-linux"
SARIF_VALIDATOR = SARIF_FOLDER / "Sarif.Multitool"
SARIF_SCHEMA = SARIF_FOLDER / "sarif-2.1.0.json"
JUNIT_SCHEMA = TOOLS / "junit-10.xsd"


def needed(path: Path) -> Path:
    """A tool that must be there."""
    if not path.exists():
        pytest.fail(f"{path.name} is not there: run `make tools` (needs npm) first")
    return path


def validate_sarif(path: Path) -> list[str]:
    """What the SARIF SDK's own validator says, GitHub's rules included."""
    command = [str(needed(SARIF_VALIDATOR)), "validate", "--rule-kind", "Sarif;Gh", str(path)]
    environment = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert "Analysis completed successfully" in done.stdout, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if ": error " in line or ": warning " in line]

"""What the worker tells of its work, read even where it broke off."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from npulint.host.marks import marks
from npulint.host.provider_nodes import PROVIDER
from npulint.host.records import Identity


@dataclass(slots=True)
class Told:
    """What the worker told before its end.

    Attributes:
        versions: Of the packages.
        assignment: Who got which nodes, piece by piece; None where no session came to be.
        strays: Names and operators of what the CPU got and the file does not have.
        refused: Why none did, in ONNX Runtime's words.
        unwritten: Why what was compiled could not be written down, so that it was compiled without.
        running: Whether the emulator was started.
        run_refused: Why it would not run.
        ran: Names of the outputs that were kept, None where it did not come to its end.
        seconds: How long the emulator took.
    """

    versions: dict[str, str] = field(default_factory=dict)
    assignment: list[tuple[str, list[Identity]]] | None = None
    strays: list[tuple[str, str]] = field(default_factory=list)
    refused: str | None = None
    unwritten: str | None = None
    running: bool = False
    run_refused: str | None = None
    ran: list[str] | None = None
    seconds: float = 0.0


def read_told(path: Path) -> Told:
    """Read what the worker told; a line that it broke off at is left out."""
    told = Told()
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for line in text.splitlines(keepends=True):
        if not line.endswith("\n"):
            break
        for key, value in json.loads(line).items():
            if key == "assignment":
                _place(told, value)
            else:
                setattr(told, key, value)
    return told


def _place(told: Told, groups: Iterable[Mapping[str, Any]]) -> None:
    """Read who got which nodes, those of the file by their positions."""
    told.assignment = []
    for group in groups:
        named = [(list(marks(name)), name, op) for name, op in group["nodes"]]
        nodes = [node for found, _, _ in named for node in found]
        told.assignment.append((group["provider"], nodes))
        if group["provider"] != PROVIDER:
            told.strays += [(name, op) for found, name, op in named if not found]

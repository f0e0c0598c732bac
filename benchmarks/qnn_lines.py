"""What the sweeps have in common: command lines, and files of JSON lines that they go on in."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from qnn_cases import Case, Types, described
from qnn_catalogue import Catalogue

from npulint.host.chips import CHIPS, Chip

Line: TypeAlias = dict[str, Any]
Batch: TypeAlias = Callable[[Sequence[Case], Chip, int, Path], tuple[list[Line], int]]
"""Asks about some cases in a folder, with numbers by a seed: lines, and how many cases are done."""

BATCH = 40


@dataclass(frozen=True)
class Sweep:
    """A sweep through one front end.

    Attributes:
        front_end: What lines call it.
        packages: Whose versions tell whether something is to be asked again.
        catalogue: Its cases.
        types: What its kinds store real numbers as.
    """

    front_end: str
    packages: Sequence[str]
    catalogue: Catalogue
    types: Callable[[str], Types]

    def run(self, description: str, ask: Batch, arguments: Sequence[str] | None) -> None:
        """Ask what has not been asked, and write down each batch of answers when it is there."""
        given = self._arguments(description, arguments)
        known = frozenset(name for path in given.without for name, _ in self._asked(path))
        _mended(given.output)
        asked = self._asked(given.output)
        cases = self.catalogue.sampled(given.op, given.seed, given.most, given.total, known)
        for name in given.on:
            chip = CHIPS[name]
            rest = [case for case in cases if (case.name, chip.name) not in asked]
            print(f"{name}: {len(rest)} of {len(cases)} cases to ask", flush=True)
            while rest:
                with TemporaryDirectory(prefix="qnn-sweep-") as folder:
                    lines, count = ask(rest[:BATCH], chip, given.seed, Path(folder))
                rest = rest[count:]
                with given.output.open("a", encoding="utf-8") as stream:
                    stream.writelines(json.dumps(line, allow_nan=False) + "\n" for line in lines)
                print(f"  {len(rest)} left", flush=True)

    def line(self, case: Case, chip: Chip, seed: int, facts: Line) -> Line:
        """One line: the case, and what is known of it."""
        types = self.types(case.kind)
        return {
            "case": case.name,
            "op": case.op,
            "domain": case.domain,
            "opset": case.opset,
            "kind": case.kind,
            "attributes": dict(case.attributes),
            "operands": [described(each, types) for each in case.operands],
            "outputs": list(case.kept),
            "seed": seed,
            "target": chip.name,
            "front_end": self.front_end,
            **facts,
            "versions": self._versions(),
            "date": datetime.now(timezone.utc).date().isoformat(),
        }

    def _arguments(self, description: str, arguments: Sequence[str] | None) -> argparse.Namespace:
        parser = argparse.ArgumentParser(description=description)
        add = parser.add_argument
        families = list(self.catalogue.families)
        add("-o", "--output", type=Path, required=True, help="JSON lines")
        add("--on", action="append", choices=list(CHIPS), help="default: all")
        add("--op", action="append", default=[], choices=families, help="default: all")
        add("--most", type=int, help="cases a family and kind, drawn by the seed")
        add("--total", type=int, help="cases in all, spread over the operators")
        add("--seed", type=int, default=0,
            help="0 (the default) for standard sizes; others draw sizes, attributes and numbers"
            )  # fmt: skip
        add("--without", type=Path, action="append", default=[],
            help="JSON lines whose cases are left out")  # fmt: skip
        given = parser.parse_args(arguments)
        given.on = given.on or list(CHIPS)
        return given

    def _versions(self) -> dict[str, str]:
        return {name: version(name) for name in self.packages}

    def _asked(self, path: Path) -> set[tuple[str, str]]:
        """What a file holds of the versions that are installed; a line that broke off is none."""
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        now = self._versions()
        return {
            (line["case"], line["target"])
            for line in lines
            if {name: line["versions"].get(name) for name in self.packages} == now
        }


def _mended(path: Path) -> None:
    """Take the line away that a run was stopped in."""
    text = path.read_bytes() if path.exists() else b""
    if text and not text.endswith(b"\n"):
        path.write_bytes(text[: text.rfind(b"\n") + 1])


def finite(value: float) -> float | None:
    """A number as JSON can hold it."""
    return value if math.isfinite(value) else None

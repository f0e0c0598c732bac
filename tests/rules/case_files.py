"""The cases of each rule: `cases/CODE.yaml`, with what fires, what stays silent, what is unknown.

A case has a name (`case`), a graph (see `graph_text`), and where they matter `dialect`,
`target` (one, or a list; a table by its place in the folder of tests) and `model` (further
fields of the model). What fires states the nodes that each finding is about (`nodes`, a list of
lists) and words of the messages (`says`). Where a rule always knows, `unknown` is the reason
why, in words.

Rules of the user's own demands have `settings` (a configuration, as text), what a `baseline.json`
beside it accepts (`baseline`: by the model's path, rows of fingerprint, code and target), and the
day on which it all happens (`today`). The model is `model.tflite` or `model.onnx` beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from graph_text import model

from npulint import check
from npulint.config.applying import Accounts
from npulint.config.baseline import Accepted, Baseline, Entry
from npulint.config.reading import load
from npulint.finding import Finding

TESTS = Path(__file__).parent.parent
CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Case:
    """One case of one rule."""

    code: str
    kind: str
    name: str
    graph: str
    dialect: str = "tflite"
    targets: tuple[str, ...] = ()
    model: dict[str, Any] = field(default_factory=dict)
    settings: str = ""
    baseline: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    today: date = date(2026, 6, 30)
    nodes: tuple[tuple[int, ...], ...] | None = None
    says: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.code} {self.kind}: {self.name}"

    def findings(self) -> list[Finding]:
        """What the rule finds."""
        # A rule that looks at the model alone fires whatever is asked.
        asked = self.targets or ("nnapi-1.2",)
        with TemporaryDirectory() as folder:
            place = Path(folder, f"model.{self.dialect}")
            place.touch()
            built = model(self.graph, self.dialect, **{"path": place, **self.model})
            report = check(built, asked, accounts=self._accounts(Path(folder)))
        return [each for each in report.all_findings() if each.code == self.code]

    def _accounts(self, folder: Path) -> Accounts | None:
        if not self.settings:
            return None
        written = folder / "npulint.toml"
        written.write_text(self.settings, encoding="utf-8")
        entries = {
            path: Entry("0" * 64, tuple(Accepted(op=None, count=1, **row) for row in rows))
            for path, rows in self.baseline.items()
        }
        kept = Baseline(folder / "baseline.json", entries)
        kept.path.write_text(kept.render(), encoding="utf-8")
        return Accounts(load(written), self.today, within=[folder])


def cases_of(code: str) -> list[Case]:
    """All cases of a rule."""
    document = yaml.safe_load((CASES / f"{code}.yaml").read_text(encoding="utf-8"))
    assert document["rule"] == code
    return [
        _case(code, kind, item)
        for kind in ("fires", "silent", "unknown")
        if not isinstance(document[kind], str)
        for item in document[kind]
    ]


def always_known(code: str) -> str:
    """Why a rule always knows; empty where it does not."""
    document = yaml.safe_load((CASES / f"{code}.yaml").read_text(encoding="utf-8"))
    return document["unknown"] if isinstance(document["unknown"], str) else ""


def _case(code: str, kind: str, item: dict[str, Any]) -> Case:
    asked = item.get("target", ())
    names = [asked] if isinstance(asked, str) else list(asked)
    said = item.get("says", ())
    extra = item.keys() - {"case", "graph", "dialect", "target", "model", "nodes", "says"}
    extra -= {"settings", "baseline", "today"}
    assert not extra, f"{code}: {item['case']}: unknown keys {extra}"
    return Case(
        code,
        kind,
        item["case"],
        item["graph"],
        item.get("dialect", "tflite"),
        tuple(str(TESTS / name) if ".yaml" in name else name for name in names),
        item.get("model", {}),
        item.get("settings", ""),
        item.get("baseline", {}),
        item.get("today", date(2026, 6, 30)),
        tuple(map(tuple, item["nodes"])) if "nodes" in item else None,
        (said,) if isinstance(said, str) else tuple(said),
    )

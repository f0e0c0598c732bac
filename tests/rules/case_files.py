"""The cases of each rule: `cases/CODE.yaml`, with what fires, what stays silent, what is unknown.

A case has a name (`case`), a graph (see `graph_text`), and where they matter `dialect`,
`target` (one, or a list; a table by its place in the folder of tests) and `model` (further
fields of the model). What fires states the nodes that each finding is about (`nodes`, a list of
lists) and words of the messages (`says`). Where a rule always knows, `unknown` is the reason
why, in words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from graph_text import model

from npulint import check
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
    nodes: tuple[tuple[int, ...], ...] | None = None
    says: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.code} {self.kind}: {self.name}"

    def findings(self) -> list[Finding]:
        """What the rule finds."""
        built = model(self.graph, self.dialect, **self.model)
        # A rule that looks at the model alone fires whatever is asked.
        (result,) = check(built, self.targets or ("nnapi-1.2",)).models
        return [each for each in result.findings if each.code == self.code]


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
    assert not extra, f"{code}: {item['case']}: unknown keys {extra}"
    return Case(
        code,
        kind,
        item["case"],
        item["graph"],
        item.get("dialect", "tflite"),
        tuple(str(TESTS / name) if ".yaml" in name else name for name in names),
        item.get("model", {}),
        tuple(map(tuple, item["nodes"])) if "nodes" in item else None,
        (said,) if isinstance(said, str) else tuple(said),
    )

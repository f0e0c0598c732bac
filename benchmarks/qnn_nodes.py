"""Verdicts on the nodes of the reference networks beside what the compiler made of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from qnn_agreement import outcome_of, targets_of
from qnn_answers import arch_of
from qnn_networks import Line, Network, network, read

from npulint.judging import node_verdicts
from npulint.model import Dialect

GOOD = frozenset({"taken", "merged", "boundary"})
UNTOLD = frozenset({"unknown", "validated"})
"""What became of such a node, the compiler did not come to tell."""


def compare_networks(path: Path) -> str:
    """Compare what a file of `qnn_networks.py` holds with the tables.

    Returns:
        JSON: a row for each file and chip, and the versions and days of the answers.
    """
    rows, versions, days = [], set(), set()
    for line in read(path):
        made = network(line["network"], line["format"])
        if made.digest != line["digest"]:
            print(f"{line['network']}.{line['format']}: another model by now; ask again")
            continue
        rows.append(_row(line, made))
        versions |= {f"{name} {number}" for name, number in line["versions"].items()}
        versions |= {f"QNN {line['qnn']}"} if line["qnn"] else set()
        days.add(line["date"])
    told = {"versions": sorted(versions), "days": [min(days), max(days)] if days else []}
    rows.sort(key=lambda row: (row["format"], row["target"], row["network"]))
    return json.dumps({**told, "rows": rows}, indent=1) + "\n"


def _row(line: Line, made: Network) -> dict[str, Any]:
    """How a file's nodes compare on one chip; those that differ with the verdict's reason."""
    form: Dialect = "onnx" if made.format == "onnx" else "tflite"
    target = targets_of(form)[arch_of(line["target"])]
    with TemporaryDirectory() as folder:
        verdicts = node_verdicts(made.model(Path(folder)), target)
    counts: Counter[str] = Counter()
    others: Counter[tuple[str, str, str]] = Counter()
    for graph, index, op, status in line["nodes"]:
        if status in UNTOLD:
            counts["untold"] += 1
            continue
        verdict = verdicts[graph][index]
        outcome = outcome_of(verdict.status, status in GOOD)
        counts[outcome] += 1
        if outcome != "agree":
            said = verdict.reasons[0].message if verdict.reasons else ""
            why = line["reasons"].get(f"{graph}:{index}") or line["fault"] or ""
            others[op, outcome, said if outcome != "false yes" else f"{status}: {why}"] += 1
    return {
        "network": line["network"],
        "format": line["format"],
        "target": line["target"],
        "nodes": len(line["nodes"]),
        "counts": dict(sorted(counts.items())),
        "others": [[*key, count] for key, count in sorted(others.items())],
    }

"""`npulint device audit` of every reference network on Qualcomm's HTP, beside its real compiler.

    python benchmarks/qnn_audit.py                              # draw the page of what is kept
    python benchmarks/qnn_audit.py --networks networks.jsonl    # audit what the compiler answered
    python benchmarks/qnn_audit.py --networks networks.jsonl --models nets    # with models at hand

The answers come from `benchmarks/qnn_networks.py --keep networks.jsonl`. Each network is checked as
`npulint check -t CHIP --format json` does, its answer is written as `npulint host run` writes one,
and the two files go to what `npulint device audit` is made of. Counts and disagreements are kept in
`benchmarks/observations`, with those of the single operators that were held out, for
`docs/accuracy.md`; the page is `docs/qnn-audit.md`. To export all networks anew takes a
quarter of an hour; with `--models` each is kept in a folder, and taken from there as long as it is
the one that the compiler was asked about.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

sys.path.insert(0, str(Path(__file__).parent))

from qnn_agreement import Outcome, compare, targets_of
from qnn_agreement import held as held_of
from qnn_answers import DIALECTS, read_condensed
from qnn_audit_page import render
from qnn_networks import Line, Network, network, read
from qnn_tables import KEPT, ROOT
from qnn_words import plain

from npulint.device.audit import Audit, audit
from npulint.engine import check
from npulint.errors import NpulintError
from npulint.host.chips import CHIPS
from npulint.host.records import Answer, FrontEnd, NodeAnswer
from npulint.output import write_whole
from npulint.reports import host
from npulint.reports import json as reporting
from npulint.verdict import Status
from npulint.workers import spread

PAGE = ROOT / "docs" / "qnn-audit.md"
AUDITED = KEPT / "qnn-htp-audit.json"

_FRONT_ENDS: dict[str, FrontEnd] = {"onnx": "onnxruntime-qnn", "tflite": "litert-plugin"}

Json: TypeAlias = dict[str, Any]
Group: TypeAlias = tuple[tuple[str, str], list[Line]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit where answers are given, and draw the page."""
    given = _arguments(arguments)
    if given.networks is not None:
        kept = audit_all(list(read(given.networks)), given.jobs, given.models)
        write_whole(AUDITED, json.dumps(kept, indent=1) + "\n")
    page = render(json.loads(AUDITED.read_text(encoding="utf-8")))
    write_whole(given.output, page)
    print(f"{given.output}: {len(page.splitlines())} lines")
    return 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", type=Path, help="what qnn_networks.py kept")
    parser.add_argument("--models", type=Path, help="a folder that keeps the networks")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="processes that share the work")
    parser.add_argument("-o", "--output", type=Path, default=PAGE)
    return parser.parse_args(arguments)


def audit_all(lines: Sequence[Line], jobs: int = 1, models: Path | None = None) -> Json:
    """Audit all answers, file by file.

    Args:
        lines: What `qnn_networks.py` kept.
        jobs: How many processes share the work.
        models: A folder that keeps the networks, None for none.

    Returns:
        The versions and days of the answers, and a row for each file and chip.
    """
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        groups.setdefault((line["network"], line["format"]), []).append(line)
    task = partial(_of_group, models=models)
    rows = [row for found in spread(task, list(groups.items()), jobs=jobs) for row in found]
    told = [line for line in lines if any(_is_of(row, line) for row in rows)]
    versions = {f"{name} {number}" for line in told for name, number in line["versions"].items()}
    versions |= {f"QNN {line['qnn']}" for line in told if line["qnn"]}
    rows.sort(key=lambda row: (row["format"], row["network"], row["target"]))
    return {
        "versions": sorted(versions),
        "days": sorted({line["date"] for line in told}),
        "rows": rows,
        "held_out": held_out(),
    }


def held_out() -> list[Json]:
    """Verdicts on single operators of which nothing was learnt, counted by format and chip."""
    rows = []
    for dialect in DIALECTS.values():
        found: dict[int, Counter[tuple[Status, Outcome]]] = {}
        for each in compare(read_condensed(held_of(dialect)).cases, targets_of(dialect)):
            found.setdefault(each.arch, Counter())[each.verdict.status, each.outcome] += 1
        rows += [
            {
                "format": dialect,
                "target": f"qnn-htp-v{arch}",
                "yes": met["supported", "agree"] + met["supported", "false yes"],
                "false_yes": met["supported", "false yes"],
                "no": met["unsupported", "agree"] + met["unsupported", "false no"],
                "false_no": met["unsupported", "false no"],
                "not_said": met["unknown", "unknown"],
            }
            for arch, met in sorted(found.items())
        ]
    return rows


def _is_of(row: Json, line: Line) -> bool:
    return all(row[key] == line[key] for key in ("network", "format", "target"))


def _of_group(group: Group, models: Path | None) -> list[Json]:
    """The answers of several chips to one file."""
    (name, form), lines = group
    made = _network(name, form, lines, models)
    asked = [line for line in lines if line["digest"] == made.digest]
    if len(asked) < len(lines):
        print(f"{name}.{form}: another model by now; ask again", file=sys.stderr)
    return audit_lines(made, asked)


def _network(name: str, form: str, lines: Sequence[Line], models: Path | None) -> Network:
    """A network out of a folder, or built and put there."""
    if models is None:
        return network(name, form)
    path = models / f"{name}.{form}"
    if path.exists():
        found = Network(name, form, path.read_bytes())
        if any(line["digest"] == found.digest for line in lines):
            return found
    made = network(name, form)
    models.mkdir(parents=True, exist_ok=True)
    write_whole(path, made.content)
    return made


def audit_lines(made: Network, lines: Sequence[Line]) -> list[Json]:
    """Audit answers of several chips to one model.

    Args:
        made: The model.
        lines: What each chip's compiler answered, as `qnn_networks.py` keeps it.

    Returns:
        A row a line: the counts of the audit, and its disagreements with their reasons.
    """
    if not lines:
        return []
    with TemporaryDirectory(prefix="qnn-audit-") as name:
        folder = Path(name)
        model = made.model(folder).path
        targets = [line["target"] for line in lines]
        report, ran = folder / "predicted.json", folder / "host.json"
        document = reporting.document(check([model], targets=targets, remedies=False))
        report.write_text(json.dumps(document), encoding="utf-8")
        answers = [_answer(line, model) for line in lines]
        ran.write_text(host.render_json(model, answers), encoding="utf-8")
        said = {each["target"]: _reasons(each) for each in document["models"][0]["targets"]}
        return [
            _row(line, audit(report, [ran], target=line["target"]), said[line["target"]])
            for line in lines
        ]


def _answer(line: Line, model: Path) -> Answer:
    """An answer as it was when it was kept. What was in which piece was not."""
    return Answer(
        model,
        CHIPS[line["target"]],
        _FRONT_ENDS[line["format"]],
        tuple(NodeAnswer(graph, index, op, "", now) for graph, index, op, now in line["nodes"]),
        (),
        line["outcome"],
        fault=line["fault"],
    )


def _reasons(target: Json) -> dict[tuple[int, int], str]:
    """The first reason of each verdict that has one."""
    return {
        (each["graph"], each["index"]): each["reasons"][0]["message"]
        for each in target["verdicts"]
        if each["reasons"]
    }


def _row(line: Line, found: Audit, said: dict[tuple[int, int], str]) -> Json:
    others = Counter(_others(line, found, said))
    return {
        "network": line["network"],
        "format": line["format"],
        "target": line["target"],
        "outcome": line["outcome"],
        "fault": plain(line["fault"]) if line["fault"] else "",
        "tally": asdict(found.tally()),
        "others": [[*key, times] for key, times in sorted(others.items())],
    }


def _others(
    line: Line, found: Audit, said: dict[tuple[int, int], str]
) -> Iterator[tuple[str, str, str]]:
    """Nodes of which a prediction was wrong or missing: what was, the operator, and why."""
    for held in found.held:
        node = held.node
        if held.says == "yes" and held.wrong:
            reasons: str = line["reasons"].get(f"{node.graph}:{node.index}", "")
            yield "false yes", node.op, plain(reasons) if reasons else "no reason was given"
        elif held.wrong or (held.says == "unknown" and held.on != "unknown"):
            what = "false no" if held.wrong else "not said"
            reason = said.get((node.graph, node.index), "no reason was given")
            yield what, node.op, reason.partition("; found ")[0]


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except NpulintError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from error

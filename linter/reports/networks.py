"""The reference networks: what they are, and what became of them when they were tried out."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from npulint.reports import matrix
from npulint.reports.wording import columns, count, of_unit, size

if TYPE_CHECKING:
    from pathlib import Path

    from npulint.finding import ModelResult
    from npulint.reference_models.definition import Definition
    from npulint.reference_models.network import Network
    from npulint.reference_models.trial import Trial
    from npulint.reports.wrapping import Layout

Row = tuple["Definition", "Network"]
"""A network as it is known, and as it is written at its published size."""


def list_text(networks: Iterable[Row], layout: Layout) -> str:
    """Draw one row a network, grouped by the paper that shows it, ending in a newline."""
    known = list(networks)
    rows = [["network", "label", "input", "parameters", "MACs", "thop", "published"]]
    rows += [_cells(definition, network) for definition, network in known]
    heading, *table = columns(rows)
    lines = [layout.style.dim(heading)]
    source = ""
    for (definition, _), line in zip(known, table, strict=True):
        if definition.source != source:
            source = definition.source
            lines += ["", layout.style.bold(source)]
        lines.append(line)
        if layout.verbose:
            lines += textwrap.wrap(
                definition.basis,
                layout.width,
                initial_indent="    ",
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
    lines += ["", *_LEGEND]
    return "\n".join(lines) + "\n"


def _cells(definition: Definition, network: Network) -> list[str]:
    by_thop = any(figure.quantity == "thop" for figure in definition.figures)
    return [
        definition.name,
        definition.label,
        "x".join(map(str, network.image)),
        count(network.parameters),
        _magnitude(network.macs),
        _magnitude(network.thop) if by_thop else "-",
        ", ".join(f"{each.printed} {_UNITS[each.quantity]}" for each in definition.figures) or "-",
    ]


def _magnitude(number: int) -> str:
    return of_unit(number, "").rstrip()


_LEGEND = (
    "exact-code: public code fixes every layer; exact-text: a paper's words do;",
    "reconstruction: ours, after all that its paper says, and it lands on the figures it prints;",
    "thop: multiply-accumulates as the profiler of that name counts them, where a paper does so",
)

_UNITS = {
    "parameters": "parameters",
    "macs": "MAC",
    "thop": "MAC by thop",
    "thop_parameters": "parameters by thop",
    "tflite_bytes": "bytes of .tflite",
}


def list_json(networks: Iterable[Row]) -> str:
    """Draw one object a network, ending in a newline."""
    return json.dumps([_described(*row) for row in networks]) + "\n"


def _described(definition: Definition, network: Network) -> dict[str, Any]:
    return {
        "name": definition.name,
        "label": definition.label,
        "source": definition.source,
        "basis": definition.basis,
        "input": list(network.image),
        "output": list(network.output),
        "parameters": network.parameters,
        "macs": network.macs,
        "thop_macs": network.thop,
        "thop_parameters": network.thop_parameters,
        "published": [
            {
                "quantity": figure.quantity,
                "printed": figure.printed,
                "where": figure.where,
                "remark": figure.remark or None,
            }
            for figure in definition.figures
        ],
    }


def trials_text(trials: Sequence[Trial], judged: Mapping[Path, ModelResult], layout: Layout) -> str:
    """Draw one row a file, ending in a newline.

    Args:
        trials: What was tried.
        judged: What the targets make of each file.
        layout: How to draw.
    """
    names = _target_names(judged)
    rows = [["network", "input", "form", "size", "difference", *names]]
    for trial in trials:
        row = [trial.network, "x".join(map(str, trial.image)), str(trial.recipe)]
        if trial.path is None:
            rows.append([*row, "refused"])
            continue
        result = judged[trial.path]
        cells = {each.target.name: matrix.cell(each) for each in result.targets}
        nbytes = None if result.model is None else result.model.size
        rows.append([*row, size(nbytes), _difference(trial), *(cells.get(n, "-") for n in names)])
    width = max(map(len, rows))
    table = columns([row + [""] * (width - len(row)) for row in rows], indent="")
    lines = [layout.style.dim(table[0].rstrip()), *(line.rstrip() for line in table[1:]), ""]
    lines += [f"{t.network} as {t.recipe}: {t.refusal}" for t in trials if t.refusal]
    failed = [trial for trial in trials if trial.fails]
    lines.append(
        "difference from the first file's output, in parts of its range; "
        "up to 1e-04 is allowed without quantisation"
    )
    if names:
        lines.append(f"of targets: {matrix.LEGEND}")
    verdict = f"{len(failed)} of {len(trials)} fail" if failed else "all agree"
    lines.append(layout.style.error(verdict) if failed else layout.style.good(verdict))
    return "\n".join(lines) + "\n"


def _difference(trial: Trial) -> str:
    if trial.difference is None:
        return "-"
    return f"{trial.difference:.1e}{' TOO MUCH' if trial.fails else ''}"


def _target_names(judged: Mapping[Path, ModelResult]) -> list[str]:
    return list(dict.fromkeys(t.target.name for r in judged.values() for t in r.targets))


def trials_json(
    trials: Sequence[Trial],
    judged: Mapping[Path, ModelResult],
    circles: Mapping[Path, dict[str, Any]] | None = None,
) -> str:
    """Draw one object a file, ending in a newline.

    Args:
        trials: What was tried.
        judged: What the targets make of each file.
        circles: What became of each file that was taken full circle.
    """
    rows = []
    for trial in trials:
        found = None if trial.path is None else (circles or {}).get(trial.path)
        rows.append({**_tried(trial, judged), "circle": found})
    return json.dumps(rows, allow_nan=False) + "\n"


def _tried(trial: Trial, judged: Mapping[Path, ModelResult]) -> dict[str, Any]:
    result = None if trial.path is None else judged[trial.path]
    onnx = trial.recipe.format == "onnx"
    return {
        "network": trial.network,
        "input": list(trial.image),
        "format": trial.recipe.format,
        "quantize": trial.recipe.quantize,
        "exporter": trial.recipe.exporter if onnx else None,
        "opset": trial.recipe.opset if onnx else None,
        "size": None if result is None or result.model is None else result.model.size,
        "refusal": trial.refusal,
        "difference": trial.difference,
        "fails": trial.fails,
        "targets": {} if result is None else matrix.shares(result),
    }

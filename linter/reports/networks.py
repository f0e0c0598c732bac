"""The reference networks: what they are, and what became of them when they were tried out."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from npulint.reports import matrix
from npulint.reports.device_json import head
from npulint.reports.wording import columns, count, of_unit, size

if TYPE_CHECKING:
    from pathlib import Path

    from npulint.finding import ModelResult
    from npulint.reference_models.definition import Definition
    from npulint.reference_models.network import Network
    from npulint.reference_models.training.measuring import Worth
    from npulint.reference_models.trial import Trial
    from npulint.reports.wrapping import Layout

Row = tuple["Definition", "Network"]
"""A network as it is known, and as it is written at its published size."""

Records = Mapping[str, Mapping[str, Any]]
"""By network: how its trained weights came to be, and what they are worth."""


def list_text(networks: Iterable[Row], records: Records, layout: Layout) -> str:
    """Draw one row a network, grouped by the paper that shows it, ending in a newline."""
    known = list(networks)
    rows = [["network", "label", "input", "parameters", "MACs", "thop", "trained", "published"]]
    rows += [_cells(*row, records) for row in known]
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


def _cells(definition: Definition, network: Network, records: Records) -> list[str]:
    record = records.get(definition.name)
    by_thop = any(figure.quantity == "thop" for figure in definition.figures)
    return [
        definition.name,
        definition.label,
        "x".join(map(str, network.image)),
        count(network.parameters),
        _magnitude(network.macs),
        _magnitude(network.thop) if by_thop else "-",
        "-" if record is None else _gained(record),
        ", ".join(f"{each.printed} {_UNITS[each.quantity]}" for each in definition.figures) or "-",
    ]


def _gained(record: Mapping[str, Any]) -> str:
    worth = record["held_out"]["photographs"]
    return f"{record['task']}, {worth['psnr_in']:.1f} -> {worth['psnr_out']:.1f} dB"


def _magnitude(number: int) -> str:
    return of_unit(number, "").rstrip()


_LEGEND = (
    "exact-code: public code fixes every layer; exact-text: a paper's words do;",
    "reconstruction: ours, after all that its paper says, and it lands on the figures it prints;",
    "thop: multiply-accumulates as the profiler of that name counts them, where a paper does so;",
    "trained: what trained weights do, and the PSNR of photographs that were held out, without and",
    "with them; `npulint models build --trained` builds with them, else weights are random",
)

_UNITS = {
    "parameters": "parameters",
    "macs": "MAC",
    "thop": "MAC by thop",
    "thop_parameters": "parameters by thop",
    "tflite_bytes": "bytes of .tflite",
}


def list_json(networks: Iterable[Row], records: Records) -> str:
    """Draw one object a network, ending in a newline."""
    rows = [{**_described(*row), "trained": records.get(row[0].name)} for row in networks]
    return json.dumps(rows) + "\n"


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
    restored: Sequence[Worth] = (),
) -> str:
    """Draw one JSON object, ending in a newline (`validate.schema.json` beside this).

    Args:
        trials: What was tried.
        judged: What the targets make of each file.
        circles: What became of each file that was taken full circle.
        restored: What the networks make of photographs, with trained weights.
    """
    worth = {(each.network, each.recipe): each for each in restored}
    rows = []
    for trial in trials:
        found = None if trial.path is None else (circles or {}).get(trial.path)
        trained = _trained(worth.get((trial.network, trial.recipe)))
        rows.append({**_tried(trial, judged), "circle": found, "trained": trained})
    return json.dumps({**head(), "files": rows}, allow_nan=False) + "\n"


def _trained(worth: Worth | None) -> dict[str, Any] | None:
    if worth is None:
        return None
    quality = worth.quality
    return {"task": worth.task, "held_out": None if quality is None else quality.rounded()}


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
        "difference": _finite(trial.difference),
        "fails": trial.fails,
        "targets": {} if result is None else matrix.shares(result),
    }


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None

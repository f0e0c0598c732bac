"""What a model is made of: the answer of `npulint inspect`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from npulint.cost import Summary, node_macs, summarise
from npulint.reports import sensitivity
from npulint.reports.wording import columns, count, of_unit, plural, printable, size
from npulint.reports.wrapping import Layout

if TYPE_CHECKING:
    from npulint.model import Graph, Model, Node, Value
    from npulint.quantising.records import Sensitivity


@dataclass(frozen=True, slots=True)
class OperatorCount:
    """How often one operator, in one version, stands in a model, and what it multiplies."""

    op: str
    version: int
    number: int
    macs: int | None


@dataclass(frozen=True)
class Inspection:
    """A model, its figures, and its operators by frequency."""

    model: Model
    summary: Summary
    operators: tuple[OperatorCount, ...]


def inspect(model: Model) -> Inspection:
    """Look at a model without asking any target."""
    tally: dict[tuple[str, int], list[int | None]] = {}
    for graph in model.graphs:
        for node, macs in zip(graph.nodes, node_macs(graph), strict=True):
            tally.setdefault((node.op, node.version), []).append(macs)
    operators = tuple(
        OperatorCount(op, version, len(each), None if None in each else sum(m or 0 for m in each))
        for (op, version), each in sorted(tally.items(), key=lambda kv: (-len(kv[1]), kv[0]))
    )
    return Inspection(model, summarise(model), operators)


def render_json(found: Inspection, cost: Sensitivity | None = None) -> str:
    """Draw an inspection as one JSON object, ending in a newline; and what 8 bits cost."""
    model, summary = found.model, found.summary
    document: dict[str, Any] = {
        "path": str(model.path),
        "format": model.dialect,
        "size": model.size,
        "digest": model.digest,
        "version": model.version,
        "producer": model.producer,
        "opsets": dict(model.opsets),
        "minimum_runtime": model.minimum_runtime,
        "summary": {
            "nodes": summary.nodes,
            "parameters": summary.parameters,
            "macs": summary.macs,
            "peak_activation_bytes": summary.peak_activation_bytes,
            "weight_bytes": summary.weight_bytes,
        },
        "operators": [
            {"op": o.op, "version": o.version, "count": o.number, "macs": o.macs}
            for o in found.operators
        ],
        "signatures": [
            {"key": s.key, "graph": s.graph, "inputs": dict(s.inputs), "outputs": dict(s.outputs)}
            for s in model.signatures
        ],
        "graphs": [_graph_document(graph) for graph in model.graphs],
    }
    if cost is not None:
        document["sensitivity"] = sensitivity.as_document(cost)
    return json.dumps(document, allow_nan=False) + "\n"


def _graph_document(graph: Graph) -> dict[str, Any]:
    return {
        "index": graph.index,
        "kind": graph.kind,
        "name": graph.name,
        "inputs": [_value_document(graph.values[i]) for i in graph.inputs],
        "outputs": [_value_document(graph.values[i]) for i in graph.outputs],
        "nodes": len(graph.nodes),
    }


def _value_document(value: Value) -> dict[str, Any]:
    quantisation = value.quantisation
    return {
        "name": value.name,
        "dtype": value.dtype,
        "shape": None if value.shape is None else list(value.shape),
        "quantisation": None
        if quantisation is None
        else {
            "scales": [scale if isfinite(scale) else None for scale in quantisation.scales],
            "zero_points": list(quantisation.zero_points),
            "axis": quantisation.axis if quantisation.per_channel else None,
        },
    }


def render_text(found: Inspection, layout: Layout, cost: Sensitivity | None = None) -> str:
    """Draw an inspection as text, ending in a newline; and what 8 bits cost."""
    lines = list(_lines(found, layout))
    if cost is not None:
        lines += ["", *sensitivity.lines(cost, layout)]
    return "\n".join(lines) + "\n"


def _lines(found: Inspection, layout: Layout) -> Iterator[str]:
    model, summary, style = found.model, found.summary, layout.style
    yield style.bold(printable(str(model.path)))
    yield from columns(
        [
            ("format", _format(model)),
            ("producer", printable(model.producer) or "not said"),
            ("file", size(model.size)),
            ("nodes", f"{count(summary.nodes)} in {plural(len(model.graphs), 'graph')}"),
            ("parameters", count(summary.parameters)),
            ("multiply-accumulates", of_unit(summary.macs, "MAC")),
            ("peak activations", size(summary.peak_activation_bytes)),
            ("weights", size(summary.weight_bytes)),
            ("quantisation", _quantisation(model)),
        ]
    )
    for graph in model.graphs:
        yield ""
        yield style.bold(f"  graph {graph.index}: {printable(graph.name) or graph.kind}")
        for word, indexes in (("in", graph.inputs), ("out", graph.outputs)):
            for index in indexes:
                yield f"    {word:<3} {_tensor(graph.values[index])}"
        if layout.verbose:
            yield from (f"    {_node_line(graph, node)}" for node in graph.nodes)
    yield ""
    rows = [("operator", "version", "count", "MACs")]
    rows += [
        (
            printable(o.op),
            str(o.version),
            count(o.number),
            of_unit(o.macs, "MAC") if o.macs != 0 else "",
        )
        for o in found.operators
    ]
    table = columns(rows)
    yield style.dim(table[0])
    yield from table[1:]


def _format(model: Model) -> str:
    if model.dialect == "tflite":
        runtime = f", needs runtime {model.minimum_runtime}" if model.minimum_runtime else ""
        return f"tflite, schema {model.version}{runtime}"
    opsets = ", ".join(
        f"{printable(domain) or 'ai.onnx'} {v}" for domain, v in sorted(model.opsets.items())
    )
    return f"onnx, IR {model.version}, opset {opsets}"


def _quantisation(model: Model) -> str:
    values = [v for g in model.graphs for v in g.values if v.quantisation is not None]
    if not values:
        return "none"
    per_channel = sum(v.quantisation.per_channel for v in values if v.quantisation is not None)
    kinds = sorted({v.dtype or "unknown" for v in values})
    return f"{plural(len(values), 'tensor')} ({', '.join(kinds)}), {per_channel:,} per channel"


def _node_line(graph: Graph, node: Node) -> str:
    outputs = ", ".join(_shape(graph.values[i]) for i in node.outputs if i >= 0)
    inputs = ", ".join("-" if i < 0 else _shape(graph.values[i]) for i in node.inputs)
    return f"{node.index:>5}  {printable(node.op)} v{node.version}  {inputs} -> {outputs}"


def _tensor(value: Value) -> str:
    return f"{printable(value.name)}  {_shape(value)}"


def _shape(value: Value) -> str:
    if value.shape is None:
        return f"{value.dtype or 'unknown type'}[unknown rank]"
    sizes = ",".join("?" if d is None else printable(str(d)) for d in value.shape)
    return f"{value.dtype or 'unknown type'}[{sizes}]"

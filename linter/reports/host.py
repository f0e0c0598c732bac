"""The answers of `npulint host run`: as text, and as JSON (`host.schema.json` beside this)."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import npulint
from npulint.reports.comparison import difference_json
from npulint.reports.wording import columns, plural, printable, ranges, size
from npulint.reports.wrapping import Layout, wrapped

if TYPE_CHECKING:
    from npulint.host.records import Answer, Context, Identity, NodeAnswer, Numbers, Piece
    from npulint.verification.records import Difference

SCHEMA_VERSION = 1

Json: TypeAlias = dict[str, Any]

_BY = {
    "onnxruntime-qnn": "ONNX Runtime's QNN provider",
    "litert-plugin": "LiteRT's Qualcomm plugin",
}
_SAID = {
    "taken": "on the HTP",
    "merged": "merged before the compiler was asked",
    "boundary": "quantisations at inputs and outputs, left to the CPU by default",
    "validated": "passed the check, not compiled",
    "failed": "passed the check, failed to compile",
    "refused": "refused",
    "unknown": "not spoken of",
}
"""What each status means, in the order in which they are told."""

_ROUNDING_FROM = 69
"""Architecture from which the emulator rounds float32 as the chip does, to float16: seen in its
outputs (onnxruntime-qnn 2.7.0), which are exact for v68 and off by 1e-3 of the range after."""

_PIECES = 12
"""Pieces that are listed without -v."""


def render_text(answers: Sequence[Answer], layout: Layout) -> str:
    """Draw answers as text, ending in a newline."""
    return "\n".join(line for answer in answers for line in (*_lines(answer, layout), ""))


def _lines(answer: Answer, layout: Layout) -> Iterator[str]:
    style = layout.style
    chip = f"{answer.chip.name} ({answer.chip.soc})"
    yield style.bold(f"{printable(str(answer.path))} on {chip}, by {_BY[answer.front_end]}")
    counts = Counter[str](node.status for node in answer.nodes)
    total = len(answer.nodes)
    for status, words in _SAID.items():
        if counts[status]:
            yield f"  {counts[status]} of {plural(total, 'node')}: {words}"
    yield from _nodes(answer, layout)
    by = {"onnxruntime-qnn": "ONNX Runtime", "litert-plugin": "the plugin"}[answer.front_end]
    for stray, times in Counter(answer.strays).items():
        many = f" ×{times}" if times > 1 else ""
        word = layout.style.error("refused")
        yield f"  {word}  {printable(stray.op)}{many}  put in by {by} itself"
        yield wrapped(printable(stray.reason), layout, "    ", "      ")
    yield from _pieces(answer, layout)
    if answer.context is not None:
        yield _context(answer.context, layout)
    yield from _numbers(answer, layout)
    versions = ", ".join(f"{name} {version}" for name, version in answer.versions.items())
    yield wrapped(f"{versions}; {answer.seconds:.1f} s", layout, "  ", "    ")
    yield _closing(answer, layout)


def _nodes(answer: Answer, layout: Layout) -> Iterator[str]:
    """Nodes that are not taken, those of one operator and reason together; with -v all."""
    if layout.verbose:
        rows = [(_place(n), printable(n.op), printable(n.name), n.status) for n in answer.nodes]
        yield from columns(rows, "    ")
    groups: dict[tuple[str, str, tuple[str, ...]], list[NodeAnswer]] = {}
    for node in answer.nodes:
        if node.status in {"refused", "failed"}:
            groups.setdefault((node.status, node.op, node.reasons), []).append(node)
    for (status, op, reasons), nodes in groups.items():
        times = f" ×{len(nodes)}" if len(nodes) > 1 else ""
        word = "node" if len(nodes) == 1 else "nodes"
        where = _positions([(node.graph, node.index) for node in nodes])
        yield f"  {layout.style.error(status)}  {printable(op)}{times}  {word} {where}"
        for reason in reasons:
            yield wrapped(printable(reason), layout, "    ", "      ")


def _place(node: NodeAnswer) -> str:
    return str(node.index) if node.graph == 0 else f"{node.graph}:{node.index}"


def _positions(nodes: Sequence[Identity]) -> str:
    """Positions in short form; those of other graphs than the main one say which."""
    by_graph: dict[int, list[int]] = {}
    for graph, index in nodes:
        by_graph.setdefault(graph, []).append(index)
    parts = [
        ranges(indexes, 8) if graph == 0 else f"{ranges(indexes, 8)} of graph {graph}"
        for graph, indexes in by_graph.items()
    ]
    return ", ".join(parts)


def _pieces(answer: Answer, layout: Layout) -> Iterator[str]:
    if not answer.pieces:
        return
    yield f"  {plural(len(answer.pieces), 'piece')} for the HTP"
    shown = answer.pieces if layout.verbose else answer.pieces[:_PIECES]
    yield from columns([_piece_row(piece) for piece in shown], "    ")
    if len(shown) < len(answer.pieces):
        yield f"    and {len(answer.pieces) - len(shown)} more (-v lists all)"


def _piece_row(piece: Piece) -> tuple[str, ...]:
    word = {True: "compiled", False: "failed", None: "not compiled"}[piece.compiled]
    return (word, plural(len(piece.nodes), "node"), _positions(piece.nodes))


def _context(context: Context, layout: Layout) -> str:
    told = ", ".join(f"{soc} (v{arch})" for soc, arch in context.targets) or "no chip at all"
    if context.proven:
        return f"  compiled to {size(context.nbytes)}, which names {told}: as asked"
    sentence = f"compiled to {size(context.nbytes)}, which names {told}: not what was asked for"
    return layout.style.error(f"  {sentence}")


def _numbers(answer: Answer, layout: Layout) -> Iterator[str]:
    found: Numbers | None = answer.numbers
    if found is None:
        yield wrapped(f"emulator not run: {printable(answer.unmeasured or '')}", layout, "  ", "  ")
        return
    yield f"  emulator beside the CPU, on {printable(found.inputs)}, in {found.seconds:.1f} s"
    if answer.chip.arch < _ROUNDING_FROM:
        yield "    (for this chip it computes float32 as it is, which says nothing of the chip)"
    header = ("output", "largest error", "of its range", "PSNR")
    rows = [header, *(output_row(name, each) for name, each in found.outputs)]
    yield from columns(rows, "    ")


def output_row(name: str, found: Difference) -> tuple[str, ...]:
    """An output's name and how far it is from the CPU's, in columns."""
    name = printable(name)
    if found.shape_a != found.shape_b:
        shapes = ["x".join(map(str, shape)) for shape in (found.shape_a, found.shape_b)]
        return (name, f"{shapes[0]} on the CPU, {shapes[1]} here", "", "")
    row = (
        name,
        f"{found.max_absolute:.3g}",
        f"{found.max_relative:.3g}" if math.isfinite(found.max_relative) else "-",
        f"{found.psnr:.1f} dB" if math.isfinite(found.psnr) else "equal" if found.psnr > 0 else "-",
    )
    if found.mismatched:
        what = "unequal" if found.exact else "finite in one alone"
        return (*row, f"{plural(found.mismatched, 'element')} {what}")
    return row


def _closing(answer: Answer, layout: Layout) -> str:
    if answer.whole:
        text = f"whole: all of it is on the HTP, and compiled{_furthest(answer.numbers)}"
        return layout.style.good(wrapped(text, layout, "  ", "    "))
    if answer.fault is not None:
        text = f"not whole: {printable(answer.fault)}"
    elif answer.outcome == "nothing":
        text = "not whole: nothing of it is on the HTP"
    elif answer.context is None or not answer.context.proven:
        text = "not whole: that it was compiled for this chip is not proved"
    else:
        text = "not whole: some of it stays on the CPU"
    return layout.style.error(wrapped(text, layout, "  ", "    "))


def _furthest(numbers: Numbers | None) -> str:
    """How far the emulator is off, said once more where a model is called whole."""
    if numbers is None or not numbers.outputs:
        return ""
    worst = max(found.max_relative for _, found in numbers.outputs)
    unequal = sum(found.mismatched for _, found in numbers.outputs)
    if any(found.shape_a != found.shape_b for _, found in numbers.outputs):
        return "; the emulator's outputs have other shapes"
    if math.isinf(worst) or unequal:
        return "; the emulator's outputs are others"
    return f"; the emulator is off by up to {worst:.3g} of an output's range"


def render_json(path: Path, answers: Sequence[Answer]) -> str:
    """Draw answers as one JSON object, ending in a newline."""
    return _text({**_head(path, None), "answers": [_answer(answer) for answer in answers]})


def render_json_error(path: Path, error: str) -> str:
    """Draw what kept a model from being asked about, as one JSON object."""
    return _text(_head(path, error))


def _text(document: Json) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n"


def _head(path: Path, error: str | None) -> Json:
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "npulint", "version": npulint.__version__},
        "model": str(path),
        "error": error,
    }


def _answer(answer: Answer) -> Json:
    chip, context, numbers = answer.chip, answer.context, answer.numbers
    return {
        "target": chip.name,
        "arch": chip.arch,
        "soc": chip.soc,
        "soc_model": chip.soc_model,
        "front_end": answer.front_end,
        "whole": answer.whole,
        "outcome": answer.outcome,
        "fault": answer.fault,
        "nodes": [_node(node) for node in answer.nodes],
        "strays": [{"op": stray.op, "reason": stray.reason} for stray in answer.strays],
        "pieces": [
            {
                "nodes": [{"graph": graph, "index": index} for graph, index in piece.nodes],
                "compiled": piece.compiled,
            }
            for piece in answer.pieces
        ],
        "context": None
        if context is None
        else {
            "size": context.nbytes,
            "targets": [{"soc": soc, "arch": arch} for soc, arch in context.targets],
            "proven": context.proven,
        },
        "numbers": None
        if numbers is None
        else {
            "inputs": numbers.inputs,
            "seconds": numbers.seconds,
            "outputs": [
                {"name": name, "difference": difference_json(found)}
                for name, found in numbers.outputs
            ],
        },
        "unmeasured": answer.unmeasured,
        "versions": dict(answer.versions),
        "seconds": answer.seconds,
    }


def _node(node: NodeAnswer) -> Json:
    return {
        "graph": node.graph,
        "index": node.index,
        "op": node.op,
        "name": node.name,
        "status": node.status,
        "reasons": list(node.reasons),
    }

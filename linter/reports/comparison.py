"""The answer of `npulint verify`: as text, and as JSON (`comparison.schema.json` beside this)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import npulint
from npulint.reports.wording import columns, count, plural, printable
from npulint.reports.wrapping import Layout, wrapped

if TYPE_CHECKING:
    from npulint.verification.records import (
        Comparison,
        Difference,
        Output,
        Pair,
        Port,
        Regions,
        RegionValue,
        Sample,
    )

SCHEMA_VERSION = 1

Json: TypeAlias = dict[str, Any]

_ORDERS = {"nchw-nhwc": ", channels first to last", "nhwc-nchw": ", channels last to first"}
_HEADER = ("output", "largest error", "of its range", "PSNR", "SSIM", "on", "")


def render_text(found: Comparison, layout: Layout) -> str:
    """Draw a comparison as text, ending in a newline."""
    lines = [
        f"A  {printable(str(found.a))}  in {found.runtimes[0]}",
        f"B  {printable(str(found.b))}  in {found.runtimes[1]}",
        "",
        *columns(
            [_pair_row("input", pair) for pair in found.inputs]
            + [_pair_row("output", output.pair) for output in found.outputs]
        ),
        "",
        *_table(found, layout),
        "",
    ]
    lines += [wrapped(f"note: {note}", layout, "", "      ") for note in _notes(found)]
    if found.regions is not None:
        lines += [wrapped(_region_sentence(found.regions), layout, "", "  ")]
    lines.append(_closing(found, layout))
    return "\n".join(lines) + "\n"


def _pair_row(role: str, pair: Pair) -> tuple[str, ...]:
    how = {"name": "by name", "order": "by order", "map": "by --map"}[pair.how]
    return (role, _port(pair.a), "=", _port(pair.b), f"{how}{_ORDERS.get(pair.layout or '', '')}")


def _port(port: Port) -> str:
    sizes = "x".join("?" if size is None else str(size) for size in port.shape)
    return printable(f"{port.name} {port.dtype} {sizes}".rstrip())


def _table(found: Comparison, layout: Layout) -> Iterator[str]:
    """One row an output: the worst of each figure; with -v one a sample too."""
    rows: list[tuple[str, ...]] = [_HEADER]
    good: list[bool | None] = [None]
    for output in found.outputs:
        rows.append(_summary_row(output, found.samples))
        good.append(output.same)
        if layout.verbose:
            for sample, difference in zip(found.samples, output.differences, strict=True):
                if difference is not None:
                    fine = difference.within(found.error_bound, found.min_psnr)
                    fine = fine or (output.same and difference.is_moot)
                    rows.append(_row("", difference, sample.name, fine))
                    good.append(fine)
    style = layout.style
    for text, agrees in zip(columns(rows), good, strict=True):
        yield style.bold(text) if agrees is None else text if agrees else style.error(text)


def _summary_row(output: Output, samples: Sequence[Sample]) -> tuple[str, ...]:
    there = [
        (difference, sample.name)
        for difference, sample in zip(output.differences, samples, strict=True)
        if difference is not None
    ]
    worst, name = max(there, key=lambda each: _badness(each[0]))
    alike = [each.ssim for each, _ in there if each.ssim is not None]
    row = list(_row(printable(output.pair.a.name), worst, name, output.same))
    if not worst.exact and _shapes_agree(worst):
        row[3] = _decibel(min(each.psnr for each, _ in there))
    row[4] = _likeness(min(alike)) if alike else ""
    if output.empty:
        row[-1] = "nothing finite to compare"
    return tuple(row)


def _badness(difference: Difference) -> tuple[bool, int, float]:
    return not _shapes_agree(difference), difference.mismatched, difference.max_relative


def _shapes_agree(difference: Difference) -> bool:
    return difference.shape_a == difference.shape_b


def _row(name: str, difference: Difference, sample: str, same: bool) -> tuple[str, ...]:
    word = "same" if same else "differs"
    if not _shapes_agree(difference):
        shapes = ["x".join(map(str, s)) for s in (difference.shape_a, difference.shape_b)]
        return (name, f"{shapes[0]} in A, {shapes[1]} in B", "", "", "", sample, word)
    if difference.exact:
        unequal = f"{count(difference.mismatched)} of {plural(difference.elements, 'element')}"
        found = f"{unequal} not equal" if difference.mismatched else "0"
        ssim = "" if difference.ssim is None else _likeness(difference.ssim)
        return (name, found, "exact", "", ssim, sample, word)
    if same and difference.unrest:
        word += ": moot" if difference.is_moot else ": rounding"
    if difference.mismatched:
        word += f": {count(difference.mismatched)} not finite in one alone"
    return (
        name,
        f"{difference.max_absolute:.3g}",
        "-" if math.isinf(difference.max_relative) else f"{difference.max_relative:.3g}",
        _decibel(difference.psnr),
        "" if difference.ssim is None else _likeness(difference.ssim),
        sample,
        word,
    )


def _decibel(value: float) -> str:
    return f"{value:.1f} dB" if math.isfinite(value) else "equal" if value > 0 else "-"


def _likeness(value: float) -> str:
    """SSIM that says 1 only of equal images."""
    return "1" if value == 1 else f"{min(value, 0.999999):.6f}"


def _notes(found: Comparison) -> Iterator[str]:
    """What else must be known: samples that one model or both would not run."""
    groups: dict[str, list[Sample]] = {}
    for sample in found.samples:
        if not sample.compared:
            groups.setdefault(_who(sample), []).append(sample)
    for who, refused in groups.items():
        first = refused[0]
        reason = printable(first.refused_by_a or first.refused_by_b or "")
        yield f"{who} {plural(len(refused), 'sample')}, the first being {first.name}: {reason}"


def _who(sample: Sample) -> str:
    if not sample.differs:
        return "both models refuse"
    return "A alone refuses" if sample.refused_by_a is not None else "B alone refuses"


def _region_sentence(regions: Regions) -> str:
    if not regions.values:
        return "regions: the models name no intermediate value alike"
    number, first = len(regions.values), regions.first
    if first is None:
        return f"regions: all {number} values that both name alike agree on {regions.sample}"
    before = regions.values.index(first)
    agree = f"{before} of {number} values that both name alike agree on {regions.sample}"
    makers = first.op_a if first.op_a == first.op_b else f"{first.op_a} in A, {first.op_b} in B"
    error = f"{first.difference.max_absolute:.3g}"
    return (
        f"regions: {agree}; the first to differ is {printable(first.name)!r}, which node "
        f"{first.node} of A makes ({printable(makers)}), by {error}"
    )


def _closing(found: Comparison, layout: Layout) -> str:
    compared = sum(sample.compared for sample in found.samples)
    on = f"on {plural(compared, 'sample')}, seed {found.seed}"
    bounds = []
    if found.error_bound is not None:
        bounds.append(f"errors up to {found.error_bound:g} of each output's range")
    if found.min_psnr is not None:
        bounds.append(f"PSNR of {found.min_psnr:g} dB or more")
    asked = " and ".join(bounds)
    if found.same:
        return layout.style.good(f"same: {asked}, {on}")
    return layout.style.error(f"they differ: asked were {asked}, {on}")


def render_json(found: Comparison) -> str:
    """Draw a comparison as one JSON object, ending in a newline."""
    document = {
        **_head(found.a, found.b, None),
        "same": found.same,
        "runtimes": list(found.runtimes),
        "seed": found.seed,
        "max_error": found.error_bound,
        "min_psnr": found.min_psnr,
        "inputs": [_pair(pair) for pair in found.inputs],
        "samples": [_sample(sample) for sample in found.samples],
        "outputs": [_output(output) for output in found.outputs],
        "regions": None if found.regions is None else _regions(found.regions),
    }
    return _text(document)


def render_json_error(a: Path, b: Path, error: str) -> str:
    """Draw what kept two models from being compared, as one JSON object."""
    return _text(_head(a, b, error))


def _text(document: Json) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n"


def _head(a: Path, b: Path, error: str | None) -> Json:
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "npulint", "version": npulint.__version__},
        "a": str(a),
        "b": str(b),
        "error": error,
    }


def _pair(pair: Pair) -> Json:
    ports = {"a": pair.a, "b": pair.b}
    shown = {
        side: {"name": port.name, "dtype": port.dtype, "shape": list(port.shape)}
        for side, port in ports.items()
    }
    return {**shown, "paired_by": pair.how, "layout": pair.layout}


def _sample(sample: Sample) -> Json:
    return {
        "name": sample.name,
        "kind": sample.kind,
        "shapes": [list(shape) for shape in sample.shapes],
        "refused_by_a": sample.refused_by_a,
        "refused_by_b": sample.refused_by_b,
    }


def _output(output: Output) -> Json:
    return {
        **_pair(output.pair),
        "same": output.same,
        "differences": [None if d is None else difference_json(d) for d in output.differences],
    }


def difference_json(difference: Difference) -> Json:
    """One difference; what is infinite is null: no error has an infinite PSNR."""
    return {
        "shape_a": list(difference.shape_a),
        "shape_b": list(difference.shape_b),
        "elements": difference.elements,
        "finite": difference.finite,
        "exact": difference.exact,
        "mismatched": difference.mismatched,
        "max_absolute": difference.max_absolute,
        "at": None if difference.at is None else list(difference.at),
        "range": difference.range,
        "unrest": difference.unrest,
        "max_relative": _finite(difference.max_relative),
        "psnr": _finite(difference.psnr),
        "ssim": difference.ssim,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _regions(regions: Regions) -> Json:
    first = regions.first
    return {
        "sample": regions.sample,
        "values": [_region_value(value) for value in regions.values],
        "first": None if first is None else regions.values.index(first),
    }


def _region_value(value: RegionValue) -> Json:
    return {
        "name": value.name,
        "node": value.node,
        "op_a": value.op_a,
        "op_b": value.op_b,
        "same": value.same,
        "difference": difference_json(value.difference),
    }

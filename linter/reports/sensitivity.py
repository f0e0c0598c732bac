"""What 8 bits cost a network, as text and as JSON (`sensitivity.schema.json` beside this)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from npulint.quantising.records import MOVES
from npulint.reports.wording import columns, plural, printable
from npulint.reports.wrapping import Layout, wrapped

if TYPE_CHECKING:
    from npulint.quantising.records import Layer, Sensitivity

SCHEMA_VERSION = 1

_LAYERS_SHOWN = 12
_NAMES_SHOWN = 3
_LITTLE = 0.1
"""Decibels: a layer that gains less is not what hurts."""


def as_document(found: Sensitivity) -> dict[str, Any]:
    """What is told, in JSON's types. It has no infinity: a figure without an error is null."""
    return {
        "schema_version": SCHEMA_VERSION,
        "quantised_to": found.kind,
        "converter": found.converter,
        "runtime": found.runtime,
        "samples": {"ranges": list(found.fitting), "held_out": list(found.held_out)},
        "psnr": _finite(found.psnr),
        "lowest_psnr": _finite(found.lowest),
        "truth": None
        if found.truth is None
        else {
            "peak": found.peak,
            "float": _finite(found.truth[0]),
            "quantised": _finite(found.truth[1]),
        },
        "layers": [
            {
                "node": layer.node,
                "op": layer.op,
                "value": layer.value,
                "snr": _finite(layer.snr),
                "added_noise": layer.added,
                "psnr_in_float": None if layer.in_float is None else _finite(layer.in_float),
                "tried": layer.in_float is not None,
            }
            for layer in found.layers
        ],
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def lines(found: Sensitivity, layout: Layout) -> Iterator[str]:
    """Draw it for a terminal."""
    yield layout.style.bold(f"  in 8 bits ({found.converter}, run in {found.runtime})")
    said = [
        f"ranges of values from {plural(len(found.fitting), 'sample')} ({_listed(found.fitting)}), "
        f"measured on {len(found.held_out)} others ({_listed(found.held_out)})",
        f"near the float network's outputs: {_decibel(found.psnr)} on average, "
        f"{_decibel(found.lowest)} at worst",
    ]
    if found.truth is not None:
        said.append(
            f"near the truth: {_decibel(found.truth[0])} in floating point, "
            f"{_decibel(found.truth[1])} in 8 bits (peak {found.peak:g})"
        )
    tried = sum(layer.in_float is not None for layer in found.layers)
    said.append(
        f"layers that hurt: {plural(tried, 'layer')} left in floating point, one at a time, and "
        "the network quantised again; then by the noise that each adds to what it reads, as a "
        "share of its signal, in one run of both networks"
    )
    if tried and not _any_gains(found):
        said.append(
            f"none of them gains {_LITTLE:g} dB, so little of the noise that they add comes "
            f"through: what hurts is among the others; --tries {len(found.layers)} tries every "
            "layer"
        )
    yield from (wrapped(each, layout, "    ", "      ") for each in said)
    rows = [("node", "operator", "network with it in float", "its own SNR", "adds")]
    limit = len(found.layers) if layout.verbose else _LAYERS_SHOWN
    rows += [_row(found, layer) for layer in found.layers[:limit]]
    table = columns(rows)
    yield layout.style.dim(f"  {table[0]}")
    yield from (f"  {line}" for line in table[1:])
    if len(found.layers) > limit:
        yield f"    and {len(found.layers) - limit} more (-v shows all)"


def _any_gains(found: Sensitivity) -> bool:
    """Whether some layer helps that was left in floating point, or none is left to try."""
    if all(each.in_float is not None or each.op in MOVES for each in found.layers):
        return True
    gains = [each.in_float - found.psnr for each in found.layers if each.in_float is not None]
    # Without any error there is nothing to gain, and the difference is no number.
    return not all(gain < _LITTLE for gain in gains)


def _row(found: Sensitivity, layer: Layer) -> tuple[str, str, str, str, str]:
    gain = ""
    if layer.in_float is not None:
        gain = _decibel(layer.in_float)
        if math.isfinite(layer.in_float) and math.isfinite(found.psnr):
            gain += f" ({layer.in_float - found.psnr:+.1f})"
    return (
        str(layer.node),
        printable(layer.op),
        gain,
        "no noise" if math.isinf(layer.snr) else f"{layer.snr:.1f} dB",
        f"{layer.added:.2g}",
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(map(printable, names[:_NAMES_SHOWN])) + more


def _decibel(value: float) -> str:
    return f"{value:.1f} dB PSNR" if math.isfinite(value) else "equal" if value > 0 else "no PSNR"

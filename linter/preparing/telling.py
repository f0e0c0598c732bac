"""The report of a preparation as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.preparing.records import (
        Cost,
        Left,
        Opinions,
        PrepareReport,
        Replacement,
        Transformed,
    )

_FEW = 6
"""Paths that are named one by one."""


def told(report: PrepareReport) -> str:
    """Every change, what the targets say before and after, and what is left."""
    lines = [f"{report.exactness}: {_costs(report.cost_before, report.cost_after)}"]
    if report.held_out is not None:
        found = report.held_out
        lines.append(
            f"  on {found.samples} samples held out the outputs are off by {found.max_error:.2g} "
            f"of their range ({found.psnr:.1f} dB PSNR)"
        )
    for target, before in report.before.items():
        after = report.after[target]
        lines.append(
            f"  {target}: {before.refused} of {before.nodes} nodes refused, {before.unknown} "
            f"unknown -> {after.refused} of {after.nodes} refused, {after.unknown} unknown"
        )
    for transformation in report.transformations:
        lines += _transformed(transformation)
    for replacement in report.replacements:
        lines += _replaced(replacement)
    for left in report.left:
        lines += _left(left)
    lines += [f"note: {note}" for note in report.notes]
    return "\n".join(lines)


def _transformed(made: Transformed) -> Iterator[str]:
    yield f"{made.name} [{made.source}]: {_costs(made.before, made.after)}"
    for change in made.changes:
        said = f" ({change.note})" if change.note else ""
        yield f"  {change.path}: {change.what} -> {change.made}{said}"
    for path, why in made.kept.items():
        yield f"  {path}: kept, {why}"


def _replaced(made: Replacement) -> Iterator[str]:
    yield f"{_where(made.paths)}: {made.what} -> {made.realisation} ({made.exactness})"
    yield f"  {_costs(made.cost_before, made.cost_after)}"
    for target, before in made.before.items():
        after = made.after[target]
        if before.status != "supported" or after.status != "supported":
            said = f": {before.reason}" if before.reason else ""
            yield f"  {target}: {before.status}{said} -> {after.status}"
    if made.note:
        yield f"  note: {made.note}"


def _left(left: Left) -> Iterator[str]:
    yield f"{_where(left.paths)}: {left.what} stays; {left.why}"
    yield from _opinions(left.ops, left.said)


def _opinions(ops: tuple[str, ...], said: Opinions) -> Iterator[str]:
    for target, opinion in said.items():
        if opinion.status != "supported":
            why = f": {opinion.reason}" if opinion.reason else ""
            yield f"  {target}: {', '.join(ops)} {opinion.status}{why}"


def _where(paths: tuple[str, ...]) -> str:
    named = ", ".join(path or "the network itself" for path in paths[:_FEW])
    return named if len(paths) <= _FEW else f"{named} and {len(paths) - _FEW} more"


def _costs(before: Cost, after: Cost) -> str:
    macs = [f"{each.macs:,}" if each.macs is not None else "unknown" for each in (before, after)]
    return (
        f"{before.parameters:,} -> {after.parameters:,} parameters, "
        f"{macs[0]} -> {macs[1]} multiply-accumulates"
    )

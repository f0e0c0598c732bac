"""The page of `benchmarks/rewritten_worth.py`: what rewrites come to, trained and untrained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rewritten_cases import CASES, Case
from rewritten_rows import Row, Settings

COMMAND = "python benchmarks/rewritten_worth.py -o docs/rewritten-worth.md"

_HEAD = """\
# What rewrites are worth

Made by `{command}` from the rows in
`benchmarks/observations/rewritten-worth.jsonl`.

`npulint fix` may [change what a network computes](lossy.md) where no exact way serves, and
[`npulint recover`](recover.md) trains it after that. This page tells what both come to on
photographs, for the [networks with trained weights](trained.md).

Each network meets targets that were made up for this page: all of its operators are taken but one
kind, and what may take its place. It is rewritten by exact ways, for a target that takes what those
are made of; by calibrated ways, fitted to samples; and by lossy ways, which see none. What was
rewritten inexactly is then trained, if the target refuses nothing of it any more. Of SmallNet
(convolutions, ReLU, depth to space, tanh) there is nothing that an inexact way replaces.

PSNR and SSIM are means over squares of 160x160 pixels in photographs that neither the network's
training, nor a fit, nor `recover` saw, to what is wanted of the network there (not to what the
original makes). The drawn scenes are left out. All figures are of files, run in their runtime.

## How far from the original

In dB on the photographs held out; in brackets where the target still refuses something.

{summary}"""

_HOW = """\
## How they were made

- Fits and training see squares of 160x160 pixels of what the networks themselves were trained
  on, drawn from seeds {seed} and {second}: {calibration} for `fix`, of which every other one is
  fitted to, and as many for `recover` as stand above each table, of which every other one is
  trained on and half of the rest tells the best step.
- `recover` trains with {batch} squares a step and seed {seed}; squares are turned and mirrored
  unless they are mosaics, and its other options are as they are: towards the original's outputs
  and, by half, towards the truth.
- Of what was trained the photographs of the validation part choose one; those held out say what it
  is worth, and whether the goal is reached. They had been seen when it was settled that only
  trained rows stand for choice, and for how long `pynet_v2_narrow` (before: 200 steps) and
  `nafnet_tiny` (before: 120, 400 and 2,200) are trained without their norms.
- `fix` is given a bound that everything keeps (`--max-error {max_error:g}`), so that it also writes
  what it would refuse: its own bound is 1e-4 of the outputs' range.
- {minutes:.0f} minutes of one core in all. {versions}.
"""


def page(rows: Sequence[Row], settings: Settings) -> str:
    """Draw the page.

    Args:
        rows: Finished rows, those of a case together.
        settings: How they were made.
    """
    known = {case.name: case for case in CASES}
    parts = [(known[name], list(own)) for name, own in groupby(rows, lambda row: row.case)]
    head = _HEAD.format(command=COMMAND, summary=_table(_summary(parts), (3, 4, 5, 6)))
    cases = "\n".join(_case(case, own) for case, own in parts)
    how = _HOW.format(
        seed=settings.seed,
        second=settings.seed + 1,
        calibration=settings.calibration,
        batch=settings.batch,
        max_error=settings.max_error,
        minutes=sum(row.minutes for row in rows),
        versions="; ".join(sorted({row.versions for row in rows})),
    )
    return f"{head}\n{cases}\n{how}"


def _summary(parts: Sequence[tuple[Case, Sequence[Row]]]) -> Iterator[list[str]]:
    yield ["network", "format", "what is replaced", "calibrated", "lossy", "calibrated, trained",
           "lossy, trained", "goal"]  # fmt: skip
    for case, rows in parts:
        found = {(row.variant, row.trained): row for row in rows}
        first = found.get(("original", False))
        told = [
            _difference(first, found.get((variant, trained)))
            for trained in (False, True)
            for variant in ("calibrated", "lossy")
        ]
        yield [f"`{case.network}`", case.form, case.what, *told, _verdict(case, rows)]


def _difference(first: Row | None, row: Row | None) -> str:
    if first is None or row is None or first.psnr is None:
        return ""
    if row.psnr is None:
        return "-"
    # Added to 0, what rounds to 0 has no sign.
    told = f"{round(row.psnr - first.psnr, 2) + 0:+.2f}"
    return f"({told})" if row.left else told


def _verdict(case: Case, rows: Sequence[Row]) -> str:
    """Whether the row that validation chooses is as near as was set."""
    first = next((row for row in rows if row.variant == "original"), None)
    best = chosen(rows)
    if case.goal is None:
        return "none"
    if first is None or best is None or first.psnr is None or best.psnr is None:
        return f"{case.goal:g} dB: not run"
    reached = first.psnr - best.psnr <= case.goal
    return f"{case.goal:g} dB: {'reached' if reached else 'not reached'}"


def chosen(rows: Sequence[Row]) -> Row | None:
    """Of what was trained, or where nothing was of what was fitted, the best by validation."""
    inexact = [
        row
        for row in rows
        if row.variant in {"calibrated", "lossy"} and row.validation and not row.left
    ]
    trained = [row for row in inexact if row.trained]
    return max(trained or inexact, key=lambda row: row.validation or 0.0, default=None)


def _case(case: Case, rows: Sequence[Row]) -> str:
    lines = [["", "PSNR (dB)", "SSIM", "by validation (dB)", "made of", "steps", "minutes"]]
    best = chosen(rows)
    for row in rows:
        name = f"{row.variant}{', trained' if row.trained else ''}"
        lines.append(
            [
                f"**{name}**" if row is best else name,
                "-" if row.psnr is None else f"{row.psnr:.2f}",
                "-" if row.ssim is None else f"{row.ssim:.4f}",
                "-" if row.validation is None else f"{row.validation:.2f}",
                _made_of(row),
                str(row.steps) if row.trained else "",
                f"{row.minutes:.1f}",
            ]
        )
    places = max(row.places for row in rows)
    goal = "" if case.goal is None else f" Set was: within {case.goal:g} dB of the original."
    note = f"\n{case.why}\n" if case.why else ""
    return (
        f"## `{case.network}`, .{case.form}: {case.what}\n\n"
        f"In their place {case.by}. Measured on {places} squares.{_training(case)}{goal} What "
        f"validation chooses is in bold.\n\n{_table(lines, (1, 2, 3, 5, 6))}{note}"
    )


def _made_of(row: Row) -> str:
    # What was trained is made of what the row without training is.
    said = row.problem or ("" if row.trained else ", ".join(row.ways))
    return f"{said}{'; ' if said else ''}{row.left} nodes still refused" if row.left else said


def _training(case: Case) -> str:
    """How `recover` was asked."""
    return (
        f" `recover` got {case.squares}, {case.steps} steps and a rate of up to {case.rate:g}; of "
        "its steps the one is told whose weights were kept, 0 where nothing was gained."
    )


def _table(rows: Sequence[Sequence[str]] | Iterator[list[str]], numeric: Sequence[int]) -> str:
    head, *rest = list(rows)
    rule = ["---:" if place in numeric else "---" for place in range(len(head))]
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, rule, *rest])

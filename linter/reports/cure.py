"""What a rewrite came to, as text: the choices, the proof, each target before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import TYPE_CHECKING

from npulint.reports import change as comparing
from npulint.reports.wording import plural, printable, ranges
from npulint.reports.wrapping import Layout, wrapped
from npulint.verification.records import MAX_ERROR

if TYPE_CHECKING:
    from npulint.cure import FixResult
    from npulint.fixers.choice import Alternative, Choice
    from npulint.verification.halves import Scores
    from npulint.verification.records import Comparison, Difference, RegionValue

_NODES_SHOWN = 8
_NAMES_SHOWN = 3


def render_text(result: FixResult, layout: Layout, diff: Sequence[str] = ()) -> str:
    """Draw the result for a terminal, ending in a newline; a diff of the nodes where given."""
    lines = [layout.style.bold(printable(str(result.before.path)))]
    for said in result.given_up:
        lines.append(wrapped(f"given up: {said}", layout, "  ", "    "))
    for name, shape in result.input_shapes.items():
        fixed = f"sizes fixed: {printable(name)} is {'x'.join(map(str, shape))}"
        lines.append(wrapped(fixed, layout, "  ", "    "))
    lines += _choices(result, layout)
    for said, ways in _limits(result.choices).items():
        lines.append(wrapped(f"limits of {', '.join(ways)}: {said}", layout, "  ", "    "))
    if result.comparison is not None:
        lines.append(wrapped(_proof(result.comparison), layout, "  ", "    "))
        lines += [wrapped(said, layout, "  ", "    ") for said in _scored(result.scores)]
        lines.append(f"  {_growth(result)}")
    if result.after is not None:
        text = comparing.render_text(comparing.compare(result.before, result.after), layout)
        # Without its own title and verdict: what was decided about them stands below.
        lines += ["", *text.rstrip("\n").split("\n")[1:-2]]
    if diff:
        lines += ["", *diff]
    lines += ["", _closing(result, layout)]
    return "\n".join(lines) + "\n"


def _choices(result: FixResult, layout: Layout) -> Iterator[str]:
    """Nodes that were decided alike, and the ways that lost with their reasons."""
    groups: dict[tuple[str, str | None, str], list[Choice]] = {}
    for choice in result.choices:
        groups.setdefault((choice.op, choice.realisation, choice.why), []).append(choice)
    for (op, way, why), choices in groups.items():
        limit = None if layout.verbose else _NODES_SHOWN
        shown = ranges((index for choice in choices for index in choice.nodes), limit)
        where = f"{printable(op)} ×{len(choices)} ({f'nodes {shown}' if shown else 'built here'})"
        if way is None:
            yield wrapped(f"left as it is: {where}: {printable(why)}", layout, "  ", "    ")
        else:
            yield wrapped(
                f"{where} -> {layout.style.good(way)} ({_described(choices[0].chosen)})",
                layout,
                "  ",
                "    ",
            )
            chosen = choices[0].chosen
            if layout.verbose or (chosen is not None and chosen.exactness != "exact"):
                measured = _measured(result.comparison, choices)
                if measured:
                    yield wrapped(measured, layout, "    ", "      ")
        lost = Counter((a.name, a.lost) for c in choices for a in c.alternatives if a.lost)
        for name, reason in dict(lost):
            if layout.verbose or way is None or not reason.startswith("taken as well"):
                yield wrapped(f"not {name}: {printable(reason)}", layout, "    ", "      ")


def _limits(choices: Sequence[Choice]) -> dict[str, list[str]]:
    """What chosen ways are not the same for, with their names."""
    found: dict[str, list[str]] = {}
    for choice in choices:
        for name, said in choice.chosen.limits.items() if choice.chosen else ():
            if name not in found.setdefault(said, []):
                found[said].append(name)
    return found


def _described(chosen: Alternative | None) -> str:
    if chosen is None:
        return ""
    return f"{chosen.exactness}; {chosen.note}" if chosen.note else chosen.exactness


def _measured(comparison: Comparison | None, choices: Sequence[Choice]) -> str:
    """How far the results of some choices are off, at the worst of them."""
    found = [each for choice in choices for each in _regions(comparison, choice)]
    if comparison is None or comparison.regions is None or not found:
        return ""
    far = max(found, key=lambda each: each.difference.max_relative)
    return (
        f"measured on {comparison.regions.sample}: its result is off by at most "
        f"{far.difference.max_relative:.2g} of its range ({_decibel(far.difference.psnr)})"
    )


def _regions(comparison: Comparison | None, choice: Choice) -> list[RegionValue]:
    """What was measured of the values that a place makes."""
    if comparison is None or comparison.regions is None:
        return []
    return [each for each in comparison.regions.values if each.name in choice.results]


def _scored(scores: Scores | None) -> Iterator[str]:
    """What was measured on which samples, means over each half."""
    if scores is None:
        return
    fitting, held_out = scores.fitting, scores.held_out
    yield (
        f"samples, every other one: {plural(len(fitting.names), 'sample')} to fit to "
        f"({_listed(fitting.names)}), {len(held_out.names)} held out ({_listed(held_out.names)})"
    )
    yield (
        f"near the original on those held out: {_decibel(held_out.psnr)} on average; on those to "
        f"fit to: {_decibel(fitting.psnr)}"
    )
    if held_out.original is not None and held_out.rewritten is not None:
        yield (
            f"near the truth on those held out: the original {_decibel(held_out.original)}, the "
            f"rewritten model {_decibel(held_out.rewritten)} on average (peak {scores.peak:g})"
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(map(printable, names[:_NAMES_SHOWN])) + more


def _growth(result: FixResult) -> str:
    """What the rewrite costs in arithmetic and in memory."""
    old, new = result.before.summary, result.result.summary
    if old is None or new is None:
        return "cost unknown"
    return (
        f"MACs {_percent(old.macs, new.macs)}, "
        f"peak activation memory {_percent(old.peak_activation_bytes, new.peak_activation_bytes)}"
    )


def _percent(old: int | None, new: int | None) -> str:
    return f"{(new - old) / old:+.1%}" if old and new is not None else "of unknown growth"


def _decibel(value: float) -> str:
    return f"PSNR {value:.1f} dB" if isfinite(value) else "equal" if value > 0 else "no PSNR"


def _proof(comparison: Comparison) -> str:
    errors = [each for output in comparison.outputs for each in output.differences if each]
    far = max((each.max_relative for each in errors), default=0.0)
    psnr = min((each.psnr for each in errors), default=0.0)
    verdict = "computes the same" if comparison.same else "does not compute the same"
    bounds = []
    if comparison.error_bound is not None and comparison.error_bound != MAX_ERROR:
        bounds.append(f"{comparison.error_bound:g} of the range")
    if comparison.min_psnr is not None:
        bounds.append(f"{comparison.min_psnr:g} dB")
    within = f" within {' and '.join(bounds)}" if bounds else ""
    return (
        f"run against the original on {plural(len(comparison.samples), 'sample')} in "
        f"{comparison.runtimes[1]}: it {verdict}{within}; the largest error is {far:.2g} of the "
        f"range ({_decibel(psnr)}){_rounding(errors)}"
    )


def _rounding(errors: Sequence[Difference]) -> str:
    """What tells a difference beyond the usual bound from a fault, empty where there is none."""
    excused = [each for each in errors if each.unrest and (each.is_rounding or each.is_moot)]
    if not excused:
        return ""
    far = max(excused, key=lambda each: each.max_relative)
    return (
        "; that is rounding: inputs moved by one unit in the last place move the original itself "
        f"by {far.unrest / far.range:.2g}"
    )


def _closing(result: FixResult, layout: Layout) -> str:
    if result.held_back:
        return layout.style.error(f"nothing written: {result.held_back}")
    if result.written is not None:
        state = "nothing is refused any more" if result.complete else "some stays refused"
        text = f"written to {printable(str(result.written))}; {state}"
        if result.exactness != "exact":
            text += (
                f"; it is {result.exactness}: fine-tune the network before it is used: npulint "
                f"recover {printable(f'{result.before.path} {result.written}')} --data SAMPLES "
                f"-o trained{result.written.suffix}"
            )
        return layout.style.good(text)
    if result.after is None:
        return "nothing to rewrite" if result.complete else "nothing that the catalogue can rewrite"
    return "nothing written, as asked"

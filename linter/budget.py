"""Inexact realisations within bounds: in which order they are tried, and what is said of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from npulint.cost import node_macs
from npulint.fixers.record import EXACTNESSES

if TYPE_CHECKING:
    from npulint.fixers.choice import Choice
    from npulint.fixers.record import Exactness
    from npulint.model import Graph, Model
    from npulint.verification import Comparison

MOST_TRIED = 12
"""Places that are tried one after the other; each of them runs both models on every sample."""

_SHOWN = 4


def in_order(choices: Sequence[Choice], comparison: Comparison) -> list[Choice]:
    """The places realised inexactly, those first that cure most.

    What a place cures is the number of its nodes that were refused, over all targets; of those
    that cure alike the one comes first whose own results are nearest to the original's.
    """
    inexact = [each for each in choices if each.chosen and each.chosen.exactness != "exact"]
    return sorted(inexact, key=lambda each: (-cured(each), _own_error(each, comparison)))


def cured(choice: Choice) -> int:
    """Nodes of a place that targets refused and whose realisation they take, over all targets."""
    outcome = (choice.chosen.outcome if choice.chosen else None) or {}
    lifted = [
        target
        for target, state in choice.before.items()
        if state == "unsupported" and outcome.get(target) != "unsupported"
    ]
    return len(lifted) * max(len(choice.nodes), 1)


def _own_error(choice: Choice, comparison: Comparison) -> float:
    if comparison.regions is None:
        return 0.0
    errors = [
        value.difference.max_relative
        for value in comparison.regions.values
        if value.name in choice.results
    ]
    return max(errors, default=math.inf)


def too_far(comparison: Comparison, exactness: Exactness) -> str:
    """How far off the outputs are by realisations of some exactness, and what bounds that."""
    return f"{exactness} realisations put the outputs off by {measured(comparison)}"


def measured(comparison: Comparison) -> str:
    """The worst error of the outputs, and the bounds that it is beyond."""
    errors = [each for output in comparison.outputs for each in output.differences if each]
    error = max((each.max_relative for each in errors), default=0.0)
    psnr = min((each.psnr for each in errors), default=0.0)
    broken = sum(each.mismatched for each in errors if not each.exact)
    numbers = f", and {broken:,} elements are no longer finite" if broken else ""
    bounds = []
    if comparison.error_bound is not None:
        bounds.append(f"--max-error {comparison.error_bound:g}")
    if comparison.min_psnr is not None:
        bounds.append(f"--min-psnr {comparison.min_psnr:g}")
    return (
        f"{error:.2g} of their range ({psnr:.1f} dB PSNR{numbers}), beyond {' and '.join(bounds)}"
    )


def candidates(choices: Sequence[Choice]) -> str:
    """The realisations, and what they would have taken the place of."""
    counts = Counter((each.op, each.realisation) for each in choices)
    said = [
        f"{way} for {op}" + (f" ×{number}" if number > 1 else "")
        for (op, way), number in counts.items()
    ]
    more = f" and {len(said) - _SHOWN} more kinds" if len(said) > _SHOWN else ""
    return ", ".join(said[:_SHOWN]) + more


def to_tune(model: Model, choices: Sequence[Choice]) -> str:
    """What would have to be trained again for some replacements: the layers behind them."""
    behind: list[tuple[int, int, str]] = []
    for graph in model.graphs:
        start = {index for each in choices if each.graph == graph.index for index in each.nodes}
        reached = _behind(graph, start)
        macs = node_macs(graph)
        behind += [
            (graph.index, node.index, node.op)
            for node in graph.nodes
            if node.index in reached and macs[node.index] and _has_weights(graph, node.index)
        ]
    if not behind:
        return (
            "to use them, fine-tune what replaces them towards the original's outputs (npulint "
            "recover)"
        )
    _, first, op = behind[0]
    layers = f"the {len(behind)} layers" if len(behind) > 1 else "the layer"
    return (
        f"to use them, fine-tune what replaces them and {layers} with weights behind them, from "
        f"{op} (node {first}) on, towards the original's outputs (npulint recover)"
    )


def _behind(graph: Graph, start: Collection[int]) -> set[int]:
    """The nodes that hang on some others."""
    reached: set[int] = set()
    waiting = [graph.nodes[index] for index in start if index < len(graph.nodes)]
    while waiting:
        for value in waiting.pop().outputs:
            for reader in graph.uses[value].readers if value >= 0 else ():
                if reader.index not in reached and reader.index not in start:
                    reached.add(reader.index)
                    waiting.append(reader)
    return reached


def _has_weights(graph: Graph, index: int) -> bool:
    """Whether a node has a stored matrix or filter."""
    held = (graph.values[each] for each in graph.nodes[index].inputs if each >= 0)
    return any(value.constant is not None and len(value.constant.shape) > 1 for value in held)


def kept_some(
    kept: Sequence[Choice], left: Sequence[Choice], together: str, exactness: Exactness
) -> str:
    """What is said where some replacements are within the bounds and all together are not."""
    return (
        f"{exactness} realisations at {len(kept) + len(left)} places together put the outputs off "
        f"by {together}; tried one after the other, those first that cure most, "
        f"{candidates(kept)} stayed within, and what was left out did not: {candidates(left)}"
    )


def stricter(exactness: Exactness) -> Exactness:
    """The next more exact kind."""
    return EXACTNESSES[EXACTNESSES.index(exactness) - 1]

"""Normalisations as exporters write them, native or taken apart, read into one record.

A pattern is recognised by what it computes, not by how it is spelt. Starting from a root (or a
native normalisation) every value that depends on one source alone is followed as a polynomial
in the source, its mean, its variance and the reciprocal deviation (`norm_terms`); a value that
comes out as `scale * (x - mean) / sqrt(variance + epsilon) + shift` is a normalisation, in
whatever order and dialect it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array
    from npulint.fixers.record import Refusal
    from npulint.model import Graph


@dataclass(frozen=True, slots=True, eq=False)
class Normalisation:
    """result = scale * (source - mean) / sqrt(variance + epsilon) + shift, then an activation.

    Mean and variance run over `axes`, within one group of channels each; `rms` takes the mean
    square in the variance's place and subtracts no mean.

    Attributes:
        nodes: Positions of all nodes that the pattern covers, in order; the last one makes the
            result. Nodes that only compute constants for the pattern are among them.
        source: Position of the value that is normalised.
        result: Position of the value that is made.
        shape: Of the source and the result as they are stored.
        axes: Normalised axes, as stored. For `group` they name the channel axis too.
        groups: Groups of channels; 1 unless `kind` is `group`.
        channel_axis: Stored axis along which scale and shift run.
        scale: float32, one element a channel; for `layer` and `rms` over several axes of the
            shape of these axes. None where it is 1.
        shift: Like `scale`. None where it is 0.
        epsilon: Added to the variance.
        kind: What is normalised together: `layer` the axes that scale and shift run along,
            `instance` all space of one channel, `group` all space of a group of channels.
        form: The operators that it was written with, in order.
        activation: TFLite name of an activation that the last node applies; `NONE` for none.
    """

    nodes: tuple[int, ...]
    source: int
    result: int
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    groups: int
    channel_axis: int
    scale: Array | None
    shift: Array | None
    epsilon: float
    kind: Literal["layer", "instance", "group", "rms"]
    form: str
    activation: str = "NONE"


def recognise(
    graph: Graph, keep: frozenset[int] = frozenset()
) -> Mapping[int, Normalisation | Refusal]:
    """Find the normalisations of a graph.

    Args:
        graph: A graph of either dialect.
        keep: Values that something outside the graph refers to.

    Returns:
        By the position of the last node of each pattern what it computes, or why what looks
        like a normalisation is none that can be rewritten.
    """
    from npulint.fixers.norms.search import search

    return search(graph, keep)

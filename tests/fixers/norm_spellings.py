"""Normalisations written by hand in any spelling, and what is found in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from sketches import Sketch

from npulint.fixers.norms.reading import Normalisation, recognise
from npulint.fixers.record import Refusal
from npulint.formats import load

EPSILON = float(np.float32(1e-3))


def found_in(path: Path, keep: frozenset[int] = frozenset()) -> list[Normalisation | Refusal]:
    graph = load(path).graphs[0]
    found = recognise(graph, keep)
    for index, outcome in found.items():
        if isinstance(outcome, Normalisation):
            assert index == outcome.nodes[-1]
            assert graph.nodes[index].outputs == (outcome.result,)
            assert list(outcome.nodes) == sorted(set(outcome.nodes))
    return list(found.values())


@dataclass(frozen=True)
class Spelling:
    """How a normalisation is written.

    Attributes:
        square: How a square is taken.
        statistic: Centred squares, or the mean of squares less the squared mean.
        root: How the deviation divides.
        swapped: Whether operands of commutative operators change places.
        affine: Scale and shift one after the other, or folded as batch normalisation is.
        summed: Whether means are sums times a constant.
        narrow: Whether reductions drop their axes and are reshaped back.
        negated: Whether the mean is subtracted by adding its negative.
    """

    square: str = "mul"
    statistic: str = "centred"
    root: str = "sqrt-div"
    swapped: bool = False
    affine: str = "apart"
    summed: bool = False
    narrow: bool = False
    negated: bool = False


SPELLINGS = st.builds(
    Spelling,
    square=st.sampled_from(["mul", "pow", "square", "squared_difference"]),
    statistic=st.sampled_from(["centred", "centred", "centred", "squares"]),
    root=st.sampled_from(["sqrt-div", "rsqrt-mul", "pow-mul", "sqrt-reciprocal-mul", "pow-div"]),
    swapped=st.booleans(),
    affine=st.sampled_from(["apart", "folded"]),
    summed=st.booleans(),
    narrow=st.booleans(),
    negated=st.booleans(),
)


class Writer:
    """Writes a normalisation into a sketch the way a spelling says."""

    def __init__(self, sketch: Sketch, spelling: Spelling) -> None:
        self.sketch, self.spelling = sketch, spelling

    def both(self, op: str, first: str, second: str, **more: Any) -> str:
        if self.spelling.swapped:
            first, second = second, first
        return self.sketch.apply(op, first, second, **more)

    def mean(self, x: str, axes: tuple[int, ...]) -> str:
        sketch, shape = self.sketch, self.sketch.shapes[x]
        op = "sum" if self.spelling.summed else "mean"
        made = sketch.reduce(op, x, axes, keep=not self.spelling.narrow)
        if self.spelling.narrow:
            kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
            made = sketch.reshape(made, kept)
        if self.spelling.summed:
            count = np.prod([shape[axis] for axis in axes])
            made = self.both("mul", made, sketch.constant(np.float32(1) / np.float32(count)))
        return made

    def squared(self, x: str) -> str:
        if self.spelling.square == "pow":
            return self.sketch.apply("pow", x, self.sketch.constant(2.0))
        if self.spelling.square == "mul":
            return self.sketch.apply("mul", x, x)
        return self.sketch.apply("square", x)

    def centred(self, x: str, mean: str) -> str:
        if self.spelling.negated:
            return self.both("add", x, self.sketch.apply("neg", mean))
        return self.sketch.apply("sub", x, mean)

    def variance(self, x: str, mean: str, axes: tuple[int, ...]) -> str:
        if self.spelling.statistic == "squares":
            squares = self.mean(self.squared(x), axes)
            return self.sketch.apply("sub", squares, self.squared(mean))
        if self.spelling.square == "squared_difference":
            return self.mean(self.both("squared_difference", x, mean), axes)
        return self.mean(self.squared(self.centred(x, mean)), axes)

    def over_deviation(self, x: str, variance: str, scale: str | None) -> str:
        """x times scale over the root of a variance that already has its epsilon."""
        sketch, way = self.sketch, self.spelling.root
        if way in ("sqrt-div", "pow-div"):
            if way == "pow-div":
                root = sketch.apply("pow", variance, sketch.constant(0.5))
            else:
                root = sketch.apply("sqrt", variance)
            over = sketch.apply("div", x, root)
            return self.both("mul", over, scale) if scale else over
        if way == "rsqrt-mul":
            factor = sketch.apply("rsqrt", variance)
        elif way == "pow-mul":
            factor = sketch.apply("pow", variance, sketch.constant(-0.5))
        else:
            factor = sketch.apply("reciprocal", sketch.apply("sqrt", variance))
        return self.both("mul", x, self.both("mul", factor, scale) if scale else factor)

    def normalise(
        self, x: str, axes: tuple[int, ...], scale: Any, shift: Any, *, activation: str = "NONE"
    ) -> str:
        sketch = self.sketch
        mean = self.mean(x, axes)
        raised = self.both("add", self.variance(x, mean, axes), sketch.constant(EPSILON))
        stored = None if scale is None else sketch.constant(scale)
        if self.spelling.affine == "folded":
            scaled = self.over_deviation(x, raised, stored)
            lowered = self.over_deviation(mean, raised, stored)
            if shift is None:
                return sketch.apply("sub", scaled, lowered, activation=activation)
            offset = sketch.apply("sub", sketch.constant(shift), lowered)
            return self.both("add", scaled, offset, activation=activation)
        made = self.over_deviation(self.centred(x, mean), raised, stored)
        if shift is None:
            return made
        return self.both("add", made, sketch.constant(shift), activation=activation)

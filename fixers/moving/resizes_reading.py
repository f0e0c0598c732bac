"""Reading resizes: how far apart samples lie, and where the first one is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from npulint.fixers.building.bounds import see_that_it_fits, zeros
from npulint.fixers.moving.resize_weights import Interpolation
from npulint.fixers.moving.shuffles import planes
from npulint.fixers.reading import fixed, immovable, meaning, not_float
from npulint.fixers.record import Occurrence, Refusal
from npulint.operators.semantics import Resize

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.fixers.building.builder import Sizes
    from npulint.model import Graph, Node
    from npulint.operators.rearrangements import Operator

    Floats: TypeAlias = npt.NDArray[np.float32]
    Places: TypeAlias = npt.NDArray[np.int64]

_LONGEST = 1 << 22
"""Samples along an axis above which no resize is read: no map and no signal is as long."""

_OPS = ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "Resize", "Upsample")

Coordinates: TypeAlias = Literal["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]
"""PyTorch's half pixels differ from the others where there is one sample to make."""

_COORDINATES: Mapping[str, Coordinates] = {
    "half_pixel": "half_pixel",
    "pytorch_half_pixel": "half_pixel",
    "half_pixel_symmetric": "half_pixel",
    "asymmetric": "asymmetric",
    "align_corners": "align_corners",
}


@dataclass(frozen=True, slots=True)
class Resampling:
    """A feature map at other sizes.

    Attributes:
        source: Position of the feature map.
        sizes: Its sizes, `[N, C, H, W]`.
        output: Sizes of the result along H and W.
        kernel: How samples are weighed; None where the nearest one is taken.
        coordinates: How an output position maps to an input position.
        nearest: How that position is rounded, in ONNX's words.
        plain: Whether it is written in the oldest form that there is.
        is_float: Whether sums of it are exact.
    """

    source: int
    sizes: Sizes
    output: tuple[int, int]
    kernel: Interpolation | None
    coordinates: Coordinates
    nearest: str
    plain: bool
    is_float: bool = True

    @property
    def linear(self) -> bool:
        """Whether it weighs the two nearest samples of each axis."""
        if self.kernel is None or self.kernel.mode != "linear":
            return False
        return not self.kernel.antialias or all(
            out >= size for size, out in zip(self.sizes[2:], self.output, strict=True)
        )

    @property
    def factors(self) -> tuple[int, int] | None:
        """By how much H and W grow, None where that is no whole number."""
        rows, columns = (
            out // size if out % size == 0 else 0
            for size, out in zip(self.sizes[2:], self.output, strict=True)
        )
        return (rows, columns) if rows and columns else None

    @property
    def divisors(self) -> tuple[int, int] | None:
        """By how much H and W shrink, None where that is no whole number."""
        rows, columns = (
            size // out if size % out == 0 else 0
            for size, out in zip(self.sizes[2:], self.output, strict=True)
        )
        return (rows, columns) if rows and columns else None

    def taken(self, axis: int) -> Places:
        """Which sample of the input each of the output is, along H (0) or W (1), if nearest."""
        at = self._at(axis)
        if self.nearest == "floor":
            whole = np.floor(at)
        elif self.nearest == "ceil":
            whole = np.ceil(at)
        elif self.nearest == "round_prefer_floor":
            whole = np.ceil(at - 0.5)
        else:
            whole = np.floor(at + 0.5)
        return np.clip(whole, 0, self.sizes[2 + axis] - 1).astype(np.int64)

    def matrix(self, axis: int) -> Floats:
        """What each sample of the input is worth to each of the output, along H (0) or W (1)."""
        size, out = self.sizes[2 + axis], self.output[axis]
        if self.kernel is not None:
            see_that_it_fits((out, size), np.float64)
            return self.kernel.matrix(self._at(axis), size, size / out).astype(np.float32)
        whole = zeros((out, size), np.float32)
        whole[np.arange(out), self.taken(axis)] = 1
        return whole

    def _at(self, axis: int) -> npt.NDArray[np.float64]:
        """Where the samples of the output lie in the input."""
        size, out = self.sizes[2 + axis], self.output[axis]
        places = np.arange(out, dtype=np.float64)
        if self.coordinates == "align_corners":
            return places * ((size - 1) / (out - 1) if out > 1 else 0.0)
        if self.coordinates == "pytorch_half_pixel" and out == 1:
            return np.zeros(1)
        if self.coordinates in ("half_pixel", "pytorch_half_pixel"):
            return (places + 0.5) * size / out - 0.5
        return places * size / out


def recognise(graph: Graph) -> Iterator[Occurrence[Resampling]]:
    """Find every resize of a float feature map."""
    for node in graph.nodes:
        if not node.domain and node.op in _OPS:
            yield Occurrence(node.op, (node.index,), node.outputs, _read(graph, node))


def _read(graph: Graph, node: Node) -> Resampling | Refusal:
    record = meaning(graph, node)
    refusal = _unfit(graph, node, record)
    if refusal is not None or not isinstance(record, Resize):
        return refusal or Refusal("it is no resize")
    sizes, made = (
        planes(graph, fixed(graph.values[index]) or ())
        for index in (node.inputs[0], node.outputs[0])
    )
    coordinates = _COORDINATES.get(record.coordinates)
    if coordinates is None:
        return Refusal(f"it resizes in a way that is not rebuilt: {record.coordinates}")
    if record.coordinates == "pytorch_half_pixel" and any(
        out == 1 < size for size, out in zip(sizes[2:], made[2:], strict=True)
    ):
        coordinates = "pytorch_half_pixel"
    if made[:2] != sizes[:2] or not _true_to_scale(graph, node, sizes, made):
        return Refusal("it changes batch or channels, or its scales are not those of its sizes")
    legacy = {"align_corners": False, "half_pixel_centers": False}
    plain = (
        all(node.attributes.get(name, False) == value for name, value in legacy.items())
        if graph.dialect == "tflite"
        else record.coordinates == "asymmetric" and record.nearest == "floor"
    )
    return Resampling(
        source=node.inputs[0],
        sizes=sizes,
        output=made[2:],
        kernel=_kernel(record),
        coordinates=coordinates,
        nearest=record.nearest,
        plain=plain,
        is_float=not_float(graph, node.inputs[0]) is None,
    )


def _kernel(record: Resize) -> Interpolation | None:
    if record.mode == "nearest":
        return None
    return Interpolation(record.mode, record.cubic, record.inside, record.antialias)


def _unfit(graph: Graph, node: Node, record: Operator | Refusal) -> Refusal | None:
    """Why a node cannot be rewritten whatever the way, None where it can."""
    if isinstance(record, Refusal):
        return record
    ends = node.inputs[0], node.outputs[0]
    if any(len(fixed(graph.values[index]) or ()) != 4 for index in ends):
        return Refusal("the sizes of its input and output are not all fixed, or are not 4")
    if any(max(fixed(graph.values[index]) or ()) > _LONGEST for index in ends):
        return Refusal(f"it has more than {_LONGEST:,} samples along an axis")
    if isinstance(record, Resize) and record.mode == "nearest":
        return immovable(graph, ends)
    return not_float(graph, node.inputs[0])


def _true_to_scale(graph: Graph, node: Node, sizes: Sizes, made: Sizes) -> bool:
    """Whether the scales that ONNX states are the sizes' ratios, which rounding may spoil."""
    if graph.dialect == "tflite":
        return True
    stated = node.attributes.get("scales")
    scales = (
        [item for item in stated if isinstance(item, float)] if isinstance(stated, tuple) else []
    )
    place = 2 if node.op == "Resize" and node.version >= 11 else 1
    if not scales and len(node.inputs) > place and node.inputs[place] >= 0:
        held = graph.values[node.inputs[place]].constant
        elements = held.elements() if held is not None else None
        if elements is None:
            return False
        scales = [float(item) for item in elements]
    whole = len(scales) == len(sizes)
    return (
        not scales
        or not whole
        or all(
            abs(scale * size - out) < 1e-4
            for scale, size, out in zip(scales, sizes, made, strict=True)
        )
    )

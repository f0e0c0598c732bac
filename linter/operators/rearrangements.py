"""The semantic operators that reduce, move, select, join or multiply; see `semantics`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from npulint.operators.semantics import (
    BatchNorm,
    Binary,
    Clip,
    Conv,
    DepthToSpace,
    GroupNorm,
    Hardmax,
    InstanceNorm,
    LayerNorm,
    LocalResponseNorm,
    LpNorm,
    MeanVarianceNorm,
    Pads,
    Pool,
    PRelu,
    Resize,
    RmsNorm,
    Softmax,
    SpaceToDepth,
    TransposeConv,
    Unary,
    Variadic,
    Where,
)


@dataclass(frozen=True, slots=True)
class Reduce:
    """Reduction over `axes`; `kind` is mean, sum, max, min, prod, l1, l2, ..."""

    kind: str
    axes: tuple[int, ...]
    keep: bool


@dataclass(frozen=True, slots=True)
class ArgReduce:
    """Index of the largest or smallest element along `axis`."""

    kind: Literal["max", "min"]
    axis: int
    keep: bool
    last: bool = False


@dataclass(frozen=True, slots=True)
class TopK:
    """The k largest or smallest elements along `axis`. Operands: x, k."""

    axis: int
    largest: bool = True


@dataclass(frozen=True, slots=True)
class CumSum:
    """Running sum along `axis`; None where the file does not fix it."""

    axis: int | None
    exclusive: bool = False
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Reshape:
    """Same elements, other sizes. Operands: x, then whatever says the new shape."""

    fixed: bool = True


@dataclass(frozen=True, slots=True)
class Transpose:
    """Output axis i is input axis `permutation[i]`."""

    permutation: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Squeeze:
    """Drop axes of size 1; None where the file does not fix which."""

    axes: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Concat:
    """Join along `axis`."""

    axis: int


@dataclass(frozen=True, slots=True)
class Split:
    """Cut along `axis` into pieces; `sizes` is None for equal ones."""

    axis: int
    sizes: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Slice:
    """Take `start:stop:step` of some axes.

    Attributes:
        ranges: One `(axis, start, stop, step)` an axis; None where the file does not fix them.
    """

    ranges: tuple[tuple[int, int, int, int], ...] | None


@dataclass(frozen=True, slots=True)
class Pad:
    """Extend (or, where negative, crop) every axis; `pads` is None where the file is silent."""

    pads: Pads | None
    mode: Literal["constant", "reflect", "edge", "wrap"] = "constant"
    value: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Expand:
    """Broadcast to the output's shape. Operands: x, shape."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Repeat along every axis; `repeats` is None where the file does not fix them."""

    repeats: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Gather:
    """Take slices along `axis`. Operands: x, indices."""

    axis: int


@dataclass(frozen=True, slots=True)
class GatherNd:
    """Take slices by index tuples. Operands: x, indices."""

    batch_dims: int = 0


@dataclass(frozen=True, slots=True)
class GatherElements:
    """Take single elements along `axis`. Operands: x, indices of the output's shape."""

    axis: int


@dataclass(frozen=True, slots=True)
class Scatter:
    """Write updates into a copy. Operands: x, indices, updates.

    Attributes:
        axis: The axis of element-wise indices; None for index tuples.
    """

    axis: int | None
    reduction: str = "none"


@dataclass(frozen=True, slots=True)
class ReverseSequence:
    """Reverse the first elements along `time`, as many as the batch's length says.

    Operands: x, lengths.
    """

    batch: int
    time: int


@dataclass(frozen=True, slots=True)
class OneHot:
    """Operands: indices, depth, values (off, on); the new axis is `axis`."""

    axis: int


@dataclass(frozen=True, slots=True)
class ShapeOf:
    """The sizes of the operand from `start` to `end`; `count` asks for their product."""

    start: int
    end: int | None
    count: bool = False


@dataclass(frozen=True, slots=True)
class Cast:
    """Change the element type to `dtype`."""

    dtype: str


@dataclass(frozen=True, slots=True)
class Quantize:
    """Real to integer. Operands: x, scale, zero point."""

    axis: int


@dataclass(frozen=True, slots=True)
class Dequantize:
    """Integer to real. Operands: x, scale, zero point."""

    axis: int


@dataclass(frozen=True, slots=True)
class MatMul:
    """Matrix product over the last two axes, the others broadcast. Operands: a, b."""


@dataclass(frozen=True, slots=True)
class Dense:
    """alpha * a' * b' + beta * c of two matrices. Operands: a, b, c or none."""

    transpose_a: bool = False
    transpose_b: bool = False
    alpha: float = 1.0
    beta: float = 1.0


@dataclass(frozen=True, slots=True)
class Miscellaneous:
    """An operator without parameters of its own that has a direct counterpart; by name."""

    kind: str


Operator: TypeAlias = (
    Conv
    | TransposeConv
    | Pool
    | Resize
    | DepthToSpace
    | SpaceToDepth
    | BatchNorm
    | InstanceNorm
    | GroupNorm
    | LayerNorm
    | RmsNorm
    | LocalResponseNorm
    | LpNorm
    | MeanVarianceNorm
    | Unary
    | Clip
    | PRelu
    | Binary
    | Variadic
    | Where
    | Softmax
    | Hardmax
    | Reduce
    | ArgReduce
    | TopK
    | CumSum
    | Reshape
    | Transpose
    | Squeeze
    | Concat
    | Split
    | Slice
    | Pad
    | Expand
    | Tile
    | Gather
    | GatherNd
    | GatherElements
    | Scatter
    | ReverseSequence
    | OneHot
    | ShapeOf
    | Cast
    | Quantize
    | Dequantize
    | MatMul
    | Dense
    | Miscellaneous
)
"""Any semantic operator."""

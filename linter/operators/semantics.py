"""The operators that both dialects share, as frozen records of what a node computes.

Axes are counted from 0 in the order `[N, C, spatial...]`, windows list their sizes outermost
spatial axis first, and everything that ONNX has moved between attributes and inputs over its
opsets has one place here. Operands are not part of a record: they keep the positions that
the record's docstring names. A field that may come from an operand is None where the file
does not fix it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Pads: TypeAlias = "tuple[tuple[int, int], ...]"
"""Elements added before and after, one pair an axis."""

AutoPad: TypeAlias = Literal["", "SAME_UPPER", "SAME_LOWER"]


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding window over the spatial axes.

    Attributes:
        kernel: Window sizes.
        strides: Steps.
        dilations: Distances of the window's samples.
        pads: Explicit padding; all zero where `auto` says how to pad.
        auto: Padding such that the output has `ceil(input / stride)` samples.
        ceil: Whether a last, partial window counts.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: Pads
    auto: AutoPad = ""
    ceil: bool = False


@dataclass(frozen=True, slots=True)
class Conv:
    """Convolution. Operands: activation, filter `[Cout, Cin / groups, ...]`, bias or none."""

    window: Window
    groups: int = 1


@dataclass(frozen=True, slots=True)
class TransposeConv:
    """Transposed convolution. Operands: activation, filter `[Cin, Cout / groups, ...]`, bias."""

    window: Window
    groups: int = 1
    output_padding: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Pool:
    """Pooling of one activation; `kind` lp takes the root of the sum of powers `p`."""

    kind: Literal["max", "average", "lp"]
    window: Window
    count_include_pad: bool = False
    p: int = 2


@dataclass(frozen=True, slots=True)
class Resize:
    """Resampling of the spatial axes to the output's sizes. Operand: activation.

    Attributes:
        mode: Interpolation.
        coordinates: How an output position maps to an input position, in ONNX's words.
        nearest: Rounding of that position for nearest interpolation, in ONNX's words.
        spatial_only: Whether batch and channels keep their sizes.
        antialias: Whether downsampling widens the kernel.
        fixed_size: Whether the file fixes the output's spatial sizes.
        cubic: The coefficient of cubic interpolation.
        inside: Whether samples beyond the border are left out instead of repeating it.
    """

    mode: Literal["nearest", "linear", "cubic"]
    coordinates: str
    nearest: str
    spatial_only: bool = True
    antialias: bool = False
    fixed_size: bool = True
    cubic: float = -0.75
    inside: bool = False


@dataclass(frozen=True, slots=True)
class DepthToSpace:
    """Move channels into space; `DCR` takes the block offset from the slow end of channels."""

    block: int
    mode: Literal["DCR", "CRD"] = "DCR"


@dataclass(frozen=True, slots=True)
class SpaceToDepth:
    """Move blocks of space into channels, block offset outermost."""

    block: int


@dataclass(frozen=True, slots=True)
class BatchNorm:
    """Per-channel normalisation by stored statistics. Operands: x, scale, bias, mean, var."""

    epsilon: float


@dataclass(frozen=True, slots=True)
class InstanceNorm:
    """Normalisation over the spatial axes. Operands: x, scale, bias (each one a channel)."""

    epsilon: float


@dataclass(frozen=True, slots=True)
class GroupNorm:
    """Normalisation over groups of channels and space. Operands: x, scale, bias.

    Attributes:
        per_channel: Whether scale and bias have one element a channel, not one a group.
    """

    groups: int
    epsilon: float
    per_channel: bool = True


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """Normalisation over `axis` and all after it. Operands: x, scale, bias or none."""

    axis: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class RmsNorm:
    """Division by the root mean square over `axis` and all after it. Operands: x, scale."""

    axis: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class LocalResponseNorm:
    """Division by a power of the sum of squares over `size` neighbouring channels."""

    size: int
    alpha: float
    beta: float
    bias: float


@dataclass(frozen=True, slots=True)
class LpNorm:
    """Division by the p-norm along one axis."""

    axis: int
    p: int


@dataclass(frozen=True, slots=True)
class MeanVarianceNorm:
    """Subtraction of the mean and division by the standard deviation over `axes`."""

    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """A function of each element; `kind` is its name, `parameters` what it is given."""

    kind: str
    parameters: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Clip:
    """Limit each element. A bound is None where there is none; `fixed` if the file has both."""

    low: float | None
    high: float | None
    fixed: bool = True


@dataclass(frozen=True, slots=True)
class PRelu:
    """x where positive, else slope times x. Operands: x, slope that broadcasts to x."""


@dataclass(frozen=True, slots=True)
class Binary:
    """A function of two operands that broadcast to each other; `kind` is its name."""

    kind: str


@dataclass(frozen=True, slots=True)
class Variadic:
    """Max, min, sum or mean of any number of operands that broadcast to each other."""

    kind: Literal["max", "min", "sum", "mean"]


@dataclass(frozen=True, slots=True)
class Where:
    """Choose elementwise. Operands: condition, where true, where false."""


@dataclass(frozen=True, slots=True)
class Softmax:
    """Softmax along `axis`.

    Attributes:
        log: Whether its logarithm is taken.
        flatten: Whether all axes from `axis` on count as one (ONNX before opset 13).
    """

    axis: int
    log: bool = False
    flatten: bool = False


@dataclass(frozen=True, slots=True)
class Hardmax:
    """One at the first largest element along `axis`, zero elsewhere."""

    axis: int

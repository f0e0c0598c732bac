"""What a comparison says: plain records, without arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from npulint.runtimes.wire import Array, Key

ChannelOrder: TypeAlias = Literal["same", "nchw-nhwc", "nhwc-nchw"]
"""How the axes of a tensor in A stand to those in B; `nchw` is channels first, of any rank."""

CHANNEL_ORDERS: tuple[ChannelOrder, ...] = ("same", "nchw-nhwc", "nhwc-nchw")

MAX_ERROR = 1e-4
"""Share of an output's range that counts as the same, where nothing else is asked for."""

MAX_UNREST = 1e-3
"""Share of an output's range up to which a model's own rounding may excuse a difference."""

UNREST_FACTOR = 4
"""Every layer rounds, the input only once: so often a model's movement counts as its rounding."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run two models on, and what counts as the same.

    Attributes:
        given: Inputs by name: `.npz` files or mappings of arrays, in A's layout.
        runs: Sets of random inputs; None for 3, or none where inputs are given.
        edge: Whether to run edge cases; None for yes, unless inputs are given.
        seed: Seed of the random inputs.
        shapes: Sizes of inputs by name; several of one input are run one after the other.
        mapping: Names in B by names in A, for inputs and outputs that names do not pair.
        layouts: Layouts by names in A, where shapes do not tell them.
        max_error: Largest share of an output's range that counts as the same. None for
            `MAX_ERROR`, or for no bound where `min_psnr` is set.
        min_psnr: Least peak signal-to-noise ratio in dB, None for no bound.
        timeout: Seconds that loading a model or one run may take.
    """

    given: tuple[Path | Mapping[str, Array], ...] = ()
    runs: int | None = None
    edge: bool | None = None
    seed: int = 0
    shapes: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    mapping: Mapping[str, str] = field(default_factory=dict)
    layouts: Mapping[str, ChannelOrder] = field(default_factory=dict)
    max_error: float | None = None
    min_psnr: float | None = None
    timeout: float = 600.0

    @property
    def error_bound(self) -> float | None:
        """The share of the range that errors are held to, None for none."""
        if self.max_error is None and self.min_psnr is None:
            return MAX_ERROR
        return self.max_error


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of one model.

    Attributes:
        key: What the runtime knows it by.
        names: Every name that it answers to; the first is the one shown.
        dtype: Element type.
        shape: Sizes; names of symbolic ones; None for one that is free.
    """

    key: Key
    names: tuple[str, ...]
    dtype: str
    shape: tuple[int | str | None, ...]

    @property
    def name(self) -> str:
        """The name that is shown."""
        return self.names[0]


@dataclass(frozen=True, slots=True)
class Pair:
    """An input or output of A and the one of B that it is compared with.

    Attributes:
        how: What paired them: their `name`, their `order`, or the caller's `map`.
        layout: How their axes stand; None for an output until it has been seen.
    """

    a: Port
    b: Port
    how: Literal["name", "order", "map"]
    layout: ChannelOrder | None


@dataclass(frozen=True, slots=True)
class Sample:
    """One set of inputs that both models were run on.

    Attributes:
        name: `random 1, [0, 1)`, `zeros`, or the file that it was read from.
        kind: Where it comes from.
        shapes: Sizes of A's inputs, in order.
        refused_by_a: Why A's runtime would not run on it, None where it did.
        refused_by_b: Likewise for B.
    """

    name: str
    kind: Literal["random", "edge", "given"]
    shapes: tuple[tuple[int, ...], ...]
    refused_by_a: str | None = None
    refused_by_b: str | None = None

    @property
    def compared(self) -> bool:
        """Whether both models gave results."""
        return self.refused_by_a is None and self.refused_by_b is None

    @property
    def differs(self) -> bool:
        """Whether one model takes what the other refuses."""
        return (self.refused_by_a is None) != (self.refused_by_b is None)


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a tensor of B is from that of A.

    Attributes:
        elements: How many were compared.
        exact: Whether they are whole numbers or truth values, for which only equal is the same.
        shape_a: Shape in A.
        shape_b: Shape in B, in A's layout.
        max_absolute: Largest absolute error where both are finite.
        at: Where that is, in A's layout; None where nothing differs.
        range: What errors are relative to: highest less lowest finite element in A. Rounding
            goes with magnitude, so it is no less than a tenth of the largest magnitude in this
            run, and a thousandth of the largest in any run.
        squared: Mean squared error where both are finite.
        finite: Elements that are finite in both.
        mismatched: Elements that are NaN or infinite in one and not, or otherwise, in the
            other; where `exact` is set, elements that differ.
        ssim: Structural similarity of image-like tensors, None for others.
        magnitude: Largest finite magnitude in A.
        unrest: How far A's own tensor moves when each of its inputs moves by one unit in the last
            place; 0 where that was not measured, since the difference is within bounds anyhow.
    """

    elements: int
    exact: bool
    shape_a: tuple[int, ...]
    shape_b: tuple[int, ...]
    max_absolute: float = 0.0
    at: tuple[int, ...] | None = None
    range: float = 0.0
    squared: float = 0.0
    finite: int = 0
    mismatched: int = 0
    ssim: float | None = None
    magnitude: float = 0.0
    unrest: float = 0.0

    @property
    def max_relative(self) -> float:
        """Largest absolute error by the range; infinite where there is no range."""
        if self.max_absolute == 0:
            return 0.0
        return self.max_absolute / self.range if self.range else math.inf

    @property
    def psnr(self) -> float:
        """Peak signal-to-noise ratio in dB, the peak being the range; infinite without error."""
        if self.squared == 0:
            return math.inf
        if self.range == 0:
            return -math.inf
        return 20 * math.log10(self.range) - 10 * math.log10(self.squared)

    @property
    def is_rounding(self) -> bool:
        """Whether B is hardly further from A than A is from itself, and neither is far."""
        return self.max_absolute <= min(UNREST_FACTOR * self.unrest, MAX_UNREST * self.range)

    @property
    def is_moot(self) -> bool:
        """Whether A is so far from itself that B's distance from it tells nothing."""
        if self.shape_a != self.shape_b or self.mismatched or self.exact or self.is_rounding:
            return False
        return self.max_absolute <= UNREST_FACTOR * self.unrest

    def within(self, max_error: float | None, min_psnr: float | None) -> bool:
        """Whether this counts as the same."""
        if self.shape_a != self.shape_b or self.mismatched:
            return False
        if self.exact:
            return True
        # Written so that a NaN is no agreement.
        small = max_error is None or self.max_relative <= max_error
        small = small or self.is_rounding
        return small and (min_psnr is None or self.psnr >= min_psnr)


@dataclass(frozen=True, slots=True)
class Output:
    """One output of both models over all samples.

    Attributes:
        differences: One for each sample, None where the models were not both run.
        same: Whether every difference that says something is within bounds, and at least one
            is by more than the model's own rounding.
        empty: Whether no run gave a finite element to compare.
    """

    pair: Pair
    differences: tuple[Difference | None, ...]
    same: bool
    empty: bool = False


@dataclass(frozen=True, slots=True)
class RegionValue:
    """One intermediate value that both models name alike.

    Attributes:
        name: Its name.
        node: Position in A's main graph of the node that makes it.
        op_a: That node's operator.
        op_b: The operator of the node that makes it in B.
        same: Whether the difference is within bounds.
    """

    name: str
    node: int
    op_a: str
    op_b: str
    difference: Difference
    same: bool


@dataclass(frozen=True, slots=True)
class Regions:
    """Values that both models name alike, in the order in which A makes them.

    Attributes:
        sample: The inputs that they were computed from.
        values: Those that could be compared.
    """

    sample: str
    values: tuple[RegionValue, ...]

    @property
    def first(self) -> RegionValue | None:
        """The first value that differs: the fault lies between it and what agrees before."""
        return next((value for value in self.values if not value.same), None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether two models compute the same function, as far as running them can tell.

    Attributes:
        runtimes: Name and version of what A and B were run in.
        error_bound: Share of the range that errors were held to, None for none.
        min_psnr: Bound of PSNR in dB, None for none.
        regions: Intermediate values, where they were asked for and there are any.
    """

    a: Path
    b: Path
    runtimes: tuple[str, str]
    seed: int
    error_bound: float | None
    min_psnr: float | None
    inputs: tuple[Pair, ...]
    samples: tuple[Sample, ...]
    outputs: tuple[Output, ...]
    regions: Regions | None = None

    @property
    def same(self) -> bool:
        """Whether every output agrees on every sample, and no sample splits the models."""
        return all(output.same for output in self.outputs) and not any(
            sample.differs for sample in self.samples
        )

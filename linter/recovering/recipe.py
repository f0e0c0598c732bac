"""How a rewritten network is trained: all that decides what comes out of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from npulint.errors import UsageError

Kind: TypeAlias = Literal["charbonnier", "frequency", "psnr"]
Device: TypeAlias = Literal["auto", "cpu", "cuda"]

KINDS: tuple[Kind, ...] = get_args(Kind)
DEVICES: tuple[Device, ...] = get_args(Device)


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a loss.

    Attributes:
        kind: Which.
        weight: What it is multiplied by.
    """

    kind: Kind
    weight: float = 1.0

    def __str__(self) -> str:
        return self.kind if self.weight == 1 else f"{self.kind}:{self.weight:g}"


IMAGES = (Term("charbonnier"), Term("frequency", 0.1))
"""The loss where outputs are images; the second weight is that of arXiv 2108.05054."""

OTHERS = (Term("charbonnier"),)
"""The loss where they are not."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        losses: The parts of the loss; none for `IMAGES`, or `OTHERS` where no output is an image.
        truth_weight: The share of the loss that is towards what outputs should be, where that is
            known; the rest is towards the original's outputs.
        steps: How many batches are seen at most.
        rate: The highest rate of Adam, which rises evenly at first and falls along half a cosine.
        batch: Samples in a batch.
        patch: Rows and columns of what is cut out of each sample at random; None for whole ones.
        flip: Whether samples are turned and mirrored at random.
        minutes: When to stop, though not all steps are done; the rate falls by then.
        patience: After how many measurements without a gain to stop; there are
            `MEASUREMENTS` at most.
        average: The share that the moving average of the weights keeps at each step.
        clip: The largest norm of a gradient.
        seed: What batches are drawn from.
        device: Where to train; `auto` for a graphics card if there is one.

    Raises:
        UsageError: A number makes no sense.
    """

    losses: tuple[Term, ...] = ()
    truth_weight: float = 0.5
    steps: int = 1000
    rate: float = 1e-3
    batch: int = 4
    patch: int | None = None
    flip: bool = False
    minutes: float | None = None
    patience: int = 8
    average: float = 0.99
    clip: float = 1.0
    seed: int = 0
    device: Device = "auto"

    def __post_init__(self) -> None:
        whole = {"steps": self.steps, "batch": self.batch, "patience": self.patience}
        for name, number in whole.items():
            if number < 1:
                raise UsageError(f"{name} {number}: give a whole number from 1")
        # Written so that a NaN is refused too.
        above = {"rate": self.rate, "minutes": self.minutes, "clip": self.clip}
        for name, given in above.items():
            if given is not None and not 0 < given < math.inf:
                raise UsageError(f"{name} {given}: give a number above 0")
        if self.patch is not None and self.patch < 1:
            raise UsageError(f"patch {self.patch}: give a whole number from 1")
        if not 0 <= self.truth_weight <= 1:
            raise UsageError(f"truth weight {self.truth_weight}: give a share from 0 to 1")
        if not 0 <= self.average < 1:
            raise UsageError(f"average {self.average}: give a share from 0, below 1")
        if self.seed < 0:
            raise UsageError(f"seed {self.seed}: give a whole number from 0")
        if self.device not in DEVICES:
            raise UsageError(f"device {self.device!r}: give one of {', '.join(DEVICES)}")
        _see_losses(self.losses)

    @property
    def warmup(self) -> int:
        """Steps until the rate is highest: a twentieth, and 50 at most."""
        return min(self.steps // 20, 50)

    @property
    def interval(self) -> int:
        """Steps from one measurement to the next."""
        return -(-self.steps // MEASUREMENTS)


MEASUREMENTS = 20
"""So often a training is measured at most, evenly spread over its steps."""


def read_term(given: str) -> Term:
    """Read a part of a loss: `charbonnier`, or `frequency:0.1` with a weight.

    Raises:
        UsageError: It is none.
    """
    name, _, weight = given.partition(":")
    try:
        number = float(weight or 1)
    except ValueError:
        number = math.nan
    for kind in KINDS:
        if kind == name and 0 < number < math.inf:
            return Term(kind, number)
    raise UsageError(
        f"loss {given}: give one of {', '.join(KINDS)}, with a weight above 0 if not 1, as in "
        "frequency:0.1"
    )


def _see_losses(losses: tuple[Term, ...]) -> None:
    for term in losses:
        if read_term(f"{term.kind}:{term.weight!r}") != term:
            raise UsageError(f"loss {term}: give a kind and a weight")
    kinds = [term.kind for term in losses]
    if len(set(kinds)) < len(kinds):
        raise UsageError(f"loss {' '.join(map(str, losses))}: give each kind once")

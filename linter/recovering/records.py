"""What a recovery says: plain records, without arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from npulint.recovering.recipe import Recipe

End: TypeAlias = Literal["steps", "patience", "minutes", "interrupted", "diverged"]
"""What ended a training: its last step, no more gain, the time, the user, or numbers that grew."""


SAME = 100.0
"""PSNR in dB from which two networks differ by no more than the rounding of float32, which is
1e-5 of the range after many layers: there is nothing to learn."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How near outputs are on some samples: means over these, each of the output furthest off.

    Attributes:
        psnr: To the original's outputs, in dB; their range is the peak.
        lowest: That of the worst sample.
        ssim: Structural similarity to them; None where no output is an image.
        to_truth: PSNR to what outputs should be, in dB; None where nobody says.
        ssim_to_truth: Likewise.
    """

    psnr: float
    lowest: float
    ssim: float | None = None
    to_truth: float | None = None
    ssim_to_truth: float | None = None

    @property
    def counts(self) -> float:
        """The figure that is to grow: to the truth where there is one, else to the original."""
        return self.psnr if self.to_truth is None else self.to_truth


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement during a training.

    Attributes:
        step: Steps that were done.
        loss: The mean since the last measurement.
        psnr: Of the samples that choose, in dB: to the truth where there is one, else to the
            original.
    """

    step: int
    loss: float
    psnr: float


@dataclass(frozen=True, slots=True)
class Course:
    """How a training went.

    Attributes:
        steps: Steps that were done.
        best: The step whose weights were kept; 0 for those that it began with.
        end: What ended it.
        start: PSNR of the samples that choose before the first step, in dB.
        curve: The measurements, in order.
        setbacks: The steps at which numbers grew without bound, and it went back to the best.
    """

    steps: int
    best: int
    end: End
    start: float
    curve: tuple[Point, ...]
    setbacks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """The samples, by what they do.

    Attributes:
        training: Those that were trained on.
        choosing: Those that told the best step.
        reporting: Those that all figures are of.
        apart: Whether no sample that reports has had a say.
    """

    training: tuple[str, ...]
    choosing: tuple[str, ...]
    reporting: tuple[str, ...]
    apart: bool


@dataclass(frozen=True, slots=True)
class RecoverReport:
    """What training a rewritten network came to.

    Attributes:
        original: The network that was learnt from.
        rewritten: The one that was trained.
        recipe: How.
        loss: The parts of the loss.
        parts: The samples.
        weights: Numbers that were trained.
        device: Where: `cpu` or `cuda`.
        course: How it went.
        before: The rewritten network as it was, in PyTorch.
        after: As it is now, in PyTorch; the same where nothing was gained.
        reference: PSNR and SSIM of the original to the truth; None where nobody says it.
        peak: What PSNR to the truth is relative to; None where nobody says it.
        runtime: Name and version of the runtime that ran the files; None without files.
        runtime_before: The rewritten network as it was, in that runtime.
        runtime_after: As it is now, in that runtime.
        reached: Whether the bounds that were asked for are kept; None where none were.
        written: Where the new file is; None where none was written.
    """

    original: str
    rewritten: str
    recipe: Recipe
    loss: tuple[str, ...]
    parts: Parts
    weights: int
    device: str
    course: Course
    before: Quality
    after: Quality
    reference: tuple[float, float | None] | None = None
    peak: float | None = None
    runtime: str | None = None
    runtime_before: Quality | None = None
    runtime_after: Quality | None = None
    reached: bool | None = None
    written: Path | None = None

    @property
    def gained(self) -> bool:
        """Whether it is nearer now, on the samples that report."""
        before, after = self.runtime_before, self.runtime_after
        if before is None or after is None:
            before, after = self.before, self.after
        return after.counts > before.counts

    def text(self) -> str:
        """The report as lines of text."""
        from npulint.recovering.telling import told

        return "\n".join(told(self))

    def __str__(self) -> str:
        return self.text()

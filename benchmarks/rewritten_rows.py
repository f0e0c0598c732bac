"""What is kept of a rewritten network, and how it was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Variant = Literal["original", "exact", "calibrated", "lossy"]

ORDER: tuple[tuple[Variant, bool], ...] = (
    ("original", False),
    ("exact", False),
    ("calibrated", False),
    ("lossy", False),
    ("lossy", True),
    ("calibrated", True),
)
"""Rows of a case: by which kind of way, and whether trained after that."""


@dataclass(frozen=True)
class Settings:
    """How all rows are made.

    Attributes:
        calibration: Squares given to `fix`, of which every other one is fitted to.
        seed: What both are drawn from, and batches.
        batch: Squares in a batch.
        max_error: The bound that `fix` is given, in parts of the outputs' range, so that it writes
            what is far off too.
    """

    calibration: int = 32
    seed: int = 11
    batch: int = 2
    max_error: float = 1e9


@dataclass(frozen=True)
class Row:
    """One file on photographs that were held out.

    Attributes:
        case: Which network, format and replacement.
        network: Its name.
        form: The file's format.
        variant: By which kind of way it was rewritten.
        trained: Whether `recover` trained it after that.
        state: A digest of the weights, the target and the settings.
        ways: What took the place of what.
        problem: Why there is no file; empty where there is one.
        places: Squares that were measured; 0 without a file.
        psnr: To the truth, in dB.
        ssim: Likewise.
        validation: PSNR on the photographs by which rows are chosen.
        steps: The step of training that was kept.
        minutes: Of one core.
        versions: What ran and trained it.
        left: Nodes that the target still refuses.
    """

    case: str
    network: str
    form: str
    variant: Variant
    trained: bool
    state: str
    ways: tuple[str, ...]
    problem: str
    places: int
    psnr: float | None
    ssim: float | None
    validation: float | None
    steps: int
    minutes: float
    versions: str
    left: int = 0

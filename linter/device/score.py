"""The final score of the Mobile AI 2021 challenge on learned smartphone ISPs.

Formula: Ignatov et al., Learned Smartphone ISP on Mobile NPUs with Deep Learning, Mobile AI 2021
Challenge: Report, arXiv:2105.07809, section 2.5. Its runtimes are those of Full HD images (1920 x
1088) on MediaTek's Dimensity 1000+, by the Neuron delegate (section 2.3, Table 1).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from npulint.device.importing import read_log
from npulint.device.records import Log
from npulint.errors import UsageError

FAST = 0.2
"""Seconds up to which every second counts in full, and which count nothing."""

_STEEP, _FLAT = 20.0, 0.5
_LEAST, _MOST = 0.03, 5.0


def final_score(psnr: float, seconds: float) -> float:
    """PSNR, and what the runtime adds or takes.

    Args:
        psnr: Fidelity in dB.
        seconds: Runtime.

    Raises:
        UsageError: One of them is not finite, or the runtime is below 0.
    """
    if not math.isfinite(psnr):
        raise UsageError(f"a PSNR of {psnr:g} dB has no score: give a finite one")
    if not (math.isfinite(seconds) and seconds >= 0):
        raise UsageError(f"a runtime of {seconds * 1000:g} ms has no score: give 0 or more")
    weight = _STEEP if seconds <= FAST else _FLAT
    return psnr + weight * (FAST - min(max(seconds, _LEAST), _MOST))


@dataclass(frozen=True, slots=True)
class Scored:
    """One model's score.

    Attributes:
        model: Its name.
        psnr: Its fidelity in dB.
        seconds: Its runtime.
        score: The final score.
    """

    model: str
    psnr: float
    seconds: float
    score: float


def score(model: str, psnr: float, seconds: float) -> Scored:
    """Score one model."""
    return Scored(model, psnr, seconds, final_score(psnr, seconds))


def score_file(path: Path, psnr: float | None) -> tuple[list[Scored], int]:
    """Score what a file tells.

    Args:
        path: A table with columns of models, runtimes and PSNR; or a log of benchmark_model.
        psnr: The PSNR of the model that a log is of; None for a table.

    Returns:
        The scores, the best first; and how many rows of a table have none, for want of a model, a
        runtime or a PSNR.

    Raises:
        UsageError: The file has no runtime, or no PSNR is given or told.
    """
    log = read_log(path)
    scored = list(_of_table(log) if psnr is None else _of_log(log, psnr))
    results = sum(len(session.results) for session in log.sessions)
    left_out = log.unknown + results - len(scored) if psnr is None else 0
    return sorted(scored, key=lambda each: -each.score), left_out


def _of_table(log: Log) -> Iterator[Scored]:
    results = [result for session in log.sessions for result in session.results]
    told = [(each.model, each.psnr, each.latency) for each in results if each.psnr is not None]
    if not told:
        raise UsageError(
            f"{log.path}: tells no PSNR beside a runtime; give a table with both, or --psnr and a "
            "log of benchmark_model"
        )
    for model, psnr, latency in told:
        yield score(model, psnr, latency / 1e6)


def _of_log(log: Log, psnr: float) -> Iterator[Scored]:
    told = [
        (session.model or str(log.path), session.latency.inference.average)
        for session in log.sessions
        if session.latency.inference is not None
    ]
    found: Sequence[tuple[str, float]] = [(name, at) for name, at in told if at is not None]
    if len(found) != 1:
        raise UsageError(
            f"{log.path}: has the latency of {len(found)} runs; --psnr is for a log of one"
        )
    name, latency = found[0]
    yield score(name, psnr, latency / 1e6)

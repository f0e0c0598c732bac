"""What training a rewritten model came to, as text and as JSON (`recovery.schema.json`)."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from npulint.recovering.telling import told
from npulint.reports.wording import printable
from npulint.reports.wrapping import Layout, wrapped

if TYPE_CHECKING:
    from npulint.recovering.records import Course, Quality, RecoverReport

SCHEMA_VERSION = 1


def render_text(report: RecoverReport, layout: Layout) -> str:
    """Draw it for a terminal."""
    first, *rest = (printable(line) for line in told(report))
    lines = [wrapped(first, layout, "", "  ")]
    lines += [wrapped(line.strip(), layout, "  ", "    ") for line in rest]
    return "\n".join(lines) + "\n"


def render_json(report: RecoverReport) -> str:
    """Draw it for programs."""
    return json.dumps(as_document(report), indent=1, ensure_ascii=False) + "\n"


def as_document(report: RecoverReport) -> dict[str, Any]:
    """What is told, in JSON's types. It has no infinity: a PSNR without an error is null."""
    parts = report.parts
    recipe = asdict(report.recipe)
    del recipe["losses"]
    return {
        "schema_version": SCHEMA_VERSION,
        "original": report.original,
        "rewritten": report.rewritten,
        "written": None if report.written is None else os.fspath(report.written),
        "gained": report.gained,
        "reached": report.reached,
        "recipe": {"loss": list(report.loss), **recipe},
        "weights": report.weights,
        "device": report.device,
        "samples": {
            "training": list(parts.training),
            "choosing": list(parts.choosing),
            "reporting": list(parts.reporting),
            "apart": parts.apart,
        },
        "training": _course(report.course),
        "truth": None
        if report.reference is None
        else {
            "peak": report.peak,
            "original_psnr": _finite(report.reference[0]),
            "original_ssim": report.reference[1],
        },
        "runtime": report.runtime,
        "in_runtime": {
            "before": _quality(report.runtime_before),
            "after": _quality(report.runtime_after),
        },
        "in_pytorch": {"before": _quality(report.before), "after": _quality(report.after)},
    }


def _course(course: Course) -> dict[str, Any]:
    return {
        "steps": course.steps,
        "best_step": course.best,
        "ended_by": course.end,
        "setbacks": list(course.setbacks),
        "start_psnr": _finite(course.start),
        "curve": [
            {"step": point.step, "loss": point.loss, "psnr": _finite(point.psnr)}
            for point in course.curve
        ],
    }


def _quality(found: Quality | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "psnr": _finite(found.psnr),
        "lowest_psnr": _finite(found.lowest),
        "ssim": found.ssim,
        "psnr_to_truth": None if found.to_truth is None else _finite(found.to_truth),
        "ssim_to_truth": found.ssim_to_truth,
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None

"""What `npulint device score` finds: as text, and as JSON (`score.schema.json` beside this)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from npulint.reports.device_json import head
from npulint.reports.wording import columns, printable

if TYPE_CHECKING:
    from npulint.device.score import Scored

_REMARK = (
    "scores compare with the challenge's own where runtimes are of 1920 x 1088 on a Dimensity 1000+"
)


def render_text(scored: Sequence[Scored]) -> str:
    """Draw scores as text, ending in a newline."""
    rows = [("model", "PSNR", "runtime", "final score")]
    rows += [
        (
            printable(each.model),
            f"{each.psnr:.2f} dB",
            f"{each.seconds * 1000:.4g} ms",
            f"{each.score:.2f}",
        )
        for each in scored
    ]
    return "\n".join([*columns(rows, ""), _REMARK, ""])


def render_json(scored: Sequence[Scored]) -> str:
    """Draw scores as one JSON object, ending in a newline."""
    scores = [
        {
            "model": each.model,
            "psnr": each.psnr,
            "runtime_ms": each.seconds * 1000,
            "final_score": each.score,
        }
        for each in scored
    ]
    return json.dumps({**head(), "scores": scores}, ensure_ascii=False, allow_nan=False) + "\n"

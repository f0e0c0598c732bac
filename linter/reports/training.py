"""What trained reference networks make of photographs that were held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from npulint.reports.wording import columns

if TYPE_CHECKING:
    from npulint.reference_models.training.measuring import Worth
    from npulint.reports.wrapping import Layout


def worth_text(found: Sequence[Worth], missing: str | None, layout: Layout) -> str:
    """Draw one row a file, ending in a newline; nothing where there is nothing to say.

    Args:
        found: What was measured.
        missing: Why nothing could be measured, None where it could.
        layout: How to draw.
    """
    if missing is not None:
        return f"\nnot measured how well trained networks restore photographs: {missing}\n"
    if not found:
        return ""
    rows = [["trained", "form", "task", "PSNR", "", "SSIM", ""]]
    for each in found:
        row = [each.network, str(each.recipe), each.task]
        quality = each.quality
        if quality is None:
            rows.append([*row, "refused", "", "", ""])
            continue
        psnr = f"{quality.psnr_in:.2f}", f"-> {quality.psnr_out:.2f} dB"
        ssim = f"{quality.ssim_in:.3f}", f"-> {quality.ssim_out:.3f}"
        rows.append([*row, *psnr, *ssim])
    table = columns(rows, indent="")
    places = {each.quality.places for each in found if each.quality is not None}
    told = (
        f"means over {places.pop()} places in photographs that were held out, without the network "
        "and with it"
        if places
        else "no file could be measured"
    )
    return "\n".join(["", layout.style.dim(table[0]), *table[1:], "", told]) + "\n"

"""Whether PyTorch computes of a file what its runtime does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from npulint.errors import UsageError
from npulint.verification import metrics
from npulint.verification.records import MAX_ERROR
from npulint.verification.samples import nudge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from npulint.recovering.examples import Arrays


def see_agreement(
    file: Path | str,
    runtime: str,
    inputs: Sequence[Arrays],
    made: tuple[Sequence[Arrays], Sequence[Arrays]],
    run: Callable[[Arrays], Arrays],
) -> None:
    """Hold PyTorch's outputs to the runtime's, by the bound that `npulint verify` has.

    Where they are further apart, the network's own rounding may excuse it: how far its outputs
    move when its inputs move by one unit in the last place.

    Args:
        file: The file, or what messages call it.
        runtime: Name and version of its runtime.
        inputs: What it was run on.
        made: Outputs in its runtime, and in PyTorch.
        run: The network in PyTorch.

    Raises:
        UsageError: They differ by more than rounding, or one is infinite or no number.
    """
    for given, real, own in zip(inputs, *made, strict=True):
        for where, outputs in ((runtime, real), ("PyTorch", own)):
            if not all(np.isfinite(each).all() for each in outputs):
                raise UsageError(f"{file}: makes infinite elements or NaN of a sample in {where}")
        found = [metrics.measure(one, other) for one, other in zip(real, own, strict=True)]
        if all(each.within(MAX_ERROR, None) for each in found):
            continue
        moved = run(tuple(nudge(each, place) for place, each in enumerate(given)))
        for each, one, other in zip(found, own, moved, strict=True):
            unrest = metrics.measure(one, other).max_absolute
            if not replace(each, unrest=unrest).within(MAX_ERROR, None):
                raise UsageError(
                    f"{file}: PyTorch computes something else of it than {runtime}: an output is "
                    f"off by {each.max_relative:.2g} of its range, where {MAX_ERROR:g} counts as "
                    "rounding, so it is not to be trusted"
                )

"""What a network is called with, in two halves: one to fit to, one to measure on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch.utils import _pytree

from npulint.errors import UsageError
from npulint.preparing.records import Measured
from npulint.preparing.torch_arguments import tensors
from npulint.preparing.torch_exporting import first_line
from npulint.preparing.torch_making import Numbers, numbers
from npulint.verification.metrics import measure

if TYPE_CHECKING:
    from torch import nn

MOST = 64
"""Samples that are used at most, evenly spread, as by `fix`."""

Given: TypeAlias = "tuple[list[Numbers], list[Numbers]]"
"""What a module is given on the samples that are fitted to and on those that measure."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Every other sample: the first, the third ... are fitted to, those between measure.

    Attributes:
        fitting: What is fitted to.
        judging: What measures.
    """

    fitting: tuple[tuple[torch.Tensor, ...], ...]
    judging: tuple[tuple[torch.Tensor, ...], ...]

    def given(self, network: nn.Module, path: str) -> Given:
        """What a module is given first, a call each, in float64.

        Args:
            network: In float32 and evaluation mode, on the CPU.
            path: Where the module stands in it.
        """
        met: list[Numbers] = []

        def note(_: nn.Module, args: tuple[Any, ...]) -> None:
            met.append(numbers(args[0]).astype(np.float64))

        hook = network.get_submodule(path).register_forward_pre_hook(note)
        halves: list[list[Numbers]] = []
        try:
            for samples in (self.fitting, self.judging):
                for each in samples:
                    _run(network, each)
                halves.append(list(met))
                met.clear()
        finally:
            hook.remove()
        return halves[0], halves[1]

    def measured(self, network: nn.Module, new: nn.Module) -> Measured:
        """How far a new network's outputs are off where nothing was fitted to.

        Args:
            network: The original, in float32 and evaluation mode on the CPU.
            new: The new one likewise.
        """
        found = [
            measure(numbers(one), numbers(other))
            for each in self.judging
            for one, other in zip(_run(network, each), _run(new, each), strict=True)
        ]
        broken = any(each.mismatched and not each.exact for each in found)
        error = max((each.max_relative for each in found), default=0.0)
        psnr = min((each.psnr for each in found), default=math.inf)
        return Measured(len(self.judging), error, -math.inf if broken else psnr)


def understood_samples(
    samples: Iterable[torch.Tensor | Sequence[torch.Tensor]] | None, allow: str
) -> Samples | None:
    """Samples in halves; None where there are none.

    Raises:
        UsageError: They are not what is accepted, or missing.
    """
    if samples is None:
        if allow == "calibrated":
            raise UsageError("allow='calibrated' fits to samples: give samples=, two or more")
        return None
    if allow == "exact":
        raise UsageError("samples are for allow='calibrated' or 'lossy': exact ways need none")
    if isinstance(samples, (str, torch.Tensor)) or not isinstance(samples, Iterable):
        raise UsageError("samples: give several, each what the network is called with")
    found = [tensors(each, "samples") for each in samples]
    if len(found) < 2:
        raise UsageError(
            f"samples: {len(found)} given; give two or more: every other one is fitted to, and "
            "what that came to is measured on the rest"
        )
    count = min(len(found), MOST)
    used = [found[place * len(found) // count] for place in range(count)]
    return Samples(tuple(used[::2]), tuple(used[1::2]))


def _run(network: nn.Module, sample: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The tensors that a network makes of a sample.

    Raises:
        UsageError: It does not run on it.
    """
    try:
        with torch.no_grad():
            made = network(*[each.clone() for each in sample])
    except Exception as error:
        sizes = ", ".join("x".join(map(str, each.shape)) for each in sample)
        raise UsageError(
            f"the network does not run on a sample of {sizes}: {first_line(error)}"
        ) from error
    return [each for each in _pytree.tree_leaves(made) if isinstance(each, torch.Tensor)]

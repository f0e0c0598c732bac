"""What may take the place of a module: one list of ways for each of PyTorch's classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from torch import nn

from npulint.fixers.record import Refusal

if TYPE_CHECKING:
    import torch

    from npulint.fixers.record import Exactness
    from npulint.preparing.torch_exporting import Shapes
    from npulint.preparing.torch_samples import Given


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """Where a module stands.

    Attributes:
        calls: The shapes of the tensors of each way in which it is called.
        like: A weight of the network, whose type and device new weights have.
        given: Tells what it is given on samples; None where there are none.
    """

    calls: tuple[Shapes, ...]
    like: torch.Tensor
    given: Callable[[], Given] | None = None

    @property
    def image(self) -> tuple[int, ...]:
        """The shape of its first input, `[N, C, H, W]` where that is a map."""
        return self.calls[0][0]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do what a module does.

    Attributes:
        name: The realisation, by the catalogue's name, and others that it needs.
        make: Makes the module, or why the way does not serve.
        exactness: How exact it is.
        note: What it has to say of itself.
    """

    name: str
    make: Callable[[], nn.Module] | Refusal
    exactness: Exactness = "exact"
    note: str = ""


Ways: TypeAlias = "Callable[[nn.Module, Site], Iterator[Way]]"
"""The ways of a module where it stands."""


def ways_of(module: nn.Module) -> Ways | None:
    """The ways of a module's class, None where there are none.

    A subclass may compute anything: the class itself counts.
    """
    from npulint.preparing import (
        torch_convs,
        torch_functions,
        torch_norms,
        torch_resizes,
        torch_shuffles,
        torch_transposed,
    )

    for family in (
        torch_transposed, torch_shuffles, torch_resizes, torch_functions, torch_norms, torch_convs,
    ):  # fmt: skip
        found: Ways | None = family.WAYS.get(type(module))
        if found is not None:
            return found
    return None

"""The network that learns, called with arrays whatever it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from npulint.errors import NpulintError, UsageError

if TYPE_CHECKING:
    from npulint.recovering.examples import Arrays, Example
    from npulint.recovering.recipe import Device

_ALIKE = 1e-4
"""Share of an output's range by which samples run together may differ from each run alone."""

_WORDS = 300
"""Characters of a framework's own words that are passed on."""


class Student:
    """A module in evaluation mode, and those of its weights that are trained.

    Statistics of batch norms stay as they are, and nothing is dropped: what is trained is what is
    exported.

    Attributes:
        module: The module.
        weights: The parameters that are trained.
        device: Where it is.
    """

    def __init__(self, module: Any) -> None:
        """Take a module in evaluation mode.

        Args:
            module: The module; its parameters that ask for a gradient are trained.

        Raises:
            UsageError: None does, or one is of a type that cannot be trained in.
        """
        self.module = module
        self.weights = [each for each in module.parameters() if each.requires_grad]
        if not self.weights:
            raise UsageError("the rewritten network has no weights that can be trained")
        for each in self.weights:
            if each.dtype not in {torch.float32, torch.float64}:
                raise UsageError(
                    f"the rewritten network has weights of {each.dtype}: train it in float32"
                )
        self.device = self.weights[0].device
        self._type = self.weights[0].dtype
        self._together = True

    @property
    def size(self) -> int:
        """How many numbers are trained."""
        return sum(each.numel() for each in self.weights)

    def tensors(self, arrays: Arrays) -> tuple[torch.Tensor, ...]:
        """Arrays where the network is, in its type where they are floating point."""
        found = [torch.from_numpy(np.ascontiguousarray(each)) for each in arrays]
        return tuple(
            each.to(self.device, self._type if each.is_floating_point() else each.dtype)
            for each in found
        )

    def __call__(self, inputs: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Its outputs."""
        return as_tuple(self.module(*inputs))

    def run(self, inputs: Arrays) -> Arrays:
        """Its outputs as arrays, without gradients."""
        with torch.inference_mode():
            return tuple(each.cpu().numpy() for each in self(self.tensors(inputs)))

    def outputs(self, examples: Sequence[Example]) -> list[Arrays]:
        """What it makes of samples.

        Raises:
            UsageError: It does not run, or its outputs are not those of the original.
        """
        return [self._seen(each) for each in examples]

    def see(self, batch: Sequence[Example]) -> None:
        """Run it on a batch, and see whether it takes several samples at a time.

        Raises:
            UsageError: It does not run, or its outputs are not those of the original.
        """
        alone = self.outputs(batch)
        if len(batch) < 2 or not _alike(batch):
            return
        try:
            together = self.run(stacked([each.inputs for each in batch]))
        except Exception:  # whatever its operators raise
            self._together = False
            return
        self._together = all(
            found.shape == wanted.shape
            and bool((np.abs(found - wanted) <= _ALIKE * max(np.ptp(wanted), 1e-12)).all())
            for found, wanted in zip(together, stacked(alone), strict=True)
        )

    def _seen(self, example: Example) -> Arrays:
        try:
            made = self.run(example.inputs)
        except NpulintError:
            raise
        except Exception as error:
            raise UsageError(
                f"the rewritten network does not run on {example.name}: {in_short(error)}"
            ) from error
        see_shapes(made, example)
        return made

    def groups(self, batch: Sequence[Example]) -> list[Sequence[Example]]:
        """A batch as what is run in one go."""
        if self._together and _alike(batch):
            return [batch]
        return [[each] for each in batch]


def device(name: Device) -> str:
    """Where PyTorch is to compute.

    Raises:
        UsageError: There is no graphics card, and one is asked for.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return "cpu"
    if not torch.cuda.is_available():
        raise UsageError("device cuda: PyTorch finds no graphics card; give cpu or auto")
    return "cuda"


def see_shapes(made: Arrays, example: Example) -> None:
    """See that outputs are those of the original.

    Raises:
        UsageError: Their number, or the shape of one, is another.
    """
    if len(made) != len(example.wanted):
        raise UsageError(
            f"the original has {len(example.wanted)} outputs and the rewritten network {len(made)}"
        )
    for number, (one, other) in enumerate(zip(example.wanted, made, strict=True)):
        if one.shape != other.shape:
            raise UsageError(
                f"output {number} is {list(one.shape)} from the original and {list(other.shape)} "
                f"from the rewritten network, on {example.name}"
            )


def in_short(error: Exception) -> str:
    """A framework's own words, of which there may be many."""
    return " ".join(str(error).split())[:_WORDS] or type(error).__name__


def as_tuple(result: Any) -> tuple[torch.Tensor, ...]:
    """What a network returned as tensors in order.

    Raises:
        UsageError: It is something else.
    """
    found = (result,) if isinstance(result, torch.Tensor) else result
    found = tuple(found.values() if isinstance(found, Mapping) else found)
    if not found or not all(isinstance(each, torch.Tensor) for each in found):
        raise UsageError("a network must return a tensor, or a tuple, list or dict of tensors")
    return found


def stacked(rows: Sequence[Arrays]) -> Arrays:
    """Samples one behind the other along the first axis."""
    return tuple(np.concatenate(each) for each in zip(*rows, strict=True))


def _alike(examples: Sequence[Example]) -> bool:
    """Whether samples have the same shapes, so that they can be put together."""
    shapes = {tuple(array.shape for array in each.inputs) for each in examples}
    return len(shapes) == 1 and all(shape for each in shapes for shape in each)

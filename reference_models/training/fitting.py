"""Training itself, in PyTorch: a state that steps forward, and can be kept and taken up again.

Nothing but the recipe and the number of the step decides what a step does, so a training that was
interrupted ends where one that was not would have.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save

from npulint.errors import UsageError
from npulint.optimising import Average, put, rate
from npulint.reference_models.catalogue import define
from npulint.reference_models.torch_builder import build, read
from npulint.reference_models.training.beginning import Beginning
from npulint.reference_models.training.degradations import DEGRADATIONS
from npulint.reference_models.training.samples import SIDE, Batches

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from npulint.reference_models.network import Network
    from npulint.reference_models.training.recipes import TrainingRecipe

_KINDS = ("weight", "average", "first", "second")
"""What is kept of each parameter: itself, its moving average, and Adam's two moments."""


@dataclass(slots=True)
class Progress:
    """How far a training is.

    Attributes:
        step: Steps that are done.
        minutes: How long they took, in all.
        losses: The losses since the curve's last point, added up.
        curve: At some steps, the mean loss since the last of them and the PSNR of the validation
            part.
    """

    step: int = 0
    minutes: float = 0
    losses: float = 0
    curve: list[dict[str, float]] = field(default_factory=list)


class Training:
    """A network while it is trained."""

    def __init__(
        self,
        recipe: TrainingRecipe,
        definition: Callable[[str, tuple[int, int]], Network] = define,
    ) -> None:
        """Start with random weights.

        Args:
            recipe: How to train.
            definition: Writes the network down that the recipe names, at a size.

        Raises:
            MissingExtraError: A package with photographs is not installed.
            UsageError: A picture is not what the split names.
        """
        self.recipe = recipe
        self.progress = Progress()
        self._definition = definition
        self.device = device()
        degradation = DEGRADATIONS[recipe.task]
        self._batches = Batches(degradation, recipe.side, recipe.batch, recipe.seed)
        network = self._of(recipe.side // degradation.scale)
        # Maps of few channels are computed faster with the channels last.
        module = build(network).to(self.device, memory_format=torch.channels_last)
        self._module: Any = module
        self._weights = list(module.parameters())
        # Some layers know their sizes, so what is measured is a network of its own.
        self._network = self._of(SIDE // degradation.scale)
        self._averaged: Any = build(self._network).to(self.device)
        self._average = Average(self._weights, recipe.average)
        self._adam = torch.optim.Adam(self._weights, lr=recipe.rate)

    @property
    def done(self) -> bool:
        """Whether all steps are."""
        return self.progress.step >= self.recipe.steps

    def step(self) -> None:
        """Do one step."""
        recipe, number = self.recipe, self.progress.step
        given, wanted = map(self._tensor, self._batches.batch(number))
        self._adam.param_groups[0]["lr"] = rate(recipe.rate, number, recipe.warmup, recipe.steps)
        self._adam.zero_grad()
        loss = (self._module(given) - wanted).abs().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._weights, recipe.clip)
        self._adam.step()
        self._average.take_in(self._weights, number)
        self.progress.step += 1
        self.progress.losses += float(loss.detach())

    def run(self, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The network with the averaged weights: [1, H, W, C] of a clean picture's usual size."""
        with torch.inference_mode():
            made = self._filled()(self._tensor(image))
        result: npt.NDArray[np.float32] = made.permute(0, 2, 3, 1).cpu().numpy()
        return result

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """The averaged weights by layer and weight."""
        return read(self._filled(), self._network)

    def _filled(self) -> Any:
        put(list(self._averaged.parameters()), self._average.tensors)
        return self._averaged

    def _of(self, side: int) -> Network:
        network = self._definition(self.recipe.network, (side, side))
        recipe = self.recipe
        return replace(network, filling=Beginning(recipe.seed, recipe.passing, recipe.quiet))

    def kept(self) -> bytes:
        """All that it takes to go on, as a file of safetensors."""
        moments = [self._adam.state.get(weight, {}) for weight in self._weights]
        zeros = [torch.zeros_like(weight) for weight in self._weights]
        columns = (
            self._weights,
            self._average.tensors,
            [each.get("exp_avg", zero) for each, zero in zip(moments, zeros, strict=True)],
            [each.get("exp_avg_sq", zero) for each, zero in zip(moments, zeros, strict=True)],
        )
        tensors = {
            f"{kind}/{number}": tensor.detach().cpu().contiguous().clone()
            for kind, column in zip(_KINDS, columns, strict=True)
            for number, tensor in enumerate(column)
        }
        notes = {
            "recipe": json.dumps(asdict(self.recipe)),
            "progress": json.dumps(asdict(self.progress)),
        }
        return bytes(save(tensors, notes))

    def take_up(self, path: Path) -> None:
        """Go on where a training stopped.

        Args:
            path: What `kept` gave.

        Raises:
            UsageError: The file cannot be read, or is of a training by another recipe.
        """
        try:
            with safe_open(path, "pt") as file:
                notes = file.metadata() or {}
            tensors = load(path.read_bytes())
            recipe, progress = (json.loads(notes[key]) for key in ("recipe", "progress"))
        except (OSError, SafetensorError, KeyError) as error:
            raise UsageError(f"{path}: is no checkpoint to go on from: {error}") from error
        # As JSON has it, where a tuple is a list.
        own = json.loads(json.dumps(asdict(self.recipe)))
        if recipe != own:
            theirs = {key: value for key, value in recipe.items() if value != own.get(key)}
            raise UsageError(f"{path}: is of a training by another recipe, with {theirs}")
        self.progress = Progress(**progress)
        with torch.no_grad():
            for number, (weight, average) in enumerate(
                zip(self._weights, self._average.tensors, strict=True)
            ):
                kept = [tensors[f"{kind}/{number}"].to(self.device) for kind in _KINDS]
                weight.copy_(kept[0])
                average.copy_(kept[1])
                self._adam.state[weight] = {
                    "step": torch.tensor(float(self.progress.step)),
                    "exp_avg": kept[2].clone(memory_format=torch.preserve_format),
                    "exp_avg_sq": kept[3].clone(memory_format=torch.preserve_format),
                }

    def _tensor(self, images: npt.NDArray[np.float32]) -> torch.Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(images)).to(self.device)
        # [N, H, W, C] in memory already is what channels last means.
        return tensor.permute(0, 3, 1, 2)


def device() -> str:
    """Where PyTorch computes: on a graphics card, if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"

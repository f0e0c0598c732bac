"""A training from beginning to end: progress, checkpoints, weights, and the record beside them."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npulint.errors import UsageError
from npulint.output import write_whole
from npulint.reference_models.catalogue import define
from npulint.reference_models.frameworks import need
from npulint.reference_models.trained import filled, from_file
from npulint.reference_models.training import pictures
from npulint.reference_models.training.degradations import DEGRADATIONS
from npulint.reference_models.training.measuring import Quality, Run, held_out, measure
from npulint.reference_models.training.samples import SIDE, samples

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from npulint.reference_models.training.fitting import Progress, Training
    from npulint.reference_models.training.recipes import TrainingRecipe

ENDING = ".safetensors"

_POINTS = 12
"""Points of a curve, at each of which a checkpoint is written too."""

_FEW = 4
"""Places of the validation part that a point of the curve is measured on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training came to.

    Attributes:
        weights: The file of weights; the record is beside it.
        progress: How far it went.
        steps: How far the recipe goes.
        photographs: What the weights are worth on photographs that were held out.
    """

    weights: Path
    progress: Progress
    steps: int
    photographs: Quality


def train(
    recipe: TrainingRecipe,
    output: Path,
    *,
    minutes: float | None = None,
    resume: bool = False,
    watch: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Train a network and write its weights, and a record of how they came to be.

    A checkpoint lies beside them until all steps are done.

    Args:
        recipe: How to train.
        output: The file of weights, `.safetensors`.
        minutes: When to stop, though not all steps are done; None for no such time.
        resume: Whether to go on from the checkpoint.
        watch: Called after each step.

    Raises:
        MissingExtraError: A package is not installed.
        UsageError: A file cannot be read or written, or the checkpoint is of another recipe.
    """
    need("training", "training")
    if output.suffix != ENDING:
        raise UsageError(f"{output}: trained weights are written as {ENDING}")
    from npulint.optimising import repeatable
    from npulint.reference_models.training.fitting import Training

    kept = output.with_suffix(f".checkpoint{ENDING}")
    with repeatable(recipe.threads):
        training = Training(recipe)
        if resume:
            training.take_up(kept)
        _advance(training, kept, minutes, watch)
        content, sizes = _stored(training)
        write_whole(output, content)
        degradation = DEGRADATIONS[recipe.task]
        run = _rebuilt(recipe.network, output, SIDE // degradation.scale)
        quality = held_out(run, samples("held-out", degradation))
    record = _record(training, content, sizes, quality)
    write_whole(output.with_suffix(".json"), json.dumps(record, indent=1) + "\n")
    if training.done:
        kept.unlink(missing_ok=True)
    return Outcome(output, training.progress, recipe.steps, quality["photographs"])


def _advance(
    training: Training,
    kept: Path,
    minutes: float | None,
    watch: Callable[[Progress], None] | None,
) -> None:
    """Do steps until all are done or time is up, and leave a checkpoint whatever happens."""
    recipe, progress = training.recipe, training.progress
    few = list(samples("validation", DEGRADATIONS[recipe.task]))[::2][:_FEW]
    interval = max(recipe.steps // _POINTS, 1)
    before, began = progress.minutes, time.monotonic()
    try:
        while not training.done and (minutes is None or progress.minutes - before < minutes):
            training.step()
            progress.minutes = before + (time.monotonic() - began) / 60
            if progress.step % interval == 0 or training.done:
                _note(training, interval, measure(training.run, few))
                write_whole(kept, training.kept())
            if watch is not None:
                watch(progress)
    finally:
        write_whole(kept, training.kept())


def _note(training: Training, interval: int, quality: Quality) -> None:
    """Add a point to the curve."""
    progress = training.progress
    since = progress.step % interval or interval
    progress.curve.append(
        {
            "step": progress.step,
            "minutes": round(progress.minutes, 2),
            "loss": round(progress.losses / since, 5),
            "validation_psnr": round(quality.psnr_out, 3),
        }
    )
    progress.losses = 0


def _stored(training: Training) -> tuple[bytes, dict[str, Any]]:
    """The weights as float16 in safetensors, and how many and how large they are."""
    import numpy as np
    from safetensors.numpy import save

    arrays = {name: array.astype(np.float16) for name, array in training.arrays().items()}
    content = bytes(save(arrays, {"network": training.recipe.network}))
    sizes = {
        "parameters": sum(array.size for array in arrays.values()),
        "type": "float16",
        "bytes": len(content),
    }
    return content, sizes


def _rebuilt(name: str, weights: Path, side: int) -> Run:
    """A network from its file of weights, as it will be used, on pictures of the usual size."""
    import torch

    from npulint.reference_models.torch_builder import build

    module = build(filled(define(name, (side, side)), from_file(weights)))

    def run(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            made = module(torch.from_numpy(image.transpose(0, 3, 1, 2).copy()))
        result: npt.NDArray[np.float32] = made.permute(0, 2, 3, 1).numpy()
        return result

    return run


def _record(
    training: Training, content: bytes, sizes: dict[str, Any], quality: dict[str, Quality]
) -> dict[str, Any]:
    recipe, progress = training.recipe, training.progress
    return {
        "network": recipe.network,
        "task": recipe.task,
        "degradation": DEGRADATIONS[recipe.task].says,
        "recipe": asdict(recipe),
        "optimiser": "Adam",
        "loss": "mean absolute error",
        "steps": progress.step,
        "minutes": round(progress.minutes, 2),
        "device": training.device,
        "pictures": {
            "split": pictures.digest(),
            "trained_on": {each.name: each.digest for each in pictures.of("train")},
            "held_out": {each.name: each.digest for each in pictures.of("held-out")},
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "numpy", "pillow", "safetensors")},
        },
        "weights": {**sizes, "sha256": hashlib.sha256(content).hexdigest()},
        "held_out": {kind: each.rounded() for kind, each in quality.items()},
        "curve": progress.curve,
    }

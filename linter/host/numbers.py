"""One run of a model on the CPU, and how far another run's outputs are from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.runtimes import Array, RefusedInputsError, Runner
from npulint.verification.metrics import measure
from npulint.verification.pairing import ports
from npulint.verification.records import Difference, Pair, Settings
from npulint.verification.samples import recipes

if TYPE_CHECKING:
    from npulint.model import Model


@dataclass(frozen=True, slots=True)
class Sample:
    """One set of inputs.

    Attributes:
        name: What it is (`random 1 in [0, 1]`, or a file's name).
        arrays: One for each input.
    """

    name: str
    arrays: tuple[Array, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run a model on.

    Attributes:
        inputs: An .npz file of inputs by their names; None for random ones.
        seed: Seed of the random ones.
        shapes: Sizes of inputs that the file leaves open, by name.
    """

    inputs: Path | None = None
    seed: int = 0
    shapes: Mapping[str, tuple[int, ...]] | None = None


def make_sample(model: Model, runner: Runner, wanted: Wanted) -> Sample:
    """Inputs for a model that is loaded in its runtime.

    Raises:
        UsageError: What is given does not fit the model, or nothing can be made up for it.
    """
    pairs = [Pair(port, port, "name", "same") for port in ports(model, runner.inputs, "input")]
    settings = Settings(
        given=() if wanted.inputs is None else (wanted.inputs,),
        runs=0 if wanted.inputs is not None else 1,
        edge=False,
        seed=wanted.seed,
        shapes={name: (shape,) for name, shape in (wanted.shapes or {}).items()},
    )
    recipe = recipes(pairs, settings)[0]
    return Sample(recipe.name, tuple(recipe.make(pairs)))


def differences(
    runner: Runner, sample: Sample, found: Mapping[str, Array]
) -> Sequence[tuple[str, Difference]]:
    """Run the reference and compare.

    Args:
        runner: The reference.
        sample: What the other was run on.
        found: The other's outputs, by name.

    Raises:
        RefusedInputsError: The reference does not run on these inputs.
        RunnerError: Its runtime died, or took too long.
    """
    runner.run(sample.arrays)
    listed = []
    for slot in runner.outputs:
        other = found.get(slot.name)
        if other is None:
            raise RefusedInputsError(f"output {slot.name!r} is no tensor of numbers")
        listed.append((slot.name, measure(runner.fetch(slot.key), other)))
    return listed

"""What a model's outputs should be: the user's targets, paired with the samples by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from npulint.errors import UsageError
from npulint.runtimes import Runner
from npulint.verification import pairing
from npulint.verification.given import names_in
from npulint.verification.sample_files import Named, Wanted, read_files

if TYPE_CHECKING:
    from npulint.model import Model
    from npulint.runtimes import Array
    from npulint.verification.records import Port


@dataclass(frozen=True, slots=True)
class Truth:
    """What outputs should be.

    Attributes:
        arrays: For each sample, by its key, an array for each output, by its name.
        peak: What PSNR is relative to: the full scale of images (1 for floating point), else
            the highest less the lowest element of all arrays.
    """

    arrays: Mapping[tuple[str, int], Mapping[str, Array]]
    peak: float

    def psnr(self, sample: Named, outputs: Mapping[str, Array]) -> float:
        """How near some outputs are, in dB: that of the output furthest off."""
        return min(
            decibel(self.peak, array, outputs[name])
            for name, array in self.arrays[sample.key].items()
        )


def decibel(peak: float, wanted: Array, found: Array) -> float:
    """Peak signal-to-noise ratio; infinite without error, and -infinite where it is no number."""
    error = wanted.astype(np.float64) - found.astype(np.float64)
    squared = float(np.square(error).mean())
    if squared == 0:
        return math.inf
    if not (math.isfinite(squared) and peak > 0):
        return -math.inf
    return 20 * math.log10(peak) - 10 * math.log10(squared)


def holds_truth(source: Path, model: Model) -> bool:
    """Whether an `.npz` file of samples also says what outputs should be."""
    if not source.is_file():
        return False
    graph = model.graphs[0]
    made = {graph.values[index].name for index in graph.outputs}
    made |= {name for each in model.signatures for name, _ in each.outputs}
    taken = {graph.values[index].name for index in graph.inputs}
    return bool((made - taken) & names_in(source))


def read_truth(source: Path, model: Model, samples: Sequence[Named]) -> Truth:
    """Read what a model's outputs should be on samples.

    A sample's truth is the file of the same name in another folder, whatever its ending, or the
    array at the same place of a file. Images are scaled and cropped to the output's size.

    Args:
        source: A folder, or an `.npz` file with an array for each output.
        model: The model.
        samples: The samples that there must be a truth for.

    Raises:
        UsageError: A sample has none, or it is not what the model makes.
        MissingExtraError: There are images, and pillow is not installed.
    """
    ports, taken = _made(model, samples[0])
    beside = taken & names_in(source) if source.is_file() else frozenset()
    wanted = Wanted(ports, model.dialect, "output", beside)
    stems = {sample.key[0] for sample in samples} if source.is_dir() else None
    found = {each.key: each for each in read_files(source, wanted, most=1 << 20, stems=stems)}
    missing = [sample.name for sample in samples if sample.key not in found]
    if missing:
        raise UsageError(
            f"{source}: has nothing for {missing[0]}"
            + (f" and {len(missing) - 1} more samples" if missing[1:] else "")
            + ": a truth has the name of the sample it belongs to, or its place in a file"
        )
    known = [found[sample.key] for sample in samples]
    arrays = {each.key: each.arrays for each in known}
    return Truth(arrays, _peak(known, ports))


def _made(model: Model, sample: Named) -> tuple[tuple[Port, ...], frozenset[str]]:
    """The outputs at the sizes that they have on a sample, and the names of the inputs."""
    with Runner(model.path, model.dialect) as runner:
        inputs = pairing.ports(model, runner.inputs, "input")
        runner.run([sample.arrays[port.name] for port in inputs])
        outputs = tuple(
            replace(port, shape=runner.fetch(port.key).shape)
            for port in pairing.ports(model, runner.outputs, "output")
        )
    return outputs, frozenset(name for port in inputs for name in port.names)


def _peak(found: Sequence[Named], ports: Sequence[Port]) -> float:
    if found[0].image:
        return 1.0 if np.dtype(ports[0].dtype).kind == "f" else 255.0
    arrays = [array for each in found for array in each.arrays.values()]
    return max(float(a.max()) for a in arrays) - min(float(a.min()) for a in arrays)

"""The user's own samples, read from a folder or a file for a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from npulint.runtimes import Array, Runner
from npulint.verification import pairing
from npulint.verification.given import names_in
from npulint.verification.sample_files import MOST_SAMPLES, Named, Wanted, read_files

if TYPE_CHECKING:
    from npulint.model import Model

Sample: TypeAlias = "Mapping[str, Array]"
"""An array for each input, by its name."""


def read_samples(source: Path, model: Model) -> list[Sample]:
    """Read samples for a model; see `read_named`."""
    return [each.arrays for each in read_named(source, model)]


def read_named(source: Path, model: Model, most: int = MOST_SAMPLES) -> list[Named]:
    """Read samples for a model, with names.

    Arrays are given as the model takes them, or several of them along the first axis. Images
    serve a model with one input of 1 or 3 channels: they are scaled and cropped to its size, and
    are in [0, 1] where it takes floating point. What an `.npz` file holds by the names of outputs
    is what these should be, and is left for `npulint.verification.truth`.

    Args:
        source: An `.npz` file with an array for each input, or a folder of such files, of `.npy`
            files for a model with one input, or of images.
        model: The model.
        most: So many are read, evenly spread.

    Raises:
        UsageError: There is nothing to read, or it is not what the model takes.
        MissingExtraError: There are images, and pillow is not installed.
        RunnerError: The runtime refuses the model.
    """
    with Runner(model.path, model.dialect) as runner:
        ports = pairing.ports(model, runner.inputs, "input")
        made = {
            name for port in pairing.ports(model, runner.outputs, "output") for name in port.names
        }
    taken = {name for port in ports for name in port.names}
    beside = (made - taken) & names_in(source) if source.is_file() else frozenset()
    return read_files(source, Wanted(ports, model.dialect, beside=beside), most)

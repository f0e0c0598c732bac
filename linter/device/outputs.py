"""What a model computes on a phone beside what it computes here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from npulint.errors import UsageError
from npulint.host.numbers import Wanted, make_sample
from npulint.runtimes import Array, Runner
from npulint.verification.metrics import measure

if TYPE_CHECKING:
    from npulint.model import Model
    from npulint.verification.records import Difference

OUTPUT = "outputs.bin"
"""The file on the phone that benchmark_model writes all outputs into, one after another."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One run of a model on this computer's CPU.

    Attributes:
        name: What it was run on.
        inputs: Names and arrays of the inputs.
        outputs: Names and arrays of the outputs.
        runtime: Name and version of what ran it.
    """

    name: str
    inputs: tuple[tuple[str, Array], ...]
    outputs: tuple[tuple[str, Array], ...]
    runtime: str


def expect(model: Model, inputs: Path, timeout: float) -> Expected:
    """Run a model here.

    Args:
        model: A TFLite model.
        inputs: An .npz file of inputs by their names.
        timeout: Seconds that loading or running may take.

    Raises:
        MissingExtraError: No runtime is installed.
        ModelFileError: The runtime refuses the model.
        UsageError: The inputs do not fit the model, or benchmark_model cannot be given them.
    """
    with Runner(model.path, "tflite", timeout=timeout) as runner:
        sample = make_sample(model, runner, Wanted(inputs))
        runner.run(sample.arrays)
        expected = Expected(
            sample.name,
            tuple(
                (slot.name, array) for slot, array in zip(runner.inputs, sample.arrays, strict=True)
            ),
            tuple((slot.name, runner.fetch(slot.key)) for slot in runner.outputs),
            runner.runtime,
        )
    for name, array in expected.inputs:
        if "," in name or array.ndim == 0:
            raise UsageError(
                f"{inputs}: benchmark_model cannot be given input {name!r}: its options take no "
                "names with commas and no single numbers; leave --inputs out"
            )
    return expected


def write_inputs(expected: Expected, folder: Path) -> list[Path]:
    """Write each input's elements into a file of its own, as benchmark_model reads them."""
    paths = []
    for place, (_, array) in enumerate(expected.inputs):
        path = folder / f"input{place}.bin"
        path.write_bytes(np.ascontiguousarray(array).tobytes())
        paths.append(path)
    return paths


def input_options(expected: Expected, paths: Sequence[str], folder: str) -> list[str]:
    """Options that make benchmark_model run on these inputs and keep the outputs.

    Args:
        expected: The run to be repeated.
        paths: The inputs' files on the phone.
        folder: The folder on the phone that the outputs go to.
    """
    names = [name for name, _ in expected.inputs]
    sizes = (",".join(map(str, array.shape)) for _, array in expected.inputs)
    files = (f"{name.replace(':', '::')}:{path}" for name, path in zip(names, paths, strict=True))
    return [
        f"--input_layer={','.join(names)}",
        f"--input_layer_shape={':'.join(sizes)}",
        f"--input_layer_value_files={','.join(files)}",
        f"--output_filepath={folder}/{OUTPUT}",
    ]


def compare(expected: Expected, path: Path) -> Mapping[str, Difference] | str:
    """Hold a phone's outputs against those of this computer.

    Args:
        expected: The run on this computer.
        path: The phone's outputs, one after another.

    Returns:
        Differences by the outputs' names, or why there are none.
    """
    content = path.read_bytes()
    wanted = sum(array.nbytes for _, array in expected.outputs)
    if len(content) != wanted:
        return f"the phone's outputs have {len(content):,} bytes, and {wanted:,} were expected"
    found: dict[str, Difference] = {}
    start = 0
    for name, array in expected.outputs:
        elements = np.frombuffer(content, array.dtype, array.size, start).reshape(array.shape)
        found[name] = measure(array, elements)
        start += array.nbytes
    return found

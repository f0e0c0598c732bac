"""Exporting a network that was trained, and seeing that the file computes the same."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from npulint.errors import NpulintError, UsageError
from npulint.output import see_place, write_whole
from npulint.preparing.torch_exporting import Exporter, comparable
from npulint.recovering.agreement import see_agreement
from npulint.recovering.student import as_tuple, in_short
from npulint.runtimes import Runner

if TYPE_CHECKING:
    from npulint.recovering.examples import Arrays


def export(
    module: torch.nn.Module, samples: Sequence[Arrays], path: Path, opset: int | None
) -> None:
    """Export a network, run the file, and rename it into place where it computes the same.

    Args:
        module: The network.
        samples: Inputs; the first says the sizes to export at.
        path: The file, `.onnx`.
        opset: The ONNX opset; PyTorch's own choice when None.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        UsageError: PyTorch cannot export it, what it wrote computes something else, or it cannot
            be written there.
    """
    if path.suffix.lower() != ".onnx":
        raise UsageError(f"{path}: name an .onnx file")
    see_place(path)
    same = comparable(module)
    samples = [
        tuple(each.astype("float32") if each.dtype.kind == "f" else each for each in inputs)
        for inputs in samples
    ]

    def run(inputs: Arrays) -> Arrays:
        with torch.inference_mode():
            return tuple(each.numpy() for each in as_tuple(same(*map(torch.from_numpy, inputs))))

    with tempfile.TemporaryDirectory(prefix="npulint-") as folder:
        try:
            exported = Exporter(Path(folder), opset).whole(
                same, [torch.from_numpy(each) for each in samples[0]]
            )
        except NpulintError:
            raise
        except Exception as error:
            raise UsageError(f"{path}: PyTorch does not export it: {in_short(error)}") from error
        file = exported.model.path
        alike = [each for each in samples if _shapes(each) == _shapes(samples[0])]
        with Runner(file, "onnx") as runner:
            real = []
            for inputs in alike:
                runner.run(inputs)
                real.append(tuple(runner.fetch(slot.key) for slot in runner.outputs))
            see_agreement(path, runner.runtime, alike, (real, list(map(run, alike))), run)
        write_whole(path, file.read_bytes())


def _shapes(inputs: Arrays) -> list[tuple[int, ...]]:
    return [each.shape for each in inputs]

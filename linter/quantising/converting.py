"""The near end of a conversion: what is asked of a converter's process, and what it made."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from npulint.errors import MissingExtraError, ModelFileError, UsageError
from npulint.formats import save
from npulint.model import Signature
from npulint.runtimes.process import QUIET

if TYPE_CHECKING:
    from npulint.model import Dialect, Model
    from npulint.verification.sample_files import Named

TIMEOUT = 1800.0
"""Seconds that quantising a model may take: ranges are read by running it on every sample."""

_PACKAGES: Mapping[Dialect, tuple[str, str]] = {
    "tflite": ("ai_edge_quantizer", "ai-edge-quantizer"),
    "onnx": ("onnxruntime", "onnxruntime"),
}

_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from npulint.quantising.worker import main; main(sys.argv[2])"
)

_SENTENCE = 400
"""Characters of a converter's own words that are passed on."""

_WHOLE: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Converter:
    """Quantises one model, with ranges of its values on samples.

    Attributes:
        model: The float model.
        samples: Those that ranges are read from.
        folder: Where files go.
    """

    model: Model
    samples: Sequence[Named]
    folder: Path

    def convert(self, leaving: Sequence[Sequence[str]] = (_WHOLE,)) -> tuple[str, list[Path]]:
        """Quantise the model once or several times.

        Args:
            leaving: For each time the values whose nodes are left in floating point.

        Returns:
            Name and version of the converter, and the files.

        Raises:
            MissingExtraError: The converter is not installed.
            ModelFileError: The converter refuses the model, or dies of it.
            UsageError: The model cannot be handed to it.
        """
        require(self.model.dialect)
        self.folder.mkdir(parents=True, exist_ok=True)
        files = [
            self.folder / f"quantised_{number}.{self.model.dialect}"
            for number in range(len(leaving))
        ]
        jobs = [
            {"leave": list(names), "output": os.fspath(file)}
            for names, file in zip(leaving, files, strict=True)
        ]
        answer = _ask(self.model.path, self.folder, {**self._request(), "jobs": jobs})
        return answer, files

    def _request(self) -> dict[str, object]:
        samples = self.folder / "samples.npz"
        ports = list(self.samples[0].arrays)
        arrays = {
            f"{number}_{place}": sample.arrays[port]
            for number, sample in enumerate(self.samples)
            for place, port in enumerate(ports)
        }
        np.savez(samples, allow_pickle=False, **arrays)
        path, signature, names = self.model.path, "", ports
        if self.model.dialect == "tflite":
            path, signature, names = self._signed(ports)
        return {
            "dialect": self.model.dialect,
            "model": os.fspath(path),
            "samples": os.fspath(samples),
            "count": len(self.samples),
            "inputs": names,
            "signature": signature,
        }

    def _signed(self, ports: Sequence[str]) -> tuple[Path, str, list[str]]:
        """The model with a signature, which the converter feeds samples by."""
        graph = self.model.graphs[0]
        for known in self.model.signatures:
            if known.graph == 0 and {name for name, _ in known.inputs} == set(ports):
                return self.model.path, known.key, list(ports)
        inputs = tuple((f"input_{place}", index) for place, index in enumerate(graph.inputs))
        outputs = tuple((f"output_{place}", index) for place, index in enumerate(graph.outputs))
        path = self.folder / "signed.tflite"
        own = Signature("serving_default", 0, inputs, outputs)
        save(replace(self.model, signatures=(own,)), path)
        return path, own.key, [name for name, _ in inputs]


def require(dialect: Dialect) -> None:
    """See that the converter for a dialect is installed.

    Raises:
        MissingExtraError: It is not.
    """
    module, package = _PACKAGES[dialect]
    if importlib.util.find_spec(module) is None:
        raise MissingExtraError(
            f"quantising .{dialect} models needs {package}, which is not installed; install "
            "npulint[quantize]"
        )


def _ask(model: Path, folder: Path, request: Mapping[str, object]) -> str:
    if not sys.executable or getattr(sys, "frozen", False):
        raise UsageError("models are quantised in a process of their own, which takes a Python")
    path = folder / "request.json"
    answer = folder / "answer.json"
    answer.unlink(missing_ok=True)
    path.write_text(json.dumps(request), encoding="utf-8")
    command = [sys.executable, "-c", _START, json.dumps(sys.path), os.fspath(path)]
    try:
        done = subprocess.run(
            command, env={**os.environ, **QUIET}, capture_output=True, check=False, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired as error:
        raise ModelFileError(model, f"was not quantised within {TIMEOUT:.0f} s") from error
    if not answer.exists():
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise ModelFileError(
            model, f"the converter died of it (exit code {done.returncode}): {''.join(last)}"
        )
    said = json.loads(answer.read_text(encoding="utf-8"))
    if said["error"] is not None:
        words = " ".join(said["error"].split())[:_SENTENCE]
        raise ModelFileError(model, f"the converter refuses this model: {words}")
    return str(said["converter"])

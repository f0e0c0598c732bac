"""The door: one model, one chip, one answer."""

from __future__ import annotations

import importlib.util
import platform
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.errors import MissingExtraError, UsageError
from npulint.formats import load
from npulint.host.chips import CHIPS, Chip
from npulint.host.numbers import Wanted

if TYPE_CHECKING:
    from npulint.host.records import Answer
    from npulint.model import Dialect

TIMEOUT = 600.0
"""Seconds that the compiler and the emulator may take for a model."""

_NEEDS: Mapping[Dialect, tuple[str, ...]] = {
    "onnx": ("onnxruntime", "onnxruntime_qnn"),
    "tflite": ("ai_edge_litert", "onnxruntime_qnn"),
}


def ask(  # noqa: PLR0913 - one argument an option
    path: Path | str,
    chip: str,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    inputs: Path | None = None,
    seed: int = 0,
    run: bool = True,
    timeout: float = TIMEOUT,
) -> Answer:
    """Ask Qualcomm's HTP compiler about a model.

    Args:
        path: An `.onnx` file (by ONNX Runtime's QNN provider) or a `.tflite` file (by LiteRT's
            compiler plugin).
        chip: Name of a chip (`qnn-htp-v73`).
        input_shapes: Sizes of inputs that the file leaves open, by their names; the empty name
            stands for the only input.
        inputs: An .npz file of inputs for the emulator; None for random ones.
        seed: Seed of the random ones.
        run: Whether to run the emulator at all; only ONNX models can be.
        timeout: Seconds that the compiler and the emulator may take.

    Raises:
        MissingExtraError: Packages are missing, or do not work on this computer.
        ModelFileError: The file is no model, or one that its runtime does not load.
        UsageError: There is no such chip, or sizes or inputs do not fit the model.
    """
    from npulint.sizing.walk import resized

    began = time.monotonic()
    wanted_chip = _chip(chip)
    if not timeout > 0:
        raise UsageError(f"a time-out of {timeout:g} s: give one above 0")
    model = load(path)
    require(model.dialect)
    model = resized(model, input_shapes or {})
    with tempfile.TemporaryDirectory(prefix="npulint-host-") as name:
        if model.dialect == "onnx":
            from npulint.host.qnn_provider import ask_provider

            main = model.graphs[0]
            shapes = {main.values[i].name: _sizes(main.values[i].shape) for i in main.inputs}
            fixed = {name: shape for name, shape in shapes.items() if shape is not None}
            wanted = Wanted(inputs, seed, fixed if input_shapes else None) if run else None
            answer = ask_provider(model, wanted_chip, wanted, timeout, Path(name))
        else:
            from npulint.host.qnn_plugin import ask_plugin

            answer = ask_plugin(model, wanted_chip, timeout, Path(name))
    return replace(answer, seconds=time.monotonic() - began)


def require(dialect: Dialect) -> None:
    """See that the compiler for a dialect is there.

    Raises:
        MissingExtraError: It is not.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise MissingExtraError(
            "the HTP compiler of Qualcomm's packages is for Linux on x86-64; this is "
            f"{platform.system()} on {platform.machine()}"
        )
    missing = [name for name in _NEEDS[dialect] if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"the HTP compiler for .{dialect} models needs "
            f"{' and '.join(name.replace('_', '-') for name in missing)}: "
            "pip install 'npulint[qnn]'"
        )


def _chip(name: str) -> Chip:
    if name not in CHIPS:
        raise UsageError(f"no compiler here for {name!r}; there are {', '.join(CHIPS)}")
    return CHIPS[name]


def _sizes(shape: Sequence[object] | None) -> tuple[int, ...] | None:
    """A shape of which all is known, else None."""
    if shape is None:
        return None
    sizes = tuple(size for size in shape if isinstance(size, int))
    return sizes if len(sizes) == len(shape) else None

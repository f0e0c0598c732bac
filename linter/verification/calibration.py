"""The user's own samples: read from a folder or a file, and what a model computes from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np

from npulint.errors import MissingExtraError, UsageError
from npulint.runtimes import Array, Runner
from npulint.verification import pairing
from npulint.verification.given import read_inputs
from npulint.verification.records import Port

if TYPE_CHECKING:
    from npulint.model import Model

_Item = TypeVar("_Item")

Sample: TypeAlias = "Mapping[str, Array]"
"""An array for each input, by its name."""

MOST_SAMPLES = 64
"""So many are used, evenly spread over those given."""

MOST_BYTES = 1 << 29
"""Activations kept of one value; the samples after those that fill this are left out."""

_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
_ARRAYS = (".npz", ".npy")
_FREE_SIDE = 256
"""Side of images for a model whose sizes are free."""


def read_samples(source: Path, model: Model) -> list[Sample]:
    """Read samples for a model.

    Arrays are given as the model takes them, or several of them along the first axis. Images
    serve a model with one input of 1 or 3 channels: they are scaled and cropped to its size, and
    are in [0, 1] where it takes floating point.

    Args:
        source: An `.npz` file with an array for each input, or a folder of such files, of `.npy`
            files for a model with one input, or of images.
        model: The model.

    Raises:
        UsageError: There is nothing to read, or it is not what the model takes.
        MissingExtraError: There are images, and pillow is not installed.
        RunnerError: The runtime refuses the model.
    """
    with Runner(model.path, model.dialect) as runner:
        ports = pairing.ports(model, runner.inputs, "input")
    found = [
        sample for path in _spread(_files(source)) for sample in _read(path, ports, model.dialect)
    ]
    return _spread(found)


def activations(model: Model, samples: Sequence[Sample]) -> Callable[[int], list[Array]]:
    """What values of a model's main graph hold on samples.

    Args:
        model: The model, as it is in its file.
        samples: Its inputs.

    Returns:
        A function from the position of a value to an array for each sample. It runs the model
        when it is first asked for a value.
    """
    known: dict[int, list[Array]] = {}

    def ask(index: int) -> list[Array]:
        if index not in known:
            # One value at a time: all of them together may not fit into memory.
            known.clear()
            known[index] = _record(model, samples, index)
        return known[index]

    return ask


def _record(model: Model, samples: Sequence[Sample], index: int) -> list[Array]:
    graph = model.graphs[0]
    key = graph.values[index].name if model.dialect == "onnx" else index
    told = {*graph.inputs, *graph.outputs} if model.dialect == "onnx" else set(graph.inputs)
    with Runner(model.path, model.dialect, watch=[] if index in told else [key]) as runner:
        ports = pairing.ports(model, runner.inputs, "input")
        place = next((number for number, port in enumerate(ports) if port.key == key), None)
        found: list[Array] = []
        for sample in samples:
            arrays = [sample[port.name] for port in ports]
            if place is not None:
                found.append(arrays[place])
            else:
                runner.run(arrays)
                found.append(runner.fetch(key))
            if sum(each.nbytes for each in found) > MOST_BYTES:
                break
    return found


def _files(source: Path) -> list[Path]:
    if not source.is_dir():
        if source.suffix.lower() != ".npz":
            raise UsageError(f"{source}: give a folder, or an .npz file with an array an input")
        return [source]
    try:
        files = sorted(path for path in source.iterdir() if path.is_file())
    except OSError as error:
        raise UsageError(f"{source}: cannot be read: {error.strerror or error}") from error
    fitting = [path for path in files if path.suffix.lower() in (*_ARRAYS, *_IMAGES)]
    if not fitting:
        raise UsageError(
            f"{source}: no samples in this folder; it takes {', '.join((*_ARRAYS, *_IMAGES))}"
        )
    return fitting


def _spread(items: list[_Item]) -> list[_Item]:
    """As many as are used, evenly spread."""
    count = min(len(items), MOST_SAMPLES)
    return [items[place * len(items) // count] for place in range(count)]


def _read(path: Path, ports: Sequence[Port], dialect: str) -> Iterator[Sample]:
    suffix = path.suffix.lower()
    if suffix in _IMAGES:
        yield {ports[0].name: _image(path, ports, dialect)}
        return
    # Several samples lie along the first axis.
    open_ports = [replace(port, shape=(None, *port.shape[1:])) for port in ports if port.shape]
    if len(open_ports) < len(ports):
        raise UsageError(f"{path}: an input of the model is a single number, which no file gives")
    source = path if suffix == ".npz" else {ports[0].name: _array(path, ports)}
    arrays = read_inputs(source, open_ports, str(path))
    sizes = [port.shape[0] if isinstance(port.shape[0], int) else 1 for port in ports]
    counts = {len(array) / size for array, size in zip(arrays, sizes, strict=True)}
    if len(counts) != 1 or not counts.copy().pop().is_integer() or counts == {0}:
        raise UsageError(f"{path}: has not the same whole number of samples for every input")
    for number in range(int(counts.pop())):
        yield {
            port.name: np.ascontiguousarray(array[number * size : (number + 1) * size])
            for port, array, size in zip(ports, arrays, sizes, strict=True)
        }


def _array(path: Path, ports: Sequence[Port]) -> Array:
    if len(ports) != 1:
        raise UsageError(
            f"{path}: the model has {len(ports)} inputs: give .npz files with an array for each"
        )
    try:
        found: Array = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"{path}: is no .npy file of a plain array: {error}") from error
    return found


def _image(path: Path, ports: Sequence[Port], dialect: str) -> Array:
    """An image as the model's one input."""
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{path}: reading images needs pillow, which is not installed; install "
            "npulint[images], or give .npy or .npz files"
        ) from error
    axis = _channel_axis(path, ports, dialect)
    port = ports[0]
    channels = port.shape[axis]
    sides = [size for place, size in enumerate(port.shape) if place not in {0, axis}]
    height, width = (size if isinstance(size, int) else _FREE_SIDE for size in sides)
    try:
        with Image.open(path) as image:
            fitted = ImageOps.fit(image.convert("L" if channels == 1 else "RGB"), (width, height))
            pixels = np.asarray(fitted)
    except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError) as error:
        raise UsageError(f"{path}: cannot be read as an image: {error}") from error
    batch = pixels.reshape(1, height, width, -1)
    return _as_elements(batch if axis == 3 else batch.transpose(0, 3, 1, 2), path, port)


def _as_elements(pixels: Array, path: Path, port: Port) -> Array:
    wanted = np.dtype(port.dtype)
    if wanted.kind == "f":
        return np.ascontiguousarray(pixels / 255, wanted)
    if wanted == np.uint8:
        return np.ascontiguousarray(pixels)
    if wanted == np.int8:
        return np.ascontiguousarray(pixels.astype(np.int16) - 128, wanted)
    raise UsageError(f"{path}: the model takes {wanted}, which is no image; give .npy files")


def _channel_axis(path: Path, ports: Sequence[Port], dialect: str) -> int:
    """Where the channels of the one input are.

    Raises:
        UsageError: It is no input for an image.
    """
    if (
        len(ports) == 1
        and len(ports[0].shape) == 4
        and not (isinstance(ports[0].shape[0], int) and ports[0].shape[0] > 1)
    ):
        for axis in (1, 3) if dialect == "onnx" else (3, 1):
            if ports[0].shape[axis] in {1, 3}:
                return axis
    shapes = " and ".join(pairing.dimensions(port.shape) for port in ports)
    raise UsageError(
        f"{path}: an image is for a model with one input, of one image with 1 or 3 channels; "
        f"this one takes {shapes}: give .npy or .npz files"
    )

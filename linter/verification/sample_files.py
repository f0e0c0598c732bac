"""Samples in files: images, `.npy` and `.npz`, as what a model takes or should make."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from npulint.errors import MissingExtraError, UsageError
from npulint.runtimes import Array
from npulint.verification import pairing
from npulint.verification.given import read_inputs
from npulint.verification.records import Port

if TYPE_CHECKING:
    from npulint.verification.pairing import Role

_Item = TypeVar("_Item")

MOST_SAMPLES = 64
"""So many are used, evenly spread over those given."""

_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
_ARRAYS = (".npz", ".npy")
_FREE_SIDE = 256
"""Side of images for a model whose sizes are free."""


@dataclass(frozen=True, slots=True)
class Named:
    """One sample, and what tells it from the others.

    Attributes:
        name: Its file's name, and its number where the file holds several.
        key: What it shares with the truth that belongs to it: its file's name without the
            ending, none where there is no folder, and its number.
        arrays: One for each port, by its name.
        image: Whether it was read from an image.
    """

    name: str
    key: tuple[str, int]
    arrays: Mapping[str, Array]
    image: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What arrays are read for.

    Attributes:
        ports: Inputs or outputs of a model.
        dialect: The model's.
        role: Which of the two.
        beside: Names of other arrays that files may hold; they are not read.
    """

    ports: Sequence[Port]
    dialect: str
    role: Role = "input"
    beside: Collection[str] = ()

    @property
    def verb(self) -> str:
        """What the model does with them."""
        return "takes" if self.role == "input" else "makes"


def read_files(
    source: Path,
    wanted: Wanted,
    most: int = MOST_SAMPLES,
    stems: Collection[str] | None = None,
) -> list[Named]:
    """Read what a file or a folder holds.

    Args:
        source: An `.npz` file, or a folder.
        wanted: What for.
        most: So many samples are read, evenly spread.
        stems: Names without endings of the files that are wanted; None for all.

    Raises:
        UsageError: There is nothing to read, or it is not what is wanted.
        MissingExtraError: There are images, and pillow is not installed.
    """
    files = [path for path in _files(source) if stems is None or path.stem in stems]
    found = [
        sample
        for path in _spread(files, most)
        for sample in _read(path, wanted, path.stem if path != source else "")
    ]
    return _spread(found, most)


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


def _spread(items: list[_Item], most: int) -> list[_Item]:
    """As many as are used, evenly spread."""
    count = min(len(items), most)
    return [items[place * len(items) // count] for place in range(count)]


def _read(path: Path, wanted: Wanted, stem: str) -> Iterator[Named]:
    ports, role = wanted.ports, wanted.role
    if path.suffix.lower() in _IMAGES:
        yield Named(path.name, (stem, 0), {ports[0].name: _image(path, wanted)}, True)
        return
    # Several samples lie along the first axis.
    open_ports = [replace(port, shape=(None, *port.shape[1:])) for port in ports if port.shape]
    if len(open_ports) < len(ports):
        raise UsageError(f"{path}: an {role} of the model is a single number, which no file gives")
    npz = path.suffix.lower() == ".npz"
    source = path if npz else {ports[0].name: _array(path, wanted)}
    arrays = read_inputs(source, open_ports, str(path), role, wanted.beside)
    sizes = [port.shape[0] if isinstance(port.shape[0], int) else 1 for port in ports]
    counts = {len(array) / size for array, size in zip(arrays, sizes, strict=True)}
    if len(counts) != 1 or not counts.copy().pop().is_integer() or counts == {0}:
        raise UsageError(f"{path}: has not the same whole number of samples for every {role}")
    total = int(counts.pop())
    for number in range(total):
        name = path.name if total == 1 else f"{path.name}[{number}]"
        held = {
            port.name: np.ascontiguousarray(array[number * size : (number + 1) * size])
            for port, array, size in zip(ports, arrays, sizes, strict=True)
        }
        _see_numbers(str(path.with_name(name)), held)
        yield Named(name, (stem, number), held)


def _see_numbers(where: str, arrays: Mapping[str, Array]) -> None:
    """Refuse what no figure can be made of: a single such element spoils all that is measured.

    Raises:
        UsageError: An element is infinite or no number.
    """
    for name, array in arrays.items():
        if array.dtype.kind != "f" or np.isfinite(array).all():
            continue
        place = tuple(int(each[0]) for each in np.nonzero(~np.isfinite(array)))
        raise UsageError(
            f"{where}: {name!r} has {array[place]} at {list(place)}: give finite numbers"
        )


def _array(path: Path, wanted: Wanted) -> Array:
    ports, role = wanted.ports, wanted.role
    if len(ports) != 1:
        raise UsageError(
            f"{path}: the model has {len(ports)} {role}s: give .npz files with an array for each"
        )
    try:
        found: Array = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"{path}: is no .npy file of a plain array: {error}") from error
    return found


def _image(path: Path, wanted: Wanted) -> Array:
    """An image as the model's one input or output."""
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{path}: reading images needs pillow, which is not installed; install "
            "npulint[images], or give .npy or .npz files"
        ) from error
    axis = _channel_axis(path, wanted)
    port = wanted.ports[0]
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
    return _as_elements(batch if axis == 3 else batch.transpose(0, 3, 1, 2), path, wanted)


def _as_elements(pixels: Array, path: Path, wanted: Wanted) -> Array:
    dtype = np.dtype(wanted.ports[0].dtype)
    if dtype.kind == "f":
        return np.ascontiguousarray(pixels / 255, dtype)
    if dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    if dtype == np.int8:
        return np.ascontiguousarray(pixels.astype(np.int16) - 128, dtype)
    raise UsageError(f"{path}: the model {wanted.verb} {dtype}, which is no image; give .npy files")


def _channel_axis(path: Path, wanted: Wanted) -> int:
    """Where the channels of the one input or output are.

    Raises:
        UsageError: It is none for an image.
    """
    ports = wanted.ports
    if (
        len(ports) == 1
        and len(ports[0].shape) == 4
        and not (isinstance(ports[0].shape[0], int) and ports[0].shape[0] > 1)
    ):
        for axis in (1, 3) if wanted.dialect == "onnx" else (3, 1):
            if ports[0].shape[axis] in {1, 3}:
                return axis
    shapes = " and ".join(pairing.dimensions(port.shape) for port in ports)
    raise UsageError(
        f"{path}: an image is for a model with one {wanted.role}, of one image with 1 or 3 "
        f"channels; this one {wanted.verb} {shapes}: give .npy or .npz files"
    )

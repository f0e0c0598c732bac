"""Finding the model files inside folders, without looking into them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

MODEL_SUFFIXES = (".tflite", ".onnx")


def find_models(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Expand folders into the model files inside, recursively and in a stable order.

    Files are taken as they are, whatever their names, and so is a folder that is itself a
    model (a SavedModel), that holds no model or that may not be looked into: reading it says
    what it is. Links to folders are not followed.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(_models_within(path)) if _is_folder_of_files(path) else []
        found.extend(inside or [path])
    return tuple(dict.fromkeys(found))


def _is_folder_of_files(path: Path) -> bool:
    # Unlike pathlib's, these say no to whatever path is no path at all.
    return os.path.isdir(path) and not os.path.exists(path / "saved_model.pb")  # noqa: PTH110, PTH112


def _models_within(folder: Path) -> Iterator[Path]:
    """Model files by their names, dangling links and pipes too, and folders that are closed."""
    closed: list[OSError] = []
    for place, _, names in os.walk(folder, onerror=closed.append):
        for name in names:
            if name.lower().endswith(MODEL_SUFFIXES):
                yield Path(place, name)
    yield from (Path(os.fsdecode(error.filename)) for error in closed if error.filename)

"""TFLite files written again: what was not changed is as it was, and runs as it did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_building import REAL_FILES, unpack

from npulint.formats import load, save


def plain(made: Any) -> Any:
    """An object of the generated code as something that can be compared."""
    if isinstance(made, np.ndarray):
        return made.tolist()
    if isinstance(made, list):
        return [plain(item) for item in made]
    if hasattr(made, "__dict__"):
        return type(made).__name__, {name: plain(item) for name, item in vars(made).items()}
    return made


@pytest.mark.parametrize("path", REAL_FILES, ids=lambda path: path.stem)
def test_real_files_are_written_as_they_were(path: Path, tmp_path: Path) -> None:
    model = load(path)
    save(model, tmp_path / "new.tflite")

    old, new = path.read_bytes(), (tmp_path / "new.tflite").read_bytes()
    assert plain(unpack(new)) == plain(unpack(old))
    assert new[4:8] == b"TFL3"

"""What tests of preparing share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[object]:
    from npulint.preparing.torch_exporting import Exporter

    return Exporter(tmp_path, None)

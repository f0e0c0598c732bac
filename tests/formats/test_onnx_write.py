"""ONNX files written again: what was not changed is as it was, byte for byte."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from onnx.backend.test.case.node import collect_testcases

from npulint.formats import load, save
from npulint.formats import onnx as reader

EXPORTS = sorted((Path(__file__).parents[2] / "reference_models" / "exports").glob("*.onnx"))


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.stem)
def test_real_files_are_written_as_they_were(path: Path, tmp_path: Path) -> None:
    save(load(path), tmp_path / "new.onnx")
    assert (tmp_path / "new.onnx").read_bytes() == path.read_bytes()


def test_every_operator_is_written_as_it_was(
    tmp_path: Path, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The models by which onnx tests its own operators: attributes, bodies, functions, types."""
    # Inference adds nothing to the file, and takes most of the time.
    monkeypatch.setattr(reader, "infer", lambda *_: None)
    cases = [case for case in collect_testcases(None) if case.model is not None]
    assert len(cases) > 1000
    path, copy = tmp_path / "model.onnx", tmp_path / "new.onnx"
    for case in cases if full else random.Random(1).sample(cases, 300):
        path.write_bytes(case.model.SerializeToString())
        save(load(path), copy)
        assert copy.read_bytes() == path.read_bytes(), case.name

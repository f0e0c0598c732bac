"""The rules' finder of norms, which reads no weights, against the reader that reads them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from norm_spellings import SPELLINGS, Spelling
from test_norm_reading import Drawn, drawn, written

from npulint.fixers.norms.reading import Normalisation, recognise
from npulint.formats import load
from npulint.rules.facts import Facts


@settings(max_examples=min(settings.default.max_examples, 300))
@given(drawn(), SPELLINGS)
def test_what_the_reader_reads_the_finder_finds(case: Drawn, spelling: Spelling) -> None:
    with TemporaryDirectory() as folder:
        model = load(case.sketch.save(Path(folder), written(case, spelling, "NONE")))
        (read,) = recognise(model.graphs[0]).values()
    assert isinstance(read, Normalisation)
    (found,) = Facts(model).main.norms
    assert set(found.nodes) <= set(read.nodes)
    assert "root-mean-square" not in found.kind
    if case.kind != "group":
        assert found.source == read.source
    if case.kind == "instance" and len(read.shape) == 4:
        assert found.kind == "instance normalisation"

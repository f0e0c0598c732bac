"""The committed portability map: whole, drawn from its data, fresh, and true to what was found."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from npulint.explore import everyone, explore
from npulint.portability import Form, Map, Row
from npulint.reference_models import CATALOGUE, define
from npulint.reference_models.recipe import Recipe
from npulint.reports.portability import NAME, read_json, render_json
from npulint.reports.portability_html import drawings

DOCS = Path(__file__).parents[2] / "docs"
RECIPES = (Recipe("tflite"), Recipe("onnx"))
REMAKE = "run make map"

SAMPLE = ("acvlab", "pynet_v2_mobile", "smallnet", "unet_small")
"""Looked at anew at their published sizes; the tests of exports take all of them, small."""


@pytest.fixture(scope="module")
def committed() -> Map:
    return read_json((DOCS / f"{NAME}.json").read_text(encoding="utf-8"))


def row_of(drawn: Map, name: str) -> Row:
    (row,) = (row for row in drawn.rows if row.network == name)
    return row


def files(row: Row) -> tuple[Form, Form]:
    """A network as .tflite and as .onnx."""
    tflite, onnx = row.forms
    assert tflite.recipe.startswith("tflite")
    assert onnx.recipe.startswith("onnx")
    return tflite, onnx


def test_it_has_every_network_target_and_device(committed: Map) -> None:
    assert [row.network for row in committed.rows] == list(CATALOGUE), REMAKE
    names = [name for name, _ in committed.columns]
    assert names == list(everyone()), REMAKE
    for row in committed.rows:
        definition = CATALOGUE[row.network]
        assert (row.label, row.source) == (definition.label, definition.source), REMAKE
        assert row.image == tuple(definition.image), "a map is of the published sizes"
        for form in files(row):
            assert form.refusal is None
            assert sorted(form.cells) == sorted(names)


def test_every_drawing_is_of_the_committed_data(committed: Map) -> None:
    for name, text in drawings(committed).items():
        assert (DOCS / name).read_text(encoding="utf-8") == text, REMAKE


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "renewed" in metafunc.fixturenames:
        full = metafunc.config.getoption("--full")
        metafunc.parametrize("renewed", CATALOGUE if full else SAMPLE)


def test_a_sample_is_fresh(renewed: str, committed: Map) -> None:
    names = [name for name, _ in committed.columns]
    anew = read_json(render_json(explore([define(renewed)], RECIPES, names, fresh=True)))
    assert anew.columns == committed.columns, REMAKE
    assert anew.rows == (row_of(committed, renewed),), REMAKE


def test_the_public_code_of_pynet_v2_is_not_nnapi_1_2(committed: Map) -> None:
    words = (("MIRROR_PAD", "RESIZE_BILINEAR"), ("Pad", "Resize"))
    for form, (pad, resize) in zip(files(row_of(committed, "pynet_v2_mobile")), words, strict=True):
        padding = {pad: 30}
        refused = {name: cell.refused for name, cell in form.cells.items()}
        assert refused["nnapi-1.2"] == {**padding, resize: 2}
        assert refused["nnapi-1.3"] == refused["nnapi-fl6"] == padding
        assert refused["nnapi-fl7"] == {}
        assert form.cells["nnapi-1.2"].nodes < 1
    for form in files(row_of(committed, "pynet_v2_nnapi")):
        assert form.cells["nnapi-1.2"].nodes == 1, "with zeros and plain sampling it is"


def test_residual_scaling_is_in_the_onnx_and_folded_in_the_tflite(committed: Map) -> None:
    tflite, onnx = files(row_of(committed, "inception_resnetv2_fpn"))
    assert onnx.operators["Mul"] == 20
    assert "MUL" not in tflite.operators
    for phone in ("mate30-pro-5g", "pixel-4"):
        assert onnx.cells[phone].unknown["Mul"] == 20, "which its paper saw fall back there"
    pieces = [form.cells["mate30-pro-5g"].pieces for form in (tflite, onnx)]
    assert pieces == [6, 26], "as docs/reference-networks.md says"


def test_the_picture_is_well_formed_and_names_every_network(committed: Map) -> None:
    picture = ElementTree.fromstring((DOCS / f"{NAME}.svg").read_text(encoding="utf-8"))
    words = {element.text for element in picture.iter() if element.tag.endswith("text")}
    assert set(CATALOGUE) <= words
    assert {row.source for row in committed.rows} <= words

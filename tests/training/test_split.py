"""What is trained on and what is held out: fixed, apart, and the same everywhere."""

from __future__ import annotations

import hashlib
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from npulint.errors import MissingExtraError, UsageError
from npulint.reference_models.training import pictures
from npulint.reference_models.training.pictures import PARTS, Photograph, Scene, of, split
from npulint.reference_models.training.scenes import scene

PHOTOGRAPHS = [each for each in split() if isinstance(each, Photograph)]
SCENES = [each for each in split() if isinstance(each, Scene)]


def test_no_picture_is_in_two_parts() -> None:
    for first, second in combinations(PARTS, 2):
        assert of(first)
        assert of(second)
        assert {each.name for each in of(first)}.isdisjoint(each.name for each in of(second))
        assert {each.digest for each in of(first)}.isdisjoint(each.digest for each in of(second))
    assert len({each.digest for each in split()}) == len(split())


def test_every_part_has_photographs_and_scenes() -> None:
    for part in PARTS:
        assert {type(each) for each in of(part)} == {Photograph, Scene}


@pytest.mark.parametrize("photograph", PHOTOGRAPHS, ids=lambda each: each.name)
def test_a_photograph_is_what_the_split_names(photograph: Photograph) -> None:
    pixels = photograph.pixels()
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3
    assert min(pixels.shape[:2]) >= 300
    assert pixels.std() > 20


@pytest.mark.parametrize("drawn", [SCENES[0], SCENES[-1]], ids=lambda each: each.name)
def test_a_scene_is_drawn_as_it_was(drawn: Scene) -> None:
    pixels = drawn.pixels()
    assert pixels.shape == (256, 256, 3)
    assert pixels.std() > 20
    assert (scene(drawn.seed + 1000) != pixels).mean() > 0.9


def test_every_photograph_says_whose_it_is_and_on_which_terms() -> None:
    for photograph in PHOTOGRAPHS:
        assert photograph.author
        assert photograph.source
        assert photograph.licence in {"CC0", "CC BY 2.0", "public domain"}


def test_another_file_under_the_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "gallery"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "data" / "a.png").write_bytes(b"another")
    monkeypatch.syspath_prepend(tmp_path)
    wanted = hashlib.sha256(b"one").hexdigest()
    picture = Photograph(
        "a", "train", wanted, "gallery", "gallery-data", "data/a.png", "me", "CC0", "here"
    )
    with pytest.raises(UsageError, match="another version of gallery-data"):
        picture.pixels()


def test_a_missing_package_is_named() -> None:
    picture = Photograph(
        "a", "train", "", "no_such_gallery", "no-such-gallery", "a.png", "me", "CC0", "here"
    )
    with pytest.raises(MissingExtraError, match=r"no-such-gallery.*npulint\[photographs\]"):
        picture.pixels()


def test_a_scene_that_is_drawn_otherwise_is_refused() -> None:
    with pytest.raises(UsageError, match="scene 0 is drawn otherwise"):
        Scene("train", "0" * 64, 0).pixels()


def test_the_digest_is_of_the_file_as_it_stands() -> None:
    text = pictures.SPLIT.read_bytes()
    assert pictures.digest() == hashlib.sha256(text).hexdigest()
    assert json.loads(text).keys() == {"photographs", "scenes"}

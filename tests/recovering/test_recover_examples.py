"""How samples are split, drawn, cut and turned."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npulint.errors import UsageError
from npulint.recovering.examples import Batches, Example, sides_of, split
from npulint.recovering.recipe import Recipe


@given(st.integers(2, 300))
def test_a_split_trains_on_every_other_sample_and_reports_on_none_of_them(count: int) -> None:
    found = split(count)
    assert found.training == tuple(range(0, count, 2))
    between = set(range(1, count, 2))
    assert found.choosing
    assert found.reporting
    assert {*found.choosing} | {*found.reporting} <= between
    assert found.apart == (count >= 6)
    assert len(found.choosing) <= 16
    assert len(found.reporting) <= 32
    if 6 <= count <= 64:
        assert {*found.choosing} | {*found.reporting} == between


@pytest.mark.parametrize(("count", "said"), [(0, "no samples"), (1, "1 sample:")])
def test_too_few_samples(count: int, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        split(count)


@pytest.mark.parametrize(
    ("shape", "last", "sides"),
    [
        ((1, 3, 32, 48), False, (2, 3)),
        ((1, 32, 48, 3), True, (1, 2)),
        ((1, 32, 48, 3), False, (1, 2)),  # of a converter that keeps channels last
        ((1, 64, 32, 48), False, (2, 3)),
        ((1, 32, 48, 64), True, (1, 2)),
        ((1, 10), False, None),
        ((1, 3, 4, 5, 6), False, None),
    ],
)
def test_where_rows_and_columns_are(shape: tuple[int, ...], last: bool, sides: object) -> None:
    assert sides_of(shape, last=last) == sides


def _numbered(count: int, shape: tuple[int, ...] = (1, 1, 16, 24), scale: int = 1) -> list[Example]:
    """Samples in which each place holds its own number, and truths that repeat it."""
    found = []
    for number in range(count):
        image = (np.arange(np.prod(shape)) + 1000 * number).reshape(shape).astype(np.float32)
        large = image.repeat(scale, 2).repeat(scale, 3)
        found.append(Example(f"{number}", (image,), (image,), (large,)))
    return found


def _teacher(inputs: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    return (inputs[0] + 1,)


def test_each_sample_is_drawn_as_often_as_any_other_and_by_the_seed_alone() -> None:
    recipe = Recipe(batch=3)
    batches = Batches(_numbered(5), recipe, _teacher, last=False)
    names = [each.name for number in range(10) for each in batches.batch(number)]
    assert set(Counter(names).values()) == {6}
    again = Batches(_numbered(5), recipe, _teacher, last=False)
    assert [each.name for number in range(10) for each in again.batch(number)] == names
    other = Batches(_numbered(5), Recipe(batch=3, seed=1), _teacher, last=False)
    assert [each.name for number in range(10) for each in other.batch(number)] != names


def test_whole_samples_are_not_computed_again() -> None:
    examples = _numbered(2)
    batches = Batches(examples, Recipe(batch=2), lambda _: pytest.fail("asked"), last=False)
    assert {each.name for each in batches.batch(0)} == {"0", "1"}


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("scale", [1, 2])
def test_pieces_of_samples_have_the_same_pieces_of_their_truths(flip: bool, scale: int) -> None:
    batches = Batches(
        _numbered(3, scale=scale), Recipe(patch=8, batch=6, flip=flip), _teacher, last=False
    )
    corners = set()
    for number in range(8):
        for each in batches.batch(number):
            (image,), (truth,) = each.inputs, each.truth or ()
            assert image.shape == (1, 1, 8, 8)
            np.testing.assert_array_equal(truth, image.repeat(scale, 2).repeat(scale, 3))
            np.testing.assert_array_equal(each.wanted[0], image + 1)
            corners.add(float(image.min()))
            row, column = divmod(int(image.min()) % 1000, 24)
            assert row % 4 == column % 4 == 0
    assert len(corners) > 10


def test_turned_pieces_keep_what_they_are_made_of() -> None:
    batches = Batches(
        _numbered(1, (1, 1, 8, 12)), Recipe(flip=True, batch=16), _teacher, last=False
    )
    images = [each.inputs[0] for each in batches.batch(0)]
    first = _numbered(1, (1, 1, 8, 12))[0].inputs[0]
    assert len({image.tobytes() for image in images}) == 4  # two mirrored, two turned by half
    for image in images:
        np.testing.assert_array_equal(np.sort(image, None), np.sort(first, None))


@pytest.mark.parametrize(
    ("example", "recipe", "message"),
    [
        (Example("a", (np.zeros((1, 8)),), ()), Recipe(patch=4), "patch: a is 1x8; only images"),
        (Example("a", (np.zeros((1, 8)),), ()), Recipe(flip=True), "flip: a is 1x8; only images"),
        (_numbered(1)[0], Recipe(patch=32), "patch 32: 0 is 16x24"),
        (
            Example("a", (np.zeros((1, 3, 8, 8)), np.zeros((1, 3, 4, 4))), ()),
            Recipe(patch=4),
            "the inputs of a differ in rows and columns",
        ),
        (
            Example("a", (np.zeros((1, 3, 9, 9)),), (), (np.zeros((1, 3, 12, 12)),)),
            Recipe(patch=8),
            "a is 9x9 and its truth 1x3x12x12: pieces of the one have no whole pieces",
        ),
    ],
)
def test_what_cannot_be_cut(example: Example, recipe: Recipe, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Batches([example], recipe, _teacher, last=False)

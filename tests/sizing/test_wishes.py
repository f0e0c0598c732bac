"""What is asked of inputs: how it is written, and what no file can give."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from npulint.errors import UsageError
from npulint.model import Model
from npulint.sizing.walk import resized
from npulint.sizing.wishes import asked, read_wish
from tests.formats import onnx_building as build

SIZES = st.lists(st.integers(1, 2**31 - 1), min_size=1, max_size=8)
NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


@given(NAMES, SIZES)
def test_what_is_written_is_read(name: str, sizes: list[int]) -> None:
    assert read_wish(asked((name, sizes))) == (name, tuple(sizes))


@given(st.text(alphabet="0123456789x=-na. ", max_size=12))
def test_whatever_is_written_is_sizes_or_one_clear_line(text: str) -> None:
    parts = text.rpartition("=")[2].split("x")
    if all(part.isdigit() and 0 < int(part) < 2**31 for part in parts) and text[:1] != "=":
        assert read_wish(text) == (text.rpartition("=")[0], tuple(map(int, parts)))
    else:
        with pytest.raises(UsageError, match=r"^--input-shape .*: give sizes from 1 to 2147483647"):
            read_wish(text)


@pytest.mark.parametrize(
    "text",
    ["", "x=", "=1x3", "1x0x3", "1x-3", "1x3x", "axb", "1x2147483648", "1x²", "1×3", "9" * 5000],
)
def test_what_are_no_sizes(text: str) -> None:
    with pytest.raises(UsageError, match="as in NAME=1x3x720x1280"):
        read_wish(text)


def two_inputs(folder: Path) -> Model:
    """image [n, 3, h, w] and mask [n, 1, h, w], multiplied."""
    graph = build.graph(
        [helper.make_node("Mul", ["image", "mask"], ["y"])],
        [build.floats("image", "n", 3, "h", "w"), build.floats("mask", "n", 1, "h", "w")],
        [build.floats("y", "n", 3, "h", "w")],
    )
    return build.reading(folder, build.model(graph))


INPUTS = "'image' (nx3xhxw), 'mask' (nx1xhxw)"


@pytest.mark.parametrize(
    ("wished", "said"),
    [
        (
            {"imagge": (1, 3, 8, 8)},
            f"--input-shape imagge=1x3x8x8: no input is called 'imagge'; nearest is "
            f"'image': {INPUTS}",
        ),
        (
            {"": (1, 3, 8, 8)},
            f"--input-shape 1x3x8x8: say of which input, as in NAME=SIZES: {INPUTS}",
        ),
        (
            {"image": (1, 3, 8)},
            "--input-shape image=1x3x8: input 'image' is nx3xhxw, which are 4 sizes, and 3 "
            "are given",
        ),
        (
            {"image": (1, 4, 8, 8)},
            "--input-shape image=1x4x8x8: input 'image' is nx3xhxw: the file fixes size 1 (from 0) "
            "at 3, not 4",
        ),
        (
            {"image": (1, 3, 8, 9), "mask": (1, 1, 8, 8)},
            "--input-shape mask=1x1x8x8: the file calls this size 'w', and so it must be the 9 of "
            "'image', not 8",
        ),
        ({"image": (0, 3, 8, 8)}, "--input-shape image=0x3x8x8: give sizes from 1 to 2147483647"),
    ],
)
def test_what_no_file_can_give(
    tmp_path: Path, wished: dict[str, tuple[int, ...]], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        resized(two_inputs(tmp_path), wished)
    assert str(caught.value) == said


def test_a_name_of_a_size_is_one_size(tmp_path: Path) -> None:
    graph = resized(two_inputs(tmp_path), {"image": (2, 3, 8, 9)}).graphs[0]
    assert [graph.values[index].shape for index in graph.inputs] == [(2, 3, 8, 9), (2, 1, 8, 9)]
    assert graph.values[graph.outputs[0]].shape == (2, 3, 8, 9)


def test_what_the_file_says_already_changes_nothing(tmp_path: Path) -> None:
    model = resized(two_inputs(tmp_path), {"image": (2, 3, 8, 9)})
    assert resized(model, {"image": (2, 3, 8, 9), "mask": (2, 1, 8, 9)}) is model
    assert resized(model, {}) is model

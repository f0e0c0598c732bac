"""Globs of files, held against pathlib's on real folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npulint.config.globs import fixed_folder, is_literal, matches, relative

FILES = ["a", "b.x", "s/a", "s/b.x", "s/t/a", "s/t/ab.x", "s/t/u/.x", "t/s/[a]", "t/a b"]
NAMES = st.sampled_from(["*", "?", "a", "b.x", "*.x", "[ab]*", "s", "t", "a*", "**", "[!a]*", "**"])


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@given(st.lists(NAMES, min_size=2, max_size=5))
def test_a_glob_means_what_pathlib_means(tree: Path, names: list[str]) -> None:
    glob = "/".join(names)
    # Of a `**` at the end pathlib names the folders only: all below them is meant here.
    asked = f"{glob}/*" if names[-1] == "**" else glob
    expected = {relative(path, tree) for path in tree.glob(asked) if path.is_file()}
    assert {name for name in FILES if matches(name, glob)} == expected


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("*.onnx", "deep/down/m.onnx", True),
        ("m.onnx", "deep/m.onnx", True),
        ("./m.onnx", "deep/m.onnx", False),
        ("./m.onnx", "m.onnx", True),
        ("deep/", "deep/down/m.onnx", True),
        ("deep/", "other/deep/m.onnx", False),
        ("deep/*", "deep/down/m.onnx", False),
        ("deep/**/m.onnx", "deep/m.onnx", True),
        ("M.onnx", "m.onnx", False),
        ("[z-a]", "a", False),
        ("m[", "m[", True),
        ("**/*.onnx", "../beside/m.onnx", True),
    ],
)
def test_the_short_forms(glob: str, path: str, expected: bool) -> None:
    assert matches(path, glob) is expected


@given(st.text("a/*?[]!.", min_size=1, max_size=12), st.text("a/.", min_size=1, max_size=8))
def test_no_glob_is_a_fault_of_ours(glob: str, path: str) -> None:
    assert matches(path, glob) in (True, False)


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_all_files_of_a_glob_are_below_its_fixed_folder(names: list[str]) -> None:
    glob = "/".join(names)
    folder = fixed_folder(glob)
    for name in FILES:
        if matches(name, glob):
            assert not folder or name.startswith(f"{folder}/")


@pytest.mark.parametrize(
    ("glob", "expected"),
    [("a/b.onnx", True), ("./b.onnx", True), ("b.onnx", False), ("a/", False), ("a/*.x", False)],
)
def test_literal(glob: str, expected: bool) -> None:
    assert is_literal(glob) is expected

"""Lines of keys: found in whatever way valid TOML may be written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npulint.config.toml import read
from npulint.errors import ConfigError

PLACES: dict[str, tuple[str, dict[tuple[str | int, ...], int]]] = {
    "dotted keys": ("a.b.c = 1\n\na . 'd e' = 2\n", {
        ("a",): 1, ("a", "b"): 1, ("a", "b", "c"): 1, ("a", "d e"): 3}),
    "a table and what is in it": ("# x\n[a.b] # y\n\nc = 1\n[a]\nd = 2\n", {
        ("a", "b"): 2, ("a", "b", "c"): 4, ("a", "d"): 6}),
    "arrays of tables": ("[[p]]\nx = 1\n[[p]]\nx = 2\n[p.q]\ny = 3\n[[p.r]]\nz = 4\n", {
        ("p",): 1, ("p", 0): 1, ("p", 0, "x"): 2, ("p", 1): 3, ("p", 1, "x"): 4,
        ("p", 1, "q"): 5, ("p", 1, "q", "y"): 6, ("p", 1, "r", 0): 7, ("p", 1, "r", 0, "z"): 8}),
    "inline tables": ('a = {b = {c.d = 1}, "e" = [1, {f = 2}]}\ng = 1', {
        ("a", "b", "c", "d"): 1, ("a", "e", 1, "f"): 1, ("g",): 2}),
    "arrays over lines": ("a = [\n  1, # one\n\n  [2,\n 3],\n]\nb = 1\n", {
        ("a",): 1, ("a", 0): 2, ("a", 1): 4, ("a", 1, 0): 4, ("a", 1, 1): 5, ("b",): 7}),
    "texts over lines": ('a = """\nb = 1\n\\""" c""""\nd = \'\'\'\n[e]\n\'\'\'\'\'\nf = 1\n', {
        ("a",): 1, ("d",): 4, ("f",): 7}),
    "texts with brackets": ("a = ['}', \"]#\\\"\", '''\n]''']\nb = 1", {
        ("a", 2): 1, ("b",): 3}),
    "escaped keys": ('"\\u0061" = 1\n"b.c" = 2\n', {("a",): 1, ("b.c",): 2}),
    "dates with a blank": ("a = 1979-05-27 07:32:00Z\nb = [1979-05-27 07:32:00, 1]\nc = 1", {
        ("b", 1): 2, ("c",): 3}),
    "lines of Windows": ("a = 1\r\n\r\nb = '''x\r\n'''\r\nc = 1\r\n", {("b",): 3, ("c",): 5}),
    "a byte order mark": ("\ufeff\na = 1", {("a",): 2}),
}  # fmt: skip


def write(folder: Path, text: str, name: str = "npulint.toml") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("name", PLACES)
def test_lines(name: str, tmp_path: Path) -> None:
    text, expected = PLACES[name]
    lines = read(write(tmp_path, text)).lines
    assert {path: lines.get(path) for path in expected} == expected


def paths(data: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    """Every way into a document."""
    below = data.items() if isinstance(data, dict) else enumerate(data)
    inside = (dict, list)
    return {(*path, key) for key, _ in below} | {
        way
        for key, each in (data.items() if isinstance(data, dict) else enumerate(data))
        if isinstance(each, inside)
        for way in paths(each, (*path, key))
    }


TEXTS = st.text("ab.#[]{}\"'=,\\\n é", max_size=6)
SCALARS = st.one_of(st.integers(-9, 9), st.booleans(), TEXTS, st.dates())
INLINE = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
TABLES = st.dictionaries(TEXTS, INLINE, max_size=4)


def shown(value: Any, breaks: str) -> str:
    """A value as TOML, with something between the items of arrays that means nothing."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {shown(each, breaks)}" for key, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{breaks}{f',{breaks}'.join(shown(each, breaks) for each in value)}{breaks}]"
    if isinstance(value, str):
        return json.dumps(value)
    return str(value).lower()


@given(st.lists(TABLES, max_size=3), TABLES, st.sampled_from(["", " ", "\n", " # ]} \n\n"]))
def test_every_key_has_the_line_that_it_stands_in(
    tmp_path_factory: pytest.TempPathFactory,
    tables: list[dict[str, Any]],
    top: dict[str, Any],
    breaks: str,
) -> None:
    lines = [f"top.{json.dumps(key)} = {shown(value, breaks)}" for key, value in top.items()]
    for table in tables:
        lines += ["", "[[ several ]] # of them"]
        lines += [f"{json.dumps(key)} = {shown(value, breaks)}" for key, value in table.items()]
    document = read(write(tmp_path_factory.mktemp("toml"), "\n".join(lines)))
    written = "\n".join(lines).split("\n")
    assert document.lines.keys() == paths(document.part.data)
    for path, line in document.lines.items():
        if isinstance(path[-1], str):
            word = {"top": "top", "several": "several"}.get(path[-1], json.dumps(path[-1]))
            assert word in written[line - 1] or path[-1] in written[line - 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\nb = \n", "npulint.toml:2: not TOML: "),
        ("a = 1\nb = ", "npulint.toml:2: not TOML: invalid value at the end of the file"),
        ("a = 1\na = 2\n", "npulint.toml:2: not TOML: "),
        ("a = '\udce9'", "not TOML: it must be UTF-8"),
        (f"a = {'[' * 5000}", "npulint.toml"),
        ("#" * 1_100_000, "npulint.toml: more than 1,048,576 bytes"),
    ],
)
def test_what_is_no_toml(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "npulint.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError) as error:
        read(path)
    assert said in str(error.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read(tmp_path / "npulint.toml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read(tmp_path)


def test_a_pyproject_is_read_below_its_table(tmp_path: Path) -> None:
    text = "[project]\nname = 'x'\n\n[tool.npulint]\nratchet = true\n"
    document = read(write(tmp_path, text, "pyproject.toml"))
    assert document.part.data == {"ratchet": True}
    assert document.line((*document.part.path, "ratchet")) == 5
    with pytest.raises(ConfigError, match=r"no \[tool.npulint\]"):
        read(write(tmp_path, "[project]\n", "pyproject.toml"))

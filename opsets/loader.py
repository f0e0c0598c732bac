"""Reading a table's YAML strictly: what a careless table could mean twice is an error."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.errors import TableError
from npulint.opsets.document import DocumentError, Part
from npulint.opsets.document import Path as DocumentPath
from npulint.opsets.family import check_document

if TYPE_CHECKING:
    import yaml

    Check = Callable[[Part], None]

LIMIT = 4 * 1024 * 1024
"""Bytes of a table at most; ours have some tens of thousands."""

NODES = 200_000
"""Parts of a document at most, aliases counted where they stand."""

DEPTH = 64
"""Levels of nesting at most."""

DIGITS = 20
"""Digits of a number at most: as many as 64 bits have, with a sign."""

_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
_PLAIN = {"true": True, "false": False}
_YAML = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Source:
    """A table's data and where each part of it stands in the file."""

    path: Path
    document: Part
    lines: dict[DocumentPath, int]

    def error(self, fault: DocumentError) -> TableError:
        """A complaint with the line at which its part of the document begins."""
        path = fault.path
        while path and path not in self.lines:
            path = path[:-1]
        return TableError(self.path, fault.message, line=self.lines.get(path))


def read_table(path: Path, check: Check = check_document) -> Source:
    """Read and check one table.

    Args:
        path: A YAML file.
        check: Builds everything that the document says.

    Returns:
        Its data, every part of which has been built once, so that building it again cannot fail.

    Raises:
        TableError: The file cannot be read, is not strict YAML, or is not a table.
    """
    source = parse(path, read_bytes(path))
    try:
        check(source.document)
    except DocumentError as fault:
        raise source.error(fault) from None
    return source


def read_shipped(path: Path, check: Check = check_document) -> Part:
    """Read one of the package's own tables, by its compiled form where that is fresh.

    Args:
        path: The YAML file; its compiled form lies beside it.
        check: As for `read_table`.

    Returns:
        Its data: checked when it was compiled, or else just now.

    Raises:
        TableError: The table is at fault.
    """
    text = read_bytes(path)
    try:
        stored = json.loads(path.with_suffix(".json").read_bytes())
    except (OSError, ValueError):
        return read_table(path, check).document
    if stored["sha256"] != hashlib.sha256(text).hexdigest():
        return read_table(path, check).document
    return Part(stored["document"])


def compile_table(path: Path, check: Check = check_document) -> str:
    """The compiled form of a table: its data as JSON and the digest of the YAML.

    Raises:
        TableError: The table is at fault.
    """
    document = read_table(path, check).document.data
    digest = hashlib.sha256(read_bytes(path)).hexdigest()
    return json.dumps({"sha256": digest, "document": document}, separators=(",", ":")) + "\n"


def parse(path: Path, text: bytes) -> Source:
    """Turn strict YAML into plain data.

    Args:
        path: The file that it comes from, for messages.
        text: The file's bytes.

    Raises:
        TableError: It is not YAML, has a duplicate key, or a scalar that is not plain.
    """
    import yaml

    loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_size(path, yaml.parse(text, Loader=loader))
        node = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = None if mark is None else mark.line + 1
        problem = f"not YAML: {error.problem}"
        if "nesting depth" in (error.problem or ""):
            # libyaml has a bound of its own, 1,000, which it meets before it tells of any level.
            problem = _TOO_DEEP
        raise TableError(path, problem, line=line) from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count(b"\n") + 1
        raise TableError(path, f"not a text: {str(error).splitlines()[0]}", line=line) from None
    if node is None:
        raise TableError(path, "empty: expected a support table")
    reader = _Reader(path)
    return Source(path, Part(reader.plain(node, ())), reader.lines)


_TOO_DEEP = f"nested deeper than {DEPTH}: not a support table"


def _check_size(path: Path, events: Iterable[yaml.Event]) -> None:
    """Refuse what composing would take too much memory or, by recursion, too much stack for."""
    import yaml

    depth = 0
    for number, event in enumerate(events):
        mark = event.start_mark
        line = None if mark is None else mark.line + 1
        if number > NODES:
            raise TableError(path, f"more than {NODES} parts: not a support table", line=line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEPTH:
                raise TableError(path, _TOO_DEEP, line=line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Reader:
    """Turns composed nodes into plain data, noting lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[DocumentPath, int] = {}
        self._open: set[int] = set()
        import yaml

        self._mappings = yaml.MappingNode

    def plain(self, node: yaml.Node, path: DocumentPath) -> object:
        """The data of a node."""
        self.lines[path] = node.start_mark.line + 1
        if len(self.lines) > NODES:
            raise self._error(node, f"more than {NODES} parts: not a support table")
        if not isinstance(node.value, list):
            return self._scalar(node)
        mapping = node if isinstance(node, self._mappings) else None
        if node.tag != f"{_YAML}{'map' if mapping else 'seq'}":
            raise self._tagged(node)
        if id(node) in self._open:
            raise self._error(node, "an alias contains itself")
        self._open.add(id(node))
        data = self._mapping(mapping, path) if mapping else self._list(node, path)
        self._open.discard(id(node))
        return data

    def _list(self, node: yaml.Node, path: DocumentPath) -> list[object]:
        return [self.plain(item, (*path, place)) for place, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: DocumentPath) -> dict[str, object]:
        data: dict[str, object] = {}
        for key_node, value in node.value:
            if isinstance(key_node.value, list):
                raise self._error(key_node, "a key is a text, found a list or a mapping")
            key = key_node.value
            if key_node.tag == f"{_YAML}merge":
                raise self._error(key_node, "<< is not in the language: write the keys out")
            if key_node.tag != f"{_YAML}str":
                raise self._error(key_node, f"the key {key!r} is not a text: quote it")
            if key in data:
                raise self._error(key_node, f"duplicate key {key!r}")
            if node.flow_style and value.tag == f"{_YAML}null":
                hint = "expected a value, or quotes around a text that has a comma"
                raise self._error(key_node, f"nothing stands here behind {key!r}: {hint}")
            below = (*path, key)
            data[key] = self.plain(value, below)
            self.lines[below] = key_node.start_mark.line + 1
        return data

    def _scalar(self, node: yaml.Node) -> object:
        text = str(node.value)
        kind = node.tag.removeprefix(_YAML)
        if kind == "str":
            return self._text(node, text)
        if kind in {"int", "float"} and len(text) > DIGITS:
            raise self._error(node, f"a number of {len(text)} characters: at most {DIGITS}")
        if kind == "int" and _INTEGER.fullmatch(text):
            return int(text)
        if kind == "float" and _DECIMAL.fullmatch(text):
            return float(text)
        if kind == "bool" and text in _PLAIN:
            return _PLAIN[text]
        if kind == "null":
            raise self._error(node, "nothing stands here: expected a value")
        if kind not in {"int", "float", "bool", "timestamp"}:
            raise self._tagged(node)
        plain = {"bool": "true or false", "int": "a plain whole number", "float": "a plain decimal"}
        meant = plain.get(kind, "a text")
        raise self._error(node, f"{text} is not plain: write {meant}, or quote it as a text")

    def _text(self, node: yaml.Node, text: str) -> str:
        """A text that shows what it says: what does not print could mislead a reader."""
        for character in text:
            if not character.isprintable() and character != "\n":
                raise self._error(node, f"the character U+{ord(character):04X} does not print")
        return text

    def _tagged(self, node: yaml.Node) -> TableError:
        return self._error(node, f"the tag {node.tag} has no meaning here: write plain YAML")

    def _error(self, node: yaml.Node, message: str) -> TableError:
        return TableError(self.path, message, line=node.start_mark.line + 1)


def read_bytes(path: Path) -> bytes:
    """Read a file, as long as no table has reason to be longer.

    Raises:
        TableError: It cannot be read, or is longer than `LIMIT`.
    """
    try:
        with path.open("rb") as file:
            text = file.read(LIMIT + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise TableError(path, f"cannot be read: {reason}") from None
    if len(text) > LIMIT:
        raise TableError(path, f"longer than {LIMIT} bytes: not a support table")
    return text

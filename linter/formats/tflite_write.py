"""The TFLite writer: a `Model` becomes a `.tflite` file, its weights copied from where they lie.

A model that was read and changed is written as its file had it but for the changes: what
`Node.origin`, `Value.origin` and `Graph.origin` lead to is taken from there table by table, with
all that npulint does not read. What is new is encoded by the schema. Three things follow where
the change leads: operator codes and buffers that nothing uses any more are left out, and control
dependencies point to where the nodes now stand.

Weights lie behind all tables, 16 bytes aligned. A flatbuffer ends below 2 GiB, so the tensors of
a larger model lie behind it and are found by offset and size, as the converter does it with
`use_buffer_offset` (google-ai-edge/LiteRT tflite/converter/flatbuffer_export.cc, AppendBufferData
and UpdateBufferOffsets, @f6745779); a file that has them there keeps them there.

Data in other files (external buffers) stays there when a model is written in place of the file
that it was read from; under another name it gets one data file of its own, `<name>.data`.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from npulint.errors import InvalidModelError, ModelFileError
from npulint.formats.checks import check_model, place, unmade, where
from npulint.formats.flatbuffer_build import ALIGNMENT, LARGEST, Image, Table, build
from npulint.formats.flatbuffer_copy import Original
from npulint.formats.flatbuffer_schema import Schema
from npulint.formats.output import Content, Files, NewFile, length_of
from npulint.formats.source import reread
from npulint.formats.tflite_options import OPTION_TABLES
from npulint.formats.tflite_schema import ENUMS, SCHEMA_VERSION, TABLES, UNIONS
from npulint.formats.tflite_write_external import own_data_file
from npulint.formats.tflite_write_metadata import check_signatures, metadata, signatures
from npulint.formats.tflite_write_nodes import OperatorCodes, Operators
from npulint.formats.tflite_write_values import NewBuffers, NewTensors
from npulint.model import INLINE_LIMIT, Node, Storage, Value

if TYPE_CHECKING:
    from npulint.model import Graph, Model

SCHEMA = Schema({**TABLES, **OPTION_TABLES}, ENUMS, UNIONS, unused=True)

_IDENTIFIER = b"TFL3"

_OUTSIDE = "buffer_location"
_OUTSIDE_TEXT = b"outside flatbuffers"
"""The metadata by which a runtime knows that it needs the file and not only the flatbuffer."""

_COMPILED = "DISPATCH_OP"
"""The custom operator whose options hold offsets into its file (litert/core/build_stamp.h)."""

_LARGE_OFFSET, _LARGE_SIZE = "large_custom_options_offset", "large_custom_options_size"

_NO_OFFSET = 2
"""Stands for an offset until it is known; up to 1 means that there is none."""


@dataclass(slots=True)
class _Outside:
    """Bytes behind the flatbuffer, and the table that says where."""

    table: Table
    offset: str
    size: str
    content: Content

    def set(self, offset: int) -> None:
        self.table.fields[self.offset] = offset
        self.table.fields[self.size] = length_of(self.content)


def write(model: Model, path: Path) -> None:
    """Write a TFLite model; the file appears whole or not at all.

    Args:
        model: A model that was read from a file, changed or not, or made up.
        path: Where to; it may be the file that the model was read from.

    Raises:
        InvalidModelError: The model contradicts itself or says what TFLite cannot.
        ModelFileError: A file cannot be written, or the one that the model was read from is no
            longer what it was.
    """
    check_model(model)
    _refuse_compiled(model)
    source = reread(model)
    tree = Table("Model", {"version": SCHEMA_VERSION})
    if source is not None:
        with _mapped(source.path, source.size) as data:
            file = Original(data, source.path, SCHEMA)
            tree = file.table("Model", int.from_bytes(data[:4], "little"))
    writer = _Writer(model, source, tree)
    with Files() as files:
        tree = own_data_file(writer.assemble(), model.path, path, files)
        writer.write(tree, files.create(path))


def _refuse_compiled(model: Model) -> None:
    for graph in model.graphs:
        for node in graph.nodes:
            if node.custom and node.op == _COMPILED:
                raise InvalidModelError(
                    f"{where(node)} runs a program by its place in the file, which is compiled for "
                    "one chip and cannot be moved; change the model that it was compiled from"
                )


def _mapped(path: Path, size: int) -> mmap.mmap:
    try:
        with path.open("rb") as stream:
            return mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise ModelFileError(path, f"cannot be read: {error}") from error


class _Writer:
    def __init__(self, model: Model, source: Model | None, tree: Table) -> None:
        self._model = model
        self._source = source
        self._tree = tree
        self._graphs: list[Table] = tree.fields.get("subgraphs", [])
        self._outside: list[_Outside] = []
        self._inside: set[int] = set()

    def write(self, tree: Table, file: NewFile) -> None:
        """Lay the tables out and write everything."""
        image = self._lay_out(tree)
        image.write(file)
        written: dict[Content, int] = {}
        for part in self._outside:
            if part.content not in written:
                file.align(ALIGNMENT)
                written[part.content] = file.size
                file.write(part.content)
        if self._outside:
            file.write(bytes(ALIGNMENT))
            file.align(ALIGNMENT)

    def _lay_out(self, tree: Table) -> Image:
        """Lay the flatbuffer out, with the tensors behind it where it would grow too large."""
        image = build(SCHEMA, tree, _IDENTIFIER)
        if image.size > LARGEST:
            self._move_out(tree)
            image = build(SCHEMA, tree, _IDENTIFIER)
        if image.size > LARGEST:
            raise InvalidModelError(
                f"without its tensors the model still takes {image.size} bytes; a flatbuffer "
                f"takes {LARGEST}"
            )
        position = image.size
        places: dict[Content, int] = {}
        for part in self._outside:
            if part.content not in places:
                position += -position % ALIGNMENT
                places[part.content] = position
                position += length_of(part.content)
            part.set(places[part.content])
        # The same tables with other numbers in them: nothing moves.
        return build(SCHEMA, tree, _IDENTIFIER) if self._outside else image

    def assemble(self) -> Table:
        """The `Model` table, but for what lies behind the flatbuffer."""
        model, source, old = self._model, self._source, self._tree.fields
        check_signatures(model, source)
        tensors = [graph.fields.get("tensors", []) for graph in self._graphs]
        operators = [graph.fields.get("operators", []) for graph in self._graphs]
        buffers = NewBuffers(old.get("buffers", []), source, tensors)
        codes = OperatorCodes(
            SCHEMA, old.get("operator_codes", []), [node for graph in operators for node in graph]
        )
        parts = (NewTensors(SCHEMA, buffers), Operators(SCHEMA, codes))
        graphs = [self._graph(graph, *parts) for graph in model.graphs]
        code_tables, numbers = codes.final()
        for graph in graphs:
            for node in graph.fields.get("operators") or ():
                node.fields["opcode_index"] = numbers[node.fields["opcode_index"]]
        entries = metadata(model, source, old.get("metadata", []), buffers.tables)
        self._inside.update(entry.fields.get("buffer", 0) for entry in entries)
        self._inside.update(old.get("metadata_buffer", ()))
        buffers.finish(old.get("metadata", []), self._inside)
        self._note_outside(buffers.tables, graphs)
        fields: dict[str, Any] = {
            "operator_codes": code_tables,
            "subgraphs": graphs,
            "metadata": entries,
            "signature_defs": signatures(model, source, old.get("signature_defs", [])),
            "buffers": buffers.tables,
        }
        for name in ("metadata", "signature_defs"):
            if not fields[name] and name not in old:
                del fields[name]
        described = model.metadata.get("description")
        if source is None or described != source.metadata.get("description"):
            fields["description"] = described
        return self._tree.changed(**fields)

    def _graph(self, graph: Graph, tensors: NewTensors, operators: Operators) -> Table:
        """The `SubGraph` table of one graph."""
        was, old = None, Table("SubGraph", {})
        if graph.origin is not None and self._source is not None:
            was, old = self._source.graphs[graph.origin], self._graphs[graph.origin]
        old_tensors = old.fields.get("tensors", [])
        old_nodes = old.fields.get("operators", [])
        was_values, was_nodes = ((), ()) if was is None else (was.values, was.nodes)
        fields = dict(old.fields)
        fields["tensors"] = [
            tensors.table(graph, value, *_before(value.origin, was_values, old_tensors))
            for value in graph.values
        ]
        nodes = [
            operators.table(node, *_before(node.origin, was_nodes, old_nodes))
            for node in graph.nodes
        ]
        if nodes or "operators" in fields:
            fields["operators"] = nodes
        for name in ("inputs", "outputs"):
            indexes = getattr(graph, name)
            if was is None or indexes != getattr(was, name):
                fields[name] = indexes
        if was is None or graph.name != was.name:
            fields["name"] = graph.name
        _check_provided(graph, was)
        return Table("SubGraph", fields)

    def _note_outside(self, buffers: list[Table], graphs: list[Table]) -> None:
        """Find what the file keeps behind its flatbuffer; new constants then go there too."""
        path = self._model.path
        for index, table in enumerate(buffers):
            offset = table.fields.get("offset", 0)
            if offset > 1 and "data" not in table.fields:
                stored = Storage(path, offset, table.fields.get("size", 0))
                buffers[index] = self._put_outside(table, "offset", "size", stored)
        for graph in graphs:
            for position, node in enumerate(graph.fields.get("operators") or ()):
                offset = node.fields.get(_LARGE_OFFSET, 0)
                if offset > 1 and node.fields.get("custom_options") is None:
                    stored = Storage(path, offset, node.fields.get(_LARGE_SIZE, 0))
                    graph.fields["operators"][position] = self._put_outside(
                        node, _LARGE_OFFSET, _LARGE_SIZE, stored
                    )
        if self._outside:
            self._move_buffers(buffers, first=len(self._tree.fields.get("buffers", [])))

    def _put_outside(self, table: Table, offset: str, size: str, content: Content) -> Table:
        changed = table.changed(**{offset: _NO_OFFSET, size: length_of(content)})
        self._outside.append(_Outside(changed, offset, size, content))
        return changed

    def _move_buffers(self, buffers: list[Table], first: int = 0) -> None:
        """Put the buffers of tensors behind the flatbuffer; metadata is only read within it."""
        for index in range(first, len(buffers)):
            content = buffers[index].fields.get("data")
            if index not in self._inside and content is not None and length_of(content):
                buffers[index] = self._put_outside(
                    buffers[index].changed(data=None), "offset", "size", content
                )

    def _move_out(self, tree: Table) -> None:
        """Make the flatbuffer small: tensors and long custom options go behind it."""
        self._move_buffers(tree.fields["buffers"])
        for graph in tree.fields["subgraphs"]:
            nodes = graph.fields.get("operators") or []
            for position, node in enumerate(nodes):
                content = node.fields.get("custom_options")
                if content is not None and length_of(content) > INLINE_LIMIT:
                    moved = node.changed(custom_options=None)
                    nodes[position] = self._put_outside(moved, _LARGE_OFFSET, _LARGE_SIZE, content)
        entries = tree.fields.setdefault("metadata", [])
        if all(entry.fields.get("name") != _OUTSIDE for entry in entries):
            tree.fields["buffers"].append(Table("Buffer", {"data": _OUTSIDE_TEXT}))
            number = len(tree.fields["buffers"]) - 1
            entries.append(Table("Metadata", {"name": _OUTSIDE, "buffer": number}))


_Part = TypeVar("_Part", Node, Value)


def _before(
    origin: int | None, parts: tuple[_Part, ...], tables: list[Table]
) -> tuple[_Part | None, Table | None]:
    """What a part of a graph was in the file, and its table there."""
    if origin is None:
        return None, None
    return parts[origin], tables[origin]


def _check_provided(graph: Graph, was: Graph | None) -> None:
    """Check that what is read is there; files may have read what nothing makes before."""
    known = set() if was is None else {value.index for value in unmade(was)}
    for value in unmade(graph):
        if value.origin not in known and value.dtype != "resource":
            raise InvalidModelError(
                f"{place(graph, value)} is read, but nothing makes it; it has to be an input, a "
                "constant, a variable or the output of a node"
            )

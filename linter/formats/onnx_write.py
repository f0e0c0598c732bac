"""The ONNX writer: a `Model` becomes an `.onnx` file, its weights copied from where they lie.

A model that was read and changed is written as its file had it but for the changes: what
`Node.origin`, `Value.origin` and `Graph.origin` lead to is taken over byte by byte, with
documentation, metadata, training information and fields that npulint does not know, in the order
of the file. A model of which nothing changed is written as the same bytes. Types of values that
are neither inputs nor outputs are stated where the file states them and for new values; what
shape inference found is not written.

Data in other files stays in other files. A model that is written in place of its file goes on
using its data files; under another name it gets one of its own, `<name>.data`, with new tensors
of 1 KiB or more in it too. Neither appears without the other.

Official readers take files below 2 GiB. A model that would grow beyond that gets a data file for
every tensor of 1 KiB or more. One whose file was larger already, which some runtimes do take, is
written the way it was.
"""

from __future__ import annotations

import mmap
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.errors import InvalidModelError, ModelFileError
from npulint.formats.checks import check_model, where
from npulint.formats.data_files import data_file, data_files, is_in_place
from npulint.formats.onnx_graphs import opset
from npulint.formats.onnx_tensors import string_entry
from npulint.formats.onnx_write_graphs import GraphWriter
from npulint.formats.onnx_write_source import FUNCTION_KEY, GRAPH_KEY, Bound, bind
from npulint.formats.onnx_write_weights import TRAINING, Weights
from npulint.formats.output import Files
from npulint.formats.protobuf import WireError
from npulint.formats.protobuf_build import Field, Message, WireFile, field, integer
from npulint.formats.source import reread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from npulint.model import Model

LARGEST = (1 << 31) - 1
"""Bytes of a message that official parsers take."""

_IR_VERSION, _PRODUCER, _GRAPH, _OPSET, _METADATA, _FUNCTION = 1, 2, 7, 8, 14, 25
_IR_KEY, _PRODUCER_KEY, _PRODUCER_VERSION_KEY, _OPSET_KEY = 0x08, 0x12, 0x1A, 0x42
_METADATA_KEY, _TRAINING_KEY = 0x72, 0xA2
_FUNCTION_OPSET = 0x4A
_DOMAIN, _VERSION, _ENTRY_KEY, _ENTRY_VALUE = 1, 2, 1, 2

_WITHOUT_OPSETS = {"": 1}
"""Before IR version 3 models imported nothing and meant opset 1."""


def write(model: Model, path: Path) -> None:
    """Write an ONNX model; its file and its data file appear whole or not at all.

    Args:
        model: A model that was read from a file, changed or not, or made up.
        path: Where to; it may be the file that the model was read from.

    Raises:
        InvalidModelError: The model contradicts itself or says what ONNX cannot.
        ModelFileError: A file cannot be written, or one that the model was read from is no
            longer what it was.
    """
    check_model(model)
    source = reread(model)
    with _opened(source) as file:
        try:
            message, weights = _composed(model, source, file, path)
        except WireError as error:
            # In what npulint does not read: training information, descriptions, annotations.
            raise ModelFileError(
                file.path, f"damaged at byte {error.position}: {error}", offset=error.position
            ) from None
    with Files() as files:
        if weights.data:
            weights.write(files.create(path.with_name(weights.location)))
        new = files.create(path)
        for part in message.parts:
            new.write(part)


@contextmanager
def _opened(source: Model | None) -> Iterator[WireFile]:
    """The structure of a model's file; of none, an empty one."""
    if source is None:
        yield WireFile(b"", Path())
        return
    try:
        stream = source.path.open("rb")
    except OSError as error:
        raise ModelFileError(source.path, f"cannot be read: {error.strerror}") from error
    with stream, mmap.mmap(stream.fileno(), source.size, access=mmap.ACCESS_READ) as data:
        yield WireFile(data, source.path)


def _composed(
    model: Model, source: Model | None, file: WireFile, path: Path
) -> tuple[Message, Weights]:
    """The message, once it is clear what goes to a data file."""
    bound = {} if source is None else bind(file, source)
    moves = source is not None and not is_in_place(source.path, path)
    weights = Weights(file, moves=moves)
    message = _Writer(model, source, file, bound, weights).message()
    spills = bool(weights.files) and weights.grew
    grown = message.size > LARGEST and (source is None or source.size <= LARGEST)
    if not (weights.data or spills or grown):
        return message, weights
    taken = weights.files | (data_files(source) if source is not None and moves else set())
    location = data_file(path, taken).name
    weights = Weights(
        file, moves=moves, spills=spills or grown, everything=grown, location=location
    )
    message = _Writer(model, source, file, bound, weights).message()
    if grown and message.size > LARGEST:
        raise InvalidModelError(
            f"without its tensors the model still takes {message.size} bytes; ONNX takes {LARGEST}"
        )
    return message, weights


class _Writer:
    def __init__(
        self,
        model: Model,
        source: Model | None,
        file: WireFile,
        bound: Mapping[int, Bound],
        weights: Weights,
    ) -> None:
        self._model = model
        self._source = source
        self._file = file
        self._bound = bound
        self._weights = weights
        self._graphs = GraphWriter(model, source, file, bound, weights)

    def message(self) -> Message:
        """The ModelProto."""
        old = list(self._file.fields(0, len(self._file.data)))
        self._check_versions()
        lists: dict[int, list[Message]] = {
            GRAPH_KEY: [self._main([part for part in old if part.key == GRAPH_KEY])],
            FUNCTION_KEY: self._functions([part for part in old if part.key == FUNCTION_KEY]),
            _TRAINING_KEY: [self._training(part) for part in old if part.key == _TRAINING_KEY],
            **self._header(old),
        }
        return self._file.rebuilt(0, len(self._file.data), lists)

    def _main(self, old: list[Field]) -> Message:
        body = self._graphs.graph(0)
        return self._file.with_body(old[0], body) if old else field(_GRAPH, body)

    def _functions(self, old: list[Field]) -> list[Message]:
        made = []
        for graph in self._model.graphs:
            if graph.kind == "function":
                body = self._graphs.function(graph.index)
                # The reader numbers the functions from 1 on, as the file has them.
                part = old[graph.origin - 1] if graph.origin else None
                made.append(self._file.with_body(part, body) if part else field(_FUNCTION, body))
        return made

    def _training(self, part: Field) -> Message:
        """Training information: taken over, with the data of its tensors where it belongs."""
        return self._file.with_body(part, self._weights.copied(part.first, part.end, TRAINING))

    def _header(self, old: list[Field]) -> dict[int, list[Message]]:
        """What the model says of itself, as far as that has changed."""
        model, source = self._model, self._source
        lists: dict[int, list[Message]] = {}
        if source is None or model.version != source.version:
            if model.version < 1:
                raise InvalidModelError(
                    f"the model has IR version {model.version}; ONNX counts from 1"
                )
            lists[_IR_KEY] = [integer(_IR_VERSION, model.version)]
        if source is None or model.producer != source.producer:
            lists[_PRODUCER_KEY] = [field(_PRODUCER, model.producer.encode())]
            lists[_PRODUCER_VERSION_KEY] = []
        if source is None or dict(model.opsets) != dict(source.opsets):
            lists[_OPSET_KEY] = self._opsets([part for part in old if part.key == _OPSET_KEY])
        if source is None or dict(model.metadata) != dict(source.metadata):
            kept = [part for part in old if part.key == _METADATA_KEY]
            lists[_METADATA_KEY] = self._metadata(kept)
        return lists

    def _opsets(self, old: list[Field]) -> list[Message]:
        wanted, made = dict(self._model.opsets), []
        for part in old:
            domain, version = opset(self._file.bytes(part), 0, part.end - part.first)
            if wanted.get(domain) == version:
                made.append(self._file.whole(part))
                del wanted[domain]
        for domain, version in wanted.items():
            body = field(_DOMAIN, domain.encode()) if domain else Message()
            body.extend(integer(_VERSION, version))
            made.append(field(_OPSET, body))
        return made

    def _metadata(self, old: list[Field]) -> list[Message]:
        wanted, made = dict(self._model.metadata), []
        for part in old:
            key, value = string_entry(self._file.bytes(part), 0, part.end - part.first)
            if wanted.get(key) == value:
                made.append(self._file.whole(part))
                del wanted[key]
        for key, value in wanted.items():
            body = field(_ENTRY_KEY, key.encode())
            body.extend(field(_ENTRY_VALUE, value.encode()))
            made.append(field(_METADATA, body))
        return made

    def _check_versions(self) -> None:
        """Check that nodes are of the opsets that the model, or their function, imports."""
        functions = {
            graph.index: self._imports(self._bound[graph.origin])
            for graph in self._model.graphs
            if graph.kind == "function" and graph.origin is not None
        }
        waiting = [(0, dict(self._model.opsets) or _WITHOUT_OPSETS), *functions.items()]
        while waiting:
            index, opsets = waiting.pop()
            for node in self._model.graphs[index].nodes:
                if node.version != opsets.get(node.domain, 0):
                    raise InvalidModelError(
                        f"{where(node)} is of opset {node.version} of domain {node.domain!r}, but "
                        f"what imports it has {opsets.get(node.domain, 'none')}"
                    )
                waiting += [(body, opsets) for _, body in node.bodies if body not in functions]

    def _imports(self, bound: Bound) -> dict[str, int]:
        """The opsets that a function imports."""
        return dict(
            opset(self._file.bytes(part), 0, part.end - part.first)
            for part in self._file.fields(bound.begin, bound.end)
            if part.key == _FUNCTION_OPSET
        )

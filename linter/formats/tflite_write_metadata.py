"""What a TFLite model says of itself, written: metadata, control dependencies, signatures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from npulint.errors import InvalidModelError
from npulint.formats.flatbuffer import shown
from npulint.formats.flatbuffer_build import Table
from npulint.formats.protobuf import encode
from npulint.formats.tflite_metadata import CONTROL, CONTROL_VERSION

if TYPE_CHECKING:
    from npulint.model import Graph, Model, Signature

_DESCRIPTION = "description"
"""Under this name `Model.metadata` gives the model's own description."""


def metadata(
    model: Model, source: Model | None, entries: list[Table], buffers: list[Table]
) -> list[Table]:
    """The `Metadata` tables; new contents become new buffers.

    Entries whose text is as it was keep their contents, whatever those are. Control dependencies
    name nodes by position, so they follow the nodes to where those now stand.

    Args:
        model: The model.
        source: What its file holds.
        entries: The entries of its file.
        buffers: All buffers; new ones are appended.
    """
    before = dict(source.metadata) if source is not None else {}
    kept: list[Table] = []
    written = {_DESCRIPTION}
    for entry in entries:
        name = _as_read(entry.fields.get("name", ""))
        if name in model.metadata or name not in before:
            content = _content(name, model, source, before)
            kept.append(entry if content is None else _entry(content, entry, buffers))
        written.add(name)
    for name in model.metadata:
        if name not in written:
            content = _content(name, model, source, before)
            kept.append(_entry(content or b"", Table("Metadata", {"name": name}), buffers))
    return kept


def _entry(content: bytes, old: Table, buffers: list[Table]) -> Table:
    buffers.append(Table("Buffer", {"data": content}))
    return old.changed(buffer=len(buffers) - 1)


def _as_read(name: str) -> str:
    """A name as the reader gives it, who shows what is no text by a sign."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _content(name: str, model: Model, source: Model | None, before: dict[str, str]) -> bytes | None:
    """The new content of an entry, None where the old one stays."""
    text = model.metadata.get(name)
    if name == CONTROL and text:
        if source is not None and text == before.get(name):
            moved = _follow(json.loads(text), model, source)
            return None if moved == json.loads(text) else _control(moved)
        return _control(_edges(text))
    return None if text is None or text == before.get(name) else text.encode("utf-8")


def _edges(text: str) -> list[list[list[int]]]:
    try:
        return [[[int(a), int(b)] for a, b in pairs] for pairs in json.loads(text)]
    except (ValueError, TypeError) as error:
        raise InvalidModelError(
            f"metadata {CONTROL} is {shown(text)}; it is written as JSON: for each graph a list of "
            "pairs of nodes"
        ) from error


def _follow(edges: list[list[list[int]]], model: Model, source: Model) -> list[list[list[int]]]:
    """Control dependencies, with the nodes where they now stand."""
    return [
        _follow_graph(edges[graph.origin], graph, len(source.graphs[graph.origin].nodes))
        if graph.origin is not None and graph.origin < len(edges)
        else []
        for graph in model.graphs
    ]


def _follow_graph(pairs: list[list[int]], graph: Graph, count: int) -> list[list[int]]:
    """The pairs of one graph; what hung on a node that is gone hangs on what that one hung on."""
    now: dict[int, list[int]] = {}
    for node in graph.nodes:
        if node.origin is not None:
            now.setdefault(node.origin, []).append(node.index)
    gone = [node for node in range(count) if node not in now]
    joined = [(first, second) for first, second in pairs]
    for lost in gone:
        before = [first for first, second in joined if second == lost]
        after = [second for first, second in joined if first == lost]
        joined = [pair for pair in joined if lost not in pair]
        joined += [(first, second) for first in before for second in after]
    return [
        [first, second]
        for old_first, old_second in dict.fromkeys(joined)
        for first in now.get(old_first, [old_first])
        for second in now.get(old_second, [old_second])
    ]


def _control(edges: list[list[list[int]]]) -> bytes:
    """Control dependencies in their binary form; see `tflite_metadata`."""
    numbers = [CONTROL_VERSION, len(edges)]
    for pairs in edges:
        numbers.append(len(pairs))
        numbers += [2 * n if n >= 0 else -2 * n - 1 for pair in pairs for n in pair]
    return b"".join(encode(number) for number in numbers)


def signatures(model: Model, source: Model | None, tables: list[Table]) -> list[Table]:
    """The `SignatureDef` tables.

    Raises:
        InvalidModelError: A signature names a value that its graph does not take or hand back.
    """
    before = {} if source is None else {s.key: s for s in source.signatures}
    # In their order, since a key that is no text reads otherwise than it is stored.
    old = dict(zip(before, tables, strict=False))
    return [
        old[signature.key] if signature == before.get(signature.key) else _signature(signature, old)
        for signature in model.signatures
    ]


def check_signatures(model: Model, source: Model | None) -> None:
    """Check that signatures name what their graphs take and hand back.

    Raises:
        InvalidModelError: One does not, and did not in the file either.
    """
    before = {} if source is None else {s.key: _stray(source, s) for s in source.signatures}
    for signature in model.signatures:
        if not 0 <= signature.graph < len(model.graphs):
            raise InvalidModelError(
                f"signature {shown(signature.key)} is of graph {signature.graph}, but the model "
                f"has {len(model.graphs)}"
            )
        stray = _stray(model, signature)
        if stray - before.get(signature.key, set()):
            raise InvalidModelError(
                f"signature {shown(signature.key)} names {sorted(stray)[0]} of graph "
                f"{signature.graph}, which that graph does not take or hand back"
            )


def _stray(model: Model, signature: Signature) -> set[str]:
    """What a signature names although its graph does not."""
    graph = model.graphs[signature.graph]
    return {
        f"value {index} as {shown(name)}"
        for named, own in ((signature.inputs, graph.inputs), (signature.outputs, graph.outputs))
        for name, index in named
        if index not in own
    }


def _signature(signature: Signature, old: dict[str, Table]) -> Table:
    fields: dict[str, Any] = {
        "inputs": _named(signature.inputs),
        "outputs": _named(signature.outputs),
        "signature_key": signature.key,
        "subgraph_index": signature.graph,
    }
    return old.get(signature.key, Table("SignatureDef", {})).changed(**fields)


def _named(pairs: tuple[tuple[str, int], ...]) -> list[Table]:
    return [Table("TensorMap", {"name": name, "tensor_index": index}) for name, index in pairs]

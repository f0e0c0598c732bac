"""The metadata of a TFLite model: what wrote it, what it needs, and what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from npulint.errors import ModelFileError
from npulint.formats.flatbuffer import FlatBuffer, Row, shown
from npulint.model import INLINE_LIMIT

if TYPE_CHECKING:
    from npulint.formats.tflite_tensors import Buffers

_CONVERSION = "CONVERSION_METADATA"
CONTROL = "model_control_dependencies"
CONTROL_VERSION = 1
_CONTROL_LIMIT = 1 << 20
_MINIMUM_RUNTIME = "min_runtime_version"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a model says of itself.

    Attributes:
        texts: By name; empty text where the content is not text or is long. The control
            dependencies (`model_control_dependencies`) are given as JSON: for each graph a list
            of pairs of node indexes, the first of which has to run before the second.
        producer: The exporter, as far as the file says.
        minimum_runtime: The runtime version that the file asks for, if it says.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    producer: str = ""
    minimum_runtime: str | None = None


def read_metadata(file: FlatBuffer, root: Row, buffers: Buffers) -> Metadata:
    """Read a model's metadata.

    Args:
        file: The model file.
        root: Its decoded `Model` table.
        buffers: Its buffers.

    Raises:
        ModelFileError: An entry refers to a buffer that does not exist.
    """
    texts: dict[str, str] = {}
    producer = ""
    for position in root["metadata"] or ():
        entry = file.row("Metadata", position)
        name = entry["name"] or ""
        if entry["buffer"] >= len(buffers):
            file.fail(
                f"metadata {shown(name)} refers to buffer {entry['buffer']}, but the model has "
                f"{len(buffers)} buffers",
                position,
            )
        span = buffers.span(entry["buffer"])
        limit = _CONTROL_LIMIT if name == CONTROL else INLINE_LIMIT
        content = file.bytes_at(*span) if span is not None and span[1] <= limit else b""
        texts[name] = (
            _control_edges(content, len(root["subgraphs"])) if name == CONTROL else _text(content)
        )
        if name == _CONVERSION and content:
            producer = _tensorflow_version(content, file)
    description = root["description"] or ""
    if description:
        texts.setdefault("description", description)
    return Metadata(
        texts=texts,
        producer=producer or description,
        minimum_runtime=texts.get(_MINIMUM_RUNTIME) or None,
    )


def _text(content: bytes) -> str:
    """The content as text, empty if it is none. Writers pad text with zero bytes."""
    try:
        text = content.rstrip(b"\0").decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if all(c.isprintable() or c in "\t\r\n" for c in text) else ""


def _control_edges(content: bytes, graph_count: int) -> str:
    """Decode control dependencies; empty for what the runtime would not take either.

    All numbers are written seven bits to a byte, lowest first; pairs are written zigzag: a
    version, the number of graphs, and for each the number of its pairs and the pairs (layout:
    tflite/converter/experimental/remat/metadata_util.cc).
    """
    numbers: list[int] = []
    value = shift = 0
    for byte in content:
        value |= (byte & 0x7F) << shift
        shift = shift + 7 if byte & 0x80 else 0
        if shift > 28:
            return ""
        if not shift:
            numbers.append(value)
            value = 0
    if shift or len(numbers) < 2 or numbers[0] != CONTROL_VERSION:
        return ""
    stream = iter(numbers[1:])
    graphs: list[list[tuple[int, int]]] = []
    try:
        # A count past the end of the numbers stops at the end: StopIteration.
        for _ in range(next(stream)):
            pairs: list[tuple[int, int]] = []
            for _ in range(next(stream)):
                pairs.append((_unzigzag(next(stream)), _unzigzag(next(stream))))
            graphs.append(pairs)
    except StopIteration:
        return ""
    if next(stream, None) is not None or len(graphs) != graph_count:
        return ""
    import json

    return json.dumps(graphs)


def _unzigzag(number: int) -> int:
    return number // 2 if number % 2 == 0 else -(number // 2) - 1


def _tensorflow_version(content: bytes, file: FlatBuffer) -> str:
    """The exporter by the conversion metadata, a flatbuffer of its own inside a buffer."""
    inner = FlatBuffer(content, file.path, file.schema)
    try:
        environment = inner.root("ConversionMetadata")["environment"]
        version = environment and inner.row("Environment", environment)["tensorflow_version"]
    except ModelFileError:
        # Whoever wrote it: a model is not refused for its provenance.
        return ""
    return f"TensorFlow {version}" if version else ""

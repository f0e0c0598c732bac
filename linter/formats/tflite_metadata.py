"""The metadata of a TFLite model: what wrote it, what it needs, and what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from npulint.errors import ModelFileError
from npulint.formats.flatbuffer import FlatBuffer, Row
from npulint.model import INLINE_LIMIT

if TYPE_CHECKING:
    from npulint.formats.tflite_tensors import Buffers

_CONVERSION = "CONVERSION_METADATA"
_MINIMUM_RUNTIME = "min_runtime_version"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a model says of itself.

    Attributes:
        texts: By name; empty text where the content is not text or is long.
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
        span = buffers.span(entry["buffer"], f"metadata {name!r}")
        content = file.bytes_at(*span) if span is not None and span[1] <= INLINE_LIMIT else b""
        texts[name] = _text(content)
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

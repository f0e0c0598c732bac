"""What a file is, by its bytes and never by its name."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from npulint.errors import ModelFileError
from npulint.formats.containers import name_folder, name_zip

Format: TypeAlias = Literal["tflite", "onnx"]

_HEAD = 4096
"""Bytes looked at from the start of a file."""

_FROM_KERAS = "convert it with tf.lite.TFLiteConverter"
_FROM_TORCH = "export it from Python with torch.onnx.export, or with litert_torch to .tflite"
_FROM_COMPILED = "check the .tflite or .onnx file that it was made from"
_UNPACK = "unpack it and check the model in it"


@dataclass(frozen=True, slots=True)
class _Magic:
    """Bytes that tell a kind of file, where they stand, and what to do about it."""

    offset: int
    magic: bytes
    what: str
    cure: str


_MAGICS = (
    _Magic(
        0,
        b"version https://git-lfs.github.com/spec/",
        "a Git LFS pointer",
        "fetch the file that it stands for with `git lfs pull`",
    ),
    _Magic(4, b"ORTM", "an ONNX Runtime (.ort) model", _FROM_COMPILED),
    _Magic(4, b"ET12", "an ExecuTorch (.pte) program", _FROM_TORCH),
    _Magic(
        4,
        b"TFL",
        "a TFLite model of a schema other than version 3",
        "convert the network again with a current tf.lite.TFLiteConverter",
    ),
    _Magic(0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes (.h5)", _FROM_KERAS),
    _Magic(
        0,
        b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.",
        "a PyTorch file of the old pickle form (.pt, .pth)",
        _FROM_TORCH,
    ),
    _Magic(0, b"IMOD", "a compiled HiAI or Ascend (.om) model", _FROM_COMPILED),
    _Magic(0, b"\x7fELF", "a compiled library or program (ELF)", _FROM_COMPILED),
    _Magic(0, b"7767517\n", "an ncnn (.param) network", _FROM_COMPILED),
    _Magic(0, b"\x93NUMPY", "a NumPy (.npy) array", "give a model, not its data"),
    _Magic(0, b"\x1f\x8b", "a gzip archive", _UNPACK),
    _Magic(0, b"BZh", "a bzip2 archive", _UNPACK),
    _Magic(0, b"\xfd7zXZ\x00", "an xz archive", _UNPACK),
    _Magic(0, b"\x28\xb5\x2f\xfd", "a Zstandard archive", _UNPACK),
    _Magic(0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    _Magic(257, b"ustar", "a tar archive", _UNPACK),
)

_TEXTS = (
    (
        ("<!doctype html", "<html"),
        "a web page",
        "the download gave a page in place of the model; download it again",
    ),
    (("ir_version:",), "an ONNX model in text form", "save it in binary form with onnx.save"),
    (
        ("saved_model_schema_version:", "meta_graphs", "node {", "node{"),
        "a TensorFlow graph in text form (.pbtxt)",
        _FROM_KERAS,
    ),
    (("<?xml",), "an XML file, as OpenVINO writes networks (.xml)", _FROM_COMPILED),
    (("{", "["), "a JSON file", "give the model itself"),
)

# Fields of an ONNX ModelProto and their wire types (onnx/onnx.proto, message ModelProto).
_VARINT, _BYTES = 0, 2
_ONNX_FIELDS = {
    1: _VARINT, 2: _BYTES, 3: _BYTES, 4: _BYTES, 5: _VARINT, 6: _BYTES, 7: _BYTES, 8: _BYTES,
    14: _BYTES, 20: _BYTES, 25: _BYTES, 26: _BYTES,
}  # fmt: skip


def sniff(path: Path) -> tuple[Format, int]:
    """Tell which reader a file belongs to.

    Args:
        path: A file.

    Returns:
        The format and the size in bytes.

    Raises:
        ModelFileError: The file is missing or empty, or it is something else; the message says
            what it is and how a model gets from there to `.tflite` or `.onnx`.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise _refusal(path, *name_folder(path))
        if not stat.S_ISREG(status.st_mode):
            raise ModelFileError(path, "is a device or a pipe; give a regular file")
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
            if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
                raise _refusal(path, *name_zip(stream, status.st_size))
    except FileNotFoundError as error:
        raise ModelFileError(path, "there is no such file") from error
    except (OSError, ValueError) as error:
        # ValueError: a path with a zero byte in it.
        reason = error.strerror if isinstance(error, OSError) else error
        raise ModelFileError(path, f"cannot be read: {reason}") from error
    if not head:
        raise ModelFileError(path, "is empty (0 bytes); copy or export it again", offset=0)
    return _format(path, head, status.st_size), status.st_size


def _format(path: Path, head: bytes, size: int) -> Format:
    if head[4:8] == b"TFL3":
        return "tflite"
    if 4 < len(head) < 8 and b"TFL3".startswith(head[4:]):
        raise ModelFileError(
            path,
            f"the file ends at byte {size}, within the header of a TFLite model, which takes 8 "
            "bytes: it is truncated; copy or export it again",
            offset=size,
        )
    for kind in _MAGICS:
        if head.startswith(kind.magic, kind.offset):
            raise _refusal(path, kind.what, kind.cure)
    named = _name_text(head, size) or _name_binary(head, size)
    if named is not None:
        raise _refusal(path, *named)
    if not _looks_like_onnx(head):
        raise ModelFileError(
            path,
            f"is no model that npulint knows (it starts with the bytes {head[:8].hex(' ')}); "
            "it takes .tflite files ('TFL3' at byte 4) and .onnx files",
            offset=0,
        )
    return "onnx"


def _refusal(path: Path, what: str, cure: str) -> ModelFileError:
    return ModelFileError(path, f"is {what}, not a .tflite or .onnx model; {cure}")


def _name_text(head: bytes, size: int) -> tuple[str, str] | None:
    """What a file of text is; None for one of bytes."""
    try:
        # A character may be cut in two at the end of what was read.
        text = head.decode("utf-8-sig", "strict" if len(head) == size else "ignore")
    except UnicodeDecodeError:
        return None
    if not all(c.isprintable() or c in "\t\r\n\f" for c in text):
        return None
    start = text.lstrip().lower()
    for beginnings, what, cure in _TEXTS:
        if start.startswith(beginnings):
            return what, cure
    return "a text file", "give the model itself"


def _name_binary(head: bytes, size: int) -> tuple[str, str] | None:
    """What other binary files are that have no magic bytes of their own."""
    if not head.strip(b"\0"):
        return "a run of zero bytes, as interrupted copies leave", "copy or export it again"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8:
        return "a safetensors file, which has weights but no graph", _FROM_TORCH
    # Pickle's PROTO operation with the protocols that are in use.
    if head[0] == 0x80 and 2 <= int.from_bytes(head[1:2], "little") <= 5:
        return "a Python pickle, as PyTorch writes (.pt, .pth)", _FROM_TORCH
    return _name_protobuf(head)


def _name_protobuf(head: bytes) -> tuple[str, str] | None:
    """What a protobuf message of another format is, by its first two fields."""
    first = _field(head, 0)
    if first is None:
        return None
    if (first.number, first.wire) == (1, _BYTES) and _is_message(head, first):
        return "a TensorFlow graph (GraphDef, .pb)", _FROM_KERAS
    second = _field(head, first.end)
    if (
        (first.number, first.wire) != (1, _VARINT)
        or second is None
        or (second.number, second.wire) != (2, _BYTES)
        or not _is_message(head, second)
    ):
        return None
    # An ONNX file has the name of its producer where these two have a message.
    if first.value == 1:
        return "a TensorFlow SavedModel graph (saved_model.pb)", _FROM_KERAS
    return "a Core ML (.mlmodel) model", _FROM_COMPILED


@dataclass(frozen=True, slots=True)
class _ProtobufField:
    """One field of a protobuf message: `value` is the number, or the length of the bytes."""

    number: int
    wire: int
    value: int
    start: int
    end: int


def _field(head: bytes, position: int) -> _ProtobufField | None:
    """The field at a place, None where there is none of wire type 0 or 2."""
    tag, position = _varint(head, position)
    value, position = _varint(head, position)
    wire = tag & 7
    if position < 0 or not tag >> 3 or wire not in {_VARINT, _BYTES}:
        return None
    return _ProtobufField(
        tag >> 3, wire, value, position, position + (value if wire == _BYTES else 0)
    )


def _varint(head: bytes, position: int) -> tuple[int, int]:
    """A protobuf integer and where it ends; that is -1 where there is none."""
    value = 0
    for place in range(10):
        if not 0 <= position < len(head):
            return 0, -1
        byte = head[position]
        position += 1
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, position
    return 0, -1


def _is_message(head: bytes, field: _ProtobufField) -> bool:
    """Whether a field's bytes start like a message whose first field is a number 1 of bytes."""
    inner = _field(head, field.start)
    return (
        inner is not None
        and (inner.number, inner.wire) == (1, _BYTES)
        and inner.end <= field.end
        and field.value > 2
    )


def _looks_like_onnx(head: bytes) -> bool:
    """Whether the fields at the start are those of an ONNX ModelProto."""
    position = 0
    while position < len(head):
        field = _field(head, position)
        if field is None or _ONNX_FIELDS.get(field.number) != field.wire:
            # A field may be cut off where reading stopped; the first one may not.
            return position > 0 and len(head) - position < 20
        position = field.end
    return True

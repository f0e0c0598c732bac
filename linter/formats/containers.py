"""What folders and zip archives hold, by the names in them; nothing is unpacked."""

from __future__ import annotations

import struct
from itertools import islice
from pathlib import Path
from typing import BinaryIO

_FOLDER_LIMIT = 1000
_DIRECTORY_LIMIT = 1 << 22
_END_RECORD = struct.Struct("<4s4H2IH")
_ENTRY = struct.Struct("<4s6H3I5H2I")

_FROM_TORCH = "export it from Python with torch.onnx.export, or with litert_torch to .tflite"
_FROM_KERAS = "convert it with tf.lite.TFLiteConverter"
_FROM_COMPILED = "check the .tflite or .onnx file that it was made from"


def name_folder(path: Path) -> tuple[str, str]:
    """Say what a folder is and what to do about it.

    Args:
        path: The folder.

    Raises:
        OSError: It cannot be listed.
    """
    names = {entry.name for entry in islice(path.iterdir(), _FOLDER_LIMIT)}
    if names & {"saved_model.pb", "saved_model.pbtxt"}:
        return (
            "a TensorFlow SavedModel folder",
            "convert it with tf.lite.TFLiteConverter.from_saved_model",
        )
    if "Manifest.json" in names and "Data" in names:
        return "a Core ML (.mlpackage) folder", _FROM_COMPILED
    if "model.json" in names and any(name.endswith(".bin") for name in names):
        return "a TensorFlow.js folder", _FROM_KERAS
    return "a folder", "name the model files in it, if there are any"


def name_zip(stream: BinaryIO, size: int) -> tuple[str, str]:
    """Say what a zip archive is and what to do about it.

    Args:
        stream: The archive.
        size: Its size in bytes.

    Raises:
        OSError: It cannot be read.
    """
    names = _names(stream, size)
    if names is None:
        return "a truncated or damaged zip archive", "copy or export it again"
    bases = {name.rsplit("/", 1)[-1] for name in names}
    for what, cure, found in (
        (
            "a Keras (.keras) model",
            "convert it with tf.lite.TFLiteConverter.from_keras_model",
            {"config.json", "model.weights.h5"} <= bases,
        ),
        (
            "a torch.export (.pt2) program",
            "export it with torch.onnx.export(program, ...), or with litert_torch to .tflite",
            "serialized_exported_program.json" in bases
            or {"archive_format", "model.json"} <= bases,
        ),
        (
            "a TorchScript (.pt) program",
            "export the Python module that it was made from with torch.onnx.export",
            {"constants.pkl", "data.pkl"} <= bases,
        ),
        ("a PyTorch file (.pt, .pth)", _FROM_TORCH, "data.pkl" in bases),
        ("a Qualcomm (.dlc) model", _FROM_COMPILED, "dlc.metadata" in bases),
        (
            "a zipped Core ML (.mlpackage) model",
            _FROM_COMPILED,
            any(".mlpackage/" in name or name.endswith(".mlmodel") for name in names),
        ),
        (
            "a zipped TensorFlow SavedModel",
            "unpack it and convert the folder with tf.lite.TFLiteConverter.from_saved_model",
            "saved_model.pb" in bases,
        ),
        (
            "a NumPy (.npz) file of arrays",
            "give a model, not its data",
            bool(bases) and all(base.endswith(".npy") for base in bases),
        ),
    ):
        if found:
            return what, cure
    models = sorted(name for name in names if name.endswith((".tflite", ".onnx")))
    if models:
        return (
            f"a zip archive with {models[0]!r} in it",
            "unpack it and check what it holds",
        )
    return "a zip archive", "unpack it and check the model in it, if there is one"


def _names(stream: BinaryIO, size: int) -> list[str] | None:
    """The names in an archive's directory; None for a damaged archive.

    Read by hand: the directory is bounded before it is read, and whatever bytes stand there give
    names or None.
    """
    tail_size = min(size, 1 << 16)
    stream.seek(size - tail_size)
    tail = stream.read(tail_size)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END_RECORD.size > len(tail):
        return None
    *_, length, offset, _ = _END_RECORD.unpack_from(tail, at)
    if offset == 0xFFFFFFFF:
        # A zip64 archive has the true place elsewhere; the directory ends before its end records.
        offset = max(0, size - tail_size + at - length - 76)
    if offset + length > size:
        return None
    stream.seek(offset)
    directory = stream.read(min(length, _DIRECTORY_LIMIT))
    names = []
    at = max(directory.find(b"PK\x01\x02"), 0)
    while at + _ENTRY.size <= len(directory):
        entry = _ENTRY.unpack_from(directory, at)
        if entry[0] != b"PK\x01\x02":
            break
        name_length, extra_length, comment_length = entry[10:13]
        start = at + _ENTRY.size
        names.append(directory[start : start + name_length].decode("utf-8", "replace"))
        at = start + name_length + extra_length + comment_length
    return names

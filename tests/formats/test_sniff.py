"""A file is known by its bytes: each kind is named, with the way from there to a model."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import struct
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from tflite_building import EXPORTED_FILES

from npulint import load
from npulint.errors import ModelFileError
from npulint.formats.sniff import sniff

FILES = {path.name: path for path in (*EXPORTED_FILES, *EXPORTED_FILES[0].parent.glob("*.onnx"))}


def _zip(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return stream.getvalue()


def _message(number: int, content: bytes) -> bytes:
    """One protobuf field of bytes."""
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def _npy(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    if arrays:
        np.savez(stream, **arrays)
    else:
        np.save(stream, np.zeros(3))
    return stream.getvalue()


HEADER = json.dumps({"weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()

# Bytes, and what the message has to say: the kind, and what to do about it.
KINDS: dict[str, tuple[bytes, str, str]] = {
    "empty": (b"", "is empty (0 bytes)", "copy or export it again"),
    "Git LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 12\n",
        "a Git LFS pointer",
        "git lfs pull",
    ),
    "ORT": (b"\x20\0\0\0ORTM" + bytes(40), "an ONNX Runtime (.ort) model", ".onnx file"),
    "ExecuTorch": (b"\x20\0\0\0ET12" + bytes(40), "an ExecuTorch (.pte) program", "torch.onnx"),
    "old TFLite": (b"\x20\0\0\0TFL2" + bytes(40), "a schema other than version 3", "convert"),
    "cut TFLite": (b"\x20\0\0\0TF", "the file ends at byte 6, within the header", "takes 8 bytes"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(90), "an HDF5 file, as Keras writes", "TFLiteConverter"),
    "Keras": (
        _zip("metadata.json", "config.json", "model.weights.h5"),
        "a Keras (.keras) model",
        "from_keras_model",
    ),
    "TorchScript": (
        _zip("m/data.pkl", "m/code/__torch__.py", "m/constants.pkl", "m/version"),
        "a TorchScript (.pt) program",
        "torch.onnx.export",
    ),
    "PyTorch": (_zip("m/data.pkl", "m/version"), "a PyTorch file (.pt, .pth)", "torch.onnx.export"),
    "old PyTorch": (
        pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2) + pickle.dumps(1001, protocol=2),
        "a PyTorch file of the old pickle form",
        "torch.onnx.export",
    ),
    "torch.export": (
        _zip("m/models/model.json", "m/archive_format", "m/version"),
        "a torch.export (.pt2) program",
        "torch.onnx.export(program",
    ),
    "old torch.export": (
        _zip("version", "serialized_exported_program.json"),
        "a torch.export (.pt2) program",
        "torch.onnx.export(program",
    ),
    "pickle": (pickle.dumps({"a": [1, 2]}, protocol=4), "a Python pickle", "torch.onnx.export"),
    "Core ML package": (
        _zip("net.mlpackage/Manifest.json"),
        "a zipped Core ML",
        "check the .tflite or .onnx file that it was made from",
    ),
    "Core ML": (
        b"\x08\x05" + _message(2, _message(1, _message(1, b"image"))),
        "a Core ML (.mlmodel) model",
        "that it was made from",
    ),
    "DLC": (_zip("model", "model.params", "dlc.metadata"), "a Qualcomm (.dlc) model", "made from"),
    "HiAI": (b"IMOD" + bytes(300), "a compiled HiAI or Ascend (.om) model", "made from"),
    "ELF": (b"\x7fELF\2\1\1" + bytes(60), "a compiled library or program (ELF)", "made from"),
    "ncnn": (b"7767517\n75 83\nInput data 0 1 data\n", "an ncnn (.param) network", "made from"),
    "zipped SavedModel": (
        _zip("m/saved_model.pb", "m/variables/variables.index"),
        "a zipped TensorFlow SavedModel",
        "from_saved_model",
    ),
    "SavedModel graph": (
        b"\x08\x01" + _message(2, _message(1, _message(4, b"serve"))),
        "a TensorFlow SavedModel graph (saved_model.pb)",
        "TFLiteConverter",
    ),
    "GraphDef": (
        _message(1, _message(1, b"input") + _message(2, b"Placeholder")),
        "a TensorFlow graph (GraphDef, .pb)",
        "TFLiteConverter",
    ),
    "bundle": (_zip("labels.txt", "net.tflite"), "with 'net.tflite' in it", "unpack it"),
    "zip": (_zip("a", "b"), "a zip archive", "unpack it"),
    "empty zip": (_zip(), "a zip archive", "unpack it"),
    "cut zip": (_zip("m/data.pkl", "m/version")[:-30], "a truncated or damaged zip", "copy"),
    "npz": (_npy(a=np.zeros(2)), "a NumPy (.npz) file", "not its data"),
    "npy": (_npy(), "a NumPy (.npy) array", "not its data"),
    "safetensors": (
        struct.pack("<Q", len(HEADER)) + HEADER + bytes(4),
        "a safetensors file",
        "has weights but no graph",
    ),
    "gzip": (b"\x1f\x8b\x08" + bytes(30), "a gzip archive", "unpack it"),
    "tar": (b"net.tflite".ljust(257, b"\0") + b"ustar\0" + bytes(300), "a tar archive", "unpack"),
    "web page": (b"\n<!DOCTYPE html><html>", "a web page", "download it again"),
    "ONNX text": (b'ir_version: 8\nproducer_name: "x"\n', "in text form", "onnx.save"),
    "pbtxt": (b'node {\n  name: "x"\n}\n', "a TensorFlow graph in text form", "TFLiteConverter"),
    "OpenVINO": (b'<?xml version="1.0"?>\n<net name="n">', "an XML file, as OpenVINO", "made from"),
    "JSON": (b'{"a": 1}', "a JSON file", "give the model itself"),
    "text": ("eine Übung\n".encode(), "a text file", "give the model itself"),
    "long text": (("Überlänge " * 2000).encode(), "a text file", "give the model itself"),
    "zero bytes": (bytes(5000), "a run of zero bytes", "copy or export it again"),
    "random": (
        random.Random(5).randbytes(5000),
        "is no model that npulint knows",
        "'TFL3' at byte 4",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_model_is_named(kind: str, tmp_path: Path) -> None:
    data, what, cure = KINDS[kind]
    for name in ("model.tflite", "model.onnx", "model"):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(ModelFileError) as caught:
            load(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert what in str(caught.value)
        assert cure in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_names_do_not_count(name: str, tmp_path: Path) -> None:
    expected = "tflite" if name.endswith(".tflite") else "onnx"
    data = FILES[name].read_bytes()
    for other in ("model.onnx", "model.tflite", "model.zip"):
        path = tmp_path / other
        path.write_bytes(data)
        assert sniff(path) == (expected, len(data))


def test_metadata_archives_behind_a_model_are_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(EXPORTED_FILES[0].read_bytes() + _zip("labels.txt"))
    assert len(load(path).graphs[0].nodes) == len(load(EXPORTED_FILES[0]).graphs[0].nodes)


@pytest.mark.parametrize("producer", ["", "pytorch", "\n"])
@pytest.mark.parametrize("version", [1, 3, 8, 13])
def test_onnx_files_are_told_by_their_fields(producer: str, version: int, tmp_path: Path) -> None:
    graph = onnx.helper.make_graph([], "g", [], [])
    model = onnx.helper.make_model(graph, producer_name=producer, ir_version=version)
    path = tmp_path / "model"
    path.write_bytes(model.SerializeToString())
    assert sniff(path)[0] == "onnx"


def test_onnx_files_may_start_with_any_of_their_fields(tmp_path: Path) -> None:
    fields = [
        b"\x08\x08",
        _message(2, b"mine"),
        _message(7, _message(2, b"g")),
        b"\x42\x02\x10\x0d",
    ]
    path = tmp_path / "model"
    for first in range(len(fields)):
        path.write_bytes(b"".join(fields[first:] + fields[:first]))
        assert sniff(path)[0] == "onnx"


FOLDERS = {
    "SavedModel": (["saved_model.pb", "variables"], "a TensorFlow SavedModel folder"),
    "Core ML": (["Manifest.json", "Data"], "a Core ML (.mlpackage) folder"),
    "TensorFlow.js": (["model.json", "group1-shard1of1.bin"], "a TensorFlow.js folder"),
    "anything": (["a.txt"], "is a folder"),
    "nothing": ([], "is a folder"),
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_folders(kind: str, tmp_path: Path) -> None:
    names, what = FOLDERS[kind]
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(ModelFileError) as caught:
        load(tmp_path)
    assert what in str(caught.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="there is no such file"):
        load(tmp_path / "absent.tflite")
    with pytest.raises(ModelFileError, match="cannot be read"):
        load(tmp_path / "a\0b")


def test_devices_and_pipes_are_not_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ModelFileError, match="give a regular file"):
        load(pipe)


def test_zip_directories_of_any_bytes(tmp_path: Path, full: bool) -> None:
    chance = random.Random(1)
    path = tmp_path / "archive.zip"
    whole = _zip("m/data.pkl", "m/constants.pkl", "m/version")
    for _ in range(5000 if full else 300):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 8)):
            data[chance.randrange(4, len(data))] = chance.choice([0, 0xFF, chance.randrange(256)])
        path.write_bytes(data)
        with pytest.raises(ModelFileError):
            load(path)

"""Samples of the user's, and how they are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from npulint.errors import UsageError
from npulint.formats import load
from npulint.model import Model
from npulint.verification.calibration import read_samples
from npulint.verification.sample_files import MOST_SAMPLES


def network(folder: Path, shape: list[int | str], kind: int = TensorProto.FLOAT) -> Model:
    """y = -(2x), with an input of some shape."""
    nodes = [
        helper.make_node("Add", ["x", "x"], ["twice"]),
        helper.make_node("Neg", ["twice"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes if kind == TensorProto.FLOAT else [helper.make_node("Identity", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", kind, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / "model.onnx"
    onnx.save(model, path)
    return load(path)


def picture(path: Path, width: int = 40, height: int = 20) -> None:
    ramp = np.linspace(0, 255, width).astype(np.uint8)
    Image.fromarray(np.broadcast_to(ramp[None, :, None], (height, width, 3)).copy()).save(path)


@pytest.mark.parametrize(
    ("shape", "kind", "wanted"),
    [
        ([1, 3, 8, 16], TensorProto.FLOAT, (1, 3, 8, 16)),
        ([1, 1, 8, 16], TensorProto.FLOAT, (1, 1, 8, 16)),
        ([1, 8, 16, 3], TensorProto.FLOAT, (1, 8, 16, 3)),
        (["n", 3, "h", "w"], TensorProto.FLOAT, (1, 3, 256, 256)),
        ([1, 3, 8, 16], TensorProto.UINT8, (1, 3, 8, 16)),
        ([1, 3, 8, 16], TensorProto.INT8, (1, 3, 8, 16)),
    ],
)
def test_images_as_the_model_takes_them(
    tmp_path: Path, shape: list[int | str], kind: int, wanted: tuple[int, ...]
) -> None:
    model = network(tmp_path, shape, kind)
    folder = tmp_path / "images"
    folder.mkdir()
    picture(folder / "a.png")
    (folder / "notes.txt").write_text("not a sample")
    (sample,) = read_samples(folder, model)
    image = sample["x"]
    assert image.shape == wanted
    assert image.dtype == helper.tensor_dtype_to_np_dtype(kind)
    low, high = {TensorProto.UINT8: (0, 255), TensorProto.INT8: (-128, 127)}.get(kind, (0, 1))
    assert image.min() >= low
    assert image.max() <= high
    assert image.max() > (low + high) / 2 > image.min()
    axis = 3 if wanted[1] in {1, 3} else 2
    assert (np.diff(image.astype(np.float64), axis=axis) >= 0).all()


def test_several_samples_lie_along_the_first_axis(tmp_path: Path) -> None:
    model = network(tmp_path, [2, 3])
    stack = np.arange(18, dtype=np.float32).reshape(6, 3)
    np.savez(tmp_path / "stack.npz", x=stack)
    samples = read_samples(tmp_path / "stack.npz", model)
    assert [sample["x"].tolist() for sample in samples] == stack.reshape(3, 2, 3).tolist()
    folder = tmp_path / "folder"
    folder.mkdir()
    np.save(folder / "a.npy", stack[:2])
    np.savez(folder / "b.npz", x=stack[2:])
    again = read_samples(folder, model)
    assert [sample["x"].tolist() for sample in again] == stack.reshape(3, 2, 3).tolist()


def test_many_samples_are_thinned_out_evenly(tmp_path: Path) -> None:
    model = network(tmp_path, [1])
    np.savez(tmp_path / "many.npz", x=np.arange(10 * MOST_SAMPLES, dtype=np.float32))
    found = [float(sample["x"][0]) for sample in read_samples(tmp_path / "many.npz", model)]
    assert found == [10.0 * place for place in range(MOST_SAMPLES)]


def odd(value: float, *shape: int) -> object:
    """Zeros, and another number in the last sample."""
    array = np.zeros(shape, np.float32)
    array[-1, 0, 0, 0] = value
    return array


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty", None, "no samples in this folder"),
        ("a.npy", b"\x93NUMPY broken", "is no .npy file"),
        ("a.npy", b"", "is no .npy file"),
        ("a.npz", b"broken", "is no .npz file"),
        ("a.png", b"broken", "cannot be read as an image"),
        ("a.npy", np.zeros((3, 3, 8, 8), np.float32), "not the same whole number"),
        ("a.npy", np.zeros((0, 3, 8, 8), np.float32), "not the same whole number"),
        ("a.npy", np.zeros((2, 3, 8, 9), np.float32), "the model takes"),
        ("a.npy", np.array(["text"]), "the model takes"),
        ("a.npy", np.zeros((3, 8, 8), np.float32), "x3x8x8: give it a batch axis in front$"),
        ("a.npy", odd(np.nan, 2, 3, 8, 8), r"a.npy: 'x' has nan at \[1, 0, 0, 0\]: give finite"),
        ("a.npy", odd(np.inf, 4, 3, 8, 8), r"a.npy\[1\]: 'x' has inf at \[1, 0, 0, 0\]: give"),
    ],
)
def test_what_is_no_sample_is_refused(
    tmp_path: Path, name: str, content: object, said: str
) -> None:
    model = network(tmp_path, [2, 3, 8, 8] if name != "a.png" else [1, 3, 8, 8])
    folder = tmp_path / "samples"
    folder.mkdir()
    if isinstance(content, bytes):
        (folder / name).write_bytes(content)
    elif content is not None:
        np.save(folder / name, content)
    with pytest.raises(UsageError, match=said):
        read_samples(folder, model)


def test_an_image_is_no_input_of_four_channels(tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    folder.mkdir()
    picture(folder / "a.png")
    with pytest.raises(UsageError, match="1 or 3 channels"):
        read_samples(folder, network(tmp_path, [1, 4, 8, 8]))

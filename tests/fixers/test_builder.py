"""What builders store."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from npulint.fixers.building.builder_onnx import OnnxBuilder
from npulint.fixers.building.builder_tflite import TFLiteBuilder
from npulint.model import Graph

ARRAYS = {
    "scalar": np.array(7, np.int64),
    "one element": np.array([7], np.int32),
    "none": np.zeros((0, 2), np.float32),
    "columns first": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "every other": np.arange(6, dtype=np.int32)[::2],
    "big ends first": np.arange(3, dtype=">i4"),
}


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize("name", ARRAYS)
def test_a_constant_is_the_array(name: str, dialect: str) -> None:
    array: npt.NDArray[np.generic] = ARRAYS[name]
    if dialect == "tflite":
        builder = TFLiteBuilder(Graph(0, "g", "tflite", (), (), (), ()), "made")
    else:
        builder = OnnxBuilder(Graph(0, "g", "onnx", (), (), (), ()), "made", 17)
    value = builder.at(builder.constant(array, "held"))
    assert value.constant is not None
    assert value.shape == value.constant.shape == array.shape
    assert value.dtype == value.constant.dtype == array.dtype.name
    assert np.array_equal(value.constant.read(), array)

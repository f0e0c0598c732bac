"""TFLite files as PyTorch modules, and their weights back in the files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import revived_files as files
import torch
from revived_files import random

sys.path.insert(0, str(Path(__file__).parent.parent / "formats"))
sys.path.insert(0, str(Path(__file__).parent.parent / "fixers"))

import tflite_building as tflite
from single import Call, tflite_case

from npulint.errors import UsageError
from npulint.formats import load
from npulint.formats.tflite_places import buffer_places
from npulint.recovering.revived import revive
from npulint.recovering.revived_writing import refreshed

REAL = Path(__file__).parent.parent / "truth" / "models"

# -- operators, against the runtime --

IMAGE = random(2, 7, 6, 4)
ROW = random(3, 4, seed=1)


def whole(*numbers: Any) -> Any:
    return np.array(numbers, np.int32)


def window(table: str, padding: str, strides: tuple[int, int], **more: Any) -> dict[str, Any]:
    paddings = {"SAME": 0, "VALID": 1}
    return {
        "table": f"{table}Options", "padding": paddings[padding], "stride_h": strides[0],
        "stride_w": strides[1], **more,
    }  # fmt: skip


def tconv(padding: str, stride: int, kernel: int, rows: int, columns: int) -> tuple[Any, ...]:
    """A transposed convolution of the image to some sizes."""
    return (
        "TRANSPOSE_CONV",
        [whole(2, rows, columns, 3), random(3, kernel, kernel, 4), "x", random(3)],
        window("TransposeConv", padding, (stride, stride)),
        3,
    )


def resize(op: str, rows: int, columns: int, **more: bool) -> tuple[Any, ...]:
    name = {"RESIZE_BILINEAR": "ResizeBilinear", "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighbor"}
    return op, ["x", whole(rows, columns)], {"table": f"{name[op]}Options", **more}, 3


def cut(starts: Any, ends: Any, steps: Any, **masks: int) -> tuple[Any, ...]:
    operands = ["x", whole(*starts), whole(*ends), whole(*steps)]
    return "STRIDED_SLICE", operands, {"table": "StridedSliceOptions", **masks}


Entry = tuple[Any, ...]
"""The operator, its operands (`x` is the image), its options and its version."""

CASES: dict[str, Entry] = {
    **{
        f"convolution {padding} {stride} {kernel}": (
            "CONV_2D",
            ["x", random(5, kernel, kernel, 4), random(5)],
            window(
                "Conv2D", padding, (stride, 1), fused_activation_function=activation,
                dilation_h_factor=1, dilation_w_factor=1,
            ),
        )
        for padding, stride, kernel, activation in (
            ("SAME", 2, 3, 0), ("SAME", 3, 2, 1), ("VALID", 2, 3, 3), ("SAME", 1, 4, 2),
        )
    },
    "dilated convolution": (
        "CONV_2D",
        ["x", random(5, 3, 3, 4), random(5)],
        window("Conv2D", "SAME", (1, 1), dilation_h_factor=2, dilation_w_factor=3),
    ),
    "grouped convolution": (
        "CONV_2D",
        ["x", random(6, 3, 3, 2), random(6)],
        window("Conv2D", "SAME", (2, 2), dilation_h_factor=1, dilation_w_factor=1),
        6,
    ),
    **{
        f"depthwise {padding} {stride} {several}": (
            "DEPTHWISE_CONV_2D",
            ["x", random(1, 3, 3, 4 * several), random(4 * several)],
            window(
                "DepthwiseConv2D", padding, (stride, stride), depth_multiplier=several,
                dilation_h_factor=1, dilation_w_factor=1,
            ),
        )
        for padding, stride, several in (("SAME", 1, 1), ("SAME", 2, 2), ("VALID", 2, 1))
    },
    "transposed, whole steps": tconv("SAME", 2, 4, 14, 12),
    "transposed, one short": tconv("SAME", 2, 3, 13, 11),
    "transposed, gaps": tconv("SAME", 3, 2, 21, 18),
    "transposed, all reached": tconv("VALID", 2, 4, 16, 14),
    "transposed, more than reached": tconv("VALID", 3, 2, 21, 18),
    "transposed, step 1": tconv("SAME", 1, 5, 7, 6),
    **{
        f"{op} {rows}x{columns} {options}": resize(op, rows, columns, **options)
        for op in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
        for rows, columns in ((14, 12), (5, 9), (1, 13), (3, 2))
        for options in (
            {},
            {"align_corners": True},
            {"half_pixel_centers": True},
        )
    },
    **{
        f"{op} {padding} {stride}": (
            op, ["x"], window("Pool2D", padding, (stride, stride), filter_height=3, filter_width=2),
        )
        for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")
        for padding, stride in (("SAME", 2), ("VALID", 1), ("SAME", 3))
    },
    "pad": ("PAD", ["x", whole([0, 1], [1, 2], [0, 0], [3, 0])], {}),
    "pad with a number": (
        "PADV2", ["x", whole([0, 0], [1, 2], [0, 3], [0, 0]), np.float32([2.5])], {},
    ),
    "reflect": (
        "MIRROR_PAD", ["x", whole([0, 0], [2, 1], [0, 3], [0, 0])],
        {"table": "MirrorPadOptions", "mode": 0},
    ),
    "symmetric": (
        "MIRROR_PAD", ["x", whole([0, 0], [2, 1], [0, 3], [0, 0])],
        {"table": "MirrorPadOptions", "mode": 1},
    ),
    "cut": cut((0, 1, 0, 0), (2, 6, 6, 4), (1, 2, 3, 1)),
    "cut backwards": cut((0, 6, 0, 3), (2, 0, 6, 0), (1, -2, 1, -1), end_mask=0b1000),
    "cut from the end": cut((0, -3, -2, 0), (2, -1, 6, 4), (1, 1, 1, 1), begin_mask=1),
    "cut to one": cut((0, 2, 0, 0), (2, 3, 6, 4), (1, 1, 1, 1), shrink_axis_mask=0b10),
    "cut to the last one": cut((0, -1, 0, 0), (2, 0, 6, 4), (1, 1, 1, 1), shrink_axis_mask=0b10),
    "cut after an ellipsis": cut((0, 1), (0, 3), (1, 1), ellipsis_mask=1),
    "new axis": cut((0, 0, 1), (2, 0, 5), (1, 1, 1), new_axis_mask=0b10),
    "slice": ("SLICE", ["x", whole(0, 2, 1, 0), whole(-1, 3, -1, 2)], {}),
    "space to batch": (
        "SPACE_TO_BATCH_ND", ["x", whole(2, 3), whole([1, 0], [0, 0])], {},
    ),
    "depth to space": ("DEPTH_TO_SPACE", ["x"], {"table": "DepthToSpaceOptions", "block_size": 2}),
    "softmax": ("SOFTMAX", ["x"], {"table": "SoftmaxOptions", "beta": 0.7}),
    "length": ("L2_NORMALIZATION", ["x"], {"table": "L2NormOptions"}),
    "local response": (
        "LOCAL_RESPONSE_NORMALIZATION", ["x"],
        {"table": "LocalResponseNormalizationOptions", "radius": 1, "bias": 1.5, "alpha": 0.3,
         "beta": 0.6},
    ),
    "gelu": ("GELU", ["x"], {"table": "GeluOptions", "approximate": False}),
    "gelu by tanh": ("GELU", ["x"], {"table": "GeluOptions", "approximate": True}),
    "running sum": (
        "CUMSUM", ["x", whole(2)], {"table": "CumsumOptions", "exclusive": True, "reverse": True},
    ),
    "mean": ("MEAN", ["x", whole(1, -2)], {"table": "ReducerOptions", "keep_dims": False}),
    "largest": ("REDUCE_MAX", ["x", whole(3)], {"table": "ReducerOptions", "keep_dims": True}),
    "prelu": ("PRELU", ["x", random(1, 1, 4)], {}),
    "fully connected": (
        "FULLY_CONNECTED", ["x", random(5, 4), random(5)],
        {"table": "FullyConnectedOptions", "keep_num_dims": True, "fused_activation_function": 1},
        5,
    ),
    "fully connected, flat": (
        "FULLY_CONNECTED", ["x", random(5, 4), random(5)], {"table": "FullyConnectedOptions"}, 5,
    ),
    "matrices": (
        "BATCH_MATMUL", ["x", random(2, 7, 5, 4)],
        {"table": "BatchMatMulOptions", "adj_y": True},
    ),
    "gather": ("GATHER", ["x", whole(3, 0, 0)], {"table": "GatherOptions", "axis": 3}),
    "tile": ("TILE", ["x", whole(1, 2, 1, 3)], {}),
    "turned": ("TRANSPOSE", ["x", whole(0, 3, 1, 2)], {}),
    "backwards": ("REVERSE_V2", ["x", whole(1)], {}),
    "difference with an activation": (
        "SUB", ["x", random(4)], {"table": "SubOptions", "fused_activation_function": 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_operators_compute_what_the_runtime_does(tmp_path: Path, name: str) -> None:
    op, operands, options, *version = CASES[name]
    # The runtime works out the result's sizes itself, but for SLICE, which it holds to them.
    shape = {"fully connected, flat": [1, 1], "slice": [2, 3, 5, 2]}.get(name, [1] * 4)
    call = Call(op, operands, {"y": shape}, options, *(version or [1]))
    files.see_that_it_computes(tflite_case(tmp_path, {"x": IMAGE}, [call]).path, [IMAGE])


def test_the_batch_back_into_space(tmp_path: Path) -> None:
    x = random(12, 3, 2, 4)
    call = Call("BATCH_TO_SPACE_ND", ["x", whole(2, 3), whole([1, 0], [0, 2])], {"y": [1] * 4}, {})
    files.see_that_it_computes(tflite_case(tmp_path, {"x": x}, [call]).path, [x])


def test_parts_of_given_and_of_equal_sizes(tmp_path: Path) -> None:
    calls = [
        Call(
            "SPLIT_V",
            ["x", whole(1, -1), whole(3)],
            {"a": [1] * 4, "b": [1] * 4},
            {"table": "SplitVOptions", "num_splits": 2},
        ),
        Call(
            "SPLIT",
            [whole(1), "b"],
            {"c": [1] * 4},
            {"table": "SplitOptions", "num_splits": 1},
        ),
        Call(
            "CONCATENATION",
            ["c", "a"],
            {"y": [1] * 4},
            {"table": "ConcatenationOptions", "axis": -1},
        ),
    ]
    files.see_that_it_computes(tflite_case(tmp_path, {"x": IMAGE}, calls).path, [IMAGE])


FLOATS = sorted({*REAL.glob("*_f32.tflite"), *REAL.glob("*_f16.tflite")})
LEFT = {
    "net_lstm_f32": "WHILE",
    "op_gather_f32": "its inputs are indexes",
    "op_unprepared_dwconv_f32": "the runtime does not take it",
}


def test_files_of_converters_compute_what_the_runtime_does(full: bool) -> None:
    chosen = [path for path in FLOATS if path.stem not in LEFT]
    assert len(chosen) > 30
    for path in chosen if full else chosen[::8]:
        files.see_that_it_computes(path)


# -- refused --


def test_loops_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"\(WHILE\): it is not known how to compute it"):
        revive(REAL / "net_lstm_f32.tflite")


@pytest.mark.parametrize("form", ["int8", "int16x8"])
def test_quantised_files_are_refused(form: str) -> None:
    path = next(iter(sorted(REAL.glob(f"blk_*_{form}.tflite"))))
    with pytest.raises(UsageError, match="recover a model before quantising it"):
        revive(path)


# -- weights back in the file --


def net(folder: Path, *, shared: bool = False, mask: bool = False) -> Path:
    """Two convolutions and a scale; the convolutions' kernels may be one buffer."""
    first, second = random(4, 3, 3, 4, seed=1), random(4, 3, 3, 4, seed=2)
    options = window("Conv2D", "SAME", (1, 1), dilation_h_factor=1, dilation_w_factor=1)
    scale = np.float32([1, 0, 1, 0]) if mask else random(4)
    calls = [
        Call("CONV_2D", ["x", first, random(4, seed=3)], {"a": [2, 7, 6, 4]}, options),
        Call("MUL", ["a", scale], {"b": [2, 7, 6, 4]}, {"table": "MulOptions"}),
        Call("MUL", ["b", np.float32([0.5])], {"c": [2, 7, 6, 4]}, {"table": "MulOptions"}),
        Call("CONV_2D", ["c", second, random(4, seed=4)], {"y": [2, 7, 6, 4]}, options),
    ]
    path = tflite_case(folder, {"x": IMAGE}, calls).path
    if shared:
        model = tflite.schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
        tensors = {each.name: each for each in model.subgraphs[0].tensors}
        tensors[b"c3_1"].buffer = tensors[b"c0_1"].buffer
        path = tflite.write(folder, model, "shared.tflite")
    return path


def spread(path: Path) -> Path:
    """The same model with its buffers after the flatbuffer, as in files of over 2 GiB."""
    model = tflite.schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    contents = [None if each.data is None else bytes(each.data) for each in model.buffers]
    # The offsets are known once the flatbuffer is written, whose size they do not change.
    place = 0
    for _ in range(2):
        for buffer, content in zip(model.buffers, contents, strict=True):
            if content:
                buffer.data, buffer.offset, buffer.size = None, place or 2, len(content)
                place += len(content) + -len(content) % 16
        new = tflite.write(path.parent, model, "spread.tflite")
        place = new.stat().st_size + -new.stat().st_size % 16
    start = new.stat().st_size
    data = bytearray(new.read_bytes() + bytes(place - start))
    for content in contents:
        if content:
            data += content + bytes(-len(content) % 16)
    new.write_bytes(data)
    return new


def differing(one: bytes, other: bytes) -> set[int]:
    assert len(one) == len(other)
    return {place for place, (a, b) in enumerate(zip(one, other, strict=True)) if a != b}


def places(path: Path, names: Sequence[str]) -> set[int]:
    """The bytes of a file that hold some of its tensors."""
    spans = buffer_places(path)[0]
    found = (spans[value.index] for value in load(path).graphs[0].values if value.name in names)
    return {place for begin, length in found for place in range(begin, begin + length)}


@pytest.mark.parametrize("after", [False, True])
def test_only_trained_buffers_change_in_the_file(tmp_path: Path, after: bool) -> None:
    path = spread(net(tmp_path)) if after else net(tmp_path)
    module = files.see_that_it_computes(path, [IMAGE])
    assert set(module.trained) == {"c0_1", "c0_2", "c1_1", "c3_1", "c3_2"}
    assert refreshed(path, module) == path.read_bytes()
    losses = files.trained(module, [IMAGE])
    assert losses[-1] < losses[0]
    new = refreshed(path, module)
    changed = differing(path.read_bytes(), new)
    assert changed
    assert changed <= places(path, module.trained)
    again = tmp_path / "again.tflite"
    again.write_bytes(new)
    files.see_that_it_computes(again, [IMAGE])
    for one, other in zip(revive(again).weights, module.weights, strict=True):
        assert torch.equal(one, other)


def test_tensors_of_one_buffer_are_one_weight(tmp_path: Path) -> None:
    path = net(tmp_path, shared=True)
    module = files.see_that_it_computes(path, [IMAGE])
    assert module.trained == ("c0_1", "c0_2", "c1_1", "c3_2")
    files.trained(module, [IMAGE])
    again = tmp_path / "again.tflite"
    again.write_bytes(refreshed(path, module))
    made = files.by_runtime(again, [IMAGE])[0]
    np.testing.assert_allclose(
        made, files.by_pytorch(module, [IMAGE])[0], atol=1e-4 * float(np.ptp(made))
    )


def test_masks_stay(tmp_path: Path) -> None:
    assert "c1_1" not in revive(net(tmp_path, mask=True)).trained


def test_halves_are_trained_in_float32_and_rounded_back(tmp_path: Path) -> None:
    path = REAL / "net_prelu_f16.tflite"
    module = revive(path)
    assert len(module.trained) == 9
    assert refreshed(path, module) == path.read_bytes()
    files.trained(module, files.inputs_of(path))
    again = tmp_path / "again.tflite"
    again.write_bytes(refreshed(path, module))
    for one, other in zip(revive(again).weights, module.weights, strict=True):
        assert one.dtype == torch.float32
        assert torch.equal(one, other.detach().half().float())
    assert differing(path.read_bytes(), again.read_bytes()) <= places(path, module.trained)

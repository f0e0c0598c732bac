"""What no exporter writes and a file may hold all the same: refused, or the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single import (
    Call,
    agrees,
    integers,
    onnx_case,
    reading,
    rewritten,
    run,
    settled,
    tflite_case,
)

from npulint.fixers.building.windows import Convolution
from npulint.fixers.convolutions import conv_forms, matrices, window_padding
from npulint.fixers.moving import depth_space, joins, pads, repeats, resizes
from npulint.fixers.pointwise import rectifiers
from npulint.fixers.record import Refusal
from npulint.formats import load, save
from npulint.model import Model

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("family", "call", "shape"),
    [
        (
            joins.FAMILY,
            Call("Concat", ["x", "x"], {"y": [1, 4, 0, 3]}, {"axis": 1}),
            [1, 2, 0, 3],
        ),
        (
            rectifiers.FAMILY,
            Call("PRelu", ["x", np.full((2, 1, 1), 0.5, np.float32)], {"y": [0, 2, 3, 3]}, {}),
            [0, 2, 3, 3],
        ),
    ],
)
def test_what_has_no_elements_is_left(
    family: Any, call: Call, shape: list[int], tmp_path: Path
) -> None:
    case = onnx_case(tmp_path, {"x": np.zeros(shape, np.float32)}, [call], 13)
    assert run(case.path, case.xs)[0].size == 0
    assert settled(case, family, call.op) == [call.op]


def test_empty_lists_beside_a_map_do_not_count(tmp_path: Path) -> None:
    call = Call(
        "Resize", ["x", np.zeros(0, np.float32), np.array([1, 1, 2, 2], np.float32)],
        {"y": [1, 2, 6, 6]},
        {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    )  # fmt: skip
    case = onnx_case(tmp_path, {"x": integers(RNG, 1, 2, 3, 3)}, [call], 11)
    assert "Resize" not in settled(case, resizes.FAMILY, "Resize")


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_blocks_of_one_move_nothing(mode: str, tmp_path: Path) -> None:
    call = Call("DepthToSpace", ["x"], {"y": [1, 4, 3, 2]}, {"blocksize": 1, "mode": mode})
    case = onnx_case(tmp_path, {"x": integers(RNG, 1, 4, 3, 2)}, [call], 13)
    found = reading(case.path, depth_space.FAMILY)
    assert isinstance(found, Refusal)
    assert "moves nothing" in found.reason


@pytest.mark.parametrize(
    ("op", "shape", "made"),
    [
        ("DepthToSpace", [1, 6, 2, 2], [1, 1, 4, 4]),
        ("SpaceToDepth", [1, 2, 4, 3], [1, 8, 2, 1]),
    ],
)
def test_blocks_that_do_not_divide_are_refused(
    op: str, shape: list[int], made: list[int], tmp_path: Path
) -> None:
    case = onnx_case(
        tmp_path, {"x": integers(RNG, *shape)}, [Call(op, ["x"], {"y": made}, {"blocksize": 2})], 13
    )
    found = reading(case.path, depth_space.FAMILY)
    assert isinstance(found, Refusal)
    assert "does not divide" in found.reason


@pytest.mark.parametrize("auto", ["SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("size", range(3, 14))
@pytest.mark.parametrize(("kernel", "stride"), [(1, 2), (1, 3), (2, 4), (1, 5), (2, 6)])
def test_strides_past_samples(
    kernel: int, stride: int, size: int, auto: str, tmp_path: Path
) -> None:
    """Rewritten to the same bits where SAME crops little, and left where it may crop in front."""
    out = -(-size // stride)
    operands = ["x", integers(RNG, 2, 2, kernel, kernel)]
    said = {"strides": [stride, stride], "auto_pad": auto}
    call = Call("Conv", operands, {"y": [1, 2, out, out]}, said)
    case = onnx_case(tmp_path, {"x": integers(RNG, 1, 2, size, size)}, [call], 13)
    left = size - (out - 1) * stride - kernel
    found = reading(case.path, conv_forms.FAMILY)
    assert isinstance(found, Convolution) == (left <= 2)
    if left > 2:
        assert "pass over samples" in found.reason
        assert not [*window_padding.recognise(load(case.path).graphs[0])]
        return
    exact = [way for way in conv_forms.FAMILY.ways if way.exactness == "exact"]
    assert sum(agrees(case, conv_forms.FAMILY, way) for way in exact) > 0
    for way in window_padding.FAMILY.ways if left < 0 else ():
        agrees(case, window_padding.FAMILY, way)


@pytest.mark.parametrize("rank", [5, 6])
def test_joins_of_more_dimensions_than_pad_takes(rank: int, tmp_path: Path) -> None:
    shape = [1, 2, 2, 1, 2, 3][:rank]
    xs = {"a": integers(RNG, *shape), "b": integers(RNG, *shape)}
    made = [*shape[:-1], 2 * shape[-1]]
    call = Call(
        "CONCATENATION", list(xs), {"y": made},
        {"table": "ConcatenationOptions", "axis": rank - 1},
    )  # fmt: skip
    case = tflite_case(tmp_path, xs, [call])
    found = reading(case.path, joins.FAMILY)
    if rank == 6:
        assert isinstance(found, Refusal)
        assert "at most 5 dimensions" in found.reason
    else:
        (way,) = joins.FAMILY.ways
        model = rewritten(load(case.path), joins.FAMILY, way)
        assert isinstance(model, Model)
        save(model, tmp_path / "new.tflite")
        new = run(tmp_path / "new.tflite", xs)
        assert np.array_equal(new[0], run(case.path, xs)[0])


@pytest.mark.parametrize(
    ("family", "call", "said"),
    [
        (repeats.FAMILY, Call("Tile", ["x", np.zeros(0, np.int64)], {"y": []}, {}), "no axis"),
        (rectifiers.FAMILY, Call("LeakyRelu", ["x"], {"y": []}, {"alpha": 0.5}), "single number"),
        (
            rectifiers.FAMILY,
            Call("PRelu", ["x", np.full(1, 0.5, np.float32)], {"y": [1]}, {}),
            "single number",
        ),
    ],
)
def test_single_numbers_are_left(family: Any, call: Call, said: str, tmp_path: Path) -> None:
    case = onnx_case(tmp_path, {"x": np.array(-3, np.float32)}, [call], 17)
    assert run(case.path, case.xs)[0].size == 1
    found = reading(case.path, family)
    assert isinstance(found, Refusal)
    assert said in found.reason


@pytest.mark.parametrize(
    ("family", "call", "said"),
    [
        (
            rectifiers.FAMILY,
            Call("PRelu", ["x", np.ones(4, np.float32)], {"y": [1, 4, 6, 6]}, {}),
            "does not fit",
        ),
        (
            rectifiers.FAMILY,
            Call("PRelu", ["x", np.ones((1, 1, 1, 1, 1), np.float32)], {"y": [1, 4, 6, 6]}, {}),
            "does not fit",
        ),
        (
            pads.FAMILY,
            Call("Pad", ["x", np.array([0, 2])], {"y": [1, 4, 6, 8]}, {}),
            "contradict each other",
        ),
        (
            matrices.FAMILY,
            Call("MatMul", ["x", np.ones((6, 0), np.float32)], {"y": [1, 4, 6, 6]}, {}),
            "does not fit",
        ),
        (
            matrices.FAMILY,
            Call("MatMul", ["x", np.ones((0, 6), np.float32)], {"y": [1, 4, 6, 6]}, {}),
            "does not fit",
        ),
    ],
)
def test_constants_that_do_not_fit(family: Any, call: Call, said: str, tmp_path: Path) -> None:
    case = onnx_case(tmp_path, {"x": integers(RNG, 1, 4, 6, 6)}, [call], 13)
    found = reading(case.path, family)
    assert isinstance(found, Refusal)
    assert said in found.reason

"""The GPU delegate's table: its planner's answers, its entries, and what it cannot build."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import entry_checks
import pytest
import table_operations
from answers import ANSWERS, disagreements
from entry_checks import check_breaking, check_cautions, check_meeting
from gpu_operations import GpuSearch

from npulint.model import Constant, Operation, Quantisation, Value
from npulint.opsets import load_target
from npulint.verdict import Verdict, judge

GPU = load_target("tflite-gpu")
OPERATORS = tuple(GPU.entries)
Shape = tuple[int, ...]


@pytest.fixture(autouse=True)
def searched_with_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry_checks, "Search", GpuSearch)
    # Many of these conditions cannot be broken alone: most steps are spent on finding that out.
    monkeypatch.setattr(table_operations, "STEPS", 3_000)


def test_every_verdict_and_piece_is_the_planners_own() -> None:
    assert len(ANSWERS) == 236
    assert not list(disagreements(GPU))


@pytest.mark.parametrize("op", OPERATORS)
def test_entries_keep_their_word(op: str) -> None:
    check_meeting(GPU, op)
    check_breaking(GPU, op)
    check_cautions(GPU, op)


def tensor(place: int, shape: Shape = (1, 4, 4, 2), dtype: str = "float32") -> Value:
    scaled = Quantisation((0.5,), (0,)) if dtype in ("int8", "uint8") else None
    return Value(place, "", dtype, shape, quantisation=scaled)


def stored(place: int, shape: Shape, dtype: str = "float32", *numbers: int) -> Value:
    """A constant; of zeros where no numbers are given."""
    count = 1
    for size in shape:
        count *= size
    code = {"float32": "f", "float16": "e", "int32": "i", "int8": "b"}[dtype]
    payload = struct.pack(f"<{count}{code}", *(numbers or (0,) * count))
    constant = Constant(dtype, shape, payload, None, len(payload))
    return Value(place, "", dtype, shape, constant)


def ask(op: str, *operands: Value | None, made: Value | None = None, **options: Any) -> Verdict:
    result = tensor(9) if made is None else made
    given = {"fused_activation_function": "NONE", **options}
    return judge(Operation("tflite", op, 1, operands, (result,), given), GPU)


def outcome(verdict: Verdict) -> tuple[str, str, list[str]]:
    names = [reason.constraint.partition("/")[2] for reason in verdict.reasons]
    return verdict.status, verdict.validation, names


@pytest.mark.parametrize(
    ("alpha", "unbuildable"),
    [
        ((2,), []),
        ((1, 1, 2), []),
        ((4, 4, 2), []),
        ((1,), ["alpha-shape"]),
        ((1, 1, 1), ["alpha-shape"]),
        ((), ["alpha-shape"]),
        ((4, 1, 2), ["alpha-shape"]),
    ],
)
def test_a_slope_that_channels_share_passes_the_planner_and_is_not_built(
    alpha: Shape, unbuildable: list[str]
) -> None:
    verdict = ask("PRELU", tensor(0), stored(1, alpha))
    status = "unsupported" if unbuildable else "supported"
    assert outcome(verdict) == (status, "accepted", unbuildable)


@pytest.mark.parametrize(
    ("left", "right", "taken"),
    [
        ((1, 4, 4, 2), (4, 4, 2), True),
        ((2, 4, 4, 2), (4, 4, 2), False),
        ((1, 4, 4, 2), (1, 1), True),
        ((2, 4, 4, 3), (2, 3), True),
        ((2, 4, 4, 3), (4, 3), False),
        ((2, 4, 4, 3), (3,), True),
        ((2, 4, 3), (4, 3), False),
        ((2, 1, 1, 3), (2, 4, 4, 3), True),
    ],
)
@pytest.mark.parametrize("op", ["ADD", "MUL"])
@pytest.mark.parametrize("swapped", [False, True])
def test_which_broadcasts_the_planner_takes(
    op: str, swapped: bool, left: Shape, right: Shape, taken: bool
) -> None:
    shapes = (right, left) if swapped else (left, right)
    verdict = ask(op, tensor(0, shapes[0]), tensor(1, shapes[1]))
    assert verdict.validation == ("accepted" if taken else "refused")
    # The comparison is ADD's and MUL's alone.
    assert ask("SUB", tensor(0, left), tensor(1, right)).validation == "accepted"


@pytest.mark.parametrize(
    ("shape", "cut", "masks", "made", "fits"),
    [
        ((1, 4, 4, 2), ((0, 1, 0, 0), (1, 4, 4, 2), 1), (0, 0), (1, 3, 4, 2), True),
        ((1, 4, 4, 2), ((0, 0, 0, 0), (1, 4, 4, 2), 2), (0, 0), (1, 2, 2, 1), True),
        ((1, 4, 4, 2), ((0, -3, 0, 0), (1, -1, 4, 2), 1), (0, 0), (1, 2, 4, 2), True),
        ((1, 4, 4, 2), ((0, 0, 0, 0), (9, 9, 9, 9), 1), (15, 15), (1, 4, 4, 2), True),
        # An end beyond the tensor counts as it stands.
        ((1, 4, 4, 2), ((0, 0, 0, 0), (1, 9, 4, 2), 1), (0, 0), (1, 4, 4, 2), False),
        ((1, 4, 4, 2), ((0, 3, 0, 0), (1, 0, 4, 2), -1), (15, 15), (1, 4, 4, 2), False),
        # Three numbers are height, width and channels, but the tensor has batch first.
        ((1, 4, 2), ((0, 1, 0), (1, 4, 2), 1), (0, 0), (1, 3, 2), True),
        ((3, 4, 2), ((0, 0, 0), (3, 4, 2), 1), (1, 1), (3, 4, 2), True),
        ((3, 4, 2), ((1, 0, 0), (3, 4, 2), 1), (0, 0), (2, 4, 2), False),
    ],
)
def test_slices_are_built_where_the_delegate_reads_the_same_size(
    shape: Shape, cut: tuple[Shape, Shape, int], masks: Shape, made: Shape, fits: bool
) -> None:
    begin, end, step = cut
    count = (len(begin),)
    verdict = ask(
        "STRIDED_SLICE",
        tensor(0, shape),
        stored(1, count, "int32", *begin),
        stored(2, count, "int32", *end),
        stored(3, count, "int32", *(step,) * len(begin)),
        made=tensor(9, made),
        begin_mask=masks[0],
        end_mask=masks[1],
        **dict.fromkeys(("ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0),
    )
    expected = ("supported", []) if fits else ("unsupported", ["size"])
    status, validation, names = outcome(verdict)
    assert ((status, names), validation) == (expected, "accepted")


@pytest.mark.parametrize(
    ("op", "operands", "made", "unbuildable"),
    [
        ("MEAN", (tensor(0), stored(1, (4,), "int32", 0, 1, 2, 3)), tensor(9, ()), "no-scalars"),
        ("RELU", (replace(tensor(0, dtype="int8"), quantisation=None),), None, "8-bit-steps"),
        ("SUB", (tensor(0), tensor(0)), None, "no-tensor-twice"),
        ("BATCH_MATMUL", (stored(0, (4, 4)), tensor(1)), None, "constant-side"),
        ("BATCH_MATMUL", (tensor(0), stored(1, (1, 4, 4))), None, "constant-side"),
        ("MAXIMUM", (tensor(0), stored(1, (2, 4, 4, 2))), None, "constant-shape"),
        ("CONCATENATION", (tensor(0), stored(1, (1, 4, 2))), None, "constants"),
        ("PACK", (tensor(0, (4,)), stored(1, (4,))), None, "constant_inputs"),
        ("FULLY_CONNECTED", (tensor(0), stored(1, (3, 32))), None, "channels"),
        (
            "FULLY_CONNECTED",
            (tensor(0), stored(1, (3, 2)), tensor(2, (3,))),
            None,
            "computed-weights",
        ),
        ("GATHER", (stored(0, (4, 2)), tensor(1, (3,), "int32")), None, "computed-input"),
        ("DEQUANTIZE", (stored(0, (4, 2), "int8"),), None, "constant-rank"),
        ("PRELU", (tensor(0), tensor(1, (2,))), None, "constant-alpha"),
        (
            "SELECT_V2",
            (tensor(0, (4, 4, 2)), stored(1, (4, 4, 2)), tensor(2, (4, 4, 2))),
            tensor(9, (4, 4, 2)),
            "constant-x",
        ),
    ],
)
def test_what_passes_the_planner_and_is_not_built(
    op: str, operands: tuple[Value, ...], made: Value | None, unbuildable: str
) -> None:
    options = {"weights_format": "DEFAULT", "batch_dims": 0, "keep_dims": False}
    verdict = ask(op, *operands, made=made, **options)
    assert unbuildable in outcome(verdict)[2]
    assert outcome(verdict)[:2] == ("unsupported", "accepted")
    assert all("@f6745779" in reason.source for reason in verdict.reasons)


@pytest.mark.parametrize("op", ["ADD", "MUL"])
def test_a_tensor_may_be_added_to_and_multiplied_by_itself(op: str) -> None:
    assert ask(op, tensor(0), tensor(0)).status == "supported"


@pytest.mark.parametrize(
    ("op", "options", "word"),
    [
        ("BATCH_MATMUL", {"adj_y": True}, "adj_y"),
        ("CUMSUM", {"reverse": True}, "reverse"),
        ("UNPACK", {}, "OpenGL"),
        ("SPLIT", {}, "OpenCL"),
        ("FLOOR", {}, "OpenGL"),
    ],
)
def test_what_the_delegate_overlooks_is_a_caution(
    op: str, options: dict[str, bool], word: str
) -> None:
    operands = {
        "BATCH_MATMUL": (tensor(0), tensor(1)),
        "CUMSUM": (tensor(0), stored(1, (), "int32", 3)),
        "SPLIT": (stored(0, (), "int32", 3), tensor(1)),
    }.get(op, (tensor(0),))
    verdict = ask(op, *operands, **options)
    assert verdict.status == "supported"
    assert any(word in caution.message for caution in verdict.cautions)


@pytest.mark.parametrize(
    ("axes", "made", "warned"),
    [
        ((1, 2), (1, 2), False),
        ((1, 2), (1, 1, 1, 2), False),
        ((-2, -3), (1, 2), False),
        ((3,), (1, 4, 4), True),
        ((3,), (1, 4, 4, 1), False),
        ((1,), (1, 4, 2), False),
        ((0,), (4, 4, 2), True),
    ],
)
def test_a_mean_that_is_laid_out_elsewhere_is_warned_of(
    axes: Shape, made: Shape, warned: bool
) -> None:
    where = stored(1, (len(axes),), "int32", *axes)
    verdict = ask("MEAN", tensor(0), where, made=tensor(9, made))
    assert verdict.status == "supported"
    assert any("keep_dims" in caution.message for caution in verdict.cautions) is warned


POOL = struct.pack("<6i", 1, 2, 2, 3, 3, 0)
FLAT_POOL = struct.pack("<6i", 1, 2, 2, 3, 0, 0)


@pytest.mark.parametrize(
    ("op", "options", "validation"),
    [
        ("MaxUnpooling2D", {"custom_options": POOL}, "accepted"),
        ("MaxUnpooling2D", {"custom_options": FLAT_POOL}, "refused"),
        ("MaxUnpooling2D", {"custom_options": POOL[:10]}, "refused"),
        ("MaxUnpooling2D", {}, "refused"),
        ("Resampler", {}, "accepted"),
        ("SomebodysOwn", {}, "refused"),
        ("MUL", {}, "refused"),
    ],
)
def test_four_custom_operators_are_known_by_name(
    op: str, options: dict[str, bytes], validation: str
) -> None:
    operands = (tensor(0), tensor(1))
    given = {"fused_activation_function": "NONE", **options}
    operation = Operation("tflite", op, 1, operands, (tensor(9),), given, custom=True)
    assert judge(operation, GPU).validation == validation
    # The same name as a builtin operator is another operator.
    plain = judge(replace(operation, custom=False), GPU)
    assert plain.validation == ("accepted" if op == "MUL" else "refused")


def test_tensors_between_converted_operators_are_told_apart_without_an_index() -> None:
    left, right = tensor(-1), tensor(-1)
    assert ask("SUB", left, right).status == "supported"
    assert outcome(ask("SUB", left, left)) == ("unsupported", "accepted", ["no-tensor-twice"])

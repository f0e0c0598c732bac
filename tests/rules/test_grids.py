"""What is said of kernels and quantisation grids, against the runtime on single operators."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from graph_text import model

from npulint.dynamic import unprepared
from npulint.formats import save
from npulint.opsets.tflite_grids import FIXED_GRID, ONE_GRID, QUANTISED

np = pytest.importorskip("numpy")
runtime = pytest.importorskip("ai_edge_litert.interpreter")

ZERO_POINTS = {"uint8": 128, "int8": 0, "int16": 0}


@dataclass(frozen=True)
class Form:
    """One operator that, on one grid, hands its input on as it is.

    Attributes:
        reads: Its operands; `x` is the data.
        more: Further values.
        attributes: Its options.
        shapes: Shapes of data and result.
        version: The operator version.
    """

    reads: str = "x"
    more: str = ""
    attributes: str = "{}"
    shapes: tuple[str, str] = ("[1,2,2,4]", "[1,2,2,4]")
    version: int = 1


POOL = "{padding: SAME, stride_w: 1, stride_h: 1, filter_width: 1, filter_height: 1}"
BLOCK = "b: const int32[2] = 1 1\nc: const int32[2,2] = 0 0 0 0"
PADS = "p: const int32[4,2] = 0 0 0 0 0 0 0 0"
SIZE = "s: const int32[2] = 2 2"
WHOLE = "o: const int32[4] = 0 0 0 0\ns: const int32[4] = 1 2 2 4"
RESIZE = "{align_corners: false, half_pixel_centers: false}"
STRIDED = (
    "{begin_mask: 0, end_mask: 0, ellipsis_mask: 0, new_axis_mask: 0, shrink_axis_mask: 0, "
    "offset: false}"
)

FORMS = {
    "AVERAGE_POOL_2D": Form(attributes=POOL),
    "BATCH_TO_SPACE_ND": Form("x, b, c", BLOCK),
    "BROADCAST_TO": Form("x, s", "s: const int32[4] = 1 2 2 4", version=3),
    "CONCATENATION": Form("x", attributes="{axis: 0}"),
    "DEPTH_TO_SPACE": Form(attributes="{block_size: 1}"),
    "EXPAND_DIMS": Form("x, a", "a: const int32[1] = 0", shapes=("[2,2,4]", "[1,2,2,4]")),
    "GATHER": Form("x, i", "i: const int32[1] = 0", "{axis: 0, batch_dims: 0}"),
    "MAXIMUM": Form("x, x"),
    "MAX_POOL_2D": Form(attributes=POOL),
    "MINIMUM": Form("x, x"),
    "MIRROR_PAD": Form("x, p", PADS, "{mode: REFLECT}"),
    "PACK": Form("x", attributes="{values_count: 1, axis: 0}", shapes=("[2,2,4]", "[1,2,2,4]")),
    "PAD": Form("x, p", PADS),
    "REDUCE_MAX": Form("x, a", "a: const int32[1] = 0", "{keep_dims: true}"),
    "REDUCE_MIN": Form("x, a", "a: const int32[1] = 0", "{keep_dims: true}"),
    "RESHAPE": Form("x, s", "s: const int32[4] = 1 2 2 4"),
    "RESIZE_BILINEAR": Form("x, s", SIZE, RESIZE),
    "RESIZE_NEAREST_NEIGHBOR": Form("x, s", SIZE, RESIZE),
    "REVERSE_V2": Form("x, a", "a: const int32[1] = 0"),
    "SLICE": Form("x, o, s", WHOLE),
    "SPACE_TO_BATCH_ND": Form("x, b, c", BLOCK),
    "SPACE_TO_DEPTH": Form(attributes="{block_size: 1}"),
    "SPLIT": Form("a, x", "a: const int32[] = 0", "{num_splits: 1}"),
    "SPLIT_V": Form("x, n, a", "n: const int32[1] = 1\na: const int32[] = 0", "{num_splits: 1}"),
    "SQUEEZE": Form(attributes="{squeeze_dims: [0]}", shapes=("[1,2,2,4]", "[2,2,4]")),
    "STRIDED_SLICE": Form("x, o, s, t", f"{WHOLE}\nt: const int32[4] = 1 1 1 1", STRIDED),
    "TILE": Form("x, m", "m: const int32[4] = 1 1 1 1"),
    "TRANSPOSE": Form("x, q", "q: const int32[4] = 0 1 2 3"),
    "UNPACK": Form(attributes="{num: 1, axis: 0}", shapes=("[1,2,2,4]", "[2,2,4]")),
}
"""All but those whose data are constants (FILL) or that have positions (GATHER_ND, SCATTER_ND)."""

UNTAKEN = {("DEPTH_TO_SPACE", "int16"), ("SPACE_TO_DEPTH", "int16")}
"""Forms that a kernel takes on no grid."""


def text(op: str, dtype: str, grids: tuple[str, str], form: Form) -> str:
    return "\n".join(
        (
            f"x: {dtype}{form.shapes[0]} {grids[0]}",
            form.more,
            f"{op} v{form.version} ({form.reads}) -> y {form.attributes}",
            f"y: {dtype}{form.shapes[1]} {grids[1]}",
        )
    )


def prepare(graph: str, folder: Path) -> Any:
    """The runtime with the model prepared; None where it refuses to."""
    path = folder / "m.tflite"
    save(model(graph), path)
    kinds = runtime.OpResolverType
    interpreter = runtime.Interpreter(
        model_path=str(path),
        experimental_op_resolver_type=kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    try:
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError):
        return None
    return interpreter


def run(interpreter: Any) -> tuple[Any, Any]:
    """What a prepared model is given and what it makes of it."""
    told = interpreter.get_input_details()[0]
    numbers = np.arange(1, 17).reshape(told["shape"]).astype(told["dtype"])
    interpreter.set_tensor(told["index"], numbers)
    interpreter.invoke()
    return numbers, interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize(
    ("op", "dtype"), [(o, d) for o in FORMS for d in QUANTISED if (o, d) not in UNTAKEN]
)
def test_two_grids_are_refused_stop_the_run_or_are_not_converted(
    op: str, dtype: str, tmp_path: Path
) -> None:
    demand, zero = ONE_GRID[op], ZERO_POINTS[dtype]
    one, other = f"scale 0.5 zero {zero}", f"scale 0.25 zero {zero}"
    assert prepare(text(op, dtype, (one, one), FORMS[op]), tmp_path) is not None
    graph = text(op, dtype, (one, other), FORMS[op])
    prepared = prepare(graph, tmp_path)
    assert (prepared is None) == (dtype in demand.refused)
    assert (prepared is None) == bool(unprepared(model(graph).graphs[0]))
    if prepared is None:
        return
    if demand.stops:
        with pytest.raises(RuntimeError):
            run(prepared)
        return
    given, made = run(prepared)
    assert np.array_equal(given.ravel(), made.ravel()) == (dtype not in demand.rescaled)


def test_every_operator_of_one_grid_has_a_form_or_a_reason() -> None:
    without = {"FILL", "GATHER_ND", "PADV2", "SCATTER_ND", "SELECT"}
    assert ONE_GRID.keys() == FORMS.keys() | without


@pytest.mark.parametrize(
    ("op", "dtype"), [(op, dtype) for op, grids in FIXED_GRID.items() for dtype in grids]
)
@pytest.mark.parametrize("change", ["none", "scale", "a little", "zero point"])
def test_a_fixed_grid_is_held_to_as_said(op: str, dtype: str, change: str, tmp_path: Path) -> None:
    fixed = FIXED_GRID[op][dtype]
    scale = fixed.scale * {"scale": 1.5, "a little": 1.0005}.get(change, 1)
    zero = fixed.zero_point + (3 if change == "zero point" and dtype != "uint8" else 0)
    if change == "zero point" and dtype == "uint8":
        zero = 100
    given = f"scale 0.01 zero {ZERO_POINTS[dtype]}"
    form = Form(attributes="{beta: 1.0}" if op == "SOFTMAX" else "{}")
    graph = text(op, dtype, (given, f"scale {scale!r} zero {zero}"), form)
    refused = prepare(graph, tmp_path) is None
    assert refused == bool(unprepared(model(graph).graphs[0]))
    if change == "none":
        assert not refused

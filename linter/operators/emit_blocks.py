"""Depth to space and back as TFLite operations.

Source of the forms: PINTO0309/onnx2tf onnx2tf/ops/{DepthToSpace,SpaceToDepth}.py @2c0cb019, and
what TensorFlow Lite's converter 2.21 made of them (tests/operators/recorded.json).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.operators.emit_windows import channels_last_result
from npulint.operators.tape import Tape, constant, sizes, tensor

if TYPE_CHECKING:
    from npulint.model import Shape, Value
    from npulint.operators.semantics import DepthToSpace, SpaceToDepth


def emit_depth_to_space(tape: Tape, operator: DepthToSpace) -> None:
    """DEPTH_TO_SPACE for DCR; reshapes and a transposition of rank 6 for CRD."""
    value = tape.in_layout(0, last=True)
    result = channels_last_result(tape)
    block = operator.block
    if operator.mode == "DCR":
        tape.add("DEPTH_TO_SPACE", [value], tensor(value.dtype or "", result), block_size=block)
    else:
        batch, height, width, _ = sizes(value)
        split = tape_reshape(tape, value, (batch, height, width, result[3], block, block))
        moved = tape.transpose(split, (0, 1, 4, 2, 5, 3))
        tape_reshape(tape, moved, result)
    tape.finish(last=True)


def tape_reshape(tape: Tape, value: Value, shape: Shape) -> Value:
    """RESHAPE; where several sizes are free, to a shape that the model computes as it runs."""
    free = sum(not isinstance(size, int) for size in shape)
    if free <= 1:
        return tape.reshape(value, shape)
    source = tape.add("SHAPE", [value], tensor("int32", (len(sizes(value)),)), out_type="int32")
    scalar = tape.add(
        "STRIDED_SLICE",
        [source, *(constant("int32", (1,), [item]) for item in (0, 1, 1))],
        tensor("int32", ()),
        shrink_axis_mask=1,
    )
    parts: list[Value | None] = [
        constant("int32", (), [size]) if isinstance(size, int) else scalar for size in shape
    ]
    wanted = tape.add(
        "PACK", parts, tensor("int32", (len(shape),)), values_count=len(shape), axis=0
    )
    return tape.add("RESHAPE", [value, wanted], tensor(value.dtype or "", shape), new_shape=())


def emit_space_to_depth(tape: Tape, operator: SpaceToDepth) -> None:
    """SPACE_TO_DEPTH, whose order of channels is ONNX's."""
    value = tape.in_layout(0, last=True)
    result = channels_last_result(tape)
    tape.add(
        "SPACE_TO_DEPTH", [value], tensor(value.dtype or "", result), block_size=operator.block
    )
    tape.finish(last=True)

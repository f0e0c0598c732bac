"""Operators that pick elements by index, and matrix products, as TFLite operations.

Source of the forms: PINTO0309/onnx2tf onnx2tf/ops/{Gather,GatherND,GatherElements,ScatterND,
OneHot,MatMul,Gemm,NonZero,Range,ConstantOfShape}.py @2c0cb019, and what TensorFlow Lite's
converter 2.21 made of them (tests/operators/recorded.json).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.operators.emit_pointwise import apply, cast, number
from npulint.operators.emit_reductions import remaining, settle
from npulint.operators.layout import has_layouts, stored_axis
from npulint.operators.onnx_node import NoConversionError
from npulint.operators.tape import Tape, constant, known, sizes, tensor

if TYPE_CHECKING:
    from npulint.model import Shape, Value
    from npulint.operators.rearrangements import (
        Dense,
        Gather,
        GatherElements,
        GatherNd,
        MatMul,
        Miscellaneous,
        OneHot,
        ReverseSequence,
        Scatter,
    )


def emit_gather(tape: Tape, operator: Gather) -> None:
    """GATHER; computed indices are first wrapped to count from 0."""
    indices = tape.shape(1)
    held = tape.operand(0)
    keep_layout = len(indices) <= 1
    value = tape.stored(0) if keep_layout else tape.in_layout(0, last=False)
    rank = len(sizes(value))
    last = keep_layout and held.last and not held.folded and has_layouts(rank)
    axis = stored_axis(operator.axis, rank, last=last)
    where = _indices(tape, sizes(value)[axis], indices)
    target = (*sizes(value)[:axis], *indices, *sizes(value)[axis + 1 :])
    result = tape.add(
        "GATHER", [value, where], tensor(value.dtype or "", target), axis=axis, batch_dims=0
    )
    if len(indices) == 0:
        settle(tape, result, remaining(rank, (operator.axis,), last=last))
    else:
        tape.finish(last=last)


def _indices(tape: Tape, size: int | str | None, shape: Shape) -> Value:
    if tape.operand(1).folded:
        dtype = "int64" if shape else "int32"
        return constant(dtype, known(shape))
    where = tape.in_layout(1, last=False)
    negative = apply(tape, "LESS", [where, number(where, 0)], "bool")
    steps = cast(tape, negative, where.dtype or "int64")
    extent = number(where, size if isinstance(size, int) else 1)
    return apply(tape, "ADD", [where, apply(tape, "MUL", [steps, extent])])


def emit_gather_nd(tape: Tape, operator: GatherNd) -> None:
    """GATHER_ND in the ONNX order of axes."""
    if operator.batch_dims:
        raise NoConversionError("GatherND with batch axes has no TFLite builtin operator")
    value = tape.in_layout(0, last=False)
    where = tape.in_layout(1, last=False)
    tape.add("GATHER_ND", [value, where], tensor(value.dtype or "", tape.result_shape()))
    tape.finish(last=False)


def emit_gather_elements(tape: Tape, operator: GatherElements) -> None:
    """GATHER_ND by constant index tuples, the axis first."""
    if not tape.operand(1).folded:
        raise NoConversionError("GatherElements by computed indices has no known conversion")
    value = tape.in_layout(0, last=False)
    target = tape.result_shape()
    rank = len(target)
    swap = list(range(rank))
    swap[0], swap[operator.axis] = operator.axis, 0
    moved = tape.transpose(value, swap)
    picked = tuple(target[axis] for axis in swap)
    tuples = constant("int64", (*known(picked), rank))
    result = tape.add("GATHER_ND", [moved, tuples], tensor(value.dtype or "", picked))
    tape.transpose(result, swap)
    tape.finish(last=False)


def emit_scatter(tape: Tape, operator: Scatter) -> None:
    """Two SCATTER_ND: one that clears what is overwritten, one that writes."""
    if operator.reduction != "none":
        raise NoConversionError(f"scattering with reduction {operator.reduction} has no conversion")
    if operator.axis is not None and not tape.operand(1).folded:
        raise NoConversionError("scattering single elements by computed indices has no conversion")
    value = tape.in_layout(0, last=False)
    updates = tape.in_layout(2, last=False)
    rank = len(sizes(value))
    if operator.axis is None:
        shape = tape.shape(1)
        where = constant("int32", known(shape)) if tape.operand(1).folded else None
        where = where or cast(tape, tape.in_layout(1, last=False), "int32")
    else:
        count = 1
        for size in known(sizes(updates)):
            count *= size
        updates = tape.reshape(updates, (count,))
        where = constant("int32", (count, rank))
    target = constant("int32", (rank,), list(known(sizes(value))))
    like_updates = constant("int64", (len(sizes(updates)),), list(known(sizes(updates))))
    ones = tape.add("BROADCAST_TO", [number(value, 1), like_updates], tape.like(updates))
    mask = tape.add("SCATTER_ND", [where, ones, target], tape.like(value))
    keep = apply(tape, "SUB", [number(value, 1), mask])
    kept = apply(tape, "MUL", [value, keep])
    written = tape.add("SCATTER_ND", [where, updates, target], tape.like(value))
    apply(tape, "ADD", [kept, written])
    tape.finish(last=False)


def emit_reverse_sequence(tape: Tape, operator: ReverseSequence) -> None:
    """REVERSE_SEQUENCE in the ONNX order of axes."""
    value = tape.in_layout(0, last=False)
    lengths = tape.in_layout(1, last=False)
    tape.add(
        "REVERSE_SEQUENCE",
        [value, lengths],
        tape.like(value),
        seq_dim=operator.time,
        batch_dim=operator.batch,
    )
    tape.finish(last=False)


def emit_one_hot(tape: Tape, operator: OneHot) -> None:
    """ONE_HOT of indices that were wrapped to count from 0."""
    if not tape.operand(1).folded or not tape.operand(2).folded:
        raise NoConversionError("OneHot with a computed depth or computed values is not known")
    indices = tape.in_layout(0, last=False)
    target = tape.result_shape()
    depth = target[operator.axis]
    count = constant("int32", (), [depth] if isinstance(depth, int) else None)
    small = cast(tape, indices, "int32")
    wrapped = apply(tape, "FLOOR_MOD", [apply(tape, "ADD", [small, count]), count])
    wide = cast(tape, wrapped, indices.dtype or "int64")
    dtype = tape.result_type()
    values = [constant(dtype, ()), constant(dtype, ())]
    axis = -1 if operator.axis == len(target) - 1 else operator.axis
    tape.add("ONE_HOT", [wide, count, *values], tensor(dtype, target), axis=axis)
    tape.finish(last=False)


def emit_miscellaneous(tape: Tape, operator: Miscellaneous) -> None:
    """Operators without parameters: identities, NonZero, ConstantOfShape, Range."""
    if operator.kind in ("identity", "dropout"):
        if len([value for value in tape.results if value is not None]) > 1:
            tape.note = "the mask of a dropout is not converted"
        tape.finish(last=tape.operand(0).last)
    elif operator.kind == "nonzero":
        _non_zero(tape)
    elif operator.kind == "fill":
        shape = tape.in_layout(0, last=False)
        dtype = tape.result_type()
        tape.add("FILL", [shape, constant(dtype, ())], tensor(dtype, tape.result_shape()))
    else:
        dtype = tape.type(0)
        bounds = [
            constant(dtype, ()) if tape.operand(position).folded else tensor(dtype, ())
            for position in range(3)
        ]
        tape.add("RANGE", bounds, tensor(dtype, tape.result_shape()))


def _non_zero(tape: Tape) -> None:
    value = tape.in_layout(0, last=False)
    rank = len(sizes(value))
    if value.dtype != "bool":
        value = apply(tape, "NOT_EQUAL", [value, number(value, 0)], "bool")
    found = tape.add("WHERE", [value], tensor("int64", (None, rank)))
    tape.transpose(found, (1, 0))


def emit_mat_mul(tape: Tape, operator: MatMul) -> None:
    """FULLY_CONNECTED with a constant matrix, else BATCH_MATMUL, in the ONNX order of axes."""
    left_rank, right_rank = len(tape.shape(0)), len(tape.shape(1))
    target = tape.result_shape()
    dense = tape.operand(1).folded and right_rank <= 2 and left_rank >= 2
    if tape.type(0) != "float32":
        raise NoConversionError(f"a matrix product of {tape.type(0)} has no known conversion")
    if dense:
        value = tape.in_layout(0, last=False)
        inner, units = known((*tape.shape(1), 1)[:2])
        weights = constant("float32", (units, inner))
        wide = target if right_rank == 2 else (*target, 1)
        result = tape.add(
            "FULLY_CONNECTED",
            [value, weights, None],
            tensor("float32", wide),
            keep_num_dims=left_rank > 2,
        )
        if right_rank == 1:
            tape.reshape(result, target)
    else:
        _batched(tape, target)
    tape.finish(last=False)


def _batched(tape: Tape, target: Shape) -> None:
    """BATCH_MATMUL, with vectors as matrices of one row or one column."""
    (value, adj_x), (other, adj_y) = _matrix(tape, 0), _matrix(tape, 1)
    wide = target
    if len(sizes(value)) == 1:
        value = tape.reshape(value, (1, *sizes(value)))
        wide = (*wide[:-1], 1, *wide[-1:]) if len(sizes(other)) > 1 else (1,)
    if len(sizes(other)) == 1:
        other = tape.reshape(other, (*sizes(other), 1))
        wide = (*wide, 1)
    result = tape.add(
        "BATCH_MATMUL", [value, other], tensor("float32", wide), adj_x=adj_x, adj_y=adj_y
    )
    if wide != target:
        tape.reshape(result, target)


def _matrix(tape: Tape, position: int) -> tuple[Value, bool]:
    """An operand, and whether its matrices are stored transposed: rank 3 channels last is so."""
    held = tape.operand(position)
    transposed = held.last and not held.folded and len(tape.shape(position)) == 3
    return tape.in_layout(position, last=transposed), transposed


def emit_dense(tape: Tape, operator: Dense) -> None:
    """FULLY_CONNECTED, with TRANSPOSE before it where a matrix is not as it wants them."""
    value = tape.stored(0)
    if value.dtype != "float32":
        raise NoConversionError(f"a matrix product of {value.dtype} has no known conversion")
    if operator.transpose_a:
        value = tape.transpose(value, (1, 0))
    rows, columns = tape.shape(1)
    if tape.operand(1).folded:
        units, inner = known((rows, columns) if operator.transpose_b else (columns, rows))
        weights = constant("float32", (units, inner))
    else:
        weights = tape.stored(1)
        if not operator.transpose_b:
            weights = tape.transpose(weights, (1, 0))
    target = tape.result_shape()
    scaled = operator.alpha != 1.0 and not tape.operand(1).folded
    bias = _dense_bias(tape, operator, target, allowed=not scaled)
    result = tape.add("FULLY_CONNECTED", [value, weights, bias], tensor("float32", target))
    if scaled:
        result = apply(tape, "MUL", [result, number(result, operator.alpha)])
    if tape.given(2) and bias is None and operator.beta != 0.0:
        _add_matrix(tape, operator, result)


def _dense_bias(tape: Tape, operator: Dense, target: Shape, *, allowed: bool) -> Value | None:
    """The third operand as a bias, where it is a constant of one number a unit."""
    if not allowed or not tape.given(2) or operator.beta == 0.0:
        return None
    shape = tape.shape(2)
    units = target[-1]
    if not tape.operand(2).folded or not isinstance(units, int):
        return None
    return constant("float32", (units,)) if shape in ((units,), (1, units)) else None


def _add_matrix(tape: Tape, operator: Dense, result: Value) -> None:
    other = tape.stored(2)
    if operator.beta != 1.0 and not tape.operand(2).folded:
        other = tape.add("MUL", [other, number(other, operator.beta)], tape.like(other))
    tape.add("ADD", [result, other], tape.like(result))

"""Which reader and which emitter an operator has, and which operators have none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from npulint.operators import (
    emit_binary,
    emit_blocks,
    emit_norms,
    emit_pads,
    emit_pointwise,
    emit_pools,
    emit_reductions,
    emit_resize,
    emit_selections,
    emit_shapes,
    emit_transposed,
    emit_windows,
    rearrangements,
    semantics,
)
from npulint.operators.onnx_node import NoConversionError, OnnxNode, Reader
from npulint.operators.onnx_pointwise import POINTWISE_READERS
from npulint.operators.onnx_shapes import SHAPE_READERS
from npulint.operators.onnx_windows import WINDOW_READERS
from npulint.operators.refusals import REFUSALS

if TYPE_CHECKING:
    from npulint.model import Operation
    from npulint.operators.rearrangements import Operator
    from npulint.operators.tape import Tape

READERS: Mapping[str, Reader] = MappingProxyType(
    {**WINDOW_READERS, **POINTWISE_READERS, **SHAPE_READERS}
)
"""The operators of the standard ONNX domain that are read, by name."""

# An emitter takes the one kind of operator that it is listed under.
_Emitter: TypeAlias = "Callable[[Tape, Any], None]"

_EMITTERS: Mapping[type, _Emitter] = MappingProxyType(
    {
        semantics.Conv: emit_windows.emit_conv,
        semantics.TransposeConv: emit_transposed.emit_transpose_conv,
        semantics.Pool: emit_pools.emit_pool,
        semantics.Resize: emit_resize.emit_resize,
        semantics.DepthToSpace: emit_blocks.emit_depth_to_space,
        semantics.SpaceToDepth: emit_blocks.emit_space_to_depth,
        semantics.BatchNorm: emit_norms.emit_batch_norm,
        semantics.InstanceNorm: emit_norms.emit_instance_norm,
        semantics.GroupNorm: emit_norms.emit_group_norm,
        semantics.LayerNorm: emit_norms.emit_layer_norm,
        semantics.RmsNorm: emit_norms.emit_rms_norm,
        semantics.LocalResponseNorm: emit_norms.emit_local_response_norm,
        semantics.LpNorm: emit_norms.emit_lp_norm,
        semantics.MeanVarianceNorm: emit_norms.emit_mean_variance_norm,
        semantics.Unary: emit_pointwise.emit_unary,
        semantics.Clip: emit_pointwise.emit_clip,
        semantics.PRelu: emit_binary.emit_prelu,
        semantics.Binary: emit_binary.emit_binary,
        semantics.Variadic: emit_binary.emit_variadic,
        semantics.Where: emit_binary.emit_where,
        semantics.Softmax: emit_reductions.emit_softmax,
        semantics.Hardmax: emit_reductions.emit_hardmax,
        rearrangements.Reduce: emit_reductions.emit_reduce,
        rearrangements.ArgReduce: emit_reductions.emit_arg_reduce,
        rearrangements.TopK: emit_reductions.emit_top_k,
        rearrangements.CumSum: emit_reductions.emit_cum_sum,
        rearrangements.Cast: emit_reductions.emit_cast,
        rearrangements.Quantize: emit_reductions.emit_quantize,
        rearrangements.Dequantize: emit_reductions.emit_dequantize,
        rearrangements.Reshape: emit_shapes.emit_reshape,
        rearrangements.Transpose: emit_shapes.emit_transpose,
        rearrangements.Squeeze: emit_shapes.emit_squeeze,
        rearrangements.Concat: emit_shapes.emit_concat,
        rearrangements.Split: emit_shapes.emit_split,
        rearrangements.Slice: emit_shapes.emit_slice,
        rearrangements.Pad: emit_pads.emit_pad,
        rearrangements.Expand: emit_shapes.emit_expand,
        rearrangements.Tile: emit_shapes.emit_tile,
        rearrangements.ShapeOf: emit_shapes.emit_shape_of,
        rearrangements.Gather: emit_selections.emit_gather,
        rearrangements.GatherNd: emit_selections.emit_gather_nd,
        rearrangements.GatherElements: emit_selections.emit_gather_elements,
        rearrangements.Scatter: emit_selections.emit_scatter,
        rearrangements.OneHot: emit_selections.emit_one_hot,
        rearrangements.ReverseSequence: emit_selections.emit_reverse_sequence,
        rearrangements.MatMul: emit_selections.emit_mat_mul,
        rearrangements.Dense: emit_selections.emit_dense,
        rearrangements.Miscellaneous: emit_selections.emit_miscellaneous,
    }
)


NEWEST_OPSET = 28
"""The newest opset of the ONNX standard that the readers were written after."""


def from_onnx(operation: Operation) -> Operator:
    """Read what an ONNX node computes.

    Raises:
        NoConversionError: The operator has no reader, or the file leaves open what it needs.
    """
    if operation.domain not in ("", "ai.onnx"):
        raise NoConversionError(
            f"{operation.op} of domain {operation.domain} has no known TFLite counterpart"
        )
    if operation.version > NEWEST_OPSET:
        raise NoConversionError(
            f"{operation.op}: opset {operation.version} is newer than {NEWEST_OPSET}, the newest "
            "whose operators are known"
        )
    reader = READERS.get(operation.op)
    if reader is None:
        reason = REFUSALS.get(operation.op, "it is not an operator of the ONNX standard")
        raise NoConversionError(f"{operation.op}: {reason}")
    return reader(OnnxNode(operation))


def to_tflite(tape: Tape, operator: Operator) -> None:
    """Write the TFLite operations of an operator onto a tape.

    Raises:
        NoConversionError: No converter is known to express this instance.
    """
    _EMITTERS[type(operator)](tape, operator)

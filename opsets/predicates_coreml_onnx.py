"""Conditions that ONNX Runtime's Core ML provider tests and that the vocabulary has no words for.

Lines are those of microsoft/onnxruntime onnxruntime/core/providers/coreml/builders/ @01f40e6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from npulint.model import Operation, Value
from npulint.opsets import measures
from npulint.opsets.predicates import Judgement, Predicate
from npulint.opsets.relations import show

_AXES = 5
_TEXTURE = 16384
_CLOSE = 1.0e-4

_Places = tuple[int, ...]
_Sizes = tuple[int | str | None, ...]


def _few_axes(operation: Operation, _: tuple[Value, ...]) -> Judgement:
    """helper.cc 58-97."""
    for place, value in enumerate(operation.inputs):
        if value is None:
            continue
        if value.shape is None:
            return False, f"input {place} of unknown rank"
        if len(value.shape) > _AXES or 0 in value.shape:
            return False, f"{show(value.shape)} as input {place}"
    return True, "such"


def _within_texture(_: Operation, values: tuple[Value, ...]) -> Judgement:
    """helper.cc 163-181."""
    shape = values[0].shape
    if shape is None:
        return False, "of unknown rank"
    return not any(isinstance(size, int) and size > _TEXTURE for size in shape), show(shape)


def _kernel(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """impl/conv_op_builder.cc 292-313."""
    kernel, shape = operation.attributes.get("kernel_shape"), values[0].shape
    if kernel is None:
        return True, "left out"
    if shape is None:
        return None, "unknown"
    return kernel == shape[2:], show(kernel)


def _pools_planes(operation: Operation, _: tuple[Value, ...]) -> Judgement:
    kernel = operation.attributes.get("kernel_shape", (1, 1))
    return isinstance(kernel, tuple) and len(kernel) == 2, show(kernel)


def _one_pad(operation: Operation, _: tuple[Value, ...]) -> Judgement:
    pads = operation.attributes.get("pads", ())
    return len(set(pads)) <= 1 if isinstance(pads, tuple) else None, show(pads)


def _result_unpadded(operation: Operation, _: tuple[Value, ...]) -> Judgement:
    pads = operation.attributes.get("output_padding", ())
    return not any(pads) if isinstance(pads, tuple) else None, show(pads)


def _third_last_known(_: Operation, values: tuple[Value, ...]) -> Judgement:
    shape = values[0].shape
    if shape is None or len(shape) < 3:
        return None, "unknown"
    return isinstance(shape[-3], int), show(shape)


def _pads_last_two(operation: Operation, _: tuple[Value, ...]) -> Judgement:
    """impl/pad_op_builder.cc 193-208."""
    x, pads, _value, axes = (*operation.inputs, None, None, None, None)[:4]
    amounts = None if pads is None else measures.integers(pads)
    if x is None or not x.shape or amounts is None:
        return None, "unknown"
    rank = len(x.shape)
    padded = tuple(range(rank)) if axes is None else measures.integers(axes)
    if padded is None or len(amounts) != 2 * len(padded):
        return None, "unknown"
    pairs = zip(padded, amounts[: len(padded)], amounts[len(padded) :], strict=True)
    kept = all(axis % rank >= rank - 2 or not (low or high) for axis, low, high in pairs)
    return kept, f"{show(amounts)} on {show(x.shape)}"


def _resizing(operation: Operation) -> tuple[_Sizes, _Places, tuple[float, ...], bool] | None:
    """The sizes before, the axes, and the scales or sizes for each (the last tells which)."""
    x, _roi, scales, sizes = (*operation.inputs, None, None, None, None)[:4]
    if x is None or x.shape is None or len(x.shape) < 2:
        return None
    rank = len(x.shape)
    axes = operation.attributes.get("axes") or tuple(range(rank))
    given = scales if sizes is None else sizes
    wanted = None if given is None else measures.elements(given)
    if wanted is None or not isinstance(axes, tuple) or not 2 <= len(wanted) == len(axes):
        return None
    places = tuple(axis % rank for axis in axes if isinstance(axis, int))
    return x.shape, places, tuple(float(number) for number in wanted), sizes is not None


def _resizes(fits: Callable[[int, float], bool], *, known: bool) -> Callable[..., Judgement]:
    """Whether only the last two axes are resized, by factors that fit.

    Args:
        fits: Whether a size may be multiplied so.
        known: Whether sizes to resize to are held against those before too.
    """

    def judge(operation: Operation, _: tuple[Value, ...]) -> Judgement:
        found = _resizing(operation)
        if found is None:
            return None, "unknown"
        shape, axes, wanted, by_sizes = found
        said = f"{'from' if by_sizes else 'scales'} {show(shape if by_sizes else wanted)}"
        said += f" {'to' if by_sizes else 'of'} {show(wanted if by_sizes else shape)}"
        before = [shape[axis] for axis in axes]
        kept = before if by_sizes else [1] * len(axes)
        pairs = zip(axes, kept, wanted, strict=True)
        if any(axis < len(shape) - 2 and old != new for axis, old, new in pairs):
            return False, said
        planes = list(zip(before, wanted, strict=True))[-2:]
        if by_sizes:
            if not known:
                return True, said
            whole = all(isinstance(old, int) and old and new % old == 0 for old, new in planes)
            return whole and all(isinstance(size, int) for size in shape), said
        factors = [factor for _, factor in planes]
        one_way = min(factors) >= 1 or max(factors) <= 1
        return one_way and all(
            isinstance(old, int) and fits(old, factor) for old, factor in planes
        ), said

    return judge


def _enlarges(_: int, factor: float) -> bool:
    return factor >= 1 and factor == round(factor)


def _divides(size: int, factor: float) -> bool:
    if factor >= 1:
        return factor == round(factor)
    parts = round(1 / factor) if factor > 0 else 0
    return parts > 0 and abs(1 / factor - parts) < _CLOSE and size % parts == 0


def _beyond_one(operation: Operation, _: tuple[Value, ...]) -> Judgement:
    """impl/resize_op_builder.cc 531-547."""
    found = _resizing(operation)
    if found is None:
        return None, "unknown"
    shape, axes, wanted, by_sizes = found
    planes = list(zip((shape[axis] for axis in axes), wanted, strict=True))[-2:]
    if by_sizes:
        return all(size > 1 for _, size in planes), show(wanted)
    results = [round(old * factor) for old, factor in planes if isinstance(old, int)]
    if len(results) < len(planes):
        return None, "unknown"
    return min(results) > 1, show(wanted)


def _behind_arg_max(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """impl/cast_op_builder.cc 89-105."""
    if operation.graph is None:
        return None, "in no graph"
    makers = [each.op for each in operation.graph.uses[values[0].index].makers]
    return makers == ["ArgMax"], f"made by {' and '.join(makers) or 'no node'}"


def _no_cast_beside(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """impl/argmax_op_builder.cc 93-109."""
    graph = operation.graph
    if graph is None:
        return True, "in no graph"
    readers = graph.uses[values[0].index].readers
    casts = [
        each
        for each in readers
        if each.op == "Cast" and graph.values[each.outputs[0]].dtype == "int32"
    ]
    found = f"read by {' and '.join(each.op for each in readers) or 'no node'}"
    return len(readers) < 2 or not casts, found


COREML_ONNX_PREDICATES: Mapping[str, Predicate] = MappingProxyType(
    {
        each.name: each
        for each in (
            Predicate(
                name="operands-of-few-axes",
                operands=(),
                subject="every operand",
                demand="of known rank, of at most 5 axes and without an axis of size 0",
                judge=_few_axes,
            ),
            Predicate(
                name="no-axis-above-16384",
                operands=("value",),
                subject="every size of {value}",
                demand="at most 16384",
                judge=_within_texture,
            ),
            Predicate(
                name="kernel-of-weights",
                operands=("value",),
                subject="kernel_shape, where it is given,",
                demand="the last sizes of {value}",
                judge=_kernel,
            ),
            Predicate(
                name="pools-planes",
                operands=(),
                subject="kernel_shape",
                demand="of two sizes",
                judge=_pools_planes,
            ),
            Predicate(
                name="pads-of-one-size",
                operands=(),
                subject="all pads",
                demand="the same",
                judge=_one_pad,
            ),
            Predicate(
                name="no-padding-of-result",
                operands=(),
                subject="output_padding, where it is given,",
                demand="0 throughout",
                judge=_result_unpadded,
            ),
            Predicate(
                name="third-last-size-known",
                operands=("value",),
                subject="the third size of {value} from the end",
                demand="known before the run",
                judge=_third_last_known,
            ),
            Predicate(
                name="pads-last-two-axes",
                operands=(),
                subject="the padding",
                demand="one of the last two axes alone",
                judge=_pads_last_two,
            ),
            Predicate(
                name="enlarges-last-axes",
                operands=(),
                subject="the resizing",
                demand="one of the last two axes alone, of known sizes, by whole numbers from 1",
                judge=_resizes(_enlarges, known=True),
            ),
            Predicate(
                name="resizes-last-axes",
                operands=(),
                subject="the resizing",
                demand=(
                    "one of the last two axes alone, and by scales only larger by whole numbers, "
                    "or only smaller by ones that divide the sizes"
                ),
                judge=_resizes(_divides, known=False),
            ),
            Predicate(
                name="behind-arg-max",
                operands=("value",),
                subject="{value}",
                demand="made by an ArgMax",
                judge=_behind_arg_max,
            ),
            Predicate(
                name="no-cast-beside-readers",
                operands=("value",),
                subject="{value}",
                demand="read by one node, or by several and no Cast to int32 among them",
                judge=_no_cast_beside,
            ),
            Predicate(
                name="enlarged-beyond-one",
                operands=(),
                subject="height and width of the result",
                demand="above 1",
                judge=_beyond_one,
            ),
        )
    }
)
"""Every named predicate of the Core ML provider by its word in a table."""

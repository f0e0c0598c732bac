"""Conditions of the TFLite GPU delegate that the closed vocabulary cannot say."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from npulint.model import OMITTED, Operation, Value
from npulint.opsets import measures
from npulint.opsets.groups import operands
from npulint.opsets.predicates import Judgement, Predicate
from npulint.opsets.relations import show

_FLOATS = frozenset({"float16", "float32"})
_SELECTIONS = frozenset({"CAST", "SELECT", "SELECT_V2"})


def layout(sizes: Sequence[int]) -> tuple[int, int, int, int] | None:
    """The sizes by batch, height, width and channels as the delegate lays tensors out.

    Returns:
        The four sizes; None for a scalar and above four dimensions, which have no layout.
    """
    if not 1 <= len(sizes) <= 4:
        return None
    whole = [1, 1, 1, 1]
    for size, axis in zip(sizes, _places(len(sizes)), strict=True):
        whole[axis] = size
    batch, height, width, channels = whole
    return batch, height, width, channels


def _places(rank: int) -> tuple[int, ...]:
    """Which of batch, height, width and channels each axis of a tensor is."""
    return {1: (0,), 2: (0, 3), 3: (0, 2, 3)}.get(rank, (0, 1, 2, 3))


def _one_float_selection(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    graph = operation.graph
    if graph is None:
        return None, "unknown outside a graph"
    uses = graph.uses[values[0].index]
    if len(uses.makers) != 1 or len(uses.readers) != 1:
        return False, f"read {len(uses.readers)} times"
    reader = uses.readers[0]
    first = reader.outputs[0] if reader.outputs else OMITTED
    made = None if first == OMITTED else graph.values[first].dtype
    taken = reader.op in _SELECTIONS and not reader.custom and made in _FLOATS
    return taken, f"read by {reader.op}, which gives {made}"


def _one_chain(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    graph = operation.graph
    if graph is None:
        return None, "unknown outside a graph"
    source, result = (graph.uses[value.index] for value in values)
    counts = len(source.makers), len(source.readers), len(result.readers)
    found = "made {} and read {} times, its result read {} times".format(*counts)
    return counts == (1, 1, 1), found


def _broadcasts(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    shapes = [measures.shape(value) for value in values]
    if shapes[0] is None or shapes[1] is None:
        return None, "of unknown shape"
    found = f"{show(shapes[0])} and {show(shapes[1])}"
    shorter, longer = sorted((shapes[0], shapes[1]), key=len)
    if len(shorter) <= 1 or len(shorter) == len(longer):
        return True, found
    if len(longer) != 4:
        return False, found
    if len(shorter) == 3:
        return longer[0] == 1, found
    same = (longer[0], longer[3]) == shorter
    return same or (longer[0] == 1 and shorter == (1, 1)), found


def _multiplied_depth(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    depth, made = (measures.size_of(3)(value) for value in values)
    factor = operation.attributes.get("depth_multiplier")
    if not (isinstance(depth, int) and isinstance(made, int) and isinstance(factor, int)):
        return None, "unknown"
    return made == depth * factor, f"{made}, and the product is {depth * factor}"


def _bias_of_all_channels(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    depth = measures.size_of(3)(values[0])
    if len(operation.inputs) < 3:
        return True, "without a third operand"
    bias = operation.inputs[2]
    # The check counts an operand that is left out as one element: it has no sizes.
    count = 1 if bias is None else bias.element_count
    if count is None or depth is None:
        return None, "unknown"
    return count == depth, f"{count} elements{' (left out)' if bias is None else ''}"


def _condition_broadcasts(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    condition, result = (measures.shape(value) for value in values)
    if condition is None or result is None:
        return None, "of unknown shape"
    offset = len(result) - len(condition)
    pairs = zip(condition, result[max(offset, 0) :], strict=False)
    fits = not condition or (offset >= 0 and all(a in (b, 1) for a, b in pairs))
    return fits, show(condition)


def _whole_or_single(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    branch, result = (measures.shape(value) for value in values)
    if branch is None or result is None:
        return None, "of unknown shape"
    single = len(branch) == 0 or (len(branch) == 1 and branch[0] <= 1)
    return single or branch == result, show(branch)


def _one_hot_axis(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    sizes = measures.shape(values[0])
    axis = operation.attributes.get("axis")
    if sizes is None:
        return None, "unknown"
    return axis == -1 or (bool(sizes) and axis == sizes[-1]), show(axis)


def _batch_and_channels(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    sizes = measures.shape(values[0])
    if sizes is None:
        return None, "of unknown shape"
    inner = sizes[1:-1] if len(sizes) > 3 else sizes[:-1]
    return all(size == 1 for size in inner), show(sizes)


def _in_fours(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    sizes = values[0].shape
    if sizes is None or (sizes and not isinstance(sizes[-1], int)):
        return None, "of unknown shape"
    return not sizes or sizes[-1] % 4 == 0, show(sizes)  # type: ignore[operator]


def _single_step(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    for value in operands(operation, "operands"):
        if value.dtype in ("int8", "uint8") and value.constant is None:
            found = measures.quantisation(value)
            if found != "per-tensor":
                return False, f"{value.dtype} with quantisation {found}"
    return True, "per-tensor"


def _never_twice(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    seen: set[int] = set()
    for value in operands(operation, "inputs"):
        # What a conversion puts between has no index; there only the object itself tells.
        mark = value.index if value.index >= 0 else -id(value)
        if value.constant is None and mark in seen:
            return False, "one tensor more than once"
        seen.add(mark)
    return True, "each once"


def _plain_constant(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    for value in values:
        sizes = measures.shape(value)
        if value.constant is None or sizes is None:
            continue
        linear = all(size == 1 for size in sizes[:-1])
        if not linear and (len(sizes) > 4 or (len(sizes) == 4 and sizes[0] != 1)):
            return False, show(sizes)
    return True, "of such a shape"


def _constants_of_rank_4(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    for value in operands(operation, "inputs"):
        if value.constant is not None and value.rank != 4:
            return False, f"a constant of shape {show(value.shape)}"
    return True, "of 4 dimensions"


def _channels_of_weights(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    sizes, width = measures.shape(values[0]), measures.size_of(1)(values[1])
    whole = None if sizes is None else layout(sizes)
    if whole is None or width is None:
        return None, "unknown"
    return whole[3] == width, f"{whole[3]}, and the weights are {width} wide"


def _slope_per_channel(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    sizes, slopes = (measures.shape(value) for value in values)
    whole = None if sizes is None else layout(sizes)
    if whole is None or slopes is None:
        return None, "of unknown shape"
    found = f"{show(slopes)}, and the input has {whole[3]} channels"
    if slopes and all(size == 1 for size in slopes[:-1]):
        return slopes[-1] == whole[3], found
    each = slopes[1:] if len(slopes) == 4 and slopes[0] == 1 else slopes
    return each == whole[1:], found


def _masked(operation: Operation, name: str, place: int) -> bool:
    """Whether a mask of STRIDED_SLICE has the bit of an axis set."""
    mask = operation.attributes.get(name)
    return isinstance(mask, int) and bool(mask >> place & 1)


def _from_start(place: int, size: int) -> int:
    """A place that may be counted from the end."""
    return place + size if place < 0 else place


def _toward_zero(dividend: int, divisor: int) -> int:
    """Whole division by a positive number as C does it."""
    return dividend // divisor if dividend >= 0 else -(-dividend // divisor)


def _slice_of_same_size(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    source, result = (layout(measures.shape(values[i]) or ()) for i in (0, 4))
    begin, end, steps = (measures.integers(value) for value in values[1:4])
    if source is None or result is None or begin is None or end is None or steps is None:
        return None, "unknown"
    if not len(begin) == len(end) == len(steps) in (3, 4):
        return False, f"{len(begin)} begins, {len(end)} ends and {len(steps)} strides"
    # Three numbers are taken for height, width and channels, and the batch is taken whole.
    first = 4 - len(begin)
    lengths = [source[0]] * first
    for place, step in enumerate(steps):
        if step <= 0:
            return False, f"a stride of {show(step)}"
        size = source[first + place]
        low = 0 if _masked(operation, "begin_mask", place) else _from_start(begin[place], size)
        high = size if _masked(operation, "end_mask", place) else _from_start(end[place], size)
        lengths.append(_toward_zero(high - low + step - 1, step))
    return tuple(lengths) == result, f"{show(tuple(lengths))}, and the result is {show(result)}"


def _mean_in_place(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    source, axes, result = values
    sizes, places = measures.shape(source), measures.integers(axes)
    made = layout(measures.shape(result) or ())
    whole = None if sizes is None else layout(sizes)
    if sizes is None or whole is None or places is None or made is None:
        return None, "unknown"
    if not all(-len(sizes) <= axis < len(sizes) for axis in places):
        return None, f"without some of the axes {show(places)}"
    left = list(whole)
    for axis in places:
        if not -len(sizes) <= axis < len(sizes):
            return None, f"unknown, as axis {axis} is not there"
        left[_places(len(sizes))[axis]] = 1
    return tuple(left) == made, show(made)


def _options(operation: Operation, count: int) -> tuple[int, ...] | None:
    """The first whole numbers of a custom operator's options, which are a C structure."""
    stored = operation.attributes.get("custom_options")
    if not isinstance(stored, bytes) or len(stored) < 4 * count:
        return None
    return struct.unpack_from(f"<{count}i", stored)


def _positive_strides(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    found = _options(operation, 3)
    if found is None:
        return False, "left out"
    return min(found[1:]) > 0, show(found[1:])


def _positive_window(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    found = _options(operation, 5)
    if found is None:
        return False, "left out"
    return min(found[1:]) > 0, show(found[1:])


GPU_PREDICATES: Mapping[str, Predicate] = MappingProxyType(
    {
        name: Predicate(name, operands_, subject, demand, judge)
        for name, operands_, subject, demand, judge in (
            (
                "read-by-one-float-selection",
                ("value",),
                "{value}",
                "read once, by a CAST, SELECT or SELECT_V2 that gives float16 or float32",
                _one_float_selection,
            ),
            (
                "one-in-a-chain",
                ("source", "result"),
                "{source}",
                "made once and read once, and {result} read once",
                _one_chain,
            ),
            (
                "gpu-broadcast",
                ("left", "right"),
                "the pair of {left} and {right}",
                "of one rank, or one of them of at most one dimension, or of ranks 4 and 3 with "
                "batch 1, or [b, h, w, c] with [b, c], or [1, h, w, c] with [1, 1]",
                _broadcasts,
            ),
            (
                "depth-multiplied",
                ("source", "result"),
                "the depth of {result}",
                "the depth of {source} times depth_multiplier",
                _multiplied_depth,
            ),
            (
                "bias-of-all-channels",
                ("result",),
                "the bias",
                "as long as {result} is deep (an empty third operand counts as one element)",
                _bias_of_all_channels,
            ),
            (
                "condition-broadcasts",
                ("condition", "result"),
                "the shape of {condition}",
                "that of {result}, sizes of 1 and missing first axes allowed",
                _condition_broadcasts,
            ),
            (
                "whole-or-single",
                ("branch", "result"),
                "the shape of {branch}",
                "that of {result}, or a single element in at most one dimension",
                _whole_or_single,
            ),
            (
                "one-hot-axis",
                ("indices",),
                "axis",
                "-1 (or, as the code has it, the last size of {indices})",
                _one_hot_axis,
            ),
            (
                "batch-and-channels-only",
                ("indices",),
                "each size of {indices} between its batch and its last axis",
                "1 (with at most 3 dimensions the batch too)",
                _batch_and_channels,
            ),
            (
                "last-size-in-fours",
                ("value",),
                "the last size of {value}",
                "a multiple of 4",
                _in_fours,
            ),
            (
                "one-step-for-8-bit",
                (),
                "the quantisation of each 8-bit tensor computed at run time",
                "per-tensor",
                _single_step,
            ),
            (
                "no-tensor-twice",
                (),
                "each input computed at run time",
                "another tensor",
                _never_twice,
            ),
            (
                "constant-without-batch",
                ("left", "right"),
                "a constant {left} or {right}",
                "of one element, of one axis, or of at most 4 dimensions with batch 1",
                _plain_constant,
            ),
            (
                "constants-of-rank-4",
                (),
                "each constant input",
                "of 4 dimensions",
                _constants_of_rank_4,
            ),
            (
                "channels-of-weights",
                ("source", "weights"),
                "the number of channels of {source}",
                "the width of {weights}",
                _channels_of_weights,
            ),
            (
                "slope-per-channel",
                ("source", "slopes"),
                "{slopes}",
                "one number for each channel of {source}, or one for each of its elements",
                _slope_per_channel,
            ),
            (
                "slice-of-same-size",
                ("source", "begin", "end", "strides", "result"),
                "the piece of {source} from {begin} to {end} in steps of {strides}, read as "
                "height, width and channels where there are three numbers,",
                "of the size of {result}, with strides above 0",
                _slice_of_same_size,
            ),
            (
                "reduced-in-place",
                ("source", "axes", "result"),
                "{result}",
                "laid out as {source} is with each of {axes} shrunk to 1",
                _mean_in_place,
            ),
            (
                "options-with-strides",
                (),
                "the strides in the custom options",
                "above 0",
                _positive_strides,
            ),
            (
                "options-with-window",
                (),
                "the window and the strides in the custom options",
                "above 0",
                _positive_window,
            ),
        )
    }
)
"""The delegate's own predicates by their word in a table."""

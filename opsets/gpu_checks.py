"""What the TFLite GPU delegate looks at beyond what the closed vocabulary can say.

Each check takes an operation and the operands that a table passes to it, and says whether it
holds and what it found.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from npulint.model import OMITTED, Operation, Value
from npulint.opsets import measures
from npulint.opsets.groups import operands
from npulint.opsets.predicates import Judgement
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


def one_float_selection(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """A result that one CAST or SELECT reads, and nobody else."""
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


def one_chain(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """An operand with one maker and one reader, whose result has one reader."""
    graph = operation.graph
    if graph is None:
        return None, "unknown outside a graph"
    source, result = (graph.uses[value.index] for value in values)
    counts = len(source.makers), len(source.readers), len(result.readers)
    found = "made {} and read {} times, its result read {} times".format(*counts)
    return counts == (1, 1, 1), found


def broadcasts(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """A pair of shapes that ADD and MUL are taken with."""
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


def multiplied_depth(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """A depthwise convolution whose depths agree with its multiplier."""
    depth, made = (measures.size_of(3)(value) for value in values)
    factor = operation.attributes.get("depth_multiplier")
    if not (isinstance(depth, int) and isinstance(made, int) and isinstance(factor, int)):
        return None, "unknown"
    return made == depth * factor, f"{made}, and the product is {depth * factor}"


def bias_of_all_channels(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """A bias with one element for each channel."""
    depth = measures.size_of(3)(values[0])
    if len(operation.inputs) < 3:
        return True, "without a third operand"
    bias = operation.inputs[2]
    # The check counts an operand that is left out as one element: it has no sizes.
    count = 1 if bias is None else bias.element_count
    if count is None or depth is None:
        return None, "unknown"
    return count == depth, f"{count} elements{' (left out)' if bias is None else ''}"


def condition_broadcasts(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """A condition that can be spread over the result."""
    condition, result = (measures.shape(value) for value in values)
    if condition is None or result is None:
        return None, "of unknown shape"
    offset = len(result) - len(condition)
    pairs = zip(condition, result[max(offset, 0) :], strict=False)
    fits = not condition or (offset >= 0 and all(a in (b, 1) for a, b in pairs))
    return fits, show(condition)


def whole_or_single(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """A branch of the result's shape, or of one element."""
    branch, result = (measures.shape(value) for value in values)
    if branch is None or result is None:
        return None, "of unknown shape"
    single = len(branch) == 0 or (len(branch) == 1 and branch[0] <= 1)
    return single or branch == result, show(branch)


def one_hot_axis(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """A new axis that comes last."""
    sizes = measures.shape(values[0])
    axis = operation.attributes.get("axis")
    if sizes is None:
        return None, "unknown"
    return axis == -1 or (bool(sizes) and axis == sizes[-1]), show(axis)


def batch_and_channels(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """Indices that extend along batch and channels only."""
    sizes = measures.shape(values[0])
    if sizes is None:
        return None, "of unknown shape"
    inner = sizes[1:-1] if len(sizes) > 3 else sizes[:-1]
    return all(size == 1 for size in inner), show(sizes)


def in_fours(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """A last size that is a multiple of 4."""
    sizes = values[0].shape
    if sizes is None or (sizes and not isinstance(sizes[-1], int)):
        return None, "of unknown shape"
    return not sizes or sizes[-1] % 4 == 0, show(sizes)  # type: ignore[operator]


def single_step(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """8-bit tensors that each have a single scale."""
    for value in operands(operation, "operands"):
        if value.dtype in ("int8", "uint8") and value.constant is None:
            found = measures.quantisation(value)
            if found != "per-tensor":
                return False, f"{value.dtype} with quantisation {found}"
    return True, "per-tensor"


def never_twice(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """Computed inputs that are all different tensors."""
    seen: set[int] = set()
    for value in operands(operation, "inputs"):
        # What a conversion puts between has no index; there only the object itself tells.
        mark = value.index if value.index >= 0 else -id(value)
        if value.constant is None and mark in seen:
            return False, "one tensor more than once"
        seen.add(mark)
    return True, "each once"


def plain_constant(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """A constant operand that the graph builder can read."""
    for value in values:
        sizes = measures.shape(value)
        if value.constant is None or sizes is None:
            continue
        linear = all(size == 1 for size in sizes[:-1])
        if not linear and (len(sizes) > 4 or (len(sizes) == 4 and sizes[0] != 1)):
            return False, show(sizes)
    return True, "of such a shape"


def constants_of_rank_4(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """Constant inputs of 4 dimensions."""
    for value in operands(operation, "inputs"):
        if value.constant is not None and value.rank != 4:
            return False, f"a constant of shape {show(value.shape)}"
    return True, "of 4 dimensions"


def channels_of_weights(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """Weights as wide as the input has channels."""
    sizes, width = measures.shape(values[0]), measures.size_of(1)(values[1])
    whole = None if sizes is None else layout(sizes)
    if whole is None or width is None:
        return None, "unknown"
    return whole[3] == width, f"{whole[3]}, and the weights are {width} wide"


def slope_per_channel(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """Slopes for each channel, or for each element."""
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


def slice_of_same_size(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """A slice that, read as the delegate reads it, has the size of the result."""
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


def mean_in_place(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """A mean whose result is laid out where the kernel writes it."""
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
        left[_places(len(sizes))[axis]] = 1
    return tuple(left) == made, show(made)


def _options(operation: Operation, count: int) -> tuple[int, ...] | None:
    """The first whole numbers of a custom operator's options, which are a C structure."""
    stored = operation.attributes.get("custom_options")
    if not isinstance(stored, bytes) or len(stored) < 4 * count:
        return None
    return struct.unpack_from(f"<{count}i", stored)


def positive_strides(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """Options of a custom transposed convolution with strides above 0."""
    found = _options(operation, 3)
    if found is None:
        return False, "left out"
    return min(found[1:]) > 0, show(found[1:])


def positive_window(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """Options of a custom pooling with window and strides above 0."""
    found = _options(operation, 5)
    if found is None:
        return False, "left out"
    return min(found[1:]) > 0, show(found[1:])

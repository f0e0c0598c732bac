"""Conditions that providers of ONNX Runtime test and that the vocabulary has no words for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from npulint.opsets import measures
from npulint.opsets.predicates import Judgement, Predicate
from npulint.opsets.relations import show

if TYPE_CHECKING:
    from npulint.model import Operation, Value

_CLOSE = 1.0e-4
_FLOAT32 = 2.0**-24


def _sized_inputs(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    for place, value in enumerate(operation.inputs):
        if value is None or measures.shape(value) is not None:
            continue
        found = "of unknown rank" if value.shape is None else show(value.shape)
        return False, f"input {place} is {found}"
    return True, "of known sizes"


def _zero_points(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    quantisation = values[0].quantisation
    if quantisation is None:
        return None, "unknown"
    return not any(quantisation.zero_points), show(quantisation.zero_points or (0,))


def _scale_for_each(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    quantisation, size = values[0].quantisation, measures.size_of(0)(values[0])
    if quantisation is None or not isinstance(size, int):
        return None, "unknown"
    count = len(quantisation.scales)
    return count in {1, size}, f"{count} for {size}"


def _planes_alone(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """Where scales are given they count, otherwise sizes; the second one tells the layout."""
    inputs = (*operation.inputs, None, None, None, None)
    image = None if inputs[0] is None else measures.shape(inputs[0])
    if image is None or len(image) != 4:
        return None, "of unknown sizes"
    scales, sizes = inputs[2], inputs[3]
    if scales is not None:
        factors = measures.elements(scales)
        if factors is None or len(factors) != 4:
            return None, "unknown"
        return _by_factors(image, tuple(float(factor) for factor in factors))
    wanted = None if sizes is None else measures.integers(sizes)
    if wanted is None or len(wanted) != 4:
        return None, "unknown"
    channel = 1 if wanted[1] == image[1] else 3
    kept = wanted[0] == image[0] and wanted[channel] == image[channel]
    return kept, f"from {show(image)} to {show(wanted)}"


def _by_factors(image: tuple[int, ...], factors: tuple[float, ...]) -> Judgement:
    first = 2 if factors[1] == 1 else 1
    channel = 1 if first == 2 else 3
    found = f"{show(factors)} on {show(image)}"
    if factors[0] != 1 or factors[channel] != 1:
        return False, found
    planes = factors[first : first + 2]
    if min(planes) >= 1:
        return True, found
    pairs = zip(image[first : first + 2], planes, strict=True)
    return all(_divides(size, factor) for size, factor in pairs), found


def _divides(size: int, factor: float) -> bool:
    """As `ReciprocalIsAFactorOfN` has it, which takes no factor of 1."""
    if not 0 < factor < 1:
        return False
    parts = round(1 / factor)
    return abs(1 / factor - parts) < _CLOSE and size % parts == 0


def _planes_of_nchw(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """Scales are looked at where they are stored, and sizes likewise."""
    inputs = (*operation.inputs, None, None, None, None)
    shape = None if inputs[0] is None else inputs[0].shape
    if shape is None or len(shape) != 4:
        return None, "of unknown rank"
    factors = None if inputs[2] is None else measures.elements(inputs[2])
    wanted = None if inputs[3] is None else measures.integers(inputs[3])
    if factors is not None and len(factors) == 4:
        found = f"{show(factors)} on {show(shape)}"
        if factors[1] != 1:
            return False, found
        if min(factors[2:]) < 1:
            pairs = zip(shape[2:], factors[2:], strict=True)
            return all(isinstance(s, int) and _divides(s, float(f)) for s, f in pairs), found
        return True, found
    if wanted is not None and len(wanted) == 4:
        return wanted[1] == shape[1], f"from {show(shape)} to {show(wanted)}"
    return None, "unknown"


def _known(first: int, last: int | None) -> Callable[[Operation, tuple[Value, ...]], Judgement]:
    """Whether the sizes on some axes are known before the run."""

    def judge(operation: Operation, values: tuple[Value, ...]) -> Judgement:
        shape = values[0].shape
        if shape is None:
            return False, "of unknown rank"
        return all(isinstance(size, int) for size in shape[first:last]), show(shape)

    return judge


def _scales_met(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """Sizes are rounded down: 13 by 1.5 makes 19, which is 13 by 1.46.

    A factor is a float32: off by 2^-24 of itself, and the size that it makes likewise.
    """
    before, scales = measures.shape(values[0]), measures.elements(values[1])
    if before is None or scales is None or len(scales) != len(before):
        return None, "unknown"
    factors = [float(factor) for factor in scales]
    made = [size * factor for size, factor in zip(before, factors, strict=True)]
    whole = all(abs(size - round(size)) <= _FLOAT32 * abs(size) for size in made)
    return whole, f"{show(tuple(factors))} on {show(before)}"


def _equal_parts(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    axis = operation.attributes.get("axis", 0)
    total = measures.size_of(axis)(values[0]) if isinstance(axis, int) else None
    if not isinstance(total, int):
        return None, "unknown"
    count = len(operation.outputs)
    split = operation.inputs[1] if len(operation.inputs) > 1 else None
    if split is not None:
        sizes = measures.integers(split)
        if sizes is None:
            return None, "computed at run time"
        return sum(sizes) == total and len(set(sizes)) <= 1, f"{show(sizes)} of {total}"
    wanted = operation.attributes.get("num_outputs", count)
    if wanted != count or count > total:
        return False, f"{show(wanted)} asked for and {count} made of {total}"
    return total % count == 0, f"{count} of {total}"


ONNX_PREDICATES: Mapping[str, Predicate] = MappingProxyType(
    {
        predicate.name: predicate
        for predicate in (
            Predicate(
                name="inputs-of-known-sizes",
                operands=(),
                subject="every input",
                demand="of sizes that are known before the run",
                judge=_sized_inputs,
            ),
            Predicate(
                name="zero-points-0",
                operands=("value",),
                subject="each zero point of {value}",
                demand="0",
                judge=_zero_points,
            ),
            Predicate(
                name="scale-for-each-filter",
                operands=("value",),
                subject="the number of scales of {value}",
                demand="1, or its size on axis 0",
                judge=_scale_for_each,
            ),
            Predicate(
                name="resizes-planes-alone",
                operands=(),
                subject="the resizing",
                demand=(
                    "one of height and width alone, and where scales make either smaller, by whole "
                    "numbers that divide both (a scale of 1 counts as none)"
                ),
                judge=_planes_alone,
            ),
            Predicate(
                name="resizes-planes-of-nchw",
                operands=(),
                subject="the resizing",
                demand=(
                    "one that leaves channels (axis 1) alone, and where scales make height or "
                    "width smaller, by whole numbers that divide both (a scale of 1 counts as none)"
                ),
                judge=_planes_of_nchw,
            ),
            Predicate(
                name="sizes-behind-batch-known",
                operands=("value",),
                subject="every size of {value} but that of the batch",
                demand="known before the run",
                judge=_known(1, None),
            ),
            Predicate(
                name="channels-known",
                operands=("value",),
                subject="the number of channels of {value} (axis 1)",
                demand="known before the run",
                judge=_known(1, 2),
            ),
            Predicate(
                name="last-size-known",
                operands=("value",),
                subject="the size of {value} on its last axis",
                demand="known before the run",
                judge=_known(-1, None),
            ),
            Predicate(
                name="scales-met",
                operands=("value", "scales"),
                subject="the sizes of {value} times {scales}",
                demand="whole numbers",
                judge=_scales_met,
            ),
            Predicate(
                name="splits-equally",
                operands=("value",),
                subject="the pieces that {value} is split into",
                demand="equal and all of it",
                judge=_equal_parts,
            ),
        )
    }
)
"""Every named predicate on ONNX operators by its word in a table."""

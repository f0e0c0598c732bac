"""What moves elements, or only calls them otherwise: pads, slices, joins, shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

from qnn_cases import OMITTED, Case, activation, constant, fed, own
from qnn_draws import Draw

from qnn_operators.family import BEFORE, FEW_MOVERS, MOVERS, Family, families


def _pad(op: str, draw: Draw) -> Iterator[Case]:
    image = activation(*draw.image())
    rows = ([0, 0, 1, 1, 0, 0, 1, 1], [0, 0, 3, 2, 0, 0, 1, 0], [0, 2, 0, 0, 0, 1, 0, 0])
    others = ([1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 2, 0, 0, 0, 2], [0, 1, 1, 1, 0, 1, 1, 1])
    for mode in ("constant", "reflect", "edge", "wrap"):
        for pads in draw.among(rows, others):
            yield Case(op, (image, constant(pads)), {"mode": mode})


def _pad_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Values to pad with, axes, fewer than none, every rank, older opsets."""
    image = draw.image()
    around = constant([0, 0, 1, 1, 0, 0, 1, 1])
    for value in draw.among((0.0, 1.5), (-1.0, 0.5)):
        yield Case(op, (activation(*image), around, own(value)))
        yield Case(op, (activation(*image), around, own(value)), opset=13)
    yield Case(op, (activation(*image), constant([1, 2, 1, 2]), own(0.0), constant([2, 3])))
    yield Case(op, (activation(*image), constant([1, 1]), OMITTED, constant([-1])))
    for mode in ("constant", "reflect", "edge"):
        less = constant([0, 0, -1, 1, 0, 0, 0, -2])
        yield Case(op, (activation(*image), less), {"mode": mode})
        yield Case(op, (activation(*image),),
                   {"mode": mode, "pads": [0, 0, 1, 1, 0, 0, 1, 2]}, opset=9)  # fmt: skip
        for shape in draw.ranks():
            pads = constant([0] * (len(shape) - 1) + [1] + [0] * (len(shape) - 1) + [2])
            yield Case(op, (activation(*shape), pads), {"mode": mode})
    yield Case(op, (activation(*image),), {"pads": [0, 0, 1, 1, 0, 0, 1, 1], "value": 2.0}, opset=9)
    yield Case(op, (activation(*image, open=(0,)), around))
    yield Case(op, (activation(*image), fed("int64", (8,))))
    yield Case(op, (activation(*image), around, activation()))


def _transpose(op: str, draw: Draw) -> Iterator[Case]:
    for order in ((1, 0), (0, 2, 1), (0, 2, 3, 1), (0, 3, 1, 2), (3, 2, 1, 0), (0, 1, 3, 4, 2),
                  (0, 1, 4, 2, 5, 3)):  # fmt: skip
        shape = draw.shape(*(2, 4, 6, 4, 2, 2)[: len(order)])
        drawn = tuple(draw.among(order)) if draw.size(0, 1) else order
        yield Case(op, (activation(*shape),), {"perm": drawn})


def _transpose_forms(op: str, draw: Draw) -> Iterator[Case]:
    for order in ((0,), None, (2, 0, 1), (1, 2, 0), (0, 1, 3, 2), (1, 0, 2, 3), (0, 2, 1, 3),
                  (0, 4, 1, 2, 3), (4, 3, 2, 1, 0), (5, 4, 3, 2, 1, 0), (0, 2, 4, 1, 3, 5),
                  (0, 1, 2, 3, 5, 4), (0, 1, 2, 3, 4, 5, 6), (0, 2, 1, 4, 3, 6, 5)):  # fmt: skip
        shape = draw.shape(*(1, 4, 6, 4, 2, 2, 3)[: len(order or (0, 1, 2, 3))])
        yield Case(op, (activation(*shape),), {"perm": order} if order else {})
    yield Case(op, (activation(*draw.image(), open=(0,)),), {"perm": (0, 2, 3, 1)})


def _concat(op: str, draw: Draw) -> Iterator[Case]:
    image = draw.image()
    for axis in (1, 2, 3, -1):
        for count in draw.among((2, 3, 5), (1, 4, 8)):
            yield Case(op, (activation(*image),) * count, {"axis": axis})


def _concat_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Unlike sizes, constants, nothing in it, one operand only, every rank."""
    batch, channels, height, width = image = draw.image()
    yield Case(op, (activation(*image),), {"axis": 1})
    wider = activation(batch, 2 * channels, height, width)
    yield Case(op, (activation(*image), wider), {"axis": 1})
    yield Case(op, (activation(*image), activation(batch, 0, height, width)), {"axis": 1})
    yield Case(op, (activation(*image), own([[[[0.5] * width] * height] * channels] * batch)),
               {"axis": 1})  # fmt: skip
    yield Case(op, (activation(*image, open=(0,)),) * 2, {"axis": 1})
    for shape in draw.ranks():
        for axis in sorted({0, len(shape) - 1, len(shape) // 2}):
            yield Case(op, (activation(*shape),) * 2, {"axis": axis})


def _slice(op: str, draw: Draw) -> Iterator[Case]:
    image = draw.image()
    for axis in (1, 2, 3):
        for step in draw.among((1, 2, -1), (3, -2)):
            end = min(draw.size(6), image[axis] - 1)
            ends = ([0], [end]) if step > 0 else ([end], [0])
            operands = (activation(*image), *map(constant, (*ends, [axis], [step])))
            yield Case(op, operands)


def _slice_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Every rank, several axes, ends beyond, from the end, no elements, fed, attributes."""
    far = 2**31 - 1
    for shape in draw.ranks():
        last = len(shape) - 1
        yield Case(op, (activation(*shape), *map(constant, ([1], [far], [last]))))
        yield Case(op, (activation(*shape), *map(constant, ([-2], [2**63 - 1], [-1], [1]))))
        yield Case(op, (activation(*shape), *map(constant, ([0], [1], [0], [1]))))
        yield Case(op, (activation(*shape), *map(constant, ([0], [far], [last], [2]))))
        yield Case(op, (activation(*shape), *map(constant, ([-1], [-far], [last], [-1]))))
    image = draw.image()
    yield Case(op, (activation(*image), *map(constant, ([0, 1], [3, far], [2, 3], [1, 2]))))
    yield Case(op, (activation(*image), *map(constant, ([0, 0, 1, 1], [1, 2, 4, 4]))))
    yield Case(op, (activation(*image), *map(constant, ([2], [2], [2], [1]))))
    yield Case(op, (activation(*image), *(constant(each, "int32") for each in ([0], [2], [1]))))
    yield Case(op, (activation(*image), fed("int64", (1,)), *map(constant, ([3], [2], [1]))))
    yield Case(op, (activation(*image, open=(0,)), *map(constant, ([0], [3], [2], [1]))))
    yield Case(op, (activation(*image),), {"starts": [1], "ends": [3], "axes": [2]}, opset=9)
    yield Case(op, (activation(*image),), {"starts": [0, 1], "ends": [1, 3]}, opset=9)


def _split(op: str, draw: Draw) -> Iterator[Case]:
    _, channels, height, width = image = draw.image(8, 4, 12, 16)
    for axis, size in ((1, channels), (2, height), (3, width), (-1, width)):
        even = size // 2
        for pieces in ([even, size - even], [1, size - 1], [1, 1, size - 2], [size]):
            yield Case(op, (activation(*image), constant(pieces)), {"axis": axis},
                       outputs=len(pieces))  # fmt: skip
    for count in (2, 4):
        yield Case(op, (activation(*image),), {"axis": 1, "num_outputs": count}, outputs=count)
        yield Case(op, (activation(*image),), {"axis": 1}, outputs=count, opset=11)
        yield Case(op, (activation(*image),), {"axis": 1}, outputs=count, opset=13)
    yield Case(op, (activation(*image),), {"axis": 2, "num_outputs": 3}, outputs=3)
    yield Case(op, (activation(*image),), {"axis": 1, "split": [1, channels - 1]}, outputs=2,
               opset=11)  # fmt: skip
    for shape in draw.ranks():
        size = shape[-1]
        yield Case(op, (activation(*shape), constant([1, size - 1])), {"axis": -1}, outputs=2)
    yield Case(op, (activation(*image, open=(0,)),), {"axis": 1, "num_outputs": 2}, outputs=2)


def _reshape(op: str, draw: Draw) -> Iterator[Case]:
    batch, channels, height, width = image = draw.image()
    for shape in (
        (batch, -1), (batch, channels, -1), (batch, channels * height, width), (-1,),
        (0, 0, -1), (batch, 2, channels // 2 or 1, height, width) if channels % 2 == 0 else image,
        (batch, 1, channels, 1, height, width), (1, batch, 1, channels, 1, height, width), image,
    ):  # fmt: skip
        yield Case(op, (activation(*image), constant(shape)))
    for shape in draw.ranks():
        yield Case(op, (activation(*shape), constant([-1])))
        yield Case(op, (activation(*shape), constant([1, *shape])))
    yield Case(op, (activation(draw.size(4), 0), constant([0, 2])), {"allowzero": 1})
    yield Case(op, (activation(*image), constant(image)), {"allowzero": 1})
    yield Case(op, (activation(*image, open=(0,)), constant([0, -1])))
    yield Case(op, (activation(*image, open=(0,)), constant([-1, prod(image[1:])])))
    yield Case(op, (activation(2, 1), fed("int64", (1,), 2, 3)))
    yield Case(op, (activation(1), constant([], "int64")))
    yield Case(op, (activation(*image), constant((batch, -1))), opset=9)


def _flatten(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for axis in sorted({0, 1, len(shape), -1}):
            yield Case(op, (activation(*shape),), {"axis": axis})
    yield Case(op, (activation(*draw.image()),))
    yield Case(op, (activation(*draw.image(), open=(0,)),))


def _squeeze(op: str, draw: Draw) -> Iterator[Case]:
    wide = draw.shape(8, 12)
    for shape, axes in (
        ((1, *wide), [0]), ((wide[0], 1, wide[1]), [1]), ((*wide, 1), [-1]),
        ((1, wide[0], 1, wide[1]), [0, 2]), ((1, 1, *wide), [1]), ((*wide, 1, 1), [2, 3]),
        ((1, 4, 1, 3, 1), [0, 2, 4]), ((1, 2, 3, 1, 2, 1), [3]), ((1, 1), [0, 1]), ((1,), [0]),
    ):  # fmt: skip
        yield Case(op, (activation(*shape), constant(axes)))
        yield Case(op, (activation(*shape),))
        yield Case(op, (activation(*shape),), {"axes": axes}, opset=11)


def _unsqueeze(op: str, draw: Draw) -> Iterator[Case]:
    for shape in (*draw.ranks()[:5], ()):
        for axes in ([0], [-1], [0, 2], [1]):
            if max(axes) <= len(shape) + len(axes) - 1:
                yield Case(op, (activation(*shape), constant(axes)))
                yield Case(op, (activation(*shape),), {"axes": [abs(each) for each in axes]},
                           opset=11)  # fmt: skip


def _expand(op: str, draw: Draw) -> Iterator[Case]:
    batch, channels, height, width = draw.image()
    for shape, to in (
        ((channels, 1, 1), (channels, height, width)),
        ((1, channels, 1, 1), (batch, channels, height, width)),
        ((1, 1, height, width), (1, channels, 1, 1)),
        ((width,), (channels, height, width)),
        ((1,), (4,)),
        ((1, 1), (3, 5)),
        ((), (3, 5)),
        ((2, 1, 3, 1, 2), (2, 4, 3, 2, 2)),
        ((2, 1, 3, 1, 2, 1), (2, 2, 3, 2, 2, 2)),
        ((channels, width), (channels, width)),
    ):
        yield Case(op, (activation(*shape), constant(to)))
    yield Case(op, (activation(1, 4), fed("int64", (2,), 1, 2)))
    yield Case(op, (activation(1, 4, open=(0,)), constant([1, 4])))


def _tile(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        rank = len(shape)
        for repeats in ([1] * (rank - 1) + [2], [2] + [1] * (rank - 1), [2] * rank, [1] * rank):
            yield Case(op, (activation(*shape), constant(repeats)))
    yield Case(op, (activation(2, 3), fed("int64", (2,), 1, 3)))


def _reverse(op: str, draw: Draw) -> Iterator[Case]:
    yield Case(op, (activation(4, 2, 6), constant([4, 3])))
    yield Case(op, (activation(4, 2, 6), fed("int64", (2,), 1, 4)), {"batch_axis": 1,
                                                                    "time_axis": 0})  # fmt: skip


def _diagonal(op: str, draw: Draw) -> Iterator[Case]:
    for upper in (0, 1):
        for shape in ((6, 6), (2, 4, 6), (1, 2, 5, 5)):
            yield Case(op, (activation(*draw.shape(*shape)),), {"upper": upper})
            yield Case(op, (activation(*draw.shape(*shape)), constant(1)), {"upper": upper})


def _told(op: str, draw: Draw) -> Iterator[Case]:
    """Shape and Size: of sizes that are known, and of others."""
    yield Case(op, (activation(*draw.image()),))
    yield Case(op, (activation(*draw.image(), open=(0,)),))


FAMILIES: Mapping[str, Family] = {
    "Pad": Family("Pad", _pad, MOVERS),
    "Transpose": Family("Transpose", _transpose, MOVERS),
    "Concat": Family("Concat", _concat, MOVERS),
    "Slice": Family("Slice", _slice, MOVERS),
    "Pad in other forms": Family("Pad", _pad_forms, MOVERS, FEW_MOVERS),
    "Transpose in other forms": Family("Transpose", _transpose_forms, MOVERS, FEW_MOVERS),
    "Concat in other forms": Family("Concat", _concat_forms, MOVERS, FEW_MOVERS),
    "Slice in other forms": Family("Slice", _slice_forms, MOVERS, FEW_MOVERS),
    "Split": Family("Split", _split, MOVERS, FEW_MOVERS),
    "Reshape": Family("Reshape", _reshape, MOVERS, FEW_MOVERS),
    "Flatten": Family("Flatten", _flatten, MOVERS, FEW_MOVERS),
    "Squeeze": Family("Squeeze", _squeeze, MOVERS, FEW_MOVERS),
    "Unsqueeze": Family("Unsqueeze", _unsqueeze, MOVERS, FEW_MOVERS),
    "Expand": Family("Expand", _expand, MOVERS, FEW_MOVERS),
    "Tile": Family("Tile", _tile, MOVERS, FEW_MOVERS),
    "ReverseSequence": Family("ReverseSequence", _reverse, BEFORE),
    "Trilu": Family("Trilu", _diagonal, BEFORE, ("int32", "bool")),
    **families(_told, ("Shape", "Size"), ("float32",)),
}

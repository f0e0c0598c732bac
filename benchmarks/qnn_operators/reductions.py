"""What makes fewer numbers of many: reductions, positions of extremes, the largest, sums along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qnn_cases import FLOATS, Case, activation, combinations, constant, fed
from qnn_draws import Draw

from qnn_operators.family import FEW, FEW_MOVERS, Family, families

REDUCTIONS = (
    *("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"),
    *("ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceSumSquare"),
)
SPAN = (0.5, 1.5)
_WHOLE = ("int32", "int64", "uint8", "int8", "uint32")


def _reduction(op: str, draw: Draw) -> Iterator[Case]:
    image = draw.image()
    for shape, axes in ((image, (1,)), (image, (3,)), (image, (2, 3)), (image, (0, 1, 2, 3)),
                        (draw.shape(4, 16), (1,)), (draw.shape(1, 2, 4, 6, 8), (4,))):  # fmt: skip
        for keep in (0, 1):
            yield Case(op, (activation(*shape), constant(axes)), {"keepdims": keep}, span=SPAN)


def _reduction_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Axes from the end, not stated, empty or fed; every rank; axes as attributes."""
    image = draw.image()
    for choice in combinations(keepdims=[0, 1], noop_with_empty_axes=[None, 1]):
        yield Case(op, (activation(*image),), choice, span=SPAN)
        yield Case(op, (activation(*image), constant([])), choice, span=SPAN)
    for shape in draw.ranks():
        for axes in ([-1], [0], [-1, 0] if len(shape) > 1 else [0]):
            yield Case(op, (activation(*shape), constant(axes)), span=SPAN)
    yield Case(op, (activation(*image), fed("int64", (1,), 1, 2)), span=SPAN)
    yield Case(op, (activation(*image, open=(0,)), constant([2, 3])), span=SPAN)
    yield Case(op, (activation(), constant([], "int64")), span=SPAN)
    for axes in draw.among([[1], [2, 3]], ([3], [-1], [0], [1, 2])):
        choice = {"axes": axes, "keepdims": draw.size(1, 0)}
        yield Case(op, (activation(*image),), choice, opset=11, span=SPAN)
        yield Case(op, (activation(*draw.shape(2, 4, 16)),), {"axes": [axes[0] % 3]},
                   opset=11, span=SPAN)  # fmt: skip
    yield Case(op, (activation(*image),), {"keepdims": 0}, opset=11, span=SPAN)


def _positions(op: str, draw: Draw) -> Iterator[Case]:
    image = activation(*draw.image())
    for choice in combinations(axis=[1, 2, 3], keepdims=[0, 1], select_last_index=[None, 1]):
        yield Case(op, (image,), choice)


def _position_forms(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for axis in sorted({0, -1, len(shape) // 2}):
            yield Case(op, (activation(*shape),), {"axis": axis, "keepdims": draw.size(0, 1)})
    yield Case(op, (activation(*draw.image()),))
    yield Case(op, (activation(*draw.image()),), {"axis": 1}, opset=11)
    yield Case(op, (activation(*draw.image(), open=(0,)),), {"axis": 1})


def _top(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for axis in sorted({-1, 0, len(shape) // 2}):
            most = constant([min(draw.size(3, 1, 2), shape[axis])])
            for choice in combinations(axis=[axis], largest=[None, 0], sorted=[None, 0]):
                yield Case(op, (activation(*shape), most), choice, outputs=2)
    image = activation(*draw.image())
    yield Case(op, (image, constant([1])), outputs=2, skipped=(0,))
    yield Case(op, (image, constant([1])), outputs=2, skipped=(1,))
    yield Case(op, (image, fed("int64", (1,), 1, 2)), outputs=2)
    yield Case(op, (image, constant([2])), {"axis": -1}, outputs=2, opset=10)
    yield Case(op, (image,), {"axis": -1, "k": 2}, outputs=2, opset=9)


def _sum_along(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for axis in sorted({0, -1, len(shape) // 2}):
            for dtype in ("int64", "int32"):
                yield Case(op, (activation(*shape), constant(axis, dtype)), note=dtype)
    image = activation(*draw.image())
    for choice in combinations(exclusive=[0, 1], reverse=[0, 1]):
        yield Case(op, (image, constant(2)), choice)
        yield Case(op, (image, constant([1])), choice)
    yield Case(op, (image, fed("int64", (), 1, 2)))


def _long_sums(op: str, draw: Draw) -> Iterator[Case]:
    """Sums that grow, along each axis, from short ones to long ones."""
    for length in (16, 64, 256, 1024, 4096):
        size = draw.size(length)
        for shape, axis in (((size,), 0), ((4, size), 1), ((size, 4), 0), ((1, 2, size, 2), 2)):
            for span in ((0.0, 1.0), (-1.0, 1.0)):
                note = "" if span[0] else "of positive numbers"
                yield Case(op, (activation(*shape), constant(axis)), span=span, note=note)


FAMILIES: Mapping[str, Family] = {
    **families(_reduction, REDUCTIONS),
    **families(_positions, ("ArgMax", "ArgMin")),
    **families(
        _reduction_forms, (*REDUCTIONS, "ReduceLogSum"), ("float32", "float16", "a8w8"),
        (*FEW, *_WHOLE, "a16w8"), "{} in other forms"
    ),
    **families(_position_forms, ("ArgMax", "ArgMin"), FLOATS, (*FEW, *_WHOLE),
               "{} in other forms"),
    "TopK": Family("TopK", _top, (*FLOATS, "int32"), FEW_MOVERS),
    "CumSum of long sums": Family("CumSum", _long_sums, FLOATS),
    "CumSum": Family("CumSum", _sum_along, (*FLOATS, "int32"), (*FEW, "int64")),
}  # fmt: skip

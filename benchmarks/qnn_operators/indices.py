"""What finds or puts elements by their positions, and what samples between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qnn_cases import FLOATS, Case, activation, combinations, constant, fed, own, weight
from qnn_draws import Draw

from qnn_operators.family import BEFORE, FEW, FEW_MOVERS, MOVERS, Family, families


def _gather(op: str, draw: Draw) -> Iterator[Case]:
    image = draw.image()
    for axis in (1, 2, 3):
        for standard in ([0, 2, 1], [[0, 1], [2, 3]], 1):
            indices = draw.places([0, 0], image[axis]) if draw.size(0, 1) else standard
            yield Case(op, (activation(*image), constant(indices)), {"axis": axis})


def _gather_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Every rank, from the end, fed, of constants, in both types."""
    for shape in draw.ranks():
        for axis in sorted({0, -1, len(shape) // 2}):
            places = draw.places([0, 1], shape[axis])
            yield Case(op, (activation(*shape), constant(places)), {"axis": axis})
            yield Case(op, (activation(*shape), constant(0)), {"axis": axis})
            yield Case(op, (activation(*shape), fed("int64", (2,), 0, 1)), {"axis": axis})
    image = draw.image()
    for dtype in ("int32", "int64"):
        yield Case(op, (activation(*image), constant([-1, 0], dtype)), {"axis": 2}, note=dtype)
        yield Case(op, (activation(*image), fed(dtype, (3,), 0, 2)), {"axis": 2})
        yield Case(op, (activation(*image), fed(dtype, (), 0, 2)), {"axis": 1})
        yield Case(op, (weight(16, draw.size(12)), fed(dtype, (1, 6), 0, 15)))
        yield Case(op, (weight(16, draw.size(12)), fed(dtype, (4,), 0, 15)), {"axis": 0})
    yield Case(op, (activation(*image), constant([1])), {"axis": 1})
    yield Case(op, (activation(*image, open=(0,)), constant([1, 0])), {"axis": 1})


def _gather_elements(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for axis in sorted({0, -1, len(shape) // 2}):
            index = (*shape[:-1], max(shape[-1] // 2, 1))
            for dtype in ("int64", "int32"):
                operand = fed(dtype, index, 0, shape[axis])
                yield Case(op, (activation(*shape), operand), {"axis": axis})
    shape = draw.shape(4, 6)
    stored = [draw.places([0, 1, 2], shape[1])] * shape[0]
    for dtype in ("int64", "int32"):
        yield Case(op, (activation(*shape), constant(stored, dtype)), {"axis": 1}, note=dtype)
    yield Case(op, (activation(*shape), constant([[-1, 0]] * shape[0])), {"axis": 1})


def _gather_nd(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks()[1:]:
        for depth in sorted({1, 2, len(shape)}):
            for batch in (0, 1):
                if batch + depth <= len(shape):
                    index = (*shape[:batch], 3, depth)
                    choice = {"batch_dims": batch} if batch else {}
                    least = min(shape[batch : batch + depth])
                    yield Case(op, (activation(*shape), fed("int64", index, 0, least)), choice)
    image = draw.image()
    yield Case(op, (activation(*image), constant([[0, 1], [0, 0]])))
    yield Case(op, (activation(*image), constant([[0, -1], [0, 0]])))
    yield Case(op, (activation(*image), constant([0])))
    yield Case(op, (activation(*image, open=(0,)), constant([[0, 1]])))


def _scatter_nd(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for depth in sorted({1, len(shape)}):
            for reduction in draw.among((None, "add"), ("mul", "max", "min")):
                choice = {} if reduction is None else {"reduction": reduction}
                updates = activation(2, *shape[depth:])
                index = fed("int64", (2, depth), 0, min(shape[:depth]))
                yield Case(op, (activation(*shape), index, updates), choice)
                if depth == 1 and shape[0] > 1:
                    stored = constant([[0], [shape[0] - 1]])
                    yield Case(op, (activation(*shape), stored, updates), choice)
    image = draw.image(8, 4, 6)
    stored = constant([[[0, 0]], [[0, 1]]])
    for reduction in ("none", "add", "mul", "max", "min"):
        updates = activation(2, 1, *image[2:])
        yield Case(op, (activation(*image), stored, updates), {"reduction": reduction})


def _scatter_elements(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for axis in sorted({0, -1, len(shape) // 2}):
            index = fed("int64", shape, 0, shape[axis])
            yield Case(op, (activation(*shape), index, activation(*shape)), {"axis": axis})
    shape = draw.shape(4, 6)
    stored = constant([[0, 1]] * shape[0])
    for reduction in ("none", "add", "mul", "max", "min"):
        choice = {"axis": 1, "reduction": reduction}
        yield Case(op, (activation(*shape), stored, activation(shape[0], 2)), choice)
        index = fed("int32", (shape[0], 2), 0, 2)
        yield Case(op, (activation(*shape), index, activation(shape[0], 2)), choice)
    negative = constant([[-1, 0]] * shape[0])
    yield Case(op, (activation(*shape), negative, activation(shape[0], 2)), {"axis": 1})


def _grid_sample(op: str, draw: Draw) -> Iterator[Case]:
    image = draw.image()
    grid = (image[0], *draw.shape(6, 5), 2)
    for choice in combinations(
        mode=["linear", "nearest", "cubic", None],
        padding_mode=["zeros", "border", "reflection", None],
        align_corners=[0, 1],
    ):
        yield Case(op, (activation(*image), activation(*grid)), choice, span=(-1.2, 1.2))
    old = {"mode": "bilinear", "padding_mode": "border"}
    operands = (activation(*image), activation(*grid))
    yield Case(op, operands, old, opset=16, span=(-1.2, 1.2))
    volume = (activation(1, 4, 4, 6, 6), activation(1, *draw.shape(3, 4, 5), 3))
    for mode in ("linear", "nearest"):
        yield Case(op, volume, {"mode": mode}, span=(-1.2, 1.2))


def _roi_align(op: str, draw: Draw) -> Iterator[Case]:
    image = draw.image()
    boxes = own([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 3.0]])
    for choice in combinations(
        mode=["avg", "max"],
        coordinate_transformation_mode=["half_pixel", "output_half_pixel"],
        sampling_ratio=[0, 2],
    ):
        side = {"output_height": draw.size(3), "output_width": draw.size(4)}
        yield Case(op, (activation(*image), boxes, constant([0, 0])), {**choice, **side})
    choice = {"coordinate_transformation_mode": "output_half_pixel", "sampling_ratio": 2}
    operands = (activation(*image), activation(3, 4), constant([0, 0, 0]))
    yield Case(op, operands, choice, span=(0.0, 3.0))


def _one_hot(op: str, draw: Draw) -> Iterator[Case]:
    for axis in (-1, 0):
        depth, values = constant(draw.size(6)), constant([0, 1], "float32")
        yield Case(op, (fed("int64", draw.shape(4, 3), 0, 3), depth, values), {"axis": axis})


def _non_zero(op: str, draw: Draw) -> Iterator[Case]:
    yield Case(op, (activation(*draw.shape(4, 6)),))
    yield Case(op, (activation(*draw.image()),))


FAMILIES: Mapping[str, Family] = {
    "Gather": Family("Gather", _gather, MOVERS),
    "Gather in other forms": Family("Gather", _gather_forms, MOVERS, FEW_MOVERS),
    "GatherElements": Family("GatherElements", _gather_elements, MOVERS, FEW_MOVERS),
    "GatherND": Family("GatherND", _gather_nd, MOVERS, FEW_MOVERS),
    "ScatterND": Family("ScatterND", _scatter_nd, (*FLOATS, "int32"), FEW_MOVERS),
    "ScatterElements": Family("ScatterElements", _scatter_elements, (*FLOATS, "int32"),
                              FEW_MOVERS),
    "GridSample": Family("GridSample", _grid_sample, FLOATS, FEW),
    "RoiAlign": Family("RoiAlign", _roi_align, FLOATS, FEW),
    "OneHot": Family("OneHot", _one_hot, ("float32",)),
    **families(_non_zero, ("NonZero",), (*BEFORE, "int32", "bool")),
}  # fmt: skip

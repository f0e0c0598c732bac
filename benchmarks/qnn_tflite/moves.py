"""What finds or moves elements, or only calls them otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

from qnn_cases import Case, activation, combinations, constant, fed, stored, weight, whole
from qnn_draws import Draw
from qnn_operators.family import Family, families

from qnn_tflite.kinds import FEW, FEW_MOVERS, MOVERS, NARROW
from qnn_tflite.windows import FUSED, image


def _concatenation(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for axis in sorted({0, -1, len(shape) // 2}):
            choice = {"axis": axis, "fused_activation_function": "NONE"}
            for count in draw.among((2, 3), (1, 5)):
                yield Case(op, (activation(*shape),) * count, choice, opset=1)
    shape = image(draw)
    for fused in FUSED[1:3]:
        choice = {"axis": 3, "fused_activation_function": fused}
        yield Case(op, (activation(*shape),) * 2, choice, opset=1)
    choice = {"axis": 3, "fused_activation_function": "NONE"}
    yield Case(op, (activation(*shape), stored(*shape)), choice, opset=1)


def _pack(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks()[:5]:
        for axis in sorted({0, -1, 1}):
            for count in draw.among((2, 3), (1,)):
                choice = {"values_count": count, "axis": axis}
                yield Case(op, (activation(*shape),) * count, choice, opset=1)


def _unpack(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for axis in sorted({0, -1, len(shape) // 2}):
            count = shape[axis]
            choice = {"num": count, "axis": axis}
            yield Case(op, (activation(*shape),), choice, opset=1, outputs=count)


def _split(op: str, draw: Draw) -> Iterator[Case]:
    for shape in ((8,), (4, 16), (2, 4, 16), image(draw, 8, 4, 12), (1, 2, 4, 6, 8)):
        axis, count = len(shape) - 1, draw.size(2, 4)
        choice = {"num_splits": count}
        operands = (whole(axis), activation(*shape))
        yield Case(op, operands, choice, opset=1, outputs=count)
        yield Case(op, (whole(-1), activation(*shape)), choice, opset=1, outputs=count)
    fed_axis = (fed("int32", (), 1, 2), activation(4, 8))
    yield Case(op, fed_axis, {"num_splits": 2}, opset=1, outputs=2)


def _split_v(op: str, draw: Draw) -> Iterator[Case]:
    for shape in ((8,), (4, 16), (2, 4, 16), image(draw, 8, 4, 12), (1, 2, 4, 6, 8)):
        last = shape[-1]
        for sizes in ([1, last - 1], [2, 1, -1]):
            count = len(sizes)
            operands = (activation(*shape), whole(sizes), whole(len(shape) - 1))
            yield Case(op, operands, {"num_splits": count}, opset=1, outputs=count)
        wide = (activation(*shape), constant([1, last - 1]), whole(-1))
        yield Case(op, wide, {"num_splits": 2}, opset=1, outputs=2)


def _slice(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        begin = [0] * (len(shape) - 1) + [1]
        for size in ([-1] * len(shape), [*shape[:-1], max(shape[-1] // 2, 1)]):
            for dtype in ("int32", "int64"):
                operands = (activation(*shape), constant(begin, dtype), constant(size, dtype))
                yield Case(op, operands, opset=1, note=dtype)
    shape = draw.shape(4, 8)
    yield Case(op, (activation(*shape), fed("int32", (2,), 0, 2), whole([1, 2])), opset=1)


def _strided(op: str, draw: Draw) -> Iterator[Case]:
    masks = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    none = dict.fromkeys(masks, 0)
    for shape in draw.ranks():
        rank = len(shape)
        for begin, end, step, choice in (
            ([0] * rank, list(shape), [1] * rank, {}),
            ([0] * rank, list(shape), [1] * (rank - 1) + [2], {}),
            ([-1] * rank, [0] * rank, [1] * (rank - 1) + [-1], {"end_mask": 2**rank - 1}),
            ([0] * rank, [1] * rank, [1] * rank, {"shrink_axis_mask": 1}),
            ([0] * rank, [1] * rank, [1] * rank, {"begin_mask": 1, "end_mask": 2**rank - 1}),
            ([0], [1], [1], {}),
            ([0, 0], [1, 1], [1, 1], {"ellipsis_mask": 1}),
            ([0, 0], [1, shape[0]], [1, 1], {"new_axis_mask": 1}),
        ):
            operands = (activation(*shape), whole(begin), whole(end), whole(step))
            yield Case(op, operands, {**none, **choice}, opset=1)
    fed_begin = (activation(4, 8), fed("int32", (2,), 0, 2), whole([3, 6]), whole([1, 1]))
    yield Case(op, fed_begin, none, opset=1)


def _gather(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for axis in sorted({0, -1, len(shape) // 2}):
            choice = {"axis": axis, "batch_dims": 0}
            size = shape[axis]
            for indices in (
                whole(draw.places([0, 1], size)),
                whole(0),
                fed("int32", (2,), 0, size),
                fed("int64", (1, 3), 0, size),
            ):
                yield Case(op, (activation(*shape), indices), choice, opset=1)
    batched = (activation(2, 4, 6), fed("int32", (2, 3), 0, 4))
    yield Case(op, batched, {"axis": 1, "batch_dims": 1}, opset=1)
    table = (stored(16, draw.size(12)), fed("int32", (1, 6), 0, 15))
    yield Case(op, table, {"axis": 0, "batch_dims": 0}, opset=1)


def _gather_nd(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for depth in sorted({1, 2, len(shape)}):
            if depth <= len(shape):
                least = min(shape[:depth])
                for dtype in ("int32", "int64"):
                    index = fed(dtype, (3, depth), 0, least)
                    yield Case(op, (activation(*shape), index), opset=1)
                yield Case(op, (activation(*shape), whole([[0] * depth])), opset=1)


def _scatter_nd(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for depth in sorted({1, len(shape)}):
            updates = activation(2, *shape[depth:])
            index = fed("int32", (2, depth), 0, min(shape[:depth]))
            yield Case(op, (index, updates, whole(shape)), opset=1)
            places = whole([[0] * depth, [min(shape[:depth]) - 1] * depth])
            yield Case(op, (places, updates, whole(shape)), opset=1)


def _embedding(op: str, draw: Draw) -> Iterator[Case]:
    for rows, wide in ((16, 12), (32, 8)):
        table = weight(rows, draw.size(wide), channel=0)
        yield Case(op, (fed("int32", (draw.size(6),), 0, rows - 1), table), opset=1)
        plain = weight(rows, draw.size(wide))
        yield Case(op, (fed("int32", (draw.size(3),), 0, rows - 1), plain), opset=1)


def _top(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for count in (1, min(draw.size(3, 2), shape[-1])):
            yield Case(op, (activation(*shape), whole(count)), opset=1, outputs=2)
    yield Case(op, (activation(4, 8), fed("int32", (), 1, 3)), opset=1, outputs=2)


def _reshape(op: str, draw: Draw) -> Iterator[Case]:
    batch, height, width, channels = shape = image(draw)
    for to in (
        (batch, -1), (batch, height * width, channels), (-1,), (batch, 1, -1, channels),
        (1, batch, height, width, channels), (1, 1, batch, height, width, channels),
    ):  # fmt: skip
        rest = prod(shape) // -prod(to) if -1 in to else 0
        stated = [rest if each == -1 else each for each in to]
        yield Case(op, (activation(*shape), whole(to)), {"new_shape": stated}, opset=1)
        yield Case(op, (activation(*shape),), {"new_shape": stated}, opset=1)
    for flat in draw.ranks():
        yield Case(op, (activation(*flat), whole([-1])), {"new_shape": [-1]}, opset=1)


def _transpose(op: str, draw: Draw) -> Iterator[Case]:
    for order in ((0,), (1, 0), (0, 2, 1), (2, 0, 1), (0, 2, 3, 1), (0, 3, 1, 2), (3, 2, 1, 0),
                  (0, 1, 3, 4, 2), (4, 3, 2, 1, 0), (0, 1, 4, 2, 5, 3)):  # fmt: skip
        shape = draw.shape(*(2, 4, 6, 4, 2, 2)[: len(order)])
        yield Case(op, (activation(*shape), whole(order)), opset=1)
    yield Case(op, (activation(*image(draw), open=(0,)), whole([0, 3, 1, 2])), opset=1)


def _tile(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for repeats in ([1] * (len(shape) - 1) + [2], [2] * len(shape)):
            for dtype in ("int32", "int64"):
                yield Case(op, (activation(*shape), constant(repeats, dtype)), opset=1, note=dtype)


def _reverse(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for axis in sorted({0, -1, len(shape) // 2}):
            yield Case(op, (activation(*shape), whole([axis])), opset=1)
    yield Case(op, (activation(4, 6), whole([0, 1])), opset=1)


def _cumsum(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for choice in combinations(exclusive=[False, True], reverse=[False, True]):
            yield Case(op, (activation(*shape), whole(len(shape) // 2)), choice, opset=1)
    yield Case(op, (activation(4, 6), whole(-1)), choice, opset=1)


def _update(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        small = tuple(max(size // 2, 1) for size in shape)
        operands = (activation(*shape), activation(*small))
        yield Case(op, (*operands, fed("int32", (len(shape),), 0, 1)), opset=1)
        yield Case(op, (*operands, whole([0] * len(shape))), opset=1)


def _axes(op: str, draw: Draw) -> Iterator[Case]:
    """EXPAND_DIMS and SQUEEZE."""
    for shape in draw.ranks()[:5]:
        if op == "EXPAND_DIMS":
            for axis in (0, -1):
                yield Case(op, (activation(*shape), whole(axis)), opset=1)
        else:
            yield Case(op, (activation(1, *shape),), {"squeeze_dims": [0]}, opset=1)
            yield Case(op, (activation(*shape, 1),), {"squeeze_dims": [-1]}, opset=1)


def _told(op: str, draw: Draw) -> Iterator[Case]:
    choice = {"out_type": "int32"} if op == "SHAPE" else {}
    yield Case(op, (activation(*image(draw)),), choice, opset=1)
    yield Case(op, (activation(*image(draw), open=(0,)),), choice, opset=1)


FAMILIES: Mapping[str, Family] = {
    "CONCATENATION": Family("CONCATENATION", _concatenation, MOVERS, FEW_MOVERS),
    "PACK": Family("PACK", _pack, MOVERS, FEW_MOVERS),
    "UNPACK": Family("UNPACK", _unpack, MOVERS, FEW_MOVERS),
    "SPLIT": Family("SPLIT", _split, MOVERS, FEW_MOVERS),
    "SPLIT_V": Family("SPLIT_V", _split_v, MOVERS, FEW_MOVERS),
    "SLICE": Family("SLICE", _slice, MOVERS, FEW_MOVERS),
    "STRIDED_SLICE": Family("STRIDED_SLICE", _strided, MOVERS, FEW_MOVERS),
    "GATHER": Family("GATHER", _gather, MOVERS, FEW_MOVERS),
    "GATHER_ND": Family("GATHER_ND", _gather_nd, MOVERS, FEW_MOVERS),
    "SCATTER_ND": Family("SCATTER_ND", _scatter_nd, MOVERS, FEW_MOVERS),
    "EMBEDDING_LOOKUP": Family("EMBEDDING_LOOKUP", _embedding, ("float32", "s8w8"), NARROW),
    "TOPK_V2": Family("TOPK_V2", _top, MOVERS, FEW_MOVERS),
    "RESHAPE": Family("RESHAPE", _reshape, MOVERS, FEW_MOVERS),
    "TRANSPOSE": Family("TRANSPOSE", _transpose, MOVERS, FEW_MOVERS),
    "TILE": Family("TILE", _tile, MOVERS, FEW_MOVERS),
    "REVERSE_V2": Family("REVERSE_V2", _reverse, MOVERS, FEW_MOVERS),
    "CUMSUM": Family("CUMSUM", _cumsum, ("float32", "int32", "s8w8"), (*FEW, "int64", "s16w8")),
    "DYNAMIC_UPDATE_SLICE": Family("DYNAMIC_UPDATE_SLICE", _update, MOVERS, FEW_MOVERS),
    **families(_axes, ("EXPAND_DIMS", "SQUEEZE"), MOVERS, FEW_MOVERS),
    **families(_told, ("SHAPE", "RANK"), ("float32",)),
}

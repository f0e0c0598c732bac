"""Convolutions and pools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from qnn_cases import FLOATS, Case, activation, bias, combinations, weight
from qnn_draws import Draw

from qnn_operators.family import BEFORE, FEW, NARROW, Family, families

_OTHER_STRIDES = ([2, 1], [4, 4], [1, 3], [3, 2])
_OTHER_PADS = ([1, 0, 1, 0], [0, 1, 0, 1], [2, 2, 2, 2], [1, 2, 3, 4], [0, 0, 2, 2])


def _conv(op: str, draw: Draw) -> Iterator[Case]:
    channels, out = draw.size(8, 4, 12, 16, 24, 32), draw.size(8, 16, 24, 40)
    image = draw.image(channels, channels)
    for choice in combinations(
        strides=draw.among([[1, 1], [2, 2], [1, 2], [3, 3]], _OTHER_STRIDES),
        dilations=draw.among([None, [2, 2]], ([1, 1], [1, 2], [3, 3], [4, 4])),
        group=draw.among([1, 2, channels], (4,)),
        pads=draw.among([[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 1, 1]], _OTHER_PADS),
    ):
        for side in draw.among((1, 3, 5), (2, 4, 7)):
            inside = channels // choice["group"]
            makes = out if out % choice["group"] == 0 else channels
            kernel = weight(makes, inside, side, side)
            yield Case(op, (activation(*image), kernel), {**choice, "kernel_shape": [side, side]})


def _conv_rank(op: str, draw: Draw) -> Iterator[Case]:
    inside, out = draw.size(4, 3, 8, 16), draw.size(8, 6, 16)
    yield Case(op, (activation(1, inside, draw.size(16)), weight(out, inside, 3)))
    volume = draw.shape(6, 8, 8)
    yield Case(op, (activation(1, inside, *volume), weight(out, inside, 3, 3, 3)))


def _conv_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Biases, scales by channel, padding by name, kernels that are fed, and batches."""
    channels, out = draw.size(8, 4, 12, 16, 24), draw.size(12, 8, 16, 32)
    image = activation(*draw.image(channels, channels))
    side = draw.size(3, 2, 5)
    across = 0 if op == "Conv" else 1
    for channel in (None, across):
        kernel = _kernel(op, channels, out, side, side, channel=channel)
        biases = bias(out, None if channel is None else 0)
        yield Case(op, (image, kernel, biases))
        yield Case(op, (image, kernel, biases), {"strides": [2, 2]})
        deep = weight(channels, 1, side, side, channel=None if channel is None else 0)
        narrow = bias(channels, None if channel is None else 0)
        yield Case(op, (image, deep, narrow), {"group": channels})
    for named in ("SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"):
        for strides in draw.among(([1, 1], [2, 2]), ([3, 3], [1, 2])):
            choice = {"auto_pad": named, "strides": strides}
            yield Case(op, (image, _kernel(op, channels, out, side, side)), choice)
    first, second = (out, channels) if op == "Conv" else (channels, out)
    yield Case(op, (image, activation(first, second, side, side)))
    yield Case(op, (image, activation(first, second, side, side), bias(out)), note="kernel fed")
    yield Case(op, (image, _kernel(op, channels, out, 1, side)))
    yield Case(op, (image, _kernel(op, channels, out, side, 1)), {"pads": [1, 0, 1, 0]})
    unstated = replace(image, open=(0,))
    yield Case(op, (unstated, _kernel(op, channels, out, side, side)))
    yield Case(op, (replace(image, open=(2, 3)), _kernel(op, channels, out, side, side)))


def _kernel(
    op: str, inside: int, out: int, *sides: int, group: int = 1, channel: int | None = None
) -> Any:
    if op == "Conv":
        return weight(out, inside // group, *sides, channel=channel)
    return weight(inside, out // group, *sides, channel=channel)


def _other_ranks(op: str, draw: Draw) -> Iterator[Case]:
    """One and three axes to slide over, with strides, pads and groups."""
    inside, out = draw.size(8, 4, 16), draw.size(8, 16, 24)
    for axes in (1, 3):
        sizes = draw.shape(*((24,) if axes == 1 else (6, 8, 8)))
        image = activation(draw.size(1, 1, 2), inside, *sizes)
        for choice in (
            {},
            {"strides": [2] * axes},
            {"pads": [1] * 2 * axes},
            {"dilations": [2] * axes},
            {"group": draw.among((2,), (4,))[0]},
            {"group": inside},
            {"auto_pad": "SAME_UPPER", "strides": [2] * axes},
            *([{"strides": [2] * axes, "output_padding": [1] * axes}] if op != "Conv" else []),
        ):
            group = int(choice.get("group", 1))
            makes = inside if group == inside else out
            kernel = _kernel(op, inside, makes, *[draw.size(3, 2)] * axes, group=group)
            yield Case(op, (image, kernel), choice)
            if not choice:
                yield Case(op, (image, kernel, bias(makes)))


def _conv_transpose(op: str, draw: Draw) -> Iterator[Case]:
    channels = draw.size(8, 4, 12, 16)
    image = activation(1, channels, *draw.shape(6, 8))
    for choice in combinations(
        strides=draw.among([[1, 1], [2, 2], [1, 2], [3, 3], [4, 4]], ([2, 1], [2, 3], [5, 5])),
        dilations=draw.among([None, [2, 2]], ([1, 1], [1, 2])),
        group=draw.among([1, 2], (4, channels)),
        output_padding=draw.among([None, [1, 1]], ([0, 1], [1, 0])),
        pads=draw.among([None, [1, 1, 1, 1]], ([0, 0, 1, 1], [0, 1, 0, 1])),
    ):
        if choice.get("output_padding") and min(choice["strides"]) < 2:
            continue
        for side in draw.among((2, 3, 4), (1, 5)):
            yield Case(
                op, (image, weight(channels, channels // choice["group"], side, side)), choice
            )


def _output_shape(op: str, draw: Draw) -> Iterator[Case]:
    """The size of the result as it is stated."""
    channels, (height, width) = draw.size(8, 4, 16), draw.shape(6, 8)
    image = activation(1, channels, height, width)
    for choice in combinations(
        output_shape=[[2 * height, 2 * width], [2 * height + 1, 2 * width + 1]],
        auto_pad=[None, "SAME_UPPER", "SAME_LOWER"],
        group=[1, channels],
    ):
        choice["strides"] = [2, 2]
        yield Case(op, (image, weight(channels, 1 if choice["group"] > 1 else 8, 3, 3)), choice)


def _pool(op: str, draw: Draw) -> Iterator[Case]:
    image = activation(*draw.image())
    for choice in combinations(
        kernel_shape=draw.among([[2, 2], [3, 3], [5, 5]], ([1, 1], [2, 3], [4, 4], [3, 1])),
        strides=draw.among([None, [2, 2]], ([1, 2], [3, 3], [4, 4])),
        pads=draw.among([None, [1, 1, 1, 1]], ([0, 0, 1, 1], [1, 0, 1, 0])),
        ceil_mode=[0, 1],
        count_include_pad=[0, 1] if op == "AveragePool" else [None],
        dilations=draw.among([None, [2, 2]], ([1, 1],)),
    ):
        yield Case(op, (image,), choice)


def _pool_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Other ranks, padding by name, whole images, positions, sizes that are not stated."""
    image = draw.image()
    _, channels, height, width = image
    for named in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        for strides in draw.among(([1, 1], [2, 2]), ([3, 3], [2, 1])):
            yield Case(op, (activation(*image),),
                       {"kernel_shape": [3, 3], "strides": strides, "auto_pad": named})  # fmt: skip
    for axes in (1, 3):
        sizes = draw.shape(*((24,) if axes == 1 else (6, 8, 8)))
        for choice in (
            {"kernel_shape": [2] * axes},
            {"kernel_shape": [3] * axes, "strides": [2] * axes},
            {"kernel_shape": [3] * axes, "strides": [2] * axes, "pads": [1] * 2 * axes},
            {"kernel_shape": [3] * axes, "strides": [2] * axes, "ceil_mode": 1},
        ):
            yield Case(op, (activation(1, channels, *sizes),), choice)
    yield Case(op, (activation(*image),), {"kernel_shape": [height, width]})
    yield Case(op, (activation(*image, open=(0,)),), {"kernel_shape": [2, 2]})
    if op == "MaxPool":
        for choice in combinations(kernel_shape=[[2, 2], [3, 3]], strides=[[2, 2]]):
            yield Case(op, (activation(*image),), choice, outputs=2)


def _global_pool(op: str, draw: Draw) -> Iterator[Case]:
    for shape in (
        (1, 8, 16), draw.image(), (2, 6, 5, 7), (1, 4, 6, 8, 8), (1, 3, 2, 4, 4, 2), (1, 64, 7, 7),
    ):  # fmt: skip
        yield Case(op, (activation(*draw.shape(*shape)),))


def _lp_pool(op: str, draw: Draw) -> Iterator[Case]:
    for choice in combinations(kernel_shape=[[2, 2], [3, 3]], p=[1, 2]):
        yield Case(op, (activation(*draw.image()),), choice)


FAMILIES: Mapping[str, Family] = {
    "Conv": Family("Conv", _conv),
    "Conv of other ranks": Family("Conv", _conv_rank),
    "ConvTranspose": Family("ConvTranspose", _conv_transpose),
    **families(_pool, ("AveragePool", "MaxPool")),
    **families(_conv_forms, ("Conv", "ConvTranspose"), FLOATS, NARROW, "{} in other forms"),
    **families(_other_ranks, ("Conv", "ConvTranspose"), FLOATS, NARROW, "{} along other axes"),
    "ConvTranspose to a size": Family("ConvTranspose", _output_shape),
    **families(_pool_forms, ("AveragePool", "MaxPool"), FLOATS, FEW, "{} in other forms"),
    **families(_global_pool, ("GlobalAveragePool", "GlobalMaxPool"), FLOATS, FEW),
    "LpPool": Family("LpPool", _lp_pool, BEFORE),
    "GlobalLpPool": Family("GlobalLpPool", _global_pool, BEFORE),
}  # fmt: skip

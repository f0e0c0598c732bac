"""What changes the size of an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qnn_cases import FLOATS, OMITTED, Case, activation, combinations, constant
from qnn_draws import Draw

from qnn_operators.family import BEFORE, FEW, FEW_MOVERS, MOVERS, Family, families

TRANSFORMATIONS = (
    *("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"),
)
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def _resize(op: str, draw: Draw) -> Iterator[Case]:
    image = activation(*draw.image())
    for choice in (
        *combinations(
            mode=["nearest"],
            coordinate_transformation_mode=TRANSFORMATIONS,
            nearest_mode=NEAREST,
        ),
        *combinations(
            mode=["linear", "cubic"],
            coordinate_transformation_mode=TRANSFORMATIONS,
            antialias=[None, 1],
        ),
    ):
        for factor in draw.among((2.0, 3.0, 0.5, 1.5), (4.0, 1.25, 0.75, 2.5)):
            scales = constant([1, 1, factor, factor], "float32")
            yield Case(op, (image, OMITTED, scales), choice)


def _resize_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Sizes, other ranks, batches and channels that change, axes, and policies."""
    image = draw.image()
    batch, channels, height, width = image
    modes = (
        {"mode": "nearest", "coordinate_transformation_mode": "asymmetric",
         "nearest_mode": "floor"},
        {"mode": "nearest"},
        {"mode": "linear"},
        {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
        {"mode": "cubic", "coordinate_transformation_mode": "half_pixel"},
    )  # fmt: skip
    for choice in modes:
        for sizes in (
            (batch, channels, 2 * height, 2 * width),
            (batch, channels, height + 3, 2 * width),
            (batch, channels, max(height // 2, 1), max(width // 3, 1)),
            image,
            (batch, 2 * channels, 2 * height, width),
        ):
            yield Case(op, (activation(*image), OMITTED, OMITTED, constant(sizes)), choice)
        for shape in ((1, 4, 16), (1, 3, 4, 6, 6), (8, 10), (1, 2, 2, 3, 4, 4)):
            drawn = draw.shape(*shape)
            scales = constant([1] * (len(shape) - 1) + [2], "float32")
            yield Case(op, (activation(*drawn), OMITTED, scales), choice)
    both = constant([2 * height, 3 * width])
    operands = (activation(*image), OMITTED, OMITTED, both)
    yield Case(op, operands, {"mode": "nearest", "axes": [2, 3]})
    for policy in ("not_larger", "not_smaller"):
        choice = {"mode": "linear", "axes": [2, 3], "keep_aspect_ratio_policy": policy}
        yield Case(op, operands, choice)
    yield Case(op, (activation(*image, open=(0,)), OMITTED, constant([1, 1, 2, 2], "float32")))
    for choice in combinations(mode=["cubic"], cubic_coeff_a=[-0.5, -0.75], exclude_outside=[0, 1]):
        scales = constant([1, 1, 2, 2], "float32")
        yield Case(op, (activation(*image), OMITTED, scales), choice)


def _old_resize(op: str, draw: Draw) -> Iterator[Case]:
    for factor in draw.among((2.0, 0.5, 3.0), (1.5, 4.0)):
        scales = constant([1, 1, factor, factor], "float32")
        for mode in ("nearest", "linear"):
            image = activation(*draw.image())
            yield Case(op, (image, scales), {"mode": mode}, opset=10)
            for opset in (11, 13, 18, 19):
                for transformation in ("half_pixel", "asymmetric", "align_corners",
                                       "pytorch_half_pixel"):  # fmt: skip
                    choice = {"mode": mode, "coordinate_transformation_mode": transformation}
                    empty = constant([], "float32") if opset == 11 else OMITTED
                    yield Case(op, (image, empty, scales), choice, opset=opset)


def _upsample(op: str, draw: Draw) -> Iterator[Case]:
    for factor in draw.among((2.0, 3.0, 1.5), (4.0, 2.5)):
        for mode in ("nearest", "linear"):
            scales = [1.0, 1.0, factor, factor]
            image = activation(*draw.image())
            yield Case(op, (image, constant(scales, "float32")), {"mode": mode}, opset=9)
            yield Case(op, (image,), {"mode": mode, "scales": scales}, opset=7)
            row = activation(*draw.shape(1, 4, 16))
            yield Case(op, (row, constant(scales[1:], "float32")), {"mode": mode}, opset=9)


def _space(op: str, draw: Draw) -> Iterator[Case]:
    modes = ["DCR", "CRD"] if op == "DepthToSpace" else [None]
    height, width = draw.size(8, 4, 12), draw.size(8, 16, 20)
    for choice in combinations(blocksize=[2, 4], mode=modes):
        yield Case(op, (activation(1, draw.size(16, 32, 48), height, width),), choice)


def _space_forms(op: str, draw: Draw) -> Iterator[Case]:
    """As they stood before modes; blocks of 1 and 3; batches; few channels; unstated sizes."""
    deep = op == "DepthToSpace"
    for block, channels in ((1, 4), (2, 4), (2, 12), (3, 9), (3, 18), (8, 64)):
        sides = draw.shape(2, 3) if deep else (block * draw.size(2), block * draw.size(3))
        shape = (draw.size(2, 1, 3), channels if deep else draw.size(3), *sides)
        for mode in ("DCR", "CRD") if deep else (None,):
            choice = {"blocksize": block} | ({"mode": mode} if mode else {})
            yield Case(op, (activation(*shape),), choice)
        yield Case(op, (activation(*shape),), {"blocksize": block}, opset=9)
        yield Case(op, (activation(*shape, open=(0,)),), {"blocksize": block})


FAMILIES: Mapping[str, Family] = {
    "Resize": Family("Resize", _resize),
    **families(_space, ("DepthToSpace", "SpaceToDepth"), MOVERS),
    "Resize in other forms": Family("Resize", _resize_forms, FLOATS, (*FEW, "int32", "uint8")),
    "Resize of older opsets": Family("Resize", _old_resize, BEFORE),
    "Upsample": Family("Upsample", _upsample, BEFORE),
    **families(_space_forms, ("DepthToSpace", "SpaceToDepth"), BEFORE, FEW_MOVERS,
               "{} in other forms"),
}  # fmt: skip

"""What nothing else computes exactly, and why: so that nobody looks for a way again."""

from __future__ import annotations

WITHOUT: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("Exp", "Log", "Sin", "Cos"),
        "no finite number of sums, products and comparisons makes them: polynomials only come "
        "near, within a range that somebody has to know",
    ),
    (
        ("Floor",),
        "of the operators that targets take, only Ceil jumps at each whole number too; Cast to "
        "whole numbers and back cuts towards 0 and ends at 2^31",
    ),
    (
        ("GridSample", "RoiAlign"),
        "which samples they mix is mostly computed while the model runs; of a stored grid it is a "
        "matrix of all places by all places, which no phone holds of an image",
    ),
    (
        ("TopK", "NonMaxSuppression", "Unique", "NonZero"),
        "they put elements in an order, or make as many as the data says",
    ),
    (
        ("GatherND", "ScatterElements"),
        "with positions that are computed while the model runs no slice and no matrix is known",
    ),
)
"""Operators by their ONNX names, and the reason that they share."""

ELSEWHERE: tuple[str, ...] = (
    "products and sums of 8-bit maps: each operator rounds to the grid of its own result, so only "
    "what moves samples, or keeps a convolution's or an average's sum and result, is the same",
    "running sums, where a network amplifies how they are rounded: in another order they are the "
    "same numbers but for rounding, and `fix` gives them up where that is too much",
)
"""What has exact ways for some maps, targets or networks, and none for others."""

"""Sizes of ONNX operators that multiply matrices, or sum products over named axes."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from npulint.sizing.arithmetic import broadcast, divided, multiplied, scaled, total
from npulint.sizing.site import Rule, Rules, Site, UnfitSizesError, UnknownSizesError, told

if TYPE_CHECKING:
    from npulint.model import Dimension, Shape

_TERM = re.compile(r"([A-Za-z]*)(?:(\.\.\.)([A-Za-z]*))?")


def _matmul(second: int) -> Rule:
    return lambda site: [multiplied(site.shape(), site.shape(second))]


def _gemm(site: Site) -> list[Shape | None]:
    one, other = site.shape(), site.shape(1)
    left = one[::-1] if site.integer("transA") else one
    right = other[::-1] if site.integer("transB") else other
    return [multiplied(left, right)]


def _einsum(site: Site) -> list[Shape | None]:
    """Each letter is a size, the dots are those that are broadcast."""
    given, arrow, wanted = "".join(site.word("equation").split()).partition("->")
    terms = given.split(",")
    if len(terms) != len(site.operation.inputs):
        raise UnknownSizesError
    sizes: dict[str, list[Dimension]] = {}
    dots: list[Shape] = []
    for place, term in enumerate(terms):
        _lettered(site.shape(place), term, sizes, dots)
    spread = broadcast(dots) if dots else ()
    if not arrow:
        once = Counter(given.replace(",", "").replace(".", ""))
        wanted = "..." + "".join(sorted(letter for letter, count in once.items() if count == 1))
    before, dotted, behind = _parts(wanted)
    if not {*before, *behind} <= sizes.keys():
        raise UnknownSizesError
    one = {letter: broadcast([(size,) for size in held])[0] for letter, held in sizes.items()}
    lead, rest = ((one[letter] for letter in letters) for letters in (before, behind))
    return [(*lead, *(spread if dotted else ()), *rest)]


def _parts(term: str) -> tuple[str, bool, str]:
    """The letters before the dots, whether there are any, and the letters behind."""
    found = _TERM.fullmatch(term)
    if found is None:
        raise UnknownSizesError
    return found[1], found[2] is not None, found[3] or ""


def _lettered(
    shape: Shape, term: str, sizes: dict[str, list[Dimension]], dots: list[Shape]
) -> None:
    """Note which size each letter of an operand has, and what its dots stand for."""
    before, dotted, behind = _parts(term)
    letters, count = len(before) + len(behind), len(shape)
    if count < letters or (count > letters and not dotted):
        raise UnfitSizesError(f"its equation says {term}; it is given {told(shape)}")
    last = count - len(behind)
    for letter, size in (
        *zip(before, shape[: len(before)], strict=True),
        *zip(behind, shape[last:], strict=True),
    ):
        sizes.setdefault(letter, []).append(size)
    if dotted:
        dots.append(shape[len(before) : last])


def _attention(site: Site) -> list[Shape | None]:
    """Q, K and V `[B, heads, length, size]`, or `[B, length, heads * size]`; keys of the past."""
    query, heads = _by_heads(site.shape(0), site.integer("q_num_heads"))
    key, _ = _by_heads(site.shape(1), site.integer("kv_num_heads"))
    value, _ = _by_heads(site.shape(2), site.integer("kv_num_heads"))
    batch, _, length, size = query
    keys, values = (
        total((*past, now[2]))
        for now, past in (
            (key, site.shape(4)[2:3] if site.has(4) else ()),
            (value, site.shape(5)[2:3] if site.has(5) else ()),
        )
    )
    made: Shape = (batch, query[1], length, value[3])
    if heads:
        made = batch, length, scaled(value[3], heads)
    results: list[Shape | None] = [
        made,
        (batch, key[1], keys, size),
        (batch, value[1], values, value[3]),
        (batch, query[1], length, keys),
    ]
    return results[: len(site.operation.outputs)]


def _by_heads(shape: Shape, heads: int) -> tuple[Shape, int]:
    """In 4 dimensions, and by how many heads that took apart what had 3; 0 where it had 4."""
    if len(shape) == 4:
        return shape, 0
    if len(shape) != 3 or heads < 1:
        raise UnknownSizesError
    batch, length, flat = shape
    return (batch, heads, length, divided(flat, heads)), heads


PRODUCT_RULES: Rules = {
    "MatMul": _matmul(1),
    "MatMulInteger": _matmul(1),
    "QLinearMatMul": _matmul(3),
    "Gemm": _gemm,
    "Einsum": _einsum,
    "Attention": _attention,
}
"""By operator of the standard domain."""

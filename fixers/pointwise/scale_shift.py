"""Products and sums with constants computed otherwise, as convolutions above all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.building.formula import formula
from npulint.fixers.pointwise.scale_shift_reading import ScaleShift, rows
from npulint.fixers.pointwise.ways import readings_of
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph

_S: TypeAlias = ScaleShift


def recognise(graph: Graph) -> Iterator[Occurrence[ScaleShift]]:
    """Find every product, sum, difference and quotient with a constant, and rows of them."""
    for found in rows(readings_of(graph)):
        if isinstance(found, ScaleShift):
            ops = "+".join(graph.nodes[index].op for index in found.nodes)
            yield Occurrence(ops, found.nodes, (found.result,), found)
        else:
            node, refusal = found
            yield Occurrence(node.op, (node.index,), node.outputs[:1], refusal)


def _per_channel(a: _S) -> Refusal | None:
    if a.by_channel() is None:
        return Refusal("the constant differs along other axes than the channels")
    return None


def _respelt(a: _S) -> Refusal | None:
    plain = [kind for kind in a.kinds if kind in ("mul", "add")]
    if len(plain) == len(a.kinds) and len(set(plain)) == len(plain):
        return Refusal("it is what is there")
    return None


def _plain_difference(a: _S) -> Refusal | None:
    if a.kinds == ("sub",) or a.scale is None or a.shift is None or np.any(a.scale != -1):
        if a.kinds == ("neg",):
            return None
        return Refusal("it is no constant less x")
    return None


def _depthwise(builder: Builder, a: _S) -> list[int]:
    parts = a.by_channel()
    if parts is None:
        raise AssertionError("only built after `_per_channel`")
    made = formula(builder, a.source)
    return [made.depthwise(a.source, *parts, a.activation)]


def _multiply_add(builder: Builder, a: _S) -> list[int]:
    made = formula(builder, a.source)
    value = a.source
    if a.scale is not None:
        value = made.binary("mul", value, made.constant(a.scale, value))
    if a.shift is not None:
        value = made.binary("add", value, made.constant(a.shift, value))
    return [made.activate(value, a.activation)]


def _subtract(builder: Builder, a: _S) -> list[int]:
    made = formula(builder, a.source)
    shift = np.zeros((1,) * len(a.shape)) if a.shift is None else a.shift
    less = made.binary("sub", made.constant(shift, a.source), a.source)
    return [made.activate(less, a.activation)]


FAMILY: Family[ScaleShift] = Family(
    "scale-shift",
    recognise,
    (
        Realisation(
            name="scale-shift/multiply-add",
            uses=("MUL", "ADD"),
            exactness="exact",
            argument=(
                "a quotient is the product with the reciprocal (the same for powers of two, else "
                "within rounding), a difference the sum with the opposite, and factors and "
                "summands in a row are one of each"
            ),
            accepts=_respelt,
            build=_multiply_add,
        ),
        Realisation(
            name="scale-shift/subtract",
            uses=("SUB",),
            exactness="exact",
            argument="NEG is 0 - x",
            accepts=_plain_difference,
            build=_subtract,
        ),
        Realisation(
            name="scale-shift/depthwise",
            uses=("DEPTHWISE_CONV_2D", "RESHAPE"),
            exactness="exact",
            argument=(
                "a 1x1 depthwise convolution multiplies each channel by one weight and adds one "
                "bias; the constant is one number or one a channel"
            ),
            accepts=_per_channel,
            build=_depthwise,
        ),
    ),
)

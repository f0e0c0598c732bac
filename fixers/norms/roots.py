"""Square roots and their reciprocals without the operators of these names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.building.formula import Formula, formula
from npulint.fixers.looking import fixed_shape, lower_bound, only_reader
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph, Node

LEAST = 1e-15
"""The square of what is rooted must not leave the range of float32 downwards: 1e-38."""


@dataclass(frozen=True, slots=True)
class Root:
    """result = numerator * source ** exponent.

    Attributes:
        source: Position of what stands under the root.
        exponent: 1/2 or -1/2.
        numerator: Position of what is divided by the root; None for 1.
        least: A number that no element of the source falls below.
        rank: Dimensions of the source.
        reciprocal: Whether a reciprocal root is an operator of its own there.
    """

    source: int
    exponent: float
    numerator: int | None
    least: float
    rank: int
    reciprocal: bool


def recognise(graph: Graph) -> Iterator[Occurrence[Root]]:
    """Find every root; in ONNX a root that something is divided by with its division."""
    for node in graph.nodes:
        if node.op not in {"RSQRT", "SQRT", "Sqrt"} or node.domain or node.custom:
            continue
        shape = fixed_shape(graph, node.inputs[0])
        if shape is None:
            reason = "it is not float32, or not all sizes of what it roots are fixed"
            yield Occurrence(node.op, (node.index,), node.outputs, Refusal(reason))
            continue
        nodes, result, numerator, exponent = _with_division(graph, node)
        least = lower_bound(graph, node.inputs[0])
        root = Root(
            node.inputs[0], exponent, numerator, least, len(shape), node.op == "RSQRT"
        )  # fmt: skip
        yield Occurrence(node.op, nodes, (result,), root)


def _with_division(graph: Graph, node: Node) -> tuple[tuple[int, ...], int, int | None, float]:
    """The nodes that a root belongs to, their result, what is divided, and the exponent."""
    made = node.outputs[0]
    if node.op == "RSQRT":
        return (node.index,), made, None, -0.5
    reader = only_reader(graph, made)
    if node.op == "Sqrt" and reader is not None and not reader.domain:
        nodes = (node.index, reader.index)
        if reader.op == "Div" and reader.inputs[1] == made and reader.inputs[0] != made:
            return nodes, reader.outputs[0], reader.inputs[0], -0.5
        if reader.op == "Reciprocal":
            return nodes, reader.outputs[0], None, -0.5
    return (node.index,), made, None, 0.5


def _reciprocal(root: Root) -> Refusal | None:
    if not root.reciprocal:
        return Refusal("it is not a reciprocal root in one operator")
    return None


def _defined(_: Root) -> Refusal | None:
    return None


def _positive(root: Root) -> Refusal | None:
    if root.least < LEAST:
        return Refusal(f"what it roots is not known to be at least {LEAST:g} everywhere")
    if root.rank > 4:
        return Refusal("what it roots has more than 4 dimensions")
    return None


def _merged(root: Root) -> Refusal | None:
    if root.reciprocal or root.exponent > 0:
        return Refusal("no converter merges it into a division")
    return None


def _by_size(builder: Builder, root: Root) -> list[int]:
    a = formula(builder, root.source)
    size = a.unary("abs", a.unary("sqrt", root.source))
    above = a.number(1.0, size) if root.numerator is None else root.numerator
    return [a.binary("div", above, size)]


def _divided(builder: Builder, root: Root) -> list[int]:
    a = formula(builder, root.source)
    lower = a.unary("sqrt", root.source)
    return [a.binary("div", a.number(1.0, lower), lower)]


def _as_power(builder: Builder, root: Root) -> list[int]:
    a = formula(builder, root.source)
    return [_times(a, root, a.binary("pow", root.source, a.number(root.exponent, root.source)))]


def _by_local_response(builder: Builder, root: Root) -> list[int]:
    """The product u * (u^2)^-beta is u^(1 - 2*beta): beta 3/4 for -1/2, and 1/4 for 1/2."""
    a = formula(builder, root.source)
    shape = a.shape(root.source)
    u = a.reshape(root.source, _of_one_channel((1,) * (4 - len(shape)) + shape, a.channel_axis(4)))
    made = a.local_response(u, 0, 1.0, (1 - root.exponent) / 2)
    return [_times(a, root, a.reshape(made, shape))]


def _of_one_channel(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """Four dimensions with one channel.

    Some kernels slide the sum of squares along the channels, adding the next and taking the last
    away: a small one next to a large one would be lost in its rounding.
    """
    if shape[axis] == 1:
        return shape
    a, b, c, d = shape
    return (a, b, c * d, 1) if axis == 3 else (a, 1, b * c, d)


def _times(a: Formula, root: Root, made: int) -> int:
    return made if root.numerator is None else a.binary("mul", root.numerator, made)


REALISATIONS: tuple[Realisation[Root], ...] = (
    Realisation(
        name="root/sqrt-div",
        uses=("SQRT", "DIV"),
        exactness="exact",
        argument="a reciprocal root is 1 divided by the root",
        accepts=_reciprocal,
        build=_divided,
    ),
    Realisation(
        name="root/size",
        uses=("SQRT", "ABS", "DIV"),
        exactness="exact",
        argument=(
            "a root is its own size; divided by that, it is not merged by converters of ONNX into "
            "a product with the reciprocal root"
        ),
        accepts=_merged,
        build=_by_size,
    ),
    Realisation(
        name="root/power",
        uses=("POW", "MUL"),
        exactness="exact",
        argument="a root is the power with exponent 1/2, a reciprocal one with -1/2",
        accepts=_defined,
        build=_as_power,
        limits="of -infinity it makes infinity and 0, where the operators make NaN",
    ),
    Realisation(
        name="root/local-response",
        uses=("LOCAL_RESPONSE_NORMALIZATION", "RESHAPE", "MUL"),
        exactness="exact",
        argument=(
            "local response normalisation with radius 0, alpha 1 and bias 0 makes "
            "u * (u^2)^-beta = u^(1 - 2*beta) of each u: with beta 3/4 the reciprocal root, with "
            f"1/4 the root; u at least {LEAST:g}, so that its square is a float32, and one "
            "channel, so that no kernel sums over others"
        ),
        accepts=_positive,
        build=_by_local_response,
        limits="above 1.8e19 the square is no float32, and the root of it comes out as 0 or NaN",
    ),
)

FAMILY = Family("root", recognise, REALISATIONS)

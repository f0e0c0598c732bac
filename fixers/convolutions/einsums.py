"""Sums of products over named axes, as matrix products, or as products and sums."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_letters
from typing import TYPE_CHECKING

from npulint.fixers.building.formula import formula
from npulint.fixers.pointwise.ways import readings_of, unfit
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal, always

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.building.formula import Formula
    from npulint.fixers.norms.constants import Readings
    from npulint.model import Graph, Node

_TERM = re.compile(r"[A-Za-z]*(?:\.\.\.[A-Za-z]*)?")
_IN_ORDER = "of infinite elements some orders of products and sums make NaN, others infinity"

_MOST = 4
"""Axes that a product of broadcast operands may have."""


@dataclass(frozen=True, slots=True)
class Einsum:
    """A sum of products over named axes.

    Attributes:
        operands: Positions of one or two values.
        terms: The names of the axes of each, a letter an axis.
        result: The names of the result's axes.
        sizes: Of each name.
    """

    operands: tuple[int, ...]
    terms: tuple[str, ...]
    result: str
    sizes: dict[str, int]

    def shape(self, letters: str) -> list[int]:
        """Sizes of some axes."""
        return [self.sizes[letter] for letter in letters]


def recognise(graph: Graph) -> Iterator[Occurrence[Einsum]]:
    """Find every Einsum of an ONNX graph."""
    if graph.dialect != "onnx":
        return
    readings = readings_of(graph)
    for node in graph.nodes:
        if node.op == "Einsum" and not node.domain:
            yield Occurrence(node.op, (node.index,), node.outputs, _read(readings, node))


def _read(readings: Readings, node: Node) -> Einsum | Refusal:
    refusal = unfit(readings, node, (*node.inputs, node.outputs[0]))
    if refusal is not None:
        return refusal
    said = node.attributes.get("equation", "")
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    given, arrow, wanted = "".join(text.split()).partition("->")
    terms = given.split(",")
    if len(terms) != len(node.inputs) or len(terms) > 2:
        return Refusal("it is of more than two operands, or of others than its equation says")
    if not all(_TERM.fullmatch(term) for term in (*terms, wanted)):
        return Refusal(f"its equation is {text}")
    if not arrow:
        once = Counter(given.replace(",", "").replace(".", ""))
        wanted = "..." * ("..." in given) + "".join(sorted(x for x, n in once.items() if n == 1))
    shapes = [readings.sizes(index) or () for index in node.inputs]
    return _named(node, terms, wanted, shapes)


def _named(
    node: Node, terms: Sequence[str], wanted: str, shapes: Sequence[tuple[int, ...]]
) -> Einsum | Refusal:
    """With a letter for each axis, those that dots stand for among them."""
    free = [letter for letter in ascii_letters if letter not in "".join((*terms, wanted))]
    dots = [
        len(shape) - len(term.replace(".", "")) for term, shape in zip(terms, shapes, strict=True)
    ]
    longest = max((n for n, term in zip(dots, terms, strict=True) if "..." in term), default=0)
    if longest > len(free) or min(dots) < 0:
        return Refusal("its equation does not fit its operands")
    names = "".join(free[:longest])
    spelt = [
        term.replace("...", names[longest - count :])
        for term, count in zip(terms, dots, strict=True)
    ]
    result = wanted.replace("...", names)
    sizes: dict[str, int] = {}
    for term, shape in zip(spelt, shapes, strict=True):
        if len(term) != len(shape):
            return Refusal("its equation does not fit its operands")
        if len({*term}) < len(term):
            return Refusal("it takes a diagonal: one name stands for two axes of an operand")
        for letter, size in zip(term, shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                return Refusal("it broadcasts an axis of size 1")
    if len({*result}) < len(result) or not {*result} <= sizes.keys():
        return Refusal("its equation does not fit its operands")
    return Einsum(tuple(node.inputs), tuple(spelt), result, sizes)


def _turned(made: Formula, value: int, term: str, order: str) -> int:
    return made.transpose(value, [term.index(letter) for letter in order])


def _reduced(made: Formula, e: Einsum, value: int, term: str, kept: str) -> tuple[int, str]:
    """The sum over the axes that nothing else names, and what is left."""
    gone = [axis for axis, letter in enumerate(term) if letter not in kept]
    if not gone:
        return value, term
    rest = "".join(letter for letter in term if letter in kept)
    return made.reshape(made.total(value, gone), e.shape(rest)), rest


def _alone(made: Formula, e: Einsum) -> int:
    value, term = _reduced(made, e, e.operands[0], e.terms[0], e.result)
    return _turned(made, value, term, e.result)


def _as_matrices(builder: Builder, e: Einsum) -> list[int]:
    """`[batch, rows, inner]` by `[batch, inner, columns]`."""
    made = formula(builder, e.operands[0])
    if len(e.operands) == 1:
        return [_alone(made, e)]
    (first, one), (second, other) = (
        _reduced(made, e, value, term, e.result + e.terms[1 - place])
        for place, (value, term) in enumerate(zip(e.operands, e.terms, strict=True))
    )
    batch = "".join(x for x in one if x in other and x in e.result)
    inner = "".join(x for x in one if x in other and x not in e.result)
    rows = "".join(x for x in one if x not in other)
    columns = "".join(x for x in other if x not in one)
    lead, m, k, n = (math.prod(e.shape(part)) for part in (batch, rows, inner, columns))
    stack = [lead] if batch else []
    left = made.reshape(_turned(made, first, one, batch + rows + inner), [*stack, m, k])
    right = made.reshape(_turned(made, second, other, batch + inner + columns), [*stack, k, n])
    product = builder.value_node("MatMul", (left, right), (*stack, m, n))
    named = batch + rows + columns
    return [_turned(made, made.reshape(product, e.shape(named)), named, e.result)]


def _as_product(builder: Builder, e: Einsum) -> list[int]:
    """Both operands along all axes, those of the result first."""
    made = formula(builder, e.operands[0])
    whole = e.result + "".join(sorted(e.sizes.keys() - {*e.result}))
    spread = []
    for value, term in zip(e.operands, e.terms, strict=True):
        order = "".join(letter for letter in whole if letter in term)
        shape = [e.sizes[letter] if letter in term else 1 for letter in whole]
        spread.append(made.reshape(_turned(made, value, term, order), shape))
    product = made.binary("mul", *spread)
    gone = range(len(e.result), len(whole))
    return [made.reshape(made.total(product, gone), e.shape(e.result)) if gone else product]


def _flat(e: Einsum) -> Refusal | None:
    if len(e.operands) == 1:
        return Refusal("it has one operand")
    if len(e.sizes) > _MOST:
        return Refusal(f"it names {len(e.sizes)} axes, {_MOST} at most")
    return None


FAMILY: Family[Einsum] = Family(
    "einsum",
    recognise,
    (
        Realisation(
            name="einsum/product",
            uses=("TRANSPOSE", "RESHAPE", "MUL", "SUM"),
            exactness="exact",
            argument=(
                "it is the product of both operands, broadcast along all named axes, summed over "
                f"those that the result has not; of at most {_MOST} axes"
            ),
            accepts=_flat,
            build=_as_product,
            limits=_IN_ORDER,
        ),
        Realisation(
            name="einsum/matrices",
            uses=("TRANSPOSE", "RESHAPE", "BATCH_MATMUL", "SUM"),
            exactness="exact",
            argument=(
                "axes of both operands that the result has are a batch, those that it has not are "
                "multiplied along, the others are rows and columns: a product of matrices between "
                "transpositions; what one operand alone names is summed first"
            ),
            accepts=always,
            build=_as_matrices,
            limits=_IN_ORDER,
        ),
    ),
)

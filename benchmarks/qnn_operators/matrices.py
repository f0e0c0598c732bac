"""Products of matrices, and what is made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from qnn_cases import FLOATS, Case, activation, bias, combinations, constant, weight
from qnn_draws import Draw

from qnn_operators.family import BEFORE, FEW, NARROW, Family

MICROSOFT = "com.microsoft"
"""The domain of ONNX Runtime's own operators."""


def _matmul(op: str, draw: Draw) -> Iterator[Case]:
    rows, inner, columns = draw.shape(4, 8, 6)
    for one, other in (((rows, inner), (inner, columns)),
                       ((2, rows, inner), (2, inner, columns)),
                       ((1, 2, rows, inner), (1, 2, inner, columns)),
                       ((2, rows, inner), (inner, columns)),
                       ((1, 2, rows, inner), (inner, columns))):  # fmt: skip
        yield Case(op, (activation(*one), weight(*other)))
        yield Case(op, (activation(*one), activation(*other)))


def _matmul_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Vectors, broadcasts, the constant first, scales by column, higher ranks."""
    rows, inner, columns = draw.shape(4, 8, 6)
    for one, other in (
        ((inner,), (inner, columns)),
        ((rows, inner), (inner,)),
        ((inner,), (inner,)),
        ((inner,), (2, inner, columns)),
        ((2, rows, inner), (inner,)),
        ((rows, inner), (2, inner, columns)),
        ((1, 3, rows, inner), (2, 1, inner, columns)),
        ((2, 1, rows, inner), (3, inner, columns)),
        ((1, 2, 2, rows, inner), (inner, columns)),
        ((1, 2, 2, rows, inner), (1, 2, 2, inner, columns)),
        ((1, 1, 2, 2, rows, inner), (inner, columns)),
        ((1, inner), (inner, 1)),
    ):
        yield Case(op, (activation(*one), weight(*other)))
        yield Case(op, (activation(*one), activation(*other)))
    yield Case(op, (weight(rows, inner), activation(inner, columns)))
    yield Case(op, (weight(2, rows, inner), activation(2, inner, columns)))
    for axis in (0, 1):
        kernel = weight(inner, columns, channel=axis)
        yield Case(op, (activation(rows, inner), kernel))
        yield Case(op, (activation(1, 2, rows, inner), kernel))
    kernel = weight(inner, columns)
    yield Case(op, (activation(rows, inner, open=(0,)), kernel))
    yield Case(op, (activation(rows, inner), kernel), opset=9)


def _gemm(op: str, draw: Draw) -> Iterator[Case]:
    rows, inner, columns = draw.shape(4, 8, 6)
    for choice in combinations(transA=[0, 1], transB=[0, 1], alpha=draw.among([1.0, 0.5], (2.0,))):
        one = (inner, rows) if choice["transA"] else (rows, inner)
        other = (columns, inner) if choice["transB"] else (inner, columns)
        yield Case(op, (activation(*one), weight(*other), weight(columns)), choice)


def _gemm_forms(op: str, draw: Draw) -> Iterator[Case]:
    """Without a bias, with biases of other shapes, fed ones, scaled ones."""
    rows, inner, columns = draw.shape(4, 8, 6)
    one, flat = activation(rows, inner), {"transB": 1}
    for channel in (None, 0):
        kernel = weight(columns, inner, channel=channel)
        yield Case(op, (one, kernel), flat)
        yield Case(op, (one, kernel, bias(columns, channel)), flat)
        yield Case(op, (activation(1, inner), kernel, bias(columns, channel)), flat)
    kernel = weight(columns, inner)
    for shape in ((1,), (), (1, columns), (rows, 1), (rows, columns), (columns,)):
        yield Case(op, (one, kernel, weight(*shape)), flat)
        yield Case(op, (one, kernel, activation(*shape)), flat)
    for beta in draw.among((0.5, 0.0), (2.0,)):
        yield Case(op, (one, kernel, bias(columns)), {**flat, "beta": beta})
    yield Case(op, (one, activation(columns, inner)), flat)
    yield Case(op, (one, activation(columns, inner), bias(columns)), flat)
    yield Case(op, (weight(rows, inner), activation(inner, columns)))
    yield Case(op, (activation(rows, inner, open=(0,)), kernel, bias(columns)), flat)
    yield Case(op, (one, kernel, bias(columns)), flat, opset=9)


_EQUATIONS = {
    "ij,jk->ik": ("ij", "jk"),
    "bij,bjk->bik": ("bij", "bjk"),
    "bhij,bhjk->bhik": ("bhij", "bhjk"),
    "bhid,bhjd->bhij": ("bhid", "bhjd"),
    "bhwc,hkc->bhwk": ("bhwc", "hkc"),
    "bhwc,wkc->bhwk": ("bhwc", "wkc"),
    "bchq,bkhc->bkhq": ("bchq", "bkhc"),
    "bkhq,bchk->bchq": ("bkhq", "bchk"),
    "bhqk,bhkd->bqhd": ("bhqk", "bhkd"),
    "bij->bji": ("bij",),
    "ij->": ("ij",),
    "ii->i": ("ii",),
    "i,j->ij": ("i", "j"),
    "bi,bi->b": ("bi", "bi"),
    "ij,jk,kl->il": ("ij", "jk", "kl"),
    "...ij,...jk->...ik": ("bij", "bjk"),
}


def _einsum(op: str, draw: Draw) -> Iterator[Case]:
    for equation, terms in _EQUATIONS.items():
        sizes = {letter: draw.size(4) for letter in sorted(set("".join(terms)))}
        operands = [tuple(sizes[letter] for letter in term) for term in terms]
        fed = tuple(activation(*shape) for shape in operands)
        yield Case(op, fed, {"equation": equation})
        if len(operands) == 2:
            stored = (activation(*operands[0]), weight(*operands[1]))
            yield Case(op, stored, {"equation": equation})


def _einsum_forms(op: str, draw: Draw) -> Iterator[Case]:
    """All sizes other ones; and each letter that two terms share of one element in one of them."""
    for equation, terms in _EQUATIONS.items():
        letters = sorted(set("".join(terms)))
        sizes = {letter: draw.size(place) for place, letter in enumerate(letters, 2)}
        whole = [tuple(sizes[letter] for letter in term) for term in terms]
        yield Case(op, tuple(activation(*shape) for shape in whole), {"equation": equation})
        if len(terms) != 2:
            continue
        for letter in sorted(set(terms[0]) & set(terms[1])):
            for place in (0, 1):
                shapes = list(whole)
                ones = {**sizes, letter: 1}
                shapes[place] = tuple(ones[each] for each in terms[place])
                fed = tuple(activation(*shape) for shape in shapes)
                yield Case(op, fed, {"equation": equation})
            alike = [tuple(ones[each] for each in term) for term in terms]
            yield Case(op, tuple(activation(*shape) for shape in alike), {"equation": equation})


def _fused(op: str, draw: Draw) -> Iterator[Case]:
    rows, inner, columns = draw.shape(4, 8, 6)
    for choice in combinations(
        transA=[0, 1], transB=[0, 1], alpha=draw.among([1.0, 0.5], (2.0,)), transBatchA=[None, 1]
    ):
        one = (inner, rows) if choice["transA"] else (rows, inner)
        other = (columns, inner) if choice["transB"] else (inner, columns)
        batch = () if "transBatchA" not in choice else (1,)
        yield Case(op, (activation(*batch, *one), weight(*batch, *other)), choice, domain=MICROSOFT)


def _own(op: str, draw: Draw) -> Iterator[Case]:
    """ONNX Runtime's own operators of one operand."""
    for shape in draw.ranks():
        yield Case(op, (activation(*shape),), domain=MICROSOFT)
    if op == "QuickGelu":
        yield Case(op, (activation(*draw.image()),), {"alpha": 1.0}, domain=MICROSOFT)


def _blocks(op: str, draw: Draw) -> Iterator[Case]:
    """Weights of 4 bits with a scale a block of 32."""
    rows, columns, blocks = draw.size(4), draw.size(8), draw.size(2)
    packed = np.random.default_rng(columns).integers(0, 256, (columns, blocks, 16))
    choice = {"K": 32 * blocks, "N": columns, "bits": 4, "block_size": 32}
    stored = (constant(packed, "uint8"), weight(columns * blocks))
    for shape in ((rows, 32 * blocks), (1, rows, 32 * blocks)):
        yield Case(op, (activation(*shape), *stored), choice, domain=MICROSOFT)


def _inverse(op: str, draw: Draw) -> Iterator[Case]:
    for shape in ((2, 2), (3, 3), (4, 2, 2), (1, 2, 4, 4), (draw.size(3), 2, 2, 2)):
        yield Case(op, (activation(*shape),), domain=MICROSOFT, span=(0.5, 2.0))


def _integers(op: str, draw: Draw) -> Iterator[Case]:
    """Products of whole numbers."""
    rows, inner, columns = draw.shape(4, 8, 6)
    if op == "MatMulInteger":
        yield Case(op, (activation(rows, inner), activation(inner, columns)))
    else:
        yield Case(op, (activation(1, 4, 8, 8), activation(8, 4, 3, 3)))


def _determinant(op: str, draw: Draw) -> Iterator[Case]:
    yield Case(op, (activation(2, 2),))
    yield Case(op, (activation(*draw.shape(4, 1)[:1], 3, 3),))


def _rotary(op: str, draw: Draw) -> Iterator[Case]:
    """ONNX Runtime's, and that of opset 23."""
    heads, length, width = draw.size(2, 4), draw.size(6), draw.size(8, 16, 4)
    tables = (weight(16, width // 2), weight(16, width // 2))
    places = constant([list(range(length))])
    for interleaved in (0, 1):
        operands = (activation(1, heads, length, width), places, *tables)
        yield Case(op, operands, {"interleaved": interleaved}, domain=MICROSOFT)
        stored = (weight(1, length, width // 2), weight(1, length, width // 2))
        choice = {"interleaved": interleaved}
        yield Case(op, (activation(1, heads, length, width), *stored), choice, opset=23)
        new = (activation(1, heads, length, width), *tables, places)
        yield Case(op, new, choice, opset=23)
        flat = (activation(1, length, heads * width), *tables, places)
        yield Case(op, flat, {**choice, "num_heads": heads}, opset=23)


def _attention(op: str, draw: Draw) -> Iterator[Case]:
    shape = (1, draw.size(2, 4), draw.size(6), draw.size(8))
    yield Case(op, (activation(*shape),) * 3, opset=23)
    yield Case(op, (activation(*shape),) * 3, {"is_causal": 1}, opset=23)


def _swish(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        yield replace(Case(op, (activation(*shape),)), opset=24)


FAMILIES: Mapping[str, Family] = {
    "MatMul": Family("MatMul", _matmul),
    "Gemm": Family("Gemm", _gemm),
    "MatMul in other forms": Family("MatMul", _matmul_forms, FLOATS, (*NARROW, "int32")),
    "Gemm in other forms": Family("Gemm", _gemm_forms, FLOATS, NARROW),
    "Einsum": Family("Einsum", _einsum, FLOATS, FEW),
    "Einsum in other forms": Family("Einsum", _einsum_forms, ("float32", "a8w8"), FEW),
    "FusedMatMul": Family("FusedMatMul", _fused, ("float32", "float16", "a8w8")),
    "QuickGelu": Family("QuickGelu", _own, ("float32", "float16", "a8w8")),
    "MatMulNBits": Family("MatMulNBits", _blocks, BEFORE),
    "Inverse": Family("Inverse", _inverse, BEFORE),
    "MatMulInteger": Family("MatMulInteger", _integers, ("uint8", "int8")),
    "ConvInteger": Family("ConvInteger", _integers, ("uint8",)),
    "Det": Family("Det", _determinant, BEFORE),
    "RotaryEmbedding": Family("RotaryEmbedding", _rotary, BEFORE),
    "Attention": Family("Attention", _attention, BEFORE),
    "Swish": Family("Swish", _swish, BEFORE),
}

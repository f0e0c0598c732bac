"""All families of the sweep over ONNX operators."""

from __future__ import annotations

from collections.abc import Mapping

from qnn_cases import FLOATS, OPSET, QUANTISED, Case
from qnn_catalogue import Catalogue
from qnn_operators import (
    elementwise,
    indices,
    matrices,
    moves,
    norms,
    recurrent,
    reductions,
    sizes,
    windows,
)
from qnn_operators.family import Family

MODULES = (elementwise, reductions, windows, sizes, moves, indices, norms, matrices, recurrent)

FAMILIES: Mapping[str, Family] = {
    name: family for module in MODULES for name, family in module.FAMILIES.items()
}
"""By what they are called: most by their operator."""

FIRST = {**dict.fromkeys(QUANTISED, OPSET), "a8w8": 13, "s8w8": 13}
"""The opset from which on QuantizeLinear can do what a kind takes."""


def _takes(case: Case) -> bool:
    return case.opset >= FIRST.get(case.kind, 1)


CATALOGUE = Catalogue(FAMILIES, (*FLOATS, "int32"), _takes)
cases = CATALOGUE.cases
sampled = CATALOGUE.sampled

"""All families of the sweep over TFLite operators."""

from __future__ import annotations

from collections.abc import Mapping

from qnn_catalogue import Catalogue
from qnn_operators.family import Family

from qnn_tflite import matrices, moves, pointwise, windows
from qnn_tflite.kinds import MOVERS

FAMILIES: Mapping[str, Family] = {
    name: family
    for module in (pointwise, windows, matrices, moves)
    for name, family in module.FAMILIES.items()
}
"""By what they are called: most by their operator."""

CATALOGUE = Catalogue(FAMILIES, MOVERS)

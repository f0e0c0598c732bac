"""Reference networks of image restoration, defined once and exported to both formats.

Definitions and their parameters and multiply-accumulates need no framework; `torch_builder`,
`keras_builder` and `export` do.
"""

from __future__ import annotations

from npulint.reference_models.catalogue import CATALOGUE, define
from npulint.reference_models.definition import Definition, Figure

__all__ = ["CATALOGUE", "Definition", "Figure", "define"]

"""The part of the catalogue that moves values about: borders, pieces, depth and space."""

from __future__ import annotations

from typing import Any

from npulint.fixers import pads
from npulint.fixers.record import Family

FAMILIES: tuple[Family[Any], ...] = (pads.FAMILY,)

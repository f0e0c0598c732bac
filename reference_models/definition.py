"""What is known of a reference network, apart from its layers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from npulint.reference_models.layers import Shape
from npulint.reference_models.network import Sketch

Label = Literal["exact-code", "exact-text", "reconstruction"]
"""Whether public code fixes every layer, or a paper's words do, or neither: then the topology is
ours, obeys all that the paper says and lands on the figures that it prints."""

Quantity = Literal["parameters", "macs", "thop", "thop_parameters", "tflite_bytes"]
"""What a figure counts: as the properties of `Network` are called, or the size of a .tflite."""

_PREFIXES = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as its source prints it.

    Attributes:
        quantity: What it counts.
        printed: Digits and prefix, as in `1.03 M`.
        where: The place in the source.
        remark: What there is to know of a figure that is not hit exactly.
    """

    quantity: Quantity
    printed: str
    where: str
    remark: str = ""

    @property
    def value(self) -> float:
        """The number that is printed."""
        digits, _, prefix = self.printed.partition(" ")
        return float(digits) * _PREFIXES[prefix]

    @property
    def precision(self) -> float:
        """What one in the last digit stands for."""
        digits, _, prefix = self.printed.partition(" ")
        decimals = re.sub(r"^\d+\.?", "", digits)
        return float(_PREFIXES[prefix] * 10.0 ** -len(decimals))

    def hit(self, counted: float) -> bool:
        """Whether a number, rounded, is what is printed."""
        return abs(counted - self.value) <= self.precision / 2


@dataclass(frozen=True, slots=True)
class Definition:
    """How a network is written, and where it comes from.

    Attributes:
        name: What it is called on the command line.
        write: Writes its layers.
        image: The input that its published figures are for.
        label: What fixes its layers.
        source: The paper that evaluates it.
        basis: Where its layers are read, and what was chosen freely.
        figures: What is published of it.
    """

    name: str
    write: Callable[[Sketch], None]
    image: Shape
    label: Label
    source: str
    basis: str
    figures: tuple[Figure, ...] = ()

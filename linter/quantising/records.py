"""What quantising a network came to: plain records, without arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["int8"]

MOVES = frozenset({
    "RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS", "Reshape", "Transpose", "Squeeze",
    "Unsqueeze", "Identity", "Flatten",
})  # fmt: skip
"""Operators that only move values: leaving them in floating point gains nothing."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What a node of the float model loses by 8 bits.

    Attributes:
        node: Its position in the main graph.
        op: Its operator, behind those of nodes that the converter took together with it.
        value: Name of the value that it makes.
        snr: Signal to noise of that value in the quantised network, in dB; infinite where
            nothing differs.
        added: How much more noise it has than the noisiest value that the node reads, both by
            their signals' power; less than 0 where the node takes noise away.
        in_float: PSNR of the network's output with this node alone left in floating point, in
            dB; None where that was not tried.
        values: The values of all nodes that are left in floating point with it.
    """

    node: int
    op: str
    value: str
    snr: float
    added: float
    in_float: float | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """A network in 8 bits beside itself in floating point, on samples that were held out.

    Attributes:
        kind: What it was quantised to: weights and activations.
        converter: Name and version of what quantised it.
        runtime: Name and version of what ran both.
        nodes: Nodes of the float model whose results both models have.
        psnr: Of the quantised model's outputs to the float one's, whose range is the peak; the
            mean over the samples.
        lowest: That of the worst sample.
        truth: PSNR of the float and of the quantised model to what outputs should be; None
            where nobody says.
        peak: What PSNR to the truth is relative to; None without one.
        fitting: Samples that ranges were read from.
        held_out: Samples that measured.
        layers: Those that hurt most first: by what leaving them in floating point gains, and
            then by the noise that they add.
    """

    kind: Kind
    converter: str
    runtime: str
    nodes: int
    psnr: float
    lowest: float
    truth: tuple[float, float] | None
    peak: float | None
    fitting: tuple[str, ...]
    held_out: tuple[str, ...]
    layers: tuple[Layer, ...]

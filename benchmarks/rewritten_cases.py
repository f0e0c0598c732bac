"""Which networks are rewritten, and for which made-up targets, that refuse an operator each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from npulint.model import Model

_TABLE = """\
family: refuses-{name}
title: All of {network} but {what}
dialect: {form}
date: "2026-12-01"
sources:
  script: {{page: benchmarks/rewritten_cases.py, date: "2026-12-01"}}
otherwise: {{verdict: unsupported, say: this target was made to refuse it, source: script}}
operators:
"""


@dataclass(frozen=True)
class Case:
    """A network, and what a target refuses of it.

    Attributes:
        network: One with trained weights.
        what: What is refused, in words.
        by: What takes its place, in words.
        refuses: Operators that the network has and the target does not take.
        takes: Operators that the network lacks and its replacements are made of.
        exactly: Further operators that exact replacements are made of.
        require: Conditions of operators, in the words of a table.
        form: The file's format.
        goal: How many dB trained rows may be from the original; None where nothing was set.
        squares: Given to `recover`: every other one is trained on, of the rest half choose.
        steps: Of training.
        rate: Of training, the highest.
        why: What is to be said of the figures; empty where they say it themselves.
        flip: Whether they are turned and mirrored; a mosaic has its order of colours.
    """

    network: str
    what: str
    by: str
    refuses: tuple[str, ...]
    takes: tuple[str, ...]
    exactly: tuple[str, ...]
    require: Mapping[str, str] = field(default_factory=dict)
    form: Literal["onnx", "tflite"] = "onnx"
    goal: float | None = None
    squares: int = 24
    steps: int = 40
    rate: float = 1e-3
    why: str = ""
    flip: bool = True

    @property
    def name(self) -> str:
        """Stable name, which files and rows go by."""
        return f"{self.network}-{self.what.replace(' ', '-')}-{self.form}"


_LINEAR = "{attribute: mode, default: nearest, equals: linear}"
_UNIT = "{attribute: strides, default: [1, 1], equals: [1, 1]}"

CASES: tuple[Case, ...] = (
    Case(
        "unet_narrow", "transposed convolutions", "a bilinear resize and a convolution",
        ("ConvTranspose",), ("Resize", "Pad", "Slice"), ("DepthToSpace", "Reshape", "Transpose"),
        {"Resize": _LINEAR}, goal=0.1,
    ),
    Case(
        "unet_narrow", "transposed convolutions", "a bilinear resize and a convolution",
        ("TRANSPOSE_CONV",), ("RESIZE_BILINEAR", "PAD", "STRIDED_SLICE"),
        ("DEPTH_TO_SPACE", "RESHAPE", "TRANSPOSE"), form="tflite", goal=0.1,
    ),
    Case(
        "pynet_v2_narrow", "instance norms", "a scale and a shift, folded into convolutions",
        ("InstanceNormalization",), (), ("Sub", "Sqrt", "Div", "Pow", "Reshape"),
        goal=0.1, squares=64, steps=400, flip=False,
    ),
    Case(
        "nafnet_tiny", "layer norms", "a scale and a shift, folded into convolutions",
        ("Sqrt", "Div"), (), ("Pow", "Reciprocal", "LRN", "LpNormalization", "Reshape"),
        goal=0.3,
        why=(
            "Stripped of all 14 norms it makes numbers that are no longer finite, so that `fix` "
            "keeps 13 of them and the target refuses those: the goal is judged by the calibrated "
            "row. Its gates multiply channels by one another, so that what a norm held to one size "
            "is squared from block to block, and training has to bring that back."
        ), squares=192, steps=4000, rate=3e-3,
    ),
    Case(
        "pmrid_narrow", "transposed convolutions", "a bilinear resize and a convolution",
        ("ConvTranspose",), ("Resize", "Pad", "Slice"), ("DepthToSpace", "Reshape", "Transpose"),
        {"Resize": _LINEAR}, goal=0.1,
    ),
    Case(
        "nafnet_tiny", "strided convolutions", "an average pool and a convolution",
        (), ("AveragePool", "Pad"), ("SpaceToDepth", "Reshape", "Transpose"),
        {"Conv": _UNIT},
    ),
    Case(
        "microisp", "strided convolutions", "an average pool and a convolution",
        (), ("AveragePool", "Pad"), ("SpaceToDepth", "Reshape", "Transpose"),
        {"Conv": _UNIT}, flip=False,
    ),
)  # fmt: skip
"""In the order of the page."""


def table(case: Case, model: Model, *, exact: bool) -> str:
    """The target as a table: what the network has without what is refused, and what replaces it."""
    has = {node.op for node in model.graphs[0].nodes}
    takes = sorted({*has, *case.takes, *(case.exactly if exact else ())} - {*case.refuses})
    head = _TABLE.format(
        name=case.name.replace("_", "-"),
        network=case.network,
        what=case.what,
        form=case.form,
    )
    lines = []
    for op in takes:
        condition = case.require.get(op)
        asked = f", require: [{condition}]" if condition else ""
        lines.append(f"  - {{op: {op}, inputs: [x]{asked}, source: script}}\n")
    return head + "".join(lines)

"""Local means as exporters write them: running sums, and four corners of what they come to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from single import Array, Call, Case, onnx_case, tflite_case

_OPTIONS = {
    "CUMSUM": "CumsumOptions", "PAD": "PadOptions", "STRIDED_SLICE": "StridedSliceOptions",
    "ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions", "DIV": "DivOptions",
}  # fmt: skip
_ONNX = {
    "CUMSUM": "CumSum", "PAD": "Pad", "STRIDED_SLICE": "Slice", "ADD": "Add", "SUB": "Sub",
    "MUL": "Mul", "DIV": "Div",
}  # fmt: skip


@dataclass(frozen=True)
class Image:
    """An integral image of 2 samples of 3 channels, and the means that are taken of it.

    Attributes:
        sizes: Height and width.
        window: Of the means.
        rows_first: Whether sums run down the columns first.
        one_slice: Whether a corner is one slice, or one an axis.
        paired: Whether the differences of corners are taken two by two.
        division: `mul` by the reciprocal, `div`, or nothing.
        signs: How the corners b, c and d go into the sum with a.
        cut: Rows that the corners leave out at the end.
        lead: Zeros in front of each row and column.
        axes: `both`, or the `same` one summed twice.
        also: `corner` where one of the corners is read once more.
    """

    dialect: str
    sizes: tuple[int, int]
    window: tuple[int, int]
    rows_first: bool
    one_slice: bool
    paired: bool
    division: str
    signs: str = "+--"
    cut: int = 0
    lead: int = 1
    exclusive: bool = False
    axes: str = "both"
    also: str = ""

    @property
    def spatial(self) -> tuple[int, int]:
        """The stored axes of height and width."""
        return (1, 2) if self.dialect == "tflite" else (2, 3)

    @property
    def fit(self) -> tuple[int, int]:
        """Places of the window along each axis."""
        rows, columns = (s - w + 1 for s, w in zip(self.sizes, self.window, strict=True))
        return rows - self.cut, columns

    def stored(self, height: int, width: int) -> list[int]:
        """A shape as the dialect stores it."""
        return [2, height, width, 3] if self.dialect == "tflite" else [2, 3, height, width]

    def case(self, folder: Path, x: Array) -> Case:
        """The model."""
        calls = [*self._sums(), *self._corners(), *self._differences()]
        results = ["y", "w"] if self.also else ["y"]
        if self.dialect == "tflite":
            return tflite_case(folder, {"x": x}, calls, *results)
        return onnx_case(folder, {"x": x}, calls, 13, *results)

    def _call(
        self, op: str, operands: list[Any], result: str, sizes: tuple[int, int], **options: Any
    ) -> Call:
        """A node; whole numbers get the type that the dialect has for them."""
        tflite = self.dialect == "tflite"
        kind = np.int32 if tflite else np.int64
        stored = [
            np.array(each, kind) if isinstance(each, (int, list)) else each for each in operands
        ]
        fields = {"table": _OPTIONS[op], **options} if tflite else options
        return Call(op if tflite else _ONNX[op], stored, {result: self.stored(*sizes)}, fields)

    def _sums(self) -> list[Call]:
        order = self.spatial if self.rows_first else self.spatial[::-1]
        second = order[0 if self.axes == "same" else 1]
        options: dict[str, Any] = {"exclusive": self.exclusive} if self.exclusive else {}
        pads = [[self.lead * (axis in self.spatial), 0] for axis in range(4)]
        if self.dialect == "onnx":
            options = {name: int(value) for name, value in options.items()}
            pads = [pair[side] for side in (0, 1) for pair in pads]
        height, width = self.sizes
        wide = height + self.lead, width + self.lead
        return [
            self._call("CUMSUM", ["x", order[0]], "s", self.sizes, **options),
            self._call("CUMSUM", ["s", second], "t", self.sizes),
            self._call("PAD", ["t", pads], "p", wide),
        ]

    def _corners(self) -> list[Call]:
        rows, columns = self.window
        calls = []
        # Without zeros in front the lower corners begin one sample earlier.
        short = 1 - self.lead
        places = {"a": (rows - short, columns - short), "b": (0, 0)}
        places |= {"c": (0, columns - short), "d": (rows - short, 0)}
        for name, place in places.items():
            calls += self._corner(name, place)
        return calls

    def _corner(self, name: str, place: tuple[int, int]) -> list[Call]:
        ends = [start + size for start, size in zip(place, self.fit, strict=True)]
        if self.dialect == "tflite":
            bounds = [[0, *place, 0], [2, *ends, 3], [1] * 4]
            return [self._call("STRIDED_SLICE", ["p", *bounds], name, self.fit)]
        if self.one_slice:
            bounds = [[*place], ends, [*self.spatial]]
            return [self._call("STRIDED_SLICE", ["p", *bounds], name, self.fit)]
        calls, source = [], "p"
        sizes = [size + self.lead for size in self.sizes]
        for number, axis in enumerate(self.spatial):
            sizes[number] = self.fit[number]
            result = name if number else f"{name}0"
            bounds = [[place[number]], [ends[number]], [axis]]
            held = sizes[0], sizes[1]
            calls.append(self._call("STRIDED_SLICE", [source, *bounds], result, held))
            source = result
        return calls

    def _differences(self) -> list[Call]:
        of = {"+": "ADD", "-": "SUB"}
        b, c, d = (of[sign] for sign in self.signs)
        if self.paired:
            steps = [(c, ["a", "c"], "u"), (d, ["b", "d"], "v"), (b, ["u", "v"], "m")]
        else:
            steps = [(b, ["a", "b"], "u"), (c, ["u", "c"], "v"), (d, ["v", "d"], "m")]
        if not self.division:
            steps[-1] = (*steps[-1][:2], "y")
        calls = [self._call(op, operands, name, self.fit) for op, operands, name in steps]
        count = self.window[0] * self.window[1]
        if self.division:
            share = np.array(1 / count if self.division == "mul" else count, np.float32)
            calls.append(self._call(self.division.upper(), ["m", share], "y", self.fit))
        if self.also:
            calls.append(self._call("ADD", ["c", "c"], "w", self.fit))
        return calls

"""Functions in the forms that exporters write, as expressions that are written in both formats."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
from cases import Array, Step, onnx_model, tflite_model

Expression = Any
"""`x`, a number, or an operator's name with its operands."""

X = "x"
ERF = ("erf", ("div", X, math.sqrt(2)))
INNER = ("mul", math.sqrt(2 / math.pi), ("add", X, ("mul", 0.044715, ("pow", X, 3.0))))
CUBED = ("add", X, ("mul", ("mul", ("mul", X, X), X), 0.044715))
SOFTPLUS = ("log", ("add", ("exp", X), 1.0))

ALPHA, GAMMA = 1.6732632, 1.0507010
"""ONNX's defaults of Selu."""

SPELLINGS: dict[str, tuple[Expression, ...]] = {
    "gelu": (
        ("gelu", X),
        ("mul", ("mul", X, ("add", ERF, 1.0)), 0.5),
        ("mul", ("mul", 0.5, X), ("add", 1.0, ("erf", ("mul", X, 0.70710678)))),
        ("mul", X, ("add", 0.5, ("mul", 0.5, ERF))),
        ("div", ("mul", X, ("add", 1.0, ERF)), 2.0),
    ),
    "gelu-tanh": (
        ("gelu-tanh", X),
        ("mul", ("mul", 0.5, X), ("add", ("tanh", INNER), 1.0)),
        ("mul", X, ("mul", ("add", 1.0, ("tanh", ("mul", CUBED, 0.7978846))), 0.5)),
        ("mul", X, ("sigmoid", ("mul", CUBED, 1.5957691))),
    ),
    "erf": (("erf", X),),
    "silu": (
        ("mul", X, ("sigmoid", X)),
        ("div", X, ("add", 1.0, ("exp", ("neg", X)))),
    ),
    "hard-swish": (
        ("hardswish", X),
        ("mul", X, ("div", ("relu6", ("add", X, 3.0)), 6.0)),
        ("div", ("mul", X, ("relu6", ("add", 3.0, X))), 6.0),
        ("mul", ("mul", X, ("min", ("max", ("add", X, 3.0), 0.0), 6.0)), 1 / 6),
        ("mul", X, ("hardsigmoid", X)),
    ),
    "hard-sigmoid": (
        ("hardsigmoid", X),
        ("div", ("relu6", ("add", X, 3.0)), 6.0),
        ("mul", ("relu6", ("add", 3.0, X)), 1 / 6),
    ),
    "logistic": (
        ("sigmoid", X),
        ("div", 1.0, ("add", 1.0, ("exp", ("neg", X)))),
    ),
    "tanh": (
        ("tanh", X),
        ("sub", ("mul", 2.0, ("sigmoid", ("mul", 2.0, X))), 1.0),
    ),
    "elu": (
        ("elu", X),
        ("add", ("relu", X), ("sub", ("exp", ("min", X, 0.0)), 1.0)),
    ),
    "scaled-elu": (
        ("selu", X),
        ("mul", GAMMA, ("where", ("greater", X, 0.0), X, ("mul", ("elu", X), ALPHA))),
        (
            "add",
            ("mul", GAMMA, ("relu", X)),
            ("mul", GAMMA * ALPHA, ("sub", ("exp", ("min", X, 0.0)), 1.0)),
        ),
    ),
    "softplus": (
        ("softplus", X),
        SOFTPLUS,
    ),
    "softsign": (("div", X, ("add", 1.0, ("abs", X))), ("softsign", X)),
    "mish": (("mul", X, ("tanh", SOFTPLUS)), ("mish", X)),
    "abs": (
        ("abs", X),
        ("max", X, ("neg", X)),
        ("add", ("relu", X), ("relu", ("neg", X))),
    ),
    "square": (("mul", X, X), ("square", X), ("pow", X, 2.0)),
    "cube": (("mul", ("mul", X, X), X), ("pow", X, 3.0)),
}

NEAR_MISSES: tuple[Expression, ...] = (
    ("mul", ("mul", X, ("add", ("erf", X), 1.0)), 0.5),
    ("mul", ("mul", X, ("add", ERF, 1.0)), 0.51),
    ("mul", ("mul", X, ("add", ERF, 1.001)), 0.5),
    ("mul", X, ("sigmoid", ("mul", X, 1.01))),
    ("mul", X, ("div", ("relu6", ("add", X, 2.99)), 6.0)),
    ("mul", X, ("div", ("relu", ("add", X, 3.0)), 6.0)),
    ("min", ("mul", X, ("sigmoid", X)), 100.0),
    ("max", ("tanh", X), -0.99999),
    ("sub", ("mul", 2.0, ("sigmoid", ("mul", 1.99, X))), 1.0),
    ("max", X, ("mul", X, -0.999)),
    ("add", ("relu", X), ("sub", ("exp", ("min", X, 0.0)), 1.01)),
    ("add", ("relu", X), ("mul", 2.0, ("sub", ("exp", ("min", X, 0.1)), 1.0))),
)

ONLY: dict[str, str] = {
    **dict.fromkeys(
        ("erf", "hardsigmoid", "softplus", "softsign", "mish", "selu", "celu", "elu2"), "onnx"
    ),
    "square": "tflite",
}
"""Operators that only one dialect has."""

_OPS = {
    "onnx": {
        "sigmoid": "Sigmoid", "hardswish": "HardSwish", "hardsigmoid": "HardSigmoid",
        "relu6": "Clip", "gelu-tanh": "Gelu", "leaky": "LeakyRelu", "elu2": "Elu",
    },
    "tflite": {
        "sigmoid": "LOGISTIC", "hardswish": "HARD_SWISH", "max": "MAXIMUM", "min": "MINIMUM",
        "gelu-tanh": "GELU", "where": "SELECT_V2", "leaky": "LEAKY_RELU",
    },
}  # fmt: skip

_OPTIONS: dict[str, dict[str, Any]] = {
    "hardsigmoid": {"alpha": 1 / 6, "beta": 0.5},
    "gelu-tanh": {"approximate": "tanh"},
    "leaky": {"alpha": 0.25},
    "elu2": {"alpha": 2.0},
    "celu": {"alpha": 0.75},
}


def has(expression: Expression, dialect: str) -> bool:
    """Whether a dialect can say an expression."""
    if not isinstance(expression, tuple):
        return True
    fits = ONLY.get(expression[0], dialect) == dialect
    return fits and all(has(part, dialect) for part in expression[1:])


class Writer:
    """Writes an expression as nodes, operands of commutative operators in either order."""

    def __init__(self, dialect: str, seed: int, shape: list[int]) -> None:
        self.dialect, self.draw, self.shape = dialect, random.Random(seed), shape
        self.constants: dict[str, Array] = {}
        self.steps: list[Step] = []

    def write(self, expression: Expression, folder: Path, name: str = "m") -> Path:
        """A model of one expression."""
        last = self._put(expression)
        assert last == self.steps[-1].output
        path = folder / f"{name}.{self.dialect}"
        if self.dialect == "tflite":
            return tflite_model(path, self.shape, self.constants, self.steps, last)
        return onnx_model(path, self.shape, self.constants, self.steps, 21, result=last)

    def _put(self, expression: Expression) -> str:
        if isinstance(expression, np.ndarray):
            self.constants[f"c{len(self.constants)}"] = expression.astype(np.float32)
            return f"c{len(self.constants) - 1}"
        if expression == X:
            return "x"
        if isinstance(expression, float):
            return self._number(expression)
        kind, *parts = expression
        names = [self._put(part) for part in parts]
        if kind in ("add", "mul", "max", "min") and self.draw.random() < 0.5:
            names.reverse()
        return self._node(kind, names)

    def _node(self, kind: str, names: list[str]) -> str:
        options = dict(_OPTIONS.get(kind, {}))
        op = _OPS[self.dialect].get(kind)
        if op is None:
            op = kind.upper() if self.dialect == "tflite" else kind.capitalize()
        if self.dialect == "tflite" and kind == "gelu-tanh":
            options = {"approximate": True}
        if self.dialect == "onnx" and kind == "relu6":
            names = [*names, self._number(0.0, scalar=True), self._number(6.0, scalar=True)]
        made = f"v{len(self.steps)}"
        dtype = "BOOL" if kind in ("greater", "less") else "FLOAT32"
        self.steps.append(Step(op, names, made, self.shape, options, dtype=dtype))
        return made

    def _number(self, item: float, *, scalar: bool = False) -> str:
        name = f"c{len(self.constants)}"
        sizes = () if scalar else self.draw.choice(((), (1,), (1,) * len(self.shape)))
        self.constants[name] = np.full(sizes, item, np.float32)
        return name

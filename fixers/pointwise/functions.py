"""Functions of one element by their names, in float64, on samples that tell them apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from npulint.fixers.norms.constants import Numbers

FAR = 60.0
"""Beyond it a form may leave the range of its steps, as log(1 + exp(x)) does."""

_TOLERANCE = 4e-6
"""Exporters store constants such as 1/sqrt(2) or 0.044715 as float32, and some as 5 digits."""


def _samples() -> Numbers:
    far = np.array([20.0, 35.0, 59.0, 150.0, 1e3, 1e5])
    return np.concatenate([-far[::-1], np.linspace(-12.0, 12.0, 161) + 0.0123, far])


SAMPLES = _samples()
"""Where functions are compared: densely where they bend, and far out where they are straight."""


def _erf(x: Numbers) -> Numbers:
    return np.array([math.erf(item) for item in x.ravel()]).reshape(x.shape)


def _sigmoid(x: Numbers) -> Numbers:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _softplus(x: Numbers) -> Numbers:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def _gelu(x: Numbers) -> Numbers:
    return 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0)))


def _gelu_tanh(x: Numbers) -> Numbers:
    return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


def scaled_elu(x: Numbers, slope: float, depth: float, width: float) -> Numbers:
    """Slope times x where that is positive, else depth times (exp(x / width) - 1)."""
    return np.where(x < 0, depth * np.expm1(np.minimum(x, 0.0) / width), slope * x)


PLAIN: Mapping[str, Callable[[Numbers], Numbers]] = MappingProxyType(
    {
        "relu": lambda x: np.maximum(x, 0.0),
        "sigmoid": _sigmoid,
        "tanh": np.tanh,
        "exp": np.exp,
        "log": np.log,
        "sqrt": np.sqrt,
        "rsqrt": lambda x: 1.0 / np.sqrt(x),
        "abs": np.abs,
        "neg": np.negative,
        "square": np.square,
        "reciprocal": np.reciprocal,
        "erf": _erf,
        "softplus": _softplus,
        "softsign": lambda x: x / (1.0 + np.abs(x)),
        "hardswish": lambda x: x * np.clip(x / 6.0 + 0.5, 0.0, 1.0),
        "mish": lambda x: x * np.tanh(_softplus(x)),
    }
)
"""Functions without parameters."""

GIVEN: Mapping[str, Callable[..., Numbers]] = MappingProxyType(
    {
        "gelu": lambda x, tanh: _gelu_tanh(x) if tanh else _gelu(x),
        "leakyrelu": lambda x, alpha: np.where(x < 0, alpha * x, x),
        "elu": lambda x, alpha: np.where(x < 0, alpha * np.expm1(np.minimum(x, 0.0)), x),
        "celu": lambda x, alpha: scaled_elu(x, 1.0, alpha, alpha),
        "selu": lambda x, alpha, gamma: scaled_elu(x, gamma, gamma * alpha, 1.0),
        "hardsigmoid": lambda x, alpha, beta: np.clip(alpha * x + beta, 0.0, 1.0),
        "swish": lambda x, alpha: x * _sigmoid(alpha * x),
    }
)
"""Functions with the parameters of their records."""

TWO: Mapping[str, Callable[[Numbers, Numbers], Numbers]] = MappingProxyType(
    {
        "add": np.add,
        "sub": np.subtract,
        "mul": np.multiply,
        "div": np.divide,
        "pow": np.power,
        "squared_difference": lambda a, b: np.square(a - b),
        "max": np.maximum,
        "min": np.minimum,
        "sum": np.add,
        "greater": lambda a, b: (a > b).astype(np.float64),
        "less": lambda a, b: (a < b).astype(np.float64),
        "greater_equal": lambda a, b: (a >= b).astype(np.float64),
        "less_equal": lambda a, b: (a <= b).astype(np.float64),
    }
)
"""Functions of two operands; truth is 1."""

KNOWN: Mapping[str, Numbers] = MappingProxyType(
    {
        "gelu": _gelu(SAMPLES),
        "gelu-tanh": _gelu_tanh(SAMPLES),
        "gelu-sigmoid": SAMPLES * _sigmoid(1.702 * SAMPLES),
        "erf": _erf(SAMPLES),
        "silu": SAMPLES * _sigmoid(SAMPLES),
        "hard-swish": PLAIN["hardswish"](SAMPLES),
        "hard-sigmoid": np.clip(SAMPLES / 6.0 + 0.5, 0.0, 1.0),
        "logistic": _sigmoid(SAMPLES),
        "tanh": np.tanh(SAMPLES),
        "elu": GIVEN["elu"](SAMPLES, 1.0),
        "softplus": _softplus(SAMPLES),
        "softsign": PLAIN["softsign"](SAMPLES),
        "mish": PLAIN["mish"](SAMPLES),
        "abs": np.abs(SAMPLES),
        "square": np.square(SAMPLES),
        "cube": SAMPLES**3,
    }
)
"""What is looked for, on the samples."""

_NAMES = tuple(KNOWN)
_TABLE = np.stack([KNOWN[name] for name in _NAMES])
_NEAR = np.abs(SAMPLES) < FAR


def named(values: Numbers) -> str | None:
    """Which of the known functions has these values on the samples, None for no one."""
    finite = np.isfinite(values)
    if values.shape != SAMPLES.shape or not finite[_NEAR].all():
        return None
    gaps = np.abs(np.where(finite, values, 0.0) - _TABLE)
    alike = (gaps <= _TOLERANCE * (1.0 + np.abs(_TABLE))) | ~finite
    for name, row in zip(_NAMES, alike, strict=True):
        if row.all():
            return name
    return None


def scaled(values: Numbers) -> tuple[float, float, float] | None:
    """Slope, depth and width with which `scaled_elu` has these values, None for no such."""
    if values.shape != SAMPLES.shape or not np.isfinite(values).all():
        return None
    slope, depth = float(values[-1] / SAMPLES[-1]), -float(values[0])
    if slope <= 0 or depth <= 0:
        return None
    parts = np.where(SAMPLES < 0, -values / depth, np.nan)
    if not np.any((parts > 0) & (parts < 1)):
        return None
    middle = int(np.nanargmin(np.abs(parts - 0.5)))
    width = float(SAMPLES[middle] / np.log1p(-parts[middle])) if 0 < parts[middle] < 1 else 0.0
    if width <= 0:
        return None
    wanted = scaled_elu(SAMPLES, slope, depth, width)
    alike = np.abs(values - wanted) <= _TOLERANCE * (1.0 + np.abs(wanted))
    return (slope, depth, width) if alike.all() else None

"""Formulas in TFLite: channels last, in the oldest form of each operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.fixers.building.formula import Formula

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array
    from npulint.model import Attribute

_UNARY = {
    "relu": "RELU", "sigmoid": "LOGISTIC", "tanh": "TANH", "hardswish": "HARD_SWISH",
    "exp": "EXP", "log": "LOG", "sqrt": "SQRT", "rsqrt": "RSQRT", "abs": "ABS", "neg": "NEG",
    "square": "SQUARE", "gelu": "GELU", "elu": "ELU", "leakyrelu": "LEAKY_RELU",
}  # fmt: skip

_BINARY = {
    "add": "ADD", "sub": "SUB", "mul": "MUL", "div": "DIV", "pow": "POW", "max": "MAXIMUM",
    "min": "MINIMUM", "squared_difference": "SQUARED_DIFFERENCE",
}  # fmt: skip

_FUSING = ("ADD", "SUB", "MUL", "DIV")

_LIMITS = {(0.0, 6.0): "RELU6", (-1.0, 1.0): "RELU_N1_TO_1", (0.0, 1.0): "RELU_0_TO_1"}


class TFLiteFormula(Formula):
    """Adds TFLite builtin operators."""

    def unary(self, kind: str, x: int, parameter: float = 0.0) -> int:
        """One operator."""
        options: dict[str, Attribute] = {}
        if kind == "gelu":
            options["approximate"] = bool(parameter)
        elif kind == "leakyrelu":
            options["alpha"] = parameter
        return self._node(_UNARY[kind], (x,), **options)

    def binary(self, kind: str, a: int, b: int) -> int:
        """One operator."""
        op = _BINARY[kind]
        if op in _FUSING:
            return self._node(op, (a, b), fused_activation_function="NONE")
        return self._node(op, (a, b))

    def clip(self, x: int, low: float, high: float) -> int:
        """RELU6 and its kin, else MAXIMUM and MINIMUM."""
        if (low, high) in _LIMITS:
            return self._node(_LIMITS[low, high], (x,))
        return self.binary("min", self.binary("max", x, self.number(low, x)), self.number(high, x))

    def prelu(self, x: int, slope: Array) -> int:
        """PRELU, whose slope has no batch axis."""
        inner = slope.astype(self.dtype).reshape(slope.shape[1:])
        return self.builder.value_node(
            "PRELU", (x, self.builder.constant(inner, "slope")), self.shape(x)
        )

    def rectify(self, x: int, slope: int) -> int:
        """PRELU."""
        return self.builder.value_node("PRELU", (x, slope), self.shape(x))

    def dense(self, x: int, matrix: Array, bias: Array) -> int:
        """FULLY_CONNECTED, with its bias."""
        weights = self.builder.constant(matrix.astype(self.dtype), "weights")
        added = self.builder.constant(bias.astype(self.dtype), "bias")
        return self.builder.value_node(
            "FULLY_CONNECTED", (x, weights, added), (self.shape(x)[0], len(matrix)),
            fused_activation_function="NONE", weights_format="DEFAULT", keep_num_dims=False,
            asymmetric_quantize_inputs=False, quantized_bias_type="float32",
        )  # fmt: skip

"""Convolutions with their weights in one order, and written anew with other weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.pointwise.ways import activation, unfit
from npulint.model import OMITTED
from npulint.operators.semantics import Conv, TransposeConv

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.norms.constants import Numbers, Readings
    from npulint.model import Node
    from npulint.operators.semantics import Window


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """A convolution, transposed convolution or fully connected layer with stored weights.

    Attributes:
        node: The node.
        source: Position of the activation.
        result: Position of what it makes.
        kernel: As stored.
        bias: One element a result's channel, or None.
        out_axis: The stored kernel's axis of result channels.
        in_axis: That of source channels; -1 where they are the result's (depthwise).
        weight_at: The operand that the kernel is.
        bias_at: The operand that the bias is, or would be.
        activation: TFLite name of the fused activation.
        groups: Groups of channels.
        padded: Whether zeros may be added around the source.
        transposed: Whether it is a transposed convolution.
        dense: Whether it is a fully connected layer.
    """

    node: Node
    source: int
    result: int
    kernel: Numbers
    bias: Numbers | None
    out_axis: int
    in_axis: int
    weight_at: int
    bias_at: int
    activation: str
    groups: int = 1
    padded: bool = True
    transposed: bool = False
    dense: bool = False

    def scaled_results(self, scale: Numbers) -> Numbers:
        """The kernel with each result channel multiplied."""
        if self.transposed and self.groups > 1:  # [Cin, Cout / groups, ...]
            inputs = self.kernel.shape[0] // self.groups
            factor = scale.reshape(self.groups, -1).repeat(inputs, axis=0)
            return self.kernel * _wide(factor, self.kernel.ndim)
        return self.kernel * _along(scale, self.out_axis, self.kernel.ndim)

    def scaled_sources(self, scale: Numbers) -> Numbers:
        """The kernel with each source channel multiplied."""
        return self.kernel * self._sources(scale)

    def response(self, shift: Numbers) -> Numbers:
        """What a constant in each source channel adds to each result channel."""
        weighted = self.kernel * self._sources(shift)
        axes = tuple(axis for axis in range(weighted.ndim) if axis != self.out_axis)
        summed: Numbers = weighted.sum(axis=axes)
        return summed

    def _sources(self, each: Numbers) -> Numbers:
        """One number a source channel, shaped to go with the kernel."""
        outputs = self.kernel.shape[self.out_axis]
        if self.in_axis < 0:  # A source channel has several results side by side.
            repeated = each.repeat(outputs // len(each))
            return _along(repeated, self.out_axis, self.kernel.ndim)
        if self.groups == 1:
            return _along(each, self.in_axis, self.kernel.ndim)
        grouped = each.reshape(self.groups, -1).repeat(outputs // self.groups, axis=0)
        if self.in_axis < self.out_axis:
            grouped = grouped.T
        sizes = [1] * self.kernel.ndim
        sizes[self.out_axis], sizes[self.in_axis] = outputs, self.kernel.shape[self.in_axis]
        return grouped.reshape(sizes)

    def rebuild(
        self, builder: Builder, source: int, kernel: Numbers, bias: Numbers | None, function: str
    ) -> int:
        """The same operator with other weights; in TFLite with a bias, which NNAPI insists on."""
        inputs = list(self.node.inputs[: self.bias_at])
        inputs[inputs.index(self.source)] = source
        inputs[self.weight_at] = builder.constant(kernel.astype(np.float32), "weights")
        if bias is None and builder.graph.dialect == "tflite":
            bias = np.zeros(kernel.shape[self.out_axis])
        if bias is not None:
            inputs.append(builder.constant(bias.astype(np.float32), "bias"))
        attributes = dict(self.node.attributes)
        if "fused_activation_function" in attributes:
            attributes["fused_activation_function"] = function
        shape = builder.at(self.result).shape
        return builder.value_node(self.node.op, inputs, shape or (), **attributes)


_TFLITE: Mapping[str, tuple[int, int, int, int]] = MappingProxyType(
    {
        "CONV_2D": (0, 3, 0, 1),
        "DEPTHWISE_CONV_2D": (3, -1, 0, 1),
        "TRANSPOSE_CONV": (0, 3, 2, 1),
        "FULLY_CONNECTED": (0, 1, 0, 1),
    }
)
"""Result axis and source axis of the kernel, positions of the activation and of the kernel."""


def weighted(readings: Readings, node: Node) -> Weighted | None:
    """Read a node with stored float weights; None for anything else."""
    if readings.graph.dialect == "tflite":
        return _of_tflite(readings, node)
    operator = readings.operator(node)
    if not isinstance(operator, (Conv, TransposeConv)):
        return None
    transposed = isinstance(operator, TransposeConv)
    found = _made(readings, node, (1, 0, 0, 1) if transposed else (0, 1, 0, 1))
    if found is None:
        return None
    pads = _pads(operator.window)
    return replace(found, groups=operator.groups, padded=pads, transposed=transposed)


def _of_tflite(readings: Readings, node: Node) -> Weighted | None:
    axes = _TFLITE.get(node.op)
    if axes is None or node.attributes.get("weights_format", "DEFAULT") != "DEFAULT":
        return None
    found = _made(readings, node, axes)
    if found is None:
        return None
    groups = 1
    if node.op == "CONV_2D":
        source = readings.sizes(found.source) or (1,)
        groups = source[-1] // found.kernel.shape[3]
    return replace(
        found,
        groups=groups,
        padded=node.attributes.get("padding") != "VALID",
        transposed=node.op == "TRANSPOSE_CONV",
        dense=node.op == "FULLY_CONNECTED",
    )


def _made(readings: Readings, node: Node, axes: tuple[int, int, int, int]) -> Weighted | None:
    out_axis, in_axis, data_at, weight_at = axes
    bias_at = weight_at + (2 if data_at > weight_at else 1)
    held = node.inputs[bias_at] if len(node.inputs) > bias_at else OMITTED
    given = (node.inputs[data_at], node.inputs[weight_at], node.outputs[0])
    if unfit(readings, node, given if held == OMITTED else (*given, held)) is not None:
        return None
    kernel = readings.numbers(node.inputs[weight_at])
    bias = None if held == OMITTED else readings.numbers(held)
    if kernel is None or (held != OMITTED and bias is None):
        return None
    return Weighted(
        node, node.inputs[data_at], node.outputs[0], kernel, bias, out_axis, in_axis,
        weight_at, bias_at, activation(readings, node),
    )  # fmt: skip


def _pads(window: Window) -> bool:
    return bool(window.auto) or any(side for pair in window.pads for side in pair)


def _along(each: Numbers, axis: int, rank: int) -> Numbers:
    sizes = [1] * rank
    sizes[axis] = len(each)
    return each.reshape(sizes)


def _wide(factor: Numbers, rank: int) -> Numbers:
    return factor.reshape(factor.shape + (1,) * (rank - factor.ndim))

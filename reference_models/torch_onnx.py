"""Operators that ONNX has and PyTorch has not: computed here, exported as one node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

Attributes = Mapping[str, int | str]


def one_node(
    operator: str,
    attributes: Attributes,
    compute: Callable[[torch.Tensor], torch.Tensor],
    inputs: Sequence[torch.Tensor | None],
) -> torch.Tensor:
    """Compute something that either of PyTorch's exporters shall write as one ONNX node.

    Args:
        operator: The node's operator, of ONNX's own domain.
        attributes: The node's attributes.
        compute: What it computes from its first input, in PyTorch's own operations.
        inputs: The node's inputs; None stands for one that is left out.
    """
    image = inputs[0]
    assert image is not None
    if torch.jit.is_tracing():
        # Before opset 13 an input in the middle cannot be left out, only be empty.
        present = (torch.empty(0) if tensor is None else tensor for tensor in inputs)
        result: torch.Tensor = _Traced.apply(operator, attributes, compute, *present)
        return result
    if torch.onnx.is_in_onnx_export():
        shape = compute(image.new_empty(image.shape, device="meta")).shape
        return torch.onnx.ops.symbolic(
            operator, inputs, dict(attributes), dtype=image.dtype, shape=shape
        )
    return compute(image)


class _Traced(torch.autograd.Function):
    """What the exporter that traces with TorchScript asks for an operator's ONNX form."""

    @staticmethod
    def forward(
        _: Any,
        operator: str,
        attributes: Attributes,
        compute: Callable[[torch.Tensor], torch.Tensor],
        image: torch.Tensor,
        *others: torch.Tensor,
    ) -> torch.Tensor:
        del operator, attributes, others
        return compute(image)

    @staticmethod
    def symbolic(
        graph: Any,
        operator: str,
        attributes: Attributes,
        compute: Callable[[torch.Tensor], torch.Tensor],
        *inputs: Any,
    ) -> Any:
        del compute
        # The exporter wants each attribute's type in its name.
        typed = {
            f"{name}_{'s' if isinstance(value, str) else 'i'}": value
            for name, value in attributes.items()
        }
        return graph.op(operator, *inputs, **typed)

"""ONNX's normalisations."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from npulint.recovering.operators_norms import (
    along,
    by_groups,
    by_statistics,
    local_response,
    normalised,
    statistics,
)
from npulint.recovering.operators_site import NoWayError, given, optional

if TYPE_CHECKING:
    from npulint.recovering.operators_site import Compute, Maker, Operands, Site

_SCALES_A_CHANNEL_FROM = 21
"""Opset from which GroupNormalization has a scale for each channel, not for each group."""


def _batch(site: Site) -> Compute:
    site.alone()
    if site.integer("training_mode"):
        raise NoWayError("statistics are taken while it runs (training_mode)")
    epsilon = site.number("epsilon", 1e-5)

    def compute(operands: Operands) -> torch.Tensor:
        x, scale, shift, mean, variance = (given(operands, place) for place in range(5))
        return by_statistics(
            x, scale=scale, shift=shift, mean=mean, variance=variance, epsilon=epsilon
        )

    return compute


def _instance(site: Site) -> Compute:
    epsilon = site.number("epsilon", 1e-5)

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        scale, shift = (along(given(operands, i), 1, x.ndim) for i in (1, 2))
        return normalised(x, range(2, x.ndim), epsilon) * scale + shift

    return compute


def _group(site: Site) -> Compute:
    epsilon, groups = site.number("epsilon", 1e-5), site.integer("num_groups")
    a_channel = site.opset >= _SCALES_A_CHANNEL_FROM

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        scale, shift = (
            each if a_channel else each.repeat_interleave(x.shape[1] // groups)
            for each in (given(operands, 1), given(operands, 2))
        )
        norm = by_groups(x, groups, epsilon)
        return norm * along(scale, 1, x.ndim) + along(shift, 1, x.ndim)

    return compute


def _layer(site: Site) -> Compute:
    """Its results are the tensor, its means, and one over its standard deviations."""
    epsilon, first = site.number("epsilon", 1e-5), site.integer("axis", -1)

    def compute(operands: Operands) -> tuple[torch.Tensor, ...]:
        x = given(operands, 0)
        mean, deviation = statistics(x, range(first % x.ndim, x.ndim), epsilon)
        made = (x - mean) / deviation * given(operands, 1)
        shift = optional(operands, 2)
        return made if shift is None else made + shift, mean, torch.reciprocal(deviation)

    return compute


def _root_mean_square(site: Site) -> Compute:
    epsilon, first = site.number("epsilon", 1e-5), site.integer("axis", -1)

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        axes = tuple(range(first % x.ndim, x.ndim))
        squares = (x * x).mean(axes, keepdim=True)
        return x / torch.sqrt(squares + epsilon) * given(operands, 1)

    return compute


def _local_response(site: Site) -> Compute:
    size = site.integer("size", 1)
    before = (size - 1) // 2
    alpha, beta = site.number("alpha", 1e-4) / size, site.number("beta", 0.75)
    bias = site.number("bias", 1.0)
    return lambda operands: local_response(
        given(operands, 0), before, size - 1 - before, alpha=alpha, beta=beta, bias=bias
    )


def _length(site: Site) -> Compute:
    axis, p = site.integer("axis", -1), site.integer("p", 2)

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        length = torch.linalg.vector_norm(x, p, axis, keepdim=True)
        # The standard leaves 0 / 0 open; onnxruntime answers 0.
        whole = torch.where(length == 0, torch.ones_like(length), length)
        return x / whole

    return compute


def _mean_variance(site: Site) -> Compute:
    axes = site.integers("axes") or (0, 2, 3)
    # onnx's own definition of the function adds 1e-9 to the standard deviation.
    return lambda operands: normalised(given(operands, 0), axes, 1e-18)


OPERATORS: Mapping[str, Maker] = MappingProxyType(
    {
        "BatchNormalization": _batch,
        "GroupNormalization": _group,
        "InstanceNormalization": _instance,
        "LRN": _local_response,
        "LayerNormalization": _layer,
        "LpNormalization": _length,
        "MeanVarianceNormalization": _mean_variance,
        "RMSNormalization": _root_mean_square,
    }
)
"""Makers by operator name."""

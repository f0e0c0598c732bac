"""What every training here shares: the rate of its steps, the moving average, and repeatability."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
"""Without it cuBLAS adds up in any order, and PyTorch warns before each product (NVIDIA, cuBLAS
library, results reproducibility)."""


def rate(highest: float, step: float, warmup: int, steps: int) -> float:
    """Adam's rate at a step: evenly up, then down along half a cosine.

    Args:
        highest: What it rises to.
        step: How many steps are done; a share of one where time is what they are counted by.
        warmup: Steps until the highest is reached.
        steps: How many there are in all.
    """
    if step < warmup:
        return highest * (step + 1) / warmup
    share = (step - warmup) / max(steps - warmup, 1)
    return highest * (1 + math.cos(math.pi * share)) / 2


class Average:
    """The moving average of the weights of a network.

    Attributes:
        tensors: One for each weight.
    """

    def __init__(self, weights: Sequence[torch.Tensor], keeps: float) -> None:
        """Start with the weights as they are.

        Args:
            weights: The network's.
            keeps: The share that the average keeps at each step.
        """
        self.tensors = [weight.detach().clone() for weight in weights]
        self._keeps = keeps

    def take_in(self, weights: Sequence[torch.Tensor], number: float) -> None:
        """Move towards the weights after a step.

        Args:
            weights: The network's.
            number: The step's, from 0. The first weights are nothing to keep: the average is the
                mean of all so far, until it moves. A part of the number makes it forget them
                sooner.
        """
        share = 1 - min(self._keeps, number / (number + 1))
        with torch.no_grad():
            for average, weight in zip(self.tensors, weights, strict=True):
                average.lerp_(weight, share)

    @contextmanager
    def worn(self, weights: Sequence[torch.Tensor]) -> Iterator[None]:
        """The network with the average in place of its weights, which come back afterwards."""
        own = [weight.detach().clone() for weight in weights]
        put(weights, self.tensors)
        try:
            yield
        finally:
            put(weights, own)


def put(weights: Sequence[torch.Tensor], values: Sequence[torch.Tensor]) -> None:
    """Set the weights of a network."""
    with torch.no_grad():
        for weight, value in zip(weights, values, strict=True):
            weight.copy_(value)


@contextmanager
def repeatable(threads: int) -> Iterator[None]:
    """The same sums in the same order each time, as far as PyTorch can.

    On a graphics card it cannot everywhere: gradients of some pools are added up in any order.
    PyTorch warns of each such operation, which is nothing that a user could change.
    """
    before = torch.get_num_threads()
    settled = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    workspace = os.environ.get(_WORKSPACE)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    os.environ.setdefault(_WORKSPACE, ":4096:8")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*deterministic", UserWarning)
            yield
    finally:
        if workspace is None:
            del os.environ[_WORKSPACE]
        torch.use_deterministic_algorithms(settled, warn_only=warns)
        torch.set_num_threads(before)

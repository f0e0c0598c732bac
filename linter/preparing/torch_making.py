"""Modules with weights that are computed of another module's, of its kind in all else."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    import numpy.typing as npt

Numbers: TypeAlias = "npt.NDArray[Any]"

_COMPUTED = (torch.float32, torch.float64)
"""Types in which weights are computed; others are computed in float32 and rounded."""


def numbers(tensor: torch.Tensor) -> Numbers:
    """The elements, in the tensor's own type where NumPy can compute in it."""
    held = tensor.detach().cpu()
    if held.dtype not in _COMPUTED:
        held = held.float()
    found: Numbers = held.numpy()
    return found


class Maker:
    """Makes modules of the type and on the device of a tensor, trainable where that is.

    Args:
        like: The weight that others are computed of.
        bias: The bias likewise, where there is one.
    """

    def __init__(self, like: torch.Tensor, bias: torch.Tensor | None = None) -> None:
        self.like = like
        self.trained = like.requires_grad
        self._bias_trained = self.trained if bias is None else bias.requires_grad

    def tensor(self, array: Numbers) -> torch.Tensor:
        """An array of the type and on the device."""
        whole = torch.from_numpy(np.ascontiguousarray(array))
        return whole.to(self.like.device, self.like.dtype)

    def parameter(self, array: Numbers) -> nn.Parameter:
        """The same, to be trained."""
        return nn.Parameter(self.tensor(array), requires_grad=self.trained)

    def conv(  # noqa: PLR0913 - what a convolution has
        self,
        kernel: Numbers,
        bias: Numbers | None,
        groups: int = 1,
        *,
        stride: tuple[int, ...] = (1, 1),
        padding: tuple[int, int] | str = (0, 0),
        mode: str = "zeros",
        dilation: tuple[int, ...] = (1, 1),
    ) -> nn.Conv2d:
        """A convolution by a kernel `[Cout, Cin/groups, kH, kW]`."""
        outputs, inputs, *window = kernel.shape
        made = nn.utils.skip_init(
            nn.Conv2d,
            inputs * groups,
            outputs,
            tuple(window),
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=bias is not None,
            padding_mode=mode,
            device="cpu",
            dtype=self.like.dtype,
        )
        made.weight = self.parameter(kernel)
        if bias is not None:
            made.bias = self.parameter(bias).requires_grad_(self._bias_trained)
        return made

    def transposed(
        self, kernel: Numbers, stride: tuple[int, int], groups: int
    ) -> nn.ConvTranspose2d:
        """A transposed convolution by a kernel `[Cin, Cout/groups, kH, kW]`, without a bias."""
        inputs, outputs, *window = kernel.shape
        made = nn.utils.skip_init(
            nn.ConvTranspose2d,
            inputs,
            outputs * groups,
            tuple(window),
            stride=stride,
            groups=groups,
            bias=False,
            device="cpu",
            dtype=self.like.dtype,
        )
        made.weight = self.parameter(kernel)
        return made


def chain(**parts: nn.Module | None) -> nn.Module:
    """Modules after one another by their names, those that are None left out."""
    there = OrderedDict((name, part) for name, part in parts.items() if part is not None)
    return next(iter(there.values())) if len(there) == 1 else nn.Sequential(there)


def fixed(module: nn.Module) -> nn.Module:
    """The module with weights that are part of its form and not trained."""
    return module.requires_grad_(False)

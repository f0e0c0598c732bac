"""What `prepare` is called with, seen to before anything is done: one line for what is wrong."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedTensorMixin

from npulint.errors import UsageError
from npulint.preparing.torch_places import NORMED, is_normed


def inputs_of(
    module: Any,
    example: torch.Tensor | Sequence[torch.Tensor] | None,
    shape: Sequence[int] | None,
) -> tuple[torch.Tensor, ...]:
    """What the network is called with, in float32 on the CPU.

    Args:
        module: The network.
        example: A tensor or several.
        shape: Of its only input, instead of these.

    Raises:
        UsageError: One of them is not what is accepted.
    """
    _see_to(module)
    if (example is None) == (shape is None):
        raise UsageError("give either example, a tensor or several, or input_shape")
    if shape is not None:
        return (torch.zeros(_sizes(shape)),)
    return tensors(example, "example")


def tensors(given: Any, name: str) -> tuple[torch.Tensor, ...]:
    """One tensor or several as a network takes them, in float32 on the CPU.

    Args:
        given: What was given.
        name: Of the argument.

    Raises:
        UsageError: It is something else, or has no numbers in it.
    """
    found = (given,) if isinstance(given, torch.Tensor) else given
    if not isinstance(found, (tuple, list)) or not found:
        raise UsageError(f"{name}: give a tensor, or a sequence of tensors")
    for each in found:
        if not isinstance(each, torch.Tensor):
            raise UsageError(
                f"{name}: give a tensor, or a sequence of tensors; {type(each).__name__} is none"
            )
        if each.is_meta:
            raise UsageError(
                f"{name}: a tensor on the meta device has no elements; give one on the CPU or on "
                "an accelerator"
            )
    return tuple(
        each.detach().to("cpu", torch.float32 if each.is_floating_point() else each.dtype)
        for each in found
    )


def copied(module: nn.Module) -> nn.Module:
    """A copy of a network.

    Raises:
        UsageError: It cannot be copied.
    """
    try:
        return copy.deepcopy(module)
    except Exception as error:
        raise UsageError(f"the network cannot be copied: {_uncopied(module, error)}") from error


def _see_to(module: Any) -> None:
    if not isinstance(module, nn.Module):
        raise UsageError(f"{type(module).__name__} is no torch.nn.Module")
    for name, each in (*module.named_parameters(), *module.named_buffers()):
        if isinstance(each, UninitializedTensorMixin):
            raise UsageError(f"{name} has no size yet: run the network once before it is prepared")
        if each.is_meta:
            raise UsageError(f"{name} is on the meta device: load the network's weights before")


def _sizes(shape: Any) -> tuple[int, ...]:
    whole = isinstance(shape, (tuple, list, torch.Size)) and all(
        isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in shape
    )
    if not whole or not shape:
        shown = shape if isinstance(shape, str) or not hasattr(shape, "__iter__") else tuple(shape)
        raise UsageError(
            f"input_shape {shown!r}: give sizes of 1 or more, such as (1, 3, 256, 256)"
        )
    return tuple(shape)


def _uncopied(module: nn.Module, error: Exception) -> str:
    """Why a network cannot be copied: the old kinds of weight normalisation do not let it be."""
    for path, part in module.named_modules():
        if is_normed(part):
            return f"{path or 'it'}: {NORMED}"
    return str(error).partition("\n")[0]

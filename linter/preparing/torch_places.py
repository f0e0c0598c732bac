"""Where modules stand: how they are called, whether they may be replaced, and replacing them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.utils import _pytree

if TYPE_CHECKING:
    from npulint.preparing.torch_exporting import Shapes

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


NORMED = (
    "its weights are computed by weight or spectral normalisation: call "
    "torch.nn.utils.remove_weight_norm or remove_spectral_norm first"
)
"""Why a module with the old kind of either cannot be replaced."""


class Calls:
    """How the modules of a network are called when it runs once.

    Attributes:
        shapes: By path, the shapes of the tensors of every different call; None in the place of a
            call with anything but tensors.
        dtypes: By path, the types of the tensors of its first call.
        counts: By path, how often the module is called.
    """

    def __init__(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> None:
        self.shapes: dict[str, list[Shapes | None]] = {}
        self.dtypes: dict[str, tuple[torch.dtype, ...]] = {}
        self.counts: Counter[str] = Counter()
        hooks = [
            each.register_forward_pre_hook(self._noting(path), with_kwargs=True)
            for path, each in module.named_modules()
        ]
        try:
            with torch.no_grad():
                module(*inputs)
        finally:
            for hook in hooks:
                hook.remove()

    def _noting(self, path: str) -> Any:
        def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            self.counts[path] += 1
            plain = not kwargs and all(isinstance(each, torch.Tensor) for each in args)
            found = tuple(tuple(each.shape) for each in args) if plain else None
            if plain:
                self.dtypes.setdefault(path, tuple(each.dtype for each in args))
            known = self.shapes.setdefault(path, [])
            if found not in known:
                known.append(found)

        return note


def objection(module: nn.Module, shared: frozenset[int]) -> str:
    """Why a module cannot be replaced whatever it computes, empty where it can.

    Args:
        module: The module.
        shared: Tensors, by their identity, that several modules hold.
    """
    for part in module.modules():
        if parametrize.is_parametrized(part):
            return (
                "its weights are computed by a parametrisation: call "
                "torch.nn.utils.parametrize.remove_parametrizations first"
            )
        if is_normed(part):
            return NORMED
        if hooked(part):
            return "it has hooks, which another module would not run: remove them first"
    if any(id(each) in shared for each in module.parameters()):
        return "another module has the same weights, which would part here"
    return ""


def hooked(module: nn.Module) -> bool:
    """Whether anything runs before or behind a module that another one would not run."""
    return any(getattr(module, name, None) for name in _HOOKS)


def is_normed(module: nn.Module) -> bool:
    """Whether a hook computes its weights, as the old kinds of normalisation do."""
    hooks = module._forward_pre_hooks.values()
    return any(type(hook).__module__.startswith("torch.nn.utils.") for hook in hooks)


def shared_tensors(module: nn.Module) -> frozenset[int]:
    """Parameters that several modules hold, by their identity."""
    found: Counter[int] = Counter()
    for part in module.modules():
        found.update({id(each) for each in part.parameters(recurse=False)})
    return frozenset(each for each, count in found.items() if count > 1)


def paths_of(root: nn.Module, module: nn.Module) -> tuple[str, ...]:
    """Every place where a module stands."""
    named = root.named_modules(remove_duplicate=False)
    return tuple(path for path, each in named if each is module)


def replace(root: nn.Module, module: nn.Module, new: nn.Module) -> nn.Module:
    """Put a module in the place of another wherever that stands.

    Returns:
        The network: the new module itself where the other one was the network.
    """
    return put(root, module, new.train(module.training))


def put(root: nn.Module, module: nn.Module, new: nn.Module) -> nn.Module:
    """The same with modules that are in the modes in which they are to be."""
    for path in paths_of(root, module):
        if not path:
            return new
        parent, _, name = path.rpartition(".")
        setattr(root.get_submodule(parent), name, new)
    return root


def drawn(inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Numbers drawn at random, the same each time, as inputs of a network; whole numbers stay."""
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(each.shape, generator=generator) if each.is_floating_point() else each
        for each in inputs
    ]


def equal(one: Any, other: Any) -> bool:
    """Whether two results of networks are the same, to the last bit."""
    (ones, form), (others, like) = _pytree.tree_flatten(one), _pytree.tree_flatten(other)
    return form == like and all(
        torch.equal(torch.nan_to_num(a), torch.nan_to_num(b))
        if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) else a == b
        for a, b in zip(ones, others, strict=True)
    )  # fmt: skip


def weight_of(module: nn.Module, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """A tensor of the type and on the device that a network computes in."""
    floating = (each for each in module.parameters() if each.is_floating_point())
    return next(floating, inputs[0]).detach()


def parameters_of(module: nn.Module) -> int:
    """Trainable scalars."""
    return sum(each.numel() for each in module.parameters() if each.requires_grad)

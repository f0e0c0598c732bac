"""Patterns of several layers, where `torch.fx` can trace the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from npulint.fixers.moving.shuffles import slow
from npulint.preparing.torch_blocks import JoinedConvolution
from npulint.preparing.torch_convs import folded, is_settled, reordered, split_inputs
from npulint.preparing.torch_making import chain
from npulint.preparing.torch_tracing import trace
from npulint.reference_models.torch_modules import DepthToSpace

if TYPE_CHECKING:
    from npulint.preparing.torch_exporting import Shapes
    from npulint.preparing.torch_places import Calls
    from npulint.preparing.torch_tracing import Traced

_JOINS = (torch.cat, torch.concat, torch.concatenate)


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Layers that are replaced together.

    Attributes:
        paths: The modules, in the order in which they run; the first is replaced, and what is
            behind it does nothing any more.
        what: Their classes.
        own: Makes of the modules what they are together.
        name: The realisation, by the catalogue's name.
        make: Makes of the modules what takes the place of the first.
        shapes: Of the tensors that they take.
        join: Name of the node of the traced graph that joins what the first module takes; empty
            where nothing is joined.
    """

    paths: tuple[str, ...]
    what: str
    own: Callable[[Sequence[nn.Module]], nn.Module]
    name: str
    make: Callable[[Sequence[nn.Module]], nn.Module]
    shapes: Shapes
    join: str = ""
    beside: tuple[str, ...] = ()


def _is_leaf(module: nn.Module) -> bool:
    """Whether a module is none of those that are gone into: containers, and what only joins."""
    if isinstance(module, (nn.Sequential, fx.GraphModule)):
        return False
    if type(module).__module__.startswith(("torch.", "npulint.preparing.")):
        return True
    return not next(module.children(), None) and not _only_joins(module)


def _only_joins(module: nn.Module) -> bool:
    try:
        nodes = fx.Tracer().trace(module).nodes
    except Exception:
        return False
    return [_is_join(node) for node in nodes if node.op.startswith("call")] == [True]


def _is_join(node: fx.Node) -> bool:
    if node.op != "call_function" or node.target not in _JOINS:
        return False
    axis = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
    return bool(axis == 1)


def traced(module: nn.Module, inputs: Sequence[torch.Tensor]) -> Traced | str:
    """The graph of a network, or why there is none.

    Args:
        module: The network.
        inputs: What it is called with.
    """
    shapes = tuple(tuple(each.shape) for each in inputs)
    return trace(module, shapes, _is_leaf, [each.dtype for each in inputs])


def patterns(
    module: nn.Module, graph: fx.Graph, calls: Calls, inputs: Sequence[torch.Tensor]
) -> Iterator[Pattern]:
    """Every pattern of a traced network.

    Args:
        module: The network.
        graph: What it was traced to.
        calls: How its modules are called.
        inputs: What the network is called with.
    """
    with torch.no_grad():
        ShapeProp(fx.GraphModule(module, graph)).propagate(*inputs)
    for node in graph.nodes:
        first = _alone(module, node, calls)
        if type(first) is not nn.Conv2d:
            continue
        yield from _joined(node, first)
        behind = next(iter(node.users), None)
        if len(node.users) == 1 and behind is not None:
            second = _alone(module, behind, calls)
            shapes = calls.shapes[str(node.target)][0]
            if shapes is not None:
                yield from _pair((str(node.target), str(behind.target)), first, second, shapes)


def without_joins(
    module: nn.Module, wanted: Mapping[str, str], inputs: Sequence[torch.Tensor]
) -> Traced | str:
    """The network with convolutions called with what was joined for them before.

    Args:
        module: The network; its convolutions are replaced already.
        wanted: For the nodes that join the convolutions' paths.
        inputs: What it is called with.

    Returns:
        Its code, or why that cannot be had.
    """
    found = traced(module, inputs)
    if isinstance(found, str):
        return found
    graph = found.graph
    nodes = {node.name: node for node in graph.nodes}
    for name, path in wanted.items():
        join = nodes.get(name)
        reader = None if join is None else next(iter(join.users), None)
        if join is None or reader is None or str(reader.target) != path:
            return "it is traced to something else than when it was asked about"
        reader.args = _parts(join)
        graph.erase_node(join)
    return found


def _alone(module: nn.Module, node: fx.Node, calls: Calls) -> nn.Module | None:
    """The module of a node that is called once, with tensors only."""
    if node.op != "call_module":
        return None
    path = str(node.target)
    if calls.counts[path] != 1 or calls.shapes[path][0] is None:
        return None
    return module.get_submodule(path)


def _parts(join: fx.Node) -> tuple[fx.Node, ...]:
    parts = join.args[0] if join.args else join.kwargs.get("tensors")
    return tuple(parts) if isinstance(parts, (tuple, list)) else ()


def _joined(node: fx.Node, conv: nn.Module) -> Iterator[Pattern]:
    join = node.args[0] if node.args else None
    if not isinstance(join, fx.Node) or not _is_join(join) or len(join.users) != 1:
        return
    parts = _parts(join)
    if not parts or conv.groups != 1:
        return
    shapes = tuple(tuple(part.meta["tensor_meta"].shape) for part in parts)
    channels = [shape[1] for shape in shapes]
    yield Pattern(
        paths=(str(node.target),),
        what=f"cat + {type(conv).__name__}",
        own=lambda new: JoinedConvolution(new[0]),
        make=lambda new: split_inputs(new[0], channels),
        name="join-conv/sum",
        shapes=shapes,
        join=join.name,
        beside=_around(str(node.target)),
    )


def _pair(
    paths: tuple[str, str], conv: nn.Module, second: nn.Module | None, shapes: Shapes
) -> Iterator[Pattern]:
    make: Callable[[Sequence[nn.Module]], nn.Module]
    if type(second) is nn.PixelShuffle and conv.groups == 1:
        name, make = "shuffle/channel-order", _in_order
    elif type(second) is nn.BatchNorm2d and is_settled(second):
        name, make = "fold/into-the-one-before", _folded
    else:
        return
    yield Pattern(
        paths=paths,
        what=f"{type(conv).__name__} + {type(second).__name__}",
        own=lambda new: nn.Sequential(*new),
        make=make,
        name=name,
        shapes=shapes,
    )


def _in_order(modules: Sequence[nn.Module]) -> nn.Module:
    conv, shuffle = modules
    block = shuffle.upscale_factor
    return chain(
        convolution=reordered(conv, slow(conv.out_channels, block)), shuffle=DepthToSpace(block)
    )


def _folded(modules: Sequence[nn.Module]) -> nn.Module:
    return folded(*modules)


def _around(path: str) -> tuple[str, ...]:
    """The modules that enclose one, whose own code may join what it takes."""
    parts = path.split(".")
    return tuple(".".join(parts[:count]) for count in range(len(parts)))

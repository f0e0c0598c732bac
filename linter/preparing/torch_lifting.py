"""What a network's own code calls becomes layers, for as long as it takes to replace them.

Only the code of a module that calls something that a target does not take is traced, with all
modules within as they are. What was not replaced in the end is a call again, and a module of which
nothing was replaced is the user's own again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn
from torch.nn.utils import parametrize

from npulint.preparing import torch_norms
from npulint.preparing.torch_blocks import sized
from npulint.preparing.torch_calls import call_of
from npulint.preparing.torch_exporting import comparable
from npulint.preparing.torch_places import drawn, equal, hooked, paths_of, put, shared_tensors
from npulint.preparing.torch_tracing import DECIDED, as_module, trace
from npulint.preparing.torch_ways import ways_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from npulint.preparing.torch_calls import Call
    from npulint.preparing.torch_tracing import Traced
    from npulint.preparing.torch_workshop import Study, Workshop


@dataclass(slots=True, eq=False)
class Lift:
    """A module whose calls became layers.

    Attributes:
        original: The module.
        made: What stands in its place.
        decided: Whether sizes decided what its code does.
        layers: By name the layer, and what the call was.
    """

    original: nn.Module
    made: fx.GraphModule
    decided: bool
    layers: dict[str, tuple[Call, _Was]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Was:
    op: str
    target: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    name: str


def lift(work: Workshop, study: Study, paths: Iterable[str]) -> list[Lift]:
    """Make layers of what some modules' own code calls.

    Args:
        work: The network; it is changed.
        study: What it is as it stands.
        paths: The modules.

    Returns:
        What was changed; nothing where the network would compute something else.
    """
    shared = shared_tensors(work.new)
    lifts = []
    for path, module in _candidates(work, study, paths):
        traced = _traced(study, path, module)
        if isinstance(traced, str):
            work.uncalled[id(module)] = traced
            continue
        made = _lifted(module, traced, shared)
        if made.layers:
            lifts.append(made)
            work.new = put(work.new, module, made.made)
    if lifts and not _same(work, study):
        for each in reversed(lifts):
            work.new = put(work.new, each.made, each.original)
            work.uncalled[id(each.original)] = "its traced code computes something else"
        return []
    for each in lifts:
        work.lifted.update({id(call.layer): was.name for call, was in each.layers.values()})
    return lifts


def settle(work: Workshop, lifts: Sequence[Lift]) -> None:
    """Make calls again of the layers that nothing took the place of.

    Args:
        work: The network; it is changed.
        lifts: What was made layers of calls.
    """
    for each in lifts:
        paths = paths_of(work.new, each.made)
        kept = [
            name for name, (call, _) in each.layers.items()
            if each.made.get_submodule(name) is call.layer
        ]  # fmt: skip
        if len(kept) == len(each.layers) and not work.inlined:
            for name in each.original._modules:
                each.original._modules[name] = each.made._modules[name]
            work.new = put(work.new, each.made, each.original)
            continue
        if not work.inlined:
            for name in kept:
                _restore(each, name)
        _drop(each)
        each.made.recompile()
        said = f"{' and '.join(paths) or 'the network'} is a torch.fx.GraphModule now"
        if each.decided:
            said += DECIDED
        work.notes[said] = None


def _candidates(work: Workshop, study: Study, paths: Iterable[str]) -> list[tuple[str, nn.Module]]:
    """The modules of the user's own that are no norms as they are, each once."""
    found: dict[int, tuple[str, nn.Module]] = {}
    for path in paths:
        module = work.new.get_submodule(path)
        own = not type(module).__module__.startswith(("torch.", "npulint.preparing."))
        if own and ways_of(module) is None:
            found.setdefault(id(module), (path, module))
    plain = [
        (module, shapes[0])
        for path, module in found.values()
        if (shapes := study.calls.shapes.get(path)) and shapes[0] is not None
    ]
    norms = torch_norms.read_all(work.exporter, plain)
    return [(path, module) for path, module in found.values() if norms.get(id(module)) is None]


def _traced(study: Study, path: str, module: nn.Module) -> Traced | str:
    """The code of a module, or why that is left."""
    if hooked(module) or parametrize.is_parametrized(module):
        return "it has hooks or parametrisations"
    calls = study.calls.shapes.get(path, [])
    shapes = [each for each in calls if each is not None]
    if not shapes or len(shapes) < len(calls):
        return "it is called with something else than tensors, or by parts"
    if len({len(each) for each in shapes}) > 1:
        return "it is called with now more and now fewer tensors"
    plain = study.module.get_submodule(path)
    dtypes = study.calls.dtypes[path]
    found = [trace(plain, each, _always, dtypes) for each in shapes]
    first = found[0]
    if not isinstance(first, str) and len(found) > 1:
        codes = {
            each if isinstance(each, str) else each.graph.python_code("self").src for each in found
        }
        if len(codes) > 1:
            return "its code does something else for each size that it is called with"
    return first


def _always(_: nn.Module) -> bool:
    return True


def _lifted(module: nn.Module, traced: Traced, shared: frozenset[int]) -> Lift:
    read = [str(node.target) for node in traced.graph.nodes if node.op == "get_attr"]
    named = (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
    held = {name: each for name, each in named if read.count(name) == 1 and id(each) not in shared}
    made = Lift(module, as_module(module, traced.graph), traced.decided)
    for old, node in zip(list(traced.graph.nodes), list(made.made.graph.nodes), strict=True):
        call = call_of(old, traced, {n: each for n, each in held.items() if _only(old, n)})
        if call is None:
            continue
        name = node.name
        while hasattr(made.made, name):
            name += "_call"
        made.made.add_module(name, call.layer.train(module.training))
        image = next(each for each in node.all_input_nodes if each.name == call.image.name)
        was_read = [each for each in node.all_input_nodes if each.target in call.weights]
        was = _Was(node.op, node.target, node.args, node.kwargs, _word(node))
        node.op, node.target, node.args, node.kwargs = "call_module", name, (image,), {}
        if call.size is not None:
            with made.made.graph.inserting_after(node):
                size = was.kwargs.get("size", was.args[1] if len(was.args) > 1 else None)
                check = made.made.graph.call_function(sized, (node, size))
            node.replace_all_uses_with(
                check, delete_user_cb=lambda each, own=check: each is not own
            )
        for each in was_read:
            made.made.graph.erase_node(each)
        made.layers[name] = call, was
    made.made.recompile()
    return made


def _only(node: fx.Node, name: str) -> bool:
    """Whether a tensor that is read once is read by nothing but a node."""
    return any(
        each.op == "get_attr" and each.target == name and len(each.users) == 1
        for each in node.all_input_nodes
    )


def _word(node: fx.Node) -> str:
    """What the code calls, by its name."""
    return str(node.target if isinstance(node.target, str) else node.target.__name__)


def _restore(lifted: Lift, name: str) -> None:
    """A call in the place of its layer."""
    graph = lifted.made.graph
    call, was = lifted.layers[name]
    node = next(each for each in graph.nodes if each.op == "call_module" and each.target == name)
    if call.size is not None:
        (check,) = node.users
        check.replace_all_uses_with(node)
        graph.erase_node(check)
    with graph.inserting_before(node):
        again = {target: graph.get_attr(target) for target in call.weights}

    def back(each: fx.Node) -> fx.Node:
        return again.get(str(each.target), each) if each.op == "get_attr" else each

    args, kwargs = fx.node.map_arg((was.args, dict(was.kwargs)), back)
    node.op, node.target, node.args, node.kwargs = was.op, was.target, args, kwargs
    delattr(lifted.made, name)
    del lifted.layers[name]


def _drop(lifted: Lift) -> None:
    """Leave out the tensors that layers have now."""
    for call, _ in lifted.layers.values():
        for name in call.weights:
            delattr(lifted.made, name)


def _same(work: Workshop, study: Study) -> bool:
    """Whether the network computes what it did, to the last bit, on numbers drawn at random."""
    inputs = drawn(work.inputs)
    with torch.no_grad():
        one = study.module(*[each.clone() for each in inputs])
        other = comparable(work.new)(*[each.clone() for each in inputs])
    return equal(one, other)

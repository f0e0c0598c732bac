"""The graph that ONNX Runtime asks a provider about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias
from weakref import ref

from npulint.ort.constants import store
from npulint.ort.draft import Draft
from npulint.ort.eliminations import eliminate
from npulint.ort.forgetting import forget
from npulint.ort.functions import apart, is_function
from npulint.ort.fusions import fuse
from npulint.ort.groups import group
from npulint.ort.units import join

if TYPE_CHECKING:
    from npulint.model import Graph, Operation
    from npulint.ort.draft import Place

Takes: TypeAlias = "Callable[[Operation], bool]"

Joined: TypeAlias = "frozenset[str] | None"
"""Operators that are joined with the quantisation around them beyond the usual ones; None where
the provider joins none."""

Groups: TypeAlias = "tuple[str, ...]"
"""What the provider itself takes as one."""

_STEPS = 10
"""How often ONNX Runtime goes through its changes while there are any
(onnxruntime/core/framework/session_options.h, max_num_graph_transformation_steps @01f40e6)."""


@dataclass(frozen=True)
class View:
    """A graph as a provider sees it.

    Attributes:
        graph: What it sees. A quantised unit is one node, whose operands are what is quantised;
            what callers may replace is no constant.
        origins: For each of its nodes the nodes of the file that it stands for. One of the file
            may stand in several: ONNX Runtime repeats some, and takes others apart.
        sizes: Of how many nodes of ONNX Runtime's own graph each of its nodes is made up.
        late: Those of its nodes that come to be once the rest has been cut: the parts of
            functions, which are offered in another round.
        gone: Why nodes of the file stand in none, by position.
        notes: What else to know, in sentences.
    """

    graph: Graph
    origins: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...]
    late: frozenset[int]
    gone: Mapping[int, str]
    notes: tuple[str, ...]


_latest: tuple[ref[Graph], Joined, Groups, tuple[Place, ...], View] | None = None


def see(graph: Graph, joined: Joined, groups: Groups, takes: Takes | None) -> View:
    """Show a graph as ONNX Runtime does; see `npulint.ort.see`."""
    global _latest  # noqa: PLW0603 one graph is asked about for many targets in a row
    draft = Draft(graph)
    forget(draft)
    taken_apart = tuple(
        place
        for place in draft.nodes
        if is_function(draft, place) and not (takes and takes(draft.operation(place)))
    )
    asked = (joined, groups, taken_apart)
    if _latest is not None and _latest[0]() is graph and _latest[1:4] == asked:
        return _latest[4]
    view = _see(draft, joined, groups, taken_apart)
    _latest = (ref(graph), *asked, view)
    return view


def _see(draft: Draft, joined: Joined, groups: Groups, taken_apart: Collection[Place]) -> View:
    graph = draft.graph
    plain = not any(node.bodies for node in graph.nodes)
    # Where the model brings functions of its own, all are taken apart before anything else.
    early = any(name == "function" for node in graph.nodes for name, _ in node.bodies)
    if early:
        apart(draft, taken_apart)
    for _ in range(_STEPS):
        changed = store(draft)
        # What graphs within nodes read of this one its own nodes do not tell.
        if plain:
            changed = eliminate(draft) or changed
            changed = fuse(draft) or changed
        if not changed:
            break
    sizes = join(draft, joined, taken_apart) if joined is not None and plain else {}
    if plain:
        sizes.update(group(draft, groups))
    late = apart(draft, () if early else taken_apart)
    return _finished(draft, sizes, late)


def _finished(draft: Draft, sizes: Mapping[Place, int], late: Collection[Place]) -> View:
    places = list(draft.order())
    nodes = tuple(
        replace(draft.nodes[place], index=index, origin=None) for index, place in enumerate(places)
    )
    values = tuple(
        replace(value, constant=None) if value.overridable else value for value in draft.values
    )
    standing = {origin for origins in draft.origins.values() for origin in origins}
    replaced = sum(value.overridable for value in draft.values)
    return View(
        graph=replace(draft.graph, nodes=nodes, values=values),
        origins=tuple(draft.origins[place] for place in places),
        sizes=tuple(sizes.get(place, 1) for place in places),
        late=frozenset(index for index, place in enumerate(places) if place in late),
        gone={index: why for index, why in draft.why.items() if index not in standing},
        notes=(_overridable(replaced),) if replaced else (),
    )


def _overridable(count: int) -> str:
    return (
        f"stored tensors that are also inputs of the graph ({count}) may be replaced by callers, "
        "so ONNX Runtime does not take them for constants"
    )

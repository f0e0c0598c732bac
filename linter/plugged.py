"""Verdicts -> pieces, for a compiler plugin of LiteRT.

LiteRT asks the plugin about every graph of a model, cuts each (`npulint.runs`) and has all pieces
compiled. What goes wrong anywhere concerns the whole model: a tool then writes nothing, and on a
phone the model runs without the plugin (google-ai-edge/LiteRT
litert/compiler/plugin/compiler_plugin.cc 633-745, 818-831 and litert/runtime/compiled_model.cc
803-814 @f6745779).

A composite that the plugin does not take is replaced by the graph that says what it computes, and
the plugin is asked anew (compiler_plugin.cc 655-700). That is not followed here: pieces are
those that come out where such a composite stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from npulint.obstacle import Obstacle
from npulint.partition import CPU, Delegation, Partition, fate_of_absent, total_bytes
from npulint.runs import cut_in_runs
from npulint.taken_back import NOT_COMPILED, doubt, unbuildable

if TYPE_CHECKING:
    from npulint.model import Graph, Node
    from npulint.opsets.table import Partitioning
    from npulint.pieces import Piece
    from npulint.verdict import Verdict

_COMPOSITE = "STABLEHLO_COMPOSITE"
_CALL_OF_CPU = "odml.cpu_call"
"""The composite by which a model asks that something be left on the CPU: compiler_plugin.cc
643-653, 747-753 @f6745779."""

_COMPILED = "DISPATCH_OP"
"""What stands in place of a piece once a model is compiled."""

_COMPILING_AGAIN = "google-ai-edge/LiteRT litert/runtime/compiled_model.cc 800-825 @f6745779"

_LOADING = "google-ai-edge/LiteRT litert/core/model/model_load.cc 105-116 @f6745779"
_NOT_LOADED = ("intermediates", "mutating_variable_inputs")
"""What an operator may have in a file, and LiteRT does not load."""


def plug(
    graph: Graph, verdicts: Sequence[Verdict], rules: Partitioning, vanishing: frozenset[int]
) -> Delegation:
    """Predict what LiteRT hands a plugin of one graph.

    Args:
        graph: The graph, which says nothing of a composite.
        verdicts: Verdicts on its nodes.
        rules: How the target cuts.
        vanishing: Nodes that are gone after the conversion by which the graph was judged.

    Returns:
        The pieces, and what becomes of each node.
    """
    return _Plugging(graph, verdicts, rules, vanishing).settle()


def described(
    graphs: Sequence[Graph], verdicts: Sequence[Sequence[Verdict]]
) -> Mapping[int, Delegation]:
    """The graphs that only say what a composite computes: they are never offered by themselves.

    Args:
        graphs: The graphs of a model.
        verdicts: Verdicts on their nodes.

    Returns:
        What becomes of each such graph, by its position: it goes with the composites.
    """
    fates: dict[int, set[bool | None]] = {}
    for graph, judged in zip(graphs, verdicts, strict=True):
        for node in filter(_is_composite, graph.nodes):
            fate = False if _stays(node) else (judged[node.index].validation == "accepted" or None)
            for _, body in node.bodies:
                fates.setdefault(body, set()).add(fate)
    return {
        body: _described(graphs[body], found) for body, found in fates.items() if body < len(graphs)
    }


def _described(graph: Graph, found: set[bool | None]) -> Delegation:
    fate = next(iter(found)) if len(found) == 1 else None
    note = "it says what a composite computes, and is not offered by itself"
    return Delegation((), (fate,) * len(graph.nodes), notes=(note,))


def _is_composite(node: Node) -> bool:
    return node.op == _COMPOSITE and not node.custom


def _stays(node: Node) -> bool:
    """Whether a composite is left on the CPU, whatever the plugin takes."""
    return node.attributes.get("name") == _CALL_OF_CPU


class _Plugging:
    """The steps from verdicts to what is handed over, on one graph and one target."""

    def __init__(
        self,
        graph: Graph,
        verdicts: Sequence[Verdict],
        rules: Partitioning,
        vanishing: frozenset[int],
    ) -> None:
        self.graph = graph
        self.verdicts = verdicts
        self.rules = rules
        self.vanishing = vanishing
        self.taken = tuple(
            verdict.validation == "accepted" and not (_is_composite(node) and _stays(node))
            for node, verdict in zip(graph.nodes, verdicts, strict=True)
        )
        self.replaced = [
            node.index
            for node in graph.nodes
            if _is_composite(node) and not _stays(node) and not self.taken[node.index]
        ]
        self.pieces = cut_in_runs(graph, self.taken, vanishing=vanishing)

    def settle(self) -> Delegation:
        """Say what comes out."""
        obstacle = next(self._obstacles(), None)
        doubtful = None if obstacle else next(self._doubts(), None)
        return Delegation(
            tuple(self._partitions(handing_over=obstacle is None)),
            self._fates(doubtful) if obstacle is None else (False,) * len(self.graph.nodes),
            None if obstacle is None else obstacle.message,
            obstacle,
            doubtful,
            tuple(self._notes(doubtful)) if obstacle is None else (),
        )

    def _handed(self) -> list[int]:
        return [index for piece in self.pieces if piece.handed for index in piece.nodes]

    def _obstacles(self) -> Iterator[Obstacle]:
        """What keeps the whole model back."""
        for node in self.graph.nodes:
            yield from self._against(node)
        found = unbuildable(self.graph, self.verdicts, self._handed(), self.rules)
        if found is not None:
            yield found
        if not self.replaced and all(each.validation != "unknown" for each in self.verdicts):
            for piece in self._without_inputs():
                said = f"{self._without(piece)}, and {NOT_COMPILED}"
                yield Obstacle("build", piece.nodes[0], None, said, self.rules.source)

    def _against(self, node: Node) -> Iterator[Obstacle]:
        """What keeps a whole model back because a node is in it, even on the CPU."""
        who = f"{node.op} (node {node.index})"
        for name in _NOT_LOADED:
            if node.attributes.get(name):
                said = f"{who} has {name.replace('_', ' ')}, and LiteRT loads no model with such"
                yield Obstacle("whole", node.index, None, said, _LOADING)
        if node.custom and node.op == _COMPILED:
            said = f"{who} is a piece that was compiled before, and no plugin is asked again"
            yield Obstacle("whole", node.index, None, said, _COMPILING_AGAIN)
        for value in (*node.inputs, *node.outputs):
            dtype = self.graph.values[value].dtype if value >= 0 else None
            if dtype is not None and self.rules.types and dtype not in self.rules.types:
                said = (
                    f"{who} has a tensor of {dtype}, which the plugin for {self.rules.runs_on} "
                    f"cannot convert, and {NOT_COMPILED}"
                )
                yield Obstacle("whole", node.index, value, said, self.rules.source)

    def _without_inputs(self) -> Iterator[Piece]:
        """The pieces that read nothing but what is stored, where that matters."""
        if self.rules.needs_input:
            yield from (piece for piece in self.pieces if piece.handed and not piece.inputs)

    def _without(self, piece: Piece) -> str:
        node = self.graph.nodes[piece.nodes[0]]
        return f"the piece of {node.op} (node {node.index}) reads nothing but what is stored"

    def _doubts(self) -> Iterator[str]:
        """Why the model may be left as it is."""
        found = doubt(self.graph, self.verdicts, self._handed(), (), self.rules)
        if found is not None:
            yield found
        for piece in self._without_inputs():
            yield f"{self._without(piece)} unless it joins another, and else {NOT_COMPILED}"

    def _fates(self, doubtful: str | None) -> tuple[bool | None, ...]:
        fates: list[bool | None] = [
            (None if doubtful else True) if taken else (None if unknown else False)
            for taken, unknown in zip(
                self.taken, (each.validation == "unknown" for each in self.verdicts), strict=True
            )
        ]
        for index in self.replaced:
            fates[index] = None
        for index in sorted(self.vanishing, reverse=True):
            fates[index] = fate_of_absent(self.graph, index, fates)
        return tuple(fates)

    def _partitions(self, *, handing_over: bool) -> Iterator[Partition]:
        for piece in self.pieces:
            yield Partition(
                graph=self.graph.index,
                runs_on=self.rules.runs_on if piece.handed else CPU,
                nodes=piece.nodes,
                handed_over=handing_over and piece.handed,
                bytes_in=total_bytes(self.graph, piece.inputs),
                bytes_out=total_bytes(self.graph, piece.outputs),
            )

    def _notes(self, doubtful: str | None) -> Iterator[str]:
        """What the pieces alone do not show."""
        if doubtful is not None:
            yield doubtful
        if self.replaced:
            yield (
                f"{_COMPOSITE} (node {self.replaced[0]}) is replaced by the graph that says what "
                "it computes where the plugin does not take it; pieces are those without that"
            )
        unknown = sum(verdict.validation == "unknown" for verdict in self.verdicts)
        if unknown:
            yield f"nodes of which nothing is known ({unknown}) are cut as if they were refused"
        if self.vanishing:
            yield (
                f"nodes that the conversion fuses into others or drops ({len(self.vanishing)}) "
                "belong to no piece"
            )
        if self.graph.dialect == "onnx":
            yield (
                "pieces are runs of nodes in the order of the file; a conversion that writes "
                "another order makes other pieces"
            )

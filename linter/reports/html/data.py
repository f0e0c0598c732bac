"""What the page's script needs to know of each model, in few bytes.

Columns of nodes instead of objects, every text once, runs of equal numbers as pairs.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeAlias

from npulint.opsets.table import CAUTION_WORDS
from npulint.partition import CPU
from npulint.reports.citation import parts
from npulint.reports.html.figures import edges
from npulint.reports.html.standing import KINDS, LETTERS, of_piece
from npulint.reports.html.surroundings import Surroundings
from npulint.reports.wording import printable

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Value
    from npulint.partition import Delegation, Partition
    from npulint.reports.html.gather import Gathered, GatheredTarget
    from npulint.reports.html.layers import Layout
    from npulint.reports.html.surroundings import Sketch
    from npulint.verdict import Verdict

Json: TypeAlias = dict[str, Any]

CONSTANT, GRAPH_INPUT, OMITTED = -1, -2, -3
"""In place of the node that an operand comes from."""

_UNSAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
"""Characters by which text could end the element that holds it, as JSON writes them otherwise."""


def script_json(document: object) -> str:
    """A document as JSON that may stand in a script element, in ASCII."""
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    return text.translate(_UNSAFE)


class Interned:
    """Things that are named by their position, each once."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def number(self, item: Hashable) -> int:
        """The position of a thing, which is put at the end where it is new."""
        return self._numbers.setdefault(item, len(self._numbers))

    @property
    def items(self) -> list[Any]:
        """All of them, in order."""
        return list(self._numbers)


def runs(numbers: Iterable[int]) -> list[int]:
    """Numbers as pairs of a number and how often it comes in a row."""
    return [each for number, run in groupby(numbers) for each in (number, sum(1 for _ in run))]


def kinds() -> list[list[str]]:
    """Who may run a node: letter, name, label and meaning of each."""
    return [[kind.letter, kind.name, kind.label, kind.meaning] for kind in KINDS]


def document(gathered: Gathered) -> Json:
    """What the script needs of one model."""
    return _Document(gathered).build()


class _Document:
    def __init__(self, gathered: Gathered) -> None:
        self.gathered = gathered
        self.ops = Interned()
        self.texts = Interned()
        self.sketches = Interned()
        self.reasons = Interned()
        self.layouts: dict[object, Layout] = {}

    def build(self) -> Json:
        graphs = [self._graph(graph) for graph in self.gathered.model.graphs]
        targets = [self._target(each) for each in self.gathered.targets]
        return {
            "graphs": graphs,
            "targets": targets,
            "ops": self.ops.items,
            "texts": self.texts.items,
            "sketches": [_sketch(each) for each in self.sketches.items],
            "reasons": self.reasons.items,
        }

    def _graph(self, graph: Graph) -> Json:
        macs = self.gathered.macs[graph.index]
        made = {value: node.index for node in graph.nodes for value in node.outputs if value >= 0}
        surroundings = Surroundings(graph, self.layouts)
        alive = self.gathered.alive[graph.index]
        return {
            "op": [self.ops.number(printable(node.op)) for node in graph.nodes],
            "name": [printable(node.name) for node in graph.nodes],
            "macs": list(macs),
            "edges": list(edges(macs, "macs")),
            "alive": None if alive is None else list(alive),
            "in": [self._operands(graph, node, made) for node in graph.nodes],
            "out": [
                [
                    self.texts.number(tensor(graph.values[each]))
                    for each in node.outputs
                    if each >= 0
                ]
                for node in graph.nodes
            ],
            "sketch": [self.sketches.number(surroundings.of(n.index)) for n in graph.nodes],
        }

    def _operands(self, graph: Graph, node: Node, made: dict[int, int]) -> list[int]:
        """For each operand where it comes from, and what it is."""
        found: list[int] = []
        for index in node.inputs:
            if index < 0:
                found += [OMITTED, 0]
                continue
            value = graph.values[index]
            origin = CONSTANT if value.constant is not None else made.get(index, GRAPH_INPUT)
            found += [origin, self.texts.number(tensor(value))]
        return found

    def _target(self, target: GatheredTarget) -> Json:
        result = target.result
        return {
            "name": printable(result.target.name),
            "graphs": [
                {
                    "who": "".join(LETTERS[each] for each in who),
                    "piece": runs(pieces),
                    "why": runs(self._why(verdict) for verdict in verdicts),
                    "pieces": [_piece(each, part) for each in part.partitions],
                    "path": _path(part),
                }
                for who, pieces, verdicts, part in zip(
                    target.who, target.pieces, result.verdicts, result.delegations, strict=True
                )
            ],
        }

    def _why(self, verdict: Verdict) -> int:
        """The number of all that a verdict says; -1 where it says no more than yes."""
        if not verdict.reasons and not verdict.cautions:
            return -1
        said = tuple(
            (word, printable(message), tuple((p.text, p.address) for p in parts(printable(source))))
            for word, message, source in _words(verdict)
        )
        return self.reasons.number((verdict.status, said))


def _words(verdict: Verdict) -> Iterator[tuple[str, str, str]]:
    """What a verdict says: what kind of words they are, empty for a reason, and their source."""
    for reason in verdict.reasons:
        yield "", reason.message, reason.source
    for caution in verdict.cautions:
        yield CAUTION_WORDS[caution.kind], caution.message, caution.source


def _path(part: Delegation) -> str:
    """What the accelerator path is called that pieces are cut for."""
    return next((piece.runs_on for piece in part.partitions if piece.runs_on != CPU), CPU)


def _piece(piece: Partition, part: Delegation) -> list[str | int | None]:
    return [LETTERS[of_piece(piece, part)], piece.bytes_in, piece.bytes_out]


def _sketch(sketch: Sketch) -> list[object]:
    """Offsets, columns, ranks; edges with their bends; what is left out, where anything is."""
    layout = sketch.layout
    return [
        sketch.offsets,
        layout.columns,
        layout.ranks,
        [[*edge, *route] for edge, route in zip(sketch.edges, layout.routes, strict=True)],
        [[n, *left] for n, left in enumerate(sketch.left_out) if any(left)],
    ]


def tensor(value: Value) -> str:
    """A tensor as drawings and lists have it: `1×48×64×3 float32`."""
    if value.shape is None:
        return f"unknown rank {value.dtype or ''}".rstrip()
    sizes = "×".join("?" if each is None else printable(str(each)) for each in value.shape)
    return f"{sizes or 'scalar'} {value.dtype or 'of unknown type'}"

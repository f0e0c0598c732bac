"""What a target makes of a model, as the page shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from npulint.opsets.table import CAUTION_WORDS
from npulint.partition import CPU
from npulint.reports import citation
from npulint.reports.html.standing import KINDS, Standing, called, of_piece
from npulint.reports.text import handed_over
from npulint.reports.wording import count, plural, printable, ranges, size

if TYPE_CHECKING:
    from npulint.finding import TargetResult
    from npulint.joins import Join
    from npulint.partition import Delegation, Partition
    from npulint.reports.html.gather import Gathered

PIECES_SHOWN = 24
"""Pieces of a graph that are written down; the script adds the others when it is asked to."""

_RANGES_SHOWN = 6
_UNCERTAIN = frozenset({"doubt", "unknown"})
_WIDE = 100.0

Source: TypeAlias = "tuple[citation.Part, ...]"


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a model one kind of node is.

    Attributes:
        kind: Who runs it.
        label: What that is called.
        share: From 0 to 1.
        start: Where it begins in a bar, in percent.
        width: How wide it is there.
    """

    kind: Standing
    label: str
    share: float
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """Who runs how much of a model, by nodes."""

    parts: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class PieceView:
    """One piece.

    Attributes:
        number: Its position from 1.
        kind: Who runs it.
        runs_on: What that is called here.
        nodes: How many nodes.
        where: Which.
        first: The first of them, where to go.
        bytes_in: Bytes that it reads.
        bytes_out: Bytes that are read of it.
    """

    number: int
    kind: Standing
    runs_on: str
    nodes: str
    where: str
    first: int
    bytes_in: str
    bytes_out: str


@dataclass(frozen=True, slots=True)
class CutView:
    """How a target cuts one graph.

    Attributes:
        graph: The graph's position.
        title: Its name, empty where the model has no other.
        why_not: Why nothing is handed over, None where that is not the matter.
        said: What comes out, in a sentence.
        pieces: The first pieces.
        hidden: How many there are beyond those.
        join: What would join the pieces, None where there is nothing to join.
        join_nodes: The nodes to cure for that.
        notes: What else there is to know.
    """

    graph: int
    title: str
    why_not: str | None
    said: str
    pieces: tuple[PieceView, ...]
    hidden: int
    join: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TargetView:
    """One target or device.

    Attributes:
        number: Its position among those asked about this model.
        key: Its position among those of the whole report.
        name: Its name.
        title: Its name for people.
        judged: For a device by what it was judged, with the source of that.
        bar: Who runs how much, by nodes.
        refused: How many nodes are refused.
        uncertain: Of how many it is not certain who runs them.
        nodes: Share of nodes that is handed over.
        pieces: How many pieces are.
        macs: Share of multiply-accumulates.
        errors: How many errors there are about it.
        warnings: How many warnings.
        cuts: How it cuts each graph.
        cautions: What it warns of: the kind of warning, the words, the source.
    """

    number: int
    key: int
    name: str
    title: str
    judged: tuple[str, Source] | None
    bar: Bar
    refused: str
    uncertain: str
    nodes: str
    pieces: str
    macs: str
    errors: int
    warnings: int
    cuts: tuple[CutView, ...]
    cautions: tuple[tuple[str, str, Source], ...]


def bar(who: Sequence[Standing]) -> Bar:
    """Who runs how much, in the order of the kinds."""
    counted = Counter(who)
    parts: list[Share] = []
    done = 0
    for kind in KINDS:
        number = counted[kind.name]
        if number:
            start, end = (_WIDE * each / len(who) for each in (done, done + number))
            width = round(end - start, 2)
            parts.append(Share(kind.name, kind.label, number / len(who), round(start, 2), width))
            done += number
    return Bar(tuple(parts))


def target_view(gathered: Gathered, number: int, targets: Sequence[str]) -> TargetView:
    """Say what a target makes of a model.

    Args:
        gathered: The model.
        number: The target's position among those asked about it.
        targets: The names of all targets of the report.
    """
    target = gathered.targets[number]
    result = target.result
    verdicts = [each for graph in result.verdicts for each in graph]
    who = [each for graph in target.who for each in graph]
    about = [each for each in gathered.result.findings if each.target == result.target.name]
    severities = Counter(each.severity for each in about)
    nodes, pieces, macs = handed_over(result)
    name = printable(result.target.name)
    return TargetView(
        number,
        targets.index(name),
        name,
        printable(result.target.title),
        _judged(result),
        bar(who),
        count(sum(verdict.status == "unsupported" for verdict in verdicts)),
        count(sum(each in _UNCERTAIN for each in who)),
        nodes,
        pieces,
        macs,
        severities["error"],
        severities["warning"],
        tuple(
            _cut_view(gathered, result, graph, part)
            for graph, part in enumerate(result.delegations)
        ),
        tuple(
            (
                CAUTION_WORDS[each.kind],
                printable(each.message),
                citation.parts(printable(each.source)),
            )
            for each in result.cautions
        ),
    )


def _judged(result: TargetResult) -> tuple[str, Source] | None:
    """By which path a device was judged."""
    if result.device is None:
        return None
    start = result.device.start
    device = result.device
    seen = "what was observed on it" if device.observed or device.cautions else "no observation"
    said = f"judged as {start.target.name} ({start.known}: {start.say}), and by {seen}"
    return printable(said), citation.parts(printable(start.source))


def _cut_view(gathered: Gathered, result: TargetResult, graph: int, part: Delegation) -> CutView:
    drawn = gathered.model.graphs[graph]
    several = len(gathered.model.graphs) > 1
    known = part.why_not is None and result.target.partitioning is not None
    pieces = part.partitions if known else ()
    join = next((each for each in result.joins if each.graph == graph), None) if known else None
    return CutView(
        graph,
        f"graph {graph}: {printable(drawn.name) or drawn.kind}" if several else "",
        None if part.why_not is None else printable(part.why_not),
        _said(part, in_doubt=result.in_doubt) if known else "",
        tuple(
            _piece_view(number, piece, part)
            for number, piece in enumerate(pieces[:PIECES_SHOWN], start=1)
        ),
        max(len(pieces) - PIECES_SHOWN, 0),
        None if join is None else _joined(gathered, join),
        tuple(map(printable, part.notes)),
    )


def _said(part: Delegation, *, in_doubt: bool) -> str:
    unless = ", unless the runtime takes the delegation back" if in_doubt else ""
    if not part.delegated:
        return "This graph has no nodes."
    able = [piece for piece in part.partitions if piece.runs_on != CPU]
    if not able:
        sure = None not in part.delegated
        return "Everything runs on the CPU." if sure else "Nothing is sure to be handed over."
    if len(part.partitions) == 1:
        return f"One piece on {able[0].runs_on}: {plural(len(able[0].nodes), 'node')}{unless}."
    handed = sum(piece.handed_over for piece in able)
    behind = len(able) - handed
    said = [f"{handed:,} on {able[0].runs_on}"]
    if behind:
        said.append(f"{behind:,} left behind by the limit")
    if len(part.partitions) > len(able):
        said.append(f"{len(part.partitions) - len(able):,} on the CPU")
    return f"Cut into {plural(len(part.partitions), 'piece')}: {', '.join(said)}{unless}."


def _piece_view(number: int, piece: Partition, part: Delegation) -> PieceView:
    kind = of_piece(piece, part)
    return PieceView(
        number,
        kind,
        called(kind, piece.runs_on),
        count(len(piece.nodes)),
        ranges(piece.nodes, _RANGES_SHOWN),
        piece.nodes[0],
        size(piece.bytes_in),
        size(piece.bytes_out),
    )


def _joined(gathered: Gathered, join: Join) -> str:
    graph = gathered.model.graphs[join.graph]
    return "; ".join(_to_join(graph.nodes[index].op for index in join.nodes)) + (
        f" ({'node' if len(join.nodes) == 1 else 'nodes'} {ranges(join.nodes, 8)}) and the "
        f"{join.pieces:,} pieces are one. Their borders now carry {size(join.border_bytes)} a run."
    )


def _to_join(ops: Iterator[str]) -> Iterator[str]:
    counted = Counter(map(printable, ops))
    named = ", ".join(f"{op} ×{n:,}" if n > 1 else op for op, n in counted.most_common())
    yield f"Cure {named}"

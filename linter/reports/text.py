"""The report as text for a terminal: one table a model, then the refusals, grouped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from npulint.opsets.table import CAUTION_WORDS
from npulint.reports.text_findings import about_the_run, closing, findings
from npulint.reports.wording import columns, count, of_unit, plural, printable, ranges, share, size
from npulint.reports.wrapping import DEFAULT, Layout, wrapped

if TYPE_CHECKING:
    from npulint.finding import ModelResult, Report, TargetResult
    from npulint.model import Graph, Model, Node
    from npulint.opsets.profile import Device
    from npulint.partition import Delegation
    from npulint.verdict import Caution, Verdict

_NODES_SHOWN = 8
"""Entries of a group's node list without -v."""

_REMEDIES_SHOWN = 3
"""Realisations under a group without -v."""

_PIECES_SHOWN = 12
"""Pieces of a cut without -v."""


def render(report: Report, layout: Layout = DEFAULT) -> str:
    """Draw a report as text, ending in a newline."""
    lines: list[str] = []
    for result in report.models:
        lines += _model(result, layout)
        lines.append("")
    lines += about_the_run(report, layout)
    lines += [wrapped(f"note: {note}", layout, "", "      ") for note in report.notes]
    lines.append(closing(report, layout))
    return "\n".join(lines) + "\n"


def _model(result: ModelResult, layout: Layout) -> Iterator[str]:
    model, summary, style = result.model, result.summary, layout.style
    if model is None or summary is None:
        yield style.bold(printable(str(result.path)))
        yield wrapped(
            f"{style.error('error')}  {printable(result.error or '')}", layout, "  ", "         "
        )
        return
    yield style.bold(printable(str(result.path)))
    figures = [
        model.dialect,
        plural(summary.nodes, "node"),
        plural(summary.parameters, "parameter"),
        of_unit(summary.macs, "MAC"),
        f"peak activations {size(summary.peak_activation_bytes)}",
        f"weights {size(summary.weight_bytes)}",
    ]
    if any(None in (v.shape_signature or ()) for g in model.graphs for v in g.values):
        figures.append("sizes that may change counted as the file has them")
    yield wrapped(" · ".join(figures), layout, "  ", "  ")
    yield ""
    yield from _overview(result, layout)
    for via in dict.fromkeys(target.via for target in result.targets if target.via):
        yield wrapped(f"judged by what a conversion makes of it: {via}", layout, "  ", "    ")
    for target in result.targets:
        yield from _target(model, target, layout)
    yield from findings(result, layout)
    yield from _about_targets(result, layout)


def _about_targets(result: ModelResult, layout: Layout) -> Iterator[str]:
    """What the targets warn of as such, each warning once with all the targets it is about."""
    about: dict[Caution, list[str]] = {}
    for each in result.targets:
        for caution in each.cautions:
            about.setdefault(caution, []).append(each.target.name)
    if about:
        yield ""
    for caution, names in about.items():
        text = f"{caution.message} ({', '.join(names)})"
        yield from _caution(caution, text, layout, "  ")


def _overview(result: ModelResult, layout: Layout) -> Iterator[str]:
    header = ("target", "accepted", "unknown", "handed over", "pieces", "MACs there")
    rows = [header]
    for each in result.targets:
        verdicts = [v for graph in each.verdicts for v in graph]
        rows.append(
            (
                each.target.name,
                f"{sum(v.validation == 'accepted' for v in verdicts):,} of {len(verdicts):,}",
                f"{sum(v.validation == 'unknown' for v in verdicts):,}",
                *handed_over(each),
            )
        )
    table = columns(rows)
    yield layout.style.dim(table[0])
    for line, each in zip(table[1:], result.targets, strict=True):
        yield layout.style.verdict(line, whole=each.node_share == 1.0)


def handed_over(result: TargetResult) -> tuple[str, str, str]:
    """Nodes, pieces and MACs that are handed over, where it is known how a graph is cut."""
    if result.target.partitioning is None:
        return "?", "?", "?"
    return share(result.node_share), _pieces(result), share(result.coverage.macs)


def _pieces(result: TargetResult) -> str:
    """How many pieces are handed over, and of how many, where a limit keeps some back."""
    able = sum(piece.runs_on != "cpu" for piece in result.partitions)
    handed = sum(piece.runs_on != "cpu" and piece.handed_over for piece in result.partitions)
    said = f"{handed:,}" if handed == able else f"{handed:,} of {able:,}"
    return f"perhaps {said}" if handed and result.in_doubt else said


def _target(model: Model, result: TargetResult, layout: Layout) -> Iterator[str]:
    style = layout.style
    yield ""
    yield f"  {style.bold(result.target.name)}"
    if result.device is not None:
        yield from _device(result.device, layout)
    for graph, verdicts, delegation in zip(
        model.graphs, result.verdicts, result.delegations, strict=True
    ):
        if len(model.graphs) > 1:
            yield f"    graph {graph.index} ({printable(graph.name) or graph.kind})"
        yield from _refusals(graph, result, layout)
        yield from _cautions(graph, verdicts, layout)
        if delegation.why_not:
            yield wrapped(
                f"{style.error('nothing is handed over')}: {delegation.why_not}",
                layout, "    ", "      ",
            )  # fmt: skip
        elif result.target.partitioning is not None:
            yield from _cut(delegation, layout, in_doubt=result.in_doubt)
            yield from _join(graph, result, layout)
        for note in delegation.notes:
            yield wrapped(f"note: {note}", layout, "    ", "      ")


def _device(device: Device, layout: Layout) -> Iterator[str]:
    """Which path a device was judged by."""
    start = device.start
    seen = "what was observed on it" if device.observed or device.cautions else "no observation"
    why = f": {start.say}" if layout.verbose else ""
    yield wrapped(
        f"{device.title}: judged as {start.target.name} ({start.known}{why}), and by {seen}; "
        f"`npulint explain {device.name}` shows what was measured",
        layout, "    ", "      ",
    )  # fmt: skip
    if layout.verbose:
        yield layout.style.dim(f"        [{start.source}]")


def _refusals(graph: Graph, result: TargetResult, layout: Layout) -> Iterator[str]:
    """Refused and undecided nodes, those with the same operator and reasons as one group."""
    groups: dict[tuple[str, ...], list[Node]] = {}
    example: dict[tuple[str, ...], Verdict] = {}
    for node, verdict in zip(graph.nodes, result.verdicts[graph.index], strict=True):
        if verdict.status == "supported":
            continue
        key = (verdict.status, node.op, *(reason.message for reason in verdict.reasons))
        groups.setdefault(key, []).append(node)
        example.setdefault(key, verdict)
    for key, nodes in groups.items():
        yield from _group(key[0], nodes, example[key], layout)
        yield from _remedies(nodes, result, layout)


def _group(status: str, nodes: list[Node], verdict: Verdict, layout: Layout) -> Iterator[str]:
    style = layout.style
    word = style.error("refused") if status == "unsupported" else style.warn("unknown")
    title = f"{word}  {style.bold(printable(nodes[0].op))}"
    if len(nodes) > 1:
        title += f" ×{count(len(nodes))}"
    where = "node" if len(nodes) == 1 else "nodes"
    limit = None if layout.verbose else _NODES_SHOWN
    title += f"  {style.dim(f'{where} {ranges((n.index for n in nodes), limit)}')}"
    yield f"    {title}"
    for reason in verdict.reasons:
        yield wrapped(f"  {printable(reason.message)}", layout, "    ", "      ")
        yield style.dim(f"        [{reason.source}]")
    if layout.verbose:
        for node in nodes:
            yield f"        node {node.index}  {printable(node.name)}".rstrip()


def _remedies(nodes: list[Node], result: TargetResult, layout: Layout) -> Iterator[str]:
    """What would cure some nodes that are refused alike, the commonest first."""
    known = Counter(
        remedy for node in nodes for remedy in result.remedies.get((node.graph, node.index), ())
    )
    if not known:
        return
    names = [remedy.name for remedy, _ in known.most_common()]
    shown = names if layout.verbose else names[:_REMEDIES_SHOWN]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    allow = "" if any(each.exactness == "exact" for each in known) else " --allow lossy"
    yield wrapped(
        f"cure: npulint fix -t {result.target.name}{allow} ({', '.join(shown)}{more})",
        layout, "        ", "          ",
    )  # fmt: skip


def _cautions(graph: Graph, verdicts: Sequence[Verdict], layout: Layout) -> Iterator[str]:
    groups: dict[tuple[str, Caution], list[int]] = {}
    for node, verdict in zip(graph.nodes, verdicts, strict=True):
        for caution in verdict.cautions:
            groups.setdefault((node.op, caution), []).append(node.index)
    for (op, caution), indexes in groups.items():
        where = ranges(indexes, None if layout.verbose else _NODES_SHOWN)
        nodes = "node" if len(indexes) == 1 else "nodes"
        text = f"{printable(op)} ({nodes} {where}): {caution.message}"
        yield from _caution(caution, text, layout)


def _caution(caution: Caution, text: str, layout: Layout, indent: str = "    ") -> Iterator[str]:
    """One caution; its source follows on a line of its own with -v."""
    said = f"{layout.style.warn(CAUTION_WORDS[caution.kind])}  {text}"
    yield wrapped(said, layout, indent, f"{indent}  ")
    if layout.verbose:
        yield layout.style.dim(f"{indent}    [{caution.source}]")


def _cut(delegation: Delegation, layout: Layout, *, in_doubt: bool) -> Iterator[str]:
    """How the runtime cuts the graph, in the order in which the pieces run."""
    pieces = delegation.partitions
    if not delegation.delegated:
        return
    unless = ", unless the runtime takes the delegation back" if in_doubt else ""
    if not any(piece.runs_on != "cpu" for piece in pieces):
        sure = None not in delegation.delegated
        yield f"    {'everything runs on the CPU' if sure else 'nothing is sure to be handed over'}"
        return
    if len(pieces) == 1:
        nodes = plural(len(pieces[0].nodes), "node")
        yield f"    one piece on {pieces[0].runs_on}: {nodes}{unless}"
        return
    shown = pieces if layout.verbose else pieces[:_PIECES_SHOWN]
    yield f"    cut into {plural(len(pieces), 'piece')}{unless}"
    rows = [
        (
            piece.runs_on if piece.handed_over or piece.runs_on == "cpu" else "cpu",
            plural(len(piece.nodes), "node"),
            ranges(piece.nodes, None if layout.verbose else 4),
            f"in {size(piece.bytes_in)}",
            f"out {size(piece.bytes_out)}",
            "" if piece.handed_over or piece.runs_on == "cpu" else "left behind by the limit",
        )
        for piece in shown
    ]
    yield from columns(rows, indent="      ")
    if len(pieces) > len(shown):
        yield f"      and {plural(len(pieces) - len(shown), 'piece')} more (-v lists them)"


def _join(graph: Graph, result: TargetResult, layout: Layout) -> Iterator[str]:
    """Which nodes to cure first."""
    for join in result.joins:
        if join.graph == graph.index:
            ops = Counter(printable(graph.nodes[index].op) for index in join.nodes)
            named = ", ".join(f"{op} ×{n:,}" if n > 1 else op for op, n in ops.most_common())
            where = ranges(join.nodes, None if layout.verbose else _NODES_SHOWN)
            yield wrapped(
                f"to join the {join.pieces:,} pieces into one, cure {named} (nodes {where}); their "
                f"borders now carry {size(join.border_bytes)} a run",
                layout, "    ", "      ",
            )  # fmt: skip

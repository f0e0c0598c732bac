"""What a phone makes of a model: what its path answers, and what was observed on the phone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from npulint.float16 import look_through
from npulint.opsets.situations import Scene
from npulint.partition import (
    CPU,
    Delegation,
    Partition,
    delegate_model,
    fate_of_absent,
    total_bytes,
)
from npulint.pieces import cut, split
from npulint.verdict import Caution, Reason, Verdict

if TYPE_CHECKING:
    from npulint.model import Graph, Model
    from npulint.opsets.profile import Device, Observation

Verdicts: TypeAlias = "tuple[Verdict, ...]"
Absent: TypeAlias = "frozenset[int]"


@dataclass(frozen=True, slots=True)
class Seen:
    """What observations say about one node.

    Attributes:
        cpu: Those by which it runs on the CPU.
        may: Those by which it may, undecided ones among them.
        cautions: Those that only warn.
    """

    cpu: tuple[Observation, ...] = ()
    may: tuple[Observation, ...] = ()
    cautions: tuple[Observation, ...] = ()

    @property
    def cut_out(self) -> bool:
        """Whether it is cut as if it ran on the CPU."""
        return bool(self.cpu or self.may)


_NOTHING = Seen()


def observe(graph: Graph, device: Device) -> tuple[Seen, ...]:
    """Say of each node of a graph what was observed of its like on a device."""
    scene = Scene(graph, device.start.target.dialect)
    named: dict[str, list[Observation]] = {}
    for observation in device.observed:
        for op in observation.pattern.ops:
            named.setdefault(op, []).append(observation)
    return tuple([_seen(scene, index, named) for index in range(len(graph.nodes))])


def _seen(scene: Scene, index: int, named: dict[str, list[Observation]]) -> Seen:
    names = scene.names(index) or frozenset()
    if names.isdisjoint(named):
        return _NOTHING
    found: dict[str, dict[str, Observation]] = {"cpu": {}, "may": {}, "caution": {}}
    for spot in scene.spots(index):
        for observation in named.get(spot.operation.op, ()):
            truth = observation.pattern.test(spot)
            if truth is True:
                found[observation.outcome][observation.identity] = observation
            elif truth is None and observation.outcome != "caution":
                found["may"][observation.identity] = observation
    return Seen(*(tuple(found[outcome].values()) for outcome in ("cpu", "may", "caution")))


def combine(verdict: Verdict, seen: Seen, device: Device) -> Verdict:
    """A node's verdict on a device: its path's, and what was observed.

    What the path refuses stays refused for the path's reasons. What the runtime's own check says
    (`validation`) stays as it is: the driver refuses behind it.
    """
    if seen is _NOTHING or verdict.status == "unsupported":
        return verdict
    warnings = (Caution(e.kind, e.say, e.source) for e in seen.cautions if e.kind is not None)
    cautions = (*verdict.cautions, *warnings)
    if seen.cpu:
        reasons = tuple(_reason(each, device, "runs on the CPU here") for each in seen.cpu)
        return replace(verdict, status="unsupported", reasons=reasons, cautions=cautions)
    if seen.may:
        reasons = tuple(_reason(each, device, "may run on the CPU here") for each in seen.may)
        return replace(
            verdict, status="unknown", reasons=(*verdict.reasons, *reasons), cautions=cautions
        )
    return replace(verdict, cautions=cautions)


def _reason(observation: Observation, device: Device, what: str) -> Reason:
    identity = f"{device.name}/{observation.identity}"
    return Reason(identity, f"{what}: {observation.say}", observation.source)


def settle(
    model: Model,
    device: Device,
    judged: Sequence[Verdicts],
    delegations: Sequence[Delegation],
    vanishing: Sequence[Absent],
) -> tuple[tuple[Verdicts, ...], tuple[Delegation, ...]]:
    """Apply what was observed on a device to what its path makes of a model.

    Args:
        model: The model.
        device: The device.
        judged: The path's verdicts, graph by graph.
        delegations: What the path hands over, graph by graph.
        vanishing: Nodes of which the conversion leaves nothing, graph by graph.

    Returns:
        The device's verdicts, and what it hands over.
    """
    seen = [observe(graph, device) for graph in model.graphs]
    verdicts = tuple(
        tuple([combine(verdict, each, device) for verdict, each in zip(*pair, strict=True)])
        for pair in zip(judged, seen, strict=True)
    )
    if not any(each.cut_out for graph in seen for each in graph):
        return verdicts, tuple(delegations)
    reference = device.reference_cpu
    if reference is None or reference.setting != "allowed":
        refused = [tuple(map(_driver_refuses, *pair)) for pair in zip(judged, seen, strict=True)]
        target = device.start.target
        return verdicts, delegate_model(model.graphs, refused, target, vanishing=vanishing)
    parts = map(_Judged, model.graphs, judged, seen, vanishing)
    return verdicts, tuple(
        _within(part, first, device) for part, first in zip(parts, delegations, strict=True)
    )


def _driver_refuses(verdict: Verdict, seen: Seen) -> Verdict:
    """The verdict as a runtime sees it that asks the driver too, and has no CPU of its own."""
    if seen.cpu:
        return replace(verdict, status="unsupported", validation="refused")
    if seen.may and verdict.validation == "accepted":
        return replace(verdict, status="unknown", validation="unknown")
    return verdict


@dataclass(frozen=True, slots=True)
class _Judged:
    """One graph: the path's verdicts, what was seen of its nodes, and those that vanish."""

    graph: Graph
    verdicts: Verdicts
    seen: tuple[Seen, ...]
    absent: Absent


def _within(part: _Judged, first: Delegation, device: Device) -> Delegation:
    """What the runtime's own CPU device takes out of what the delegate handed to the runtime.

    The delegate's limits hold for what it hands over, not for how the runtime cuts it further.
    """
    origin = {index: piece for piece in first.partitions for index in piece.nodes}
    offered = [index for index, piece in origin.items() if piece.runs_on != CPU]
    if first.why_not or not any(part.seen[index].cut_out for index in offered):
        return first
    delegated = list(first.delegated)
    for index, each in enumerate(part.seen):
        if each.cpu:
            delegated[index] = False
        elif each.may and delegated[index]:
            delegated[index] = None
    for index in sorted(part.absent, reverse=True):
        delegated[index] = fate_of_absent(part.graph, index, delegated)
    return replace(
        first,
        delegated=tuple(delegated),
        partitions=tuple(_cut(part, first, device)) or first.partitions,
        notes=(*first.notes, *_notes(part.seen, first, device)),
    )


def _cut(part: _Judged, first: Delegation, device: Device) -> Iterator[Partition]:
    """The delegate's pieces as the runtime cuts them further.

    Those that the delegate's limits leave behind are cut in the same way, so that it can be seen
    what in them stays apart from the rest and what does not.
    """
    graph, lens = part.graph, None
    path = device.start.target.side(graph.dialect)
    rules = path.partitioning
    if rules is None:
        return
    if rules.float16_constants == "look-through" and graph.dialect == "tflite":
        lens = look_through(graph, part.verdicts, path)
    origin = {index: number for number, p in enumerate(first.partitions) for index in p.nodes}
    stays = [
        index in origin
        and first.partitions[origin[index]].runs_on != CPU
        and not part.seen[index].cut_out
        for index in range(len(graph.nodes))
    ]
    reads = {} if lens is None else lens.reads
    vanishing = part.absent if lens is None else lens.folded
    for piece in cut(graph, stays, vanishing=vanishing, reads=reads):
        groups: dict[int, list[int]] = {}
        for index in piece.nodes:
            groups.setdefault(origin[index] if piece.handed else -1, []).append(index)
        numbers = sorted(groups)
        parts = split(graph, piece, (groups[number] for number in numbers), reads)
        for number, each in zip(numbers, parts, strict=True):
            yield Partition(
                graph=graph.index,
                runs_on=rules.runs_on if each.handed else CPU,
                nodes=each.nodes,
                handed_over=each.handed and first.partitions[number].handed_over,
                bytes_in=total_bytes(graph, each.inputs),
                bytes_out=total_bytes(graph, each.outputs),
            )


def _notes(seen: Sequence[Seen], first: Delegation, device: Device) -> Iterator[str]:
    taken = [each for each, fate in zip(seen, first.delegated, strict=True) if fate is not False]
    fallen = sum(bool(each.cpu) for each in taken)
    doubtful = sum(bool(each.may and not each.cpu) for each in taken)
    if fallen:
        run, they = ("runs", "it goes") if fallen == 1 else ("run", "they go")
        yield (
            f"{fallen} of the nodes handed to NNAPI {run} on its CPU reference, as on the "
            f"{device.title} when it was observed; where an application disallows that device "
            f"{they} back to TFLite"
        )
    if doubtful:
        nodes = "node" if doubtful == 1 else f"{doubtful} nodes"
        yield f"cut as if the {nodes} that may run on the CPU did"


def cautions(model: Model, device: Device) -> Iterator[Caution]:
    """The warnings of a device that concern a model as a whole."""
    scenes = [Scene(graph, device.start.target.dialect) for graph in model.graphs]
    for each in device.cautions:
        if each.when is None or each.when.test(scenes):
            yield Caution(each.kind, each.say, each.source, each.when is None)

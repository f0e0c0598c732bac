"""Who ran which node of a model, as far as a profile of its operators proves it.

benchmark_model gives each operator that TFLite itself runs a row with its position in the file.
What has no row is in a delegate's kernel, if there is one, if it is the only kind, and if the
delegate took just as many nodes as have none. NNAPI's delegate hands its nodes on to a runtime
that has a CPU implementation of its own, so that its log, or a run that forbids that, must show
where they went. Where one of these does not hold, who ran a node stays unknown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from npulint.device.records import REFERENCE

if TYPE_CHECKING:
    from npulint.device.records import Session

Place: TypeAlias = Literal["accelerator", "cpu", "unknown"]

_CPU_PROVIDER = "CPUExecutionProvider"

NNAPI_KERNEL = "TfLiteNnapiDelegate"

_KERNEL = re.compile(r"\w*Delegate\w*$")
_CPU_KERNELS = frozenset({"TfLiteXNNPackDelegate"})
"""Delegates that compute on the CPU."""

_NNAPI_NAMES: Mapping[str, str] = MappingProxyType({"TRANSPOSE_CONV": "TRANSPOSE_CONV_2D"})
"""What NNAPI calls operators otherwise than TFLite does (google-ai-edge/LiteRT
tflite/delegates/nnapi/nnapi_delegate.cc). What the delegate takes apart has no one name there."""


@dataclass(frozen=True, slots=True)
class PlacedNode:
    """One node of a model's main graph.

    Attributes:
        index: Its position.
        op: Its operator.
        on: Who ran it.
    """

    index: int
    op: str
    on: Place


def place(ops: Sequence[str], session: Session, *, complete: bool = True) -> tuple[PlacedNode, ...]:
    """Say who ran each node of a model's main graph.

    Args:
        ops: The operators of its nodes, in the order of the file.
        session: What a run with a profile tells, and NNAPI's log of it.
        complete: Whether the log has lost no lines.
    """
    own = {
        row.node
        for row in session.profile
        if row.node is not None
        and row.node < len(ops)
        and not row.inside
        and row.op == ops[row.node]
    }
    rest = _of_the_rest(session, len(ops) - len(own), complete=complete)
    return tuple(
        PlacedNode(index, op, "cpu" if index in own else rest(op)) for index, op in enumerate(ops)
    )


def place_onnx(
    nodes: Sequence[tuple[str, str]], session: Session, inside: Iterable[str] = ()
) -> tuple[PlacedNode, ...]:
    """Say who ran each node of an ONNX model's main graph, by their names.

    ONNX Runtime lists what it placed on the CPU; what its provider takes is fused there, so that a
    node is the accelerator's if the provider would take it and the CPU's list, which must be
    complete, does not have it. A provider is asked again once the layout is another, for which
    nodes may get new names: where one of those stays behind, all of its operator are in doubt.

    Args:
        nodes: Operators and names of the nodes, in the order of the file.
        session: ONNX Runtime's log, its profile or both.
        inside: Names of nodes in other graphs of the model.
    """
    times = Counter([*(name for _, name in nodes), *inside])
    on_cpu = {
        pair for placed in session.placed if placed.on == _CPU_PROVIDER for pair in placed.nodes
    }
    listed = bool(session.placed) and all(
        len(placed.nodes) == placed.count for placed in session.placed if placed.on == _CPU_PROVIDER
    )
    taken = {(told.op, told.name) for told in session.acceptances}
    refused = {(told.op, told.name) for told in session.refusals}
    doubtful = {op for op, _ in (on_cpu | refused) - set(nodes)}

    def who(node: tuple[str, str]) -> Place:
        if not node[1] or times[node[1]] > 1:
            return "unknown"
        if node in on_cpu or (node in refused and node not in taken):
            return "cpu"
        proved = listed and node in taken and node not in refused and node[0] not in doubtful
        return "accelerator" if proved else "unknown"

    return tuple(PlacedNode(index, node[0], who(node)) for index, node in enumerate(nodes))


def _of_the_rest(session: Session, count: int, *, complete: bool) -> Callable[[str], Place]:
    """Who ran nodes that have no row, by their operators."""
    kernel = _only_kernel(session, count)
    if kernel is None:
        return lambda _: "unknown"
    if kernel in _CPU_KERNELS:
        return lambda _: "cpu"
    proved = "not" not in session.applied.values()
    if kernel == NNAPI_KERNEL:
        proved = proved and complete and not session.fallbacks
        if proved and session.choices:
            return lambda op: _chosen(session, _NNAPI_NAMES.get(op, op))
        devices = {*session.steps, *session.only}
        proved = proved and (REFERENCE not in devices if devices else _forbids_cpu(session))
    return lambda _: "accelerator" if proved else "unknown"


def _only_kernel(session: Session, count: int) -> str | None:
    """The one kind of kernel that has all nodes without a row; None where it is not proved.

    What was handed over in a run that failed was not run there.
    """
    kernels = {row.op for row in session.profile if not row.inside and _KERNEL.match(row.op)}
    if not session.profile:
        # Without a profile only a delegate that has taken all there is can be told.
        everything = (count, count)
        kernels = {d.to for d in session.delegations if (d.taken, d.total) == everything}
    taken = {told.to: told.taken for told in session.delegations if not told.graph}
    if session.faults or len(kernels) != 1 or taken.get(*kernels) != count:
        return None
    return next(iter(kernels))


def _chosen(session: Session, op: str) -> Place:
    """Where NNAPI put all operations of a name."""
    found = {choice.on_cpu for choice in session.choices if choice.op == op}
    if found == {False}:
        return "accelerator"
    return "cpu" if found == {True} else "unknown"


def _forbids_cpu(session: Session) -> bool:
    """Whether a run had an accelerator named, and NNAPI's CPU implementation disabled."""
    said = {name.lower(): value for name, value in session.settings.items()}
    named = said.get("nnapi accelerator name")
    disabled = said.get("disable nnapi cpu")
    return bool(named) and named != REFERENCE and disabled in {"1", "true"}


def merged(session: Session, logged: Sequence[Session]) -> Session:
    """A run with what NNAPI logged of it."""
    for other in logged:
        session.formats.update(other.formats)
        session.choices.update(other.choices)
        session.steps.update(other.steps)
        session.only.update(other.only)
        session.fallbacks.update(other.fallbacks)
        session.refusals.update(other.refusals)
    return session

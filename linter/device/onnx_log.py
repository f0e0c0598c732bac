"""What ONNX Runtime logs of its execution providers.

Formats are those of microsoft/onnxruntime: core/framework/session_state.cc (placement),
core/providers/nnapi and core/providers/coreml (support, node by node) and
core/providers/qnn/qnn_execution_provider.cc (`LogNodeSupport`, `GetCapability`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from npulint.device.records import Acceptance, Delegation, Placed, Refusal, Session

_PREFIX = re.compile(r".{0,80}?\[[VIWEF]:onnxruntime:[^\]]{0,300}\] ?")
_ALL = re.compile(r"\s*(?:All nodes|Node\(s\)) placed on \[(\w+)\]\. Number of nodes: (\d{1,9})$")
_PLACED_NODE = re.compile(r"\s+(\S{1,200}) \((.*)\)$")
_CAPABILITY = re.compile(
    r"\s*(?:(\w+)::GetCapability,? *)?[nN]umber of partitions supported by ([\w ]+?): (\d{1,9}),? "
    r"number of nodes in the graph: (\d{1,9}),? number of nodes supported by [\w ]+: (\d{1,9})"
)
_SUPPORT = re.compile(
    r"\s*Operator type: \[(.*?)\] index: \[(\d{1,9})\] name: \[(.*)\] supported: \[([01])\]"
)
_VERDICT = re.compile(r"\s*Validation (PASSED|FAILED) for \d+ nodes? in ")
_OPERATOR = re.compile(r"\s*Operator type: (\S+) Node name: (.*?) Node index: (\d{1,9})$")
_REASON = re.compile(r"\s*REASON : ?(.*)$")
_HEADING = re.compile(r"\s*Node placements$")

QNN = "QNNExecutionProvider"


@dataclass(frozen=True, slots=True)
class _Node:
    """A node as a provider names it."""

    by: str
    op: str
    number: int
    name: str


@dataclass(slots=True)
class _Placing:
    """Nodes placed on a provider, while they are being listed."""

    on: str
    count: int
    nodes: list[tuple[str, str]] = field(default_factory=list)


class OnnxReader:
    """Reads the lines of one session. A provider asks twice; what it says last counts."""

    def __init__(self) -> None:
        self._placing: list[_Placing] = []
        self._listing = False
        self._why: dict[_Node, str | None] = {}
        self._group: list[_Node] = []
        self._passes = False

    def take(self, message: str, times: int, session: Session) -> bool:
        """Read a line; whether it is one of these."""
        prefix = _PREFIX.match(message)
        line = message[prefix.end() :] if prefix else message
        taken = (
            self._places(line)
            or self._judges(line, session)
            or _summed_up(line, times, session)
            or bool(_HEADING.match(line))
        )
        if taken:
            session.formats.setdefault("onnxruntime")
        return taken

    def _places(self, line: str) -> bool:
        """Where nodes are, once the graph is cut."""
        if found := _ALL.match(line):
            self._placing.append(_Placing(found[1], int(found[2])))
            self._listing = True
            return True
        if not self._listing:
            return False
        current, node = self._placing[-1], _PLACED_NODE.match(line)
        self._listing = node is not None and len(current.nodes) < current.count
        if node is not None and self._listing:
            current.nodes.append((node[1], node[2]))
        return self._listing

    def _judges(self, line: str, session: Session) -> bool:
        """What a provider says of single nodes."""
        if found := _SUPPORT.match(line):
            node = _Node("NNAPI or CoreML provider", found[1], int(found[2]), found[3])
            self._why[node] = None if found[4] == "1" else ""
        elif found := _VERDICT.match(line):
            self._group, self._passes = [], found[1] == "PASSED"
        elif found := _OPERATOR.match(line):
            node = _Node(QNN, found[1], int(found[3]), found[2])
            self._group.append(node)
            self._why[node] = None if self._passes else ""
        elif self._group and not self._passes and (found := _REASON.match(line)):
            self._why.update(dict.fromkeys(self._group, found[1].strip()))
        else:
            return False
        return True

    def close(self, session: Session) -> None:
        """Tell what was said last."""
        session.placed += [Placed(p.on, p.count, tuple(p.nodes)) for p in self._placing]
        for node, why in self._why.items():
            if why is None:
                session.acceptances[Acceptance(node.by, node.op, node.number, node.name)] = 1
            else:
                session.refusals[Refusal(node.by, node.op, node.number, node.name, why)] = 1


def _summed_up(line: str, times: int, session: Session) -> bool:
    """How much a provider would take."""
    found = _CAPABILITY.match(line)
    if found is None:
        return False
    provider = found[1] or f"{found[2].removesuffix(' EP')}ExecutionProvider"
    told = Delegation(provider, int(found[5]), int(found[4]), int(found[3]), None)
    session.delegations[told] = session.delegations.get(told, 0) + times
    return True
